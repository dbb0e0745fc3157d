#include "node/pace.h"
#include "node/presence.h"
#include "node/spending.h"
#include "tests/unit/test.h"

#define GAP_MS 15000
#define HOUR_S 3600

static struct now at(uint64_t s)
{
	return (struct now){{1000000 + s * 1000}, {(int64_t)s * 1000}};
}

static struct pace pace_until(uint64_t s)
{
	return pace_of(at(0), FOLLOW_SETTLE_MS(GAP_MS), (int64_t)HOUR_S * 1000, (int64_t)s * 1000);
}

static const struct followed ended = {5, -3600000, false}, open_one = {5, 0, true};

static enum follow_step next(const struct pace *p, uint64_t s, struct followed target)
{
	return pace_next(p, at(s), &target, false);
}

/* Asks as soon as may be, up to `until_s`; how often, and when the last time. */
static size_t ask_through(struct pace *p, uint64_t until_s, struct followed target,
                          uint64_t *ret_last_s)
{
	size_t count = 0;

	for (uint64_t s = 0; s < until_s; s++) {
		if (next(p, s, target) != FOLLOW_ASK)
			continue;
		pace_asked(p, at(s), &target);
		pace_heard(p, false);
		*ret_last_s = s;
		count++;
	}
	return count;
}

static void what_brings_nothing_is_asked_ever_more_rarely_but_each_hour(void **state)
{
	struct pace p = pace_until(100 * HOUR_S);
	uint64_t last_s = 0;

	(void)state;
	pace_asked(&p, at(0), &ended);
	assert_int_equal(next(&p, 19, ended), FOLLOW_WAIT);
	assert_int_equal(next(&p, 20, ended), FOLLOW_ASK);
	assert_int_equal(ask_through(&p, 3 * HOUR_S, ended, &last_s), 9);
	assert_int_equal(next(&p, last_s + HOUR_S - 1, ended), FOLLOW_WAIT);
	assert_int_equal(next(&p, last_s + HOUR_S, ended), FOLLOW_ASK);
}

static void what_was_found_makes_the_pause_short_again(void **state)
{
	struct pace p = pace_until(100 * HOUR_S);
	uint64_t last_s = 0;

	(void)state;
	pace_asked(&p, at(0), &ended);
	ask_through(&p, 3 * HOUR_S, ended, &last_s);
	pace_asked(&p, at(4 * HOUR_S), &ended);
	pace_heard(&p, true);
	assert_int_equal(next(&p, 4 * HOUR_S + 19, ended), FOLLOW_WAIT);
	assert_int_equal(next(&p, 4 * HOUR_S + 20, ended), FOLLOW_ASK);
}

static void who_has_come_is_asked_at_once_but_never_sooner_than_members_answer(void **state)
{
	struct pace p = pace_until(100 * HOUR_S);
	uint64_t last_s = 0;
	struct now soon;

	(void)state;
	pace_asked(&p, at(0), &ended);
	ask_through(&p, 3 * HOUR_S, ended, &last_s);
	soon = at(last_s + 9);
	assert_int_equal(pace_next(&p, soon, &ended, true), FOLLOW_WAIT);
	soon = at(last_s + 10);
	assert_int_equal(pace_next(&p, soon, &ended, true), FOLLOW_ASK);
	assert_int_equal(pace_next(&p, soon, &ended, false), FOLLOW_WAIT);
}

static void a_connection_that_goes_on_is_asked_about_as_it_grows(void **state)
{
	struct pace p = pace_until(100 * HOUR_S);
	const struct followed grown = {6, 0, true};
	uint64_t last_s = 0;

	(void)state;
	pace_asked(&p, at(0), &open_one);
	ask_through(&p, 3 * HOUR_S, open_one, &last_s);
	assert_int_equal(next(&p, last_s + 60, open_one), FOLLOW_WAIT);
	assert_int_equal(next(&p, last_s + 60, grown), FOLLOW_ASK);
}

static void too_few_silences_are_waited_for_as_long_as_there_may_be_more(void **state)
{
	struct pace p = pace_until(100 * HOUR_S);
	const struct followed young = {1, 0, true}, over = {1, 0, false};

	(void)state;
	assert_int_equal(pace_next(&p, at(HOUR_S), &young, true), FOLLOW_WAIT);
	assert_int_equal(next(&p, 34, over), FOLLOW_WAIT); /* records may be on their way */
	assert_int_equal(next(&p, 35, over), FOLLOW_END);
}

static void its_time_ends_it_whatever_else(void **state)
{
	struct pace p = pace_until(100);

	(void)state;
	assert_int_equal(pace_next(&p, at(99), &ended, true), FOLLOW_ASK);
	assert_int_equal(pace_next(&p, at(100), &ended, true), FOLLOW_END);
}

static void a_pause_is_no_longer_than_was_asked_for(void **state)
{
	struct pace p = pace_of(at(0), FOLLOW_SETTLE_MS(GAP_MS), 10000, INT64_MAX);
	uint64_t last_s = 0;

	(void)state;
	pace_asked(&p, at(0), &ended);
	assert_int_equal(ask_through(&p, 101, ended, &last_s), 10);
}

static void who_has_been_silent_for_days_is_looked_at_seldom(void **state)
{
	const struct followed talks = {5, (int64_t)HOUR_S * 1000, true};

	(void)state;
	assert_int_equal(pace_look_ms(at(HOUR_S + 30), &talks), 5000);
	assert_int_equal(pace_look_ms(at(65 * HOUR_S), &talks), HOUR_S * 1000);
	assert_int_equal(pace_look_ms(at(0), &talks), 5000); /* its clock is ahead */
}

static struct short_id id_of(uint8_t number)
{
	return (struct short_id){{number}};
}

struct seen {
	uint8_t number;
	bool is_live;
	uint64_t heard_s;
};

static void see(struct presence *a, uint64_t s, const struct seen *seen, size_t count)
{
	assert_true(presence_begin(a, count));
	for (size_t i = 0; i < count; i++)
		presence_see(a, id_of(seen[i].number), seen[i].is_live, at(seen[i].heard_s).mono,
		             at(s).mono);
	presence_end(a);
}

static void who_joins_or_comes_back_has_arrived(void **state)
{
	static const struct seen first[] = {{1, true, 0}, {5, false, 0}};
	static const struct seen back[] = {{1, true, 0}, {5, true, 0}};
	static const struct seen joined[] = {{1, true, 0}, {3, false, 0}, {5, true, 0}};
	static const struct seen gone[] = {{1, true, 0}, {5, false, 0}};
	const struct short_ids nobody = {0};
	struct presence a = {0};

	(void)state;
	see(&a, 1, first, ARRAY_LEN(first));
	assert_false(presence_any(&a, at(1).mono, &nobody));
	see(&a, 2, back, ARRAY_LEN(back));
	assert_true(presence_any(&a, at(1).mono, &nobody));
	assert_false(presence_any(&a, at(2).mono, &nobody));
	see(&a, 3, joined, ARRAY_LEN(joined));
	assert_true(presence_any(&a, at(2).mono, &nobody));
	see(&a, 4, gone, ARRAY_LEN(gone));
	assert_false(presence_any(&a, at(3).mono, &nobody));
	see(&a, 5, back, ARRAY_LEN(back));
	assert_true(presence_any(&a, at(4).mono, &nobody));
	presence_free(&a);
}

static void who_has_answered_already_is_no_arrival(void **state)
{
	static const struct seen seen[] = {{2, true, 0}, {4, true, 0}, {6, true, 0}};
	struct short_id known[] = {id_of(6), id_of(2), id_of(4)};
	struct short_ids all = {known, ARRAY_LEN(known)}, some;
	struct presence a = {0};

	(void)state;
	see(&a, 1, seen, ARRAY_LEN(seen));
	short_ids_sort(known, ARRAY_LEN(known));
	some = (struct short_ids){known, 2};
	assert_false(presence_any(&a, at(0).mono, &all));
	assert_true(presence_any(&a, at(0).mono, &some));
	presence_free(&a);
}

static void who_was_silent_has_arrived_when_it_is_heard_again(void **state)
{
	static const struct seen before[] = {{1, true, 1}, {2, true, 1}};
	static const struct seen after[] = {{1, true, 9}, {2, true, 1}};
	const struct short_ids nobody = {0};
	struct presence a = {0};

	(void)state;
	see(&a, 2, before, ARRAY_LEN(before));
	presence_note(&a, id_of(1), false, at(5).mono);
	presence_note(&a, id_of(2), false, at(5).mono);
	see(&a, 6, before, ARRAY_LEN(before)); /* the overlay does not miss them yet */
	assert_false(presence_any(&a, at(2).mono, &nobody));
	see(&a, 10, after, ARRAY_LEN(after));
	assert_true(presence_any(&a, at(9).mono, &nobody));
	see(&a, 11, after, ARRAY_LEN(after));
	assert_false(presence_any(&a, at(10).mono, &nobody));
	presence_free(&a);
}

/* How often it arrives by being heard, though it is silent whenever it is asked. */
static size_t returns_in_vain(struct presence *a, uint64_t *s)
{
	const struct short_ids nobody = {0};
	size_t count = 0;

	for (size_t i = 0; i < 10; i++) {
		struct seen heard = {1, true, *s + 1};

		presence_note(a, id_of(1), false, at(*s).mono);
		see(a, *s + 2, &heard, 1);
		count += presence_any(a, at(*s + 1).mono, &nobody);
		*s += 10;
	}
	return count;
}

static void who_never_says_anything_is_waited_for_no_more_until_it_does(void **state)
{
	static const struct seen first = {1, true, 0};
	struct presence a = {0};
	uint64_t s = 10;

	(void)state;
	see(&a, 1, &first, 1);
	assert_int_equal(returns_in_vain(&a, &s), PRESENCE_VAIN);
	assert_int_equal(returns_in_vain(&a, &s), 0);
	presence_note(&a, id_of(1), true, at(s).mono);
	assert_int_equal(returns_in_vain(&a, &s), PRESENCE_VAIN);
	presence_free(&a);
}

static void questions_of_the_last_minute_are_counted_low_ones_twice(void **state)
{
	struct spending s = {0};

	(void)state;
	assert_true(spending_allows(&s, at(0).mono, false, 5));
	assert_false(spending_allows(&s, at(0).mono, false, 6));
	assert_false(spending_allows(&s, at(0).mono, true, 5));
	spending_note(&s, at(0).mono, false);
	spending_note(&s, at(30).mono, true);
	assert_true(spending_allows(&s, at(59).mono, false, 2));
	assert_false(spending_allows(&s, at(59).mono, false, 3));
	assert_true(spending_allows(&s, at(60).mono, false, 3));
	for (uint64_t i = 0; i < 6; i++)
		spending_note(&s, at(61 + i).mono, false);
	assert_false(spending_allows(&s, at(120).mono, false, 0));
	assert_true(spending_allows(&s, at(121).mono, false, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_brings_nothing_is_asked_ever_more_rarely_but_each_hour),
		cmocka_unit_test(what_was_found_makes_the_pause_short_again),
		cmocka_unit_test(
			who_has_come_is_asked_at_once_but_never_sooner_than_members_answer),
		cmocka_unit_test(a_connection_that_goes_on_is_asked_about_as_it_grows),
		cmocka_unit_test(too_few_silences_are_waited_for_as_long_as_there_may_be_more),
		cmocka_unit_test(its_time_ends_it_whatever_else),
		cmocka_unit_test(a_pause_is_no_longer_than_was_asked_for),
		cmocka_unit_test(who_has_been_silent_for_days_is_looked_at_seldom),
		cmocka_unit_test(who_joins_or_comes_back_has_arrived),
		cmocka_unit_test(who_has_answered_already_is_no_arrival),
		cmocka_unit_test(who_was_silent_has_arrived_when_it_is_heard_again),
		cmocka_unit_test(who_never_says_anything_is_waited_for_no_more_until_it_does),
		cmocka_unit_test(questions_of_the_last_minute_are_counted_low_ones_twice),
	};

	return cmocka_run_group_tests_name("node/pace", tests, NULL, NULL);
}
