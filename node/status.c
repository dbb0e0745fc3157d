/* How the node is: `spoor status`. */
#include "base/util.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"
#include "node/watchrow.h"
#include "proto/flow/habit.h"
#include "proto/flow/pending.h"

#include <stdlib.h>

#define ROOM (1 << 20)
#define STREAM_ROOM 704 /* of one more stream */

/* "clock": ours less the exporter's, as far as it is known. */
static void put_clock(struct pack *p, const struct stream *s)
{
	struct clock_estimate e;

	pack_str(p, "clock");
	if (clock_model_now(&s->model, s->seen_ms, &e) != ERR_OK) {
		pack_nil(p);
		return;
	}
	pack_map(p, 7);
	row_int(p, "offset_ms", e.offset_ms);
	row_int(p, "bound_ms", e.bound_ms);
	row_int(p, "drift_ppm", e.drift_ppm);
	row_real(p, "jitter_ms", (double)s->model.jitter_us / 1000);
	row_uint(p, "steps", s->model.steps);
	row_uint(p, "resolution_ms", s->model.has_ms ? 1 : 1000);
	row_uint(p, "record_resolution_ms", s->model.is_coarse ? CLOCK_COARSE_MS : 1);
}

struct putting {
	struct pack *pack;
	const struct collector *collector;
};

static void put_stream(void *ctx, const struct stream *s)
{
	const struct putting *put = ctx;
	const struct collector *c = put->collector;
	struct pack *p = put->pack;
	bool is_sflow = s->key.version == FLOW_SFLOW;

	if (s->leader != NULL)
		return; /* it is counted there */
	pack_map(p, is_sflow ? 22 : 18);
	row_endpoint(p, "exporter", &s->key.from);
	row_uint(p, "version", is_sflow ? 5 : s->key.version);
	if (is_sflow) {
		row_str(p, "format", "sflow");
		row_addr(p, "agent", &s->key.agent);
		row_uint(p, "samples_lost", s->samples_lost);
		row_uint(p, "drops", s->drops);
	}
	row_uint(p, "domain", s->key.domain);
	row_uint(p, "datagrams", s->datagrams);
	row_uint(p, "flows", s->flows);
	row_uint(p, "lost", s->lost);
	row_uint(p, "late", s->late);
	row_uint(p, "duplicates", s->duplicates);
	row_uint(p, "restarts", s->restarts);
	row_time(p, "last_seen", s->seen_ms);
	row_time(p, "booted", s->run.boot_ms);
	row_uint(p, "lost_flows", habit_lost_flows(s));
	row_uint(p, "templates", template_count(s->templates));
	row_uint(p, "pending", pending_count(c->decoder->pending, s));
	row_uint(p, "untold", s->untold);
	row_uint(p, "ahead", s->lag.ahead);
	if (s->lag.is_known)
		row_int(p, "lag_ms", s->lag.known_ms);
	else
		row_nil(p, "lag_ms");
	put_clock(p, s);
}

static void count_stream(void *ctx, const struct stream *s)
{
	size_t *count = ctx;

	*count += s->leader == NULL;
}

static void put_receiver(struct pack *p, struct receiver *r)
{
	(void)receiver_count_drops(r);
	pack_map(p, 6);
	row_endpoint(p, "listen", &r->options.at);
	row_uint(p, "count", r->fd_count);
	row_uint(p, "datagrams", r->datagrams);
	row_uint(p, "bytes", r->octets);
	row_uint(p, "kernel_drops", r->dropped);
	row_uint(p, "buffer", r->buffer);
}

static void put_connections(struct pack *p, const struct connections *c)
{
#define X(name) {#name, offsetof(struct connections_counters, name)},
	static const struct {
		const char *key;
		size_t offset;
	} rows[] = {CONNECTIONS_COUNTER_MAP(X)};
#undef X
	const uint8_t *counters = (const uint8_t *)&c->counters;

	pack_str(p, "connections");
	pack_map(p, ARRAY_LEN(rows) + 1);
	row_uint(p, "open", c->count);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_uint(p, rows[i].key,
		         *(const uint64_t *)(const void *)(counters + rows[i].offset));
}

static void put_ended(struct pack *p, const struct flow_ended *e)
{
	pack_str(p, "ended");
	pack_map(p, 10);
	row_uint(p, "streams", e->streams);
	row_uint(p, "lost_flows", e->lost_flows);
#define X(name) row_uint(p, #name, e->name);
	FLOW_ENDED_MAP(X)
#undef X
}

static void put_collector(struct pack *p, struct collector *c)
{
	const struct flow_counters *counters = &c->decoder->counters;
	struct putting put = {p, c};
	size_t streams = 0;

	stream_each(c->decoder->streams, count_stream, &streams);
	pack_str(p, "exports");
	pack_map(p, 15);
	row_uint(p, "datagrams", counters->datagrams);
	row_uint(p, "flows", counters->flows);
	row_uint(p, "events", counters->events);
	row_uint(p, "skipped", counters->skipped);
	row_uint(p, "clamped", counters->clamped);
	row_uint(p, "ahead", counters->ahead);
	row_uint(p, "unset_clocks", counters->unset_clocks);
	row_uint(p, "unknown_samplers", counters->unknown_samplers);
	row_uint(p, "unstored", c->unstored);
	row_uint(p, "pauses", c->pauses);
	row_dropped(p, counters->dropped);
	pack_str(p, "sockets");
	pack_array(p, c->receiver_count);
	for (size_t i = 0; i < c->receiver_count; i++)
		put_receiver(p, &c->receivers[i]);
	put_connections(p, &c->connections);
	put_ended(p, &c->decoder->ended);
	pack_str(p, "streams");
	pack_array(p, streams);
	stream_each(c->decoder->streams, put_stream, &put);
}

/* All zero where no edges are logged: then "logged" says so. */
static void put_silences(struct pack *p, const struct silences *s)
{
	struct gaps_stats stats = {0};

	if (s->gaps != NULL)
		stats = gaps_stats(s->gaps);
	pack_str(p, "silences");
	pack_map(p, 5);
	row_bool(p, "logged", s->gaps != NULL);
	row_uint(p, "edges", stats.edges);
	row_uint(p, "forgotten", stats.forgotten);
	row_uint(p, "unfit", stats.unfit);
	row_uint(p, "lacks", stats.lacks);
}

static void put_translations(struct pack *p, const struct translation_table *t)
{
	const struct translation_counters *c = translation_table_counters(t);

	pack_str(p, "translations");
	pack_map(p, 8);
	row_uint(p, "held", translation_table_count(t));
	row_uint(p, "opened", c->opened);
	row_uint(p, "closed", c->closed);
	row_uint(p, "seen", c->seen);
	row_uint(p, "reused", c->reused);
	row_uint(p, "unopened", c->unopened);
	row_uint(p, "evicted", c->evicted);
	row_uint(p, "evicted_open", c->evicted_open);
}

static void put_store(struct pack *p, struct store *store)
{
	struct store_stats s;

	store_stats(store, &s);
	pack_str(p, "store");
	pack_map(p, 16);
	row_uint(p, "flows", s.flows);
	row_uint(p, "unsealed", s.unsealed);
	row_uint(p, "blocks", s.blocks);
	row_uint(p, "partitions", s.partitions);
	row_uint(p, "bytes", s.octets);
	row_uint(p, "index_bytes", s.index_octets);
	row_uint(p, "edge_bytes", s.edge_octets);
	row_uint(p, "map_size", s.map_size);
	row_uint(p, "expired_flows", s.expired_flows);
	row_uint(p, "damaged_blocks", s.damaged_blocks);
	row_uint(p, "damaged_runs", s.damaged_runs);
	row_uint(p, "damaged_edges", s.damaged_edges);
	row_uint(p, "stray_edges", s.stray_edges);
	row_bool(p, "is_full", s.is_full);
	if (s.flows + s.unsealed == 0) {
		row_nil(p, "oldest");
		row_nil(p, "newest");
	} else {
		row_time(p, "oldest", s.oldest_ms);
		row_time(p, "newest", s.newest_ms);
	}
}

/* clang-format off */
static const struct {
	const char *key;
	size_t offset;
} overlay_rows[] = {
#define X(name) {#name, offsetof(struct overlay_counters, name)},
	OVERLAY_COUNTER_MAP(X)
#undef X
};
/* clang-format on */

static void put_overlay(struct pack *p, const struct link *l)
{
	const uint8_t *counters = (const uint8_t *)overlay_counters(l->overlay);
	size_t by_state[MEMBER_STATE_END] = {0};

	for (size_t i = 0; i < overlay_member_count(l->overlay); i++) {
		struct member m;

		overlay_member(l->overlay, i, &m);
		by_state[m.state]++;
	}
	pack_str(p, "members");
	pack_map(p, ARRAY_LEN(by_state) + 1);
	for (size_t i = 0; i < ARRAY_LEN(by_state); i++)
		row_uint(p, member_state_text((enum member_state)i), by_state[i]);
	row_uint(p, "in_table", overlay_table_count(l->overlay));
	pack_str(p, "overlay");
	pack_map(p, ARRAY_LEN(overlay_rows));
	for (size_t i = 0; i < ARRAY_LEN(overlay_rows); i++)
		row_uint(p, overlay_rows[i].key,
		         *(const uint64_t *)(const void *)(counters + overlay_rows[i].offset));
}

void request_status(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	const struct card *card = &node->keys.self.card;
	const struct cert *cert = &card->cert;
	struct now now = node_now();
	char room_for_warning[WARNINGS_MAX];
	const char *warning = warnings_text(&node->warnings, now, room_for_warning);
	size_t room_len = ROOM, streams = 0;
	uint8_t *room;
	struct pack p;

	(void)request;
	stream_each(node->collector.decoder->streams, count_stream, &streams);
	room_len += streams * STREAM_ROOM;
	room = malloc(room_len);
	if (room == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	p = pack_into(room, room_len);
	pack_map(&p, 20);
	row_str(&p, "name", cert->name);
	row_str(&p, "org", cert->org);
	row_hex(&p, "id", card->id.octets, sizeof(card->id.octets));
	row_str(&p, "version", SPOOR_VERSION);
	row_time(&p, "started", node->started.wall.ms);
	row_uint(&p, "uptime_ms", now.mono.ms - node->started.mono.ms);
	row_endpoint(&p, "address", &node->conf.overlay_listen[0]);
	row_time(&p, "expires", cert->not_after.ms);
	row_time(&p, "keys_expire", card->record.not_after.ms);
	if (warning != NULL)
		row_str(&p, "warning", warning);
	else
		row_nil(&p, "warning");
	row_int(&p, "clock_skew_ms", -overlay_skew_ms(node->link.overlay));
	row_bool(&p, "is_expired", now.wall.ms > cert->not_after.ms);
	row_uint(&p, "idle_timeout_ms", (uint64_t)node->conf.idle_timeout_ms);
	put_overlay(&p, &node->link);
	put_store(&p, node->store);
	put_silences(&p, &node->silences);
	put_collector(&p, &node->collector);
	put_translations(&p, node->collector.translations);
	watchrow_counts(&p, &node->watches);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
	client_end(client, p.out.is_full ? CTL_INTERNAL : CTL_FOUND, NULL);
	free(room);
}
