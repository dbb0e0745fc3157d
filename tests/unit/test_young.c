#include "tests/unit/store_fixture.h"

static void few_flows_are_durable_at_once_and_one_block_in_the_end(void **state)
{
	static uint8_t seen[200];
	struct fixture *f = *state;

	open_it(f);
	for (uint64_t i = 0; i < 9; i++) {
		seal_some(f, i * 10, 10, T0);
		assert_int_equal(0, stats_of(f).unsealed);
		assert_int_equal((i + 1) * 10, stats_of(f).flows);
		assert_int_equal(0, stats_of(f).blocks);
	}
	seal_some(f, 90, 15, T0);
	assert_int_equal(1, stats_of(f).blocks);
	assert_int_equal(105, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	assert_ok(store_expire(f->store, (struct wall){T0 + HOUR_MS}));
	assert_ok(store_seal(f->store));
	assert_int_equal(2, stats_of(f).blocks);
	assert_int_equal(105, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
}

static void sealing_process(const struct store_options *options, int parts)
{
	char reason[STORE_REASON_MAX];
	struct store *s;

	if (store_open(options, &s, reason) != ERR_OK)
		_exit(1);
	for (int part = 0; part < parts; part++) {
		for (int i = 0; i < 30; i++) {
			struct flow flow = flow_of((uint64_t)(part * 30 + i), T0);

			if (store_append(s, &flow, 1) != ERR_OK)
				_exit(1);
		}
		if (store_seal(s) != ERR_OK)
			_exit(1);
	}
	_exit(0); /* without closing: as if it had been killed */
}

/* In young blocks, in one block, in both: each flow is there once. */
static void a_crash_between_young_and_old_loses_and_doubles_nothing(void **state)
{
	static uint8_t seen[400];
	struct fixture *f = *state;

	for (int parts = 1; parts <= 9; parts++) {
		pid_t pid = fork();
		size_t count = (size_t)parts * 30;
		int status;

		if (pid == 0)
			sealing_process(&f->options, parts);
		assert_int_equal(pid, waitpid(pid, &status, 0));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		open_it(f);
		assert_int_equal(count, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
		for (size_t i = 0; i < count; i++)
			assert_int_equal(1, seen[i]);
		assert_int_equal(0, stats_of(f).unsealed);
		close_it(f);
		assert_int_equal(0, unlink(f->file));
	}
}

#define MARK 7

static void mark(struct store *s, uint64_t appended, bool is_turn)
{
	struct store_note note = {.kind = MARK, .value = &appended, .len = sizeof(appended)};

	if (store_mark(s, &note, 1, is_turn) != ERR_OK)
		_exit(1);
}

/* As a collector does: what belongs together goes into one block. */
static uint64_t append_together(struct store *s, uint64_t first, uint64_t count)
{
	if (store_room(s) < 12)
		mark(s, first, true);
	for (uint64_t i = 0; i < count; i++) {
		struct flow flow = flow_of(first + i, T0);

		if (store_append(s, &flow, 1) != ERR_OK)
			_exit(1);
	}
	return first + count;
}

/* Some blocks get full, some seals come in the middle, and more is appended after the mark. */
static void marking_process(const struct store_options *options, uint64_t seed)
{
	struct prng p = {seed};
	char reason[STORE_REASON_MAX];
	uint64_t appended = 0;
	struct store *s;

	if (store_open(options, &s, reason) != ERR_OK)
		_exit(1);
	for (int step = 0; step < 40; step++) {
		appended = append_together(s, appended, prng_below(&p, 12));
		if (prng_below(&p, 6) != 0)
			continue;
		mark(s, appended, false);
		appended = append_together(s, appended, prng_below(&p, 12));
		if (store_seal(s) != ERR_OK)
			_exit(1);
	}
	_exit(0);
}

static void read_mark(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value, size_t len)
{
	(void)key;
	assert_int_equal(len, sizeof(uint64_t));
	memcpy(ctx, value, len);
}

static void a_mark_says_what_is_durable_no_more_and_no_less(void **state)
{
	static uint8_t seen[1000];
	struct fixture *f = *state;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		pid_t pid = fork();
		uint64_t said = 0;
		int status;

		if (pid == 0)
			marking_process(&f->options, seed);
		assert_int_equal(pid, waitpid(pid, &status, 0));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		open_it(f);
		assert_ok(store_note_each(f->store, MARK, read_mark, &said));
		assert_int_equal(said, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
		for (size_t i = 0; i < said; i++)
			assert_int_equal(1, seen[i]);
		close_it(f);
		assert_int_equal(0, unlink(f->file));
	}
}

/*
 * A block of two hours got full after its mark, and only its first hour found room. What is left is
 * still what it was, and the mark is not of more than that.
 */
static void half_a_block_that_found_room_leaves_the_other_half(void **state)
{
	static uint8_t seen[40000];
	struct fixture *f = *state;
	uint64_t value = 1, id = 0;
	struct store_note note = {.kind = MARK, .value = &value, .len = sizeof(value)};
	int halves = 0;

	f->options.map_size = f->options.size_max = MIB;
	open_it(f);
	for (int round = 0; round < 300; round++) {
		int64_t at = T0 + round * 2 * HOUR_MS;
		enum err err;

		append_some(f, id, 80, at);
		assert_ok(store_mark(f->store, &note, 1, false));
		append_some(f, id + 80, 20, at + HOUR_MS);
		id += 100;
		while ((err = store_seal(f->store)) == ERR_FULL) {
			halves += stats_of(f).unsealed == 20;
			assert_true(stats_of(f).unsealed <= 100);
			assert_ok(store_expire(f->store, (struct wall){T0}));
		}
		assert_ok(err);
		assert_int_equal(0, stats_of(f).unsealed);
		read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
		for (size_t i = 0; i < id; i++)
			assert_true(seen[i] <= 1);
		for (size_t i = id - 20; i < id; i++)
			assert_int_equal(1, seen[i]);
	}
	assert_true(halves > 0);
}

/* It says less than is there, but more than the one before. */
static void a_mark_whose_block_got_full_since_is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 40, said = 0;
	struct store_note note = {.kind = MARK, .value = &value, .len = sizeof(value)};

	open_it(f);
	append_some(f, 0, 40, T0);
	assert_ok(store_mark(f->store, &note, 1, false));
	append_some(f, 40, 60, T0);
	assert_ok(store_seal(f->store));
	assert_ok(store_note_each(f->store, MARK, read_mark, &said));
	assert_int_equal(40, said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(few_flows_are_durable_at_once_and_one_block_in_the_end),
		CASE(a_crash_between_young_and_old_loses_and_doubles_nothing),
		CASE(a_mark_says_what_is_durable_no_more_and_no_less),
		CASE(a_mark_whose_block_got_full_since_is_kept),
		CASE(half_a_block_that_found_room_leaves_the_other_half),
	};

	return cmocka_run_group_tests_name("store/young", tests, NULL, NULL);
}
