#include "tests/unit/test.h"
#include "tools/sim/baseline.h"
#include "tools/sim/cast.h"

#include <math.h>

static struct result run(const char *rule, const struct story *story)
{
	struct result r;

	assert_non_null(baseline_find(rule));
	assert_true(baseline_run(baseline_find(rule), story, &r));
	return r;
}

static void without_faults_the_tree_takes_one_message_for_each_node(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 16, 100, 1000, 3001};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct story story = {.nodes = sizes[i], .seed = 7 + i, .queries = 5};
		struct result r = run("el-ansary", &story);

		assert_int_equal(5 * (sizes[i] - 1), r.datagrams);
		assert_true(r.coverage_min == 1.0);
		assert_true(sizes[i] == 1 || r.copies_per_node == 1.0);
	}
}

static void without_faults_every_rule_reaches_everybody_within_three_seconds(void **state)
{
	struct story story = {.nodes = 500, .seed = 3, .queries = 10};
	(void)state;

	assert_true(baseline_rule_count >= 3);
	for (size_t i = 0; i < baseline_rule_count; i++) {
		struct result r = run(baseline_rules[i].name, &story);

		assert_true(r.coverage_min == 1.0);
		assert_true(r.coverage_3s > 0.999);
	}
}

static void one_lost_datagram_in_twenty_cuts_branches_off_the_tree(void **state)
{
	struct story story = {.nodes = 1000, .seed = 1, .queries = 40, .loss = 0.05};
	struct result tree = run("el-ansary", &story), three = run("kadcast", &story);
	(void)state;

	assert_true(tree.coverage_mean > 0.65);
	assert_true(tree.coverage_mean < 0.92);
	assert_true(three.coverage_mean > 0.995);
}

static void announcements_repair_what_random_copies_missed(void **state)
{
	struct story story = {.nodes = 1000,
	                      .seed = 1,
	                      .queries = 10,
	                      .loss = 0.05,
	                      .byzantine = 0.2,
	                      .dead = 0.1};
	struct result r = run("gossip", &story);
	(void)state;

	assert_true(r.coverage_1s < r.coverage_6s);
	assert_true(r.coverage_6s > 0.9999);
	assert_true(r.copies_per_node > 4);
	assert_true(r.copies_per_node < 7);
}

static void the_same_seed_is_the_same_run(void **state)
{
	struct story story = {.nodes = 200, .seed = 5, .queries = 3, .loss = 0.1};
	struct result first = run("kadcast", &story), again = run("kadcast", &story), other;
	(void)state;

	story.seed = 6;
	other = run("kadcast", &story);
	assert_true(first.trace_hash == again.trace_hash);
	assert_true(first.trace_hash != other.trace_hash);
}

static void a_model_has_no_answers_to_count(void **state)
{
	struct story story = {.nodes = 20, .seed = 5, .queries = 1};
	struct result r = run("kadcast", &story);
	(void)state;

	assert_true(isnan(r.answered_mean));
	assert_true(isnan(r.receipts_mean));
	assert_true(isnan(r.recall));
	assert_null(baseline_find("spoor"));
}

/* Shares of the nodes, whatever the seed; the one everybody starts from is honest. */
static void the_cast_has_as_many_dead_and_liars_as_were_asked_for(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		uint32_t counts[CAST_DEAD + 1] = {0};
		struct cast cast;

		assert_true(cast_init(&cast, 100, seed, 0.1, 0.2));
		for (uint32_t i = 0; i < 100; i++)
			counts[cast.roles[i]]++;
		assert_int_equal(10, counts[CAST_DEAD]);
		assert_int_equal(20, counts[CAST_LIAR]);
		assert_int_equal(7, counts[CAST_VICTIM]);
		assert_true(cast_is_honest(&cast, 0));
		assert_int_equal(CAST_HONEST, cast.roles[cast_asker(&cast)]);
		cast_fini(&cast);
	}
}

static void a_cast_of_one_is_honest_whatever_the_shares(void **state)
{
	struct cast cast;
	(void)state;

	assert_true(cast_init(&cast, 1, 1, 0.99, 0.99));
	assert_int_equal(0, cast_asker(&cast));
	cast_fini(&cast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_faults_the_tree_takes_one_message_for_each_node),
		cmocka_unit_test(without_faults_every_rule_reaches_everybody_within_three_seconds),
		cmocka_unit_test(one_lost_datagram_in_twenty_cuts_branches_off_the_tree),
		cmocka_unit_test(announcements_repair_what_random_copies_missed),
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(a_model_has_no_answers_to_count),
		cmocka_unit_test(the_cast_has_as_many_dead_and_liars_as_were_asked_for),
		cmocka_unit_test(a_cast_of_one_is_honest_whatever_the_shares),
	};

	return cmocka_run_group_tests_name("tools/sim/baseline", tests, NULL, NULL);
}
