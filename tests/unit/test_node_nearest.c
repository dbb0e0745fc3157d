/* Why nothing was found at the time asked for: what is said of it, and of whose clock. */
#include "base/timestamp.h"
#include "node/nearest.h"
#include "tests/unit/store_fixture.h"

#define ASKED_MS (T0 + 30 * 60000)

static bool is_any(const void *ctx, const struct flow *f)
{
	(void)ctx;
	(void)f;
	return true;
}

/* One flow by an exporter whose clock is off by so much, told of after so long. */
static struct nearest of_one(struct fixture *f, int64_t ahead_ms, int64_t late_ms)
{
	static const struct skews none;
	struct interval asked = {ASKED_MS, ASKED_MS};
	struct flow flow = flow_of(1, ASKED_MS + 100);
	struct nearest ret;

	flow.received_ms += late_ms;
	flow.start_ms += ahead_ms;
	flow.end_ms += ahead_ms;
	open_it(f);
	assert_ok(store_append(f->store, &flow, 1));
	assert_ok(nearest_find(f->store, &none, NULL, asked, is_any, NULL, &deadline_never, &ret));
	close_it(f);
	return ret;
}

static const char *text_of(const struct nearest *n)
{
	static char room[NEAREST_TEXT_MAX];

	return nearest_print(n, room);
}

static void a_clock_behind_may_be_why(void **state)
{
	struct nearest n = of_one(*state, -3600000, 5000);
	char expected[NEAREST_TEXT_MAX], ended[TIMESTAMP_TEXT_MAX], told[TIMESTAMP_TEXT_MAX];

	snprintf(expected, sizeof(expected),
	         "; the nearest ended %s by 10.0.0.1, which told of it %s: its clock may be as far "
	         "behind as that",
	         timestamp_print(ASKED_MS + 100 - 3600000, ended),
	         timestamp_print(ASKED_MS + 5100, told));
	assert_string_equal(text_of(&n), expected);
}

static void a_clock_ahead_is_why(void **state)
{
	struct nearest n = of_one(*state, 20000, 5000);

	assert_non_null(strstr(text_of(&n), "; the nearest began "));
	assert_non_null(strstr(text_of(&n), ": its clock is ahead"));
}

/* Told of long before: it was over then, whatever the clock. */
static void what_was_told_of_before_is_only_the_nearest(void **state)
{
	struct nearest n = of_one(*state, -7200000, -7200000 + 1000);

	assert_non_null(strstr(text_of(&n), "; the nearest ended "));
	assert_null(strstr(text_of(&n), "clock"));
}

static void what_is_too_far_off_is_not_told(void **state)
{
	struct nearest n = of_one(*state, -NEAREST_WITHIN_MS - 60000, 1000);

	assert_string_equal(text_of(&n), "");
}

static struct mono at_once(void)
{
	return (struct mono){1};
}

/* Part of it would not do: a nearer one may come. */
static void what_takes_too_long_is_not_told(void **state)
{
	static const struct skews none;
	const struct deadline over = {{1}, at_once};
	struct fixture *f = *state;
	struct flow flow = flow_of(1, ASKED_MS - 60000);
	struct nearest n;

	open_it(f);
	assert_ok(store_append(f->store, &flow, 1));
	assert_err(ERR_LIMIT,
	           nearest_find(f->store, &none, NULL, (struct interval){ASKED_MS, ASKED_MS},
	                        is_any, NULL, &over, &n));
	close_it(f);
	assert_string_equal(text_of(&n), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_clock_behind_may_be_why, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_ahead_is_why, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_told_of_before_is_only_the_nearest, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_is_too_far_off_is_not_told, setup, teardown),
		cmocka_unit_test_setup_teardown(what_takes_too_long_is_not_told, setup, teardown),
	};

	return cmocka_run_group_tests_name("node/nearest", tests, NULL, NULL);
}
