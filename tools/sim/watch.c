/*
 * The promises of datagrams, frames and tables, checked from outside after every event, of nodes
 * that are honest (those of queries are in watch_query.c):
 *
 *   - to an address that has not proved itself, a node sends no more octets than came from there,
 *     but for its own INITs and KNOCKs, and those grow rarer
 *   - no datagram is longer than PACKET_MAX, and none is of an unknown kind
 *   - nothing of an answer can be read: neither on the wire, nor in a frame by who may open it,
 *     nor in a stream
 *   - receipts and answers go only where the asker's certificate allows
 *   - a query is passed on once at each depth: to one peer there, two when it is urgent, and to
 *     two others in place of each that does not answer; by its origin to each peer a few times;
 *     besides, as often as a peer asks for it. Not after its expiry, not when nobody signed
 *     it, not when its origin is known to be revoked, not when its origin sends it to all itself
 *   - tables keep their limits and their order, no act is lost, no deadline stays in the past
 *
 * An address proves itself by naming an index that went to it: in a RESPONSE that of our INIT, in
 * a DATA that of either. That is seen on the wire and owes nothing to what the overlay believes.
 * These accounts are kept up to SIM_BOOKS_MAX nodes; with more, the rest of the list stays.
 */
#include "proto/wire/packet.h"
#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_FREE 16      /* to one address that never answered, and then */
#define CALL_EVERY_MS 8000 /* one more in each such span */
#define SPINS_MAX 64
#define SKEW_MS 60000 /* how far clocks may disagree */
#define HOPS_MAX 12
#define OWN_COPIES 5      /* to one peer, and then */
#define OWN_EVERY_MS 2000 /* one more in each such span: it said that it was busy */
#define RELAYED_COPIES 3  /* at one depth, failovers and all */
#define CHECK_EVERY 64    /* events of a node between looks at the tables of a large run */
#define STREAM_MAX_MS 180000

void violation(struct sim *sim, uint32_t node, const char *format, ...)
{
	char *text = sim->violations[sim->violation_count % SIM_VIOLATIONS_KEPT];
	size_t used;
	va_list args;

	if (sim->violation_count++ >= SIM_VIOLATIONS_KEPT)
		return; /* the first ones tell most */
	used = (size_t)snprintf(text, SIM_VIOLATION_MAX, "[%5" PRIu64 "] %s: ", sim->now_ms,
	                        sim->nodes[node].name);
	va_start(args, format);
	vsnprintf(text + used, SIM_VIOLATION_MAX - used, format, args);
	va_end(args);
	if (sim->options.narrative != NULL)
		fprintf(sim->options.narrative, "%s (VIOLATION)\n", text);
}

void watch_start(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];

	n->spins = 0;
	n->member_count = 0;
	n->checks = 0;
}

static struct ledger *ledger_of(struct sim *sim, uint32_t node, uint32_t place)
{
	uint64_t *at = map_at(&sim->books, map_key(node, place));
	struct ledger *l;

	if (*at == 0) {
		if (sim->ledger_count == sim->ledger_room) {
			sim->ledger_room = MAX(256, 2 * sim->ledger_room);
			sim->ledgers = must(
				realloc(sim->ledgers, sim->ledger_room * sizeof(*sim->ledgers)));
		}
		*at = ++sim->ledger_count;
		sim->ledgers[*at - 1] = (struct ledger){0};
	}
	l = &sim->ledgers[*at - 1];
	if (l->life != sim->nodes[node].life) /* it proved itself to somebody who is gone */
		*l = (struct ledger){.life = sim->nodes[node].life, .first_ms = sim->now_ms};
	return l;
}

/* An index that a life of the node has named to somebody: who names it back has been there. */
static uint64_t index_key(const struct sim *sim, uint32_t node, uint32_t place, uint32_t index)
{
	return map_key(map_key(node, place), (uint64_t)sim->nodes[node].life << 32 | index);
}

static uint32_t index_in(const void *data, size_t len)
{
	struct bytes b = bytes_of(data, len);

	(void)bytes_cut(&b, PACKET_HEAD);
	return (uint32_t)bytes_uint(&b, 4);
}

/* Is the address one we may send that much to? */
static void watch_address(struct sim *sim, uint32_t node, uint32_t to, const struct act *act)
{
	enum packet_kind kind = packet_kind(act->data, act->len);
	struct ledger *l = ledger_of(sim, node, to);
	bool is_call = kind == PACKET_INIT || kind == PACKET_KNOCK;

	if (l->is_proved)
		return;
	if (kind == PACKET_INIT || kind == PACKET_RESPONSE)
		*map_at(&sim->named, index_key(sim, node, to, index_in(act->data, act->len))) = 1;
	l->calls += is_call;
	l->out += is_call ? 0 : act->len;
	if (l->out > l->in)
		violation(sim, node, "%" PRIu64 " octets to an unproved address that sent %" PRIu64,
		          l->out, l->in);
	if (l->calls > CALLS_FREE + (sim->now_ms - l->first_ms) / CALL_EVERY_MS)
		violation(sim, node, "%u calls to an unproved address", l->calls);
}

static bool is_marked(const void *data, size_t len)
{
	return len > 0 && memmem(data, len, plant_mark, PLANT_MARK_LEN) != NULL;
}

void watch_send(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t to = place_of(sim, &act->to);

	if (!sim_is_honest(sim, node))
		return;
	if (act->len > PACKET_MAX)
		violation(sim, node, "a datagram of %zu octets", act->len);
	if (is_marked(act->data, act->len))
		violation(sim, node, "an answer can be read on the wire");
	if (packet_kind(act->data, act->len) == PACKET_NONE)
		violation(sim, node, "sends what is no packet");
	else if (to == SIM_NOWHERE)
		violation(sim, node, "sends to an address that nobody named");
	else if (sim->options.nodes <= SIM_BOOKS_MAX)
		watch_address(sim, node, to, act);
}

void watch_delivery(struct sim *sim, uint32_t node, const struct event *event)
{
	enum packet_kind kind = packet_kind(event->data, event->len);
	struct ledger *l;

	if (sim->options.nodes > SIM_BOOKS_MAX)
		return;
	l = ledger_of(sim, node, event->from);
	l->in += event->len;
	if (kind == PACKET_RESPONSE || kind == PACKET_DATA)
		l->is_proved |= map_find(&sim->named, index_key(sim, node, event->from,
		                                                packet_receiver(event->data))) != 0;
}

void watch_write(struct sim *sim, uint32_t node, const struct act *act)
{
	if (is_marked(act->data, act->len))
		violation(sim, node, "an answer can be read in a stream");
}

static uint64_t number_of(const struct short_id *id)
{
	uint64_t number;

	memcpy(&number, id->octets, sizeof(number));
	return number;
}

static uint64_t copy_key(const struct sim *sim, uint32_t node, uint32_t peer, struct short_id id)
{
	uint64_t life = (uint64_t)sim->nodes[node].life << 32 | node;

	return map_key(map_key(life, peer), number_of(&id));
}

static void watch_age(struct sim *sim, uint32_t node, const struct asked *asked)
{
	const struct node *n = &sim->nodes[node];
	int64_t wall_ms = WALL_MS + (int64_t)sim->now_ms;
	int64_t allowed_ms = SKEW_MS + (n->skew_ms < 0 ? -n->skew_ms : n->skew_ms);

	if (wall_ms > asked->expires_ms + allowed_ms)
		violation(sim, node, "passes on a query that expired %" PRId64 " ms ago",
		          wall_ms - asked->expires_ms);
}

/* Copies that were asked for are taken off. */
static void watch_often(struct sim *sim, uint32_t node, uint32_t peer, const struct asked *asked)
{
	struct short_id id = short_id_of(&asked->id);
	size_t depth = common_bits(&sim->nodes[node].self.card.id, &sim->nodes[peer].self.card.id);
	bool is_own = asked->origin == node;
	uint64_t allowed = is_own ? OWN_COPIES + (sim->now_ms - asked->asked_ms) / OWN_EVERY_MS
	                          : RELAYED_COPIES * (asked->is_urgent ? UINT64_C(2) : 1);
	uint64_t *wanted = map_at(&sim->wanted, copy_key(sim, node, peer, id));
	uint64_t *count;

	if (*wanted > 0) {
		--*wanted;
		return;
	}
	count = map_at(&sim->relayed,
	               copy_key(sim, node, is_own ? peer : SIM_NODES_MAX + (uint32_t)depth, id));
	if (++*count > allowed)
		violation(sim, node, "passes one query on %" PRIu64 " times at depth %zu, to %s",
		          *count, depth, sim->nodes[peer].name);
}

static void watch_copy(struct sim *sim, uint32_t node, uint32_t peer, const struct frame *frame)
{
	struct query_id id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
	const struct asked *asked = watch_known(sim, &id);

	if (asked == NULL && sim->asking == node)
		return; /* its own, of this moment */
	if (asked == NULL) {
		violation(sim, node, "passes on a query that nobody signed");
		return;
	}
	watch_age(sim, node, asked);
	if (asked->is_direct && asked->origin != node)
		violation(sim, node, "passes on a query that is for itself alone");
	if (asked->origin != node && sim_knows_revoked(sim, node, asked->origin))
		violation(sim, node, "passes on a query of %s, whom it knows to be revoked",
		          sim->nodes[asked->origin].name);
	if (frame->hops > HOPS_MAX)
		violation(sim, node, "passes on a query after %u hops", frame->hops);
	watch_often(sim, node, peer, asked);
}

/* A receipt at an address that its asker has no right to is a datagram at a stranger's door. */
static void watch_place(struct sim *sim, uint32_t node, const struct card *to)
{
	struct member m;

	if (overlay_member_of(sim->nodes[node].overlay, &to->id, &m) &&
	    !cert_allows(&to->cert, &m.endpoint.addr))
		violation(sim, node, "sends a receipt outside the prefixes of %s", to->cert.name);
}

/* Of the others, that field is not set. */
static bool has_blob(enum frame_kind kind)
{
	return kind == FRAME_NOTICE || kind == FRAME_QUERY || kind == FRAME_RECEIPT ||
	       kind == FRAME_REPLY || kind == FRAME_PART;
}

void watch_out(struct sim *sim, uint32_t node, const struct card *to, const struct frame *frame)
{
	uint32_t peer = node_of(sim, to);

	if (has_blob(frame->kind) && is_marked(frame->blob.at, bytes_left(&frame->blob)))
		violation(sim, node, "an answer can be read in a %s", frame_kind_text(frame->kind));
	if (peer == SIM_NOWHERE)
		violation(sim, node, "speaks to somebody who is no member");
	else if (frame->kind == FRAME_QUERY)
		watch_copy(sim, node, peer, frame);
	else if (frame->kind == FRAME_RECEIPT || frame->kind == FRAME_REPLY)
		watch_place(sim, node, to);
	if (frame->kind == FRAME_RECEIPT)
		watch_said(sim, node, frame);
}

void watch_in(struct sim *sim, uint32_t node, const struct card *from, const struct frame *frame)
{
	struct node *n = &sim->nodes[node];
	uint32_t peer = node_of(sim, from);

	if (frame->kind == FRAME_QUERY) {
		const struct asked *asked;

		n->is_heard = true;
		n->heard = query_id_of(frame->blob.at, bytes_left(&frame->blob));
		n->heard_hops = frame->hops;
		asked = watch_known(sim, &n->heard);
		sim->copies += asked != NULL && asked->query != SIZE_MAX; /* liars' are noise */
	}
	if (frame->kind != FRAME_WANT)
		return;
	for (size_t i = 0; i < frame->id_count; i++)
		++*map_at(&sim->wanted, copy_key(sim, node, peer, frame->ids[i]));
}

static void watch_order(struct sim *sim, uint32_t node)
{
	const struct overlay *o = sim->nodes[node].overlay;
	struct member a, b;

	for (size_t i = 0; i < overlay_member_count(o); i++) {
		overlay_member(o, i, &b);
		if (id_equal(&b.card->id, &sim->nodes[node].self.card.id))
			violation(sim, node, "knows itself as a member");
		if (i > 0 && memcmp(&a.card->id, &b.card->id, sizeof(a.card->id)) >= 0)
			violation(sim, node, "its members are out of order");
		a = b;
	}
}

void watch_tables(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	bool is_large = sim->options.nodes > SIM_BOOKS_MAX;
	size_t count;

	if (n->overlay == NULL)
		return;
	if (n->spins > SPINS_MAX)
		violation(sim, node, "its deadline stays in the past");
	if (is_large && ++n->checks % CHECK_EVERY != 0)
		return;
	count = overlay_member_count(n->overlay);
	if (count > sim->limits.members_max)
		violation(sim, node, "%zu members", count);
	if (overlay_table_count(n->overlay) > sim->limits.table_max)
		violation(sim, node, "%zu in its table", overlay_table_count(n->overlay));
	if (count != n->member_count && !is_large)
		watch_order(sim, node);
	n->member_count = count;
	if (overlay_counters(n->overlay)->outbox_full > 0)
		violation(sim, node, "an act was lost");
}

/* Whoever opened it and whoever holds it open: honest nodes do not wait for ever. */
static void watch_pipes(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->pipe_count; i++) {
		struct pipe *p = &sim->pipes[i];

		for (int end = 0; end < 2; end++) {
			uint32_t node = p->ends[end].node;

			if (!p->ends[end].is_open || !sim_is_honest(sim, node) ||
			    sim->nodes[node].awake_ms > sim->now_ms ||
			    sim->now_ms - p->opened_ms < STREAM_MAX_MS)
				continue;
			p->ends[end].is_open = false;
			violation(sim, node, "a stream is open after three minutes");
		}
	}
}

void watch_end(struct sim *sim)
{
	watch_pipes(sim);
	watch_unfinished(sim);
}

/* Whom the checks below are about. */
static bool is_sound(const struct sim *sim, uint32_t node)
{
	return sim_is_up(sim, node) && sim_is_honest(sim, node) && !sim->nodes[node].is_revoked;
}

static void check_table(struct sim *sim, uint32_t node, size_t expected)
{
	const struct overlay *o = sim->nodes[node].overlay;
	size_t table = 0, alive = 0, known = 0;

	for (size_t i = 0; i < overlay_member_count(o); i++) {
		struct member m;
		uint32_t about;

		overlay_member(o, i, &m);
		about = node_of(sim, m.card);
		if (about == SIM_NOWHERE)
			continue;
		if (sim->nodes[about].is_revoked)
			violation(sim, node, "knows %s, who is revoked", sim->nodes[about].name);
		known += sim_is_up(sim, about) && !sim->nodes[about].is_revoked;
		table += m.is_in_table;
		alive += m.is_in_table && sim_is_up(sim, about);
	}
	if (known < expected)
		violation(sim, node, "knows %zu of %zu members", known, expected);
	if (alive * 20 < table * 19)
		violation(sim, node, "%zu of %zu in its table are alive", alive, table);
	if (table == 0 && expected > 0)
		violation(sim, node, "its table is empty");
}

void sim_check_known(struct sim *sim)
{
	size_t up = 0;
	uint32_t first = SIM_NOWHERE;

	for (uint32_t i = 0; i < sim->options.nodes; i++)
		up += sim_is_up(sim, i) && !sim->nodes[i].is_revoked;
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (!is_sound(sim, i))
			continue;
		check_table(sim, i, up - 1);
		if (first == SIM_NOWHERE)
			first = i;
		if (overlay_sum(sim->nodes[i].overlay) != overlay_sum(sim->nodes[first].overlay))
			violation(sim, i, "its directory is not that of %s",
			          sim->nodes[first].name);
	}
}

void sim_check_heard(struct sim *sim, size_t query)
{
	const struct sim_query *q = &sim->queries[query];

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (i != q->origin && is_sound(sim, i) && !q->parts[i].is_heard)
			violation(sim, i, "has not heard the query of %s",
			          sim->nodes[q->origin].name);
	}
}

void sim_check_whole(struct sim *sim, size_t query)
{
	const struct sim_query *q = &sim->queries[query];

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		const struct sim_part *part = &q->parts[i];
		const char *lacks = NULL;

		if (!sim_is_reachable(part))
			continue;
		if (!part->is_heard)
			lacks = "did not hear";
		else if (sim_has_way(sim, i, q->origin) && !part->has_receipt && !part->is_answered)
			lacks = "gave no receipt for";
		else if (sim_has_way(sim, i, q->origin) && part->receipt == RECEIPT_MATCH &&
		         !part->is_answered)
			lacks = "has not answered";
		if (lacks != NULL)
			violation(sim, i, "%s the query of %s", lacks, sim->nodes[q->origin].name);
	}
}

void sim_check_revoked(struct sim *sim, uint32_t whose)
{
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (is_sound(sim, i) && !sim_knows_revoked(sim, i, whose))
			violation(sim, i, "does not know that %s is revoked",
			          sim->nodes[whose].name);
	}
}
