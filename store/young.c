#include "base/util.h"
#include "store/internal.h"

#include <string.h>

/*
 * Blocks are dense when they are full, and flows should be durable long before. So what has come
 * since the last seal is written as a small block of its own, while the flows stay in memory; when
 * there are enough of them, one block takes the place of the small ones, in one transaction.
 * Nothing reads these but the next start after a crash.
 */

static enum err put(struct store *s, uint64_t hour, const struct block *block, uint64_t octets,
                    const struct mark *mark)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val value = {.mv_size = block->len};
	AUTO_TXN txn = NULL;
	size_t pages = octets / s->env.page_len +
	               (mark == NULL ? 0 : notes_pages(s, mark->notes, mark->count));
	enum err err = env_write(&s->env, pages, PAGES_TO_SPARE, &txn);
	int code;

	if (err)
		return err;
	blocks_key_write((struct block_key){.hour = hour, .sequence = s->sequence}, wire);
	code = mdb_put(txn, s->env.young, &key, &value, MDB_NOOVERWRITE | MDB_RESERVE);
	if (code)
		return env_err(code);
	memcpy(value.mv_data, block->data, block->len);
	err = meta_sequence_put(&s->env, txn, s->sequence + 1);
	if (err == ERR_OK && mark != NULL)
		err = notes_put(s, txn, mark->notes, mark->count, pages);
	return err ? err : env_commit(&txn);
}

enum err young_put(struct store *s, uint64_t hour, const struct block *block,
                   const struct mark *mark)
{
	uint64_t octets = env_rounded(&s->env, block->len);
	bool is_full;
	enum err err;

	pthread_mutex_lock(&s->lock);
	is_full = blocks_taken(s) + octets > s->env.budget;
	pthread_mutex_unlock(&s->lock);
	err = is_full ? ERR_FULL : put(s, hour, block, octets, mark);
	if (err)
		return blocks_want(s, err, octets);
	pthread_mutex_lock(&s->lock);
	s->sequence++;
	pthread_mutex_unlock(&s->lock);
	s->young_octets += octets;
	return ERR_OK;
}

int young_delete(struct store *s, MDB_txn *txn, uint64_t hour, uint64_t *ret_octets)
{
	MDB_cursor *cursor = NULL;
	int code = mdb_cursor_open(txn, s->env.young, &cursor);

	*ret_octets = 0;
	while (code == 0) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
		MDB_val value;

		blocks_key_write((struct block_key){.hour = hour}, wire);
		code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		if (code || key.mv_size != BLOCK_KEY_LEN ||
		    blocks_key_read(key.mv_data).hour != hour)
			break;
		*ret_octets += env_rounded(&s->env, value.mv_size);
		code = mdb_cursor_del(cursor, 0);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

/* The first `max` flows of all that decode, at `flows` unless it is NULL; counts all. */
static enum err read_all(struct store *s, MDB_cursor *cursor, struct flow *flows, size_t max,
                         size_t *ret_count)
{
	MDB_val key, value;
	int code;

	*ret_count = 0;
	s->young_octets = 0;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct flow *some;
		size_t count;
		enum err err;

		env_fetch(value.mv_data, value.mv_size);
		err = block_decode(s->codec, value.mv_data, value.mv_size, NULL, &some, &count);
		s->young_octets += env_rounded(&s->env, value.mv_size);
		if (err == ERR_NOMEM)
			return err;
		if (err) {
			s->damaged_blocks += flows != NULL;
			continue;
		}
		if (flows != NULL && *ret_count + count <= max)
			memcpy(flows + *ret_count, some, count * sizeof(*flows));
		*ret_count += count;
	}
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

enum err young_read(struct store *s, struct flow *flows, size_t max, size_t *ret_count)
{
	AUTO_WALK walk;
	enum err err = env_walk(&s->env, s->env.young, &walk);

	return err ? err : read_all(s, walk.cursor, flows, max, ret_count);
}

/* One that does not decode has no flows that anybody could keep. */
static enum err promote(struct store *s, MDB_txn *txn, MDB_val *key, const MDB_val *value)
{
	struct block_key where = blocks_key_read(key->mv_data);
	struct summary summary = {.len = (uint32_t)value->mv_size};
	MDB_val copy = *value;
	struct flow *flows;
	size_t count;
	enum err err = block_decode(s->codec, value->mv_data, value->mv_size, NULL, &flows, &count);

	if (err == ERR_NOMEM)
		return err;
	if (err == ERR_OK) {
		summary.span = block_span(flows, count);
		summary.count = (uint32_t)count;
		err = env_err(mdb_put(txn, s->env.blocks, key, &copy, MDB_NOOVERWRITE));
		if (err == ERR_OK)
			err = env_err(blocks_summary_put(s, txn, where, &summary));
	} else {
		s->damaged_blocks++;
		err = ERR_OK;
	}
	return err ? err : env_err(mdb_del(txn, s->env.young, key, NULL));
}

enum err young_promote(struct store *s)
{
	uint8_t wire[BLOCK_KEY_LEN];
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	MDB_val key, value;
	enum err err = env_write(&s->env, s->young_octets / s->env.page_len, PAGES_ANY, &txn);
	int code;

	if (err)
		return err;
	code = mdb_cursor_open(txn, s->env.young, &cursor);
	if (code)
		return env_err(code);
	code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	mdb_cursor_close(cursor);
	if (code == 0 && key.mv_size != BLOCK_KEY_LEN)
		code = MDB_CORRUPTED;
	if (code)
		return env_err(code);
	memcpy(wire, key.mv_data, sizeof(wire));
	key.mv_data = wire;
	err = promote(s, txn, &key, &value);
	return err ? err : env_commit(&txn);
}
