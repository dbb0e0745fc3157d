#include "correlate/method.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

static double by(size_t method, const struct rhythm *a, const struct rhythm *b)
{
	struct fingerprint x = rhythm_print(a), y = rhythm_print(b);

	return methods[method].score(&x, &y);
}

static void assert_near(double a, double b, double off)
{
	if (!(fabs(a - b) <= off))
		fail_msg("%g is not within %g of %g", a, off, b);
}

/* In seconds since T0. */
static struct rhythm rhythm(const int64_t *s, size_t count)
{
	struct rhythm r = {.count = count};

	for (size_t i = 0; i < count; i++)
		r.on[i] = (struct interval){RHYTHM_T0 + s[2 * i] * 1000,
		                            RHYTHM_T0 + s[2 * i + 1] * 1000};
	return r;
}

/* ON 10, OFF 20, ON 30 against 12, 20, 28; the second alone; nothing but the first ON. */
static void the_cpf_is_the_papers(void **state)
{
	static const int64_t a_s[] = {0, 10, 30, 60}, b_s[] = {5, 17, 37, 65},
			     c_s[] = {0, 10, 20, 30};
	struct rhythm a = rhythm(a_s, 2), b = rhythm(b_s, 2), c = rhythm(c_s, 2),
		      d = rhythm(a_s, 1);
	(void)state;

	assert_near(by(METHOD_CPF, &a, &b), 58.0 / 62.0, 1e-12);
	assert_near(by(METHOD_CPF, &a, &c), 30.0 / 60.0, 1e-12);
	assert_near(by(METHOD_CPF, &a, &d), 10.0 / 60.0, 1e-12);
}

/* 10, 20, 30 against 10, 20, 15, cut at the end of the shorter life: 10, 20, 15 of both. */
static void the_four_functions_look_at_the_common_life(void **state)
{
	static const int64_t a_s[] = {0, 10, 30, 60}, b_s[] = {0, 10, 30, 45},
			     c_s[] = {0, 14, 30, 60};
	struct rhythm a = rhythm(a_s, 2), b = rhythm(b_s, 2), c = rhythm(c_s, 2);
	(void)state;

	for (size_t m = METHOD_MMS; m <= METHOD_NDP2; m++)
		assert_near(by(m, &a, &b), 1, 1e-12);
	/* 10, 20, 30 against 14, 16, 30 */
	assert_near(by(METHOD_MMS, &a, &c), 56.0 / 64.0, 1e-12);
	assert_near(by(METHOD_NDP1, &a, &c), 1360.0 / 1496.0, 1e-12);
	assert_near(by(METHOD_NDP2, &a, &c), 1360.0 / 1400.0, 1e-12);
	assert_near(by(METHOD_STAT, &a, &c), 480.0 / sqrt(600.0 * 456.0), 1e-9);
}

/* Of 60 s, ON together in 35, either in 45: 35 / 45, silent together in 15 of 25. */
static void the_overlaps_are_of_time(void **state)
{
	static const int64_t a_s[] = {0, 10, 30, 60}, b_s[] = {0, 15, 30, 55, 59, 60};
	struct rhythm a = rhythm(a_s, 2), b = rhythm(b_s, 3);
	double jaccard, phi;
	(void)state;

	jaccard = by(METHOD_JACCARD, &a, &b);
	assert_near(jaccard, 36.0 / 45.0, 1e-3);
	assert_near(by(METHOD_OVERLAP, &a, &b), 15.0 / 24.0, 1e-3);
	phi = (60.0 * 36 - 40.0 * 41) / sqrt(40.0 * 20 * 41 * 19);
	assert_near(by(METHOD_PHI, &a, &b), phi, 1e-3);
}

static void all_are_between_0_and_1_and_the_same_from_both_sides(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed < 60; seed++) {
		struct rhythm a = rhythm_of_person(seed, 1 + seed % 17);
		struct rhythm b = rhythm_of_person(seed + 100, 1 + seed % 11);

		for (size_t m = 0; m < METHODS; m++) {
			double there = by(m, &a, &b);

			assert_true(there >= 0 && there <= 1);
			assert_near(there, by(m, &b, &a), 1e-12);
			assert_near(by(m, &a, &a), 1, m == METHOD_STAT || m == METHOD_PHI ? 1 : 0);
		}
	}
}

static void without_common_life_there_is_nothing(void **state)
{
	struct rhythm a = rhythm_of_person(1, 9), b = rhythm_moved(a, 86400000);
	(void)state;

	for (size_t m = METHOD_MMS; m < METHODS; m++)
		assert_near(by(m, &a, &b), 0, 0);
	assert_near(by(METHOD_CPF, &a, &b), 1, 0); /* it never asks when */
}

static void each_is_found_by_its_name(void **state)
{
	(void)state;

	for (size_t m = 0; m < METHODS; m++)
		assert_ptr_equal(&methods[m], method_find(methods[m].name));
	assert_null(method_find("none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cpf_is_the_papers),
		cmocka_unit_test(the_four_functions_look_at_the_common_life),
		cmocka_unit_test(the_overlaps_are_of_time),
		cmocka_unit_test(all_are_between_0_and_1_and_the_same_from_both_sides),
		cmocka_unit_test(without_common_life_there_is_nothing),
		cmocka_unit_test(each_is_found_by_its_name),
	};

	return cmocka_run_group_tests_name("correlate/method", tests, NULL, NULL);
}
