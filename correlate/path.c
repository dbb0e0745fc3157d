/*
 * Three steps, over at most PATH_MATCHES_MAX views: gather and settle (path_gather.c), and chain
 * (path_chain.c).
 *
 * The views are sorted first by what they say, so the path does not depend on the order in which
 * answers came in.
 */
#include "base/util.h"
#include "correlate/path_work.h"

#include <stdlib.h>

static uint16_t group_of(const struct work *w, const struct match *match)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		if (w->seen[i].match == match)
			return w->seen[i].group;
	}
	return PATH_NONE;
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
		if (tie.up != PATH_NONE && tie.down != PATH_NONE && tie.up != tie.down && !is_known)
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
	qsort(w->seen, w->seen_count, sizeof(w->seen[0]), path_gather_order);
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
	path_beside(w, ret);
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
	path_gather(&w, matches);
	target = path_settle(&w);
	take_ties(&w, matches, count, ties, tie_count);
	path_chain(&w, target, matches);
	write_out(&w, ret);
}

const char *path_by_text(enum path_by by)
{
	static const char *const texts[] = {"timing", "volume", "polling"};

	return (size_t)by < ARRAY_LEN(texts) ? texts[by] : "unknown";
}

const char *path_timing_text(enum path_timing timing)
{
	static const char *const texts[] = {"silent", "agrees", "against"};

	return (size_t)timing < ARRAY_LEN(texts) ? texts[timing] : "unknown";
}

const char *path_branch_text(enum path_branch kind)
{
	static const char *const texts[] = {"sibling", "fork",    "merge",
	                                    "onward",  "resumed", "reverse"};

	return (size_t)kind < ARRAY_LEN(texts) ? texts[kind] : "unknown";
}

const char *path_why_text(enum path_why why)
{
	static const char *const texts[] = {"later",  "over",   "short",    "host", "branch",
	                                    "nearer", "unseen", "together", "full"};

	return (size_t)why < ARRAY_LEN(texts) ? texts[why] : "unknown";
}

const char *path_link_text(enum path_link link)
{
	static const char *const texts[] = {
		[PATH_END] = "end",         [PATH_ORIGIN] = "origin", [PATH_HOST] = "host",
		[PATH_ADDRESS] = "address", [PATH_TIME] = "time",
	};

	return (size_t)link < ARRAY_LEN(texts) ? texts[link] : "unknown";
}
