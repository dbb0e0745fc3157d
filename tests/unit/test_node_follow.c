#include "node/follow.h"
#include "tests/unit/test.h"

#define SETTLE_MS 35000

static struct now at(uint64_t s)
{
	return (struct now){{1000000 + s * 1000}, {(int64_t)s * 1000}};
}

static struct followed open_with(size_t silences)
{
	return (struct followed){silences, 0, true};
}

static struct follow asked_with(size_t silences)
{
	struct follow f = {.every_ms = 20000, .until = MONO_NEVER, .settle_ms = SETTLE_MS};
	struct followed target = open_with(silences);

	follow_note(&f, at(0), &target);
	return f;
}

static enum follow_step next(const struct follow *f, uint64_t s, struct followed target)
{
	return follow_next(f, at(s), &target, 1, 1);
}

static void without_a_new_silence_nobody_is_asked(void **state)
{
	struct follow f = asked_with(5);

	(void)state;
	assert_int_equal(next(&f, 3600, open_with(5)), FOLLOW_WAIT);
	assert_int_equal(next(&f, 3600, open_with(6)), FOLLOW_ASK);
}

static void many_silences_need_an_eighth_more(void **state)
{
	struct follow f = asked_with(80);

	(void)state;
	assert_int_equal(next(&f, 3600, open_with(89)), FOLLOW_WAIT);
	assert_int_equal(next(&f, 3600, open_with(90)), FOLLOW_ASK);
}

static void too_few_silences_to_tell_anything_are_waited_out(void **state)
{
	struct follow f = asked_with(0);

	(void)state;
	assert_int_equal(next(&f, 3600, open_with(1)), FOLLOW_WAIT);
	assert_int_equal(next(&f, 3600, open_with(2)), FOLLOW_ASK);
}

static void questions_keep_their_distance(void **state)
{
	struct follow f = asked_with(5);
	struct followed target = open_with(9);

	(void)state;
	assert_int_equal(next(&f, 19, target), FOLLOW_WAIT);
	assert_int_equal(next(&f, 20, target), FOLLOW_ASK);
	/* Three were asked the last time. */
	assert_int_equal(follow_next(&f, at(59), &target, 3, 1), FOLLOW_WAIT);
	assert_int_equal(follow_next(&f, at(60), &target, 3, 1), FOLLOW_ASK);
	/* Two traces share what members search for this node. */
	assert_int_equal(follow_next(&f, at(39), &target, 1, 2), FOLLOW_WAIT);
	assert_int_equal(follow_next(&f, at(40), &target, 1, 2), FOLLOW_ASK);
}

static void what_has_ended_is_asked_about_once_more_when_all_records_have_come(void **state)
{
	struct follow f = asked_with(5);
	struct followed target = {5, 50000, false};

	(void)state;
	assert_int_equal(next(&f, 84, target), FOLLOW_WAIT);
	assert_int_equal(next(&f, 85, target), FOLLOW_ASK);
	follow_note(&f, at(85), &target);
	assert_int_equal(next(&f, 86, target), FOLLOW_END);
}

static void a_connection_of_long_ago_is_asked_about_once(void **state)
{
	struct follow f = {.every_ms = 20000, .until = MONO_NEVER, .settle_ms = SETTLE_MS};
	struct followed target = {5, 50000, false};

	(void)state;
	follow_note(&f, at(5000), &target);
	assert_true(f.is_over);
	assert_int_equal(next(&f, 5000, target), FOLLOW_END);
}

static void its_time_ends_it_though_the_connection_goes_on(void **state)
{
	struct follow f = asked_with(5);

	(void)state;
	f.until = at(100).mono;
	assert_int_equal(next(&f, 99, open_with(5)), FOLLOW_WAIT);
	assert_int_equal(next(&f, 100, open_with(50)), FOLLOW_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_new_silence_nobody_is_asked),
		cmocka_unit_test(many_silences_need_an_eighth_more),
		cmocka_unit_test(too_few_silences_to_tell_anything_are_waited_out),
		cmocka_unit_test(questions_keep_their_distance),
		cmocka_unit_test(
			what_has_ended_is_asked_about_once_more_when_all_records_have_come),
		cmocka_unit_test(a_connection_of_long_ago_is_asked_about_once),
		cmocka_unit_test(its_time_ends_it_though_the_connection_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
