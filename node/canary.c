#include "node/canary.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#define TCP 6

static const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

struct flight {
	uv_tcp_t tcp; /* first */
	uv_connect_t connect;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle); /* of a flight its first member, or what was accepted */
}

static void on_connected(uv_connect_t *connect, int status)
{
	if (status != UV_ECANCELED)
		uv_close((uv_handle_t *)connect->handle, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct canary *c = timer->data;
	struct flight *f = c->is_armed ? calloc(1, sizeof(*f)) : NULL;
	struct sockaddr_in to;

	if (f == NULL)
		return;
	uv_ip4_addr("127.0.0.1", c->port, &to);
	uv_tcp_init(&c->node->loop, &f->tcp);
	c->sent++;
	if (uv_tcp_connect(&f->connect, &f->tcp, (struct sockaddr *)&to, on_connected) != 0)
		uv_close((uv_handle_t *)&f->tcp, on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *tcp = status == 0 ? malloc(sizeof(*tcp)) : NULL;

	if (tcp == NULL)
		return;
	uv_tcp_init(listener->loop, tcp);
	(void)uv_accept(listener, (uv_stream_t *)tcp);
	uv_close((uv_handle_t *)tcp, on_closed);
}

bool canary_start(struct canary *c, struct node *node)
{
	struct sockaddr_in at;
	int len = sizeof(at), rc;

	c->node = node;
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(&node->loop, &c->listener);
	uv_timer_init(&node->loop, &c->timer);
	c->listener.data = c->timer.data = c;
	c->is_open = true;
	rc = uv_tcp_bind(&c->listener, (struct sockaddr *)&at, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&c->listener, 8, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(&c->listener, (struct sockaddr *)&at, &len);
	if (rc != 0) {
		log_line("origin", "no canary: cannot listen on 127.0.0.1: %s", uv_strerror(rc));
		return false;
	}
	c->port = ntohs(at.sin_port);
	uv_timer_start(&c->timer, on_timer, 0, CANARY_MS);
	return true;
}

void canary_stop(struct canary *c)
{
	if (!c->is_open)
		return;
	uv_close((uv_handle_t *)&c->listener, NULL);
	uv_close((uv_handle_t *)&c->timer, NULL);
}

void canary_arm(struct canary *c, struct provider *provider, bool records_all)
{
	struct origin_rule own = {
		.bits = 128,
		.proto = TCP,
		.action = ORIGIN_ACTION_ALL,
		.port_low = c->port,
		.port_high = c->port,
		.uid_high = ORIGIN_NOBODY,
	};
	struct origin_rules rules;
	enum err err = provider_rules_get(provider, &rules);

	memcpy(own.addr, loopback, sizeof(own.addr));
	if (err == ERR_OK) {
		/* Before all others; of those the last goes if there is no room. */
		rules.count = MIN(rules.count, (uint32_t)ORIGIN_RULES_MAX - 1);
		memmove(&rules.rows[1], &rules.rows[0], rules.count * sizeof(rules.rows[0]));
		rules.rows[0] = own;
		rules.count++;
		rules.fallback = records_all ? ORIGIN_ACTION_ALL : ORIGIN_ACTION_REMOTE;
		err = provider_rules_set(provider, &rules);
	}
	c->is_armed = err == ERR_OK && c->port != 0;
	if (!c->is_armed && err != ERR_DENIED) /* who has no rules has no hooks to prove */
		log_line("origin", "no canary: the provider does not take its rule: %s",
		         err_text(err));
}

bool canary_is(struct canary *c, const struct origin_record *r)
{
	const struct origin_flow *f = &r->flow;

	if (c->port == 0 || f->proto != TCP || f->dport != c->port ||
	    memcmp(f->daddr, loopback, sizeof(loopback)) != 0)
		return false;
	if (r->head.kind == ORIGIN_KIND_CONNECT) {
		c->seen++;
		c->seen_ms = (int64_t)(r->head.time_ns / 1000000);
	}
	return true;
}

void canary_health(const struct canary *c, struct health *ret)
{
	ret->canaries = c->sent;
	ret->canaries_seen = c->seen;
	ret->canary_ms = c->seen_ms;
}
