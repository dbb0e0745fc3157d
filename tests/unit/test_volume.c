#include "base/prng.h"
#include "correlate/volume.h"
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#define T0 INT64_C(1700000040000)
#define RECORD_MS 60000
#define RECORDS_MAX 10000

struct series {
	struct volume of[RECORDS_MAX];
	size_t count;
};

static struct series one, other, scratch;
static struct volume_side a, b;

/* A transfer cut every minute, its octets drawn anew for each: up to e^-sway to e^sway of 60 MB. */
static void transfer(uint64_t seed, size_t count, double sway, struct series *ret)
{
	struct prng p = {seed};

	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		double octets = 6e7 * exp(sway * (2 * prng_unit(&p) - 1));

		ret->of[i].on.start_ms = T0 + (int64_t)i * RECORD_MS;
		ret->of[i].on.end_ms = ret->of[i].on.start_ms + RECORD_MS - 20;
		ret->of[i].octets = (uint64_t)octets;
	}
}

/* 2 % of overhead, give or take 1 in 1000; later by 200 ms. */
static void passed_on(const struct series *from, struct series *ret)
{
	struct prng p = {99};

	*ret = *from;
	for (size_t i = 0; i < ret->count; i++) {
		double octets = 1.02 * (double)ret->of[i].octets;

		ret->of[i].octets = (uint64_t)(octets * (1 + 0.002 * (prng_unit(&p) - 0.5)));
		ret->of[i].on.start_ms += 200;
		ret->of[i].on.end_ms += 200;
	}
}

static void keep_some(struct series *s, uint64_t seed, double share)
{
	struct prng p = {seed};
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (prng_unit(&p) < share)
			s->of[kept++] = s->of[i];
	}
	s->count = kept;
}

static void side_from(const struct series *s, int64_t origin_ms, struct volume_side *ret)
{
	scratch = *s; /* it is sorted in place */
	*ret = (struct volume_side){.is_sampled = false};
	volume_way_of(scratch.of, scratch.count, origin_ms, &ret->way[VOLUME_SENT]);
}

static struct volume_evidence compare_from(int64_t origin_ms)
{
	struct volume_evidence ret;

	side_from(&one, origin_ms, &a);
	side_from(&other, origin_ms, &b);
	volume_evidence_of(&a, &b, &ret);
	return ret;
}

static struct volume_evidence compare(void)
{
	return compare_from(T0);
}

static void what_is_passed_on_is_found(void **state)
{
	struct volume_evidence got;
	(void)state;

	transfer(1, 20, 0.5, &one);
	passed_on(&one, &other);
	got = compare();
	assert_int_equal(VOLUME_TELLS, got.verdict);
	assert_true(got.decades >= 3);
	assert_int_equal(20, got.records);
}

/* Lags do not reach so far: where it is likeliest, it is looked for. */
static void a_clock_known_badly_is_taken_at_its_middle(void **state)
{
	static const int16_t ends_ms[][2] = {{0, 24000}, {-30000, 0}, {-15000, 15000}, {100, 101}};
	static struct sighting rows[ARRAY_LEN(one.of)];
	struct interval when = {T0, T0 + 20 * RECORD_MS};
	(void)state;

	transfer(1, 20, 0.5, &one);
	passed_on(&one, &other);
	side_from(&one, T0, &a);
	for (size_t k = 0; k < ARRAY_LEN(ends_ms); k++) {
		int64_t late_ms = (ends_ms[k][0] + ends_ms[k][1]) / 2;
		struct connection c = {
			.low_ms = ends_ms[k][0],
			.high_ms = ends_ms[k][1],
			.records = (uint32_t)other.count,
			.rows = rows,
		};
		struct volume_evidence got;

		for (size_t i = 0; i < other.count; i++) {
			const struct volume *v = &other.of[i];

			rows[i] = (struct sighting){
				.on = {v->on.start_ms + late_ms, v->on.end_ms + late_ms},
				.octets = v->octets,
				.is_upward = true,
			};
		}
		volume_side_of(&c, when, &b);
		assert_int_equal(20, b.way[VOLUME_SENT].count);
		assert_true(fabs(b.way[VOLUME_SENT].legs[0].from_s - 0.2) < 1e-9);
		volume_evidence_of(&a, &b, &got);
		assert_int_equal(VOLUME_TELLS, got.verdict);
		assert_true(got.decades >= 3);
	}
}

static void a_steady_rate_earns_nothing(void **state)
{
	struct volume_evidence got;
	(void)state;

	transfer(1, 60, 0, &one);
	passed_on(&one, &other);
	for (size_t i = 0; i < other.count; i++)
		other.of[i].octets = 61200000;
	got = compare();
	assert_int_equal(VOLUME_STEADY, got.verdict);
	assert_true(got.decades <= 0 && got.decades >= 0);
	assert_non_null(strstr(volume_need(got.verdict), "host"));
}

/* High, low, low, high, low, low: after two rounds that is foreseen. */
static void nor_does_what_repeats_itself(void **state)
{
	(void)state;

	transfer(1, 60, 0, &one);
	for (size_t i = 0; i < one.count; i++)
		one.of[i].octets = i % 3 == 0 ? 60000000 : 6000000 + i;
	other = one;
	assert_true(compare().decades < 1);
}

static void it_is_the_same_from_both_sides_and_in_any_order(void **state)
{
	struct volume_evidence there, back;
	(void)state;

	transfer(2, 15, 0.5, &one);
	passed_on(&one, &other);
	there = compare();
	for (size_t i = 0; i < one.count / 2; i++) {
		struct volume kept = one.of[i];

		one.of[i] = one.of[one.count - 1 - i];
		one.of[one.count - 1 - i] = kept;
	}
	side_from(&one, T0, &b);
	side_from(&other, T0, &a);
	volume_evidence_of(&a, &b, &back);
	assert_true(fabs(there.decades - back.decades) < 1e-9);
}

static void a_common_shift_changes_nothing(void **state)
{
	struct volume_evidence here, there;
	(void)state;

	transfer(3, 15, 0.5, &one);
	passed_on(&one, &other);
	here = compare();
	for (size_t i = 0; i < one.count; i++) {
		one.of[i].on.start_ms += 86400000;
		one.of[i].on.end_ms += 86400000;
		other.of[i].on.start_ms += 86400000;
		other.of[i].on.end_ms += 86400000;
	}
	there = compare_from(T0 + 86400000);
	assert_true(here.decades >= there.decades && here.decades <= there.decades);
}

static void more_true_records_never_tell_less(void **state)
{
	double before = -1;
	(void)state;

	for (size_t count = 4; count <= 60; count += 8) {
		double now;

		transfer(4, count, 0.5, &one);
		passed_on(&one, &other);
		now = compare().decades;
		assert_true(now > before);
		before = now;
	}
}

/* What else either node has seen is no argument of the function; of a pair, the other way is. */
static void another_way_of_the_connection_does_not_hide_it(void **state)
{
	struct volume_evidence alone, got;
	(void)state;

	transfer(5, 20, 0.5, &one);
	passed_on(&one, &other);
	alone = compare();
	transfer(6, 20, 0.5, &one);
	volume_way_of(one.of, one.count, T0, &a.way[VOLUME_ANSWERED]);
	transfer(7, 20, 0.5, &one);
	volume_way_of(one.of, one.count, T0, &b.way[VOLUME_ANSWERED]);
	volume_evidence_of(&a, &b, &got);
	assert_true(got.decades > alone.decades - 0.1);
}

/* Of its mean, which is what the promise is about. */
/* Others are told one way alone: what the other one tells is no use to them. */
static void the_way_to_ask_by_is_one_that_tells(void **state)
{
	static const struct {
		double sent, answered; /* how much the rate sways, of much and of half as much */
		size_t way;
		enum volume_verdict verdict;
	} rows[] = {
		{0.5, 0.5, VOLUME_SENT, VOLUME_TELLS},
		{0.5, 0, VOLUME_SENT, VOLUME_TELLS},
		{0, 0.5, VOLUME_ANSWERED, VOLUME_TELLS},
		{0, 0, VOLUME_SENT, VOLUME_STEADY},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t way = 9;

		transfer(3, 40, rows[i].sent, &one);
		transfer(4, 40, rows[i].answered, &other);
		for (size_t k = 0; k < other.count; k++)
			other.of[k].octets /= 2;
		a = (struct volume_side){.is_sampled = false};
		volume_way_of(one.of, one.count, T0, &a.way[VOLUME_SENT]);
		volume_way_of(other.of, other.count, T0, &a.way[VOLUME_ANSWERED]);
		assert_int_equal(volume_to_ask(&a, &way), rows[i].verdict);
		assert_int_equal(way, rows[i].way);
	}
	a = (struct volume_side){.is_sampled = false};
	assert_int_equal(volume_to_ask(&a, &(size_t){0}), VOLUME_FEW);
}

static void over_strangers_the_mean_is_at_most_one(void **state)
{
	double sum = 0, most = 0;
	(void)state;

	for (uint64_t i = 0; i < 2000; i++) {
		double e;

		transfer(2 * i + 10, 12, 0.02 + 0.0005 * (double)i, &one);
		transfer(2 * i + 11, 12, 0.02 + 0.0005 * (double)i, &other);
		e = pow(10, compare().decades);
		sum += e;
		most = MAX(most, e);
	}
	assert_true(sum / 2000 <= 1);
	assert_true(most < 1000);
}

/* Two shares of one line whose other users come and go; one share of the other by 4 %. */
static void nor_above_it_for_two_who_share_a_line(void **state)
{
	double sum = 0;
	(void)state;

	for (uint64_t i = 0; i < 500; i++) {
		struct prng p = {i};

		transfer(2 * i + 10, 15, 0.7, &one);
		other = one;
		for (size_t k = 0; k < other.count; k++) {
			double share = 1 + 0.04 * sqrt(3) * (2 * prng_unit(&p) - 1);

			other.of[k].octets = (uint64_t)((double)one.of[k].octets * share);
		}
		sum += pow(10, compare().decades);
	}
	assert_true(sum / 500 <= 1);
}

static void half_of_the_records_leave_it_right_or_open(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		transfer(seed, 60, 0.5, &one);
		passed_on(&one, &other);
		keep_some(&one, 100 + seed, 0.5);
		keep_some(&other, 200 + seed, 0.5);
		assert_true(compare().decades > -1);
		transfer(seed, 60, 0.5, &one);
		transfer(seed + 500, 60, 0.5, &other);
		keep_some(&one, 100 + seed, 0.5);
		assert_true(compare().decades < 1);
	}
}

static void a_clock_that_jumps_leaves_one_half(void **state)
{
	(void)state;

	transfer(8, 60, 0.5, &one);
	passed_on(&one, &other);
	for (size_t i = 30; i < other.count; i++) {
		other.of[i].on.start_ms += 3600000;
		other.of[i].on.end_ms += 3600000;
	}
	assert_true(compare().decades >= 3);
}

static void one_side_without_records_is_open(void **state)
{
	struct volume_evidence got;
	(void)state;

	transfer(9, 30, 0.5, &one);
	other.count = 0;
	got = compare();
	assert_int_equal(VOLUME_FEW, got.verdict);
	assert_non_null(volume_need(got.verdict));
	one.count = 0;
	assert_int_equal(VOLUME_FEW, compare().verdict);
}

static void sampled_octets_are_refused(void **state)
{
	struct volume_evidence got;
	(void)state;

	transfer(1, 20, 0.5, &one);
	passed_on(&one, &other);
	side_from(&one, T0, &a);
	side_from(&other, T0, &b);
	b.is_sampled = true;
	volume_evidence_of(&a, &b, &got);
	assert_int_equal(VOLUME_SAMPLED, got.verdict);
	assert_true(got.decades <= 0 && got.decades >= 0);
	assert_string_equal("sampled", volume_text(got.verdict));
	assert_string_equal("unknown", volume_text((enum volume_verdict)99));
	assert_null(volume_need((enum volume_verdict)99));
}

static void of_many_records_the_first_count(void **state)
{
	struct volume_evidence few, many;
	(void)state;

	transfer(1, VOLUME_LEGS_MAX, 0.5, &one);
	passed_on(&one, &other);
	few = compare();
	transfer(1, RECORDS_MAX, 0.5, &one);
	passed_on(&one, &other);
	many = compare();
	assert_int_equal(VOLUME_LEGS_MAX, a.way[VOLUME_SENT].count);
	assert_true(fabs(many.decades - few.decades) < 1);
}

static void a_hostile_series_has_a_defined_result(void **state)
{
	static const struct volume hostile[] = {
		{{T0, T0}, UINT64_MAX},      {{T0, T0}, 0},
		{{T0 + 5, T0}, 7},           {{INT64_MIN, INT64_MAX}, UINT64_MAX},
		{{INT64_MAX, INT64_MIN}, 1}, {{T0, T0 + 60000}, UINT64_MAX},
		{{T0, T0 + 60000}, 1},
	};
	(void)state;

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct prng p = {seed};
		struct volume_evidence got;

		one.count = prng_below(&p, 200);
		other.count = seed % 20 == 0 ? RECORDS_MAX : prng_below(&p, 200);
		for (size_t i = 0; i < one.count; i++)
			one.of[i] = hostile[prng_below(&p, ARRAY_LEN(hostile))];
		for (size_t i = 0; i < other.count; i++)
			other.of[i] = hostile[prng_below(&p, ARRAY_LEN(hostile))];
		got = compare();
		assert_true(isfinite(got.decades));
		assert_true(got.decades < 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_passed_on_is_found),
		cmocka_unit_test(a_clock_known_badly_is_taken_at_its_middle),
		cmocka_unit_test(a_steady_rate_earns_nothing),
		cmocka_unit_test(nor_does_what_repeats_itself),
		cmocka_unit_test(it_is_the_same_from_both_sides_and_in_any_order),
		cmocka_unit_test(a_common_shift_changes_nothing),
		cmocka_unit_test(more_true_records_never_tell_less),
		cmocka_unit_test(another_way_of_the_connection_does_not_hide_it),
		cmocka_unit_test(the_way_to_ask_by_is_one_that_tells),
		cmocka_unit_test(over_strangers_the_mean_is_at_most_one),
		cmocka_unit_test(nor_above_it_for_two_who_share_a_line),
		cmocka_unit_test(half_of_the_records_leave_it_right_or_open),
		cmocka_unit_test(a_clock_that_jumps_leaves_one_half),
		cmocka_unit_test(one_side_without_records_is_open),
		cmocka_unit_test(sampled_octets_are_refused),
		cmocka_unit_test(of_many_records_the_first_count),
		cmocka_unit_test(a_hostile_series_has_a_defined_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
