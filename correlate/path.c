/*
 * Three steps, over at most PATH_MATCHES_MAX views:
 *
 *	gather   the views of one connection become one group (union-find)
 *	settle   a group becomes a hop: which end is inner, which is public, who sees behind it
 *	chain    from the target's hop backwards, one predecessor at a time (path_chain.c)
 *
 * The views are sorted first by what they say, so the path does not depend on the order in which
 * answers came in.
 */
#include "correlate/path.h"

#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <stdlib.h>

/*
 * Gather.
 */

static int endpoint_cmp(const struct endpoint *a, const struct endpoint *b)
{
	int cmp = addr_cmp(&a->addr, &b->addr);

	return cmp != 0 ? cmp : (a->port > b->port) - (a->port < b->port);
}

static int tuple_cmp(const struct match *a, const struct match *b)
{
	int cmp = endpoint_cmp(&a->src, &b->src);

	if (cmp == 0)
		cmp = endpoint_cmp(&a->dst, &b->dst);
	return cmp != 0 ? cmp : (int)a->proto - (int)b->proto;
}

static int seen_cmp(const void *left, const void *right)
{
	const struct match *a = ((const struct path_seen *)left)->match;
	const struct match *b = ((const struct path_seen *)right)->match;
	int cmp = tuple_cmp(a, b);

	if (cmp == 0)
		cmp = (a->life.start_ms > b->life.start_ms) - (a->life.start_ms < b->life.start_ms);
	if (cmp == 0)
		cmp = (a->life.end_ms > b->life.end_ms) - (a->life.end_ms < b->life.end_ms);
	if (cmp == 0)
		cmp = (a->node > b->node) - (a->node < b->node);
	if (cmp == 0)
		cmp = view_cmp(&a->view, &b->view);
	return cmp != 0 ? cmp : (a->score > b->score) - (a->score < b->score);
}

static uint16_t root_of(struct path_work *w, uint16_t at)
{
	while (w->seen[at].parent != at) {
		w->seen[at].parent = w->seen[w->seen[at].parent].parent;
		at = w->seen[at].parent;
	}
	return at;
}

/* The lower index stays the root: roots then come in the order of the views. */
static void unite(struct path_work *w, uint16_t i, uint16_t j)
{
	uint16_t a = root_of(w, i), b = root_of(w, j);

	w->seen[MAX(a, b)].parent = MIN(a, b);
}

static int64_t apart_ms(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? span_ms(a_ms, b_ms) : span_ms(b_ms, a_ms);
}

/* Do two lives meet, or miss each other by no more than the slack? */
static bool lives_meet(const struct interval *a, const struct interval *b, int64_t slack_ms)
{
	return span_ms(a->end_ms, b->start_ms) <= slack_ms &&
	       span_ms(b->end_ms, a->start_ms) <= slack_ms;
}

/* Equal ends at the same time, wherever they are seen, are one connection. */
static void gather_equal(struct path_work *w)
{
	for (uint16_t i = 0; i < w->seen_count; i++) {
		const struct match *a = w->seen[i].match;

		for (uint16_t j = (uint16_t)(i + 1); j < w->seen_count; j++) {
			const struct match *b = w->seen[j].match;

			if (tuple_cmp(a, b) != 0)
				break; /* equal ones are neighbours */
			if (lives_meet(&a->life, &b->life, w->slack_ms))
				unite(w, i, j);
		}
	}
}

/*
 * May two views be the two sides of one gateway that rewrites the address at `side`? The other end
 * is the same, and so is the time. Two clients of one server look like that too, but both are
 * inside, at one interface.
 *
 * A gateway may show one of its sides only; then the other is what the far gateway sees. Between
 * two nodes more is asked: one side is private, and of two clients both start and end agree.
 */
static bool is_nat_pair(const struct path_seen *a, const struct path_seen *b, enum path_side side,
                        int64_t slack_ms)
{
	const struct match *x = a->match, *y = b->match;
	enum path_side other = side == PATH_SRC ? PATH_DST : PATH_SRC;
	bool is_across = a->is_private[side] != b->is_private[side];
	bool is_start_near = apart_ms(x->life.start_ms, y->life.start_ms) <= slack_ms;
	bool is_end_near = apart_ms(x->life.end_ms, y->life.end_ms) <= slack_ms;

	if (x->proto != y->proto || !endpoint_equal(path_end_of(x, other), path_end_of(y, other)) ||
	    addr_equal(&path_end_of(x, side)->addr, &path_end_of(y, side)->addr))
		return false;
	if (x->node != y->node)
		return is_across && (side == PATH_DST || (is_start_near && is_end_near)) &&
		       (is_start_near || is_end_near);
	if (!addr_equal(&x->view.exporter, &y->view.exporter))
		return false;
	if (!is_across && view_cmp(&x->view, &y->view) == 0)
		return false;
	return is_start_near || is_end_near;
}

/* What speaks against two views being one connection: other nodes, then time, then ports. */
static uint64_t nat_cost(const struct match *a, const struct match *b, enum path_side side)
{
	int64_t starts_ms = apart_ms(a->life.start_ms, b->life.start_ms);
	int64_t ends_ms = apart_ms(a->life.end_ms, b->life.end_ms);
	uint64_t cost = (uint64_t)(MIN(starts_ms, INT64_MAX / 8) + MIN(ends_ms, INT64_MAX / 8));

	cost = 2 * cost + (path_end_of(a, side)->port != path_end_of(b, side)->port);
	return a->node == b->node ? cost : cost + INT64_MAX;
}

/* The view that pairs best with view `i`, or PATH_NONE. */
static uint16_t nat_partner(const struct path_work *w, uint16_t i, enum path_side side)
{
	const struct match *a = w->seen[i].match;
	uint16_t best = PATH_NONE;
	uint64_t best_cost = UINT64_MAX;

	for (uint16_t j = 0; j < w->seen_count; j++) {
		const struct match *b = w->seen[j].match;
		uint64_t cost;

		if (!is_nat_pair(&w->seen[i], &w->seen[j], side, w->slack_ms))
			continue;
		cost = nat_cost(a, b, side);
		if (cost < best_cost) {
			best = j;
			best_cost = cost;
		}
	}
	return best;
}

/*
 * Several clients may reach one server through one gateway within the slack; only two views that
 * choose each other are taken for one connection.
 */
static void gather_nat(struct path_work *w, enum path_side side)
{
	uint16_t partner[PATH_MATCHES_MAX];

	for (uint16_t i = 0; i < w->seen_count; i++)
		partner[i] = nat_partner(w, i, side);
	for (uint16_t i = 0; i < w->seen_count; i++) {
		if (partner[i] != PATH_NONE && partner[partner[i]] == i)
			unite(w, i, partner[i]);
	}
}

/*
 * Settle.
 */

/* Is endpoint `e` at `side` of group `g` seen by one node only? Then by `ret_node`. */
static bool is_seen_by_one(const struct path_work *w, uint16_t g, enum path_side side,
                           const struct endpoint *e, uint32_t *ret_node)
{
	uint32_t node = PATH_NOWHERE;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;

		if (w->seen[i].group != g || !endpoint_equal(path_end_of(m, side), e))
			continue;
		if (node != PATH_NOWHERE && node != m->node)
			return false;
		node = m->node;
	}
	*ret_node = node;
	return true;
}

/*
 * The endpoint of group `g` at `side` that looks most like the host's own (private; known to one
 * node) or, with `is_inner` false, most like the public one. `except` may be NULL. NULL: none left.
 */
static const struct endpoint *pick(const struct path_work *w, uint16_t g, enum path_side side,
                                   bool is_inner, const struct endpoint *except)
{
	const struct endpoint *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct path_seen *s = &w->seen[i];
		const struct endpoint *e = path_end_of(s->match, side);
		uint32_t node;
		int rank;

		if (s->group != g || (except != NULL && endpoint_equal(e, except)))
			continue;
		rank = 2 * (s->is_private[side] == is_inner) +
		       (is_seen_by_one(w, g, side, e, &node) == is_inner);
		if (rank > best_rank) {
			best = e;
			best_rank = rank;
		}
	}
	return best;
}

/* Fills one end of a hop. Whoever sees a private or translated address alone is its gateway. */
static void settle_end(const struct path_work *w, uint16_t g, enum path_side side,
                       struct endpoint *ret_inner, struct endpoint *ret_public, uint32_t *ret_node)
{
	const struct endpoint *inner = pick(w, g, side, true, NULL);
	const struct endpoint *outer = pick(w, g, side, false, inner);

	*ret_inner = *inner;
	*ret_public = outer == NULL ? *inner : *outer;
	*ret_node = PATH_NOWHERE;
	if (outer != NULL || addr_is_private(&inner->addr)) {
		uint32_t node;

		if (is_seen_by_one(w, g, side, inner, &node))
			*ret_node = node;
	}
}

static void add_view(struct hop *hop, const struct match *m)
{
	hop->views++;
	if (!m->is_told || m->is_target) {
		hop->score = hop->is_told ? m->score : MIN(hop->score, m->score);
		hop->is_told = false;
	}
	hop->life.start_ms = MIN(hop->life.start_ms, m->life.start_ms);
	hop->life.end_ms = MAX(hop->life.end_ms, m->life.end_ms);
}

/* The target's group. A match's `hop` is its group until the path is written out. */
static uint16_t settle(struct path_work *w)
{
	uint16_t target = PATH_NONE;

	for (uint16_t i = 0; i < w->seen_count; i++) {
		struct match *m = w->seen[i].match;
		uint16_t root = root_of(w, i);

		if (root == i) {
			w->seen[i].group = (uint16_t)w->group_count;
			w->groups[w->group_count++].hop = (struct hop){
				.life = m->life,
				.link = PATH_END,
				.is_told = true,
				.rival = PATH_NOWHERE,
				.other = PATH_NOWHERE,
				.refused = PATH_NOWHERE,
			};
		}
		w->seen[i].group = w->seen[root].group;
		m->hop = w->seen[i].group;
		add_view(&w->groups[w->seen[i].group].hop, m);
		if (m->is_target)
			target = w->seen[i].group;
	}
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct hop *hop = &w->groups[g].hop;

		settle_end(w, g, PATH_SRC, &hop->src, &hop->public_src, &hop->src_node);
		settle_end(w, g, PATH_DST, &hop->dst, &hop->public_dst, &hop->dst_node);
	}
	return target;
}

/* The target and, up to the limit, the first of the others. */
static void take(struct path_work *w, struct match *matches, size_t count)
{
	size_t target = 0;

	w->matches = matches;
	w->match_count = count;
	while (target < count && !matches[target].is_target)
		target++;
	CHECK(target < count);
	for (size_t i = 0; i < count; i++) {
		struct match *m = &matches[i];
		size_t room = PATH_MATCHES_MAX - w->seen_count - (i < target);

		m->hop = PATH_NOWHERE;
		if (room == 0)
			continue;
		w->seen[w->seen_count++] = (struct path_seen){
			.match = m,
			.is_private = {addr_is_private(&m->src.addr),
		                       addr_is_private(&m->dst.addr)},
		};
	}
	qsort(w->seen, w->seen_count, sizeof(w->seen[0]), seen_cmp);
	for (uint16_t i = 0; i < w->seen_count; i++)
		w->seen[i].parent = i;
}

/* The chain, turned round, and the gaps in it. */
static void write_out(const struct path_work *w, struct path *ret)
{
	ret->ties_refused = w->ties_refused;
	ret->hop_count = w->chain_count;
	ret->gap_count = 0;
	for (size_t i = 0; i < w->chain_count; i++)
		ret->hops[i] = w->groups[w->chain[w->chain_count - 1 - i]].hop;
	for (uint32_t i = 0; i + 1 < ret->hop_count; i++) {
		const struct hop *hop = &ret->hops[i];

		if (hop->link == PATH_ADDRESS || hop->link == PATH_TIME)
			ret->gaps[ret->gap_count++] = (struct gap){
				.from = hop->public_dst.addr,
				.to = hop[1].public_src.addr,
				.after = i,
				.link = hop->link,
			};
	}
	for (size_t i = 0; i < w->seen_count; i++) {
		w->seen[i].match->hop = PATH_NOWHERE;
		for (size_t k = 0; k < w->chain_count; k++) {
			if (w->chain[k] == w->seen[i].group)
				w->seen[i].match->hop = (uint32_t)(w->chain_count - 1 - k);
		}
	}
}

void path_assemble(struct match *matches, size_t count, const struct tie *ties, size_t tie_count,
                   int64_t slack_ms, struct path *ret)
{
	struct path_work w = {.ties = ties, .tie_count = tie_count, .slack_ms = slack_ms};

	take(&w, matches, count);
	gather_equal(&w);
	gather_nat(&w, PATH_SRC);
	gather_nat(&w, PATH_DST);
	path_chain(&w, settle(&w));
	write_out(&w, ret);
}

const char *path_link_text(enum path_link link)
{
	static const char *const texts[] = {
		[PATH_END] = "end",         [PATH_ORIGIN] = "origin", [PATH_HOST] = "host",
		[PATH_ADDRESS] = "address", [PATH_TIME] = "time",
	};

	return (size_t)link < ARRAY_LEN(texts) ? texts[link] : "unknown";
}
