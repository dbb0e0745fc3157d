/* What is told beside the path: alternatives and their weights, doubts, and branches. */
#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <math.h>

#define SIBLING_MS 1000 /* one script starts what it starts within this */

static bool is_chosen(const struct work *w, const struct choice *c, uint16_t chosen)
{
	return c->chosen == chosen && !w->groups[c->other].is_on_path;
}

/* Evidence is a likelihood ratio: with nothing else to tell by, weights are in its proportion. */
static void add_alternatives(const struct work *w, uint16_t group, uint32_t at, struct path *ret)
{
	struct hop *hop = &ret->hops[at];
	double sum = 1;

	for (size_t i = 0; i < w->choice_count; i++) {
		if (is_chosen(w, &w->choices[i], group))
			sum += pow(10, w->groups[w->choices[i].other].hop.score - hop->score);
	}
	hop->weight = 1 / sum;
	for (size_t i = 0; i < w->choice_count; i++) {
		const struct hop *other = &w->groups[w->choices[i].other].hop;
		struct alternative *a = &ret->alternatives[ret->alternative_count];

		if (!is_chosen(w, &w->choices[i], group))
			continue;
		*a = (struct alternative){*other, at};
		a->hop.weight = pow(10, other->score - hop->score) / sum;
		ret->alternative_count++;
		hop->doubts |= PATH_UNDECIDED;
	}
}

static void add_doubts(const struct work *w, uint32_t at, struct path *ret)
{
	struct hop *hop = &ret->hops[at];
	const struct hop *next = hop + 1;
	const uint16_t *chain = &w->chain[ret->hop_count - 1 - at];

	hop->doubts |= hop->is_refused ? PATH_REFUSED : 0;
	if (at + 1 == ret->hop_count)
		return;
	if (hop->link != PATH_ORIGIN && !w->groups[chain[0]].is_significant)
		hop->doubts |= PATH_CHANCE;
	if (span_ms(hop->life.end_ms, next->life.end_ms) > w->slack_ms)
		hop->doubts |= PATH_ENDS_FIRST;
	if (hop->life.start_ms > next->life.start_ms)
		hop->doubts |= PATH_STARTS_LATER;
	if (hop->link == PATH_TIME && path_is_beginning_near(hop, next, w->slack_ms))
		hop->doubts |= PATH_BEGINS_TOGETHER;
	if (path_is_lagging(w, chain[0], chain[-1]))
		hop->doubts |= PATH_LAGS;
	if (hop->link == PATH_ORIGIN && hop->timing == PATH_AGAINST)
		hop->doubts |= PATH_RIVALLED;
}

static bool is_choice(const struct work *w, uint16_t g)
{
	for (size_t i = 0; i < w->choice_count; i++) {
		if (w->choices[i].other == g)
			return true;
	}
	return false;
}

/* Is one over when the other begins, about? */
static bool is_one_after_another(const struct hop *a, const struct hop *b, int64_t slack_ms)
{
	return span_ms(b->life.start_ms, a->life.end_ms) <= slack_ms ||
	       span_ms(a->life.start_ms, b->life.end_ms) <= slack_ms;
}

/* Was it there well before `hop`, and still when that was over? */
static bool is_around(const struct hop *h, const struct hop *hop, int64_t slack_ms)
{
	return span_ms(h->life.start_ms, hop->life.start_ms) > slack_ms &&
	       span_ms(h->life.end_ms, hop->life.end_ms) <= slack_ms;
}

/* What `h` is beside hop `at`; false: they have no host in common. */
static bool find_kind(const struct path *path, const struct hop *h, uint32_t at, int64_t slack_ms,
                      enum path_branch *ret)
{
	const struct hop *hop = &path->hops[at];
	bool is_same_client = path_may_be_same(path_client(h), path_client(hop));
	bool is_same_server = path_may_be_same(path_server(h), path_server(hop));

	if (is_same_client && is_same_server && is_one_after_another(h, hop, slack_ms))
		*ret = PATH_RESUMED;
	else if (is_same_client)
		*ret = path_is_beginning_near(h, hop, SIBLING_MS) ? PATH_SIBLING : PATH_FORK;
	else if (at + 1 == path->hop_count && path_may_be_same(path_client(h), path_server(hop)))
		*ret = PATH_ONWARD;
	else if (is_same_server)
		*ret = path->hop_count == 1 && is_around(h, hop, slack_ms) ? PATH_REVERSE
		                                                           : PATH_MERGE;
	else
		return false;
	return true;
}

/* The host of the path that `h` has in common with it, nearest to the target; false: none. */
static bool find_branch(const struct path *path, const struct hop *h, int64_t slack_ms,
                        struct branch *ret)
{
	for (uint32_t i = (uint32_t)path->hop_count; i-- > 0;) {
		*ret = (struct branch){.hop = *h, .at = i};
		if (find_kind(path, h, i, slack_ms, &ret->kind))
			return true;
	}
	return false;
}

/* Of too many the best are kept, best first. */
static void add_unplaced(const struct work *w, uint16_t g, bool is_branch, struct path *ret)
{
	const struct hop *hop = &w->groups[g].hop;
	size_t at = ret->unplaced_count;
	enum path_why why = PATH_WHY_FULL;

	if (at < PATH_BRANCHES_MAX)
		ret->unplaced_count++;
	else if (hop->score <= ret->unplaced[--at].hop.score)
		return;
	if (!is_branch && w->chain_count < PATH_HOPS_MAX)
		why = path_why_not(w, g, w->chain[w->chain_count - 1]);
	for (; at > 0 && hop->score > ret->unplaced[at - 1].hop.score; at--)
		ret->unplaced[at] = ret->unplaced[at - 1];
	ret->unplaced[at] = (struct unplaced){*hop, why};
}

void path_beside(struct work *w, struct path *ret)
{
	ret->alternative_count = ret->branch_count = ret->unplaced_count = 0;
	for (uint32_t i = 0; i < ret->hop_count; i++) {
		add_alternatives(w, w->chain[ret->hop_count - 1 - i], i, ret);
		add_doubts(w, i, ret);
	}
	for (uint16_t g = 0; g < w->group_count; g++) {
		struct group *group = &w->groups[g];
		struct branch branch;
		bool is_branch;

		if (group->is_on_path || group->hop.is_told || is_choice(w, g))
			continue;
		group->hop.doubts |= group->is_significant ? 0 : PATH_CHANCE;
		is_branch = find_branch(ret, &group->hop, w->slack_ms, &branch);
		if (is_branch && ret->branch_count < PATH_BRANCHES_MAX)
			ret->branches[ret->branch_count++] = branch;
		else
			add_unplaced(w, g, is_branch, ret);
	}
}
