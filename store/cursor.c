#include "base/util.h"
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

#define WHOM_MAX 64 /* alternatives looked up; with more, everything is read */

struct store_cursor {
	struct store *store;
	struct block_codec *codec;
	struct wish wish;
	bool is_past_blocks;

	/* Block by block. */
	struct block_key at;     /* where to read on */
	uint64_t sequence_limit; /* blocks from here on were in memory at open */

	/* By the index. */
	bool is_indexed, is_looked_up;
	uint32_t hashes[WHOM_MAX];
	struct run_at *runs; /* that overlap, as they were at open */
	size_t run_count;
	struct block_key *found; /* has room for all blocks of those, and the pending ones */
	size_t found_count, found_at;

	size_t unsealed_count;
	struct flow *unsealed; /* that are wanted, as they were at open */
};

static bool is_wanted(const struct wish *w, const struct flow *f)
{
	return wish_covers(w, f) && (w->is_wanted == NULL || w->is_wanted(w->ctx, f));
}

/* --- what is in memory, at open --- */

/* Copies what is wanted of the chunks to `ret`, or only counts it. With `lock` held. */
static size_t unsealed_copy(const struct store *s, const struct wish *wish, struct flow *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < CHUNKS; i++) {
		const struct chunk *c = &s->chunks[i];

		for (size_t j = 0; j < c->count; j++) {
			if (!is_wanted(wish, &c->flows[j]))
				continue;
			if (ret != NULL)
				ret[count] = c->flows[j];
			count++;
		}
	}
	return count;
}

/* With `lock` held. */
static bool copy_memory(struct store_cursor *c)
{
	struct store *s = c->store;

	c->unsealed_count = unsealed_copy(s, &c->wish, NULL);
	c->unsealed = malloc(MAX(c->unsealed_count, 1) * sizeof(*c->unsealed));
	if (c->unsealed == NULL)
		return false;
	unsealed_copy(s, &c->wish, c->unsealed);
	c->sequence_limit = s->sequence;
	return true;
}

/* With `lock` held. */
static bool copy_index(struct store_cursor *c)
{
	struct store *s = c->store;

	c->runs = malloc(MAX(s->run_count, 1) * sizeof(*c->runs));
	c->found = malloc((s->run_count + 1) * RUN_BLOCKS * sizeof(*c->found));
	if (c->runs == NULL || c->found == NULL)
		return false;
	for (size_t i = 0; i < s->run_count; i++) {
		if (interval_overlaps(s->runs[i].run.span, c->wish.when))
			c->runs[c->run_count++] = s->runs[i];
	}
	for (size_t i = 0; i < c->wish.whom_count; i++)
		c->hashes[i] = index_hash(s, &c->wish.whom[i]);
	c->found_count =
		index_find_pending(s, c->wish.when, c->hashes, c->wish.whom_count, c->found);
	return true;
}

enum err store_cursor_find(struct store *s, const struct wish *wish, struct store_cursor **ret)
{
	struct store_cursor *c = calloc(1, sizeof(*c));
	bool is_whole;

	if (c == NULL)
		return ERR_NOMEM;
	c->store = s;
	c->wish = *wish;
	c->codec = block_codec_new(s->env.seed);
	is_whole = c->codec != NULL;
	pthread_mutex_lock(&s->lock);
	is_whole = is_whole && copy_memory(c);
	c->is_indexed = s->is_index_whole && wish->whom_count > 0 && wish->whom_count <= WHOM_MAX;
	if (c->is_indexed)
		is_whole = is_whole && copy_index(c);
	pthread_mutex_unlock(&s->lock);
	if (!is_whole) {
		store_cursor_close(c);
		return ERR_NOMEM;
	}
	*ret = c;
	return ERR_OK;
}

enum err store_cursor_open(struct store *s, struct interval when, struct store_cursor **ret)
{
	return store_cursor_find(s, &(struct wish){.when = when}, ret);
}

void store_cursor_close(struct store_cursor *c)
{
	if (c == NULL)
		return;
	block_codec_free(c->codec);
	free(c->runs);
	free(c->found);
	free(c->unsealed);
	free(c);
}

/* --- block by block --- */

/* Steps to the next summary that overlaps; c->at is then just behind it. */
static enum err find(struct store_cursor *c, MDB_cursor *summaries, MDB_val *ret_key)
{
	while (blocks_next(c->store, c->wish.when, &c->at)) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
		MDB_val value;
		struct block_key found;
		struct summary summary;
		int code;

		blocks_key_write(c->at, wire);
		code = mdb_cursor_get(summaries, &key, &value, MDB_SET_RANGE);
		if (code)
			return env_err(code);
		if (key.mv_size != BLOCK_KEY_LEN)
			return ERR_CORRUPT;
		found = blocks_key_read(key.mv_data);
		c->at = (struct block_key){.hour = found.hour, .sequence = found.sequence + 1};
		if (found.sequence >= c->sequence_limit)
			continue;
		if (!blocks_summary_read(&value, &summary)) {
			c->store->damaged_blocks++;
			continue;
		}
		if (interval_overlaps(summary.span, c->wish.when)) {
			*ret_key = key;
			return ERR_OK;
		}
	}
	return ERR_NOENT;
}

/* ERR_NOENT: nothing of this block; a damaged one is counted. */
static enum err read_block(struct store_cursor *c, MDB_txn *txn, MDB_val *key,
                           const struct flow **ret, size_t *ret_count)
{
	struct flow *flows;
	MDB_val value;
	enum err err;

	if (mdb_get(txn, c->store->env.blocks, key, &value) != 0)
		err = ERR_CORRUPT;
	else
		err = block_decode(c->codec, value.mv_data, value.mv_size, &c->wish, &flows,
		                   ret_count);
	if (err == ERR_NOMEM)
		return err;
	if (err) {
		c->store->damaged_blocks++;
		return ERR_NOENT;
	}
	*ret = flows;
	return *ret_count > 0 ? ERR_OK : ERR_NOENT;
}

static enum err next_block(struct store_cursor *c, MDB_txn *txn, MDB_cursor *summaries,
                           const struct flow **ret, size_t *ret_count)
{
	MDB_val key;
	enum err err;

	while ((err = find(c, summaries, &key)) == ERR_OK) {
		err = read_block(c, txn, &key, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
	}
	return err;
}

/* --- by the index --- */

static int by_key(const void *left, const void *right)
{
	const struct block_key *a = left, *b = right;

	return a->hour != b->hour ? (a->hour > b->hour) - (a->hour < b->hour)
	                          : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static void look_up(struct store_cursor *c, MDB_txn *txn)
{
	for (size_t i = 0; i < c->run_count; i++)
		c->found_count += index_find_run(c->store, txn, &c->runs[i], c->hashes,
		                                 c->wish.whom_count, c->found + c->found_count);
	qsort(c->found, c->found_count, sizeof(*c->found), by_key);
	c->is_looked_up = true;
}

/* Is the block there, and does it overlap? One that is not was dropped meanwhile, or with others.
 */
static bool is_there(struct store_cursor *c, MDB_txn *txn, MDB_val *key)
{
	struct summary summary;
	MDB_val value;

	return mdb_get(txn, c->store->env.summaries, key, &value) == 0 &&
	       (!blocks_summary_read(&value, &summary) ||
	        interval_overlaps(summary.span, c->wish.when));
}

static enum err next_found(struct store_cursor *c, MDB_txn *txn, const struct flow **ret,
                           size_t *ret_count)
{
	if (!c->is_looked_up)
		look_up(c, txn);
	while (c->found_at < c->found_count) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
		enum err err = ERR_NOENT;

		blocks_key_write(c->found[c->found_at++], wire);
		if (is_there(c, txn, &key))
			err = read_block(c, txn, &key, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
	}
	return ERR_NOENT;
}

/* --- either way --- */

/* One read transaction, from its beginning to its end. */
static enum err next_sealed(struct store_cursor *c, const struct flow **ret, size_t *ret_count)
{
	AUTO_TXN txn = NULL;
	MDB_cursor *summaries;
	enum err err;
	int code;

	err = env_read(&c->store->env, &txn);
	if (err)
		return err;
	if (c->is_indexed)
		return next_found(c, txn, ret, ret_count);
	code = mdb_cursor_open(txn, c->store->env.summaries, &summaries);
	if (code)
		return env_err(code);
	err = next_block(c, txn, summaries, ret, ret_count);
	mdb_cursor_close(summaries);
	return err;
}

enum err store_cursor_next(struct store_cursor *c, const struct flow **ret, size_t *ret_count)
{
	enum err err;

	if (!c->is_past_blocks) {
		err = next_sealed(c, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
		c->is_past_blocks = true;
	}
	if (c->unsealed_count == 0)
		return ERR_NOENT;
	*ret = c->unsealed;
	*ret_count = c->unsealed_count;
	c->unsealed_count = 0;
	return ERR_OK;
}
