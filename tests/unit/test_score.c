#include "correlate/edges.h"
#include "correlate/score.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 40

static struct agreement agree(const struct rhythm *a, const struct rhythm *b)
{
	struct fingerprint target = rhythm_print(a), candidate = rhythm_print(b);

	return score_pair(&target, &candidate, &score_defaults);
}

static bool is_worthwhile(const struct rhythm *a, const struct rhythm *b)
{
	struct fingerprint target = rhythm_print(a), candidate = rhythm_print(b);

	return score_is_worthwhile(&target, &candidate, &score_defaults);
}

static void assert_near(double a, double b, double off)
{
	if (!(fabs(a - b) <= off))
		fail_msg("%g is not within %g of %g", a, off, b);
}

static void two_views_of_one_hand_match(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 8);
		struct rhythm b = rhythm_moved(rhythm_seen_elsewhere(a, seed, 80), 700);
		struct agreement got = agree(&a, &b);

		assert_string_equal("match", verdict_text(got.verdict));
		assert_true(got.score > 6);
		assert_int_equal(7, got.silences);
		assert_near((double)got.lag_ms, 700, 150);
		assert_true(got.lag_error_ms < 200);
		assert_true(is_worthwhile(&a, &b));
		assert_null(verdict_need(got.verdict));
	}
}

static void strangers_do_not_match(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 20),
			      b = rhythm_of_person(seed + SEEDS, 20);
		struct agreement got = agree(&a, &b);

		assert_true(got.verdict == VERDICT_DIFFERENT ||
		            got.verdict == VERDICT_INCONCLUSIVE);
		assert_true(got.score < 1.5);
	}
}

static void assert_same_from_both_sides(const struct rhythm *a, const struct rhythm *b)
{
	struct agreement there = agree(a, b), back = agree(b, a);

	assert_near(there.score, back.score, 1e-9);
	assert_near(there.repeated, back.repeated, 1e-9);
	assert_int_equal(there.lag_ms, -back.lag_ms);
}

/* Of strangers, of views that miss something, and of those whose every edge has moved. */
static void the_score_is_the_same_from_both_sides(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 12), b = rhythm_of_person(seed + SEEDS, 9);
		struct rhythm c = rhythm_moved(rhythm_without(a, 5), -900);

		assert_same_from_both_sides(&a, &b);
		assert_same_from_both_sides(&a, &c);
		a = rhythm_of_person(seed, 20);
		for (int64_t by_ms = 60; by_ms <= 300; by_ms += 80) {
			b = rhythm_seen_elsewhere(a, seed, by_ms);
			assert_same_from_both_sides(&a, &b);
		}
	}
}

/* By whole minutes: what stands on the full minute is discounted as the calendar's. */
static void moving_both_changes_nothing(void **state)
{
	static const int64_t moves_ms[] = {-86400000, 60000, 3600000, INT64_C(86400000) * 3650};
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 9), b = rhythm_seen_elsewhere(a, seed, 90);
		struct agreement before = agree(&a, &b), after;
		int64_t by_ms = moves_ms[seed % ARRAY_LEN(moves_ms)];

		a = rhythm_moved(a, by_ms);
		b = rhythm_moved(b, by_ms);
		after = agree(&a, &b);
		assert_near(before.score, after.score, 1e-6);
		assert_int_equal(before.lag_ms, after.lag_ms);
	}
}

/*
 * Cycle by cycle, each edge moved by up to 60 ms: another true one takes nothing, but what two of
 * its edges cost that the past had announced, and that seldom. Three cycles more always raise it.
 */
static void every_true_cycle_adds(void **state)
{
	size_t steps = 0, lowered = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 24),
			      b = rhythm_seen_elsewhere(a, seed, 60);
		double score[25], plain[25];

		for (size_t count = 3; count <= 24; count++) {
			struct agreement got;

			a.count = b.count = count;
			got = agree(&a, &b);
			score[count] = got.score;
			plain[count] = got.score + got.repeated;
			if (count == 3)
				continue;
			steps++;
			lowered += score[count] < score[count - 1];
			assert_true(plain[count] > plain[count - 1] - 0.4);
			assert_true(score[count] > score[count - 1] - 0.4);
			assert_true(count < 6 || score[count] > score[count - 3]);
		}
	}
	assert_true(lowered <= steps / 50);
}

/*
 * What the candidate did where the target was not there, an hour before, is none of the pair's. It
 * is its past all the same, and may have announced some of what came.
 */
static void what_went_before_changes_little(void **state)
{
	double sum = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 10),
			      b = rhythm_seen_elsewhere(a, seed, 60);
		struct rhythm busy = rhythm_moved(rhythm_of_person(seed + SEEDS, 20), -7200000);
		double alone = agree(&a, &b).score, after;

		memcpy(busy.on + busy.count, b.on, b.count * sizeof(b.on[0]));
		busy.count += b.count;
		after = agree(&a, &busy).score;
		assert_near(after, alone, 0.15 * alone);
		sum += after - alone;
	}
	assert_near(sum / SEEDS, 0, 0.5);
}

static void equal_periods_prove_nothing(void **state)
{
	static const int64_t periods_ms[] = {20000, 30000, 40000, 60000, 300000};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(periods_ms); i++) {
		for (int64_t busy_ms = 40; busy_ms < 5000; busy_ms *= 5) {
			struct rhythm a = rhythm_of_job(0, periods_ms[i], busy_ms, 40);
			struct rhythm b = rhythm_of_job(300, periods_ms[i], busy_ms, 40);
			struct agreement got = agree(&a, &b);

			assert_true(got.score < 1);
			assert_true(got.verdict != VERDICT_MATCH);
		}
	}
}

static void a_lost_record_is_forgiven(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 12);
		struct rhythm b = rhythm_without(a, 1 + seed % 10);
		struct agreement got = agree(&a, &b);

		assert_int_equal(VERDICT_MATCH, got.verdict);
		assert_true(got.cpf < 1);
	}
}

/* By one exporter, or by both; nobody tells a node how much they lose. */
static void half_of_the_records_lost_is_never_another(void **state)
{
	size_t matches = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= 4 * SEEDS; seed++) {
		struct rhythm of[2];
		struct prng p = {seed};
		struct agreement got;

		of[0] = of[1] = rhythm_of_person(seed, 24);
		for (size_t side = seed % 2; side < 2; side++) {
			for (size_t i = of[side].count; i-- > 0;) {
				if (prng_below(&p, 2) == 0 && of[side].count > 2)
					of[side] = rhythm_without(of[side], i);
			}
		}
		got = agree(&of[0], &of[1]);
		assert_true(got.verdict != VERDICT_DIFFERENT);
		matches += got.verdict == VERDICT_MATCH && seed % 2 == 1;
	}
	assert_true(matches > SEEDS);
}

/* The exporter restarts: what its cache held is gone, and what follows agrees again. */
static void a_restart_in_the_middle_is_forgiven(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 16), b = a;

		for (int i = 0; i < 3; i++)
			b = rhythm_without(b, 7);
		assert_int_equal(VERDICT_MATCH, agree(&a, &b).verdict);
	}
}

static int by_start(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	return (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms);
}

static struct rhythm stepped_in_the_middle(struct rhythm r, int64_t by_ms)
{
	for (size_t i = r.count / 2; i < r.count; i++) {
		r.on[i].start_ms += by_ms;
		r.on[i].end_ms += by_ms;
	}
	qsort(r.on, r.count, sizeof(r.on[0]), by_start);
	r.count = fingerprint_close(r.on, r.count, RHYTHM_GAP_MS);
	return r;
}

/*
 * Half of it is off: that which is not is enough, wherever the other has gone. Where the clock goes
 * back, both lie on each other.
 */
static void a_clock_that_jumps_is_no_other_hand(void **state)
{
	static const int64_t steps_ms[] = {60000,  -60000, 300000,  -300000,
	                                   137000, -47000, 3600000, -3600000};
	(void)state;

	for (size_t s = 0; s < ARRAY_LEN(steps_ms); s++) {
		size_t matches = 0;

		for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
			struct rhythm a = rhythm_of_person(seed, 24);
			struct rhythm b = stepped_in_the_middle(a, steps_ms[s]);
			struct agreement got = agree(&a, &b);

			assert_true(got.verdict != VERDICT_DIFFERENT);
			if (got.verdict != VERDICT_MATCH)
				continue;
			matches++;
			assert_true(llabs(got.lag_ms) < 300);
		}
		assert_true(matches >= 2 * SEEDS - 2);
	}
}

/* Where the rest is lost, behind a clock that jumped, or a session of its own: a third is enough.
 */
static void a_part_that_agrees_is_a_match(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 24);
		struct rhythm b = rhythm_seen_elsewhere(a, seed, 60), c;

		b.count = 9;
		assert_int_equal(VERDICT_MATCH, agree(&a, &b).verdict);
		c = rhythm_of_person(seed + SEEDS, 9);
		assert_string_equal("too short", verdict_text(agree(&a, &c).verdict));
	}
}

/* The offset is taken off, its bound widens the search. */
static void a_clock_that_is_known_to_be_wrong_does_no_harm(void **state)
{
	struct score_limits limits = score_defaults;
	struct rhythm a = rhythm_of_person(3, 10), b = rhythm_moved(a, 9000);
	struct fingerprint target = rhythm_print(&a), candidate = rhythm_print(&b);
	(void)state;

	assert_true(agree(&a, &b).verdict != VERDICT_MATCH);
	limits.candidate.offset_ms = 9000;
	assert_int_equal(VERDICT_MATCH, score_pair(&target, &candidate, &limits).verdict);
	limits.candidate.offset_ms = 0;
	limits.candidate.bound_ms = 10000;
	assert_int_equal(VERDICT_MATCH, score_pair(&target, &candidate, &limits).verdict);
	assert_near((double)score_pair(&target, &candidate, &limits).lag_ms, 9000, 200);
}

/* Edges without a partner count where they should have had one: at the side that lost records. */
static void what_one_side_lost_asks_nothing_of_the_other(void **state)
{
	struct score_limits truth = score_defaults, both, turned;
	double gained = 0;
	(void)state;

	truth.target.loss = 0;
	truth.candidate.loss = 0.5;
	both = turned = truth;
	both.target.loss = 0.5;
	turned.target = truth.candidate;
	turned.candidate = truth.target;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 16), b = a;
		struct fingerprint whole, torn;
		double score;

		for (size_t i = 1; i < b.count; i++)
			b = rhythm_without(b, i);
		whole = rhythm_print(&a);
		torn = rhythm_print(&b);
		score = score_pair(&whole, &torn, &truth).score;
		assert_near(score, score_pair(&torn, &whole, &turned).score, 1e-9);
		gained += score - score_pair(&whole, &torn, &both).score;
	}
	assert_true(gained > 1.5 * SEEDS);
}

static void too_little_is_not_decided(void **state)
{
	struct rhythm a = rhythm_of_person(1, 2), b;
	struct agreement got = agree(&a, &a);
	(void)state;

	assert_string_equal("undecidable", verdict_text(got.verdict));
	assert_non_null(verdict_need(got.verdict));
	a = rhythm_of_person(1, 12);
	b = rhythm_moved(a, 86400000);
	got = agree(&a, &b);
	assert_string_equal("too short", verdict_text(got.verdict));
	assert_int_equal(0, got.common_ms);
	assert_non_null(verdict_need(got.verdict));
	a = rhythm_of_job(0, 30000, 100, 40);
	got = agree(&a, &a);
	assert_string_equal("periodic", verdict_text(got.verdict));
	assert_non_null(strstr(verdict_need(got.verdict), "host"));
	assert_string_equal("inconclusive", verdict_text(VERDICT_INCONCLUSIVE));
	assert_string_equal("unknown", verdict_text((enum verdict)99));
	assert_null(verdict_need((enum verdict)99));
}

/* A candidate that is never silent agrees with nobody and contradicts nobody. */
static void a_transfer_says_nothing(void **state)
{
	struct rhythm a = rhythm_of_person(5, 20);
	struct rhythm b = {.on = {{RHYTHM_T0, RHYTHM_T0 + 2000000}}, .count = 1};
	struct agreement got = agree(&a, &b);
	(void)state;

	assert_true(got.score <= 0);
	assert_true(got.verdict != VERDICT_MATCH);
	assert_false(is_worthwhile(&a, &b));
}

static void chance_grows_with_what_was_searched(void **state)
{
	(void)state;

	assert_near(score_p_value(6, 1000), 1e-3, 1e-9);
	assert_near(score_p_value(6, 0), 1e-6, 1e-12);
	assert_near(score_p_value(2, 1000), 1, 0);
	assert_near(score_p_value(-5, 1), 1, 0);
	assert_near(score_p_value(SCORE_MAX, UINT64_MAX), 0, 0);
}

/* A transfer cut every minute; `late_ms` after. */
static void carried(uint64_t seed, int64_t late_ms, struct volume_side *ret)
{
	struct prng p = {seed};
	struct volume records[20];

	*ret = (struct volume_side){.is_sampled = false};
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		int64_t at_ms = RHYTHM_T0 + (int64_t)i * 60000 + late_ms;

		records[i].on = (struct interval){at_ms, at_ms + 59900};
		records[i].octets = 30000000 + prng_below(&p, 60000000);
	}
	volume_way_of(records, ARRAY_LEN(records), RHYTHM_T0, &ret->way[VOLUME_SENT]);
}

/* A poll a minute after each answer, which takes up to 0.3 s; and the same 50 to 53 ms later. */
static void polls_have_a_verdict_of_their_own(void **state)
{
	struct prng p = {7};
	struct rhythm a = {.count = 40}, b = {.count = 40};
	int64_t at_ms = RHYTHM_T0 + 700;
	struct agreement got;
	(void)state;

	for (size_t i = 0; i < a.count; i++) {
		int64_t took_ms = (int64_t)prng_below(&p, 1300), late_ms = 50 + (int64_t)(i % 4);

		a.on[i] = (struct interval){at_ms, at_ms + took_ms};
		b.on[i] = (struct interval){at_ms + late_ms, at_ms + took_ms + late_ms};
		at_ms += 60000 + took_ms;
	}
	got = agree(&a, &b);
	assert_string_equal("match by polling", verdict_text(got.verdict));
	assert_non_null(strstr(verdict_need(got.verdict), "host"));
	assert_true(verdict_is_match(got.verdict));
	assert_true(got.polling_decades > got.silences_decades);
	assert_near(got.score, got.polling_decades - log10(2), 0.1);
	assert_near((double)got.lag_ms, 51.5, 2);
	assert_same_from_both_sides(&a, &b);
}

/* One exporter sees two who poll nearly in phase, and loses a fifth of what it tells of both. */
static void what_is_lost_of_both_proves_nothing(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p = {seed};
		struct rhythm a = rhythm_of_job(700, 47300, 200, 50), b;

		for (size_t i = 40; i > 2; i--) {
			if (prng_below(&p, 5) == 0)
				a = rhythm_without(a, i);
		}
		b = rhythm_seen_elsewhere(rhythm_moved(a, 900), seed, 100);
		assert_true(agree(&a, &b).silences_decades < 1);
	}
}

/* Where neither polls the score is that by silences, and nothing is paid for polls. */
static void who_types_pays_nothing_for_polls(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct rhythm a = rhythm_of_person(seed, 20),
			      b = rhythm_seen_elsewhere(a, seed, 60);
		struct agreement got = agree(&a, &b);

		assert_true(isinf(got.polling_decades));
		assert_near(got.score, got.silences_decades, 1e-9);
	}
}

static void volumes_have_verdicts_of_their_own(void **state)
{
	struct volume_side a, b;
	struct agreement got;
	(void)state;

	carried(1, 0, &a);
	carried(1, 300, &b);
	got = score_volumes(&a, &b, &score_defaults);
	assert_string_equal("match by volume", verdict_text(got.verdict));
	assert_non_null(strstr(verdict_need(got.verdict), "host"));
	assert_true(verdict_is_match(got.verdict));
	assert_true(got.score >= 3);
	assert_int_equal(20, got.silences);
	carried(2, 0, &b);
	got = score_volumes(&a, &b, &score_defaults);
	assert_int_equal(VERDICT_INCONCLUSIVE, got.verdict);
	assert_false(verdict_is_match(got.verdict));
	carried(1, 86400000, &b);
	got = score_volumes(&a, &b, &score_defaults);
	assert_int_equal(VERDICT_TOO_SHORT, got.verdict);
	carried(1, 0, &b);
	b.is_sampled = true;
	assert_int_equal(VERDICT_UNDECIDABLE, score_volumes(&a, &b, &score_defaults).verdict);
}

/* 100 searched at a rate of 5 %: the best needs E >= 2000, two need 1000, four 500. */
static void discoveries_are_as_e_bh_has_them(void **state)
{
	static const double one[] = {3.4, 2.9, 1}, two[] = {3.1, 3.1, 1};
	static const double four[] = {2.8, 2.8, 2.8, 2.75};
	(void)state;

	assert_int_equal(1, score_discoveries(one, 3, 100, 0.05));
	assert_int_equal(2, score_discoveries(two, 3, 100, 0.05));
	assert_int_equal(4, score_discoveries(four, 4, 100, 0.05));
	assert_int_equal(0, score_discoveries(four, 3, 100, 0.05));
	assert_int_equal(0, score_discoveries(one, 0, 100, 0.05));
}

static void hostile_fingerprints_are_survived(void **state)
{
	static struct interval many[10000], instant[10000];
	static const struct interval forever[] = {{INT64_MIN, INT64_MAX}};
	static const struct interval ends[] = {{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
	static const struct interval backwards[] = {{5000, 1000}, {90000, 20000}, {1, 0}};
	const struct fingerprint prints[] = {
		{many, ARRAY_LEN(many), 1},
		{instant, ARRAY_LEN(instant), 0},
		{forever, 1, RHYTHM_GAP_MS},
		{ends, 2, 0},
		{backwards, 3, -5},
		{many, ARRAY_LEN(many), INT64_MAX},
		{many, ARRAY_LEN(many), INT64_MIN},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = (struct interval){(int64_t)i * 3153600, (int64_t)i * 3153600 + 10};
		instant[i] = (struct interval){77, 77};
	}
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		for (size_t k = 0; k < ARRAY_LEN(prints); k++) {
			struct agreement got = score_pair(&prints[i], &prints[k], &score_defaults);

			assert_true(isfinite(got.score));
			assert_true(fabs(got.score) <= SCORE_MAX);
			assert_true(got.cpf >= 0 && got.cpf <= 1);
			assert_true(got.common_ms >= 0);
			(void)score_is_worthwhile(&prints[i], &prints[k], &score_defaults);
		}
	}
	assert_true(score_pair(&prints[1], &prints[1], &score_defaults).verdict ==
	            VERDICT_TOO_SHORT);
	assert_true(score_pair(&prints[4], &prints[4], &score_defaults).verdict ==
	            VERDICT_TOO_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_views_of_one_hand_match),
		cmocka_unit_test(strangers_do_not_match),
		cmocka_unit_test(the_score_is_the_same_from_both_sides),
		cmocka_unit_test(moving_both_changes_nothing),
		cmocka_unit_test(every_true_cycle_adds),
		cmocka_unit_test(what_went_before_changes_little),
		cmocka_unit_test(equal_periods_prove_nothing),
		cmocka_unit_test(a_lost_record_is_forgiven),
		cmocka_unit_test(half_of_the_records_lost_is_never_another),
		cmocka_unit_test(a_restart_in_the_middle_is_forgiven),
		cmocka_unit_test(a_clock_that_jumps_is_no_other_hand),
		cmocka_unit_test(a_part_that_agrees_is_a_match),
		cmocka_unit_test(a_clock_that_is_known_to_be_wrong_does_no_harm),
		cmocka_unit_test(what_one_side_lost_asks_nothing_of_the_other),
		cmocka_unit_test(too_little_is_not_decided),
		cmocka_unit_test(a_transfer_says_nothing),
		cmocka_unit_test(polls_have_a_verdict_of_their_own),
		cmocka_unit_test(what_is_lost_of_both_proves_nothing),
		cmocka_unit_test(who_types_pays_nothing_for_polls),
		cmocka_unit_test(volumes_have_verdicts_of_their_own),
		cmocka_unit_test(chance_grows_with_what_was_searched),
		cmocka_unit_test(discoveries_are_as_e_bh_has_them),
		cmocka_unit_test(hostile_fingerprints_are_survived),
	};

	return cmocka_run_group_tests_name("correlate/score", tests, NULL, NULL);
}
