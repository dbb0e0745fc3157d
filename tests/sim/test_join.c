#include "proto/overlay/core.h"
#include "tests/sim/support.h"
#include "tools/sim/parts.h"

#include <stdlib.h>

/* The whole of what there is to tell of three nodes, a question, its receipts and its answer. */
static void three_nodes_meet_from_one_address(void **state)
{
	struct sim_options options = {.nodes = 3, .seed = 1, .crypto = SIM_CRYPTO_FAKE};
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
	assert_string_equal(told, "[  195] n01: member is live n00\n"
	                          "[  220] n02: member is live n00\n"
	                          "[  261] n00: member is live n01\n"
	                          "[  277] n00: member is live n02\n"
	                          "[  613] n02: member is live n01\n"
	                          "[  658] n01: member is live n02\n"
	                          "[ 5000] n02: asks\n"
	                          "[ 5039] n00: serves n02\n"
	                          "[ 5041] n01: serves n02\n"
	                          "[ 5083] n02: receipt of n00: none\n"
	                          "[ 5131] n02: receipt of n01: match\n"
	                          "[ 5429] n02: answer of n01\n"
	                          "[ 5430] n02: finished: 1 answered, 1 none\n");
	free(told);
}

/* Their cryptography is the real one here. */
static void sixteen_nodes_know_each_other_within_ten_seconds(void **state)
{
	struct sim_options options = {.nodes = 16, .seed = 2, .crypto = SIM_CRYPTO_REAL};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 10000);
	sim_check_known(sim);
	query = ask(sim, 3, 2, 10000);
	sim_run(sim, 25000);
	assert_whole(sim, query, 15);
	end(sim);
}

/* Far fewer than each to each: buckets bound whom one keeps in touch with. */
static void joining_costs_some_datagrams_for_each_neighbour(void **state)
{
	struct sim *sim = community(60, 3, 0);
	(void)state;

	sim_run(sim, 20000);
	sim_check_known(sim);
	assert_in_range(sim_sent(sim), 60 * 50, 60 * 800);
	end(sim);
}

static void sixty_nodes_know_each_other_within_a_minute_of_loss(void **state)
{
	struct sim *sim = community(60, 5, 0.1);
	size_t query;
	(void)state;

	sim_run(sim, 60000);
	sim_check_known(sim);
	query = ask(sim, 17, 3, 30000);
	sim_run(sim, 91000);
	assert_whole(sim, query, 59);
	assert_int_equal(tally_of(sim, query).planted, 3);
	assert_true(sim_sometimes(sim, SIM_LOSS) > 0);
	end(sim);
}

static void who_comes_late_is_known_to_all(void **state)
{
	struct sim_options options = {.nodes = 6, .seed = 4, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	for (uint32_t i = 0; i < 5; i++)
		sim_start(sim, i, 0);
	sim_start(sim, 5, 60000);
	sim_run(sim, 65000);
	sim_check_known(sim);
	query = ask(sim, 5, 2, 10000);
	sim_run(sim, 76000);
	assert_whole(sim, query, 5);
	end(sim);
}

/* Its record names no address; it keeps its own holes open. */
static void members_behind_nat_hear_and_answer(void **state)
{
	struct sim_options options = {
		.nodes = 20, .seed = 6, .nat = 0.3, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	uint32_t count = 0;
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 30000);
	for (uint32_t i = 0; i < 20; i++)
		count += sim_is_nat(sim, i);
	assert_false(sim_is_nat(sim, 0));
	query = ask(sim, 0, 3, 10000);
	sim_run(sim, 41000);
	assert_whole(sim, query, 19);
	assert_true(count > 0);
	end(sim);
}

/* It never calls anybody itself: they find the way to it, and soon. */
static void of_two_endpoints_one_is_enough(void **state)
{
	struct sim *sim = community(10, 9, 0);
	(void)state;

	sim_set_deaf_v6(sim, 5);
	for (uint64_t at_ms = 1; !sim_is_up(sim, 5); at_ms++)
		sim_run(sim, at_ms);
	sim->nodes[5].overlay->limits.hands_max = 0; /* but it has knocked */
	sim_run(sim, 15000);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(i == 5 || sim_is_live(sim, i, 5));
	end(sim);
}

static void a_warm_start_needs_nobodys_address(void **state)
{
	struct sim_options options = {
		.nodes = 100, .seed = 7, .is_warm = true, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 20000);
	sim_check_known(sim);
	query = ask(sim, 50, 3, 20000);
	sim_run(sim, 41000);
	assert_whole(sim, query, 99);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_nodes_meet_from_one_address),
		cmocka_unit_test(sixteen_nodes_know_each_other_within_ten_seconds),
		cmocka_unit_test(joining_costs_some_datagrams_for_each_neighbour),
		cmocka_unit_test(sixty_nodes_know_each_other_within_a_minute_of_loss),
		cmocka_unit_test(who_comes_late_is_known_to_all),
		cmocka_unit_test(members_behind_nat_hear_and_answer),
		cmocka_unit_test(of_two_endpoints_one_is_enough),
		cmocka_unit_test(a_warm_start_needs_nobodys_address),
	};

	return cmocka_run_group_tests_name("sim/join", tests, NULL, NULL);
}
