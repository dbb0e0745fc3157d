#include "tools/sim/story.h"

#include "base/prng.h"
#include "base/util.h"
#include "tools/sim/baseline.h"
#include "tools/sim/play.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define START_MS 2000
#define FIRST_QUERY_MS 500 /* after the dead died: nobody has noticed yet */
#define SPACING_MS 2000
#define QUERY_MIN_MS 10000 /* too short for all tries, so that time is what ends some */
#define HEARD_MS 5000
#define DUPLICATION 0.01
#define SKEW_MAX_MS 100

struct story story_usual(void)
{
	return (struct story){
		.nodes = 10,
		.seed = 1,
		.queries = 10,
		.liar = "drop",
		.rule = STORY_RULE,
	};
}

bool story_is_warm(const struct story *story)
{
	if (story->start != STORY_AUTO)
		return story->start == STORY_WARM;
	return story->scenario != NULL ? story->scenario->is_warm : story->nodes > STORY_COLD_MAX;
}

static uint64_t duration(const struct story *story)
{
	uint64_t asked_ms = SPACING_MS * story->queries;
	uint64_t needed_ms = STORY_JOIN_MS + FIRST_QUERY_MS + asked_ms + STORY_QUERY_MS;

	return story->duration_ms > 0 ? story->duration_ms : needed_ms;
}

/* Faults and all. A query that our own node refuses is one that nobody hears of. */
static void play_usual(struct play *play)
{
	const struct story *story = play->story;
	uint64_t end_ms = duration(story);
	uint64_t spacing_ms = SPACING_MS, span_ms = 0;

	if (end_ms > STORY_JOIN_MS + FIRST_QUERY_MS + STORY_QUERY_MS)
		span_ms = end_ms - STORY_JOIN_MS - FIRST_QUERY_MS - STORY_QUERY_MS;
	if (story->queries > 0)
		spacing_ms = span_ms / story->queries;
	sim_run(play->sim, MIN(end_ms, STORY_JOIN_MS));
	play_dead(play);
	for (uint64_t i = 0; i < story->queries; i++) {
		uint64_t at_ms = STORY_JOIN_MS + FIRST_QUERY_MS + i * spacing_ms;
		uint64_t spare_ms = prng_below(&play->prng, STORY_QUERY_MS - QUERY_MIN_MS);

		if (at_ms >= end_ms)
			break;
		sim_run(play->sim, at_ms);
		play_ask(play, play_asker(play), story->is_urgent, QUERY_MIN_MS + spare_ms);
	}
	sim_run(play->sim, end_ms);
}

/* The overlay's own promises once nothing is in its way; the engine counts what is broken. */
static void play_healed(struct play *play)
{
	struct sim *sim = play->sim;
	uint64_t asked_ms;
	size_t query;

	sim_heal(sim);
	sim_run(sim, sim_now(sim) + STORY_HEAL_MS);
	sim_check_known(sim);
	asked_ms = sim_now(sim);
	query = play_ask(play, play_asker(play), false, STORY_QUERY_MS);
	if (query == SIZE_MAX)
		return;
	sim_run(sim, asked_ms + HEARD_MS);
	sim_check_heard(sim, query);
	sim_run(sim, asked_ms + STORY_QUERY_MS);
	sim_check_whole(sim, query);
}

struct sums {
	uint64_t reachable, has_way, receipts, matches, answered, planted, found;
};

static void add_part(const struct sim *sim, const struct sim_query *q, uint32_t node,
                     struct sums *sums, struct measure *measure)
{
	const struct sim_part *part = &q->parts[node];
	bool is_victim = sim_is_victim(sim, node);

	if (node == q->origin || !sim_is_honest(sim, node) || !sim_is_reachable(part))
		return;
	sums->reachable++;
	if (sim_has_way(sim, node, q->origin)) {
		sums->has_way++;
		sums->receipts += part->has_receipt;
		sums->matches += part->is_match;
		sums->answered += part->is_match && part->is_answered;
		sums->planted += part->is_planted;
		sums->found += part->is_planted && part->is_found;
	}
	if (part->is_heard)
		measure_heard(measure, is_victim, part->heard_ms - q->asked_ms, part->hops);
	else
		measure_missed(measure, is_victim);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 1 : (double)part / (double)whole;
}

/* The first `queries`: what comes later, in peace, is not what was to be measured. */
static void sum_up(const struct sim *sim, size_t queries, uint64_t copies, struct measure *measure,
                   struct result *ret)
{
	struct sums sums = {0};

	for (size_t i = 0; i < queries; i++) {
		const struct sim_query *q = sim_query(sim, i);

		for (uint32_t n = 0; n < sim_nodes(sim); n++)
			add_part(sim, q, n, &sums, measure);
		ret->false_matches += q->false_matches;
		measure_query_end(measure);
	}
	measure_end(measure, ret);
	ret->receipts_mean = share(sums.receipts, sums.has_way);
	ret->answered_mean = share(sums.answered, sums.matches);
	ret->recall = share(sums.found, sums.planted);
	ret->copies_per_node = sums.reachable == 0 ? 0 : share(copies, sums.reachable);
}

static struct sim_options options_of(const struct story *story)
{
	return (struct sim_options){
		.nodes = (uint32_t)story->nodes,
		.seed = story->seed,
		.loss = story->loss,
		.duplication = DUPLICATION,
		.nat = story->nat,
		.skew_max_ms = SKEW_MAX_MS,
		.is_warm = story_is_warm(story),
		.is_direct = story->is_direct,
		.crypto = story->crypto,
		.narrative = story->narrative,
	};
}

static void cut(struct sim *sim, const struct story *story)
{
	struct sim_cut halves = {story->cut_from_ms, story->cut_to_ms,
	                         (uint32_t)(story->nodes + 1) / 2, story->is_one_way};

	if (story->is_cut)
		sim_set_cut(sim, &halves);
}

static bool run_overlay(const struct story *story, struct measure *measure, struct result *ret)
{
	struct sim_options options = options_of(story);
	struct play play = {.story = story, .sim = sim_new(&options)};
	size_t queries;
	uint64_t copies;

	if (play.sim == NULL || !play_init(&play)) {
		sim_free(play.sim);
		return false;
	}
	cut(play.sim, story);
	play_start(&play, START_MS);
	if (story->scenario != NULL)
		play_scenario(&play);
	else
		play_usual(&play);
	queries = sim_query_count(play.sim);
	copies = sim_copies(play.sim);
	play_healed(&play);
	*ret = (struct result){
		.datagrams = sim_sent(play.sim),
		.ran_ms = sim_now(play.sim),
		.trace_hash = sim_hash(play.sim),
		.violations = sim_violation_count(play.sim),
	};
	for (size_t i = 0; i < MIN(ret->violations, SIM_VIOLATIONS_KEPT); i++)
		snprintf(ret->texts[i], SIM_VIOLATION_MAX, "%s", sim_violation(play.sim, i));
	sum_up(play.sim, queries, copies, measure, ret);
	if (story->scenario != NULL)
		play_claims(&play, queries, ret);
	play_fini(&play);
	sim_free(play.sim);
	return true;
}

bool story_run(const struct story *story, struct result *ret)
{
	const struct baseline_rule *rule = baseline_find(story->rule);
	struct measure *measure;
	bool is_fine;

	if (rule != NULL)
		return baseline_run(rule, story, ret);
	measure = measure_new();
	is_fine = measure != NULL && run_overlay(story, measure, ret);
	free(measure);
	return is_fine;
}

static void put_share(FILE *out, const char *name, double value)
{
	if (value > 0)
		fprintf(out, " --%s %.9g", name, value);
}

static void put_flag(FILE *out, const char *name, bool is_set)
{
	if (is_set)
		fprintf(out, " --%s", name);
}

void story_command(FILE *out, const struct story *story)
{
	static const char *const cryptos[] = {
		[SIM_CRYPTO_AUTO] = NULL, [SIM_CRYPTO_REAL] = "real", [SIM_CRYPTO_FAKE] = "fake"};

	fprintf(out, "spoor-sim --seed %" PRIu64, story->seed);
	if (story->scenario != NULL)
		fprintf(out, " --scenario %s", story->scenario_path);
	else
		fprintf(out, " --nodes %" PRIu64 " --queries %" PRIu64, story->nodes,
		        story->queries);
	if (strcmp(story->rule, STORY_RULE) != 0)
		fprintf(out, " --rule %s", story->rule);
	if (story->scenario == NULL) {
		put_share(out, "loss", story->loss);
		put_share(out, "dead", story->dead);
		put_share(out, "byzantine", story->byzantine);
		if (story->byzantine > 0)
			fprintf(out, " --liar %s", story->liar);
		put_share(out, "nat", story->nat);
	}
	put_flag(out, "urgent", story->is_urgent);
	put_flag(out, "direct", story->is_direct);
	put_flag(out, "cold", story->start == STORY_COLD);
	put_flag(out, "warm", story->start == STORY_WARM);
	if (cryptos[story->crypto] != NULL)
		fprintf(out, " --crypto %s", cryptos[story->crypto]);
	if (story->is_cut)
		fprintf(out, " --partition %" PRIu64 ":%" PRIu64 "%s", story->cut_from_ms,
		        story->cut_to_ms, story->is_one_way ? ":one-way" : "");
	if (story->duration_ms > 0)
		fprintf(out, " --duration %" PRIu64, story->duration_ms);
}
