/* How the node is: `spoor status`. */
#include "base/util.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"

#include <stdlib.h>

#define ROOM (1 << 20)

static void put_stream(void *ctx, const struct stream *s)
{
	struct pack *p = ctx;

	pack_map(p, 11);
	row_endpoint(p, "exporter", &s->key.from);
	row_uint(p, "version", s->key.version);
	row_uint(p, "domain", s->key.domain);
	row_uint(p, "datagrams", s->datagrams);
	row_uint(p, "flows", s->flows);
	row_uint(p, "lost", s->lost);
	row_uint(p, "late", s->late);
	row_uint(p, "duplicates", s->duplicates);
	row_uint(p, "restarts", s->restarts);
	row_time(p, "last_seen", s->seen_ms);
	row_time(p, "booted", s->boot_ms);
}

static void count_stream(void *ctx, const struct stream *s)
{
	size_t *count = ctx;

	(void)s;
	++*count;
}

static void put_collector(struct pack *p, const struct collector *c)
{
	const struct flow_counters *counters = &c->decoder->counters;
	size_t streams = 0;

	stream_each(c->decoder->streams, count_stream, &streams);
	pack_str(p, "exports");
	pack_map(p, 6);
	row_uint(p, "datagrams", counters->datagrams);
	row_uint(p, "flows", counters->flows);
	row_uint(p, "clamped", counters->clamped);
	row_uint(p, "unstored", c->unstored);
	row_dropped(p, counters->dropped);
	pack_str(p, "streams");
	pack_array(p, streams);
	stream_each(c->decoder->streams, put_stream, p);
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
	uint8_t *room = malloc(ROOM);
	struct pack p;

	(void)request;
	if (room == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	p = pack_into(room, ROOM);
	pack_map(&p, 17);
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
	put_collector(&p, &node->collector);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
	client_end(client, p.out.is_full ? CTL_INTERNAL : CTL_FOUND, NULL);
	free(room);
}
