#include "base/prng.h"
#include "correlate/fingerprint.h"
#include "tests/unit/test.h"

#include <string.h>

#define ROWS 40

/* Ordered by start, some of them overlapping, silences of up to 100. */
static size_t scatter(struct prng *p, struct interval room[ROWS])
{
	size_t count = 1 + (size_t)prng_below(p, ROWS);
	int64_t at_ms = (int64_t)prng_below(p, 1000) - 500;

	for (size_t i = 0; i < count; i++) {
		room[i].start_ms = at_ms;
		room[i].end_ms = at_ms + (int64_t)prng_below(p, 60);
		at_ms += (int64_t)prng_below(p, 120);
	}
	return count;
}

static size_t close_copy(const struct interval *on, size_t count, int64_t gap_ms,
                         struct interval room[ROWS])
{
	memcpy(room, on, count * sizeof(on[0]));
	return fingerprint_close(room, count, gap_ms);
}

static void a_silence_of_exactly_the_gap_is_closed(void **state)
{
	static const struct {
		const char *label;
		int64_t gap_ms;
		size_t count;
	} rows[] = {
		{"one less", 14999, 2},
		{"exactly", 15000, 1},
		{"one more", 15001, 1},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct interval on[] = {{0, 1000}, {16000, 17000}};

		print_message("%s\n", rows[i].label);
		assert_int_equal(fingerprint_close(on, 2, rows[i].gap_ms), rows[i].count);
		assert_int_equal(on[0].start_ms, 0);
		assert_int_equal(on[rows[i].count - 1].end_ms, 17000);
	}
}

static void records_inside_others_do_not_shorten_them(void **state)
{
	struct interval on[] = {{0, 100}, {10, 20}, {50, 60}, {200, 210}};
	(void)state;

	assert_int_equal(fingerprint_close(on, 4, 0), 2);
	assert_int_equal(on[0].end_ms, 100);
	assert_int_equal(on[1].start_ms, 200);
}

static void nothing_closes_to_nothing(void **state)
{
	struct interval one = {5, 5};
	(void)state;

	assert_int_equal(fingerprint_close(&one, 0, 10), 0);
	assert_int_equal(fingerprint_close(&one, 1, 10), 1);
	assert_int_equal(one.start_ms, 5);
	assert_int_equal(one.end_ms, 5);
}

static void the_ends_of_time_do_not_overflow(void **state)
{
	struct interval on[] = {{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
	(void)state;

	assert_int_equal(fingerprint_close(on, 2, INT64_MAX - 1), 2);
	assert_int_equal(fingerprint_fit(on, 2, 0, 1), INT64_MAX);
	assert_int_equal(fingerprint_close(on, 2, INT64_MAX), 1);
}

static void closing_twice_is_closing_once(void **state)
{
	struct prng p = {1};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct interval on[ROWS], once[ROWS], twice[ROWS];
		size_t count = scatter(&p, on);
		int64_t gap_ms = (int64_t)prng_below(&p, 100);
		size_t once_count = close_copy(on, count, gap_ms, once);
		size_t twice_count = close_copy(once, once_count, gap_ms, twice);

		assert_int_equal(twice_count, once_count);
		assert_memory_equal(twice, once, once_count * sizeof(once[0]));
		for (size_t i = 1; i < once_count; i++)
			assert_true(once[i].start_ms - once[i - 1].end_ms > gap_ms);
	}
}

/* What two exporters cut differently is equal once closed at the larger of their gaps. */
static void closing_in_steps_is_closing_at_the_last(void **state)
{
	struct prng p = {2};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct interval on[ROWS], direct[ROWS], stepped[ROWS];
		size_t count = scatter(&p, on);
		int64_t narrow_ms = (int64_t)prng_below(&p, 50);
		int64_t wide_ms = narrow_ms + (int64_t)prng_below(&p, 50);
		size_t direct_count = close_copy(on, count, wide_ms, direct);
		size_t narrow_count = close_copy(on, count, narrow_ms, stepped);

		assert_true(direct_count <= narrow_count);
		assert_int_equal(fingerprint_close(stepped, narrow_count, wide_ms), direct_count);
		assert_memory_equal(stepped, direct, direct_count * sizeof(direct[0]));
	}
}

static void the_fitting_gap_is_the_smallest(void **state)
{
	struct prng p = {3};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct interval on[ROWS], before[ROWS], closed[ROWS];
		size_t count = scatter(&p, on);
		size_t max = 1 + (size_t)prng_below(&p, ROWS);
		int64_t gap_ms = (int64_t)prng_below(&p, 50), fit_ms;

		memcpy(before, on, sizeof(on[0]) * count);
		fit_ms = fingerprint_fit(on, count, gap_ms, max);
		assert_memory_equal(on, before, sizeof(on[0]) * count);
		assert_true(fit_ms >= gap_ms);
		assert_true(close_copy(on, count, fit_ms, closed) <= max);
		if (fit_ms > gap_ms)
			assert_true(close_copy(on, count, fit_ms - 1, closed) > max);
	}
}

static void the_coarser_fingerprint_is_the_one_closed_at_that_gap(void **state)
{
	struct prng p = {4};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct interval on[ROWS], closed[ROWS], coarse[ROWS];
		size_t count = fingerprint_close(on, scatter(&p, on), 3);
		size_t max = 1 + (size_t)prng_below(&p, ROWS), kept;
		const struct fingerprint f = {on, count, 3};
		int64_t gap_ms;

		kept = fingerprint_coarsen(&f, max, coarse, &gap_ms);
		assert_int_equal(gap_ms, fingerprint_fit(on, count, 3, max));
		assert_true(kept <= max);
		assert_int_equal(kept, close_copy(on, count, gap_ms, closed));
		assert_memory_equal(coarse, closed, kept * sizeof(coarse[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silence_of_exactly_the_gap_is_closed),
		cmocka_unit_test(records_inside_others_do_not_shorten_them),
		cmocka_unit_test(nothing_closes_to_nothing),
		cmocka_unit_test(the_ends_of_time_do_not_overflow),
		cmocka_unit_test(closing_twice_is_closing_once),
		cmocka_unit_test(closing_in_steps_is_closing_at_the_last),
		cmocka_unit_test(the_fitting_gap_is_the_smallest),
		cmocka_unit_test(the_coarser_fingerprint_is_the_one_closed_at_that_gap),
	};

	return cmocka_run_group_tests_name("correlate/fingerprint", tests, NULL, NULL);
}
