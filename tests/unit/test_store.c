#include "tests/unit/store_fixture.h"

static void unsealed_and_sealed_flows_are_found(void **state)
{
	struct fixture *f = *state;
	uint8_t seen[250];

	open_it(f);
	assert_int_equal(0, count_all(f));
	append_some(f, 0, 120, T0 + 5000);
	assert_true(store_is_ready(f->store));
	assert_int_equal(120, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	assert_ok(store_seal(f->store));
	assert_false(store_is_ready(f->store));
	append_some(f, 120, 50, T0 + 6000);
	assert_int_equal(170, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	for (size_t i = 0; i < 170; i++)
		assert_int_equal(1, seen[i]);
	assert_int_equal(120, stats_of(f).flows);
	assert_int_equal(50, stats_of(f).unsealed);
	assert_true(stats_of(f).oldest_ms == T0 + 4000);
	assert_true(stats_of(f).newest_ms == T0 + 6000);
}

static void a_flow_is_found_by_any_instant_it_shares(void **state)
{
	static const struct {
		const char *label;
		int64_t start_ms, end_ms;
		size_t found;
	} rows[] = {
		{"before", 0, 999, 0},
		{"touches its start", 0, 1000, 1},
		{"one instant within", 1500, 1500, 1},
		{"around it", 0, 9000, 1},
		{"touches its end", 2000, 9000, 1},
		{"after", 2001, 9000, 0},
	};
	struct fixture *f = *state;

	open_it(f);
	for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
		if (is_sealed)
			assert_ok(store_seal(f->store));
		else
			append_some(f, 1, 1, T0 + 2000);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			struct interval when = {T0 + rows[i].start_ms, T0 + rows[i].end_ms};
			size_t found = read_ids(f->store, when, NULL, 0);

			if (found != rows[i].found)
				print_error("%s\n", rows[i].label);
			assert_int_equal(rows[i].found, found);
		}
	}
}

static void a_reopened_store_finds_all_and_counts_on(void **state)
{
	struct fixture *f = *state;
	struct store_stats before;
	struct store_stats after;
	uint8_t seen[300];

	open_it(f);
	seal_some(f, 0, 250, T0);
	append_some(f, 250, 20, T0 + HOUR_MS); /* sealed by closing */
	close_it(f);
	open_it(f);
	before = stats_of(f);
	assert_int_equal(270, before.flows);
	assert_int_equal(4, before.blocks);
	assert_int_equal(2, before.partitions);
	seal_some(f, 270, 10, T0 + HOUR_MS);
	close_it(f);
	open_it(f);
	after = stats_of(f);
	assert_int_equal(5, after.blocks);
	assert_int_equal(280, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	for (size_t i = 0; i < 280; i++)
		assert_int_equal(1, seen[i]);
}

static void mixed_hours_become_a_block_each(void **state)
{
	struct fixture *f = *state;
	struct flow flows[90];

	open_it(f);
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		flows[i] = flow_of(i, T0 + (int64_t)(i % 9) * HOUR_MS);
	assert_ok(store_append(f->store, flows, ARRAY_LEN(flows)));
	assert_ok(store_seal(f->store));
	assert_int_equal(9, stats_of(f).blocks);
	assert_int_equal(9, stats_of(f).partitions);
	assert_int_equal(90, count_all(f));
}

static void memory_is_bounded_and_a_batch_is_taken_whole_or_not(void **state)
{
	struct fixture *f = *state;
	struct flow flows[401];

	open_it(f);
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		flows[i] = flow_of(i, T0);
	assert_err(ERR_RANGE, store_append(f->store, flows, 401));
	assert_ok(store_append(f->store, flows, 399));
	assert_err(ERR_BUSY, store_append(f->store, flows, 2));
	assert_int_equal(399, stats_of(f).unsealed);
	assert_ok(store_append(f->store, flows, 1));
	assert_int_equal(400, count_all(f));
	assert_ok(store_seal(f->store));
	assert_ok(store_append(f->store, flows, 400));
}

/* Appends and seals until killed; after each seal says how many flows are safe. */
static void writer_process(const struct store_options *options, uint64_t first_id, int out)
{
	char reason[STORE_REASON_MAX];
	struct store *s;

	if (store_open(options, &s, reason) != ERR_OK)
		_exit(1);
	for (uint64_t id = first_id;; id++) {
		struct flow flow = flow_of(id, T0 + (int64_t)(id / 1000) * HOUR_MS);
		uint64_t safe = id + 1;

		if (store_append(s, &flow, 1) != ERR_OK)
			_exit(2);
		if (safe % 150 == 0 &&
		    (store_seal(s) != ERR_OK || write(out, &safe, sizeof(safe)) != sizeof(safe)))
			_exit(3);
	}
}

static void a_killed_writer_loses_nothing_that_was_sealed(void **state)
{
	static uint8_t seen[1 << 20];
	struct fixture *f = *state;
	struct prng p = {(uint64_t)getpid()};
	uint64_t safe = 0;

	for (int round = 0; round < 8; round++) {
		uint64_t first_id = safe;
		uint64_t said;
		int pipes[2];
		int status;
		pid_t child;

		assert_int_equal(0, pipe(pipes));
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			writer_process(&f->options, first_id, pipes[1]);
		close(pipes[1]);
		/* The first report proves that it runs; the moment after it is any moment. */
		assert_int_equal(sizeof(said), read(pipes[0], &said, sizeof(said)));
		safe = said;
		usleep((useconds_t)prng_below(&p, 50000));
		kill(child, SIGKILL);
		assert_int_equal(child, waitpid(child, &status, 0));
		assert_true(WIFSIGNALED(status));
		while (read(pipes[0], &said, sizeof(said)) == sizeof(said))
			safe = said;
		close(pipes[0]);

		open_it(f);
		assert_true(safe < sizeof(seen));
		read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
		for (uint64_t id = 0; id < safe; id++)
			assert_int_equal(1, seen[id]);
		assert_int_equal(0, stats_of(f).damaged_blocks);
		/* What was sealed but not reported any more must not come twice. */
		while (seen[safe] != 0)
			safe++;
		close_it(f);
	}
}

static void a_file_cut_short_is_torn(void **state)
{
	struct fixture *f = *state;
	static const off_t lengths[] = {100000, 20000, 9000, 8192, 5000, 30, 1};

	open_it(f);
	for (uint64_t i = 0; i < 20; i++)
		seal_some(f, i * 100, 100, T0);
	close_it(f);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		assert_int_equal(0, truncate(f->file, lengths[i]));
		assert_err(ERR_TORN, try_open(f));
		assert_non_null(strstr(f->reason, "data.mdb"));
		assert_null(strchr(f->reason, '\n'));
	}
}

/* What a process leaves that is killed between the first page and the second. */
static void a_store_that_was_not_made_to_the_end_is_made(void **state)
{
	struct fixture *f = *state;
	MDB_env *env;

	assert_int_equal(0, mdb_env_create(&env));
	assert_int_equal(0, mdb_env_open(env, f->dir, 0, 0600));
	mdb_env_close(env);
	assert_int_equal(0, truncate(f->file, sysconf(_SC_PAGESIZE)));
	open_it(f);
	seal_some(f, 0, 100, T0);
	close_it(f);
	open_it(f);
	assert_int_equal(100, stats_of(f).flows);
	close_it(f);
}

static void a_file_cut_within_its_unused_end_is_whole(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	open_it(f);
	seal_some(f, 0, 100, T0);
	close_it(f);
	assert_int_equal(0, stat(f->file, &st));
	assert_int_equal(0, truncate(f->file, st.st_size - 4096));
	open_it(f);
	assert_int_equal(100, count_all(f));
}

static void spill(const char *path, size_t len, uint64_t seed)
{
	struct prng p = {seed};
	uint8_t *junk = malloc(len);
	FILE *file = fopen(path, "wb");

	assert_non_null(junk);
	assert_non_null(file);
	prng_fill(&p, junk, len);
	assert_int_equal(len, fwrite(junk, 1, len, file));
	fclose(file);
	free(junk);
}

static void garbage_is_no_store(void **state)
{
	struct fixture *f = *state;
	static const size_t lengths[] = {20, 1000, 8192, 100000};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		spill(f->file, lengths[i], i);
		assert_err(ERR_CORRUPT, try_open(f));
		assert_non_null(strstr(f->reason, "data.mdb"));
	}
}

static void put_other(MDB_txn *txn, MDB_dbi dbi)
{
	char text[] = "other";
	MDB_val v = {.mv_size = 5, .mv_data = text};

	assert_int_equal(0, mdb_put(txn, dbi, &v, &v, 0));
}

static void raise_format(MDB_txn *txn, MDB_dbi dbi)
{
	char name[] = "format";
	uint8_t next[8] = {[7] = 4};
	MDB_val k = {.mv_size = 6, .mv_data = name};
	MDB_val v = {.mv_size = 8, .mv_data = next};

	assert_int_equal(0, mdb_put(txn, dbi, &k, &v, 0));
}

/* In the middle of the second block's octets. */
static void flip_one(MDB_txn *txn, MDB_dbi dbi)
{
	uint8_t copy[65536];
	MDB_cursor *cursor;
	MDB_val k;
	MDB_val v;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	assert_int_equal(0, mdb_cursor_get(cursor, &k, &v, MDB_FIRST));
	assert_int_equal(0, mdb_cursor_get(cursor, &k, &v, MDB_NEXT));
	assert_true(v.mv_size < sizeof(copy));
	memcpy(copy, v.mv_data, v.mv_size);
	copy[v.mv_size / 2] ^= 0x10;
	v.mv_data = copy;
	assert_int_equal(0, mdb_cursor_put(cursor, &k, &v, MDB_CURRENT));
	mdb_cursor_close(cursor);
}

static void another_program_s_database_is_no_store(void **state)
{
	struct fixture *f = *state;

	with_lmdb(f, "theirs", MDB_CREATE, put_other);
	assert_err(ERR_CORRUPT, try_open(f));
}

static void another_format_is_refused_as_such(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	close_it(f);
	with_lmdb(f, "meta", 0, raise_format);
	assert_err(ERR_VERSION, try_open(f));
}

static void a_damaged_block_is_skipped_and_counted(void **state)
{
	struct fixture *f = *state;
	uint8_t seen[300];

	open_it(f);
	seal_some(f, 0, 300, T0);
	close_it(f);
	with_lmdb(f, "blocks", 0, flip_one);
	open_it(f);
	assert_int_equal(200, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(i / 100 != 1, seen[i]);
	assert_int_equal(1, stats_of(f).damaged_blocks);
}

static void a_second_opener_is_locked_out(void **state)
{
	struct fixture *f = *state;
	struct store *second;

	open_it(f);
	assert_err(ERR_LOCKED, store_open(&f->options, &second, f->reason));
	assert_non_null(strstr(f->reason, "lock"));
	close_it(f);
	open_it(f);
}

static void senseless_options_are_refused(void **state)
{
	struct fixture *f = *state;
	struct store_options good = f->options;

	f->options.map_size = STORE_MAP_MIN - 1;
	assert_err(ERR_RANGE, try_open(f));
	f->options = good;
	f->options.size_max = good.map_size + 1;
	assert_err(ERR_RANGE, try_open(f));
	f->options = good;
	f->options.block_flows = BLOCK_FLOWS_MAX + 1;
	assert_err(ERR_RANGE, try_open(f));
	f->options = good;
	f->options.path = "/dev/null/store";
	assert_err(ERR_IO, try_open(f));
	f->options = good;
}

struct notes {
	size_t count;
	uint8_t first;
	char text[16];
};

static void read_note(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value, size_t len)
{
	struct notes *n = ctx;

	if (n->count++ == 0) {
		n->first = key[0];
		memcpy(n->text, value, MIN(len, sizeof(n->text)));
	}
}

static size_t notes_of(struct fixture *f, uint8_t kind, struct notes *ret)
{
	*ret = (struct notes){0};
	assert_ok(store_note_each(f->store, kind, read_note, ret));
	return ret->count;
}

static void notes_survive_a_restart_and_the_last_of_a_key_counts(void **state)
{
	struct fixture *f = *state;
	const struct store_note before[] = {{'b', {7}, "old", 4}, {'b', {9}, "any", 4}};
	const struct store_note after[] = {
		{'b', {7}, "new", 4}, {'a', {1}, "a", 2}, {'c', {0xff}, "c", 2}};
	struct notes notes;

	open_it(f);
	assert_ok(store_note_put(f->store, before, ARRAY_LEN(before)));
	assert_ok(store_note_put(f->store, after, ARRAY_LEN(after)));
	close_it(f);
	open_it(f);
	assert_int_equal(2, notes_of(f, 'b', &notes));
	assert_int_equal(7, notes.first);
	assert_string_equal("new", notes.text);
	assert_int_equal(1, notes_of(f, 'a', &notes));
	assert_int_equal(1, notes_of(f, 'c', &notes));
	assert_int_equal(0, notes_of(f, 'd', &notes));
}

static void a_note_without_octets_removes_the_one_that_was(void **state)
{
	struct fixture *f = *state;
	const struct store_note there = {'b', {7}, "old", 4}, gone = {'b', {7}, "", 0};
	struct notes notes;

	open_it(f);
	assert_ok(store_note_put(f->store, &there, 1));
	assert_ok(store_note_put(f->store, &gone, 1));
	assert_ok(store_note_put(f->store, &gone, 1)); /* none is there: fine */
	assert_int_equal(0, notes_of(f, 'b', &notes));
}

struct sealer {
	struct store *store;
	_Atomic bool is_over;
	_Atomic int failures;
};

static void *sealer_run(void *ctx)
{
	struct sealer *s = ctx;

	while (!s->is_over) {
		if (store_seal(s->store) != ERR_OK)
			s->failures++;
		if (store_expire(s->store, (struct wall){T0}) != ERR_OK)
			s->failures++;
	}
	return NULL;
}

static void a_reader_beside_a_sealer_sees_every_flow_once(void **state)
{
	enum { ROUNDS = 100, STEP = 97 };
	static uint8_t seen[ROUNDS * STEP];
	struct fixture *f = *state;
	struct sealer sealer = {0};
	struct flow flows[STEP];
	pthread_t thread;

	open_it(f);
	sealer.store = f->store;
	assert_int_equal(0, pthread_create(&thread, NULL, sealer_run, &sealer));
	for (uint64_t round = 0; round < ROUNDS; round++) {
		enum err err;

		for (uint64_t i = 0; i < STEP; i++)
			flows[i] = flow_of(round * STEP + i,
			                   T0 + (int64_t)((round + i) % 3) * HOUR_MS);
		while ((err = store_append(f->store, flows, STEP)) == ERR_BUSY)
			usleep(100);
		assert_ok(err);
		read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
		for (uint64_t id = 0; id < sizeof(seen); id++)
			assert_int_equal(id < (round + 1) * STEP, seen[id]);
	}
	sealer.is_over = true;
	assert_int_equal(0, pthread_join(thread, NULL));
	assert_int_equal(0, sealer.failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unsealed_and_sealed_flows_are_found),
		CASE(a_flow_is_found_by_any_instant_it_shares),
		CASE(a_reopened_store_finds_all_and_counts_on),
		CASE(mixed_hours_become_a_block_each),
		CASE(memory_is_bounded_and_a_batch_is_taken_whole_or_not),
		CASE(a_killed_writer_loses_nothing_that_was_sealed),
		CASE(a_file_cut_short_is_torn),
		CASE(a_store_that_was_not_made_to_the_end_is_made),
		CASE(a_file_cut_within_its_unused_end_is_whole),
		CASE(garbage_is_no_store),
		CASE(another_program_s_database_is_no_store),
		CASE(another_format_is_refused_as_such),
		CASE(a_damaged_block_is_skipped_and_counted),
		CASE(a_second_opener_is_locked_out),
		CASE(senseless_options_are_refused),
		CASE(notes_survive_a_restart_and_the_last_of_a_key_counts),
		CASE(a_note_without_octets_removes_the_one_that_was),
		CASE(a_reader_beside_a_sealer_sees_every_flow_once),
	};

	return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
