#include "tests/sim/support.h"

#define HOUR_MS 3600000

/* What is cut off is not reached, knows its own side, and is whole again soon after. */
static void heals(bool is_one_way)
{
	struct sim_cut cut = {
		.from_ms = 20000, .to_ms = 200000, .first = 6, .is_one_way = is_one_way};
	struct sim *sim = community(12, 6, 0);
	struct tally t;
	size_t query;

	sim_set_cut(sim, &cut);
	sim_run(sim, 120000);
	assert_false(sim_is_live(sim, 1, 7));
	assert_true(sim_is_live(sim, 1, 2));
	query = ask(sim, 7, 2, 30000);
	sim_run(sim, 200000);
	t = tally_of(sim, query);
	assert_int_equal(t.reachable, 5); /* of eleven */
	assert_int_equal(t.receipts, 5);
	sim_run(sim, 260000);
	sim_check_known(sim);
	query = ask(sim, 7, 2, 10000);
	sim_run(sim, 275000);
	assert_whole(sim, query, 11);
	assert_true(sim_sometimes(sim, SIM_PARTITION) > 0);
	end(sim);
}

static void a_partition_of_three_minutes_heals(void **state)
{
	(void)state;
	heals(false);
}

static void a_partition_in_one_direction_heals(void **state)
{
	(void)state;
	heals(true);
}

/* Asked on one side of a cut, and alive when it heals: the other side hears of it at once. */
static void a_query_that_is_alive_crosses_a_healed_partition(void **state)
{
	struct sim_cut cut = {.from_ms = 40000, .to_ms = 55000, .first = 10};
	struct sim *sim = community(20, 7, 0);
	size_t query;
	(void)state;

	sim_set_cut(sim, &cut);
	sim_run(sim, 42000);
	query = ask(sim, 3, 2, 60000);
	sim_run(sim, 54000);
	assert_false(sim_query(sim, query)->parts[15].is_heard);
	sim_run(sim, 75000);
	sim_check_heard(sim, query);
	assert_true(sim_sometimes(sim, SIM_PULL) > 0);
	end(sim);
}

static uint32_t listed_dead(const struct sim *sim, uint32_t dead)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sim_nodes(sim); i++)
		count += sim_is_up(sim, i) && sim_is_live(sim, i, dead);
	return count;
}

/* Nobody has noticed when the query comes; everybody hears it all the same, and soon. */
static void dead_relays_are_bypassed_and_leave_the_tables(void **state)
{
	struct sim *sim = community(64, 8, 0);
	size_t query;
	(void)state;

	sim_run(sim, 60000);
	for (uint32_t i = 10; i < 16; i++)
		sim_crash(sim, i);
	query = ask(sim, 1, 3, 20000);
	sim_run(sim, 85000);
	assert_int_equal(tally_of(sim, query).heard, 57);
	assert_in_range(tally_of(sim, query).latest_ms, 1, 700);
	assert_true(sim_sometimes(sim, SIM_FAILOVER) > 0);
	assert_int_equal(sim_query(sim, query)->parts[12].outcome, TARGET_SILENT);
	sim_run(sim, 120000);
	for (uint32_t i = 10; i < 16; i++)
		assert_int_equal(listed_dead(sim, i), 0);
	end(sim);
}

/* A node dies with a query served, comes back with its disk, and does not serve it again. */
static void a_restart_with_its_disk_serves_nothing_twice(void **state)
{
	struct sim *sim = community(12, 9, 0);
	size_t first, second;
	(void)state;

	sim_run(sim, 20000);
	first = ask(sim, 2, 2, 60000);
	sim_run(sim, 21000);
	assert_true(sim_query(sim, first)->parts[4].is_served);
	sim_crash(sim, 4);
	sim_run(sim, 22000);
	sim_restart(sim, 4, true);
	sim_run(sim, 50000); /* the simulator watches: served once */
	second = ask(sim, 4, 2, 10000);
	sim_run(sim, 65000);
	assert_whole(sim, second, 11);
	end(sim);
}

/* It is killed so long after it was asked to search, and comes back while the question is alive. */
static void answers_though_killed_after(uint64_t delay_ms)
{
	struct sim *sim = community(12, 9, 0);
	const struct sim_part *part;
	uint64_t now_ms = 20000;
	size_t query;

	sim_run(sim, now_ms);
	query = ask(sim, 2, 2, 60000);
	part = &sim_query(sim, query)->parts[4];
	while (!part->is_served && now_ms < 21000)
		sim_run(sim, ++now_ms);
	assert_true(part->is_served);
	sim_run(sim, now_ms += delay_ms);
	assert_true(delay_ms > 0 || !part->has_receipt);
	sim_crash(sim, 4);
	sim_run(sim, now_ms += 1000);
	sim_restart(sim, 4, true);
	sim_run(sim, 50000); /* the simulator watches: what it said it does not say twice */
	assert_true(part->has_receipt);
	end(sim);
}

/* Before its search is done, and while what it found waits to be said, and after that. */
static void who_was_killed_before_it_answered_answers_after_its_restart(void **state)
{
	(void)state;

	for (uint64_t delay_ms = 0; delay_ms < 100; delay_ms += 5)
		answers_though_killed_after(delay_ms);
}

/* A third is down when the question is asked, and half of them come back while it is alive. */
static void who_comes_back_during_a_question_answers_it(void **state)
{
	const uint32_t down[] = {0, 4, 7, 9, 12, 17, 20, 21, 25, 30};
	(void)state;

	for (uint64_t away_ms = 500; away_ms <= 5000; away_ms += 250) {
		struct sim *sim = community(32, away_ms, 0);
		size_t query;

		sim_run(sim, 20000);
		for (size_t i = 0; i < ARRAY_LEN(down); i++)
			sim_crash(sim, down[i]);
		query = ask(sim, 2, 3, 30000);
		sim_run(sim, 20000 + away_ms);
		for (size_t i = 0; i < ARRAY_LEN(down) / 2; i++)
			sim_restart(sim, down[i], true);
		sim_run(sim, 40000);
		for (size_t i = 0; i < ARRAY_LEN(down) / 2; i++)
			assert_true(sim_query(sim, query)->parts[down[i]].has_receipt);
		end(sim);
	}
}

/* Numbers go on where they were: of a crash between two questions nobody notices anything. */
static void numbers_go_on_after_a_restart(void **state)
{
	struct sim *sim = community(8, 10, 0);
	size_t before, after;
	(void)state;

	sim_run(sim, 20000);
	before = ask(sim, 4, 2, 5000);
	sim_run(sim, 30000);
	sim_crash(sim, 4);
	sim_restart(sim, 4, true);
	sim_run(sim, 60000);
	after = ask(sim, 4, 2, 10000);
	assert_true(sim_query(sim, after)->query.number > sim_query(sim, before)->query.number);
	sim_run(sim, 75000);
	assert_whole(sim, after, 7);
	end(sim);
}

static void a_node_whose_disk_is_lost_rejoins_and_hears_what_is_alive(void **state)
{
	struct sim *sim = community(12, 11, 0);
	size_t query;
	(void)state;

	sim_run(sim, 20000);
	sim_crash(sim, 4);
	query = ask(sim, 2, 2, 60000);
	sim_run(sim, 30000);
	sim_restart(sim, 4, false);
	sim_run(sim, 55000);
	sim_check_known(sim);
	sim_check_heard(sim, query);
	end(sim);
}

/* n00 has no address to begin with: the others come to it. */
static void the_first_node_is_found_again_by_the_others(void **state)
{
	struct sim *sim = community(8, 12, 0);
	(void)state;

	sim_run(sim, 20000);
	sim_crash(sim, 0);
	sim_run(sim, 80000);
	assert_false(sim_is_live(sim, 1, 0));
	sim_restart(sim, 0, false);
	sim_run(sim, 420000); /* silent members are called ever more rarely */
	sim_check_known(sim);
	end(sim);
}

static void who_sleeps_wakes_up_among_friends(void **state)
{
	struct sim *sim = community(10, 13, 0);
	size_t query;
	(void)state;

	sim_run(sim, 20000);
	sim_suspend(sim, 3, 300000);
	sim_run(sim, 380000);
	sim_check_known(sim);
	query = ask(sim, 3, 2, 10000);
	sim_run(sim, 395000);
	assert_whole(sim, query, 9);
	end(sim);
}

/* Monotonic time stood still meanwhile: only the wall clock knows that both are over. */
static void who_sleeps_too_long_neither_asks_on_nor_passes_on(void **state)
{
	struct sim *sim = community(10, 13, 0);
	struct sim_query own;
	size_t query, theirs;
	uint64_t copies;
	(void)state;

	sim_run(sim, 20000);
	query = ask(sim, 3, 2, 10000);
	theirs = ask(sim, 5, 2, 10000);
	sim_run(sim, 20200);
	sim_suspend(sim, 3, 200000);
	sim_run(sim, 220000);
	copies = sim_copies(sim);
	sim_run(sim, 221000);
	own = *sim_query(sim, query);
	assert_true(own.is_finished);
	assert_in_range(own.finished_ms, 220200, 220300);
	assert_true(sim_query(sim, theirs)->is_finished);
	assert_int_equal(sim_copies(sim), copies);
	end(sim);
}

/* Its wall clock is an hour off, either way: the others' tell it so. */
static void a_clock_may_be_an_hour_off(void **state)
{
	static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(jumps_ms); i++) {
		struct sim *sim = community(16, 14 + i, 0);
		size_t theirs, others;

		sim_run(sim, 20000);
		sim_jump(sim, 5, jumps_ms[i]);
		sim_run(sim, 60000);
		theirs = ask(sim, 5, 2, 10000);
		others = ask(sim, 1, 2, 10000);
		sim_run(sim, 75000);
		/* Its flows are an hour off, too, and nobody can tell: they match nothing. */
		assert_int_equal(tally_of(sim, theirs).receipts, 15);
		assert_int_equal(tally_of(sim, others).receipts, 15);
		assert_in_range(overlay_skew_ms(sim_overlay(sim, 5)), -jumps_ms[i] - 5000,
		                -jumps_ms[i] + 5000);
		end(sim);
	}
}

static void revocation_is_heard_by_all(void **state)
{
	struct sim *sim = community(40, 16, 0.02);
	size_t query;
	enum err err;
	(void)state;

	sim_run(sim, 60000);
	sim_revoke(sim, 7, 20);
	sim_run(sim, 65000);
	sim_check_revoked(sim, 7);
	query = sim_ask(sim, 7, 2, SEVERITY_LOW, 10000, &err);
	sim_run(sim, 80000);
	if (query != SIZE_MAX)
		assert_int_equal(tally_of(sim, query).heard, 0);
	query = ask(sim, 1, 2, 10000);
	sim_run(sim, 95000);
	assert_false(sim_query(sim, query)->parts[7].is_heard);
	assert_whole(sim, query, 38);
	sim_heal(sim);
	sim_run(sim, 125000);
	sim_check_known(sim);
	end(sim);
}

static void revocation_crosses_a_healed_partition(void **state)
{
	struct sim_cut cut = {.from_ms = 30000, .to_ms = 90000, .first = 10};
	struct sim *sim = community(20, 17, 0);
	(void)state;

	sim_set_cut(sim, &cut);
	sim_run(sim, 60000);
	sim_revoke(sim, 3, 0);
	sim_run(sim, 85000);
	assert_true(sim_knows_revoked(sim, 5, 3));
	assert_false(sim_knows_revoked(sim, 15, 3));
	sim_run(sim, 150000);
	sim_check_revoked(sim, 3);
	end(sim);
}

static void who_restarts_still_knows_who_was_revoked(void **state)
{
	struct sim *sim = community(6, 18, 0);
	(void)state;

	sim_run(sim, 20000);
	sim_revoke(sim, 3, 0);
	sim_run(sim, 25000);
	for (uint32_t i = 0; i < 6; i++)
		sim_crash(sim, i);
	sim_restart(sim, 5, true);
	assert_true(sim_knows_revoked(sim, 5, 3));
	assert_false(sim_has_met(sim, 5, 3));
	end(sim);
}

/* Who has expired and knows it does not ask; the others do not listen to who does not. */
static void who_has_expired_does_not_ask(void **state)
{
	struct sim_options options = {.nodes = 6, .seed = 19, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	enum err err;
	(void)state;

	assert_non_null(sim);
	sim_set_expiry(sim, 2, 20000);
	sim_start_all(sim, 1000);
	sim_run(sim, 30000);
	assert_true(sim_ask(sim, 2, 1, SEVERITY_LOW, 10000, &err) == SIZE_MAX);
	assert_err(ERR_EXPIRED, err);
	end(sim);
}

static void answers_hold_though_half_of_all_datagrams_come_twice(void **state)
{
	struct sim_options options = {.nodes = 10,
	                              .seed = 20,
	                              .loss = 0.2,
	                              .duplication = 0.5,
	                              .skew_max_ms = 100,
	                              .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 60000);
	query = ask(sim, 5, 2, 60000);
	sim_run(sim, 121000);
	assert_whole(sim, query, 9);
	assert_true(sim_sometimes(sim, SIM_STREAM) > 0);
	end(sim);
}

static void in_direct_mode_nobody_passes_anything_on(void **state)
{
	struct sim_options options = {
		.nodes = 16, .seed = 21, .is_direct = true, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_start_all(sim, 1000);
	sim_run(sim, 20000);
	query = ask(sim, 5, 2, 10000);
	sim_run(sim, 31000);
	assert_whole(sim, query, 15);
	assert_int_equal(sim_copies(sim), 15);
	end(sim);
}

static uint64_t hash_of(uint64_t seed)
{
	struct sim *sim = community(12, seed, 0.1);
	uint64_t hash;

	sim_run(sim, 20000);
	(void)ask(sim, 3, 2, 10000);
	sim_crash(sim, 7);
	sim_run(sim, 40000);
	hash = sim_hash(sim);
	end(sim);
	return hash;
}

static void a_run_is_its_seed(void **state)
{
	uint64_t hash = hash_of(30);
	(void)state;

	assert_int_equal(hash_of(30), hash);
	assert_int_not_equal(hash_of(31), hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partition_of_three_minutes_heals),
		cmocka_unit_test(a_partition_in_one_direction_heals),
		cmocka_unit_test(a_query_that_is_alive_crosses_a_healed_partition),
		cmocka_unit_test(dead_relays_are_bypassed_and_leave_the_tables),
		cmocka_unit_test(a_restart_with_its_disk_serves_nothing_twice),
		cmocka_unit_test(who_was_killed_before_it_answered_answers_after_its_restart),
		cmocka_unit_test(who_comes_back_during_a_question_answers_it),
		cmocka_unit_test(numbers_go_on_after_a_restart),
		cmocka_unit_test(a_node_whose_disk_is_lost_rejoins_and_hears_what_is_alive),
		cmocka_unit_test(the_first_node_is_found_again_by_the_others),
		cmocka_unit_test(who_sleeps_wakes_up_among_friends),
		cmocka_unit_test(who_sleeps_too_long_neither_asks_on_nor_passes_on),
		cmocka_unit_test(a_clock_may_be_an_hour_off),
		cmocka_unit_test(revocation_is_heard_by_all),
		cmocka_unit_test(revocation_crosses_a_healed_partition),
		cmocka_unit_test(who_restarts_still_knows_who_was_revoked),
		cmocka_unit_test(who_has_expired_does_not_ask),
		cmocka_unit_test(answers_hold_though_half_of_all_datagrams_come_twice),
		cmocka_unit_test(in_direct_mode_nobody_passes_anything_on),
		cmocka_unit_test(a_run_is_its_seed),
	};

	return cmocka_run_group_tests_name("sim/faults", tests, NULL, NULL);
}
