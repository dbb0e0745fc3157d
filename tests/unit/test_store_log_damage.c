#include "tests/unit/store_log_fixture.h"

static void drop_table(MDB_txn *txn, MDB_dbi dbi)
{
	assert_int_equal(0, mdb_drop(txn, dbi, 1));
}

static void a_store_made_before_there_was_a_log_gets_one(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	seal_some(f, 0, 100, T0);
	close_it(f);
	with_lmdb(f, "log", 0, drop_table);
	with_lmdb(f, "log-index", 0, drop_table);
	open_it(f);
	assert_int_equal(100, count_all(f));
	assert_holds(f, 1, 1);
	append(f, 1, 5, T0);
	close_it(f);
	open_it(f);
	assert_int_equal(100, count_all(f));
	assert_holds(f, 1, 6);
}

/* Damage: to the third of five entries, or to what leads to it. */

static void put_number(MDB_txn *txn, MDB_dbi dbi, uint8_t number, const void *value, size_t len)
{
	uint8_t wire[8] = {[7] = number};
	MDB_val k = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val v = {.mv_size = len, .mv_data = (void *)(uintptr_t)value};

	assert_int_equal(0, mdb_put(txn, dbi, &k, &v, 0));
}

static void empty_entry(MDB_txn *txn, MDB_dbi dbi)
{
	put_number(txn, dbi, 3, "", 0);
}

static void cut_head(MDB_txn *txn, MDB_dbi dbi)
{
	put_number(txn, dbi, 3, "12345678", 8);
}

static void cut_keys(MDB_txn *txn, MDB_dbi dbi)
{
	static const uint8_t value[9 + 2 * STORE_LOG_KEY - 1] = {[8] = 2};

	put_number(txn, dbi, 3, value, sizeof(value));
}

static void count_too_many_keys(MDB_txn *txn, MDB_dbi dbi)
{
	static const uint8_t value[9 + 255 * STORE_LOG_KEY] = {[8] = 255};

	put_number(txn, dbi, 3, value, sizeof(value));
}

static void lengthen_value(MDB_txn *txn, MDB_dbi dbi)
{
	static const uint8_t value[9 + STORE_LOG_VALUE_MAX + 1];

	put_number(txn, dbi, 3, value, sizeof(value));
}

static void lose_entry(MDB_txn *txn, MDB_dbi dbi)
{
	uint8_t wire[8] = {[7] = 3};
	MDB_val k = {.mv_size = sizeof(wire), .mv_data = wire};

	assert_int_equal(0, mdb_del(txn, dbi, &k, NULL));
}

static void put_odd_key(MDB_txn *txn, MDB_dbi dbi)
{
	uint8_t wire[9] = {[7] = 2, [8] = 1};
	MDB_val k = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val v = {.mv_size = 3, .mv_data = wire};

	assert_int_equal(0, mdb_put(txn, dbi, &k, &v, 0));
}

static bool take(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct seen *seen = ctx;

	(void)at_ms;
	(void)value;
	(void)len;
	seen->number[seen->count++] = number;
	return true;
}

static void a_damaged_entry_is_not_read_and_can_be_dropped(void **state)
{
	static const struct {
		const char *label;
		void (*damage)(MDB_txn *txn, MDB_dbi dbi);
		bool is_beside; /* the third entry itself is whole */
	} rows[] = {
		{"empty", empty_entry, false},
		{"cut in its head", cut_head, false},
		{"cut in its keys", cut_keys, false},
		{"too many keys", count_too_many_keys, false},
		{"too long", lengthen_value, false},
		{"lost", lose_entry, false},
		{"key of nine octets", put_odd_key, true},
	};
	static struct seen seen;
	struct fixture *f = *state;
	uint8_t key[STORE_LOG_KEY];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].label);
		open_it(f);
		append(f, 1, 5, T0);
		close_it(f);
		with_lmdb(f, "log", 0, rows[i].damage);
		open_it(f);
		seen.count = seen.max = 0;
		assert_err(ERR_CORRUPT, store_log_read(f->store, 1, take, &seen));
		assert_int_equal(2, seen.count);
		key_of(3, 1, key);
		assert_err(rows[i].is_beside ? ERR_OK : ERR_CORRUPT,
		           store_log_find(f->store, key, INT64_MIN, INT64_MAX, take, &seen));
		expire(f, T0 + 2, 1, 0);
		assert_holds(f, 6, 6);
		seen.count = 0;
		assert_ok(store_log_find(f->store, key, INT64_MIN, INT64_MAX, take, &seen));
		assert_int_equal(0, seen.count);
		append(f, 6, 1, T0);
		assert_holds(f, 6, 7);
		close_it(f);
		assert_int_equal(0, unlink(f->file));
	}
}

static void put_row(MDB_txn *txn, MDB_dbi dbi, const uint8_t key[STORE_LOG_KEY], uint8_t at_ms,
                    uint8_t number)
{
	uint8_t wire[STORE_LOG_KEY + 16] = {[STORE_LOG_KEY] = 0x80};
	MDB_val k = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val v = {.mv_size = 0, .mv_data = wire};

	memcpy(wire, key, STORE_LOG_KEY);
	wire[STORE_LOG_KEY + 7] = at_ms;
	wire[sizeof(wire) - 1] = number;
	k.mv_size -= number == UINT8_MAX; /* one that is cut */
	assert_int_equal(0, mdb_put(txn, dbi, &k, &v, 0));
}

static const uint8_t damaged_keys[][STORE_LOG_KEY] = {{1}, {2}, {3}, {4}};

static void put_odd_rows(MDB_txn *txn, MDB_dbi dbi)
{
	uint8_t key[STORE_LOG_KEY];

	put_row(txn, dbi, damaged_keys[0], 0, 2); /* not among the entry's */
	put_row(txn, dbi, damaged_keys[1], 0, 0);
	put_row(txn, dbi, damaged_keys[2], 0, 9); /* there is none */
	put_row(txn, dbi, damaged_keys[3], 0, UINT8_MAX);
	key_of(3, 0, key);
	put_row(txn, dbi, key, 1, 3); /* not its time */
}

static void a_damaged_index_is_not_believed(void **state)
{
	static struct seen seen;
	struct fixture *f = *state;
	uint8_t key[STORE_LOG_KEY];

	open_it(f);
	append(f, 1, 5, 0);
	close_it(f);
	with_lmdb(f, "log-index", 0, put_odd_rows);
	open_it(f);
	key_of(3, 0, key);
	seen.count = 0;
	assert_err(ERR_CORRUPT, store_log_find(f->store, key, 0, 1, take, &seen));
	for (size_t i = 0; i < ARRAY_LEN(damaged_keys); i++)
		assert_err(ERR_CORRUPT, store_log_find(f->store, damaged_keys[i], INT64_MIN,
		                                       INT64_MAX, take, &seen));
	assert_int_equal(0, seen.count);
	assert_int_equal(1, find(f, 2, 0));
}

static void put_text(MDB_txn *txn, MDB_dbi dbi, const char *name, const void *value, size_t len)
{
	MDB_val k = {.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
	MDB_val v = {.mv_size = len, .mv_data = (void *)(uintptr_t)value};

	assert_int_equal(0, mdb_put(txn, dbi, &k, &v, 0));
}

static void turn_back_next(MDB_txn *txn, MDB_dbi dbi)
{
	put_text(txn, dbi, "log-next", (const uint8_t[8]){[7] = 2}, 8);
}

static void cut_next(MDB_txn *txn, MDB_dbi dbi)
{
	put_text(txn, dbi, "log-next", (const uint8_t[8]){[7] = 2}, 7);
}

static void lengthen_state(MDB_txn *txn, MDB_dbi dbi)
{
	static const uint8_t state[STORE_LOG_STATE_MAX + 1];

	put_text(txn, dbi, "log-state", state, sizeof(state));
}

static void a_damaged_head_is_not_believed(void **state)
{
	static void (*const damages[])(MDB_txn * txn, MDB_dbi dbi) = {turn_back_next, cut_next};
	static struct seen seen;
	struct fixture *f = *state;
	uint8_t room[2 * STORE_LOG_STATE_MAX];
	size_t len = sizeof(room);

	open_it(f);
	append(f, 1, 5, T0);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		uint64_t first;
		uint64_t next;

		close_it(f);
		with_lmdb(f, "meta", 0, damages[i]);
		open_it(f);
		assert_err(ERR_CORRUPT, store_log_bounds(f->store, &first, &next));
		assert_err(ERR_CORRUPT, store_log_read(f->store, 1, take, &seen));
		assert_err(ERR_CORRUPT, try_append(f->store, 6, 1, T0));
		assert_int_equal(5, state_of(f->store));
	}
	close_it(f);
	with_lmdb(f, "meta", 0, lengthen_state);
	open_it(f);
	assert_err(ERR_CORRUPT, store_log_state(f->store, room, &len));
}

/* Appends until killed; says after each append up to which number the log is safe. */
static void writer_process(const struct store_options *options, int out)
{
	char reason[STORE_REASON_MAX];
	struct store *s;
	uint64_t first;
	uint64_t next;

	if (store_open(options, &s, reason) != ERR_OK ||
	    store_log_bounds(s, &first, &next) != ERR_OK)
		_exit(1);
	for (uint64_t round = 0;; round++) {
		size_t count = 1 + round % 40;
		const struct store_log_limits limits = {.octets_max = 500000};

		if (try_append(s, next, count, T0) != ERR_OK)
			_exit(2);
		next += count;
		if (write(out, &next, sizeof(next)) != sizeof(next))
			_exit(3);
		if (round % 10 == 0 && store_log_expire(s, (struct wall){T0}, &limits) != ERR_OK)
			_exit(4);
	}
}

static void a_killed_writer_loses_nothing_that_was_appended(void **state)
{
	struct fixture *f = *state;
	struct prng p = {(uint64_t)getpid()};
	uint64_t safe = 0;

	for (int round = 0; round < 8; round++) {
		uint64_t first;
		uint64_t next;
		uint64_t said;
		int pipes[2];
		int status;
		pid_t child;

		assert_int_equal(0, pipe(pipes));
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			writer_process(&f->options, pipes[1]);
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
		assert_ok(store_log_bounds(f->store, &first, &next));
		assert_true(next >= safe);
		assert_int_equal(next - 1, state_of(f->store));
		assert_holds(f, first, next);
		assert_int_equal(2 * (next - first), count_index(f));
		close_it(f);
	}
}

struct writer {
	struct store *store;
	_Atomic uint64_t next;
	_Atomic bool is_over;
	_Atomic int failures;
};

static void *writer_run(void *ctx)
{
	const struct store_log_limits limits = {.octets_max = 300000};
	struct writer *w = ctx;

	while (!w->is_over) {
		if (try_append(w->store, w->next, 20, T0) != ERR_OK)
			w->failures++;
		w->next += 20;
		if (store_log_expire(w->store, (struct wall){T0}, &limits) != ERR_OK)
			w->failures++;
	}
	return NULL;
}

static void a_reader_beside_a_writer_sees_what_is_held_in_order(void **state)
{
	static struct seen seen;
	struct fixture *f = *state;
	struct writer writer = {.next = 1};
	pthread_t thread;

	open_it(f);
	writer.store = f->store;
	assert_int_equal(0, pthread_create(&thread, NULL, writer_run, &writer));
	for (int round = 0; round < 100 || writer.next < 2000; round++) {
		uint64_t before = writer.next;
		uint64_t first, next;

		read_from(f, 1, &seen);
		assert_ok(store_log_bounds(f->store, &first, &next));
		for (size_t i = 1; i < seen.count; i++)
			assert_true(seen.number[i] > seen.number[i - 1]);
		/* Unless it took so long that all of it has expired meanwhile. */
		assert_true(seen.count == 0
		                    ? before == 1 || first >= before
		                    : seen.number[seen.count - 1] >= before - 1 || first >= before);
		if (seen.count > 0)
			assert_true(find(f, seen.number[seen.count - 1], 1) <= 1);
	}
	writer.is_over = true;
	assert_int_equal(0, pthread_join(thread, NULL));
	assert_int_equal(0, writer.failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_store_made_before_there_was_a_log_gets_one),
		CASE(a_damaged_entry_is_not_read_and_can_be_dropped),
		CASE(a_damaged_index_is_not_believed),
		CASE(a_damaged_head_is_not_believed),
		CASE(a_killed_writer_loses_nothing_that_was_appended),
		CASE(a_reader_beside_a_writer_sees_what_is_held_in_order),
	};

	return cmocka_run_group_tests_name("store/log_damage", tests, NULL, NULL);
}
