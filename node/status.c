/* How the node is: `spoor status` and `spoor peers`. */
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
	pack_map(p, 11);
	row_uint(p, "flows", s.flows);
	row_uint(p, "unsealed", s.unsealed);
	row_uint(p, "blocks", s.blocks);
	row_uint(p, "partitions", s.partitions);
	row_uint(p, "bytes", s.octets);
	row_uint(p, "map_size", s.map_size);
	row_uint(p, "expired_flows", s.expired_flows);
	row_uint(p, "damaged_blocks", s.damaged_blocks);
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

	for (size_t i = 0; i < overlay_member_count(l->overlay); i++)
		by_state[overlay_member(l->overlay, i)->state]++;
	pack_str(p, "members");
	pack_map(p, ARRAY_LEN(by_state));
	for (size_t i = 0; i < ARRAY_LEN(by_state); i++)
		row_uint(p, member_state_text((enum member_state)i), by_state[i]);
	pack_str(p, "overlay");
	pack_map(p, ARRAY_LEN(overlay_rows));
	for (size_t i = 0; i < ARRAY_LEN(overlay_rows); i++)
		row_uint(p, overlay_rows[i].key,
		         *(const uint64_t *)(const void *)(counters + overlay_rows[i].offset));
}

void request_status(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	const struct cert *cert = &node->conf.self.cert;
	struct now now = node_now();
	uint8_t *room = malloc(ROOM);
	struct pack p;

	(void)request;
	if (room == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	p = pack_into(room, ROOM);
	pack_map(&p, 14);
	row_str(&p, "name", cert->name);
	row_str(&p, "org", cert->org);
	row_hex(&p, "id", overlay_id(node->link.overlay), sizeof(struct id));
	row_str(&p, "version", SPOOR_VERSION);
	row_time(&p, "started", node->started.wall.ms);
	row_uint(&p, "uptime_ms", now.mono.ms - node->started.mono.ms);
	row_endpoint(&p, "address", &node->conf.overlay_listen);
	row_time(&p, "expires", cert->not_after.ms);
	row_bool(&p, "is_expired", now.wall.ms > cert->not_after.ms);
	row_uint(&p, "idle_timeout_ms", (uint64_t)node->conf.idle_timeout_ms);
	put_overlay(&p, &node->link);
	put_store(&p, node->store);
	put_collector(&p, &node->collector);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
	client_end(client, p.out.is_full ? CTL_INTERNAL : CTL_FOUND, NULL);
	free(room);
}

static void put_peer(struct pack *p, const struct member *m, struct now now)
{
	pack_map(p, 8);
	row_str(p, "name", m->cert.name);
	row_str(p, "org", m->cert.org);
	row_endpoint(p, "address", &m->endpoint);
	row_hex(p, "id", m->id.octets, sizeof(m->id.octets));
	row_time(p, "expires", m->cert.not_after.ms);
	if (m->seen.ms == 0)
		row_nil(p, "last_seen");
	else
		row_time(p, "last_seen", now.wall.ms - (int64_t)(now.mono.ms - m->seen.ms));
	if (m->rtt_ms == MEMBER_RTT_UNKNOWN)
		row_nil(p, "rtt_ms");
	else
		row_uint(p, "rtt_ms", m->rtt_ms);
	row_str(p, "state", member_state_text(m->state));
}

void request_peers(struct client *client, const struct ctl_request *request)
{
	struct overlay *overlay = client_node(client)->link.overlay;
	size_t count = overlay_member_count(overlay);
	uint8_t room[1024];

	(void)request;
	for (size_t i = 0; i < count; i++) {
		struct pack p = pack_into(room, sizeof(room));

		put_peer(&p, overlay_member(overlay, i), node_now());
		client_send(client, "row", room, pack_len(&p), NULL, NULL);
	}
	client_end(client, count > 0 ? CTL_FOUND : CTL_NOTHING, NULL);
}
