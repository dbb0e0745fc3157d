#include "base/util.h"
#include "correlate/path.h"
#include "tests/unit/path_fixture.h"
#include "tests/unit/test.h"

#include <stdio.h>

static const struct row two_into_a_stone[] = {
	{2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .score = 9.5},
	{2, 1, "198.51.100.7:50001", "10.2.0.10:22", 10400, 600000, .score = 9.1},
	{2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
};

static void what_the_data_do_not_decide_is_told_with_its_weight(void **state)
{
	struct match matches[3];
	struct path path;
	(void)state;

	match_rows(two_into_a_stone, 3, matches);
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(matches[0].hop, 0); /* by evidence: the clocks do not tell the starts */
	assert_int_equal(path.alternative_count, 1);
	assert_int_equal(path.alternatives[0].instead_of, 0);
	assert_float_equal(path.hops[0].weight, 0.715, 0.001);
	assert_float_equal(path.alternatives[0].hop.weight, 0.285, 0.001);
	assert_int_equal(path.hops[0].doubts, PATH_UNDECIDED);
	assert_int_equal(path.branch_count, 0);
}

static void a_decade_of_evidence_or_a_clear_start_decides_and_the_other_merges(void **state)
{
	struct match matches[3];
	struct path path;
	(void)state;

	match_rows(two_into_a_stone, 3, matches);
	matches[1].score = 8;
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(matches[0].hop, 0);
	assert_int_equal(path.alternative_count, 0);
	assert_float_equal(path.hops[0].weight, 1, 0);
	assert_int_equal(path.branch_count, 1);
	assert_int_equal(path.branches[0].kind, PATH_MERGE);
	matches[1].life.start_ms = 15000;
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(matches[1].hop, 0); /* nearer in time to what it carries */
	assert_int_equal(path.alternative_count, 0);
	assert_int_equal(path.branches[0].kind, PATH_MERGE);
	assert_int_equal(path.branches[0].at, 0);
}

static void siblings_forks_and_what_the_target_carried_are_told_beside_the_path(void **state)
{
	static const struct row rows[] = {
		{2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		{2, 1, "10.2.0.10:50002", "192.0.2.9:22", 20500, .end_ms = 590000},
		{2, 1, "10.2.0.10:50003", "192.0.2.8:22", 90000, .end_ms = 590000},
		{2, 1, "10.2.0.10:50006", "192.0.2.6:22", 18900, .end_ms = 590000},
		{2, 1, "10.2.0.10:50004", "10.4.0.4:22", 20000, 590000, .is_target = true},
		{2, 1, "10.4.0.4:50005", "192.0.2.7:22", 30000, .end_ms = 590000},
		{2, 1, "192.0.2.77:50005", "192.0.2.78:22", 95000, .end_ms = 590000},
	};
	static const enum path_branch kinds[] = {PATH_SIBLING, PATH_FORK, PATH_FORK, PATH_ONWARD};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.branch_count, ARRAY_LEN(kinds));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		assert_int_equal(path.branches[i].kind, kinds[i]);
		assert_int_equal(path.branches[i].at, 1);
	}
}

/* The loop's first pass has the better score; it is upstream of its second all the same. */
static void a_quick_loop_keeps_all_its_hops(void **state)
{
	static const struct row rows[] = {
		{2, 1, "198.51.100.9:50001", "10.2.0.10:22", 10000, 600000, .score = 30},
		{2, 1, "10.2.0.10:50002", "192.0.2.3:22", 10300, 600000, .score = 20},
		{2, 1, "192.0.2.3:50003", "10.2.0.10:22", 10600, 600000, .score = 20},
		{2, 1, "10.2.0.10:50004", "198.51.100.4:22", 10900, 600000, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 4);
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(matches[i].hop, i);
	assert_int_equal(path.alternative_count, 0);
}

static void what_contradicts_a_hop_is_told(void **state)
{
	static const struct row rows[] = {
		{2, 1, "198.51.100.1:50001", "10.2.0.10:22", 20500, 500000, .score = 9},
		{2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 590000, .score = 9},
		{4, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	matches[0].lag_ms = 90;
	matches[0].lag_error_ms = 30;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].doubts, PATH_ENDS_FIRST | PATH_STARTS_LATER);
	assert_int_equal(path.hops[0].lag_ms, 90);
	assert_int_equal(path.hops[0].lag_error_ms, 30);
	matches[0].lag_ms = 400; /* one clock has seen both */
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].doubts, PATH_ENDS_FIRST | PATH_STARTS_LATER | PATH_LAGS);
	assert_int_equal(path.hops[1].doubts, 0);
}

static void an_upstream_that_its_gateway_has_not_seen_is_doubted(void **state)
{
	static const struct row rows[] = {
		{1, 1, "10.1.0.10:40000", "198.51.100.7:22", 0, 1000000, .score = 9},
		{2, 2, "10.1.0.10:40000", "10.2.0.10:22", 0, 1000000, .score = 9},
		{3, 1, "10.3.0.10:50000", "203.0.113.9:22", 60000, 900000, .is_target = true},
		{1, 1, "192.0.2.60:40000", "203.0.113.60:22", 20000, 900000, .score = 9},
		{3, 1, "192.0.2.60:40000", "203.0.113.60:22", 20000, 900000, .score = 9},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.hops[0].link, PATH_TIME);
	assert_int_equal(path.hops[0].doubts, PATH_ELSEWHERE);
	/* what the gateway has seen pass is preferred, though it began earlier */
	matches[0].life.start_ms = matches[1].life.start_ms = 30000;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(matches[3].hop, 0);
	assert_int_equal(path.hops[0].doubts, 0);
	/* what may be chance is not on the path, and said to be left out */
	matches[0].is_significant = matches[1].is_significant = false;
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.unplaced_count, 1);
	assert_int_equal(path.unplaced[0].why, PATH_WHY_UNSEEN);
	assert_string_equal("unseen", path_why_text(path.unplaced[0].why));
}

/* One session after another from host to host (autossh); what they carry goes on. */
static void a_session_that_takes_up_where_another_ended_is_the_same_over_again(void **state)
{
	static const struct row rows[] = {
		{2, 2, "192.0.2.1:40000", "10.2.0.10:22", 0, 500000, .score = 9},
		{2, 2, "192.0.2.1:40999", "10.2.0.10:22", 501000, 1000000, .score = 9},
		{2, 2, "192.0.2.1:41000", "10.2.0.10:22", 300000, 1000000, .score = 9},
		{2, 2, "10.2.0.10:50000", "203.0.113.9:22", 60000, 990000, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(matches[0].hop, 0);
	assert_int_equal(path.branch_count, 2);
	assert_int_equal(path.branches[0].kind, PATH_RESUMED);
	assert_int_equal(path.branches[0].at, 0);
	assert_int_equal(path.branches[1].kind, PATH_FORK); /* at the same time: another one */
	assert_string_equal("resumed", path_branch_text(PATH_RESUMED));
}

/* The victim has dialled the stone; who drives it had come to the stone before. */
static void who_came_before_to_the_host_that_was_dialled_may_drive_it(void **state)
{
	static const struct row rows[] = {
		{2, 1, "192.0.2.1:40000", "10.2.0.10:22", 0, 1000000, .score = 9},
		{2, 1, "192.0.2.2:40000", "10.2.0.10:22", 59000, 1000000, .score = 9},
		{2, 1, "192.0.2.3:40000", "10.2.0.10:22", 0, 800000, .score = 9},
		{2, 1, "198.51.100.9:50000", "10.2.0.10:443", 60000, 900000, .is_target = true},
		{2, 1, "203.0.113.1:40000", "198.51.100.9:22", 50000, 950000, .score = 9},
	};
	static const enum path_branch kinds[] = {PATH_REVERSE, PATH_MERGE, PATH_MERGE};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, 4, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.branch_count, ARRAY_LEN(kinds));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		assert_int_equal(path.branches[i].kind, kinds[i]);
	assert_string_equal("reverse", path_branch_text(PATH_REVERSE));
	/* where somebody has come to the one that dialled, that one drives */
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.branches[0].kind, PATH_MERGE);
}

static void what_has_no_place_is_listed_with_why(void **state)
{
	static const struct {
		struct row row;
		int64_t lag_ms;
		enum path_why why;
	} rows[] = {
		{{5, 1, "192.0.2.1:1", "192.0.2.11:22", 63000, 900000, .score = 9},
	         0,
	         PATH_WHY_LATER},
		{{5, 1, "192.0.2.2:1", "192.0.2.12:22", 0, 57000, .score = 8}, 0, PATH_WHY_OVER},
		{{5, 1, "192.0.2.3:1", "192.0.2.13:22", 0, 890000, .score = 7}, 0, PATH_WHY_SHORT},
		{{5, 1, "192.0.2.4:1", "192.0.2.14:22", 59000, 900000, .score = 6},
	         2500,
	         PATH_WHY_NEARER},
	};
	static const struct row target = {4,     1,      "10.4.0.9:1",     "203.0.113.9:22",
	                                  60000, 900000, .is_target = true};
	struct match matches[ARRAY_LEN(rows) + 1];
	struct path path;
	(void)state;

	match_rows(&target, 1, &matches[ARRAY_LEN(rows)]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		match_rows(&rows[i].row, 1, &matches[i]);
		matches[i].lag_ms = rows[i].lag_ms;
	}
	path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.branch_count, 0);
	assert_int_equal(path.unplaced_count, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(path.unplaced[i].why, rows[i].why);
		assert_true(endpoint_equal(&path.unplaced[i].hop.src, &matches[i].src));
	}
}

/* Of more than can be listed the best are, best first; with branches it is the same. */
static void of_too_many_without_a_place_the_best_are_listed(void **state)
{
	static const struct row target = {4,     1,      "10.4.0.9:1",     "203.0.113.9:22",
	                                  60000, 900000, .is_target = true};
	struct match matches[2 * PATH_BRANCHES_MAX];
	struct path path;
	char src[ENDPOINT_TEXT_MAX];
	(void)state;

	match_rows(&target, 1, matches);
	for (size_t i = 1; i < ARRAY_LEN(matches); i++) {
		struct row row = {
			5, 1, src, "192.0.2.11:22", 63000, 900000, .score = 5 + (double)i};

		snprintf(src, sizeof(src), "192.0.2.%zu:1", 50 + i);
		match_rows(&row, 1, &matches[i]);
	}
	path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.unplaced_count, PATH_BRANCHES_MAX);
	for (size_t i = 0; i < PATH_BRANCHES_MAX; i++)
		assert_int_equal(path.unplaced[i].hop.score, 5 + ARRAY_LEN(matches) - 1 - i);
	for (size_t i = 1; i < ARRAY_LEN(matches); i++)
		assert_ok(endpoint_parse("203.0.113.9:22", &matches[i].dst));
	path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.branch_count, PATH_BRANCHES_MAX);
	assert_int_equal(path.unplaced_count, ARRAY_LEN(matches) - 1 - PATH_BRANCHES_MAX);
	assert_int_equal(path.unplaced[0].why, PATH_WHY_FULL);
}

/* Timing alone, and both begun within what clocks err: one script may have started them. */
static void what_begins_together_may_have_been_started_together(void **state)
{
	static const struct row rows[] = {
		{2, 1, "198.51.100.1:50001", "198.51.100.2:22", 18500, 600000, .score = 9},
		{4, 1, "198.51.100.3:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.hops[0].link, PATH_TIME);
	assert_int_equal(path.hops[0].doubts, PATH_BEGINS_TOGETHER);
	matches[0].life.start_ms = 17900;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].link, PATH_TIME);
	assert_int_equal(path.hops[0].doubts, 0);
	matches[0].dst = matches[1].src; /* where addresses meet, timing is not alone */
	matches[0].life.start_ms = 18500;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].link, PATH_ADDRESS);
	assert_int_equal(path.hops[0].doubts, 0);
}

/* Among so many one view that is beyond chance is enough for its hop; the target needs none. */
static void a_hop_that_may_be_chance_says_so(void **state)
{
	static const struct row rows[] = {
		{1, 1, "198.51.100.1:40000", "198.51.100.2:22", 0, 600000, .score = 4},
		{2, 1, "198.51.100.1:40000", "198.51.100.2:22", 0, 600000, .score = 4},
		{2, 2, "198.51.100.2:50000", "198.51.100.3:22", 20000, 590000, .score = 4},
		{3, 1, "198.51.100.2:50000", "198.51.100.3:22", 20000, 590000, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.hops[0].doubts, PATH_CHANCE);
	assert_int_equal(path.hops[1].doubts, 0);
	matches[1].is_significant = true;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].doubts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_data_do_not_decide_is_told_with_its_weight),
		cmocka_unit_test(
			a_decade_of_evidence_or_a_clear_start_decides_and_the_other_merges),
		cmocka_unit_test(
			siblings_forks_and_what_the_target_carried_are_told_beside_the_path),
		cmocka_unit_test(a_quick_loop_keeps_all_its_hops),
		cmocka_unit_test(what_contradicts_a_hop_is_told),
		cmocka_unit_test(an_upstream_that_its_gateway_has_not_seen_is_doubted),
		cmocka_unit_test(
			a_session_that_takes_up_where_another_ended_is_the_same_over_again),
		cmocka_unit_test(who_came_before_to_the_host_that_was_dialled_may_drive_it),
		cmocka_unit_test(what_has_no_place_is_listed_with_why),
		cmocka_unit_test(of_too_many_without_a_place_the_best_are_listed),
		cmocka_unit_test(what_begins_together_may_have_been_started_together),
		cmocka_unit_test(a_hop_that_may_be_chance_says_so),
	};

	return cmocka_run_group_tests_name("correlate/path_beside", tests, NULL, NULL);
}
