/* Chaining: what speaks for one hop before another, and the best of it. */
#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <math.h>

#define DECADES_APART 1.0 /* less evidence than that between two does not decide */

/* A possible predecessor, and what speaks for it. */
struct bid {
	uint16_t group; /* PATH_NONE: there is none */
	enum path_link link;
	uint32_t node; /* PATH_HOST: who sees the host */
	bool is_nested;
	bool is_elsewhere; /* of PATH_TIME: by a way that the host's gateway has not seen */
	int64_t start_ms;
	double score;
};

/* Behind one public address there may be many hosts; only who sees behind it can tell them apart.
 */
bool path_may_be_same(struct path_host a, struct path_host b)
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
 * Who sees behind the client's address would have seen the connection into that host come through
 * the gateway; unseen comes only what comes from beside, in the same network.
 */
static bool is_seen_coming(const struct hop *up, const struct hop *down)
{
	return down->src_node == PATH_NOWHERE || up->dst_node == down->src_node;
}

/*
 * Seen, but to an end that nobody sees behind, comes what is opened anew there: by a proxy, or from
 * the other address that the host has. What leaves the network does not come in.
 */
static bool is_seen_passing(const struct work *w, uint16_t g, const struct hop *down)
{
	const struct hop *up = &w->groups[g].hop;

	return up->dst_node == PATH_NOWHERE && up->src_node != down->src_node &&
	       group_has_node(w, g, down->src_node);
}

static bool is_from_elsewhere(const struct work *w, uint16_t g, const struct hop *down)
{
	return !is_seen_coming(&w->groups[g].hop, down) && !is_seen_passing(w, g, down);
}

/*
 * Two that begin together have no order. What is from elsewhere, too, has nothing at all that says
 * that one carries the other: a script that opens many connections makes as many of one rhythm.
 */
static bool is_sibling(const struct work *w, uint16_t g, const struct hop *down)
{
	return is_from_elsewhere(w, g, down) &&
	       path_is_beginning_near(&w->groups[g].hop, down, w->slack_ms);
}

/*
 * A host of the path does not appear twice: another connection from it is a branch (a sibling),
 * another into it is somebody else's.
 */
static bool has_host_of_path(const struct work *w, const struct hop *up)
{
	for (size_t i = 0; i < w->chain_count; i++) {
		const struct hop *h = &w->groups[w->chain[i]].hop;

		if (path_may_be_same(path_client(up), path_client(h)) ||
		    path_may_be_same(path_server(up), path_server(h)) ||
		    path_may_be_same(path_client(up), path_server(h)))
			return true;
	}
	return false;
}

/* Is it surely nearer to the target than group `down`, and no start says otherwise? */
static bool is_beyond(const struct work *w, uint16_t g, uint16_t down)
{
	return span_ms(w->groups[g].hop.life.start_ms, w->groups[down].hop.life.start_ms) <=
	               w->slack_ms &&
	       path_is_nearer(w, g, down);
}

static bool is_downstream(const struct work *w, uint16_t g, uint16_t down_group)
{
	return is_beyond(w, g, down_group) || is_beyond(w, g, w->chain[0]);
}

/*
 * Timing alone is weak, so it must not contradict anything known; nor, where not all of what is
 * known speaks for it, be what chance does.
 */
static bool may_be_timed(const struct work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;

	return (is_seen_coming(up, down) || w->groups[g].is_significant) &&
	       !has_host_of_path(w, up) && !w->groups[g].is_beside &&
	       !is_downstream(w, g, down_group);
}

/* What timing and addresses say ties group `g` to `down`, the head of the chain so far. */
static struct bid bid_of(const struct work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;
	struct path_host server = path_server(up), client = path_client(down);
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
	if (path_may_be_same(server, client)) {
		bid.node = server.node == client.node ? server.node : PATH_NOWHERE;
		if (server.node == PATH_NOWHERE && client.node == PATH_NOWHERE)
			bid.node = node_between(w, g, down_group);
		bid.link = bid.node == PATH_NOWHERE ? PATH_ADDRESS : PATH_HOST;
	} else if (bid.is_nested && may_be_timed(w, g, down_group)) {
		bid.is_elsewhere = is_from_elsewhere(w, g, down);
		bid.link = is_sibling(w, g, down) ? PATH_END : PATH_TIME;
	}
	return bid;
}

enum path_why path_why_not(const struct work *w, uint16_t g, uint16_t down_group)
{
	const struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;

	if (span_ms(down->life.start_ms, up->life.start_ms) > w->slack_ms)
		return PATH_WHY_LATER;
	if (span_ms(up->life.end_ms, down->life.start_ms) > w->slack_ms)
		return PATH_WHY_OVER;
	if (has_host_of_path(w, up))
		return PATH_WHY_HOST;
	if (w->groups[g].is_beside)
		return PATH_WHY_BRANCH;
	if (span_ms(up->life.end_ms, down->life.end_ms) > w->slack_ms)
		return PATH_WHY_SHORT;
	if (is_downstream(w, g, down_group))
		return PATH_WHY_NEARER;
	if (is_sibling(w, g, down))
		return PATH_WHY_TOGETHER;
	return is_seen_coming(up, down) ? PATH_WHY_FULL : PATH_WHY_UNSEEN;
}

/* A surer link, then an upstream that outlives the other, then the latest start, then the score. */
static bool is_better(const struct bid *a, const struct bid *b)
{
	if (b->group == PATH_NONE || a->link != b->link)
		return b->group == PATH_NONE || a->link < b->link;
	if (a->is_elsewhere != b->is_elsewhere)
		return b->is_elsewhere;
	if (a->is_nested != b->is_nested)
		return a->is_nested;
	if (a->start_ms != b->start_ms)
		return a->start_ms > b->start_ms;
	return a->score > b->score;
}

/* Of one link, and no clock tells which began first. */
static bool is_equal_but_score(const struct bid *a, const struct bid *b, int64_t slack_ms)
{
	return a->link == b->link && a->is_nested == b->is_nested &&
	       a->is_elsewhere == b->is_elsewhere &&
	       span_ms(a->start_ms, b->start_ms) <= slack_ms &&
	       span_ms(b->start_ms, a->start_ms) <= slack_ms;
}

/* Does a third lead from where `up` ends to where `down` begins? Then it is a loop, not a choice.
 */
static bool is_looped(const struct work *w, uint16_t up, uint16_t down)
{
	for (uint16_t g = 0; g < w->group_count; g++) {
		const struct hop *h = &w->groups[g].hop;

		if (g != up && g != down && !w->groups[g].is_on_path &&
		    path_may_be_same(path_server(&w->groups[up].hop), path_client(h)) &&
		    path_may_be_same(path_server(h), path_client(&w->groups[down].hop)))
			return true;
	}
	return false;
}

/* Of several hops of one chain, the one next to the target by what clocks cannot falsify. */
static struct bid nearest(const struct work *w, struct bid best, uint16_t down_group)
{
	const struct bid latest = best;

	for (uint16_t g = 0; g < w->group_count; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path || g == best.group || path_signs(w, g, best.group) <= 0)
			continue;
		bid = bid_of(w, g, down_group);
		if (is_equal_but_score(&bid, &latest, w->slack_ms))
			best = bid;
	}
	return best;
}

/* Where addresses meet and starts do not tell, the evidence decides. */
static struct bid weigh(const struct work *w, struct bid best, uint16_t down_group)
{
	const struct bid latest = best;

	if (best.group == PATH_NONE)
		return best;
	if (best.link == PATH_TIME)
		return nearest(w, best, down_group);
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path || w->groups[g].hop.score <= best.score)
			continue;
		bid = bid_of(w, g, down_group);
		if (is_equal_but_score(&bid, &latest, w->slack_ms) &&
		    !is_looped(w, g, latest.group))
			best = bid;
	}
	return best;
}

/* What the data do not tell from `best`: less than a decade of evidence lies between them. */
static void keep_choices(struct work *w, const struct bid *best, uint16_t down_group)
{
	for (uint16_t g = 0; g < w->group_count && w->choice_count < PATH_BRANCHES_MAX; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path || g == best->group ||
		    !(fabs(w->groups[g].hop.score - best->score) < DECADES_APART))
			continue;
		bid = bid_of(w, g, down_group);
		if (is_equal_but_score(&bid, best, w->slack_ms))
			w->choices[w->choice_count++] = (struct choice){best->group, g};
	}
}

/* The predecessor that timing and addresses speak for. */
static struct bid best_predecessor(const struct work *w, uint16_t down_group)
{
	struct bid best = {.group = PATH_NONE};

	for (uint16_t g = 0; g < w->group_count; g++) {
		struct bid bid;

		if (w->groups[g].is_on_path)
			continue;
		bid = bid_of(w, g, down_group);
		if (bid.link != PATH_END && is_better(&bid, &best))
			best = bid;
	}
	return weigh(w, best, down_group);
}

/* A host's word for group `g`: surer than any other, but not against time itself. */
static struct bid tied_bid(struct work *w, uint16_t g, uint16_t down_group)
{
	struct hop *up = &w->groups[g].hop, *down = &w->groups[down_group].hop;
	struct path_host server = path_server(up), client = path_client(down);
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
	struct bid best = {.group = PATH_NONE};

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

/* What timing would have made of a link that a host has told. */
static void compare(struct group *up, const struct bid *tied, const struct bid *timed)
{
	up->rival = PATH_NONE;
	if (timed->group == PATH_NONE || (timed->is_elsewhere && timed->group != tied->group)) {
		up->hop.timing = PATH_SILENT;
	} else if (timed->group == tied->group) {
		up->hop.timing = PATH_AGREES;
	} else {
		up->hop.timing = PATH_AGAINST;
		up->rival = timed->group;
	}
}

/* At the end of it: a rival that stands farther up the path has skipped what lies between. */
static void name_rivals(struct work *w, const struct match *matches)
{
	for (size_t i = 0; i < w->chain_count; i++) {
		struct group *up = &w->groups[w->chain[i]];

		if (up->hop.timing != PATH_AGAINST)
			continue;
		if (w->groups[up->rival].is_on_path)
			up->hop.timing = PATH_SILENT;
		else
			up->hop.rival = a_view_of(w, up->rival, matches);
	}
}

/* Marks what goes on from `up`, and returns how many of `room` that are then. */
static size_t mark_onward(struct work *w, struct path_host from, const struct hop *up,
                          uint16_t *room, size_t count)
{
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct group *group = &w->groups[g];

		if (group->is_on_path || group->is_beside || group->hop.is_told ||
		    !path_may_be_same(from, path_client(&group->hop)) ||
		    (up != NULL && !may_carry(&up->life, &group->hop.life, w->slack_ms)))
			continue;
		group->is_beside = true;
		room[count++] = g;
	}
	return count;
}

/* What leaves the host that group `head` begins at, and what that carries, as far as it goes. */
static void mark_beside(struct work *w, uint16_t head)
{
	uint16_t marked[PATH_MATCHES_MAX];
	size_t count = mark_onward(w, path_client(&w->groups[head].hop), NULL, marked, 0);

	for (size_t i = 0; i < count; i++) {
		const struct hop *up = &w->groups[marked[i]].hop;

		count = mark_onward(w, path_server(up), up, marked, count);
	}
}

void path_chain(struct work *w, uint16_t target, const struct match *matches)
{
	struct bid bid = {.group = target};

	while (bid.group != PATH_NONE) {
		uint16_t head = bid.group;
		struct bid timed;

		w->groups[head].is_on_path = true;
		w->chain[w->chain_count++] = head;
		mark_beside(w, head);
		if (w->chain_count == PATH_HOPS_MAX)
			break;
		timed = best_predecessor(w, head);
		bid = best_tied(w, head);
		if (bid.group == PATH_NONE) {
			bid = timed;
			if (bid.group != PATH_NONE)
				keep_choices(w, &bid, head);
		} else {
			compare(&w->groups[bid.group], &bid, &timed);
		}
		if (bid.group == PATH_NONE)
			break;
		w->groups[bid.group].hop.link = bid.link;
		if (bid.is_elsewhere)
			w->groups[bid.group].hop.doubts |= PATH_ELSEWHERE;
		if (bid.node != PATH_NOWHERE && bid.link <= PATH_HOST) {
			w->groups[bid.group].hop.dst_node = bid.node;
			w->groups[head].hop.src_node = bid.node;
		}
	}
	name_rivals(w, matches);
}
