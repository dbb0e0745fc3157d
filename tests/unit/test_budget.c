#include "proto/overlay/budget.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct budget_rate rate = {.per_minute = 60, .burst = 5};

static bool take(struct budget *b, uint64_t at_ms, uint32_t count)
{
	return budget_take(b, (struct mono){at_ms}, rate, count);
}

static void a_new_one_holds_its_burst_and_no_more(void **state)
{
	struct budget b = {{0}, 0};
	(void)state;

	for (int i = 0; i < 5; i++)
		assert_true(take(&b, 1000, 1));
	assert_false(take(&b, 1000, 1));
}

static void tokens_come_back_at_the_rate(void **state)
{
	struct budget b = {{0}, 0};
	(void)state;

	assert_true(take(&b, 1000, 5));
	assert_false(take(&b, 1999, 1));
	assert_true(take(&b, 2000, 1));
	assert_false(take(&b, 2000, 1));
	assert_true(take(&b, 4000, 2));
	assert_false(take(&b, 4000, 1));
}

/* Looking every 100 ms must not cost the tenths of a token that have grown meanwhile. */
static void asking_often_loses_nothing(void **state)
{
	struct budget b = {{0}, 0};
	uint32_t taken = 0;
	(void)state;

	assert_true(take(&b, 1, 5));
	for (uint64_t at_ms = 1; at_ms <= 60001; at_ms += 100)
		taken += take(&b, at_ms, 1);
	assert_int_equal(taken, 60);
}

static void what_cannot_be_had_costs_nothing(void **state)
{
	struct budget b = {{0}, 0};
	(void)state;

	assert_false(take(&b, 1000, 6));
	assert_true(take(&b, 1000, 5));
}

static void no_pause_however_long_holds_more_than_the_burst(void **state)
{
	struct budget b = {{0}, 0};
	(void)state;

	assert_true(take(&b, 1000, 5));
	assert_false(take(&b, UINT64_C(1000000000000), 6));
	assert_true(take(&b, UINT64_C(1000000000000), 5));
	assert_false(take(&b, UINT64_C(1000000000000), 1));
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
	struct budget b = {{0}, 0};
	(void)state;

	assert_true(take(&b, 100000, 5));
	assert_false(take(&b, 50000, 1));
	assert_false(take(&b, 100999, 1));
	assert_true(take(&b, 101000, 1));
}

static void what_was_spent_and_not_there_is_owed(void **state)
{
	struct budget b = {{0}, 0};
	struct mono then = {1000};
	(void)state;

	budget_charge(&b, then, rate, 3);
	assert_true(take(&b, 1000, 2));
	budget_charge(&b, then, rate, 4);
	assert_false(take(&b, 5999, 1));
	assert_true(take(&b, 6000, 1)); /* four to pay back, and one */
	budget_charge(&b, (struct mono){6000}, rate, 1);
	budget_charge(&b, (struct mono){6000}, rate, 1);
	assert_false(take(&b, 8999, 1));
	assert_true(take(&b, 9000, 1));
}

static struct budget *of(struct budgets *t, const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	return budget_of_prefix(t, &a);
}

static void neighbours_share_a_bucket(void **state)
{
	static struct budgets t = {.key = {{1, 2, 3}}};
	(void)state;

	assert_ptr_equal(of(&t, "192.0.2.1"), of(&t, "192.0.2.254"));
	assert_ptr_equal(of(&t, "2001:db8:1::1"), of(&t, "2001:db8:1:ffff::9"));
	assert_ptr_not_equal(of(&t, "192.0.2.1"), of(&t, "192.0.3.1"));
	assert_ptr_not_equal(of(&t, "2001:db8:1::1"), of(&t, "2001:db8:2::1"));
	assert_ptr_equal(budget_of_name(&t, "Example"), budget_of_name(&t, "Example"));
}

/* Else a flooder could choose whom to take along. */
static void who_shares_one_is_the_keys_secret(void **state)
{
	static struct budgets a = {.key = {{1}}}, b = {.key = {{2}}};
	size_t same = 0;
	(void)state;

	for (uint8_t i = 0; i < 200; i++) {
		const uint8_t octets[4] = {10, 0, i, 1};
		struct addr addr = addr_from_v4(octets);

		same += budget_of_prefix(&a, &addr) - a.of == budget_of_prefix(&b, &addr) - b.of;
	}
	assert_true(same < 10);
}

static void prefixes_spread_over_all_buckets(void **state)
{
	static struct budgets t = {.key = {{7}}};
	size_t used = 0;
	(void)state;

	for (unsigned i = 0; i < 4 * BUDGETS; i++) {
		const uint8_t octets[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 1};
		struct addr addr = addr_from_v4(octets);

		budget_of_prefix(&t, &addr)->tokens++;
	}
	for (size_t i = 0; i < BUDGETS; i++)
		used += t.of[i].tokens > 0;
	assert_true(used > BUDGETS * 9 / 10); /* 98 % if drawn at random */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_holds_its_burst_and_no_more),
		cmocka_unit_test(tokens_come_back_at_the_rate),
		cmocka_unit_test(asking_often_loses_nothing),
		cmocka_unit_test(what_cannot_be_had_costs_nothing),
		cmocka_unit_test(no_pause_however_long_holds_more_than_the_burst),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
		cmocka_unit_test(what_was_spent_and_not_there_is_owed),
		cmocka_unit_test(neighbours_share_a_bucket),
		cmocka_unit_test(who_shares_one_is_the_keys_secret),
		cmocka_unit_test(prefixes_spread_over_all_buckets),
	};

	return cmocka_run_group_tests_name("overlay/budget", tests, NULL, NULL);
}
