#include "node/collector.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/positions.h"
#include "proto/flow/memory.h"
#include "proto/flow/position.h"

#include <stdlib.h>
#include <string.h>

#define PART_FLOWS 32
#define BATCH_KEPT 16384 /* flows of room: more is given back at once */
#define STALE_MAX 1024
#define STREAMS_MAX 4096
#define TRANSLATIONS_MAX 65536
#define TRANSLATIONS_AT_ONCE 2048 /* kept, every seal_every */
#define SENDERS_MAX 4096
#define TOGETHER 512    /* flows of a datagram: they go into one block, and so do those of most */
#define READ_AT_ONCE 64 /* datagrams, by the loop */
#define IN_LANES 128    /* datagrams that all lanes hold: 8 MiB, if all were of the longest */
#define CORES_A_SOCKET 4
#define SOCKETS_BY_CORES_MAX 4

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

static void store_batch(struct collector *c);

static void tell(struct collector *c)
{
	if (c->sealed != ERR_OK && !c->is_full_logged)
		log_line("collector", "flows stay in memory: %s", err_text(c->sealed));
	if (c->sealed == ERR_OK && c->is_full_logged)
		log_line("collector", "the store has room again");
	c->is_full_logged = c->sealed != ERR_OK;
}

/*
 * Between two datagrams, unless flows of the last one wait for room. What is sealed then has its
 * edges in the log.
 */
static void mark(struct collector *c, bool is_turn)
{
	silences_flush(&c->node->silences);
	if (c->batch.count == 0)
		positions_mark(c->decoder, c->node->store, is_turn);
}

/* The store is closed with all of this. */
static void finish(struct collector *c)
{
	if (c->batch.count > 0 && collector_store(c, &c->batch) != ERR_OK)
		log_line("collector", "no room for the last %zu flows: they are lost",
		         c->batch.count);
	mark(c, true);
}

static void done_seal(struct job *job)
{
	struct collector *c = container_of(job, struct collector, seal_job);
	struct collector_waiter *w = c->waiters;
	enum err sealed = c->sealed; /* the next seal may write it while these are told */

	c->is_sealing = false;
	tell(c);
	if (c->is_paused) {
		store_batch(c);
		if (c->is_stopping && !c->is_paused)
			finish(c);
	}
	c->waiters = c->next_waiters;
	c->next_waiters = NULL;
	if (c->waiters != NULL && !c->is_sealing) /* what waited may have begun one */
		start_seal(c);
	while (w != NULL) {
		struct collector_waiter *next = w->next;

		w->fn(w, sealed);
		w = next;
	}
}

static void start_seal(struct collector *c)
{
	mark(c, false);
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

static void take_translations(struct collector *c, struct flow_batch *batch, size_t first)
{
	for (size_t i = 0; i < batch->event_count; i++)
		translation_table_event(c->translations, &batch->events[i]);
	batch->event_count = 0;
	for (size_t i = first; i < batch->count; i++) {
		if (flow_is_translated(&batch->flows[i]))
			translation_table_flow(c->translations, &batch->flows[i]);
	}
}

enum err collector_feed(struct collector *c, const struct flow_origin *origin, const void *data,
                        size_t len, struct flow_batch *out, enum drop *ret_drop)
{
	size_t first = out->count;

	*ret_drop = flow_decode(c->decoder, origin, data, len, out);
	take_translations(c, out, first);
	return out->count == 0 ? ERR_OK : collector_store(c, out);
}

static void keep_translation(void *ctx, uint32_t slot, const struct mapping *m)
{
	uint8_t room[TRANSLATION_PACKED_MAX];
	struct collector *c = ctx;
	struct id key = {{0}};
	struct octets o = octets_of(key.octets, sizeof(key.octets));

	octets_uint(&o, slot, 4);
	keeper_put(&c->node->keeper, KEEPER_TRANSLATION, &key, room, translation_pack(m, room));
}

/* Said once when it begins: an overload must not fill the log. */
static void watch_drops(struct collector *c)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < c->receiver_count; i++)
		dropped += receiver_count_drops(&c->receivers[i]);
	if (dropped > 0 && !c->is_drop_logged)
		log_line("collector",
		         "the kernel dropped %llu datagrams: they come faster than "
		         "they are taken",
		         (unsigned long long)dropped);
	c->is_drop_logged = dropped > 0;
}

static void pause_reading(struct collector *c, bool is_paused)
{
	if (is_paused == c->is_paused)
		return;
	c->pauses += is_paused;
	c->is_paused = is_paused;
	for (size_t i = 0; i < c->receiver_count; i++)
		receiver_pause(&c->receivers[i], is_paused);
	connections_pause(&c->connections, is_paused);
}

static void store_batch(struct collector *c)
{
	struct flow_batch *batch = &c->batch;
	enum err err = batch->count > 0 ? collector_store(c, batch) : ERR_OK;

	/* A seal is under way, and goes on with what waits when it is over. */
	pause_reading(c, err == ERR_BUSY && c->is_sealing);
	if (c->is_paused)
		return;
	c->unstored += batch->count; /* none, unless the store is full */
	batch->count = 0;
	if (batch->room > BATCH_KEPT || batch->event_room > BATCH_KEPT)
		flow_batch_free(batch);
}

static void on_timer(uv_timer_t *timer)
{
	struct collector *c = timer->data;
	size_t first = c->batch.count;

	watch_drops(c);
	flow_settle(c->decoder, node_now().wall.ms, &c->batch);
	take_translations(c, &c->batch, first);
	store_batch(c);
	flow_keep(c->decoder);
	if (c->node->keeper.count < TRANSLATIONS_AT_ONCE) /* a slow disk: they wait here */
		translation_table_keep(c->translations, TRANSLATIONS_AT_ONCE, keep_translation, c);
	if (!c->is_sealing)
		start_seal(c);
}

size_t collector_end_files(struct collector *c, uint32_t session)
{
	size_t first = c->batch.count, count;

	flow_end_files(c->decoder, session, &c->batch);
	count = c->batch.count - first;
	take_translations(c, &c->batch, first);
	store_batch(c);
	return count;
}

void collector_take(struct collector *c, const struct flow_origin *origin, const void *data,
                    size_t len)
{
	size_t first = c->batch.count;

	if (store_room(c->node->store) < TOGETHER)
		mark(c, true);
	(void)flow_decode(c->decoder, origin, data, len, &c->batch);
	take_translations(c, &c->batch, first);
	store_batch(c);
}

static void on_datagram(void *ctx, const struct received *r)
{
	struct collector *c = ctx;
	struct flow_origin origin = {.from = r->from, .received_ms = r->ms};
	enum drop drop = admission_ask(c->admission, &r->from.addr, r->ms);

	if (drop == DROP_NONE && r->is_cut)
		drop = DROP_CUT;
	if (drop != DROP_NONE)
		flow_refuse(c->decoder, drop);
	else
		collector_take(c, &origin, r->data, r->len);
}

/* The loop, and who seals, need cores, too: one socket, and no thread, where there are few. */
static size_t sockets_of(const struct conf *conf)
{
	size_t cores = uv_available_parallelism();
	size_t most = MIN(SOCKETS_BY_CORES_MAX, RECEIVER_SOCKETS_MAX / MAX(conf->export_count, 1));

	return conf->sockets > 0 ? conf->sockets : MAX(MIN(cores / CORES_A_SOCKET, most), 1);
}

static enum err receive_all(struct collector *c)
{
	const struct conf *conf = &c->node->conf;
	size_t sockets = sockets_of(conf), lanes = sockets * conf->export_count;
	struct receiver_options options = {
		.buffer = conf->receive_buffer,
		.sockets = sockets,
		.batch = c->room,
		.together = IN_LANES / (LANES_BATCHES * MAX(lanes, 1)),
		.room = ARRIVALS_ROOM,
		.fn = on_datagram,
		.ctx = c,
	};
	enum err err = ERR_OK;

	for (size_t i = 0; i < conf->export_count && err == ERR_OK; i++) {
		options.at = conf->exports[i];
		err = receiver_open(&c->receivers[c->receiver_count++], &c->node->loop, &options);
	}
	return err;
}

static enum err listen_all(struct collector *c)
{
	uint64_t seed;
	enum err err;

	node_random(NULL, &seed, sizeof(seed));
	c->admission = admission_new(&c->node->conf.admission, SENDERS_MAX, seed);
	c->room = arrivals_new(READ_AT_ONCE, ARRIVALS_ROOM);
	if (c->admission == NULL || c->room == NULL)
		return ERR_NOMEM;
	err = receive_all(c);
	if (err == ERR_OK)
		err = connections_start(&c->connections, c);
	return err;
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

static void keep_clock(void *ctx, const struct clock_key *key, const struct clock_history *h)
{
	struct collector *c = ctx;
	uint8_t room[CLOCK_HISTORY_MAX];
	struct id id;

	_Static_assert(sizeof(id.octets) == CLOCKS_KEY, "a note's key");
	clocks_key_pack(key, id.octets);
	keeper_put(&c->node->keeper, KEEPER_CLOCK, &id, room, clock_history_pack(h, room));
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

static void recall_position(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value,
                            size_t len)
{
	struct recalling *r = ctx;
	enum err err = position_recall(r->collector->decoder, key, bytes_of(value, len),
	                               node_now().wall.ms);

	if (err != ERR_OK && r->stale_count < STALE_MAX)
		memcpy(r->stale[r->stale_count++].octets, key, STORE_NOTE_KEY);
}

static void recall_translation(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value,
                               size_t len)
{
	struct recalling *r = ctx;
	struct bytes in = bytes_of(key, STORE_NOTE_KEY);
	uint32_t slot = (uint32_t)bytes_uint(&in, 4);
	struct mapping m;
	enum err err = translation_unpack(bytes_of(value, len), &m);

	if (err == ERR_OK)
		err = translation_table_recall(r->collector->translations, slot, &m);
	if (err != ERR_OK && r->stale_count < STALE_MAX)
		memcpy(r->stale[r->stale_count++].octets, key, STORE_NOTE_KEY);
}

static void recall_clock(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value,
                         size_t len)
{
	struct recalling *r = ctx;
	enum err err = clocks_recall(r->collector->decoder->clocks, key, bytes_of(value, len));

	if (err != ERR_OK && r->stale_count < STALE_MAX)
		memcpy(r->stale[r->stale_count++].octets, key, STORE_NOTE_KEY);
}

static void recall_kind(struct collector *c, enum keeper_kind kind, store_note_fn *fn,
                        const char *what)
{
	static struct recalling r;
	enum err err;

	r = (struct recalling){.collector = c};
	err = store_note_each(c->node->store, (uint8_t)kind, fn, &r);
	if (err != ERR_OK)
		log_line("collector", "what was known of %s is lost: %s", what, err_text(err));
	if (r.stale_count > 0)
		log_line("collector", "%zu things known of %s are old or damaged: forgotten",
		         r.stale_count, what);
	for (size_t i = 0; i < r.stale_count; i++)
		keeper_put(&c->node->keeper, kind, &r.stale[i], "", 0);
}

static void recall(struct collector *c)
{
	recall_kind(c, KEEPER_EXPORTER, recall_one, "exporters");
	recall_kind(c, KEEPER_POSITION, recall_position, "exporters' sequences");
	recall_kind(c, KEEPER_TRANSLATION, recall_translation, "translations");
	recall_kind(c, KEEPER_CLOCK, recall_clock, "exporters' clocks");
	c->decoder->keep = keep;
	c->decoder->keep_clock = keep_clock;
	c->decoder->keep_ctx = c;
}

enum err collector_start(struct collector *c, struct node *node)
{
	const struct conf *conf = &node->conf;
	uint64_t seed;

	c->node = node;
	node_random(NULL, &seed, sizeof(seed));
	c->translations = translation_table_new(TRANSLATIONS_MAX, seed);
	if (c->translations == NULL)
		return ERR_NOMEM;
	c->decoder = flow_decoder_new(STREAMS_MAX, seed);
	if (c->decoder == NULL)
		return ERR_NOMEM;
	recall(c);
	uv_timer_init(&node->loop, &c->seal_timer);
	c->seal_timer.data = c;
	uv_timer_start(&c->seal_timer, on_timer, (uint64_t)conf->seal_every_ms,
	               (uint64_t)conf->seal_every_ms);
	return listen_all(c);
}

void collector_stop(struct collector *c)
{
	if (c->decoder == NULL)
		return;
	uv_close((uv_handle_t *)&c->seal_timer, NULL);
	for (size_t i = 0; i < c->receiver_count; i++)
		receiver_close(&c->receivers[i]);
	connections_stop(&c->connections);
	c->is_stopping = true;
	if (!c->is_paused)
		finish(c);
}

void collector_free(struct collector *c)
{
	connections_free(&c->connections);
	flow_decoder_free(c->decoder);
	translation_table_free(c->translations);
	flow_batch_free(&c->batch);
	admission_free(c->admission);
	arrivals_free(c->room);
}
