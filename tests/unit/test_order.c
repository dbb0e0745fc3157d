#include "correlate/order.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

static struct edges up, down;

static void take(const struct rhythm *r, struct edges *ret)
{
	struct fingerprint print = rhythm_print(r);

	edges_of(&print, RHYTHM_GAP_MS, RHYTHM_T0, 0, ret);
}

/* Passed on `there_ms` later, its last answer back `back_ms` earlier. */
static struct rhythm passed_on(struct rhythm r, int64_t there_ms, int64_t back_ms)
{
	for (size_t i = 0; i < r.count; i++) {
		r.on[i].start_ms += there_ms;
		r.on[i].end_ms -= back_ms;
	}
	return r;
}

static void the_longer_activity_is_upstream_whatever_the_clocks_say(void **state)
{
	(void)state;

	for (int64_t clock_ms = -3000; clock_ms <= 3000; clock_ms += 1000) {
		struct rhythm a = rhythm_of_person(3, 12);
		struct rhythm b = rhythm_moved(passed_on(a, 150, 150), clock_ms);
		double lag_s = (double)(clock_ms + 150) / 1e3;
		struct order got;

		take(&a, &up);
		take(&b, &down);
		got = order_of(&up, &down, lag_s, 6.5);
		assert_int_equal(10, got.compared);
		assert_true(got.stretch_s > 0.29 && got.stretch_s < 0.31);
		assert_true(got.log_odds > 2);
		got = order_of(&down, &up, -lag_s, 6.5);
		assert_true(got.stretch_s < -0.29);
		assert_true(got.log_odds < -2);
	}
}

static void a_start_beyond_the_clocks_outweighs_it(void **state)
{
	struct rhythm a = rhythm_of_person(3, 12), b = passed_on(a, -200, -200);
	(void)state;

	a.on[0].start_ms -= 30000;
	take(&a, &up);
	take(&b, &down);
	assert_true(order_of(&up, &down, -0.2, 2).stretch_s < -0.3);
	assert_true(order_of(&up, &down, -0.2, 2).log_odds > 0);
	assert_true(order_of(&up, &down, -0.2, 60).log_odds < 0);
}

static void without_anything_in_common_there_is_no_order(void **state)
{
	struct rhythm a = rhythm_of_person(3, 12), b = rhythm_moved(a, 400);
	struct order got;
	(void)state;

	take(&a, &up);
	got = order_of(&up, &up, 0, 2);
	assert_true(got.log_odds <= 0 && got.log_odds >= 0);
	b.count = 1;
	take(&b, &down);
	got = order_of(&up, &down, 0.4, 2);
	assert_int_equal(0, got.compared);
	assert_true(got.log_odds > 0 && got.log_odds < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longer_activity_is_upstream_whatever_the_clocks_say),
		cmocka_unit_test(a_start_beyond_the_clocks_outweighs_it),
		cmocka_unit_test(without_anything_in_common_there_is_no_order),
	};

	return cmocka_run_group_tests_name("correlate/order", tests, NULL, NULL);
}
