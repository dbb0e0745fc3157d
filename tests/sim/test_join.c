#include "tests/sim/support.h"

#include <stdlib.h>

/* The whole of what there is to tell of three nodes, a question and its answers. */
static void three_nodes_meet_from_one_address(void **state)
{
	struct sim_options options = {.nodes = 3, .seed = 1};
	struct sim *sim;
	char *told;
	size_t len;
	(void)state;

	options.narrative = open_memstream(&told, &len);
	assert_non_null(options.narrative);
	sim = sim_new(&options);
	assert_non_null(sim);
	for (uint32_t i = 0; i < 3; i++)
		sim_start(sim, i, 0);
	sim_run(sim, 5000);
	(void)ask(sim, 2, 1, 10000);
	sim_run(sim, 20000);
	end(sim);
	fclose(options.narrative);
	assert_string_equal(told, "[   64] n01: member is live n00\n"
	                          "[   67] n02: member is live n00\n"
	                          "[   96] n00: member is live n01\n"
	                          "[  102] n00: member is live n02\n"
	                          "[  387] n02: member is live n01\n"
	                          "[  427] n01: member is live n02\n"
	                          "[ 5000] n02: asks\n"
	                          "[ 5035] n00: serves n02\n"
	                          "[ 5038] n01: serves n02\n"
	                          "[ 5093] n02: answer of n00\n"
	                          "[ 5095] n02: answer of n01\n"
	                          "[ 5095] n02: finished: 2 answered\n");
	free(told);
}

/* Each pair takes three datagrams to meet and two to hear whom the other knows; loss and the walks
 * through everybody's list take the rest. It was the cube once. */
static void joining_costs_a_few_datagrams_for_each_pair(void **state)
{
	struct sim *sim = community(30, 3, 0);
	(void)state;

	sim_run(sim, 20000);
	assert_true(all_know_all(sim));
	assert_in_range(sim_sent(sim), 30 * 29 / 2 * 3, 30 * 29 * 6);
	end(sim);
}

static void fifty_nodes_know_each_other_within_a_minute_of_loss(void **state)
{
	struct sim *sim = community(50, 5, 0.1);
	size_t query;
	(void)state;

	sim_run(sim, 60000);
	for (uint32_t a = 0; a < 50; a++) {
		for (uint32_t b = 0; b < 50; b++)
			assert_true(a == b || sim_has_met(sim, a, b));
	}
	query = ask(sim, 17, 3, 30000);
	sim_run(sim, 90000);
	assert_whole(sim, query, 49);
	assert_int_equal(tally_of(sim, query).planted, 3);
	end(sim);
}

static void who_comes_late_is_met_by_all(void **state)
{
	struct sim_options options = {.nodes = 6, .seed = 4};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	for (uint32_t i = 0; i < 5; i++)
		sim_start(sim, i, 0);
	sim_start(sim, 5, 60000);
	sim_run(sim, 62000);
	assert_true(all_know_all(sim));
	query = ask(sim, 5, 2, 10000);
	sim_run(sim, 73000);
	assert_whole(sim, query, 5);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_nodes_meet_from_one_address),
		cmocka_unit_test(joining_costs_a_few_datagrams_for_each_pair),
		cmocka_unit_test(fifty_nodes_know_each_other_within_a_minute_of_loss),
		cmocka_unit_test(who_comes_late_is_met_by_all),
	};

	return cmocka_run_group_tests_name("sim/join", tests, NULL, NULL);
}
