#include "node/connections.h"

#include "base/util.h"
#include "node/collector.h"
#include "node/log.h"
#include "node/node.h"
#include "node/socket.h"
#include "node/tls.h"
#include "proto/flow/framer.h"

#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_MS 10000
#define MESSAGE_MS 30000         /* from a message's first octet to its last */
#define KEEPALIVE_S 60           /* an exporter that has vanished is found out */
#define UNSENT_MAX 65536         /* of the handshake: more waits for one who does not read */
#define SESSION_FLAG 0x80000000u /* imports have the other numbers */

enum phase { PHASE_HANDSHAKE, PHASE_MESSAGE, PHASE_REST };

struct ipfix_session {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct connections *owner;
	struct ipfix_session *next;
	struct flow_origin origin;
	struct tls_session *tls; /* NULL: plain */
	enum phase phase;
	bool is_ending;
	int open_handles;
	struct framer framer;
};

static void on_closed(uv_handle_t *handle)
{
	struct ipfix_session *n = handle->data;

	if (--n->open_handles > 0)
		return;
	tls_session_free(n->tls);
	free(n);
}

/* `counter`: why; NULL: it was time. */
static void end(struct ipfix_session *n, uint64_t *counter)
{
	struct ipfix_session **link = &n->owner->list;

	if (n->is_ending)
		return;
	n->is_ending = true;
	if (counter != NULL)
		++*counter;
	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	n->owner->count--;
	flow_end_session(n->owner->collector->decoder, n->origin.session);
	uv_close((uv_handle_t *)&n->tcp, on_closed);
	uv_close((uv_handle_t *)&n->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct ipfix_session *n = timer->data;
	struct connections_counters *counters = &n->owner->counters;

	end(n, n->phase == PHASE_MESSAGE ? &counters->idle : &counters->slow);
}

static void wait_for(struct ipfix_session *n, enum phase phase)
{
	const int64_t times_ms[] = {HANDSHAKE_MS, n->owner->idle_ms, MESSAGE_MS};

	n->phase = phase;
	uv_timer_start(&n->timer, on_timer, (uint64_t)times_ms[phase], 0);
}

static void take_message(struct ipfix_session *n, struct bytes message)
{
	struct connections *c = n->owner;

	c->counters.messages++;
	c->counters.octets += bytes_left(&message);
	n->origin.received_ms = node_now().wall.ms;
	collector_take(c->collector, &n->origin, message.at, bytes_left(&message));
}

static bool has_part(const struct ipfix_session *n)
{
	return n->framer.len > 0 && n->framer.len != n->framer.complete;
}

/* What the exporter says. False: it has ended over it. */
static bool take(struct ipfix_session *n, const void *data, size_t len)
{
	struct bytes in = bytes_of(data, len), message;
	bool is_other = !has_part(n); /* the message that it leaves unfinished is another */
	enum err err;

	while ((err = framer_take(&n->framer, &in, &message)) == ERR_OK) {
		take_message(n, message);
		is_other = true;
	}
	if (err == ERR_FORMAT) {
		end(n, &n->owner->counters.malformed);
		return false;
	}
	/* A message's time begins with its first octet, whatever comes of it meanwhile. */
	if (!has_part(n))
		wait_for(n, PHASE_MESSAGE);
	else if (is_other)
		wait_for(n, PHASE_REST);
	return true;
}

/* --- TLS --- */

struct unsent {
	uv_write_t write; /* first */
	char data[4096];
};

static void on_sent(uv_write_t *write, int status)
{
	(void)status; /* of an error the reading side hears, too */
	free(container_of(write, struct unsent, write));
}

static bool send_all(struct ipfix_session *n)
{
	for (;;) {
		struct unsent *u = malloc(sizeof(*u));
		size_t len = u != NULL ? tls_session_take(n->tls, u->data, sizeof(u->data)) : 0;
		uv_buf_t buf = uv_buf_init(u != NULL ? u->data : NULL, (unsigned)len);

		if (len == 0) {
			free(u);
			return u != NULL;
		}
		if (uv_stream_get_write_queue_size((uv_stream_t *)&n->tcp) > UNSENT_MAX ||
		    uv_write(&u->write, (uv_stream_t *)&n->tcp, &buf, 1, on_sent) != 0) {
			free(u);
			return false;
		}
	}
}

static void take_tls(struct ipfix_session *n, const void *data, size_t len)
{
	struct connections *c = n->owner;
	enum err err = tls_session_give(n->tls, data, len);
	size_t plain = 1;

	while (err == ERR_OK && plain > 0) {
		err = tls_session_read(n->tls, c->plain, sizeof(c->plain), &plain);
		if (err == ERR_OK && plain > 0 && !take(n, c->plain, plain))
			return;
	}
	if (!send_all(n) || (err != ERR_OK && err != ERR_NOENT))
		end(n, &c->counters.untrusted);
	else if (err == ERR_NOENT)
		end(n, has_part(n) ? &c->counters.torn : NULL);
	else if (n->phase == PHASE_HANDSHAKE && tls_session_is_open(n->tls))
		wait_for(n, PHASE_MESSAGE);
}

/* --- connections --- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct ipfix_session *n = handle->data;

	(void)suggested;
	*ret = uv_buf_init(n->owner->room, sizeof(n->owner->room));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct ipfix_session *n = stream->data;
	struct connections_counters *counters = &n->owner->counters;

	if (len < 0)
		end(n, n->phase == PHASE_HANDSHAKE ? &counters->untrusted
		       : has_part(n)               ? &counters->torn
		                                   : NULL);
	else if (len > 0 && n->tls != NULL)
		take_tls(n, buf->base, (size_t)len);
	else if (len > 0)
		(void)take(n, buf->base, (size_t)len);
}

static bool has_room_for(const struct connections *c, const struct addr *from)
{
	size_t of_address = 0;

	for (const struct ipfix_session *n = c->list; n != NULL; n = n->next)
		of_address += addr_equal(&n->origin.from.addr, from);
	/* It is in the list itself. */
	return c->count <= CONNECTIONS_MAX && of_address <= CONNECTIONS_OF_ADDRESS;
}

static void begin(struct ipfix_session *n, struct connections_port *port)
{
	struct connections *c = n->owner;
	struct sockaddr_storage from;
	int len = sizeof(from);

	if (uv_accept((uv_stream_t *)&port->tcp, (uv_stream_t *)&n->tcp) != 0 ||
	    uv_tcp_getpeername(&n->tcp, (struct sockaddr *)&from, &len) != 0 ||
	    !endpoint_of((struct sockaddr *)&from, &n->origin.from)) {
		end(n, NULL);
		return;
	}
	if (!admission_allows(c->collector->admission, &n->origin.from.addr)) {
		end(n, &c->counters.not_allowed);
		return;
	}
	if (port->is_tls)
		n->tls = tls_session_new(c->tls);
	if (!has_room_for(c, &n->origin.from.addr) || (port->is_tls && n->tls == NULL)) {
		end(n, &c->counters.too_many);
		return;
	}
	c->counters.accepted++;
	(void)uv_tcp_keepalive(&n->tcp, 1, KEEPALIVE_S);
	wait_for(n, port->is_tls ? PHASE_HANDSHAKE : PHASE_MESSAGE);
	if (!c->is_paused && uv_read_start((uv_stream_t *)&n->tcp, give_buffer, on_read) != 0)
		end(n, NULL);
}

void connections_pause(struct connections *c, bool is_paused)
{
	if (c->is_paused == is_paused)
		return;
	c->is_paused = is_paused;
	for (struct ipfix_session *n = c->list; n != NULL; n = n->next) {
		/* One that cannot be read any more is found out by its time. */
		if (is_paused)
			(void)uv_read_stop((uv_stream_t *)&n->tcp);
		else
			(void)uv_read_start((uv_stream_t *)&n->tcp, give_buffer, on_read);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct connections_port *port = listener->data;
	struct connections *c = port->owner;
	struct ipfix_session *n = status == 0 ? calloc(1, sizeof(*n)) : NULL;

	if (n == NULL)
		return;
	n->owner = c;
	n->origin.is_connected = true;
	n->origin.session = SESSION_FLAG | ++c->serial;
	n->next = c->list;
	c->list = n;
	c->count++;
	n->open_handles = 2;
	uv_tcp_init(&c->collector->node->loop, &n->tcp);
	uv_timer_init(&c->collector->node->loop, &n->timer);
	n->tcp.data = n->timer.data = n;
	begin(n, port);
}

static enum err listen_on(struct connections *c, const struct endpoint *at, bool is_tls)
{
	struct connections_port *port = &c->ports[c->port_count++];
	union socket_addr a = socket_addr_of(at, false);
	char text[ENDPOINT_TEXT_MAX];
	int rc;

	*port = (struct connections_port){.owner = c, .at = *at, .is_tls = is_tls};
	uv_tcp_init(&c->collector->node->loop, &port->tcp);
	port->tcp.data = port;
	rc = uv_tcp_bind(&port->tcp, &a.any, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&port->tcp, 64, on_connection);
	if (rc != 0)
		log_line("collector", "cannot listen on %s: %s", endpoint_print(at, text),
		         uv_strerror(rc));
	return rc == 0 ? ERR_OK : ERR_IO;
}

enum err connections_start(struct connections *c, struct collector *collector)
{
	const struct conf *conf = &collector->node->conf;
	char reason[TLS_REASON_MAX];
	enum err err = ERR_OK;

	c->collector = collector;
	c->idle_ms = conf->ipfix_idle_ms;
	if (conf->tls_count > 0) {
		struct tls_files files = conf_tls_files(conf);

		err = tls_server_new(&files, &c->tls, reason);
		if (err != ERR_OK)
			log_line("collector", "exports.ipfix_tls: %s", reason);
	}
	for (size_t i = 0; i < conf->tcp_count && err == ERR_OK; i++)
		err = listen_on(c, &conf->tcp[i], false);
	for (size_t i = 0; i < conf->tls_count && err == ERR_OK; i++)
		err = listen_on(c, &conf->tls[i], true);
	return err;
}

void connections_stop(struct connections *c)
{
	for (size_t i = 0; i < c->port_count; i++)
		uv_close((uv_handle_t *)&c->ports[i].tcp, NULL);
	while (c->list != NULL)
		end(c->list, NULL);
}

void connections_free(struct connections *c)
{
	tls_server_free(c->tls);
}
