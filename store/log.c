/*
 * Two sub-databases: entries by number, and an index without values, whose keys are made of all
 * that is asked for. An entry repeats its keys, so that its rows are found when it goes.
 *
 *	log        number                  --> at_ms, key count, keys, value
 *	log-index  key, at_ms, number      --> nothing
 */
#include "base/bytes.h"
#include "base/util.h"
#include "store/internal.h"

#include <string.h>

#define NUMBER_LEN 8
#define HEAD_LEN 9 /* at_ms, key count */
#define ROW_LEN (STORE_LOG_KEY + 8 + NUMBER_LEN)
#define NODE_LEN 16 /* at most, of what LMDB adds to each */

#define BUDGET_PART 8 /* an append stays below this part of the budget */
#define READ_MAX 256  /* entries read in one transaction */
#define DROP_MAX 256  /* entries deleted in one transaction */

struct entry {
	uint64_t number;
	int64_t at_ms;
	const uint8_t *keys;
	size_t key_count;
	const uint8_t *value;
	size_t len;
};

struct row {
	uint8_t key[STORE_LOG_KEY];
	int64_t at_ms;
	uint64_t number;
};

static void number_write(uint64_t number, uint8_t ret[NUMBER_LEN])
{
	struct octets out = octets_of(ret, NUMBER_LEN);

	octets_uint(&out, number, NUMBER_LEN);
}

static bool number_read(const MDB_val *key, uint64_t *ret)
{
	struct bytes in = bytes_of(key->mv_data, key->mv_size);

	*ret = bytes_uint(&in, NUMBER_LEN);
	return key->mv_size == NUMBER_LEN;
}

/* With the sign bit turned around, signed numbers sort as unsigned ones do. */
static uint64_t time_turned(uint64_t at_ms)
{
	return at_ms ^ (UINT64_C(1) << 63);
}

static void row_write(const struct row *row, uint8_t ret[ROW_LEN])
{
	struct octets out = octets_of(ret, ROW_LEN);

	octets_put(&out, row->key, STORE_LOG_KEY);
	octets_uint(&out, time_turned((uint64_t)row->at_ms), 8);
	octets_uint(&out, row->number, NUMBER_LEN);
}

static bool row_read(const MDB_val *key, struct row *ret)
{
	struct bytes in = bytes_of(key->mv_data, key->mv_size);

	bytes_copy(&in, ret->key, STORE_LOG_KEY);
	ret->at_ms = (int64_t)time_turned(bytes_uint(&in, 8));
	ret->number = bytes_uint(&in, NUMBER_LEN);
	return key->mv_size == ROW_LEN;
}

static bool entry_read(uint64_t number, const MDB_val *value, struct entry *ret)
{
	struct bytes in = bytes_of(value->mv_data, value->mv_size);
	struct bytes keys;

	ret->number = number;
	ret->at_ms = (int64_t)bytes_uint(&in, 8);
	ret->key_count = bytes_uint(&in, 1);
	keys = bytes_cut(&in, ret->key_count * STORE_LOG_KEY);
	ret->keys = keys.at;
	ret->value = in.at;
	ret->len = bytes_left(&in);
	return !in.is_short && ret->key_count <= STORE_LOG_KEYS_MAX &&
	       ret->len <= STORE_LOG_VALUE_MAX;
}

static size_t entry_len(const struct store_log_entry *entry)
{
	return HEAD_LEN + entry->key_count * STORE_LOG_KEY + entry->len;
}

static void entry_write(const struct store_log_entry *entry, MDB_val *ret)
{
	struct octets out = octets_of(ret->mv_data, ret->mv_size);

	octets_uint(&out, (uint64_t)entry->at_ms, 8);
	octets_uint(&out, entry->key_count, 1);
	octets_put(&out, entry->keys, entry->key_count * STORE_LOG_KEY);
	octets_put(&out, entry->value, entry->len);
	CHECK(!out.is_full);
}

static enum err octets_held(struct env *env, MDB_txn *txn, uint64_t *ret)
{
	const MDB_dbi tables[] = {env->log, env->log_index};
	uint64_t pages = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		MDB_stat stat;
		int code = mdb_stat(txn, tables[i], &stat);

		if (code)
			return env_err(code);
		pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	}
	*ret = pages * env->page_len;
	return ERR_OK;
}

enum err log_load(struct store *s)
{
	AUTO_TXN txn = NULL;
	uint64_t octets = 0;
	enum err err = env_read(&s->env, &txn);

	if (err == ERR_OK)
		err = octets_held(&s->env, txn, &octets);
	s->log_octets = octets;
	return err;
}

/* Pages that a transaction copies or splits to change so many rows of the index, at most. */
static size_t pages_touched(const struct store *s, size_t rows)
{
	return 2 * MIN(rows, s->log_octets / s->env.page_len);
}

static bool are_sound(const struct store_log_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (entries[i].key_count > STORE_LOG_KEYS_MAX ||
		    entries[i].len > STORE_LOG_VALUE_MAX)
			return false;
	}
	return true;
}

/* Octets by which entries make the log grow, at most: pages are half full or more. */
static uint64_t octets_added(const struct env *env, const struct store_log_entry *entries,
                             size_t count)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < count; i++)
		octets += entry_len(&entries[i]) + NODE_LEN +
		          entries[i].key_count * (ROW_LEN + NODE_LEN);
	return count > 0 ? env_rounded(env, 2 * octets) + 2 * env->page_len : 0;
}

static int entry_put(struct env *env, MDB_txn *txn, uint64_t number,
                     const struct store_log_entry *entry)
{
	uint8_t wire[NUMBER_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value = env_val(NULL, entry_len(entry));
	int code;

	number_write(number, wire);
	code = mdb_put(txn, env->log, &key, &value, MDB_APPEND | MDB_RESERVE);
	if (code)
		return code == MDB_KEYEXIST ? MDB_CORRUPTED : code;
	entry_write(entry, &value);
	for (size_t i = 0; code == 0 && i < entry->key_count; i++) {
		struct row row = {.at_ms = entry->at_ms, .number = number};
		uint8_t row_wire[ROW_LEN];
		MDB_val row_key = env_val(row_wire, sizeof(row_wire));
		MDB_val nothing = env_val(row_wire, 0);

		memcpy(row.key, entry->keys[i], STORE_LOG_KEY);
		row_write(&row, row_wire);
		code = mdb_put(txn, env->log_index, &row_key, &nothing, 0);
	}
	return code;
}

/* Within the budget, and with pages left for deleting. */
static enum err has_room(struct store *s, MDB_txn *txn, size_t pages, uint64_t *ret_octets)
{
	uint64_t blocks;
	enum err err = octets_held(&s->env, txn, ret_octets);

	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	blocks = blocks_octets(s) + s->young_octets;
	pthread_mutex_unlock(&s->lock);
	if (blocks + *ret_octets > s->env.budget)
		return ERR_FULL;
	return env_leaves(&s->env, txn, pages + PAGES_TO_SPARE, PAGES_ANY);
}

/* With `writing` held. */
static enum err append(struct store *s, const struct store_log_entry *entries, size_t count,
                       const void *state, size_t state_len, uint64_t *ret_first)
{
	size_t pages = octets_added(&s->env, entries, count) / s->env.page_len +
	               pages_touched(s, count * STORE_LOG_KEYS_MAX);
	AUTO_TXN txn = NULL;
	uint64_t octets = 0;
	uint64_t next;
	enum err err;

	err = env_write(&s->env, pages, PAGES_TO_SPARE, &txn);
	if (err == ERR_OK)
		err = meta_log_next(&s->env, txn, &next);
	if (err)
		return err;
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = env_err(entry_put(&s->env, txn, next + i, &entries[i]));
	if (err == ERR_OK)
		err = meta_log_next_put(&s->env, txn, next + count);
	if (err == ERR_OK)
		err = meta_log_state_put(&s->env, txn, state, state_len);
	if (err == ERR_OK && count > 0)
		err = has_room(s, txn, pages, &octets);
	if (err == ERR_OK)
		err = env_commit(&txn);
	if (err)
		return err;
	if (count > 0)
		s->log_octets = octets;
	*ret_first = next;
	return ERR_OK;
}

enum err store_log_append(struct store *s, const struct store_log_entry *entries, size_t count,
                          const void *state, size_t state_len, uint64_t *ret_first)
{
	uint64_t octets;
	enum err err;

	if (!are_sound(entries, count) || state_len > STORE_LOG_STATE_MAX)
		return ERR_RANGE;
	octets = octets_added(&s->env, entries, count);
	if (octets > s->env.budget / BUDGET_PART)
		return ERR_RANGE;
	pthread_mutex_lock(&s->writing);
	err = append(s, entries, count, state, state_len, ret_first);
	s->log_wanted = err == ERR_FULL ? octets + PAGES_ANY * s->env.page_len : 0;
	pthread_mutex_unlock(&s->writing);
	return err;
}

/* The lowest or highest number held. */
static enum err number_at(MDB_cursor *cursor, MDB_cursor_op end, uint64_t *ret)
{
	MDB_val key;
	MDB_val value;
	enum err err = env_err(mdb_cursor_get(cursor, &key, &value, end));

	if (err == ERR_OK && !number_read(&key, ret))
		err = ERR_CORRUPT;
	return err;
}

static enum err bounds_held(struct env *env, MDB_txn *txn, uint64_t *ret_first, uint64_t *ret_next)
{
	MDB_cursor *cursor;
	uint64_t last = 0;
	enum err err = meta_log_next(env, txn, ret_next);

	if (err == ERR_OK)
		err = env_err(mdb_cursor_open(txn, env->log, &cursor));
	if (err)
		return err;
	err = number_at(cursor, MDB_LAST, &last);
	if (err == ERR_OK)
		err = last + 1 == *ret_next ? number_at(cursor, MDB_FIRST, ret_first) : ERR_CORRUPT;
	mdb_cursor_close(cursor);
	if (err == ERR_NOENT)
		*ret_first = *ret_next;
	return err == ERR_NOENT ? ERR_OK : err;
}

enum err store_log_bounds(struct store *s, uint64_t *ret_first, uint64_t *ret_next)
{
	AUTO_TXN txn = NULL;
	enum err err = env_read(&s->env, &txn);

	return err ? err : bounds_held(&s->env, txn, ret_first, ret_next);
}

enum err store_log_state(struct store *s, void *room, size_t *len)
{
	AUTO_TXN txn = NULL;
	MDB_val state;
	enum err err = env_read(&s->env, &txn);

	if (err == ERR_OK)
		err = meta_log_state(&s->env, txn, &state);
	if (err)
		return err;
	if (state.mv_size > STORE_LOG_STATE_MAX)
		return ERR_CORRUPT;
	if (state.mv_size > *len)
		return ERR_RANGE;
	if (state.mv_size > 0)
		memcpy(room, state.mv_data, state.mv_size);
	*len = state.mv_size;
	return ERR_OK;
}

static bool call(store_log_fn *fn, void *ctx, const struct entry *entry)
{
	return fn(ctx, entry->number, entry->at_ms, entry->value, entry->len);
}

/* Reads on at *number, which it moves; ERR_NOENT when there is no more to read. */
static enum err read_some(struct store *s, uint64_t *number, uint64_t next, store_log_fn *fn,
                          void *ctx)
{
	uint8_t wire[NUMBER_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value;
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	enum err err = env_read(&s->env, &txn);

	if (err == ERR_OK)
		err = env_err(mdb_cursor_open(txn, s->env.log, &cursor));
	if (err)
		return err;
	number_write(*number, wire);
	err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	for (size_t i = 0; err == ERR_OK; i++) {
		struct entry entry;
		uint64_t found;

		if (!number_read(&key, &found) || (i > 0 && found != *number) ||
		    !entry_read(found, &value, &entry)) {
			err = ERR_CORRUPT;
			break;
		}
		*number = found + 1;
		if (found >= next || !call(fn, ctx, &entry)) {
			err = ERR_NOENT;
			break;
		}
		if (i + 1 == READ_MAX)
			break;
		err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
	}
	mdb_cursor_close(cursor);
	return err;
}

enum err store_log_read(struct store *s, uint64_t number, store_log_fn *fn, void *ctx)
{
	uint64_t first;
	uint64_t next;
	enum err err = store_log_bounds(s, &first, &next);

	while (err == ERR_OK)
		err = read_some(s, &number, next, fn, ctx);
	return err == ERR_NOENT ? ERR_OK : err;
}

/* Steps to the last row that is not after `row`. */
static enum err row_seek(MDB_cursor *cursor, const struct row *row, MDB_val *ret_key)
{
	uint8_t wire[ROW_LEN];
	MDB_val value;
	int code;

	row_write(row, wire);
	*ret_key = env_val(wire, sizeof(wire));
	code = mdb_cursor_get(cursor, ret_key, &value, MDB_SET_RANGE);
	if (code == MDB_NOTFOUND)
		code = mdb_cursor_get(cursor, ret_key, &value, MDB_LAST);
	else if (code == 0 &&
	         (ret_key->mv_size != ROW_LEN || memcmp(ret_key->mv_data, wire, ROW_LEN) != 0))
		code = mdb_cursor_get(cursor, ret_key, &value, MDB_PREV);
	return env_err(code);
}

static bool has_key(const struct entry *entry, const uint8_t key[STORE_LOG_KEY])
{
	for (size_t i = 0; i < entry->key_count; i++) {
		if (memcmp(entry->keys + i * STORE_LOG_KEY, key, STORE_LOG_KEY) == 0)
			return true;
	}
	return false;
}

/*
 * The entry that a row speaks of. ERR_NOENT when that was damaged and is gone: its rows could not
 * be found then.
 */
static enum err row_entry(struct env *env, MDB_txn *txn, const struct row *row, struct entry *ret)
{
	uint8_t wire[NUMBER_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value;
	uint64_t first;
	uint64_t next;
	enum err err;

	number_write(row->number, wire);
	err = env_err(mdb_get(txn, env->log, &key, &value));
	if (err == ERR_NOENT) {
		err = bounds_held(env, txn, &first, &next);
		if (err)
			return err;
		return row->number < first ? ERR_NOENT : ERR_CORRUPT;
	}
	if (err)
		return err;
	if (!entry_read(row->number, &value, ret) || ret->at_ms != row->at_ms ||
	    !has_key(ret, row->key))
		return ERR_CORRUPT;
	return ERR_OK;
}

/* Reads on at *at, which it moves; ERR_NOENT when there is no more to read. */
static enum err find_some(struct store *s, struct row *at, int64_t from_ms, store_log_fn *fn,
                          void *ctx)
{
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	enum err err = env_read(&s->env, &txn);

	if (err == ERR_OK)
		err = env_err(mdb_cursor_open(txn, s->env.log_index, &cursor));
	if (err)
		return err;
	err = row_seek(cursor, at, &key);
	for (size_t i = 0; err == ERR_OK; i++) {
		struct entry entry;
		struct row row;

		if (!row_read(&key, &row) || row.number == 0) {
			err = ERR_CORRUPT;
			break;
		}
		if (memcmp(row.key, at->key, STORE_LOG_KEY) != 0 || row.at_ms < from_ms) {
			err = ERR_NOENT;
			break;
		}
		err = row_entry(&s->env, txn, &row, &entry);
		if (err == ERR_OK && !call(fn, ctx, &entry))
			err = ERR_NOENT;
		else if (err == ERR_NOENT)
			err = ERR_OK;
		at->at_ms = row.at_ms;
		at->number = row.number - 1;
		if (err || i + 1 == READ_MAX)
			break;
		err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_PREV));
	}
	mdb_cursor_close(cursor);
	return err;
}

enum err store_log_find(struct store *s, const uint8_t key[STORE_LOG_KEY], int64_t from_ms,
                        int64_t to_ms, store_log_fn *fn, void *ctx)
{
	struct row at = {.at_ms = to_ms, .number = UINT64_MAX};
	enum err err = ERR_OK;

	memcpy(at.key, key, STORE_LOG_KEY);
	while (err == ERR_OK)
		err = find_some(s, &at, from_ms, fn, ctx);
	return err == ERR_NOENT ? ERR_OK : err;
}

/* What may go: numbers below `until`, and the lowest as long as there are too many octets. */
struct excess {
	uint64_t until;
	uint64_t octets_kept;
};

/*
 * Numbers below *ret_until are too old. An entry of a time that is still to come, or a damaged one,
 * says nothing about its age: those around it do.
 */
static enum err too_old(struct store *s, int64_t now_ms, int64_t before_ms, uint64_t *ret_until)
{
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	enum err err = env_read(&s->env, &txn);

	if (err == ERR_OK)
		err = env_err(mdb_cursor_open(txn, s->env.log, &cursor));
	if (err)
		return err;
	while ((err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) == ERR_OK) {
		struct entry entry;
		uint64_t number;

		if (!number_read(&key, &number) || !entry_read(number, &value, &entry))
			continue;
		if (entry.at_ms < before_ms)
			*ret_until = number + 1;
		else if (entry.at_ms <= now_ms)
			break;
	}
	mdb_cursor_close(cursor);
	return err == ERR_NOENT ? ERR_OK : err;
}

/* Deletes the entry at the cursor, and its rows. A damaged one does not say which those are. */
static int entry_drop(struct env *env, MDB_txn *txn, MDB_cursor *cursor, uint64_t number,
                      const MDB_val *value)
{
	uint8_t wire[STORE_LOG_KEYS_MAX][ROW_LEN];
	struct entry entry;
	int code;

	if (!entry_read(number, value, &entry))
		entry.key_count = 0;
	for (size_t i = 0; i < entry.key_count; i++) {
		struct row row = {.at_ms = entry.at_ms, .number = number};

		memcpy(row.key, entry.keys + i * STORE_LOG_KEY, STORE_LOG_KEY);
		row_write(&row, wire[i]);
	}
	code = mdb_cursor_del(cursor, 0); /* `entry` is not to be looked at any more */
	for (size_t i = 0; code == 0 && i < entry.key_count; i++) {
		MDB_val key = env_val(wire[i], ROW_LEN);

		code = mdb_del(txn, env->log_index, &key, NULL);
		code = code == MDB_NOTFOUND ? 0 : code; /* the same key twice */
	}
	return code;
}

/* Deletes within a transaction; ERR_NOENT when nothing more is in excess. */
static enum err drop_some(struct store *s, MDB_txn *txn, const struct excess *excess, size_t max)
{
	MDB_cursor *cursor;
	enum err err = env_err(mdb_cursor_open(txn, s->env.log, &cursor));

	if (err)
		return err;
	for (size_t i = 0; err == ERR_OK && i < max; i++) {
		uint64_t number = 0;
		uint64_t octets;
		MDB_val key;
		MDB_val value;

		err = env_err(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
		if (err == ERR_OK)
			err = octets_held(&s->env, txn, &octets);
		if (err)
			break;
		(void)number_read(&key, &number); /* a damaged one goes first */
		if (number >= excess->until && octets <= excess->octets_kept)
			err = ERR_NOENT;
		else
			err = env_err(entry_drop(&s->env, txn, cursor, number, &value));
	}
	mdb_cursor_close(cursor);
	return err;
}

/* One transaction. A single entry may take the last pages: deleting gives back more than it takes.
 */
static enum err drop_once(struct store *s, const struct excess *excess, size_t max, bool *ret_over)
{
	size_t pages = pages_touched(s, max * STORE_LOG_KEYS_MAX);
	AUTO_TXN txn = NULL;
	uint64_t octets;
	enum err err = env_write(&s->env, pages, PAGES_ANY, &txn);

	if (err)
		return err;
	err = drop_some(s, txn, excess, max);
	*ret_over = err == ERR_NOENT;
	if (err && err != ERR_NOENT)
		return err;
	err = octets_held(&s->env, txn, &octets);
	if (err == ERR_OK && max > 1)
		err = env_leaves(&s->env, txn, pages + PAGES_ANY, PAGES_ANY);
	if (err == ERR_OK)
		err = env_commit(&txn);
	if (err == ERR_OK)
		s->log_octets = octets;
	return err;
}

/*
 * When what room is left cannot hold a transaction of *max entries, a smaller one is tried; what it
 * frees lets the next be larger.
 */
static enum err drop(struct store *s, const struct excess *excess, size_t *max, bool *ret_over)
{
	enum err err = drop_once(s, excess, *max, ret_over);

	while (err == ERR_FULL && *max > 1) {
		*max /= 2;
		err = drop_once(s, excess, *max, ret_over);
	}
	if (err == ERR_OK)
		*max = MIN(2 * *max, DROP_MAX);
	return err;
}

/* The octets that the log may keep. An append that waits for room gets it here, once. */
static uint64_t octets_to_keep(struct store *s, uint64_t octets_max)
{
	uint64_t keep = octets_max > 0 ? octets_max : UINT64_MAX;

	pthread_mutex_lock(&s->writing);
	if (octets_max > 0 && s->log_wanted > 0) {
		uint64_t octets = s->log_octets;

		keep = MIN(keep, octets - MIN(octets, s->log_wanted));
		s->log_wanted = 0;
	}
	pthread_mutex_unlock(&s->writing);
	return keep;
}

enum err store_log_expire(struct store *s, struct wall now, const struct store_log_limits *limits)
{
	struct excess excess = {.octets_kept = octets_to_keep(s, limits->octets_max)};
	size_t max = DROP_MAX;
	bool is_over = false;
	enum err err = ERR_OK;

	if (limits->age_max_ms > 0 && now.ms >= INT64_MIN + limits->age_max_ms)
		err = too_old(s, now.ms, now.ms - limits->age_max_ms, &excess.until);
	if (excess.until == 0 && s->log_octets <= excess.octets_kept)
		return err;
	while (err == ERR_OK && !is_over) {
		pthread_mutex_lock(&s->writing);
		err = drop(s, &excess, &max, &is_over);
		pthread_mutex_unlock(&s->writing);
	}
	return err;
}
