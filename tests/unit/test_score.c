#include "base/prng.h"
#include "correlate/score.h"
#include "tests/unit/test.h"

#include <string.h>

#define ROWS 32
#define GAP_MS 15000

static struct interval room[2 * ROWS];

/* cmocka's own works in single precision. */
#define assert_near(a, b, slack) assert_true((a) - (b) <= (slack) && (b) - (a) <= (slack))

static struct fingerprint print_of(const struct interval *on, size_t count)
{
	return (struct fingerprint){on, count, GAP_MS};
}

static struct agreement agree(const struct interval *a, size_t a_count, const struct interval *b,
                              size_t b_count)
{
	struct fingerprint target = print_of(a, a_count), candidate = print_of(b, b_count);

	return score_pair(&target, &candidate, &score_defaults, room);
}

/* A person at a shell: talks of 1 to 40 s, silences of 16 to 90 s. */
static void talk(struct prng *p, struct interval *on, size_t count)
{
	int64_t at_ms = 1000000 + (int64_t)prng_below(p, 60000);

	for (size_t i = 0; i < count; i++) {
		on[i].start_ms = at_ms;
		on[i].end_ms = at_ms + 1000 + (int64_t)prng_below(p, 39000);
		at_ms = on[i].end_ms + 16000 + (int64_t)prng_below(p, 74000);
	}
}

static void shift(const struct interval *on, size_t count, int64_t by_ms, struct interval *ret)
{
	for (size_t i = 0; i < count; i++) {
		ret[i].start_ms = on[i].start_ms + by_ms;
		ret[i].end_ms = on[i].end_ms + by_ms;
	}
}

/* Times in seconds, in pairs of start and end; a row ends where both are 0. */
struct pattern {
	int s[12];
};

static size_t spread(const struct pattern *p, struct interval *ret)
{
	size_t count = 0;

	for (; count < 6 && (count == 0 || p->s[2 * count + 1] > 0); count++)
		ret[count] = (struct interval){p->s[2 * count] * 1000, p->s[2 * count + 1] * 1000};
	return count;
}

/* clang-format off */
static const struct {
	const char *label;
	struct pattern target, candidate;
	enum verdict verdict;
	double score;
	int common_s;
	uint32_t silences;
} pairs[] = {
	{"equal",
	 {{0, 10, 30, 40, 60, 70}},
	 {{0, 10, 30, 40, 60, 70}},                             VERDICT_MATCH,       1,    70, 2},
	{"upstream lives longer",
	 {{100, 110, 130, 140, 160, 170}},
	 {{0, 20, 50, 60, 100, 110, 130, 140, 160, 170, 200, 210}}, VERDICT_MATCH,   1,    70, 2},
	{"talks while the other is silent",
	 {{0, 10, 30, 40, 60, 70, 90, 100}},
	 {{10, 28, 44, 58, 74, 90}},                            VERDICT_DIFFERENT,   0,    80, 3},
	{"never silent: an overlap of ON time of 0.69 means nothing",
	 {{0, 25, 41, 60, 76, 100}},
	 {{0, 100}},                                            VERDICT_DIFFERENT,   0,   100, 2},
	{"nearly always silent: an overlap of silence of 0.98 means nothing",
	 {{0, 1, 41, 42, 99, 100}},
	 {{0, 1, 20, 21, 60, 61, 99, 100}},                     VERDICT_DIFFERENT,   0.4, 100, 2},
	{"one silence is no rhythm",
	 {{0, 20, 60, 100}},
	 {{0, 20, 60, 100}},                                    VERDICT_UNDECIDABLE, 1,   100, 1},
	{"no silence at all",
	 {{0, 100}},
	 {{0, 100}},                                            VERDICT_UNDECIDABLE, 1,   100, 0},
	{"less than half the target's life",
	 {{0, 10, 30, 40, 60, 70, 90, 100}},
	 {{0, 10, 30, 40}},                                     VERDICT_TOO_SHORT,   1,    40, 1},
	{"half of it is enough",
	 {{0, 10, 26, 27, 43, 50, 70, 80, 90, 100}},
	 {{0, 10, 26, 27, 43, 50}},                             VERDICT_MATCH,       1,    50, 2},
	{"29 s of life are too few",
	 {{0, 1, 17, 18, 28, 29}},
	 {{0, 1, 17, 18, 28, 29}},                              VERDICT_TOO_SHORT,   1,    29, 1},
	{"at different times",
	 {{0, 10, 30, 40, 60, 70}},
	 {{80, 90, 110, 120, 140, 150}},                        VERDICT_TOO_SHORT,   0,     0, 0},
};
/* clang-format on */

static void pairs_are_judged_by_their_overlap(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct interval a[6], b[6];
		size_t a_count = spread(&pairs[i].target, a),
		       b_count = spread(&pairs[i].candidate, b);
		struct agreement got = agree(a, a_count, b, b_count);

		print_message("%s\n", pairs[i].label);
		assert_string_equal(verdict_text(got.verdict), verdict_text(pairs[i].verdict));
		assert_near(got.score, pairs[i].score, 0.001);
		assert_int_equal(got.common_ms, pairs[i].common_s * 1000);
		assert_int_equal(got.silences, pairs[i].silences);
	}
}

static void a_rhythm_some_time_later_is_different(void **state)
{
	struct prng p = {5};
	(void)state;

	for (int round = 0; round < 200; round++) {
		struct interval on[18], later[18];
		struct agreement got;

		talk(&p, on, ARRAY_LEN(on));
		shift(on, ARRAY_LEN(on), 120000 + (int64_t)prng_below(&p, 60000), later);
		got = agree(on, ARRAY_LEN(on), later, ARRAY_LEN(later));
		assert_int_equal(got.verdict, VERDICT_DIFFERENT);
	}
}

/* 300 ms on the way, as over a satellite. */
static void a_delay_is_forgiven_and_told(void **state)
{
	struct prng p = {6};
	(void)state;

	for (int round = 0; round < 200; round++) {
		struct interval on[12], later[12];
		struct agreement got;

		talk(&p, on, ARRAY_LEN(on));
		shift(on, ARRAY_LEN(on), 300, later);
		got = agree(on, ARRAY_LEN(on), later, ARRAY_LEN(later));
		assert_int_equal(got.verdict, VERDICT_MATCH);
		assert_int_equal(got.lag_ms, 300);
		assert_int_equal(agree(later, ARRAY_LEN(on), on, ARRAY_LEN(on)).lag_ms, -300);
	}
}

static void strangers_do_not_match(void **state)
{
	struct prng p = {7};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct interval a[12], b[12];

		talk(&p, a, ARRAY_LEN(a));
		talk(&p, b, ARRAY_LEN(b));
		assert_int_not_equal(agree(a, ARRAY_LEN(a), b, ARRAY_LEN(b)).verdict,
		                     VERDICT_MATCH);
	}
}

static void the_score_is_the_same_from_both_sides(void **state)
{
	struct prng p = {8};
	(void)state;

	for (int round = 0; round < 500; round++) {
		struct interval a[10], b[14];
		struct agreement there, back;

		talk(&p, a, ARRAY_LEN(a));
		talk(&p, b, ARRAY_LEN(b));
		there = agree(a, ARRAY_LEN(a), b, ARRAY_LEN(b));
		back = agree(b, ARRAY_LEN(b), a, ARRAY_LEN(a));
		assert_true(there.score >= 0 && there.score <= 1);
		assert_near(there.score, back.score, 1e-12);
		assert_near(there.cpf, back.cpf, 1e-12);
		assert_int_equal(there.common_ms, back.common_ms);
	}
}

/* Where an exporter cut its records must not show: both sides are closed at the larger gap. */
static void the_wider_gap_counts_for_both(void **state)
{
	static const struct interval fine[] = {
		{0, 10000}, {16000, 20000}, {60000, 70000}, {90000, 95000}, {140000, 150000}};
	static const struct interval coarse[] = {{0, 20000}, {60000, 95000}, {140000, 150000}};
	struct fingerprint a = {fine, ARRAY_LEN(fine), 5000};
	struct fingerprint b = {coarse, ARRAY_LEN(coarse), 30000};
	struct agreement got = score_pair(&a, &b, &score_defaults, room);
	(void)state;

	assert_near(got.score, 1, 0);
	assert_int_equal(got.silences, 2);
	assert_int_equal(got.verdict, VERDICT_MATCH);
	got = score_pair(&b, &a, &score_defaults, room);
	assert_near(got.score, 1, 0);
	assert_int_equal(got.silences, 2);
}

/* 10 20 30 against 12 18 30: 58 of 62. Against 10 20: 30 of 60. */
static void the_cpf_is_the_papers(void **state)
{
	static const struct interval a[] = {{0, 10000}, {30000, 60000}};
	static const struct interval b[] = {{5000, 17000}, {35000, 65000}};
	static const struct interval shorter[] = {{0, 10000}, {30000, 30000}};
	(void)state;

	assert_near(agree(a, 2, b, 2).cpf, 58.0 / 62.0, 1e-12);
	assert_near(agree(a, 2, shorter, 2).cpf, 30.0 / 60.0, 1e-12);
	assert_near(agree(a, 2, a, 1).cpf, 10.0 / 60.0, 1e-12);
	assert_near(agree(a, 2, a, 2).cpf, 1, 0);
}

/* One lost record moves all that follow: the reason why the CPF is not what decides. */
static void a_lost_record_ruins_the_cpf_but_not_the_score(void **state)
{
	static const struct interval all[] = {{0, 40000},       {60000, 100000},  {160000, 165000},
	                                      {220000, 290000}, {330000, 340000}, {400000, 470000},
	                                      {500000, 505000}, {600000, 690000}};
	struct interval lossy[ARRAY_LEN(all) - 1];
	struct agreement got;
	(void)state;

	lossy[0] = all[0];
	lossy[1] = all[1];
	memcpy(lossy + 2, all + 3, 5 * sizeof(all[0]));
	got = agree(all, ARRAY_LEN(all), lossy, ARRAY_LEN(lossy));
	assert_int_equal(got.verdict, VERDICT_MATCH);
	assert_true(got.score > 0.95);
	assert_true(got.cpf < 0.5);
}

static void connections_of_single_packets_are_compared(void **state)
{
	static const struct interval instants[] = {
		{0, 0}, {20000, 20000}, {40000, 40000}, {60000, 60000}};
	static const struct interval others[] = {
		{0, 0}, {18000, 18000}, {42000, 42000}, {60000, 60000}};
	struct agreement got = agree(instants, 4, instants, 4);
	(void)state;

	assert_int_equal(got.verdict, VERDICT_MATCH);
	assert_near(got.score, 1, 0);
	got = agree(instants, 4, others, 4);
	assert_int_equal(got.verdict, VERDICT_DIFFERENT);
	assert_near(got.score, 2.0 / 6.0, 1e-12);
	got = agree(instants, 1, instants, 1);
	assert_int_equal(got.verdict, VERDICT_TOO_SHORT);
	assert_near(got.score, 1, 0);
	assert_near(got.cpf, 1, 0);
	got = agree(instants, 1, others + 1, 1);
	assert_near(got.score, 0, 0);
}

static void a_lag_is_only_told_of_starts_that_are_near(void **state)
{
	static const struct interval a[] = {{0, 1000}, {30000, 31000}, {60000, 61000}};
	static const struct interval far[] = {{5001, 6000}, {24000, 24500}, {66000, 67000}};
	static const struct interval mixed[] = {{4000, 6000}, {29990, 31000}, {50000, 51000}};
	(void)state;

	assert_int_equal(agree(a, 3, far, 3).lag_ms, 0);
	assert_int_equal(agree(a, 3, mixed, 3).lag_ms, (4000 - 10) / 2);
}

static void the_ends_of_time_do_not_overflow(void **state)
{
	static const struct interval forever[] = {{INT64_MIN, INT64_MAX}};
	static const struct interval ends[] = {{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
	(void)state;

	assert_near(agree(forever, 1, forever, 1).score, 1, 0);
	assert_true(agree(forever, 1, ends, 2).score < 0.001);
	assert_true(agree(ends, 2, forever, 1).score < 0.001);
}

static void every_verdict_has_a_word(void **state)
{
	(void)state;

	assert_string_equal(verdict_text(VERDICT_MATCH), "match");
	assert_string_equal(verdict_text(VERDICT_DIFFERENT), "different");
	assert_string_equal(verdict_text(VERDICT_TOO_SHORT), "too short");
	assert_string_equal(verdict_text(VERDICT_UNDECIDABLE), "undecidable");
	assert_string_equal(verdict_text((enum verdict)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_judged_by_their_overlap),
		cmocka_unit_test(a_rhythm_some_time_later_is_different),
		cmocka_unit_test(a_delay_is_forgiven_and_told),
		cmocka_unit_test(strangers_do_not_match),
		cmocka_unit_test(the_score_is_the_same_from_both_sides),
		cmocka_unit_test(the_wider_gap_counts_for_both),
		cmocka_unit_test(the_cpf_is_the_papers),
		cmocka_unit_test(a_lost_record_ruins_the_cpf_but_not_the_score),
		cmocka_unit_test(connections_of_single_packets_are_compared),
		cmocka_unit_test(a_lag_is_only_told_of_starts_that_are_near),
		cmocka_unit_test(the_ends_of_time_do_not_overflow),
		cmocka_unit_test(every_verdict_has_a_word),
	};

	return cmocka_run_group_tests_name("correlate/score", tests, NULL, NULL);
}
