#include "proto/flow/translation_table.h"

#include "base/util.h"
#include "proto/flow/element.h"
#include "proto/flow/ways.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX /* no slot */
#define CHAIN_MAX 1024     /* mappings of one end: past that its own oldest makes way */
#define SEEN_GAP_MS 300000 /* silence that a mapping survives (RFC 4787, section 4.3) */
#define KEPT_STEP_MS 60000 /* of what was merely seen on: how much of it a restart may lose */

enum side { INSIDE, OUTSIDE, SIDES };
enum list { OPEN, CLOSED, LISTS };

struct row {
	struct mapping m;
	int64_t kept_ms;       /* its end as it was last kept */
	uint32_t next[SIDES];  /* of the same hash, the one that came before */
	uint32_t older, newer; /* in its list */
	bool is_used;
};

struct ends { /* of a list */
	uint32_t oldest, newest;
};

struct translation_table {
	struct translation_counters counters;
	struct mapping gone; /* all that made way, as one */
	bool is_any_gone, is_gone_new;
	uint32_t max, count, unused; /* no slot below `unused` is free */
	uint32_t keep_at;
	uint32_t buckets; /* a power of two */
	uint64_t seed;
	struct ends lists[LISTS];
	uint32_t *heads[SIDES];
	uint64_t *changed; /* a bit a slot */
	struct row *rows;
};

static const struct endpoint nobody;

struct translation_table *translation_table_new(uint32_t max, uint64_t seed)
{
	struct translation_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->max = max;
	t->seed = seed;
	t->buckets = 1;
	while (t->buckets < max)
		t->buckets *= 2;
	t->rows = calloc(max, sizeof(*t->rows));
	t->changed = calloc(max / 64 + 1, sizeof(*t->changed));
	for (int side = 0; side < SIDES; side++) {
		t->heads[side] = malloc(t->buckets * sizeof(*t->heads[side]));
		if (t->heads[side] != NULL)
			memset(t->heads[side], 0xff, t->buckets * sizeof(*t->heads[side]));
	}
	for (int list = 0; list < LISTS; list++)
		t->lists[list] = (struct ends){NOWHERE, NOWHERE};
	if (t->rows == NULL || t->changed == NULL || t->heads[INSIDE] == NULL ||
	    t->heads[OUTSIDE] == NULL) {
		translation_table_free(t);
		return NULL;
	}
	return t;
}

void translation_table_free(struct translation_table *t)
{
	if (t == NULL)
		return;
	for (int side = 0; side < SIDES; side++)
		free(t->heads[side]);
	free(t->changed);
	free(t->rows);
	free(t);
}

size_t translation_table_count(const struct translation_table *t)
{
	return t->count;
}

const struct translation_counters *translation_table_counters(const struct translation_table *t)
{
	return &t->counters;
}

/* --- where mappings are found --- */

static uint32_t *head_of(const struct translation_table *t, enum side side, const struct addr *addr,
                         uint16_t port)
{
	uint64_t h = ways_mix(ways_mix_addr(t->seed, addr), port);

	return &t->heads[side][h & (t->buckets - 1)];
}

static uint32_t *head_of_row(const struct translation_table *t, enum side side,
                             const struct mapping *m)
{
	const struct endpoint *e = side == INSIDE ? &m->inside : &m->outside;

	return head_of(t, side, &e->addr, e->port);
}

static void take_out(struct translation_table *t, enum side side, uint32_t slot)
{
	uint32_t *at = head_of_row(t, side, &t->rows[slot].m);

	while (*at != slot)
		at = &t->rows[*at].next[side];
	*at = t->rows[slot].next[side];
}

static void put_in(struct translation_table *t, enum side side, uint32_t slot)
{
	uint32_t *head = head_of_row(t, side, &t->rows[slot].m);

	t->rows[slot].next[side] = *head;
	*head = slot;
}

static struct ends *list_of(struct translation_table *t, const struct row *row)
{
	return &t->lists[row->m.is_open ? OPEN : CLOSED];
}

static void unlist(struct translation_table *t, uint32_t slot)
{
	struct row *row = &t->rows[slot];
	struct ends *list = list_of(t, row);

	*(row->older == NOWHERE ? &list->oldest : &t->rows[row->older].newer) = row->newer;
	*(row->newer == NOWHERE ? &list->newest : &t->rows[row->newer].older) = row->older;
}

static void enlist(struct translation_table *t, uint32_t slot)
{
	struct row *row = &t->rows[slot];
	struct ends *list = list_of(t, row);

	row->older = list->newest;
	row->newer = NOWHERE;
	*(list->newest == NOWHERE ? &list->oldest : &t->rows[list->newest].newer) = slot;
	list->newest = slot;
}

static void mark(struct translation_table *t, uint32_t slot)
{
	t->changed[slot / 64] |= UINT64_C(1) << (slot % 64);
	t->rows[slot].kept_ms = t->rows[slot].m.end_ms;
}

/* An answer about the time in which `m` held has a gap from now on. */
static void add_gone(struct translation_table *t, const struct mapping *m)
{
	const struct mapping was = t->is_any_gone ? t->gone : *m;

	t->gone = (struct mapping){
		.start_ms = MIN(was.start_ms, m->start_ms),
		.end_ms = MAX(was.end_ms, m->end_ms),
		.is_open = was.is_open || m->is_open,
	};
	t->is_any_gone = true;
}

static void evict(struct translation_table *t, uint32_t slot)
{
	add_gone(t, &t->rows[slot].m);
	t->is_gone_new = true;
	t->counters.evicted += !t->rows[slot].m.is_open;
	t->counters.evicted_open += t->rows[slot].m.is_open;
	take_out(t, INSIDE, slot);
	take_out(t, OUTSIDE, slot);
	unlist(t, slot);
	t->rows[slot].is_used = false;
	t->unused = MIN(t->unused, slot);
	t->count--;
}

/* Of too many of one hash the one that came first. */
static void bound_chain(struct translation_table *t, enum side side, const struct mapping *m)
{
	uint32_t last = NOWHERE;
	size_t count = 0;

	for (uint32_t slot = *head_of_row(t, side, m); slot != NOWHERE;
	     slot = t->rows[slot].next[side]) {
		last = slot;
		count++;
	}
	if (count >= CHAIN_MAX)
		evict(t, last);
}

static void add(struct translation_table *t, const struct mapping *m)
{
	uint32_t slot;

	bound_chain(t, INSIDE, m);
	bound_chain(t, OUTSIDE, m);
	if (t->count == t->max)
		evict(t, t->lists[t->lists[CLOSED].oldest != NOWHERE ? CLOSED : OPEN].oldest);
	while (t->rows[t->unused].is_used)
		t->unused++;
	slot = t->unused;
	t->rows[slot] = (struct row){.m = *m, .is_used = true};
	put_in(t, INSIDE, slot);
	put_in(t, OUTSIDE, slot);
	enlist(t, slot);
	mark(t, slot);
	t->count++;
}

/* --- what holds, and what contradicts it --- */

static bool is_same(const struct mapping *a, const struct mapping *b)
{
	return a->proto == b->proto && a->first == b->first && a->last == b->last &&
	       endpoint_equal(&a->outside, &b->outside) && endpoint_equal(&a->inside, &b->inside);
}

static bool is_with(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_equal(a, &nobody) || endpoint_equal(b, &nobody) || endpoint_equal(a, b);
}

/* Can both not be at one time? One port may lead to several, for one peer each. */
static bool contradicts(const struct mapping *a, const struct mapping *b)
{
	return (a->proto == 0 || b->proto == 0 || a->proto == b->proto) && a->first <= b->last &&
	       b->first <= a->last && addr_equal(&a->outside.addr, &b->outside.addr) &&
	       !endpoint_equal(&a->inside, &b->inside) && is_with(&a->peer, &b->peer);
}

/* It has been heard of again. */
static void refresh(struct translation_table *t, uint32_t slot)
{
	unlist(t, slot);
	enlist(t, slot);
}

static void close_at(struct translation_table *t, uint32_t slot, int64_t end_ms)
{
	struct mapping *m = &t->rows[slot].m;

	unlist(t, slot);
	m->is_open = false;
	m->end_ms = MAX(end_ms, m->start_ms);
	enlist(t, slot);
	mark(t, slot);
}

/* What else is open behind the outside end of `m` has ended before it, or `m` before that. */
static void settle(struct translation_table *t, struct mapping *m)
{
	for (uint32_t slot = *head_of_row(t, OUTSIDE, m), next; slot != NOWHERE; slot = next) {
		const struct mapping *other = &t->rows[slot].m;

		next = t->rows[slot].next[OUTSIDE];
		if (!other->is_open || !contradicts(other, m))
			continue;
		if (other->start_ms <= m->start_ms) {
			t->counters.reused++;
			close_at(t, slot, MAX(m->start_ms - 1, other->start_ms));
		} else if (m->is_open) {
			t->counters.reused++;
			m->is_open = false;
			m->end_ms = other->start_ms - 1;
		}
	}
}

/* --- events --- */

static void open_mapping(struct translation_table *t, struct mapping *m)
{
	t->counters.opened++;
	m->is_open = m->is_start_told = true;
	for (uint32_t slot = *head_of_row(t, OUTSIDE, m); slot != NOWHERE;
	     slot = t->rows[slot].next[OUTSIDE]) {
		struct mapping *was = &t->rows[slot].m;

		if (!is_same(was, m) || !endpoint_equal(&was->peer, &m->peer))
			continue;
		if (was->is_open) { /* twice, or its end was lost: the same stood behind it */
			was->end_ms = MAX(was->end_ms, m->start_ms);
			refresh(t, slot);
			return;
		}
		if (!was->is_start_told && m->start_ms <= was->end_ms) { /* it came late */
			was->start_ms = MIN(was->start_ms, m->start_ms);
			was->is_start_told = true;
			mark(t, slot);
			return;
		}
		if (was->start_ms == m->start_ms)
			return; /* again, after its end */
	}
	settle(t, m);
	add(t, m);
}

/* The end of `m` as that of the mapping in `slot`; false: it is none of it. */
static bool end_row(struct translation_table *t, uint32_t slot, const struct mapping *m)
{
	struct mapping *was = &t->rows[slot].m;

	if (m->is_start_told && m->start_ms < was->start_ms) {
		was->start_ms = m->start_ms;
		was->is_start_told = true;
	}
	if (was->is_open) {
		was->is_end_told = true;
		close_at(t, slot, m->end_ms);
		return true;
	}
	if (!was->is_end_told && m->end_ms - was->end_ms <= SEEN_GAP_MS) {
		was->end_ms = MAX(was->end_ms, m->end_ms);
		was->is_end_told = true;
		mark(t, slot);
		return true;
	}
	return was->end_ms >= m->end_ms; /* it comes again */
}

/* With whom an end is told, with that one alone; else, and where there is no such, with anybody. */
static bool end_rows(struct translation_table *t, const struct mapping *m, bool is_exact)
{
	bool is_known = false;

	for (uint32_t slot = *head_of_row(t, OUTSIDE, m), next; slot != NOWHERE; slot = next) {
		const struct mapping *was = &t->rows[slot].m;
		bool is_meant = is_exact ? endpoint_equal(&was->peer, &m->peer)
		                         : is_with(&was->peer, &m->peer);

		next = t->rows[slot].next[OUTSIDE];
		if (is_meant && is_same(was, m) && was->start_ms <= m->end_ms)
			is_known |= end_row(t, slot, m);
	}
	return is_known;
}

/* `m` from when it began, as far as that is told, to its end. */
static void close_mapping(struct translation_table *t, struct mapping *m)
{
	bool is_exact = !endpoint_equal(&m->peer, &nobody);

	t->counters.closed++;
	if ((is_exact && end_rows(t, m, true)) || end_rows(t, m, false))
		return;
	t->counters.unopened++;
	m->is_end_told = true;
	settle(t, m);
	add(t, m);
}

/* Is a flow of `m` one of `was`, or of what followed it? */
static bool continues(const struct mapping *m, const struct mapping *was)
{
	int64_t gap_ms = was->is_end_told ? 0 : SEEN_GAP_MS;

	return (was->is_open || m->start_ms <= was->end_ms + gap_ms) &&
	       m->end_ms >= was->start_ms - SEEN_GAP_MS;
}

static void show(struct translation_table *t, struct mapping *m)
{
	t->counters.seen++;
	for (uint32_t slot = *head_of_row(t, OUTSIDE, m); slot != NOWHERE;
	     slot = t->rows[slot].next[OUTSIDE]) {
		struct row *row = &t->rows[slot];
		struct mapping *was = &row->m;

		if (!is_same(was, m) || !is_with(&was->peer, &m->peer) || !continues(m, was))
			continue;
		if (!was->is_start_told)
			was->start_ms = MIN(was->start_ms, m->start_ms);
		if (!was->is_end_told && m->end_ms > was->end_ms) {
			was->end_ms = m->end_ms;
			refresh(t, slot);
		}
		if (was->end_ms - row->kept_ms >= KEPT_STEP_MS)
			mark(t, slot);
		return;
	}
	settle(t, m);
	add(t, m);
}

/* Both sides of a translation as mappings: what changes, changes; what stays is none. */
static size_t mappings_of(const struct translation *e, struct mapping ret[2])
{
	bool is_block = translation_is_block(e);
	const struct mapping common = {.exporter = e->exporter, .proto = e->proto};
	size_t count = 0;

	if (!addr_equal(&e->nat_src.addr, &nobody.addr) &&
	    !addr_equal(&e->src.addr, &nobody.addr) && !endpoint_equal(&e->src, &e->nat_src)) {
		struct mapping *m = &ret[count++];
		bool is_both = !addr_equal(&e->nat_dst.addr, &nobody.addr);

		*m = common;
		m->inside = e->src;
		m->outside = e->nat_src;
		m->peer = is_block ? nobody : is_both ? e->nat_dst : e->dst;
		m->first = is_block ? e->first : e->nat_src.port;
		m->last = is_block ? e->last : e->nat_src.port;
	}
	if (!is_block && !addr_equal(&e->nat_dst.addr, &nobody.addr) &&
	    !addr_equal(&e->dst.addr, &nobody.addr) && !endpoint_equal(&e->dst, &e->nat_dst)) {
		struct mapping *m = &ret[count++];

		*m = common;
		m->inside = e->nat_dst;
		m->outside = e->dst;
		m->peer = e->src;
		m->first = m->last = e->dst.port;
	}
	return count;
}

void translation_table_event(struct translation_table *t, const struct translation *event)
{
	bool is_end = translation_is_end(event);
	struct mapping rows[2];
	size_t count = mappings_of(event, rows);

	for (size_t i = 0; i < count; i++) {
		rows[i].start_ms = rows[i].end_ms = event->at_ms;
		if (is_end && event->since_ms != 0) {
			rows[i].start_ms = MIN(event->since_ms, event->at_ms);
			rows[i].is_start_told = true;
		}
		(is_end ? close_mapping : open_mapping)(t, &rows[i]);
	}
}

void translation_table_flow(struct translation_table *t, const struct flow *flow)
{
	bool is_icmp = flow->proto == 1 || flow->proto == 58; /* its ports are type and code */
	struct translation e = {
		.src = {flow->src, is_icmp ? 0 : flow->src_port},
		.dst = {flow->dst, is_icmp ? 0 : flow->dst_port},
		.nat_src = {flow->nat_src, is_icmp ? 0 : flow->nat_src_port},
		.nat_dst = {flow->nat_dst, is_icmp ? 0 : flow->nat_dst_port},
		.exporter = flow->exporter,
		.proto = flow->proto,
	};
	struct mapping rows[2];
	size_t count;

	if (addr_equal(&flow->nat_src, &nobody.addr) && addr_equal(&flow->nat_dst, &nobody.addr))
		return;
	if (element_is_nowhere(&flow->src) || element_is_nowhere(&flow->dst))
		return; /* an event of one end, as a flow; it is told as an event, too */
	if (e.nat_src.port == 0)
		e.nat_src.port = e.src.port; /* not told: as it was */
	if (e.nat_dst.port == 0)
		e.nat_dst.port = e.dst.port;
	count = mappings_of(&e, rows);
	for (size_t i = 0; i < count; i++) {
		rows[i].start_ms = flow->start_ms;
		rows[i].end_ms = flow->end_ms;
		show(t, &rows[i]);
	}
}

/* --- questions --- */

static bool holds_then(const struct mapping *m, const struct translation_query *q)
{
	struct interval then = interval_moved((struct interval){q->at_ms, q->at_ms}, 0, q->span_ms);

	if (q->later != NULL) {
		struct interval later = q->later(q->ctx, &m->exporter);

		then = interval_moved(then, later.start_ms, later.end_ms);
	}
	return m->start_ms <= then.end_ms && (m->is_open || then.start_ms <= m->end_ms);
}

static bool holds(const struct mapping *m, enum side side, const struct translation_query *q)
{
	const struct endpoint *e = side == INSIDE ? &m->inside : &m->outside;
	bool is_port = side == INSIDE ? m->inside.port == 0 || m->inside.port == q->end.port
	                              : m->first <= q->end.port && q->end.port <= m->last;

	return addr_equal(&e->addr, &q->end.addr) && is_port && is_with(&m->peer, &q->peer) &&
	       (m->proto == 0 || q->proto == 0 || m->proto == q->proto) && holds_then(m, q);
}

static size_t insert(struct mapping *ret, size_t count, size_t room, const struct mapping *m)
{
	size_t at = count;

	while (at > 0 && ret[at - 1].start_ms < m->start_ms)
		at--;
	if (at == room)
		return count;
	count = MIN(count + 1, room);
	memmove(&ret[at + 1], &ret[at], (count - at - 1) * sizeof(*ret));
	ret[at] = *m;
	return count;
}

static size_t find(const struct translation_table *t, enum side side,
                   const struct translation_query *q, struct mapping *ret, size_t room)
{
	const uint16_t ports[2] = {q->end.port, 0}; /* of a session, and of blocks */
	size_t count = 0;

	for (size_t i = 0; i < (q->end.port == 0 ? 1 : ARRAY_LEN(ports)); i++) {
		for (uint32_t slot = *head_of(t, side, &q->end.addr, ports[i]); slot != NOWHERE;
		     slot = t->rows[slot].next[side]) {
			const struct mapping *m = &t->rows[slot].m;

			if ((side == INSIDE ? m->inside.port : m->outside.port) == ports[i] &&
			    holds(m, side, q))
				count = insert(ret, count, room, m);
		}
	}
	return count;
}

size_t translation_table_inside(const struct translation_table *t,
                                const struct translation_query *q, struct mapping *ret, size_t room)
{
	return find(t, OUTSIDE, q, ret, room);
}

size_t translation_table_outside(const struct translation_table *t,
                                 const struct translation_query *q, struct mapping *ret,
                                 size_t room)
{
	return find(t, INSIDE, q, ret, room);
}

void translation_table_each(const struct translation_table *t, translation_each_fn *fn, void *ctx)
{
	for (uint32_t slot = 0, left = t->count; left > 0; slot++) {
		if (!t->rows[slot].is_used)
			continue;
		fn(ctx, &t->rows[slot].m);
		left--;
	}
}

bool translation_table_gone(const struct translation_table *t, struct interval *ret)
{
	*ret = (struct interval){t->gone.start_ms, t->gone.is_open ? INT64_MAX : t->gone.end_ms};
	return t->is_any_gone;
}

/* --- over restarts --- */

void translation_table_keep(struct translation_table *t, size_t max, translation_keep_fn *fn,
                            void *ctx)
{
	uint32_t words = t->max / 64 + 1;

	if (t->is_gone_new && max > 0) {
		fn(ctx, t->max, &t->gone);
		t->is_gone_new = false;
		max--;
	}
	for (uint32_t i = 0; i < words && max > 0; i++) {
		uint32_t word = t->keep_at;

		for (uint32_t bit = 0; bit < 64 && max > 0 && t->changed[word] != 0; bit++) {
			uint32_t slot = word * 64 + bit;

			if ((t->changed[word] & UINT64_C(1) << bit) == 0)
				continue;
			t->changed[word] &= ~(UINT64_C(1) << bit);
			if (!t->rows[slot].is_used)
				continue; /* its chain was full: another will have the slot */
			fn(ctx, slot, &t->rows[slot].m);
			max--;
		}
		if (t->changed[word] == 0)
			t->keep_at = (word + 1) % words;
	}
}

enum err translation_table_recall(struct translation_table *t, uint32_t slot,
                                  const struct mapping *m)
{
	bool is_gone = endpoint_equal(&m->inside, &nobody) && endpoint_equal(&m->outside, &nobody);

	if (slot == t->max && is_gone) {
		add_gone(t, m);
		return ERR_OK;
	}
	if (slot >= t->max || t->rows[slot].is_used || is_gone)
		return ERR_RANGE;
	t->rows[slot] = (struct row){.m = *m, .kept_ms = m->end_ms, .is_used = true};
	put_in(t, INSIDE, slot);
	put_in(t, OUTSIDE, slot);
	enlist(t, slot);
	t->count++;
	return ERR_OK;
}
