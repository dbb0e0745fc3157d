#include "proto/flow/datagram.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/ipfix.h"
#include "proto/flow/lag.h"
#include "proto/flow/netflow5.h"
#include "proto/flow/netflow9.h"
#include "proto/flow/nsel.h"
#include "proto/flow/pending.h"
#include "proto/flow/sample_source.h"
#include "proto/flow/samplers.h"
#include "proto/flow/sets.h"
#include "proto/flow/sflow.h"

#include <stdlib.h>
#include <string.h>

#define TEMPLATE_OCTETS_MAX (16u << 20)
#define SOURCES_PER_STREAM 2 /* interfaces, on the average of all agents */
#define SAMPLERS_PER_STREAM 2
#define CONNECTIONS_PER_STREAM 16 /* of firewalls, with updates; few streams are */
#define BATCH_MIN 64
#define WRAP_SLACK_MS 2000 /* of a boot time read from whole seconds */
#define KEEP_AT_ONCE 64
#define KEEP_AGAIN_MS 86400000 /* so that what is in use is not old at the next start */

#define FORMAT_MIN 2 /* octets: less names none */

struct format {
	uint32_t version; /* in the first `len` octets */
	size_t len;
	/* Decodes what stands first in `data`, and moves behind it. */
	enum drop (*decode)(struct flow_decoder *d, const struct flow_origin *origin,
	                    struct bytes *data, struct flow_batch *out);
};

static const struct format formats[] = {
	{5, 2, netflow5_decode},
	{9, 2, netflow9_decode},
	{10, 2, ipfix_decode},
	{5, 4, sflow_decode},
};

/* Room for `wanted` of `size` octets each, of which `count` are there already. */
static void *grow(void *rows, size_t *room, size_t count, size_t wanted, size_t size)
{
	size_t more = MAX(*room, BATCH_MIN);
	void *grown;

	while (more < wanted)
		more *= 2;
	if (more == *room)
		return rows;
	grown = malloc(more * size);
	if (grown == NULL)
		return NULL;
	if (count > 0)
		memcpy(grown, rows, count * size);
	free(rows);
	*room = more;
	return grown;
}

struct flow *flow_batch_grow(struct flow_batch *b, size_t count)
{
	struct flow *flows =
		grow(b->flows, &b->room, b->count, b->count + count, sizeof(*b->flows));

	if (flows == NULL)
		return NULL;
	b->flows = flows;
	return flows + b->count;
}

struct translation *flow_batch_event_room(struct flow_batch *b)
{
	struct translation *events = grow(b->events, &b->event_room, b->event_count,
	                                  b->event_count + 1, sizeof(*b->events));

	if (events == NULL)
		return NULL;
	b->events = events;
	return events + b->event_count;
}

struct flow_said *flow_batch_said_room(struct flow_batch *b)
{
	struct flow_said *said =
		grow(b->said, &b->said_room, b->said_count, b->said_count + 1, sizeof(*b->said));

	if (said == NULL)
		return NULL;
	b->said = said;
	return said + b->said_count;
}

void flow_batch_free(struct flow_batch *b)
{
	free(b->flows);
	free(b->events);
	free(b->said);
	*b = (struct flow_batch){.flows = NULL};
}

void flow_moved(struct flow_decoder *d, struct stream *s)
{
	if (s->is_moved || s->key.session != 0 || !stream_is_proven(s))
		return;
	s->is_moved = true;
	s->next_moved = d->moved;
	d->moved = s;
}

void flow_each_moved(struct flow_decoder *d, stream_fn *fn, void *ctx)
{
	struct stream *s = d->moved;

	d->moved = NULL;
	while (s != NULL) {
		struct stream *next = s->next_moved;

		s->is_moved = false;
		s->next_moved = NULL;
		fn(ctx, s);
		s = next;
	}
}

static void forget_moved(struct flow_decoder *d, const struct stream *s)
{
	struct stream **at = &d->moved;

	while (s->is_moved && *at != NULL && *at != s)
		at = &(*at)->next_moved;
	if (s->is_moved && *at != NULL)
		*at = s->next_moved;
}

/* What it has lost is not found again. */
static void note_end(struct flow_decoder *d, const struct stream *s)
{
	if (s->leader != NULL || (s->key.session != 0 && !s->is_connected) || !stream_is_proven(s))
		return;
	d->ended.streams++;
	d->ended.lost_flows += habit_lost_flows(s);
#define X(name) d->ended.name += s->name;
	FLOW_ENDED_MAP(X)
#undef X
}

static void forget_stream(void *ctx, struct stream *s)
{
	struct flow_decoder *d = ctx;

	note_end(d, s);
	forget_moved(d, s);
	d->counters.dropped[DROP_UNTOLD] += pending_forget(d->pending, s);
	sets_forget(d, s);
}

struct keeping {
	struct flow_decoder *d;
	size_t left;
};

static void keep_clock(struct flow_decoder *d, const struct stream *s)
{
	const struct clock_history *h = clocks_note(d->clocks, s);
	struct clock_key key = clocks_key_of(s);

	if (h != NULL && d->keep_clock != NULL)
		d->keep_clock(d->keep_ctx, &key, h);
}

static void keep_stream(void *ctx, struct stream *s)
{
	struct keeping *k = ctx;

	if ((s->key.session != 0 && !s->is_connected) || !stream_is_proven(s))
		return;
	keep_clock(k->d, s);
	if (s->is_connected || k->d->keep == NULL)
		return; /* what a connection has ends with it */
	if (s->is_options_new && k->left > 0) {
		k->d->keep(k->d->keep_ctx, s, 0, NULL);
		s->is_options_new = false;
		k->left--;
	}
	for (size_t i = 0; i < template_count(s->templates) && k->left > 0; i++) {
		struct template *t = template_at(s->templates, i);

		if (t->kept_ms != 0 && s->seen_ms - t->kept_ms < KEEP_AGAIN_MS)
			continue;
		t->kept_ms = MAX(s->seen_ms, 1);
		k->d->keep(k->d->keep_ctx, s, t->id, t);
		k->left--;
	}
}

void flow_keep(struct flow_decoder *d)
{
	struct keeping k = {.d = d, .left = KEEP_AT_ONCE};

	stream_each_mutable(d->streams, keep_stream, &k);
}

struct flow_decoder *flow_decoder_new(size_t streams_max, uint64_t seed)
{
	struct flow_decoder *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->budget.octets_max = TEMPLATE_OCTETS_MAX;
	d->pending = pending_new();
	d->clocks = clocks_new();
	d->streams = stream_table_new(streams_max, seed, forget_stream, d);
	d->sources = source_table_new(streams_max * SOURCES_PER_STREAM, seed);
	d->nsel = nsel_table_new(streams_max * CONNECTIONS_PER_STREAM, seed);
	d->samplers = sampler_table_new(streams_max * SAMPLERS_PER_STREAM, seed);
	if (d->streams == NULL || d->pending == NULL || d->sources == NULL || d->nsel == NULL ||
	    d->samplers == NULL || d->clocks == NULL) {
		flow_decoder_free(d);
		return NULL;
	}
	return d;
}

void flow_decoder_free(struct flow_decoder *d)
{
	if (d == NULL)
		return;
	d->keep = NULL; /* what was kept stays */
	stream_table_free(d->streams);
	source_table_free(d->sources);
	nsel_table_free(d->nsel);
	sampler_table_free(d->samplers);
	pending_free(d->pending);
	clocks_free(d->clocks);
	free(d);
}

struct stream *flow_stream_of(struct flow_decoder *d, const struct flow_origin *origin,
                              const struct stream_key *key)
{
	struct stream *s = stream_of(d->streams, key);

	s->is_connected = origin->is_connected;
	stream_arrive(s, d->counters.datagrams, origin->received_ms);
	flow_moved(d, s);
	return s;
}

struct stream *flow_stream(struct flow_decoder *d, const struct flow_origin *origin,
                           uint16_t version, uint32_t domain)
{
	struct stream_key key = {
		.from = origin->from,
		.domain = domain,
		.session = origin->session,
		.version = version,
	};

	return flow_stream_of(d, origin, &key);
}

bool flow_exported(struct flow_decoder *d, const struct flow_origin *origin, int64_t *export_ms)
{
	if (*export_ms >= FLOW_CLOCK_MIN)
		return true;
	d->counters.unset_clocks++;
	*export_ms = origin->received_ms;
	return *export_ms >= FLOW_CLOCK_MIN;
}

bool flow_uptime_wrapped(int64_t boot_before_ms, int64_t boot_ms)
{
	int64_t apart_ms = boot_ms - boot_before_ms - (INT64_C(1) << 32);

	return apart_ms > -WRAP_SLACK_MS && apart_ms < WRAP_SLACK_MS;
}

int64_t flow_boot(struct stream *s, int64_t export_ms, uint32_t uptime_ms)
{
	int64_t boot_ms = export_ms - uptime_ms;

	if (uptime_ms == 0)
		return s->run.boot_ms;
	if (flow_uptime_wrapped(s->run.boot_ms, boot_ms))
		s->run.boot_ms = boot_ms;
	return boot_ms;
}

void flow_came(struct flow_decoder *d, struct stream *s, const struct flow_batch *out,
               size_t before)
{
	size_t count = out->count - before;

	s->flows += count;
	if (count > 0)
		d->counters.ahead += lag_take(&s->lag, out->flows + before, count);
}

static void note_record(struct stream *s, const struct flow_clock *told, const struct flow *f)
{
	bool is_whole = f->end_ms % CLOCK_COARSE_MS == 0 ||
	                (f->end_ms - told->zero_ms) % CLOCK_COARSE_MS == 0;

	clock_model_record(&s->model, told->is_coarse || is_whole);
}

void flow_clock(struct stream *s, const struct flow_origin *origin, const struct flow_clock *told,
                const struct flow_batch *out, size_t before)
{
	if (origin->session != 0 && !origin->is_connected) {
		lag_header(&s->lag, origin->received_ms - told->export_ms);
		return; /* a capture's time is not ours */
	}
	s->is_by_export = false;   /* of the next message it is asked again */
	if (out->count > before) { /* two of them are enough */
		note_record(s, told, &out->flows[before]);
		note_record(s, told, &out->flows[out->count - 1]);
	}
	clock_model_add(&s->model, told->export_ms, told->error_ms, origin->received_ms);
}

void flow_end_session(struct flow_decoder *d, uint32_t session)
{
	stream_forget_session(d->streams, session);
}

static void count_new(struct flow_decoder *d, const struct flow_batch *out, size_t flows_before,
                      size_t events_before)
{
	d->counters.flows += out->count - flows_before;
	d->counters.events += out->event_count - events_before;
}

void flow_end_files(struct flow_decoder *d, uint32_t session, struct flow_batch *out)
{
	size_t before = out->count, events_before = out->event_count;

	sets_release(d, session, out);
	count_new(d, out, before, events_before);
}

void flow_settle(struct flow_decoder *d, int64_t now_ms, struct flow_batch *out)
{
	size_t before = out->count, events_before = out->event_count;

	sets_settle(d, now_ms, out);
	count_new(d, out, before, events_before);
}

static enum drop decode_first(struct flow_decoder *d, const struct flow_origin *origin,
                              struct bytes *data, struct flow_batch *out)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct bytes in = *data;

		if (bytes_uint(&in, formats[i].len) == formats[i].version && !in.is_short)
			return formats[i].decode(d, origin, data, out);
	}
	return bytes_left(data) < FORMAT_MIN ? DROP_SHORT : DROP_VERSION;
}

void flow_refuse(struct flow_decoder *d, enum drop drop)
{
	d->counters.datagrams++;
	d->counters.dropped[drop]++;
}

/* Further messages of the same datagram are taken as far as they are any. */
static void decode_rest(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *in,
                        struct flow_batch *out)
{
	enum drop drop = DROP_NONE;

	for (size_t i = 1; bytes_left(in) > 0 && drop != DROP_VERSION && drop != DROP_SHORT; i++) {
		if (i == FLOW_MESSAGES_MAX) {
			d->counters.dropped[DROP_SET]++;
			return;
		}
		drop = decode_first(d, origin, in, out);
	}
}

enum drop flow_decode(struct flow_decoder *d, const struct flow_origin *origin, const void *data,
                      size_t len, struct flow_batch *out)
{
	struct bytes in = bytes_of(data, len);
	size_t before = out->count, events_before = out->event_count;
	enum drop drop = decode_first(d, origin, &in, out);

	if (drop == DROP_NONE)
		decode_rest(d, origin, &in, out);
	d->counters.datagrams++;
	count_new(d, out, before, events_before);
	if (drop != DROP_NONE)
		d->counters.dropped[drop]++;
	return drop;
}

static const struct {
	const char *key, *text;
} drops[] = {
#define X(name, key, text) [DROP_##name] = {(key), (text)},
	DROP_MAP(X)
#undef X
};

const char *drop_key(enum drop drop)
{
	return (size_t)drop < ARRAY_LEN(drops) ? drops[drop].key : "unknown";
}

const char *drop_text(enum drop drop)
{
	return (size_t)drop < ARRAY_LEN(drops) ? drops[drop].text : "unknown";
}
