#include "correlate/polling.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#define LAG_S 3.5
#define SEEDS 200
#define STRANGERS 4000

/* Polls: each a wait after the one before and what that took, up to `scatter_ms` of it by chance.
 */
static struct rhythm free_running(struct prng *p, int64_t first_ms, int64_t wait_ms,
                                  int64_t scatter_ms, size_t count)
{
	struct rhythm r = {.count = count};
	int64_t at_ms = RHYTHM_T0 + first_ms;

	for (size_t i = 0; i < count; i++) {
		int64_t work_ms = 5 + (int64_t)prng_below(p, (uint64_t)scatter_ms + 1);

		r.on[i] = (struct interval){at_ms, at_ms + work_ms};
		at_ms += wait_ms + work_ms;
	}
	return r;
}

/* Later by 120 ms, and by up to 3 ms more, each by chance. */
static struct rhythm passed_on(const struct rhythm *r, uint64_t seed)
{
	struct rhythm ret = *r;
	struct prng p = {seed};

	for (size_t i = 0; i < ret.count; i++) {
		int64_t late_ms = 120 + (int64_t)prng_below(&p, 4);

		ret.on[i].start_ms += late_ms;
		ret.on[i].end_ms += late_ms + 3;
	}
	return ret;
}

/* What was there before it began to poll. */
static struct rhythm begun_before(struct rhythm r, int64_t by_ms)
{
	memmove(r.on + 1, r.on, r.count * sizeof(r.on[0]));
	r.on[0].start_ms = r.on[0].end_ms = r.on[1].start_ms - by_ms;
	r.count++;
	return r;
}

static void assert_near(double expected, double got, double most)
{
	if (fabs(expected - got) > most)
		fail_msg("%f is not %f", got, expected);
}

static struct edges edges(const struct rhythm *r)
{
	struct fingerprint print = rhythm_print(r);
	struct edges ret;

	edges_of(&print, RHYTHM_GAP_MS, RHYTHM_T0, 0, &ret);
	return ret;
}

static struct polling polling(const struct rhythm *r)
{
	struct edges e = edges(r);
	struct polling ret;

	polling_of(&e, &ret);
	return ret;
}

static struct polling_evidence compare(const struct rhythm *a, const struct rhythm *b)
{
	struct edges one = edges(a), other = edges(b);
	struct poller ours = {.edges = &one}, theirs = {.edges = &other};
	struct polling_evidence ret;

	polling_of(&one, &ours.polling);
	polling_of(&other, &theirs.polling);
	polling_evidence_of(&ours, &theirs, LAG_S, &ret);
	return ret;
}

static void a_period_is_told_with_its_error(void **state)
{
	size_t right = 0, free_running_ones = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		struct rhythm r = free_running(&p, 700, 61000, 200, 40);
		struct polling got = polling(&r);

		free_running_ones += got.kind == POLLING_FREE;
		assert_int_equal(39, got.polls);
		assert_true(got.error_s > 0 && got.error_s < 0.03);
		assert_true(got.jitter_s > 0.02 && got.jitter_s < 0.15);
		right += fabs(got.period_s - 61.105) <= 2 * got.error_s;
	}
	assert_true(right >= SEEDS * 9 / 10);
	assert_true(free_running_ones >= SEEDS * 9 / 10);
	assert_string_equal("free-running", polling_text(POLLING_FREE));
}

static void drift_is_told(void **state)
{
	struct rhythm r = {.count = 41};
	int64_t at_ms = RHYTHM_T0;
	struct polling got;
	(void)state;

	for (int64_t i = 0; i < 41; i++) {
		r.on[i] = (struct interval){at_ms, at_ms + 10};
		at_ms += 50300 + 10 * i;
	}
	got = polling(&r);
	assert_near(0.010, got.drift_s, 0.001);
}

static void who_types_does_not_poll(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm r = rhythm_of_person(seed, 12 + seed % 20);

		assert_int_equal(POLLING_NONE, polling(&r).kind);
	}
}

static void seven_polls_are_no_period(void **state)
{
	struct rhythm r = rhythm_of_job(0, 61300, 20, POLLING_POLLS_MIN);
	(void)state;

	assert_int_equal(POLLING_NONE, polling(&r).kind); /* the first is not counted */
	r = rhythm_of_job(0, 61300, 20, POLLING_POLLS_MIN + 1);
	assert_string_equal("held", polling_text(polling(&r).kind));
}

/* Late by up to a second, from any second of the minute, with some runs left out. */
static void a_schedule_of_whole_seconds_tells_nothing(void **state)
{
	static const int64_t periods_ms[] = {20000, 30000, 60000, 120000, 300000, 3600000};
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		int64_t period_ms = periods_ms[seed % ARRAY_LEN(periods_ms)];
		struct rhythm a = rhythm_of_job((int64_t)prng_below(&p, 60000), period_ms, 300, 40);
		struct rhythm b;

		for (size_t i = 0; i < a.count; i++)
			a.on[i].end_ms = a.on[i].start_ms += (int64_t)prng_below(&p, 1000);
		b = passed_on(&a, seed);
		b = rhythm_without(begun_before(b, 40000), 9);
		assert_string_equal("scheduled", polling_text(polling(&a).kind));
		assert_true(isinf(compare(&a, &b).decades));
	}
}

static struct rhythm seen_by_a_clock(struct rhythm r, int64_t (*gained_ms)(int64_t at_ms))
{
	for (size_t i = 0; i < r.count; i++) {
		int64_t by_ms = gained_ms(r.on[i].start_ms - RHYTHM_T0);

		r.on[i].start_ms += by_ms;
		r.on[i].end_ms += by_ms;
	}
	return r;
}

static int64_t set_once(int64_t at_ms)
{
	return at_ms < 900000 ? 0 : 9300;
}

static int64_t drifting(int64_t at_ms)
{
	return at_ms / 1000;
}

static int64_t slewed(int64_t at_ms)
{
	int64_t since_ms = at_ms % 1200000;

	return (since_ms < 600000 ? since_ms : 1200000 - since_ms) / 600;
}

/* Two on one second, late each by itself: what one clock does to both is no phase of theirs. */
static void a_clock_that_is_not_right_is_no_phase(void **state)
{
	static int64_t (*const clocks[])(int64_t at_ms) = {set_once, drifting, slewed};
	(void)state;

	for (size_t c = 0; c < ARRAY_LEN(clocks); c++) {
		size_t reached = 0;

		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct prng p = {seed};
			struct rhythm a = rhythm_of_job(17000, 60000, 20, 31), b = a;

			for (size_t i = 0; i < a.count; i++) {
				a.on[i].end_ms = a.on[i].start_ms += (int64_t)prng_below(&p, 40);
				b.on[i].end_ms = b.on[i].start_ms += (int64_t)prng_below(&p, 40);
			}
			a = seen_by_a_clock(a, clocks[c]);
			b = seen_by_a_clock(begun_before(b, 40000), clocks[c]);
			reached += compare(&a, &b).decades - log10(2) >= 1;
		}
		if (reached > SEEDS / 10)
			fail_msg("clock %zu: %zu of %d", c, reached, SEEDS);
	}
}

static void polls_that_are_passed_on_are_found(void **state)
{
	size_t found = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		struct rhythm a = free_running(&p, 700, 61300, 300, 30), b = passed_on(&a, seed);
		struct polling_evidence got;

		b = begun_before(b, 40000);
		got = compare(&a, &b);
		found += got.decades >= 3;
		assert_near(0.1215, got.lag_s, 0.003);
		assert_true(got.lag_error_s < 0.003);
		assert_true(got.telling > 5);
	}
	assert_true(found >= SEEDS * 95 / 100);
}

static void lost_polls_and_clocks_that_are_off_do_no_harm(void **state)
{
	size_t found = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		struct rhythm a = free_running(&p, 700, 61300, 300, 40), b = passed_on(&a, seed);

		for (size_t i = 3; i < 30; i += 9) {
			a = rhythm_without(a, i);
			b = rhythm_without(b, i + 4);
		}
		b = rhythm_moved(begun_before(b, 40000), 1900);
		found += compare(&a, &b).decades >= 3;
	}
	assert_true(found >= SEEDS * 95 / 100);
}

/* Then there is its phase alone, and less than the period's share of the lags comes of it. */
static void what_is_even_tells_by_its_phase_alone(void **state)
{
	struct prng p = {1};
	struct rhythm a = free_running(&p, 700, 61300, 0, 40), b = passed_on(&a, 1);
	struct polling_evidence got;
	(void)state;

	b = begun_before(b, 40000);
	got = compare(&a, &b);
	assert_true(got.decades > 0.3 && got.decades < 2);
	assert_near(got.phase_decades, got.decades, 0.3);
	b = rhythm_moved(b, 20000);
	assert_true(compare(&a, &b).decades < 0);
}

static void what_began_together_has_no_phase(void **state)
{
	struct prng p = {1};
	struct rhythm a = free_running(&p, 700, 61300, 0, 40), b = passed_on(&a, 1);
	struct polling_evidence got = compare(&a, &b);
	(void)state;

	assert_near(0, got.phase_decades, 1e-9);
	assert_true(got.decades < 0.1);
}

/* A search that cuts a candidate off where the question begins hears of no phase: no match hangs on
 * that, for it is worth less than a match is above what gets a second look. */
static void no_match_hangs_on_the_phase(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		int64_t scatter_ms = 1 + (int64_t)(4 << prng_below(&p, 7));
		struct rhythm a = free_running(&p, 700, 61300, scatter_ms, 30);
		struct rhythm b = passed_on(&a, seed), whole = begun_before(b, 40000);
		struct polling_evidence cut = compare(&a, &b), all = compare(&a, &whole);

		assert_true(all.decades - cut.decades <= 2);
		assert_true(all.decades - log10(2) < 3 || cut.decades - log10(2) >= 1);
	}
}

static void coarse_stamps_tell_nothing_finer(void **state)
{
	struct prng p = {1};
	struct rhythm a = free_running(&p, 700, 61300, 300, 40), b = passed_on(&a, 1);
	(void)state;

	for (size_t i = 0; i < a.count; i++) {
		a.on[i].start_ms -= a.on[i].start_ms % 1000;
		a.on[i].end_ms -= a.on[i].end_ms % 1000;
	}
	assert_near(1, polling(&a).tick_s, 1e-9);
	assert_int_equal(0, compare(&a, &b).telling);
}

/* Its mean over strangers is at most 1: of any phase, and of those that happen to be in phase. */
static void its_mean_over_strangers_is_at_most_one(void **state)
{
	static const bool are_in_phase[] = {false, true};
	(void)state;

	for (size_t k = 0; k < ARRAY_LEN(are_in_phase); k++) {
		double sum = 0;

		for (uint64_t seed = 1; seed <= STRANGERS; seed++) {
			struct prng p = {seed};
			int64_t scatter_ms = (int64_t)(10 << prng_below(&p, 8));
			int64_t first_ms = are_in_phase[k] ? 0 : (int64_t)prng_below(&p, 61000);
			struct rhythm a = free_running(&p, 0, 61000, scatter_ms, 25), b;

			b = free_running(&p, first_ms, 61000, scatter_ms, 25);
			b = are_in_phase[k] ? b : begun_before(b, 40000);
			sum += pow(10, compare(&a, &b).decades);
		}
		assert_true(sum / STRANGERS <= 1);
	}
}

static void assert_same(const struct polling_evidence *a, const struct polling_evidence *b)
{
	if (isinf(a->decades))
		assert_true(isinf(b->decades));
	else
		assert_near(a->decades, b->decades, 1e-6);
	assert_near(a->phase_decades, b->phase_decades, 1e-6);
}

static void it_is_symmetric_and_knows_no_clock(void **state)
{
	static const int64_t moves_ms[] = {17, -86400123, 61234, INT64_C(86400000) * 300};
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		struct rhythm a = free_running(&p, 700, 45600, 100, 30), b = passed_on(&a, seed);
		struct polling_evidence got, turned, moved;
		int64_t by_ms = moves_ms[seed % ARRAY_LEN(moves_ms)];

		b = rhythm_without(begun_before(b, 40000), 5);
		got = compare(&a, &b);
		turned = compare(&b, &a);
		assert_same(&got, &turned);
		assert_near(got.lag_s, -turned.lag_s, 0.002);
		for (size_t i = 0; i < b.count; i++) {
			if (i < a.count)
				a.on[i].start_ms += by_ms % 86400000,
					a.on[i].end_ms += by_ms % 86400000;
			b.on[i].start_ms += by_ms % 86400000, b.on[i].end_ms += by_ms % 86400000;
		}
		moved = compare(&a, &b);
		assert_same(&got, &moved);
	}
}

/* Edges in one instant, as many as there can be, and a period that no lag leaves anything of. */
static void nonsense_is_no_period(void **state)
{
	struct rhythm a = rhythm_of_job(0, 15001, 0, 257), b = a;
	(void)state;

	assert_true(isfinite(compare(&a, &b).decades) || isinf(compare(&a, &b).decades));
	for (size_t i = 0; i < a.count; i++)
		a.on[i] = (struct interval){RHYTHM_T0, RHYTHM_T0};
	assert_int_equal(POLLING_NONE, polling(&a).kind);
	assert_true(isinf(compare(&a, &b).decades));
	assert_string_equal("unknown", polling_text((enum polling_kind)9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_period_is_told_with_its_error),
		cmocka_unit_test(drift_is_told),
		cmocka_unit_test(who_types_does_not_poll),
		cmocka_unit_test(seven_polls_are_no_period),
		cmocka_unit_test(a_schedule_of_whole_seconds_tells_nothing),
		cmocka_unit_test(a_clock_that_is_not_right_is_no_phase),
		cmocka_unit_test(polls_that_are_passed_on_are_found),
		cmocka_unit_test(lost_polls_and_clocks_that_are_off_do_no_harm),
		cmocka_unit_test(what_is_even_tells_by_its_phase_alone),
		cmocka_unit_test(what_began_together_has_no_phase),
		cmocka_unit_test(no_match_hangs_on_the_phase),
		cmocka_unit_test(coarse_stamps_tell_nothing_finer),
		cmocka_unit_test(its_mean_over_strangers_is_at_most_one),
		cmocka_unit_test(it_is_symmetric_and_knows_no_clock),
		cmocka_unit_test(nonsense_is_no_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
