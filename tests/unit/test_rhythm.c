#include "correlate/evidence.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <math.h>

#define LAG_S 3.5
#define SPARSE_COUNT 12

static struct side one, other;

static void side_of(const struct rhythm *r, int64_t gap_ms, struct side *ret)
{
	struct fingerprint print = {r->on, r->count, gap_ms};

	edges_of(&print, gap_ms, RHYTHM_T0, 0, &ret->edges);
	ret->loss = 0.02;
	side_predict(ret);
}

static struct evidence compare_at(const struct rhythm *a, const struct rhythm *b, int64_t gap_ms)
{
	struct evidence ret;

	side_of(a, gap_ms, &one);
	side_of(b, gap_ms, &other);
	evidence_of(&one, &other, LAG_S, &ret);
	return ret;
}

static struct evidence compare(const struct rhythm *a, const struct rhythm *b)
{
	return compare_at(a, b, RHYTHM_GAP_MS);
}

/* Silences of the gap and an exponential rest; activity likewise: no memory, nothing to learn. */
static struct rhythm without_memory(struct prng *p, double gap_s, double silence_s, double active_s,
                                    size_t count)
{
	struct rhythm r = {.count = count};
	double at_s = prng_unit(p) * 60;

	for (size_t i = 0; i < count; i++) {
		double end_s = at_s - active_s * log(1 - prng_unit(p));

		r.on[i] = (struct interval){RHYTHM_T0 + (int64_t)(at_s * 1e3),
		                            RHYTHM_T0 + (int64_t)(end_s * 1e3)};
		at_s = end_s + gap_s + 0.001 - silence_s * log(1 - prng_unit(p));
	}
	return r;
}

/*
 * What makes it an e-value: over unrelated pairs its mean is at most 1, before any decoy helps. One
 * large value in the sample would do for the mean, so that this is a test of the tail as well.
 */
static void its_mean_over_strangers_is_at_most_one(void **state)
{
	static const struct {
		double gap_s, silence_s, active_s;
		size_t count;
		double other_silence_s; /* 0: the same */
	} kinds[] = {
		{15, 4, 0.5, 10, 0},  {15, 4, 5, 10, 0},    {15, 20, 0.5, 10, 0},
		{15, 20, 5, 10, 0},   {15, 60, 20, 10, 0},  {1, 2, 0.5, 20, 0},
		{1, 2, 3, 20, 0},     {0.2, 1, 0.2, 30, 0}, {0.2, 1, 1, 30, 0},
		{0.2, 4, 0.2, 30, 0}, {1, 1, 1, 200, 40},
	};
	struct prng p = {20261129};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		double sum = 0, gap_s = kinds[i].gap_s;

		for (int n = 0; n < 120; n++) {
			struct rhythm a = without_memory(&p, gap_s, kinds[i].silence_s,
			                                 kinds[i].active_s, kinds[i].count);
			double silence_s = kinds[i].other_silence_s;
			struct rhythm b = without_memory(
				&p, gap_s, silence_s > 0 ? silence_s : kinds[i].silence_s,
				kinds[i].active_s, silence_s > 0 ? SPARSE_COUNT : kinds[i].count);

			sum += pow(10, compare_at(&a, &b, (int64_t)(gap_s * 1e3)).plain_decades);
		}
		if (sum / 120 > 1.2)
			fail_msg("kind %zu: %g", i, sum / 120);
	}
}

/* A job earns at its first edges at most what its phase is worth, and then nothing. */
static void a_habit_is_learnt_after_two_edges(void **state)
{
	struct rhythm job = rhythm_of_job(7000, 41300, 900, 60);
	(void)state;

	side_of(&job, RHYTHM_GAP_MS, &one);
	for (size_t k = 2; k < one.edges.count; k++) {
		assert_true(one.prediction.back[k] > 10);
		assert_true(one.prediction.leave[k] > 10);
	}
	assert_true(one.prediction.back[0] < 0.1);
}

/* Two jobs on one second, to some milliseconds, seen by a clock that is set in the middle: each
 * run is due, the only one that was not is worth no match. */
static void what_is_kept_to_milliseconds_is_due(void **state)
{
	size_t matches = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct prng p = {seed};
		struct rhythm of[2];

		for (size_t i = 0; i < 2; i++) {
			of[i] = rhythm_of_job(7000, 20000, 0, 180);
			for (size_t k = 0; k < of[i].count; k++) {
				of[i].on[k].start_ms += (int64_t)prng_below(&p, 7);
				of[i].on[k].start_ms += k >= 90 ? 7300 : 0;
				of[i].on[k].end_ms =
					of[i].on[k].start_ms + 5 + (int64_t)prng_below(&p, 10);
			}
		}
		matches += compare(&of[0], &of[1]).decades >= 1;
	}
	assert_true(matches <= 1);
}

static void the_full_minute_is_the_calendars(void **state)
{
	struct rhythm r = {.on = {{RHYTHM_T0 + 2000, RHYTHM_T0 + 9000},
	                          {RHYTHM_T0 + 60400, RHYTHM_T0 + 61000},
	                          {RHYTHM_T0 + 95000, RHYTHM_T0 + 99000}},
	                   .count = 3};
	(void)state;

	side_of(&r, RHYTHM_GAP_MS, &one);
	assert_true(one.prediction.back[0] >= 0.25);
	assert_true(one.prediction.back[1] < 0.1);
}

/* Cron and timers, on a second of their own: due from their second run on, not from their fourth.
 */
static void what_runs_at_multiples_of_five_minutes_is_due(void **state)
{
	static const int64_t after_ms[] = {900000, 300000, 1200000, 600000};
	struct rhythm job = {.count = ARRAY_LEN(after_ms) + 1};
	int64_t at_ms = RHYTHM_T0 + 17300;
	(void)state;

	for (size_t i = 0; i < job.count; i++) {
		job.on[i] = (struct interval){at_ms + 90 * (int64_t)i, at_ms + 2000};
		at_ms += i < ARRAY_LEN(after_ms) ? after_ms[i] : 0;
	}
	side_of(&job, RHYTHM_GAP_MS, &one);
	assert_int_equal(ARRAY_LEN(after_ms), one.edges.count);
	for (size_t k = 0; k < one.edges.count; k++)
		assert_true(one.prediction.back[k] > 10);
}

/* Doubled waits are due from the second on, others as soon as two have shown how they grow. */
static void who_waits_longer_each_time_is_due(void **state)
{
	static const struct {
		double times;
		int64_t more_ms;
		size_t due_from;
	} rows[] = {{2, 0, 1}, {1.5, 0, 2}, {1.3, 0, 2}, {3, 0, 2}, {1, 17000, 2}, {1, 5300, 2}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rhythm r = {.count = 6};
		int64_t at_ms = RHYTHM_T0 + 11000, wait_ms = 17000;

		for (size_t k = 0; k < r.count; k++) {
			r.on[k] = (struct interval){at_ms, at_ms + 200};
			at_ms += 200 + wait_ms;
			wait_ms = (int64_t)((double)wait_ms * rows[i].times) + rows[i].more_ms;
		}
		side_of(&r, RHYTHM_GAP_MS, &one);
		assert_true(one.prediction.back[0] < 0.1);
		for (size_t k = rows[i].due_from; k < one.edges.count; k++)
			assert_true(one.prediction.back[k] > 10);
	}
}

/* What is active for longer each time tries nothing again. */
static void activity_that_grows_is_not_due(void **state)
{
	struct rhythm r = {.on = {{RHYTHM_T0 + 7000, RHYTHM_T0 + 9000},
	                          {RHYTHM_T0 + 31000, RHYTHM_T0 + 35000},
	                          {RHYTHM_T0 + 82300, RHYTHM_T0 + 90300},
	                          {RHYTHM_T0 + 141000, RHYTHM_T0 + 142000}},
	                   .count = 4};
	(void)state;

	side_of(&r, RHYTHM_GAP_MS, &one);
	for (size_t k = 0; k < one.edges.count; k++)
		assert_true(one.prediction.leave[k] < 1);
}

/* A period of which two whole rounds were seen, the first from where the connection begins. */
static void a_beginning_is_the_first_of_the_returns(void **state)
{
	struct rhythm r = {.on = {{RHYTHM_T0 + 7000, RHYTHM_T0 + 8000},
	                          {RHYTHM_T0 + 1550000, RHYTHM_T0 + 1555000},
	                          {RHYTHM_T0 + 3093300, RHYTHM_T0 + 3094000}},
	                   .count = 3};
	(void)state;

	side_of(&r, RHYTHM_GAP_MS, &one);
	assert_true(one.prediction.back[0] < 0.1);
	assert_true(one.prediction.back[1] > 0.5);
}

/* However long the silence, its end is no less likely than after a minute; a timer's less still. */
static void no_silence_is_too_long_to_end(void **state)
{
	static const struct {
		int64_t silence_ms;
		double least;
	} rows[] = {{50000, 1 / 50.1}, {110000, 1 / 60.1}, {500000, 1 / 30.1}, {7000000, 1 / 30.1}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t back_ms = RHYTHM_T0 + 8000 + rows[i].silence_ms;
		struct rhythm r = {
			.on = {{RHYTHM_T0 + 7000, RHYTHM_T0 + 8000}, {back_ms, back_ms + 1000}},
			.count = 2};

		side_of(&r, RHYTHM_GAP_MS, &one);
		assert_true(one.prediction.back[0] >= rows[i].least);
		assert_true(one.prediction.back[0] < 0.1);
	}
}

/* What repeats itself agrees with itself at another time as well: the decoys take that off. */
static void what_repeats_itself_is_discounted(void **state)
{
	struct rhythm round = rhythm_of_person(4, 6), twice = round;
	struct evidence once_only, repeated;
	int64_t by_ms = 700000;
	(void)state;

	once_only = compare(&round, &round);
	for (int i = 0; i < 6; i++) {
		twice.on[6 + i].start_ms = round.on[i].start_ms + by_ms;
		twice.on[6 + i].end_ms = round.on[i].end_ms + by_ms;
	}
	twice.count = 12;
	repeated = compare(&twice, &twice);
	assert_true(once_only.decoy_decades < 1);
	assert_true(repeated.decoy_decades > 3);
	assert_true(repeated.decades < once_only.decades);
}

static void the_lag_comes_with_its_error(void **state)
{
	struct rhythm a = rhythm_of_person(9, 12);
	(void)state;

	for (int64_t lag_ms = -3000; lag_ms <= 3000; lag_ms += 750) {
		struct rhythm b = rhythm_moved(rhythm_seen_elsewhere(a, 5, 40), lag_ms);
		struct evidence got = compare(&a, &b);

		assert_true(fabs(got.lag_s - (double)lag_ms / 1e3) < 0.15);
		assert_true(got.lag_error_s < 0.2);
	}
}

static void nothing_at_all_is_no_evidence(void **state)
{
	struct rhythm a = rhythm_of_person(9, 12), none = rhythm_of_person(1, 1);
	(void)state;

	assert_true(compare(&none, &none).decades <= 0);
	assert_true(compare(&none, &none).decades > -0.5);
	assert_true(compare(&a, &none).decades <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_mean_over_strangers_is_at_most_one),
		cmocka_unit_test(a_habit_is_learnt_after_two_edges),
		cmocka_unit_test(what_is_kept_to_milliseconds_is_due),
		cmocka_unit_test(the_full_minute_is_the_calendars),
		cmocka_unit_test(what_runs_at_multiples_of_five_minutes_is_due),
		cmocka_unit_test(who_waits_longer_each_time_is_due),
		cmocka_unit_test(activity_that_grows_is_not_due),
		cmocka_unit_test(a_beginning_is_the_first_of_the_returns),
		cmocka_unit_test(no_silence_is_too_long_to_end),
		cmocka_unit_test(what_repeats_itself_is_discounted),
		cmocka_unit_test(the_lag_comes_with_its_error),
		cmocka_unit_test(nothing_at_all_is_no_evidence),
	};

	return cmocka_run_group_tests_name("correlate/evidence", tests, NULL, NULL);
}
