/*
 * Gathering (union-find), and settling: which end of a hop is inner, which is public, who sees
 * behind it.
 */
#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <math.h>

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

int path_gather_order(const void *left, const void *right)
{
	const struct match *a = ((const struct seen *)left)->match;
	const struct match *b = ((const struct seen *)right)->match;
	int cmp = tuple_cmp(a, b);

	if (cmp == 0)
		cmp = (a->life.start_ms > b->life.start_ms) - (a->life.start_ms < b->life.start_ms);
	if (cmp == 0)
		cmp = (a->life.end_ms > b->life.end_ms) - (a->life.end_ms < b->life.end_ms);
	if (cmp == 0)
		cmp = (a->node > b->node) - (a->node < b->node);
	return cmp != 0 ? cmp : view_cmp(&a->view, &b->view);
}

static uint16_t root_of(struct work *w, uint16_t at)
{
	while (w->seen[at].parent != at) {
		w->seen[at].parent = w->seen[w->seen[at].parent].parent;
		at = w->seen[at].parent;
	}
	return at;
}

/* The lower index stays the root: roots then come in the order of the views. */
static void unite(struct work *w, uint16_t i, uint16_t j, enum path_join how)
{
	uint16_t a = root_of(w, i), b = root_of(w, j);

	if (a != b)
		w->seen[j].joined_by |= how;
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
static void gather_equal(struct work *w)
{
	for (uint16_t i = 0; i < w->seen_count; i++) {
		const struct match *a = w->seen[i].match;

		for (uint16_t j = (uint16_t)(i + 1); j < w->seen_count; j++) {
			const struct match *b = w->seen[j].match;

			if (tuple_cmp(a, b) != 0)
				break; /* equal ones are neighbours */
			if (lives_meet(&a->life, &b->life, w->slack_ms))
				unite(w, i, j, PATH_JOIN_TUPLE);
		}
	}
}

/* May `e` be `told`, of which the port may be missing? */
static bool is_as_told(const struct endpoint *told, const struct endpoint *e)
{
	return told->port != 0 ? endpoint_equal(told, e) : addr_equal(&told->addr, &e->addr);
}

/*
 * What a gateway has told of the other side of a view is one connection with that view, and with
 * whatever has those ends (which gather_equal() has seen to). Of an address without a port there
 * may be several at the time, inside that gateway: then it must be the only one.
 */
static void gather_told(struct work *w, uint16_t i)
{
	const struct match *told = w->seen[i].match;
	bool has_ports = told->src.port != 0 && told->dst.port != 0;
	uint16_t found = PATH_NONE;
	size_t count = 0;

	for (uint16_t j = 0; j < w->seen_count && !has_ports; j++) {
		const struct match *m = w->seen[j].match;

		if (m->is_translation || m->node != told->node || m->proto != told->proto ||
		    !is_as_told(&told->src, &m->src) || !is_as_told(&told->dst, &m->dst) ||
		    !lives_meet(&told->life, &m->life, w->slack_ms))
			continue;
		count += found == PATH_NONE || root_of(w, j) != root_of(w, found);
		found = j;
	}
	if (count == 1)
		unite(w, i, found, PATH_JOIN_NAT);
}

static void gather_translations(struct work *w, const struct match *matches)
{
	for (uint16_t i = 0; i < w->seen_count; i++) {
		if (!w->seen[i].match->is_translation)
			continue;
		for (uint16_t j = 0; j < w->seen_count; j++) {
			if (w->seen[j].match != &matches[w->seen[i].match->twin])
				continue;
			w->seen[j].is_told = true;
			unite(w, j, i, PATH_JOIN_NAT);
		}
		gather_told(w, i);
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
static bool is_nat_pair(const struct seen *a, const struct seen *b, enum side side,
                        int64_t slack_ms)
{
	const struct match *x = a->match, *y = b->match;
	enum side other = side == SIDE_SRC ? SIDE_DST : SIDE_SRC;
	bool is_across = a->is_private[side] != b->is_private[side];
	bool is_start_near = apart_ms(x->life.start_ms, y->life.start_ms) <= slack_ms;
	bool is_end_near = apart_ms(x->life.end_ms, y->life.end_ms) <= slack_ms;

	if (x->is_translation || y->is_translation ||
	    (x->node == y->node && (a->is_told || b->is_told)))
		return false; /* the gateway itself has said what is on its other side */
	if (x->proto != y->proto || !endpoint_equal(end_of(x, other), end_of(y, other)) ||
	    addr_equal(&end_of(x, side)->addr, &end_of(y, side)->addr))
		return false;
	if (x->node != y->node)
		return is_across && (side == SIDE_DST || (is_start_near && is_end_near)) &&
		       (is_start_near || is_end_near);
	if (!addr_equal(&x->view.exporter, &y->view.exporter))
		return false;
	if (!is_across && view_cmp(&x->view, &y->view) == 0)
		return false;
	return is_start_near || is_end_near;
}

/* What speaks against two views being one connection: other nodes, then time, then ports. */
static uint64_t nat_cost(const struct match *a, const struct match *b, enum side side)
{
	int64_t starts_ms = apart_ms(a->life.start_ms, b->life.start_ms);
	int64_t ends_ms = apart_ms(a->life.end_ms, b->life.end_ms);
	uint64_t cost = (uint64_t)(MIN(starts_ms, INT64_MAX / 8) + MIN(ends_ms, INT64_MAX / 8));

	cost = 2 * cost + (end_of(a, side)->port != end_of(b, side)->port);
	return a->node == b->node ? cost : cost + INT64_MAX;
}

/* The view that pairs best with view `i`, or PATH_NONE. */
static uint16_t nat_partner(const struct work *w, uint16_t i, enum side side)
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
static void gather_nat(struct work *w, enum side side)
{
	uint16_t partner[PATH_MATCHES_MAX];

	for (uint16_t i = 0; i < w->seen_count; i++)
		partner[i] = nat_partner(w, i, side);
	for (uint16_t i = 0; i < w->seen_count; i++) {
		if (partner[i] != PATH_NONE && partner[partner[i]] == i)
			unite(w, i, partner[i], PATH_JOIN_TIMING);
	}
}

void path_gather(struct work *w, const struct match *matches)
{
	gather_equal(w);
	gather_translations(w, matches);
	gather_nat(w, SIDE_SRC);
	gather_nat(w, SIDE_DST);
}

/* Is endpoint `e` at `side` of group `g` seen by one node only? Then by `ret_node`. */
static bool is_seen_by_one(const struct work *w, uint16_t g, enum side side,
                           const struct endpoint *e, uint32_t *ret_node)
{
	uint32_t node = PATH_NOWHERE;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;

		if (w->seen[i].group != g || !endpoint_equal(end_of(m, side), e))
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
static const struct endpoint *pick(const struct work *w, uint16_t g, enum side side, bool is_inner,
                                   const struct endpoint *except)
{
	const struct endpoint *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct seen *s = &w->seen[i];
		const struct endpoint *e = end_of(s->match, side);
		uint32_t node;
		int rank;

		if (s->group != g || (except != NULL && endpoint_equal(e, except)))
			continue;
		rank = 4 * (s->is_private[side] == is_inner) +
		       2 * (is_seen_by_one(w, g, side, e, &node) == is_inner) + (e->port != 0);
		if (rank > best_rank) {
			best = e;
			best_rank = rank;
		}
	}
	return best;
}

/* Fills one end of a hop. Whoever sees a private or translated address alone is its gateway. */
static void settle_end(const struct work *w, uint16_t g, enum side side, struct endpoint *ret_inner,
                       struct endpoint *ret_public, uint32_t *ret_node)
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

/* The least of the scores; the lag of the best. */
static void take_score(struct work *w, uint16_t g, const struct match *m)
{
	struct group *group = &w->groups[g];

	group->hop.score = MIN(group->hop.score, m->score);
	if (group->lag_of != NULL && m->score <= group->lag_of->score)
		return;
	group->lag_of = m;
	group->hop.lag_ms = m->lag_ms;
	group->hop.lag_error_ms = m->lag_error_ms;
	group->hop.by = m->by;
	group->hop.stretch_ms = m->stretch_ms;
	group->hop.stretches = m->stretches;
}

uint16_t path_settle(struct work *w)
{
	uint16_t target = PATH_NONE;

	for (uint16_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;
		uint16_t root = root_of(w, i);
		struct hop *hop;

		if (root == i) {
			w->seen[i].group = (uint16_t)w->group_count;
			w->groups[w->group_count++] =
				(struct group){.hop = {.life = m->life,
			                               .score = INFINITY,
			                               .is_told = true,
			                               .weight = 1,
			                               .rival = PATH_NOWHERE}};
		}
		w->seen[i].group = w->seen[root].group;
		hop = &w->groups[w->seen[i].group].hop;
		hop->joined_by |= w->seen[i].joined_by;
		if (m->is_translation)
			continue;
		hop->views++;
		if (!m->is_told && !m->is_target) {
			take_score(w, w->seen[i].group, m);
			w->groups[w->seen[i].group].is_significant |= m->is_significant;
		}
		hop->is_told = hop->is_told && m->is_told;
		hop->life.start_ms = MIN(hop->life.start_ms, m->life.start_ms);
		hop->life.end_ms = MAX(hop->life.end_ms, m->life.end_ms);
		if (m->is_target) {
			target = w->seen[i].group;
			w->groups[target].target = m;
		}
	}
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct hop *hop = &w->groups[g].hop;

		settle_end(w, g, SIDE_SRC, &hop->src, &hop->public_src, &hop->src_node);
		settle_end(w, g, SIDE_DST, &hop->dst, &hop->public_dst, &hop->dst_node);
	}
	return target;
}
