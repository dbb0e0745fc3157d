#include "tests/sim/support.h"
#include "tools/sim/story.h"

/* What is cut off is not reached, knows its own side, and is whole again soon after. */
static void heals(bool is_one_way)
{
	struct sim_cut cut = {
		.from_ms = 10000, .to_ms = 310000, .first = 5, .is_one_way = is_one_way};
	struct sim *sim = community(10, 6, 0);
	struct tally t;
	size_t query;

	sim_set_cut(sim, &cut);
	sim_run(sim, 200000);
	assert_false(sim_is_live(sim, 1, 7));
	assert_true(sim_is_live(sim, 1, 2));
	query = ask(sim, 7, 2, 30000);
	sim_run(sim, 310000);
	t = tally_of(sim, query);
	assert_int_equal(t.reachable, 4); /* of nine */
	assert_int_equal(t.answered, 4);
	sim_run(sim, 400000);
	sim_check_known(sim);
	query = ask(sim, 7, 2, 10000);
	sim_run(sim, 410000);
	assert_whole(sim, query, 9);
	end(sim);
}

static void a_partition_of_five_minutes_heals(void **state)
{
	(void)state;
	heals(false);
}

static void a_partition_in_one_direction_heals(void **state)
{
	(void)state;
	heals(true);
}

static void a_silent_member_is_noticed_and_reported(void **state)
{
	struct sim *sim = community(5, 7, 0);
	size_t query;
	(void)state;

	sim_run(sim, 10000);
	sim_crash(sim, 3);
	query = ask(sim, 1, 2, 30000); /* nobody knows yet */
	sim_run(sim, 41000);
	assert_int_equal(sim_query(sim, query)->parts[3].outcome, TARGET_SILENT);
	assert_int_equal(tally_of(sim, query).answered, 3);
	sim_run(sim, 60000);
	for (uint32_t i = 0; i < 5; i++)
		assert_false(sim_is_live(sim, i, 3));
	query = ask(sim, 1, 2, 30000); /* everybody does */
	sim_run(sim, 91000);
	assert_int_equal(sim_query(sim, query)->parts[3].outcome, TARGET_SILENT);
	assert_int_equal(tally_of(sim, query).answered, 3);
	end(sim);
}

static void a_node_whose_memory_is_lost_rejoins(void **state)
{
	struct sim *sim = community(6, 8, 0);
	size_t query;
	(void)state;

	sim_run(sim, 10000);
	sim_crash(sim, 4);
	sim_run(sim, 12000);
	sim_restart(sim, 4, false);
	sim_run(sim, 15000);
	assert_true(all_know_all(sim));
	query = ask(sim, 4, 2, 10000);
	sim_run(sim, 25000);
	assert_whole(sim, query, 5);
	end(sim);
}

/* n00 has no address to begin with: the others come to it. */
static void the_first_node_is_found_again_by_the_others(void **state)
{
	struct sim *sim = community(6, 9, 0);
	(void)state;

	sim_run(sim, 10000);
	sim_crash(sim, 0);
	sim_run(sim, 70000);
	assert_false(sim_is_live(sim, 1, 0));
	sim_restart(sim, 0, false);
	sim_run(sim, 160000);
	sim_check_known(sim);
	end(sim);
}

static void a_node_that_remembers_needs_no_bootstrap_address(void **state)
{
	struct sim *sim = community(6, 10, 0);
	(void)state;

	sim_run(sim, 10000);
	sim_crash(sim, 0);
	sim_run(sim, 12000);
	sim_restart(sim, 0, true);
	sim_run(sim, 14000);
	assert_true(all_know_all(sim));
	end(sim);
}

/* Neither the one address it was given nor the members it remembers are there. */
static void addresses_that_never_answer_are_greeted_ever_more_rarely(void **state)
{
	struct sim *sim = community(4, 13, 0);
	uint64_t sent;
	(void)state;

	sim_run(sim, 10000);
	for (uint32_t i = 0; i < 4; i++)
		sim_crash(sim, i);
	sim_restart(sim, 3, true);
	sim_run(sim, 310000);
	sent = sim_sent(sim);
	sim_run(sim, 910000);
	/* In ten minutes: three members at four minutes each, the address at sixteen seconds. */
	assert_in_range(sim_sent(sim) - sent, 20, 3 * 3 + 600 / 16 + 1);
	end(sim);
}

/* A node dies with a query half answered, and comes back while the others still ask it. */
static void a_query_survives_the_restart_of_a_member(void **state)
{
	struct sim *sim = community(5, 11, 0);
	size_t query;
	(void)state;

	sim_run(sim, 10000);
	query = ask(sim, 1, 2, 30000);
	sim_run(sim, 10060);
	sim_crash(sim, 2);
	sim_restart(sim, 2, false);
	sim_run(sim, 41000);
	assert_int_equal(sim_query(sim, query)->parts[2].outcome, TARGET_ANSWERED);
	end(sim);
}

static void answers_hold_though_half_of_all_datagrams_come_twice(void **state)
{
	struct sim_options options = {
		.nodes = 6, .seed = 12, .loss = 0.2, .duplication = 0.5, .skew_max_ms = 100};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 40000);
	query = ask(sim, 5, 2, 30000);
	sim_run(sim, 71000);
	assert_whole(sim, query, 5);
	end(sim);
}

static void a_run_is_its_seed(void **state)
{
	static const uint64_t seeds[] = {20, 20, 21};
	struct story_result results[ARRAY_LEN(seeds)];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
		struct story story = {
			.nodes = 6, .seed = seeds[i], .queries = 4, .loss = 0.1, .dead = 0.2};

		assert_true(story_run(&story, &results[i]));
		assert_int_equal(results[i].violations, 0);
	}
	assert_int_equal(results[0].trace_hash, results[1].trace_hash);
	assert_int_equal(results[0].datagrams, results[1].datagrams);
	assert_int_not_equal(results[0].trace_hash, results[2].trace_hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partition_of_five_minutes_heals),
		cmocka_unit_test(a_partition_in_one_direction_heals),
		cmocka_unit_test(a_silent_member_is_noticed_and_reported),
		cmocka_unit_test(a_node_whose_memory_is_lost_rejoins),
		cmocka_unit_test(the_first_node_is_found_again_by_the_others),
		cmocka_unit_test(a_node_that_remembers_needs_no_bootstrap_address),
		cmocka_unit_test(addresses_that_never_answer_are_greeted_ever_more_rarely),
		cmocka_unit_test(a_query_survives_the_restart_of_a_member),
		cmocka_unit_test(answers_hold_though_half_of_all_datagrams_come_twice),
		cmocka_unit_test(a_run_is_its_seed),
	};

	return cmocka_run_group_tests_name("sim/faults", tests, NULL, NULL);
}
