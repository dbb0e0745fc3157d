/*
 * From the target's hop backwards, one predecessor at a time: the best that a tie names, or where
 * none does, the best by place and time. What timing would have chosen is sought either way.
 */
#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

/* A possible predecessor, and what speaks for it. */
struct bid {
	uint16_t group; /* PATH_NONE: there is none */
	enum path_link link;
	uint32_t node; /* who sees the host between it and the next hop */
	bool is_timed; /* PATH_ORIGIN: it is timing's choice as well */
	bool is_nested;
	int64_t start_ms;
	double score;
};

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

static bool group_has_node(const struct path_work *w, uint16_t g, uint32_t node)
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
static bool is_passed_on(const struct path_work *w, uint16_t g, enum path_side side, uint32_t node)
{
	const struct match *first = NULL;

	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;

		if (w->seen[i].group != g || m->node != node)
			continue;
		if (first == NULL)
			first = m;
		else if (!endpoint_equal(path_end_of(first, side), path_end_of(m, side)))
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
static uint32_t node_between(const struct path_work *w, uint16_t a, uint16_t b)
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
	return is_passed_on(w, a, PATH_DST, common) || is_passed_on(w, b, PATH_SRC, common)
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
static bool may_be_timed(const struct path_work *w, const struct hop *up, const struct hop *down)
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

/* Who sees the host that group `up` ends at and `down` begins at; PATH_NOWHERE: not known. */
static uint32_t node_of_host(const struct path_work *w, uint16_t up, uint16_t down)
{
	struct host server = server_of(&w->groups[up].hop);
	struct host client = client_of(&w->groups[down].hop);

	if (!may_be_same(server, client))
		return PATH_NOWHERE;
	if (server.node == PATH_NOWHERE && client.node == PATH_NOWHERE)
		return node_between(w, up, down);
	return server.node == client.node ? server.node : PATH_NOWHERE;
}

static struct bid bid_of(const struct path_work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;

	return (struct bid){
		.group = g,
		.link = PATH_END,
		.node = PATH_NOWHERE,
		.is_nested = span_ms(up->life.end_ms, down->life.end_ms) <= w->slack_ms,
		.start_ms = up->life.start_ms,
		.score = up->score,
	};
}

/* What place and time say for group `g` before the head of the chain so far; PATH_END: nothing. */
static struct bid timed_bid(const struct path_work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;
	struct bid bid = bid_of(w, g, down_group);

	if (up->is_told || !may_carry(&up->life, &down->life, w->slack_ms))
		return bid;
	if (may_be_same(server_of(up), client_of(down))) {
		bid.node = node_of_host(w, g, down_group);
		bid.link = bid.node == PATH_NOWHERE ? PATH_ADDRESS : PATH_HOST;
	} else if (bid.is_nested && may_be_timed(w, up, down)) {
		bid.link = PATH_TIME;
	}
	return bid;
}

/*
 * A surer link, then timing's choice, then an upstream that outlives the other, then the latest
 * start, then the score.
 */
static bool is_better(const struct bid *a, const struct bid *b)
{
	if (b->group == PATH_NONE || a->link != b->link)
		return b->group == PATH_NONE || a->link < b->link;
	if (a->is_timed != b->is_timed)
		return a->is_timed;
	if (a->is_nested != b->is_nested)
		return a->is_nested;
	if (a->start_ms != b->start_ms)
		return a->start_ms > b->start_ms;
	return a->score != b->score ? a->score > b->score : a->group < b->group;
}

static struct bid best_timed(const struct path_work *w, uint16_t down)
{
	struct bid best = {.group = PATH_NONE};

	for (uint16_t g = 0; g < w->group_count; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path)
			continue;
		bid = timed_bid(w, g, down);
		if (bid.link != PATH_END && is_better(&bid, &best))
			best = bid;
	}
	return best;
}

/* The group of match `index`, whatever a tie says it is. */
static uint16_t group_at(const struct path_work *w, uint32_t index)
{
	if (index >= w->match_count || w->matches[index].hop == PATH_NOWHERE)
		return PATH_NONE;
	return (uint16_t)w->matches[index].hop;
}

/* A view of the group that ends where its hop does, as an index into the caller's matches. */
static uint32_t view_of(const struct path_work *w, uint16_t g)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match;

		if (w->seen[i].group == g && endpoint_equal(&m->dst, &w->groups[g].hop.dst))
			return (uint32_t)(m - w->matches);
	}
	return PATH_NOWHERE;
}

/* What ties name as the predecessor of one hop. */
struct tied {
	struct bid best, other;
	uint16_t refused; /* the first group of those that cannot be it */
};

static void add_tie(struct path_work *w, struct tied *t, uint16_t up, uint16_t down, uint16_t timed)
{
	struct bid bid = bid_of(w, up, down);

	if (w->groups[up].is_on_path ||
	    span_ms(w->groups[down].hop.life.start_ms, bid.start_ms) > w->slack_ms) {
		t->refused = MIN(t->refused, up);
		w->ties_refused++;
		return;
	}
	if (up == t->best.group)
		return;
	bid.link = PATH_ORIGIN;
	bid.node = node_of_host(w, up, down);
	bid.is_timed = up == timed;
	if (is_better(&bid, &t->best)) {
		t->other = t->best;
		t->best = bid;
	} else if (is_better(&bid, &t->other)) {
		t->other = bid;
	}
}

static struct tied find_tied(struct path_work *w, uint16_t down, uint16_t timed)
{
	struct tied t = {{.group = PATH_NONE}, {.group = PATH_NONE}, PATH_NONE};

	for (size_t i = 0; i < w->tie_count; i++) {
		uint16_t up = group_at(w, w->ties[i].up);

		if (group_at(w, w->ties[i].down) == down && up != PATH_NONE && up != down)
			add_tie(w, &t, up, down, timed);
	}
	return t;
}

/* The group that comes before `down`, the head of the chain so far; PATH_NONE: none does. */
static uint16_t link_before(struct path_work *w, uint16_t down)
{
	struct bid timed = best_timed(w, down);
	struct tied tied = find_tied(w, down, timed.group);
	bool is_tied = tied.best.group != PATH_NONE;
	struct bid best = is_tied ? tied.best : timed;
	struct hop *hop;

	if (tied.refused != PATH_NONE)
		w->groups[down].hop.refused = view_of(w, tied.refused);
	if (best.group == PATH_NONE)
		return PATH_NONE;
	hop = &w->groups[best.group].hop;
	hop->link = best.link;
	hop->is_timed = best.group == timed.group;
	if (!hop->is_timed && timed.group != PATH_NONE)
		hop->rival = view_of(w, timed.group);
	if (is_tied && tied.other.group != PATH_NONE)
		hop->other = view_of(w, tied.other.group);
	if (best.node != PATH_NOWHERE) {
		hop->dst_node = best.node;
		w->groups[down].hop.src_node = best.node;
	}
	return best.group;
}

/* What leads to the next hop from further up, by way of others, is no rival. */
static void drop_ancestors(struct path_work *w)
{
	for (size_t i = 0; i < w->chain_count; i++) {
		struct hop *hop = &w->groups[w->chain[i]].hop;

		if (hop->rival != PATH_NOWHERE && w->groups[group_at(w, hop->rival)].is_on_path)
			hop->rival = PATH_NOWHERE;
	}
}

void path_chain(struct path_work *w, uint16_t target)
{
	uint16_t at = target;

	while (at != PATH_NONE) {
		w->groups[at].is_on_path = true;
		w->chain[w->chain_count++] = at;
		at = w->chain_count == PATH_HOPS_MAX ? PATH_NONE : link_before(w, at);
	}
	drop_ancestors(w);
}
