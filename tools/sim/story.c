#include "tools/sim/story.h"

#include "base/prng.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdlib.h>

#define START_MS 2000
#define FIRST_QUERY_MS 500 /* after the dead died: nobody has noticed yet */
#define SPACING_MS 2000
#define QUERY_MIN_MS 10000 /* too short for all tries, so that time is what ends some */
#define PLANTED 3
#define DUPLICATION 0.01
#define SKEW_MAX_MS 100

static uint32_t draw_live(struct sim *sim, struct prng *p)
{
	uint32_t node;

	do
		node = (uint32_t)prng_below(p, sim_nodes(sim));
	while (!sim_is_up(sim, node));
	return node;
}

static void kill_share(struct sim *sim, struct prng *p, double share)
{
	uint32_t nodes = sim_nodes(sim);
	uint32_t dead = (uint32_t)(share * nodes);

	for (dead = MIN(dead, nodes - 1); dead > 0; dead--)
		sim_crash(sim, draw_live(sim, p));
}

static uint64_t duration(const struct story *story)
{
	uint64_t asked_ms = SPACING_MS * story->queries;
	uint64_t needed_ms = STORY_JOIN_MS + FIRST_QUERY_MS + asked_ms + STORY_QUERY_MS;

	return story->duration_ms > 0 ? story->duration_ms : needed_ms;
}

/* Faults and all. A query that our own node refuses is one that nobody hears of. */
static void play_faults(struct sim *sim, struct prng *p, const struct story *story)
{
	uint64_t end_ms = duration(story);
	uint64_t spacing_ms = SPACING_MS, span_ms = 0;
	enum err err;

	if (end_ms > STORY_JOIN_MS + FIRST_QUERY_MS + STORY_QUERY_MS)
		span_ms = end_ms - STORY_JOIN_MS - FIRST_QUERY_MS - STORY_QUERY_MS;
	if (story->queries > 0)
		spacing_ms = span_ms / story->queries;
	sim_run(sim, MIN(end_ms, STORY_JOIN_MS));
	kill_share(sim, p, story->dead);
	for (uint64_t i = 0; i < story->queries; i++) {
		uint64_t at_ms = STORY_JOIN_MS + FIRST_QUERY_MS + i * spacing_ms;
		uint64_t timeout_ms = QUERY_MIN_MS + prng_below(p, STORY_QUERY_MS - QUERY_MIN_MS);

		if (at_ms >= end_ms)
			break;
		sim_run(sim, at_ms);
		(void)sim_ask(sim, draw_live(sim, p), PLANTED, (int64_t)timeout_ms, &err);
	}
	sim_run(sim, end_ms);
}

static void play_healed(struct sim *sim, struct prng *p)
{
	enum err err;
	size_t query;

	sim_heal(sim);
	sim_run(sim, sim_now(sim) + STORY_HEAL_MS);
	sim_check_known(sim);
	query = sim_ask(sim, draw_live(sim, p), PLANTED, STORY_QUERY_MS, &err);
	sim_run(sim, sim_now(sim) + STORY_QUERY_MS);
	if (query != SIZE_MAX)
		sim_check_whole(sim, query);
}

struct sums {
	uint64_t queries, reachable, heard, answered, planted, found;
	double coverage;
	uint64_t *delays;
};

static void add_part(struct sums *sums, const struct sim_query *q, const struct sim_part *part)
{
	if (!sim_is_reachable(part))
		return;
	sums->reachable++;
	sums->answered += part->is_answered;
	sums->planted += part->is_planted;
	sums->found += part->is_planted && part->is_found;
	if (part->is_heard)
		sums->delays[sums->heard++] = part->heard_ms - q->asked_ms;
}

static int number_cmp(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 1 : (double)part / (double)whole;
}

/* The value that 99 of 100 do not exceed, and the like. */
static uint64_t percentile(const uint64_t *sorted, uint64_t count, uint64_t percent)
{
	return count == 0 ? 0 : sorted[(count * percent + 99) / 100 - 1];
}

static void measure(const struct sim *sim, uint64_t *delays, struct story_result *ret)
{
	struct sums sums = {.delays = delays};

	ret->coverage_min = 1;
	for (size_t i = 0; i < sim_query_count(sim); i++) {
		const struct sim_query *q = sim_query(sim, i);
		uint64_t reachable = sums.reachable, heard = sums.heard;
		double coverage;

		for (uint32_t n = 0; n < sim_nodes(sim); n++)
			add_part(&sums, q, &q->parts[n]);
		coverage = share(sums.heard - heard, sums.reachable - reachable);
		sums.coverage += coverage;
		ret->coverage_min = MIN(ret->coverage_min, coverage);
		ret->false_matches += q->false_matches;
		sums.queries++;
	}
	qsort(delays, sums.heard, sizeof(*delays), number_cmp);
	ret->coverage_mean = sums.queries == 0 ? 1 : sums.coverage / (double)sums.queries;
	ret->copies_per_node = sums.reachable == 0 ? 0 : share(sim_copies(sim), sums.reachable);
	ret->delay_p50_ms = percentile(delays, sums.heard, 50);
	ret->delay_p99_ms = percentile(delays, sums.heard, 99);
	ret->answered_mean = share(sums.answered, sums.reachable);
	ret->recall = share(sums.found, sums.planted);
	ret->hops_p99 = sums.heard > 0; /* watch_serve() lets none pass that was relayed */
}

bool story_run(const struct story *story, struct story_result *ret)
{
	struct sim_options options = {
		.nodes = (uint32_t)story->nodes,
		.seed = story->seed,
		.loss = story->loss,
		.duplication = DUPLICATION,
		.skew_max_ms = SKEW_MAX_MS,
		.narrative = story->narrative,
	};
	struct sim_cut cut = {story->cut_from_ms, story->cut_to_ms,
	                      (uint32_t)(story->nodes + 1) / 2, story->is_one_way};
	struct prng p = {.state = ~story->seed}; /* who dies and who asks */
	struct sim *sim = sim_new(&options);
	uint64_t *delays;

	if (sim == NULL)
		return false;
	if (story->is_cut)
		sim_set_cut(sim, &cut);
	sim_start_all(sim, START_MS);
	play_faults(sim, &p, story);
	play_healed(sim, &p);
	*ret = (struct story_result){
		.datagrams = sim_sent(sim),
		.ran_ms = sim_now(sim),
		.trace_hash = sim_hash(sim),
		.violations = sim_violation_count(sim),
	};
	for (size_t i = 0; i < MIN(ret->violations, SIM_VIOLATIONS_KEPT); i++)
		snprintf(ret->texts[i], SIM_VIOLATION_MAX, "%s", sim_violation(sim, i));
	delays = calloc(sim_query_count(sim) * sim_nodes(sim) + 1, sizeof(*delays));
	if (delays != NULL)
		measure(sim, delays, ret);
	sim_free(sim);
	free(delays);
	return delays != NULL;
}
