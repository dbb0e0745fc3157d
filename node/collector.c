#include "node/collector.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/socket.h"
#include "proto/flow/memory.h"

#include <stdlib.h>
#include <string.h>

#define PART_FLOWS 32
#define BATCH_KEPT 16384 /* flows of room: more is given back at once */
#define STALE_MAX 1024
#define STREAMS_MAX 4096

static void start_seal(struct collector *c);

/* Flows that ever left memory for the disk. */
static uint64_t sealed_flows(struct store *store)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats.flows + stats.expired_flows;
}

static void run_seal(struct job *job)
{
	struct collector *c = container_of(job, struct collector, seal_job);
	struct store *store = c->node->store;
	enum err expired;
	uint64_t before;
	int idle = 0; /* rounds without progress: the first only tells retention what is wanted */

	/* A block that found no room makes retention give it some: as long as that helps, go on. */
	do {
		before = sealed_flows(store);
		expired = store_expire(store, node_now().wall);
		c->sealed = store_seal(store);
		idle = sealed_flows(store) > before ? 0 : idle + 1;
	} while (c->sealed == ERR_FULL && c->node->conf.size_max > 0 && idle < 3);
	if (c->sealed == ERR_OK)
		c->sealed = expired;
}

static void tell(struct collector *c)
{
	if (c->sealed != ERR_OK && !c->is_full_logged)
		log_line("collector", "flows stay in memory: %s", err_text(c->sealed));
	if (c->sealed == ERR_OK && c->is_full_logged)
		log_line("collector", "the store has room again");
	c->is_full_logged = c->sealed != ERR_OK;
}

static void done_seal(struct job *job)
{
	struct collector *c = container_of(job, struct collector, seal_job);
	struct collector_waiter *w = c->waiters;
	enum err sealed = c->sealed; /* the next seal may write it while these are told */

	c->is_sealing = false;
	tell(c);
	c->waiters = c->next_waiters;
	c->next_waiters = NULL;
	if (c->waiters != NULL)
		start_seal(c);
	while (w != NULL) {
		struct collector_waiter *next = w->next;

		w->fn(w, sealed);
		w = next;
	}
}

static void start_seal(struct collector *c)
{
	c->is_sealing = true;
	job_start(&c->node->loop, &c->seal_job, run_seal, done_seal);
}

void collector_seal(struct collector *c, struct collector_waiter *w)
{
	struct collector_waiter **list = c->is_sealing ? &c->next_waiters : &c->waiters;

	/* A running seal may have begun before the waiter's flows came: only the next covers them.
	 */
	w->next = *list;
	*list = w;
	if (!c->is_sealing)
		start_seal(c);
}

/* In parts: a datagram, with what waited for it, may be more than memory ever holds. */
enum err collector_store(struct collector *c, struct flow_batch *flows)
{
	enum err err = ERR_OK;
	size_t at = 0;

	while (at < flows->count && err == ERR_OK) {
		size_t count = MIN(flows->count - at, PART_FLOWS);

		silences_feed(&c->node->silences, flows->flows + at, count);
		err = store_append(c->node->store, flows->flows + at, count);
		at += err == ERR_OK ? count : 0;
	}
	flows->count -= at;
	if (at > 0 && flows->count > 0)
		memmove(flows->flows, flows->flows + at, flows->count * sizeof(flows->flows[0]));
	if (store_is_ready(c->node->store) && !c->is_sealing)
		start_seal(c);
	return err;
}

enum err collector_feed(struct collector *c, const struct flow_origin *origin, const void *data,
                        size_t len, struct flow_batch *out, enum drop *ret_drop)
{
	*ret_drop = flow_decode(c->decoder, origin, data, len, out);
	return out->count == 0 ? ERR_OK : collector_store(c, out);
}

static void on_timer(uv_timer_t *timer)
{
	struct collector *c = timer->data;

	flow_keep(c->decoder);
	if (!c->is_sealing)
		start_seal(c);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct collector_socket *s = handle->data;

	(void)suggested;
	*ret = uv_buf_init(s->buffer, SOCKET_BUFFER_LEN);
}

static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
	struct collector_socket *s = udp->data;
	struct flow_origin origin = {.received_ms = node_now().wall.ms};
	struct flow_batch *batch = &s->collector->batch;
	enum drop drop;

	/* A cut datagram (64 KiB and more) is not of the length that it says: counted there. */
	(void)flags;
	if (len <= 0 || !endpoint_of(from, &origin.from))
		return;
	if (collector_feed(s->collector, &origin, buf->base, (size_t)len, batch, &drop) != ERR_OK)
		s->collector->unstored += batch->count;
	batch->count = 0;
	if (batch->room > BATCH_KEPT)
		flow_batch_free(batch);
}

static enum err listen_on(struct collector *c, const struct endpoint *e)
{
	struct collector_socket *s = &c->sockets[c->socket_count];

	s->collector = c;
	s->buffer = malloc(SOCKET_BUFFER_LEN);
	if (s->buffer == NULL)
		return ERR_NOMEM;
	uv_udp_init_ex(&c->node->loop, &s->udp, AF_UNSPEC | UV_UDP_RECVMMSG);
	s->udp.data = s;
	c->socket_count++;
	if (socket_bind(&s->udp, e, 0, "collector") != ERR_OK)
		return ERR_IO;
	return uv_udp_recv_start(&s->udp, give_buffer, on_datagram) == 0 ? ERR_OK : ERR_IO;
}

/* --- what is known of exporters, over restarts --- */

static void keep(void *ctx, const struct stream *s, uint16_t id, const struct template *t)
{
	struct collector *c = ctx;
	uint8_t room[MEMORY_MAX];
	struct id key;

	memory_key(s, id, key.octets);
	keeper_put(&c->node->keeper, KEEPER_EXPORTER, &key, room, memory_pack(s, id, t, room));
}

struct recalling {
	struct collector *collector;
	struct id stale[STALE_MAX]; /* more of them at the next start */
	size_t stale_count;
};

static void recall_one(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value, size_t len)
{
	struct recalling *r = ctx;
	enum err err =
		memory_recall(r->collector->decoder, key, bytes_of(value, len), node_now().wall.ms);

	if (err != ERR_OK && r->stale_count < STALE_MAX)
		memcpy(r->stale[r->stale_count++].octets, key, STORE_NOTE_KEY);
}

static void recall(struct collector *c)
{
	static struct recalling r;
	enum err err;

	r = (struct recalling){.collector = c};
	err = store_note_each(c->node->store, KEEPER_EXPORTER, recall_one, &r);
	if (err != ERR_OK)
		log_line("collector", "what was known of exporters is lost: %s", err_text(err));
	if (r.stale_count > 0)
		log_line("collector", "%zu things known of exporters are old or damaged: forgotten",
		         r.stale_count);
	for (size_t i = 0; i < r.stale_count; i++)
		keeper_put(&c->node->keeper, KEEPER_EXPORTER, &r.stale[i], "", 0);
	c->decoder->keep = keep;
	c->decoder->keep_ctx = c;
}

enum err collector_start(struct collector *c, struct node *node)
{
	const struct conf *conf = &node->conf;
	enum err err = ERR_OK;

	c->node = node;
	c->decoder = flow_decoder_new(STREAMS_MAX);
	if (c->decoder == NULL)
		return ERR_NOMEM;
	recall(c);
	uv_timer_init(&node->loop, &c->seal_timer);
	c->seal_timer.data = c;
	uv_timer_start(&c->seal_timer, on_timer, (uint64_t)conf->seal_every_ms,
	               (uint64_t)conf->seal_every_ms);
	for (size_t i = 0; i < conf->export_count && err == ERR_OK; i++)
		err = listen_on(c, &conf->exports[i]);
	return err;
}

void collector_stop(struct collector *c)
{
	if (c->decoder == NULL)
		return;
	uv_close((uv_handle_t *)&c->seal_timer, NULL);
	for (size_t i = 0; i < c->socket_count; i++)
		uv_close((uv_handle_t *)&c->sockets[i].udp, NULL);
}

void collector_free(struct collector *c)
{
	flow_decoder_free(c->decoder);
	flow_batch_free(&c->batch);
	for (size_t i = 0; i < c->socket_count; i++)
		free(c->sockets[i].buffer);
}
