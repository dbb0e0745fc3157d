#include "correlate/edges.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <math.h>

#define S 1000

static struct edges edges;

static void take(const struct interval *on, size_t count, int64_t gap_ms, int64_t moved_ms)
{
	struct fingerprint print = {on, count, gap_ms};

	edges_of(&print, gap_ms, RHYTHM_T0, moved_ms, &edges);
}

static bool is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void a_silence_has_two_edges(void **state)
{
	static const struct interval on[] = {{RHYTHM_T0 + 5 * S, RHYTHM_T0 + 9 * S},
	                                     {RHYTHM_T0 + 30 * S, RHYTHM_T0 + 31 * S},
	                                     {RHYTHM_T0 + 60 * S, RHYTHM_T0 + 61 * S}};
	(void)state;

	take(on, 3, 15 * S, 0);
	assert_int_equal(2, edges.count);
	assert_true(is_near(edges.first_s, 5) && is_near(edges.last_s, 61));
	assert_true(is_near(edges.leave_s[0], 9) && is_near(edges.back_s[0], 30));
	assert_true(is_near(edges.leave_s[1], 31) && is_near(edges.back_s[1], 60));
	assert_true(is_near(edges.minute_s, 0));
	take(on, 3, 25 * S, 2 * S);
	assert_int_equal(1, edges.count);
	assert_true(is_near(edges.leave_s[0], 29) && is_near(edges.back_s[0], 58));
}

/* However an exporter cuts it: at its active timeout, per direction, or not at all. */
static void where_the_exporter_cut_does_not_matter(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed < 50; seed++) {
		struct rhythm whole = rhythm_of_person(seed, 20), cut = {.count = 0};
		struct prng p = {seed};
		struct edges before;

		for (size_t i = 0; i < whole.count; i++) {
			struct interval on = whole.on[i];
			int64_t third_ms = (on.end_ms - on.start_ms) / 3;

			if (prng_below(&p, 2) == 0) {
				cut.on[cut.count++] = on;
				continue;
			}
			cut.on[cut.count++] =
				(struct interval){on.start_ms, on.start_ms + third_ms};
			cut.on[cut.count++] =
				(struct interval){on.start_ms + 2 * third_ms, on.end_ms};
		}
		take(whole.on, whole.count, RHYTHM_GAP_MS, 0);
		before = edges;
		take(cut.on, cut.count, RHYTHM_GAP_MS, 0);
		assert_int_equal(before.count, edges.count);
		assert_memory_equal(before.leave_s, edges.leave_s, edges.count * sizeof(double));
		assert_memory_equal(before.back_s, edges.back_s, edges.count * sizeof(double));
	}
}

static void nonsense_is_passed_over(void **state)
{
	static const struct interval on[] = {{RHYTHM_T0 + 9 * S, RHYTHM_T0},
	                                     {RHYTHM_T0, RHYTHM_T0 + S},
	                                     {INT64_MIN, INT64_MIN},
	                                     {RHYTHM_T0 + 40 * S, RHYTHM_T0 + 41 * S},
	                                     {RHYTHM_T0 + 20 * S, RHYTHM_T0 + 2 * S},
	                                     {INT64_MAX - 1, INT64_MAX}};
	(void)state;

	take(on, ARRAY_LEN(on), 15 * S, 0);
	assert_int_equal(1, edges.count);
	assert_true(is_near(edges.leave_s[0], 1) && is_near(edges.back_s[0], 40));
	take(on, 1, 15 * S, 0);
	assert_int_equal(0, edges.count);
	assert_true(is_near(edges.first_s, 0) && is_near(edges.last_s, 0));
}

static void there_are_never_too_many(void **state)
{
	static struct interval on[4 * EDGES_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		on[i] = (struct interval){RHYTHM_T0 + (int64_t)i * 20 * S,
		                          RHYTHM_T0 + (int64_t)i * 20 * S + 1};
	take(on, ARRAY_LEN(on), 15 * S, 0);
	assert_int_equal(EDGES_MAX, edges.count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silence_has_two_edges),
		cmocka_unit_test(where_the_exporter_cut_does_not_matter),
		cmocka_unit_test(nonsense_is_passed_over),
		cmocka_unit_test(there_are_never_too_many),
	};

	return cmocka_run_group_tests_name("correlate/edges", tests, NULL, NULL);
}
