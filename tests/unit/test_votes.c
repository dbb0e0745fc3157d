#include "base/prng.h"
#include "correlate/edges.h"
#include "correlate/sieve.h"
#include "correlate/votes.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define REACH_MS 4000
#define ROUND_MS 64
#define STRANGERS 400

struct fixture {
	struct votes *votes;
	struct rhythm target;
	uint32_t picked[STRANGERS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->votes = votes_new(100000);
	assert_non_null(f->votes);
	f->target = rhythm_of_person(1, 19);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	votes_free(f->votes);
	free(f);
	return 0;
}

static size_t begin(struct fixture *f, const struct rhythm *target)
{
	struct fingerprint print = rhythm_print(target);

	return votes_begin(f->votes, &print, RHYTHM_GAP_MS, REACH_MS, ROUND_MS);
}

/* All edges of a connection, as a log rounds them. */
static void add(struct fixture *f, const struct rhythm *r, uint32_t connection)
{
	for (size_t i = 0; i + 1 < r->count; i++) {
		const struct edge edges[] = {
			{r->on[i].end_ms / ROUND_MS * ROUND_MS, connection, false},
			{r->on[i + 1].start_ms / ROUND_MS * ROUND_MS, connection, true},
		};

		votes_add(f->votes, edges, ARRAY_LEN(edges));
	}
}

static void who_moves_with_the_target_is_picked(void **state)
{
	struct fixture *f = *state;
	struct rhythm other = rhythm_moved(rhythm_seen_elsewhere(f->target, 7, 200), 1200);
	size_t count;

	assert_int_equal(begin(f, &f->target), 18);
	add(f, &other, 0xabcdef00);
	for (uint32_t i = 0; i < STRANGERS; i++) {
		other = rhythm_of_person(100 + i, 19);
		add(f, &other, (i + 1) << 8);
	}
	count = votes_pick(f->votes, sieve_least(18), f->picked, STRANGERS);
	assert_in_range(count, 1, STRANGERS / 50);
	assert_int_equal(f->picked[count - 1], 0xabcdef00);
}

static void whom_the_sieve_lets_through_is_picked(void **state)
{
	struct fixture *f = *state;
	size_t passed = 0, silences = begin(f, &f->target);

	for (uint32_t i = 0; i < STRANGERS; i++) {
		struct rhythm other = i % 2 == 0 ? rhythm_seen_elsewhere(f->target, i, 100 * i)
		                                 : rhythm_of_person(1000 + i, 40);
		struct fingerprint a = rhythm_print(&f->target), b = rhythm_print(&other);
		static struct edges ea, eb;
		bool is_let_through, is_picked;

		other = rhythm_moved(other, (int64_t)(i % 7) * 500 - 1500);
		edges_of(&a, RHYTHM_GAP_MS, RHYTHM_T0, 0, &ea);
		edges_of(&b, RHYTHM_GAP_MS, RHYTHM_T0, 0, &eb);
		is_let_through = sieve_votes(&ea, &eb, 3.5) >= sieve_least(silences);
		begin(f, &f->target);
		add(f, &other, 77 << 8);
		is_picked = votes_pick(f->votes, sieve_least(silences), f->picked, 1) == 1;
		assert_true(is_picked || !is_let_through);
		passed += is_let_through;
	}
	assert_in_range(passed, 10, STRANGERS - 10);
}

static void votes_under_different_lags_do_not_add_up(void **state)
{
	struct fixture *f = *state;
	struct rhythm other = f->target;

	for (size_t i = 0; i < other.count; i++) { /* half of them early, half late */
		other.on[i].start_ms += i % 2 == 0 ? 3500 : -3500;
		other.on[i].end_ms += i % 2 == 0 ? 3500 : -3500;
	}
	begin(f, &f->target);
	add(f, &other, 1 << 8);
	assert_int_equal(votes_pick(f->votes, 20, f->picked, 1), 0);
	begin(f, &f->target);
	add(f, &other, 1 << 8);
	assert_int_equal(votes_pick(f->votes, 18, f->picked, 1), 1);
}

static void the_windows_have_every_edge_that_counts(void **state)
{
	struct fixture *f = *state;
	struct interval windows[VOTES_SILENCES_MAX];
	size_t count;

	begin(f, &f->target);
	for (int kind = 0; kind < 2; kind++) {
		count = votes_windows(f->votes, kind == 1, windows);
		assert_in_range(count, 1, 18);
		for (size_t i = 0; i < count; i++) {
			assert_true(windows[i].start_ms < windows[i].end_ms);
			assert_true(i == 0 || windows[i - 1].end_ms < windows[i].start_ms);
		}
		for (size_t k = 0; k < 18; k++) {
			int64_t at_ms =
				kind == 1 ? f->target.on[k + 1].start_ms : f->target.on[k].end_ms;
			bool any = false;

			for (size_t i = 0; i < count; i++)
				any |= windows[i].start_ms <= at_ms - REACH_MS - ROUND_MS &&
				       windows[i].end_ms >= at_ms + REACH_MS;
			assert_true(any);
		}
	}
}

static void what_finds_no_room_is_told(void **state)
{
	struct fixture *f = *state;

	votes_free(f->votes);
	f->votes = votes_new(30);
	assert_non_null(f->votes);
	begin(f, &f->target);
	add(f, &f->target, 1 << 8);
	assert_true(votes_is_full(f->votes));
	assert_int_equal(votes_pick(f->votes, 30, f->picked, 1), 1);
	begin(f, &f->target);
	assert_false(votes_is_full(f->votes));
}

static void absurd_times_are_survived(void **state)
{
	struct fixture *f = *state;
	const struct interval on[] = {
		{INT64_MIN, INT64_MIN + 1}, {0, 1}, {INT64_MAX - 1, INT64_MAX}};
	struct fingerprint print = {on, ARRAY_LEN(on), RHYTHM_GAP_MS};
	struct interval windows[VOTES_SILENCES_MAX];
	const struct edge edges[] = {{INT64_MIN / 4, 0, false}, {INT64_MAX / 4, 0, true}};

	assert_int_equal(votes_begin(f->votes, &print, 0, INT64_MAX, INT64_MAX), 2);
	assert_int_equal(votes_windows(f->votes, false, windows), 2);
	votes_add(f->votes, edges, 2);
	assert_int_equal(votes_pick(f->votes, 1, f->picked, 1), 1);
	assert_int_equal(votes_begin(f->votes, &(struct fingerprint){on, 1, 0}, 0, -1, -1), 0);
	assert_int_equal(votes_windows(f->votes, true, windows), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_moves_with_the_target_is_picked, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(whom_the_sieve_lets_through_is_picked, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(votes_under_different_lags_do_not_add_up, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(the_windows_have_every_edge_that_counts, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_finds_no_room_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(absurd_times_are_survived, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
