/* store_log_fixture - a store with a log whose entries can be told from their numbers. */
#ifndef SPOOR_TESTS_UNIT_STORE_LOG_FIXTURE_H
#define SPOOR_TESTS_UNIT_STORE_LOG_FIXTURE_H

#include "store/log.h"
#include "tests/unit/store_fixture.h"

#define BATCH_MAX 256

/* What is appended: the entry of a number, with the number in its value, and how many as state. */
struct batch {
	struct store_log_entry entries[BATCH_MAX];
	uint8_t values[BATCH_MAX][STORE_LOG_VALUE_MAX];
};

static inline void key_of(uint64_t number, size_t which, uint8_t ret[STORE_LOG_KEY])
{
	struct prng p = {number * 2 + which};

	prng_fill(&p, ret, STORE_LOG_KEY);
}

static size_t length_spread = 600;

static inline size_t len_of(uint64_t number)
{
	struct prng p = {number};

	return sizeof(number) + prng_below(&p, length_spread);
}

static struct store_log_entry entry_of(uint64_t number, int64_t at_ms,
                                       uint8_t room[STORE_LOG_VALUE_MAX])
{
	struct store_log_entry entry = {
		.at_ms = at_ms, .key_count = 2, .value = room, .len = len_of(number)};
	struct prng p = {~number};

	prng_fill(&p, room, entry.len);
	memcpy(room, &number, sizeof(number));
	key_of(number, 0, entry.keys[0]);
	key_of(number, 1, entry.keys[1]);
	return entry;
}

static inline enum err try_append(struct store *s, uint64_t number, size_t count, int64_t at_ms)
{
	static struct batch batch;
	uint64_t safe = number + count - 1;
	uint64_t first = 0;
	enum err err;

	assert_true(count <= BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		batch.entries[i] = entry_of(number + i, at_ms, batch.values[i]);
	err = store_log_append(s, batch.entries, count, &safe, sizeof(safe), &first);
	if (err == ERR_OK)
		assert_int_equal(number, first);
	return err;
}

static inline void append(struct fixture *f, uint64_t number, size_t count, int64_t at_ms)
{
	while (count > 0) {
		size_t some = MIN(count, BATCH_MAX);

		assert_ok(try_append(f->store, number, some, at_ms));
		number += some;
		count -= some;
	}
}

static uint64_t state_of(struct store *s)
{
	uint64_t state = 0;
	size_t len = sizeof(state);

	assert_ok(store_log_state(s, &state, &len));
	assert_true(len == 0 || len == sizeof(state));
	return state;
}

static inline void assert_bounds(struct fixture *f, uint64_t first, uint64_t next)
{
	uint64_t is_first;
	uint64_t is_next;

	assert_ok(store_log_bounds(f->store, &is_first, &is_next));
	assert_int_equal(first, is_first);
	assert_int_equal(next, is_next);
}

struct seen {
	size_t count;
	size_t max; /* stops then; 0: never */
	uint64_t number[8192];
	int64_t at_ms[8192];
};

static inline bool see(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct seen *seen = ctx;
	uint8_t room[STORE_LOG_VALUE_MAX];

	assert_true(seen->count < ARRAY_LEN(seen->number));
	(void)entry_of(number, at_ms, room);
	assert_int_equal(len_of(number), len);
	assert_memory_equal(room, value, len);
	seen->at_ms[seen->count] = at_ms;
	seen->number[seen->count++] = number;
	return seen->count != seen->max;
}

static inline size_t read_from(struct fixture *f, uint64_t number, struct seen *ret)
{
	ret->count = ret->max = 0;
	assert_ok(store_log_read(f->store, number, see, ret));
	return ret->count;
}

static inline void assert_holds(struct fixture *f, uint64_t first, uint64_t next)
{
	static struct seen seen;

	assert_bounds(f, first, next);
	assert_int_equal(next - first, read_from(f, 0, &seen));
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(first + i, seen.number[i]);
}

static inline size_t find(struct fixture *f, uint64_t number, size_t which)
{
	static struct seen seen;
	uint8_t key[STORE_LOG_KEY];

	key_of(number, which, key);
	seen.count = seen.max = 0;
	assert_ok(store_log_find(f->store, key, INT64_MIN, INT64_MAX, see, &seen));
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(number, seen.number[i]);
	return seen.count;
}

static inline void expire(struct fixture *f, int64_t now_ms, int64_t age_max_ms,
                          uint64_t octets_max)
{
	const struct store_log_limits limits = {.age_max_ms = age_max_ms, .octets_max = octets_max};

	assert_ok(store_log_expire(f->store, (struct wall){now_ms}, &limits));
}

static size_t row_count; /* of a sub-database, as last counted */

static inline void count_rows(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	assert_int_equal(0, mdb_stat(txn, dbi, &stat));
	row_count = stat.ms_entries;
}

/* Of the index; closes and opens. */
static inline size_t count_index(struct fixture *f)
{
	close_it(f);
	with_lmdb(f, "log-index", 0, count_rows);
	open_it(f);
	return row_count;
}

#endif
