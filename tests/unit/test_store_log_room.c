#include "tests/unit/store_log_fixture.h"

/* Appends in batches of 1 to `batch_max` until there is no room; returns the next number. */
static uint64_t fill_log(struct fixture *f, uint64_t next, size_t batch_max, enum err *ret)
{
	struct prng p = {next};

	for (;;) {
		size_t count = 1 + prng_below(&p, batch_max);

		*ret = try_append(f->store, next, count, T0);
		if (*ret)
			return next;
		next += count;
	}
}

static void a_full_log_keeps_what_it_has_and_can_be_emptied(void **state)
{
	static const size_t batches[] = {5, 30, 60};
	struct fixture *f = *state;
	uint64_t first = 1;
	enum err err;

	f->options.map_size = STORE_MAP_MIN;
	open_it(f);
	for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
		uint64_t next = fill_log(f, first, batches[i], &err);

		assert_err(ERR_FULL, err);
		assert_true(next > first + 800);
		assert_int_equal(next - 1, state_of(f->store));
		assert_holds(f, first, next);
		expire(f, T0, 1, 0); /* nothing is too old */
		assert_err(ERR_FULL, try_append(f->store, next, 60, T0));
		assert_int_equal(2 * (next - first), count_index(f));
		assert_holds(f, first, next);
		expire(f, T0 + 2, 1, 0);
		assert_holds(f, next, next);
		assert_int_equal(next - 1, state_of(f->store));
		assert_int_equal(0, count_index(f));
		first = next;
	}
}

static void a_full_log_makes_room_by_dropping_its_oldest(void **state)
{
	static const size_t batches[] = {5, 60, 3, 40};
	struct fixture *f = *state;
	uint64_t next = 1;
	enum err err;

	f->options.map_size = STORE_MAP_MIN;
	open_it(f);
	for (size_t round = 0; round < 4; round++) {
		uint64_t first;
		uint64_t is_next;

		next = fill_log(f, next, batches[round % ARRAY_LEN(batches)], &err);
		assert_err(ERR_FULL, err);
		expire(f, T0, 0, STORE_MAP_MIN);
		assert_ok(store_log_bounds(f->store, &first, &is_next));
		assert_int_equal(next, is_next);
		assert_true(next - first > 300);
		assert_ok(try_append(f->store, next, 1, T0));
		next++;
		if (round % 4 == 0)
			assert_int_equal(2 * (next - first), count_index(f));
	}
}

/*
 * With short entries most pages are of the index, and a batch copies as many of them as it has
 * rows. What it frees by that is of no use to the next transaction, which may be the one to delete.
 */
static void no_append_takes_the_pages_that_deleting_needs(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 1;
	enum err err;

	length_spread = 0;
	f->options.map_size = STORE_MAP_MIN;
	open_it(f);
	for (uint64_t round = 0; round < 4; round++) {
		next = fill_log(f, next, round % 2 == 0 ? 10 : 3, &err);
		assert_err(ERR_FULL, err);
		expire(f, T0, 0, stats_of(f).log_octets - (1 + round) * 4096);
		assert_ok(try_append(f->store, next++, 1, T0));
		for (size_t count = 60; count > 0; count--) { /* the most that goes */
			err = try_append(f->store, next, count, T0);
			if (err == ERR_OK) {
				next += count;
				break;
			}
			assert_err(ERR_FULL, err);
		}
		expire(f, T0, 0, stats_of(f).log_octets - 4096);
	}
	length_spread = 600;
}

static void a_batch_that_would_crowd_out_the_log_is_refused(void **state)
{
	struct fixture *f = *state;

	f->options.map_size = STORE_MAP_MIN;
	open_it(f);
	assert_err(ERR_RANGE, try_append(f->store, 1, BATCH_MAX, T0));
	assert_holds(f, 1, 1);
}

static void blocks_and_log_share_the_room(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 1;
	uint64_t id = 0;
	enum err err = ERR_OK;

	f->options.map_size = f->options.size_max = STORE_MAP_MIN;
	open_it(f);
	for (int round = 0; round < 6; round++) {
		/* Whichever comes first takes the room, and either gives it back. */
		for (int turn = 0; turn < 2; turn++) {
			if ((turn + round) % 2 == 0) {
				next = fill_log(f, next, 30, &err);
				assert_err(ERR_FULL, err);
				continue;
			}
			for (err = ERR_OK; err == ERR_OK; id += 100) {
				append_some(f, id, 100, T0);
				err = store_seal(f->store);
			}
			assert_err(ERR_FULL, err);
		}
		assert_true(stats_of(f).octets + stats_of(f).log_octets <= STORE_MAP_MIN * 3 / 4);
		expire(f, T0 + 2, 1, 0);
		assert_holds(f, next, next);
		assert_ok(store_expire(f->store, (struct wall){T0}));
		assert_ok(store_seal(f->store));
		assert_ok(try_append(f->store, next, 1, T0));
		next++;
		expire(f, T0 + 2, 1, 0);
		close_it(f);
		f->options.size_max = 1;
		open_it(f);
		assert_ok(store_expire(f->store, (struct wall){T0}));
		assert_int_equal(0, stats_of(f).blocks);
		close_it(f);
		f->options.size_max = STORE_MAP_MIN;
		open_it(f);
	}
}

static void a_full_disk_is_survived(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) { /* a limit on file sizes meets writes as a full disk does */
		const struct store_log_limits limits = {.octets_max = f->options.map_size};
		struct rlimit limit = {4 * MIB, 4 * MIB};
		uint64_t next = 1;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || try_open(f) != ERR_OK)
			_exit(1);
		for (int round = 0; round < 20; round++) {
			enum err err;

			next = fill_log(f, next, 60, &err);
			if (err != ERR_FULL || state_of(f->store) != next - 1)
				_exit(2);
			if (store_log_expire(f->store, (struct wall){T0}, &limits) != ERR_OK)
				_exit(3);
			if (try_append(f->store, next, 1, T0) != ERR_OK)
				_exit(4);
			next++;
		}
		_exit(0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	open_it(f);
	assert_true(state_of(f->store) > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_full_log_keeps_what_it_has_and_can_be_emptied),
		CASE(a_full_log_makes_room_by_dropping_its_oldest),
		CASE(no_append_takes_the_pages_that_deleting_needs),
		CASE(a_batch_that_would_crowd_out_the_log_is_refused),
		CASE(blocks_and_log_share_the_room),
		CASE(a_full_disk_is_survived),
	};

	return cmocka_run_group_tests_name("store/log_room", tests, NULL, NULL);
}
