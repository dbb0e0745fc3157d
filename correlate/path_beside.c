/* What is told beside the path: alternatives and their weights, doubts, and branches. */
#include "base/util.h"
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <math.h>

#define SIBLING_MS 1000  /* one script starts what it starts within this */
#define LAG_LEAST_MS 100 /* exporters stamp no better */

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

static bool is_beginning_near(const struct hop *a, const struct hop *b, int64_t near_ms)
{
	return span_ms(a->life.start_ms, b->life.start_ms) <= near_ms &&
	       span_ms(b->life.start_ms, a->life.start_ms) <= near_ms;
}

/* A key passes upstream first. The target's own lag is none. */
static bool is_lagging(const struct group *up, const struct group *down, int64_t slack_ms)
{
	double up_error = (double)up->hop.lag_error_ms, down_error = (double)down->hop.lag_error_ms;
	bool is_one_clock = up->lag_of != NULL && down->lag_of != NULL &&
	                    up->lag_of->node == down->lag_of->node;
	double error = 2 * sqrt(up_error * up_error + down_error * down_error) +
	               (is_one_clock ? LAG_LEAST_MS : (double)slack_ms);

	return up->lag_of != NULL && span_real_ms(down->hop.lag_ms, up->hop.lag_ms) > error;
}

static void add_doubts(const struct work *w, uint32_t at, struct path *ret)
{
	struct hop *hop = &ret->hops[at];
	const struct hop *next = hop + 1;
	const uint16_t *chain = &w->chain[ret->hop_count - 1 - at];

	hop->doubts |= hop->is_refused ? PATH_REFUSED : 0;
	if (at + 1 == ret->hop_count)
		return;
	if (span_ms(hop->life.end_ms, next->life.end_ms) > w->slack_ms)
		hop->doubts |= PATH_ENDS_FIRST;
	if (hop->life.start_ms > next->life.start_ms)
		hop->doubts |= PATH_STARTS_LATER;
	if (hop->link == PATH_TIME && is_beginning_near(hop, next, w->slack_ms))
		hop->doubts |= PATH_BEGINS_TOGETHER;
	if (is_lagging(&w->groups[chain[0]], &w->groups[chain[-1]], w->slack_ms))
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

/* The host of the path that `h` has in common with it, nearest to the target; false: none. */
static bool find_branch(const struct path *path, const struct hop *h, struct branch *ret)
{
	for (uint32_t i = (uint32_t)path->hop_count; i-- > 0;) {
		const struct hop *hop = &path->hops[i];

		*ret = (struct branch){*h, i, PATH_MERGE};
		if (path_may_be_same(path_client(h), path_client(hop))) {
			ret->kind =
				is_beginning_near(h, hop, SIBLING_MS) ? PATH_SIBLING : PATH_FORK;
			return true;
		}
		if (i + 1 == path->hop_count &&
		    path_may_be_same(path_client(h), path_server(hop))) {
			ret->kind = PATH_ONWARD;
			return true;
		}
		if (path_may_be_same(path_server(h), path_server(hop)))
			return true;
	}
	return false;
}

void path_beside(struct work *w, struct path *ret)
{
	ret->alternative_count = ret->branch_count = 0;
	for (uint32_t i = 0; i < ret->hop_count; i++) {
		add_alternatives(w, w->chain[ret->hop_count - 1 - i], i, ret);
		add_doubts(w, i, ret);
	}
	for (uint16_t g = 0; g < w->group_count && ret->branch_count < PATH_BRANCHES_MAX; g++) {
		const struct group *group = &w->groups[g];

		if (!group->is_on_path && !group->hop.is_told && !is_choice(w, g) &&
		    find_branch(ret, &group->hop, &ret->branches[ret->branch_count]))
			ret->branch_count++;
	}
}
