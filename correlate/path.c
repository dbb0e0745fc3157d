/*
 * Three steps, over at most PATH_MATCHES_MAX views:
 *
 *	gather   the views of one connection become one group (union-find)
 *	settle   a group becomes a hop: which end is inner, which is public, who sees behind it
 *	chain    from the target's hop backwards, one predecessor at a time
 *
 * The views are sorted first by what they say, so the path does not depend on the order in which
 * answers came in.
 */
#include "correlate/path.h"

#include "base/util.h"
#include "correlate/span.h"

#include <stdlib.h>

#define NONE UINT16_MAX

_Static_assert(PATH_MATCHES_MAX < NONE, "an index of a view fits 16 bits");

enum side { SIDE_SRC, SIDE_DST };

struct seen {
	struct match *match; /* the caller's */
	bool is_private[2];  /* by enum side */
	uint16_t parent;     /* union-find: itself at a root */
	uint16_t group;      /* index into work.groups, once settled */
};

struct group {
	struct hop hop;
	bool is_on_path;
};

struct group_tie {
	uint16_t up, down;
};

struct work {
	struct seen seen[PATH_MATCHES_MAX];
	size_t seen_count;
	struct group groups[PATH_MATCHES_MAX];
	size_t group_count;
	uint16_t chain[PATH_HOPS_MAX]; /* groups, target first */
	size_t chain_count;
	struct group_tie ties[PATH_MATCHES_MAX];
	size_t tie_count;
	int64_t slack_ms;
};

/* A possible predecessor, and what speaks for it. */
struct bid {
	uint16_t group; /* NONE: there is none */
	enum path_link link;
	uint32_t node; /* PATH_HOST: who sees the host */
	bool is_nested;
	int64_t start_ms;
	double score;
};

/*
 * Gather.
 */

static const struct endpoint *end_of(const struct match *m, enum side side)
{
	return side == SIDE_SRC ? &m->src : &m->dst;
}

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
static void unite(struct work *w, uint16_t i, uint16_t j)
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
static void gather_equal(struct work *w)
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
static bool is_nat_pair(const struct seen *a, const struct seen *b, enum side side,
                        int64_t slack_ms)
{
	const struct match *x = a->match, *y = b->match;
	enum side other = side == SIDE_SRC ? SIDE_DST : SIDE_SRC;
	bool is_across = a->is_private[side] != b->is_private[side];
	bool is_start_near = apart_ms(x->life.start_ms, y->life.start_ms) <= slack_ms;
	bool is_end_near = apart_ms(x->life.end_ms, y->life.end_ms) <= slack_ms;

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

/* The view that pairs best with view `i`, or NONE. */
static uint16_t nat_partner(const struct work *w, uint16_t i, enum side side)
{
	const struct match *a = w->seen[i].match;
	uint16_t best = NONE;
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
		if (partner[i] != NONE && partner[partner[i]] == i)
			unite(w, i, partner[i]);
	}
}

/*
 * Settle.
 */

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

/* The target's group. */
static uint16_t settle(struct work *w)
{
	uint16_t target = NONE;

	for (uint16_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;
		uint16_t root = root_of(w, i);
		struct hop *hop;

		if (root == i) {
			w->seen[i].group = (uint16_t)w->group_count;
			w->groups[w->group_count++] =
				(struct group){.hop = {.life = m->life,
			                               .score = 1,
			                               .is_told = true,
			                               .rival = PATH_NOWHERE}};
		}
		w->seen[i].group = w->seen[root].group;
		hop = &w->groups[w->seen[i].group].hop;
		hop->views++;
		if (!m->is_told)
			hop->score = MIN(hop->score, m->score);
		hop->is_told = hop->is_told && m->is_told;
		hop->life.start_ms = MIN(hop->life.start_ms, m->life.start_ms);
		hop->life.end_ms = MAX(hop->life.end_ms, m->life.end_ms);
		if (m->is_target)
			target = w->seen[i].group;
	}
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct hop *hop = &w->groups[g].hop;

		settle_end(w, g, SIDE_SRC, &hop->src, &hop->public_src, &hop->src_node);
		settle_end(w, g, SIDE_DST, &hop->dst, &hop->public_dst, &hop->dst_node);
	}
	return target;
}

/*
 * Chain.
 */

/* One end of a hop, as far as it tells one host from another. */
struct host {
	const struct addr *inner, *outer;
	uint32_t node;
};

static struct host client_of(const struct hop *h)
{
	return (struct host){&h->src.addr, &h->public_src.addr, h->src_node};
}

static struct host server_of(const struct hop *h)
{
	return (struct host){&h->dst.addr, &h->public_dst.addr, h->dst_node};
}

/* Behind one public address there may be many hosts; only who sees behind it can tell them apart.
 */
static bool may_be_same(struct host a, struct host b)
{
	if (a.node != PATH_NOWHERE && b.node != PATH_NOWHERE)
		return a.node == b.node && addr_equal(a.inner, b.inner);
	return addr_equal(a.outer, b.outer);
}

static bool group_has_node(const struct work *w, uint16_t g, uint32_t node)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		if (w->seen[i].group == g && w->seen[i].match->node == node)
			return true;
	}
	return false;
}

/*
 * Does `node` see the endpoint of group `g` at `side` on two of its interfaces? Then nothing is
 * translated between them. Seen on one, the address may be the gateway's own, with many behind it.
 */
static bool is_passed_on(const struct work *w, uint16_t g, enum side side, uint32_t node)
{
	const struct match *first = NULL;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;

		if (w->seen[i].group != g || m->node != node)
			continue;
		if (first == NULL)
			first = m;
		else if (!endpoint_equal(end_of(first, side), end_of(m, side)))
			return false;
		else if (view_cmp(&first->view, &m->view) != 0)
			return true;
	}
	return false;
}

/*
 * Two hops meet at an address that no gateway rewrites. Where exactly one node sees both, and each
 * is also seen by a node that does not see the other, that one node stands before the host.
 */
static uint32_t node_between(const struct work *w, uint16_t a, uint16_t b)
{
	uint32_t common = PATH_NOWHERE;
	bool has_other_a = false, has_other_b = false;

	for (size_t i = 0; i < w->seen_count; i++) {
		uint32_t node = w->seen[i].match->node;
		bool in_a = w->seen[i].group == a, in_b = w->seen[i].group == b;

		if (!in_a && !in_b)
			continue;
		if (!group_has_node(w, in_a ? b : a, node)) {
			has_other_a |= in_a;
			has_other_b |= in_b;
		} else if (common == PATH_NOWHERE || common == node) {
			common = node;
		} else {
			return PATH_NOWHERE;
		}
	}
	if (!has_other_a || !has_other_b || common == PATH_NOWHERE)
		return PATH_NOWHERE;
	return is_passed_on(w, a, SIDE_DST, common) || is_passed_on(w, b, SIDE_SRC, common)
	               ? common
	               : PATH_NOWHERE;
}

/* Not earlier in time than it may be, and not over before the other begins. */
static bool may_carry(const struct interval *up, const struct interval *down, int64_t slack_ms)
{
	return span_ms(down->start_ms, up->start_ms) <= slack_ms &&
	       span_ms(up->end_ms, down->start_ms) <= slack_ms;
}

/*
 * Timing alone is weak, so it must not contradict anything known. Who sees behind the client's
 * address would have seen the connection into that host come through the gateway; only a stone
 * beside it, in the same network, comes unseen. And a host of the path does not appear twice:
 * another connection from it is a branch (a sibling), another into it is somebody else's.
 */
static bool may_be_timed(const struct work *w, const struct hop *up, const struct hop *down)
{
	if (down->src_node != PATH_NOWHERE && up->dst_node != down->src_node)
		return false;
	for (size_t i = 0; i < w->chain_count; i++) {
		const struct hop *h = &w->groups[w->chain[i]].hop;

		if (may_be_same(client_of(up), client_of(h)) ||
		    may_be_same(server_of(up), server_of(h)) ||
		    may_be_same(client_of(up), server_of(h)))
			return false;
	}
	return true;
}

/* What timing and addresses say ties group `g` to `down`, the head of the chain so far. */
static struct bid bid_of(const struct work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;
	struct host server = server_of(up), client = client_of(down);
	struct bid bid = {
		.group = g,
		.link = PATH_END,
		.node = PATH_NOWHERE,
		.is_nested = span_ms(up->life.end_ms, down->life.end_ms) <= w->slack_ms,
		.start_ms = up->life.start_ms,
		.score = up->score,
	};

	if (up->is_told || !may_carry(&up->life, &down->life, w->slack_ms))
		return bid;
	if (may_be_same(server, client)) {
		bid.node = server.node == client.node ? server.node : PATH_NOWHERE;
		if (server.node == PATH_NOWHERE && client.node == PATH_NOWHERE)
			bid.node = node_between(w, g, down_group);
		bid.link = bid.node == PATH_NOWHERE ? PATH_ADDRESS : PATH_HOST;
	} else if (bid.is_nested && may_be_timed(w, up, down)) {
		bid.link = PATH_TIME;
	}
	return bid;
}

/* A surer link, then an upstream that outlives the other, then the latest start, then the score. */
static bool is_better(const struct bid *a, const struct bid *b)
{
	if (b->group == NONE || a->link != b->link)
		return b->group == NONE || a->link < b->link;
	if (a->is_nested != b->is_nested)
		return a->is_nested;
	if (a->start_ms != b->start_ms)
		return a->start_ms > b->start_ms;
	return a->score > b->score;
}

/* The predecessor that timing and addresses speak for. */
static struct bid best_predecessor(const struct work *w, uint16_t down_group)
{
	struct bid best = {.group = NONE};

	for (uint16_t g = 0; g < w->group_count; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path)
			continue;
		bid = bid_of(w, g, down_group);
		if (bid.link != PATH_END && is_better(&bid, &best))
			best = bid;
	}
	return best;
}

/* A host's word for group `g`: surer than any other, but not against time itself. */
static struct bid tied_bid(struct work *w, uint16_t g, uint16_t down_group)
{
	struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;
	struct host server = server_of(up), client = client_of(down);
	struct bid bid = {
		.group = g,
		.link = PATH_ORIGIN,
		.node = server.node == client.node ? server.node : PATH_NOWHERE,
		.is_nested = span_ms(up->life.end_ms, down->life.end_ms) <= w->slack_ms,
		.start_ms = up->life.start_ms,
		.score = up->score,
	};

	if (span_ms(down->life.start_ms, up->life.start_ms) > w->slack_ms) {
		down->is_refused = true;
		bid.link = PATH_END;
	}
	return bid;
}

/* Of several that hosts have named: as of others, one that outlives it, then the latest. */
static struct bid best_tied(struct work *w, uint16_t down_group)
{
	struct bid best = {.group = NONE};

	for (size_t i = 0; i < w->tie_count; i++) {
		struct bid bid;

		if (w->ties[i].down != down_group || w->groups[w->ties[i].up].is_on_path)
			continue;
		bid = tied_bid(w, w->ties[i].up, down_group);
		if (bid.link != PATH_END && is_better(&bid, &best))
			best = bid;
	}
	return best;
}

/* Index of a view of group `g` in the caller's array. */
static uint32_t a_view_of(const struct work *w, uint16_t g, const struct match *matches)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		if (w->seen[i].group == g)
			return (uint32_t)(w->seen[i].match - matches);
	}
	return PATH_NOWHERE;
}

static void compare(const struct work *w, const struct bid *tied, const struct bid *timed,
                    const struct match *matches, struct hop *up)
{
	if (timed->group == NONE) {
		up->timing = PATH_SILENT;
	} else if (timed->group == tied->group) {
		up->timing = PATH_AGREES;
	} else {
		up->timing = PATH_AGAINST;
		up->rival = a_view_of(w, timed->group, matches);
	}
}

static void chain(struct work *w, uint16_t target, const struct match *matches)
{
	struct bid bid = {.group = target};

	while (bid.group != NONE) {
		uint16_t head = bid.group;
		struct bid timed;

		w->groups[head].is_on_path = true;
		w->chain[w->chain_count++] = head;
		if (w->chain_count == PATH_HOPS_MAX)
			break;
		timed = best_predecessor(w, head);
		bid = best_tied(w, head);
		if (bid.group == NONE)
			bid = timed;
		else
			compare(w, &bid, &timed, matches, &w->groups[bid.group].hop);
		if (bid.group == NONE)
			break;
		w->groups[bid.group].hop.link = bid.link;
		if (bid.node != PATH_NOWHERE && bid.link <= PATH_HOST) {
			w->groups[bid.group].hop.dst_node = bid.node;
			w->groups[head].hop.src_node = bid.node;
		}
	}
}

static uint16_t group_of(const struct work *w, const struct match *match)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		if (w->seen[i].match == match)
			return w->seen[i].group;
	}
	return NONE;
}

/* Between groups, each once. */
static void take_ties(struct work *w, const struct match *matches, size_t count,
                      const struct tie *ties, size_t tie_count)
{
	for (size_t i = 0; i < tie_count && w->tie_count < PATH_MATCHES_MAX; i++) {
		struct group_tie tie;
		bool is_known = false;

		if (ties[i].up >= count || ties[i].down >= count)
			continue;
		tie.up = group_of(w, &matches[ties[i].up]);
		tie.down = group_of(w, &matches[ties[i].down]);
		for (size_t k = 0; k < w->tie_count; k++)
			is_known |= w->ties[k].up == tie.up && w->ties[k].down == tie.down;
		if (tie.up != NONE && tie.down != NONE && tie.up != tie.down && !is_known)
			w->ties[w->tie_count++] = tie;
	}
}

/* The target and, up to the limit, the first of the others. */
static void take(struct work *w, struct match *matches, size_t count)
{
	size_t target = 0;

	while (target < count && !matches[target].is_target)
		target++;
	CHECK(target < count);
	for (size_t i = 0; i < count; i++) {
		struct match *m = &matches[i];
		size_t room = PATH_MATCHES_MAX - w->seen_count - (i < target);

		m->hop = PATH_NOWHERE;
		if (room == 0)
			continue;
		w->seen[w->seen_count++] = (struct seen){
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
static void write_out(struct work *w, struct path *ret)
{
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
		for (size_t k = 0; k < w->chain_count; k++) {
			if (w->chain[k] == w->seen[i].group)
				w->seen[i].match->hop = (uint32_t)(w->chain_count - 1 - k);
		}
	}
}

void path_assemble(struct match *matches, size_t count, const struct tie *ties, size_t tie_count,
                   int64_t slack_ms, struct path *ret)
{
	struct work w = {.slack_ms = slack_ms};
	uint16_t target;

	take(&w, matches, count);
	gather_equal(&w);
	gather_nat(&w, SIDE_SRC);
	gather_nat(&w, SIDE_DST);
	target = settle(&w);
	take_ties(&w, matches, count, ties, tie_count);
	chain(&w, target, matches);
	write_out(&w, ret);
}

const char *path_timing_text(enum path_timing timing)
{
	static const char *const texts[] = {"silent", "agrees", "against"};

	return (size_t)timing < ARRAY_LEN(texts) ? texts[timing] : "unknown";
}

const char *path_link_text(enum path_link link)
{
	static const char *const texts[] = {
		[PATH_END] = "end",         [PATH_ORIGIN] = "origin", [PATH_HOST] = "host",
		[PATH_ADDRESS] = "address", [PATH_TIME] = "time",
	};

	return (size_t)link < ARRAY_LEN(texts) ? texts[link] : "unknown";
}
