/* support - what the simulator's tests share. */
#ifndef SPOOR_TESTS_SIM_SUPPORT_H
#define SPOOR_TESTS_SIM_SUPPORT_H

#include "tests/unit/test.h"
#include "tools/sim/sim.h"

/* Nodes that are to start within a second, on links that lose `loss` of what is sent. */
static inline struct sim *community(uint32_t nodes, uint64_t seed, double loss)
{
	struct sim_options options = {
		.nodes = nodes,
		.seed = seed,
		.loss = loss,
		.duplication = 0.01,
		.skew_max_ms = 100,
		.crypto = SIM_CRYPTO_FAKE,
	};
	struct sim *sim = sim_new(&options);

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	return sim;
}

/* Every promise was kept; the first that was not is what the test prints. */
static inline void end(struct sim *sim)
{
	assert_string_equal(sim_violation_count(sim) > 0 ? sim_violation(sim, 0) : "", "");
	sim_free(sim);
}

static inline size_t ask(struct sim *sim, uint32_t node, uint32_t planted, int64_t timeout_ms)
{
	enum err err;
	size_t query = sim_ask(sim, node, planted, SEVERITY_MEDIUM, timeout_ms, &err);

	assert_ok(err);
	return query;
}

struct tally { /* of one query, over those who could be reached */
	uint32_t reachable, heard, receipts, answered, planted, found;
	uint64_t latest_ms; /* after it was asked, that one of them heard it */
};

static inline struct tally tally_of(const struct sim *sim, size_t query)
{
	const struct sim_query *q = sim_query(sim, query);
	struct tally t = {0};

	for (uint32_t i = 0; i < sim_nodes(sim); i++) {
		const struct sim_part *part = &q->parts[i];

		if (!sim_is_reachable(part))
			continue;
		t.reachable++;
		t.heard += part->is_heard;
		t.receipts += part->has_receipt || part->is_answered;
		t.answered += part->is_answered;
		t.planted += part->is_planted;
		t.found += part->is_planted && part->is_found;
		if (part->is_heard && part->heard_ms - q->asked_ms > t.latest_ms)
			t.latest_ms = part->heard_ms - q->asked_ms;
	}
	return t;
}

/* All `members` of them heard the query and gave a receipt, and what was planted was found. */
static inline void assert_whole(const struct sim *sim, size_t query, uint32_t members)
{
	struct tally t = tally_of(sim, query);

	assert_int_equal(t.reachable, members);
	assert_int_equal(t.heard, members);
	assert_int_equal(t.receipts, members);
	assert_int_equal(t.found, t.planted);
	assert_int_equal(sim_query(sim, query)->false_matches, 0);
}

static inline const struct overlay_counters *counters(const struct sim *sim, uint32_t node)
{
	return overlay_counters(sim_overlay(sim, node));
}

#endif
