#include "correlate/sieve.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define LAG_S 3.5
#define CANDIDATES 400

static struct sieve sieve;
static struct edges target, candidates[CANDIDATES];
static struct sieve_silence silences[CANDIDATES * EDGES_MAX];
static uint32_t first[CANDIDATES + 1], picked[CANDIDATES];

static void take(const struct rhythm *r, struct edges *ret)
{
	struct fingerprint print = rhythm_print(r);

	edges_of(&print, RHYTHM_GAP_MS, RHYTHM_T0, 0, ret);
}

static void row_of(size_t i)
{
	const struct edges *e = &candidates[i];

	for (size_t k = 0; k < e->count; k++)
		silences[first[i] + k] = (struct sieve_silence){
			sieve_second(&target, e->leave_s[k]), sieve_second(&target, e->back_s[k])};
	first[i + 1] = first[i] + (uint32_t)e->count;
}

static void another_view_gets_every_vote(void **state)
{
	struct rhythm a = rhythm_of_person(1, 20), b = rhythm_moved(a, 2200);
	struct edges other;
	(void)state;

	take(&a, &target);
	take(&b, &other);
	assert_int_equal(38, sieve_votes(&target, &other, LAG_S));
	assert_int_equal(sieve_votes(&target, &other, LAG_S), sieve_votes(&other, &target, LAG_S));
	b = rhythm_moved(a, 9000);
	take(&b, &other);
	assert_true(sieve_votes(&target, &other, LAG_S) < sieve_least(target.count));
}

static void the_coarse_sieve_refuses_nothing_that_has_the_votes(void **state)
{
	size_t worthy = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rhythm a = rhythm_of_person(seed, 3 + seed);
		size_t count, next = 0;

		take(&a, &target);
		sieve_of(&target, LAG_S, &sieve);
		for (size_t i = 0; i < CANDIDATES; i++) {
			struct rhythm b = i % 4 == 0
			                          ? rhythm_moved(rhythm_seen_elsewhere(a, i, 900),
			                                         (int64_t)i * 20 - 4000)
			                          : rhythm_of_person(1000 + seed * i, 5 + i % 60);

			take(&b, &candidates[i]);
			row_of(i);
		}
		count = sieve_pick(&sieve, silences, first, CANDIDATES, picked);
		for (uint32_t i = 0; i < CANDIDATES; i++) {
			if (sieve_votes(&target, &candidates[i], LAG_S) < sieve_least(target.count))
				continue;
			worthy++;
			while (next < count && picked[next] < i)
				next++;
			assert_true(next < count);
			assert_int_equal(i, picked[next]);
		}
		assert_true(count < CANDIDATES / 2 + CANDIDATES / 10);
	}
	assert_true(worthy > 1000);
}

static void what_lies_outside_never_votes(void **state)
{
	struct rhythm a = rhythm_of_person(1, 20);
	(void)state;

	take(&a, &target);
	sieve_of(&target, LAG_S, &sieve);
	assert_int_equal(SIEVE_SPAN_S, sieve_second(&target, target.first_s - 1));
	assert_int_equal(SIEVE_SPAN_S, sieve_second(&target, target.first_s + 70000));
	assert_int_equal(0, sieve_second(&target, target.first_s));
	for (size_t i = 0; i < SIEVE_SILENCES_MAX; i++)
		silences[i] = (struct sieve_silence){SIEVE_SPAN_S, SIEVE_SPAN_S};
	first[0] = 0;
	first[1] = SIEVE_SILENCES_MAX;
	assert_int_equal(0, sieve_pick(&sieve, silences, first, 1, picked));
	first[1] = SIEVE_SILENCES_MAX + 1;
	assert_int_equal(1, sieve_pick(&sieve, silences, first, 1, picked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_view_gets_every_vote),
		cmocka_unit_test(the_coarse_sieve_refuses_nothing_that_has_the_votes),
		cmocka_unit_test(what_lies_outside_never_votes),
	};

	return cmocka_run_group_tests_name("correlate/sieve", tests, NULL, NULL);
}
