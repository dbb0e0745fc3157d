#include "node/hosts.h"

#include "base/util.h"
#include "node/hostline.h"
#include "node/log.h"
#include "node/node.h"
#include "node/socket.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define BACKLOG 64

struct peer_host {
	struct hostline line; /* first */
	struct peer_host *next;
	struct endpoint from;
	struct wall since;
	bool is_proven;
	bool has_newest;
	struct checkpoint newest;
};

struct question_out {
	struct question_out *next;
	struct peer_host *to;
	uint32_t number;
	struct mono deadline;
	hosts_told *told;
	void *ctx;
};

static struct hosts *hosts_of(const struct hostline *line)
{
	return &line->node->hosts;
}

static struct peer_host *peer_of(struct hostline *line)
{
	return container_of(line, struct peer_host, line);
}

/* Takes `q` off the list and says what became of it. */
static void finish(struct hosts *h, struct question_out **link, enum inquiry_state state,
                   const struct evidence *evidence, struct bytes octets)
{
	struct question_out *q = *link;

	*link = q->next;
	h->counters.told += state == INQUIRY_FOUND;
	h->counters.nothing += state == INQUIRY_NOTHING;
	h->counters.withheld += state == INQUIRY_REFUSED;
	h->counters.failed += state == INQUIRY_FAILED;
	q->told(q->ctx, state, evidence, octets);
	free(q);
}

/* All that is due by `now`, or was asked of `peer`, has failed. */
static void fail(struct hosts *h, struct mono now, const struct peer_host *peer)
{
	struct question_out **link = &h->waiting;

	while (*link != NULL) {
		if ((*link)->to == peer || mono_reached(now, (*link)->deadline)) {
			finish(h, link, INQUIRY_FAILED, NULL, bytes_of(NULL, 0));
			link = &h->waiting; /* who was told may have asked again */
		} else {
			link = &(*link)->next;
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	fail(timer->data, node_now().mono, NULL);
}

/* The newest connection of a host counts: the one before it may be long dead. */
static void supersede(struct hosts *h, const struct peer_host *peer)
{
	for (struct peer_host *p = h->list; p != NULL; p = p->next) {
		if (p != peer && p->is_proven && !p->line.is_ending &&
		    id_equal(&p->line.talk.peer.id, &peer->line.talk.peer.id)) {
			hostline_end(&p->line, ERR_STALE);
			return;
		}
	}
}

static void on_opened(struct hostline *line)
{
	struct hosts *h = hosts_of(line);
	struct peer_host *peer = peer_of(line);
	const struct cert *cert = &line->talk.peer.cert;

	h->unproven--;
	peer->is_proven = true;
	peer->since = node_now().wall;
	supersede(h, peer);
	log_detail("hosts", "%s (%s) is connected", cert->name, cert->org);
}

static void on_alive(struct hosts *h, struct peer_host *peer, struct bytes octets)
{
	struct inquiry echo = {.kind = INQUIRY_ALIVE};
	struct checkpoint c;

	if (checkpoint_open(octets.at, bytes_left(&octets), &peer->line.talk.peer.record.sign,
	                    &c) == ERR_OK &&
	    id_equal(&c.host, &peer->line.talk.peer.id)) {
		peer->newest = c;
		peer->has_newest = true;
	} else {
		h->counters.unproven++; /* its keys may have just been renewed: it calls again */
	}
	hostline_say(&peer->line, &echo);
}

/* The root among ours that signed the host's certificate: evidence has to hold under it. */
static enum inquiry_state check(struct hosts *h, const struct peer_host *peer,
                                const struct inquiry *told, struct evidence *ret)
{
	const struct card *card = &peer->line.talk.peer;
	enum err err;

	if (told->state != INQUIRY_FOUND)
		return told->state;
	err = evidence_open(told->octets.at, bytes_left(&told->octets), &card->cert.root, ret);
	if (err == ERR_OK && !id_equal(&ret->card.id, &card->id))
		err = ERR_AUTH;
	if (err == ERR_OK)
		return INQUIRY_FOUND;
	h->counters.unproven++;
	log_line("hosts", "%s gave evidence that does not hold: %s", card->cert.name,
	         err_text(err));
	return INQUIRY_FAILED;
}

static void on_told(struct hosts *h, struct peer_host *peer, const struct inquiry *told)
{
	struct evidence evidence;

	for (struct question_out **link = &h->waiting; *link != NULL; link = &(*link)->next) {
		if ((*link)->to != peer || (*link)->number != told->number)
			continue;
		finish(h, link, check(h, peer, told, &evidence), &evidence, told->octets);
		return;
	}
}

static void on_heard(struct hostline *line, const struct inquiry *q)
{
	struct peer_host *peer = peer_of(line);

	if (q->kind == INQUIRY_ALIVE)
		on_alive(hosts_of(line), peer, q->octets);
	else if (q->kind == INQUIRY_TOLD)
		on_told(hosts_of(line), peer, q);
	else
		hostline_end(line, ERR_FORMAT);
}

static void on_ended(struct hostline *line, enum err err)
{
	struct hosts *h = hosts_of(line);
	struct peer_host *peer = peer_of(line), **link = &h->list;
	char text[ENDPOINT_TEXT_MAX];

	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	h->count--;
	if (!peer->is_proven) {
		h->unproven--;
		h->counters.refused++;
		log_detail("hosts", "a connection from %s is none of a host: %s",
		           endpoint_print(&peer->from, text), err_text(err));
	} else {
		log_detail("hosts", "%s is gone: %s", line->talk.peer.cert.name, err_text(err));
	}
	fail(h, (struct mono){0}, peer);
}

static void on_gone(struct hostline *line)
{
	free(peer_of(line));
}

static const struct hostline_calls calls = {on_opened, on_heard, on_ended, on_gone};

/* Until what has come is accepted, libuv listens for no more: one too many is taken, and let go. */
static void on_connection(uv_stream_t *listener, int status)
{
	struct hosts *h = listener->data;
	struct peer_host *peer = status == 0 ? calloc(1, sizeof(*peer)) : NULL;
	struct sockaddr_storage from;
	int len = sizeof(from);

	if (peer == NULL)
		return;
	peer->line.node = h->node;
	peer->line.calls = &calls;
	peer->line.roots = &h->node->conf.hosts;
	peer->next = h->list;
	h->list = peer;
	h->count++;
	h->unproven++;
	hostline_accept(&peer->line, listener);
	if (peer->line.is_ending)
		return;
	if (uv_tcp_getpeername(&peer->line.tcp, (struct sockaddr *)&from, &len) != 0 ||
	    !endpoint_of((struct sockaddr *)&from, &peer->from) || h->count > HOSTS_MAX ||
	    h->unproven > HOSTS_UNPROVEN_MAX)
		hostline_end(&peer->line, ERR_LIMIT);
}

enum err hosts_start(struct hosts *h, struct node *node)
{
	const struct endpoint *at = &node->conf.hosts_listen;
	union socket_addr a = socket_addr_of(at, false);
	char text[ENDPOINT_TEXT_MAX];
	int rc;

	h->node = node;
	if (!node->conf.has_hosts)
		return ERR_OK;
	uv_tcp_init(&node->loop, &h->listener);
	uv_timer_init(&node->loop, &h->timer);
	h->listener.data = h->timer.data = h;
	h->is_open = true;
	rc = uv_tcp_bind(&h->listener, &a.any, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&h->listener, BACKLOG, on_connection);
	if (rc != 0) {
		log_line("hosts", "cannot listen on %s: %s", endpoint_print(at, text),
		         uv_strerror(rc));
		return ERR_IO;
	}
	uv_timer_start(&h->timer, on_timer, TICK_MS, TICK_MS);
	return ERR_OK;
}

void hosts_stop(struct hosts *h)
{
	if (!h->is_open)
		return;
	uv_close((uv_handle_t *)&h->listener, NULL);
	uv_close((uv_handle_t *)&h->timer, NULL);
	while (h->list != NULL)
		hostline_end(&h->list->line, ERR_OK);
}

static struct peer_host *find(const struct hosts *h, const struct addr *a)
{
	for (struct peer_host *p = h->list; p != NULL; p = p->next) {
		if (p->line.is_open && p->is_proven && cert_allows(&p->line.talk.peer.cert, a))
			return p;
	}
	return NULL;
}

bool hosts_has(const struct hosts *h, const struct addr *a)
{
	return find(h, a) != NULL;
}

void hosts_ask(struct hosts *h, const struct addr *at, const struct inquiry *q, hosts_told *told,
               void *ctx)
{
	struct peer_host *peer = find(h, at);
	struct question_out *out = peer != NULL ? calloc(1, sizeof(*out)) : NULL;
	struct inquiry numbered = *q;

	h->counters.asked++;
	if (out == NULL) {
		h->counters.failed++;
		told(ctx, INQUIRY_FAILED, NULL, bytes_of(NULL, 0));
		return;
	}
	*out = (struct question_out){
		.next = h->waiting,
		.to = peer,
		.number = ++h->last_number,
		.deadline = mono_after(node_now().mono, HOSTS_WAIT_MS),
		.told = told,
		.ctx = ctx,
	};
	h->waiting = out;
	numbered.number = out->number;
	hostline_say(&peer->line, &numbered);
}

void hosts_each(const struct hosts *h, hosts_visit *visit, void *ctx)
{
	for (const struct peer_host *p = h->list; p != NULL; p = p->next) {
		if (p->is_proven && p->line.is_open)
			visit(ctx, &p->line.talk.peer, &p->from, p->since,
			      p->has_newest ? &p->newest : NULL);
	}
}
