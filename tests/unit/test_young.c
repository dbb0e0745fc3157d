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

struct sealing {
	struct store *store;
	_Atomic int64_t now_ms;
	_Atomic bool is_over;
};

static void *seal_on(void *arg)
{
	struct sealing *s = arg;

	while (!s->is_over) {
		if (store_expire(s->store, (struct wall){s->now_ms}) != ERR_OK ||
		    store_seal(s->store) != ERR_OK)
			return NULL;
	}
	return arg;
}

/* Hours change at any moment of a seal. */
static void marks_of_one_thread_and_seals_of_another_lose_nothing(void **state)
{
	static uint8_t seen[8000];
	struct fixture *f = *state;
	struct sealing s = {.now_ms = T0};
	uint64_t id = 0, said = 0;
	pthread_t thread;
	void *is_good;

	open_it(f);
	s.store = f->store;
	assert_int_equal(0, pthread_create(&thread, NULL, seal_on, &s));
	while (id + 9 <= sizeof(seen)) {
		struct flow flows[9];
		struct store_note note = {.kind = MARK, .value = &id, .len = sizeof(id)};

		s.now_ms = T0 + (int64_t)(id / 30) * HOUR_MS;
		for (size_t i = 0; i < 9; i++)
			flows[i] = flow_of(id + i, s.now_ms);
		while (store_append(f->store, flows, 9) == ERR_BUSY)
			usleep(100);
		id += 9;
		while (store_mark(f->store, &note, 1, id % 5 == 0) == ERR_BUSY)
			usleep(100);
	}
	s.is_over = true;
	assert_int_equal(0, pthread_join(thread, &is_good));
	assert_non_null(is_good);
	close_it(f);
	open_it(f);
	assert_ok(store_note_each(f->store, MARK, read_mark, &said));
	assert_int_equal(id, said);
	assert_int_equal(id, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	for (size_t i = 0; i < id; i++)
		assert_int_equal(1, seen[i]);
}

/* Appends all the time, of hours that change, until the process is killed. */
static void *append_on(void *arg)
{
	struct store *s = arg;
	struct store_note note = {.kind = MARK};

	for (uint64_t id = 0;;) {
		struct flow flow = flow_of(id, T0 + (int64_t)(id / 3) * HOUR_MS);

		while (store_append(s, &flow, 1) != ERR_OK)
			usleep(20);
		id++;
		note.value = &id;
		note.len = sizeof(id);
		(void)(id % 2 == 0 && store_mark(s, &note, 1, false) == ERR_OK);
	}
	return NULL;
}

static void two_threads_process(const struct store_options *options)
{
	char reason[STORE_REASON_MAX];
	struct store *s;
	pthread_t thread;
	enum err err;

	if (store_open(options, &s, reason) != ERR_OK ||
	    pthread_create(&thread, NULL, append_on, s) != 0)
		_exit(1);
	do /* where the killer comes late it is full, and waits for him */
		err = store_seal(s);
	while (err == ERR_OK || err == ERR_FULL);
	_exit(1);
}

/* Hours change between any two steps of a seal. */
static void a_mark_says_no_more_than_is_durable_whenever_the_process_is_killed(void **state)
{
	static uint8_t seen[100000];
	struct fixture *f = *state;

	for (unsigned round = 0; round < 100; round++) {
		pid_t pid = fork();
		uint64_t said = 0;
		int status;

		if (pid == 0)
			two_threads_process(&f->options);
		usleep(15000 + round * 131);
		assert_int_equal(0, kill(pid, SIGKILL));
		assert_int_equal(pid, waitpid(pid, &status, 0));
		assert_true(WIFSIGNALED(status));
		open_it(f);
		assert_ok(store_note_each(f->store, MARK, read_mark, &said));
		read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
		for (size_t i = 0; i < sizeof(seen); i++)
			assert_true(i < said ? seen[i] == 1 : seen[i] <= 1);
		close_it(f);
		assert_int_equal(0, unlink(f->file));
	}
}

static void drop_all(MDB_txn *txn, MDB_dbi dbi)
{
	assert_int_equal(0, mdb_drop(txn, dbi, 0));
}

/* Five young blocks of 40,000 flows: more than memory takes as one block. */
#define YOUNG_FLOWS 40000
#define YOUNG_BLOCKS 5

static void put_young(MDB_txn *txn, MDB_dbi dbi)
{
	static struct flow flows[YOUNG_FLOWS];
	struct block_codec *codec = block_codec_new(1);

	assert_non_null(codec);
	for (uint8_t i = 0; i < YOUNG_BLOCKS; i++) {
		uint64_t hour = T0 / HOUR_MS;
		uint8_t wire[16] = {[15] = i};
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire}, value;
		struct block block;

		for (size_t j = 0; j < 8; j++)
			wire[j] = (uint8_t)(hour >> (56 - 8 * j));
		for (size_t j = 0; j < YOUNG_FLOWS; j++)
			flows[j] = flow_of((uint64_t)i * YOUNG_FLOWS + j, T0);
		assert_ok(block_encode(codec, flows, YOUNG_FLOWS, &block));
		value = (MDB_val){.mv_size = block.len, .mv_data = (void *)(uintptr_t)block.data};
		assert_int_equal(0, mdb_put(txn, dbi, &key, &value, 0));
	}
	block_codec_free(codec);
}

static void more_young_flows_than_memory_takes_become_blocks(void **state)
{
	static uint8_t seen[YOUNG_FLOWS * YOUNG_BLOCKS];
	struct fixture *f = *state;

	open_it(f);
	for (uint64_t i = 0; i < YOUNG_BLOCKS; i++)
		seal_some(f, i, 1, T0); /* so that these numbers are not given again */
	assert_ok(store_expire(f->store, (struct wall){T0 + HOUR_MS}));
	assert_ok(store_seal(f->store));
	close_it(f);
	with_lmdb(f, "blocks", 0, drop_all);
	with_lmdb(f, "summaries", 0, drop_all);
	with_lmdb(f, "young", 0, put_young);
	for (int i = 0; i < 2; i++) {
		open_it(f);
		assert_int_equal(sizeof(seen),
		                 read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
		for (size_t id = 0; id < sizeof(seen); id++)
			assert_int_equal(1, seen[id]);
		close_it(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(few_flows_are_durable_at_once_and_one_block_in_the_end),
		CASE(a_crash_between_young_and_old_loses_and_doubles_nothing),
		CASE(more_young_flows_than_memory_takes_become_blocks),
		CASE(a_mark_says_what_is_durable_no_more_and_no_less),
		CASE(a_mark_whose_block_got_full_since_is_kept),
		CASE(marks_of_one_thread_and_seals_of_another_lose_nothing),
		CASE(a_mark_says_no_more_than_is_durable_whenever_the_process_is_killed),
		CASE(half_a_block_that_found_room_leaves_the_other_half),
	};

	return cmocka_run_group_tests_name("store/young", tests, NULL, NULL);
}
