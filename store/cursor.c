#include "base/util.h"
#include "store/internal.h"

#include <stdlib.h>

struct store_cursor {
	struct store *store;
	struct block_codec *codec;
	struct wish wish;
	struct block_key at;     /* where to read on */
	uint64_t sequence_limit; /* blocks from here on were in memory at open */
	bool is_past_blocks;
	size_t unsealed_count;
	struct flow unsealed[]; /* that overlap, as they were at open */
};

static bool overlaps(struct interval when, const struct flow *flow)
{
	return interval_overlaps(when, (struct interval){flow->start_ms, flow->end_ms});
}

/* Copies the chunks' overlapping flows to `ret`, or only counts them. With `lock` held. */
static size_t unsealed_copy(const struct store *s, struct interval when, struct flow *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < CHUNKS; i++) {
		const struct chunk *c = &s->chunks[i];

		for (size_t j = 0; j < c->count; j++) {
			if (!overlaps(when, &c->flows[j]))
				continue;
			if (ret != NULL)
				ret[count] = c->flows[j];
			count++;
		}
	}
	return count;
}

enum err store_cursor_open(struct store *s, struct interval when, struct store_cursor **ret)
{
	struct store_cursor *c;
	size_t count;

	pthread_mutex_lock(&s->lock);
	count = unsealed_copy(s, when, NULL);
	c = malloc(sizeof(*c) + count * sizeof(c->unsealed[0]));
	if (c != NULL) {
		*c = (struct store_cursor){.store = s,
		                           .wish = {.when = when},
		                           .sequence_limit = s->sequence,
		                           .unsealed_count = count};
		unsealed_copy(s, when, c->unsealed);
	}
	pthread_mutex_unlock(&s->lock);
	if (c == NULL)
		return ERR_NOMEM;
	c->codec = block_codec_new(0);
	if (c->codec == NULL) {
		free(c);
		return ERR_NOMEM;
	}
	*ret = c;
	return ERR_OK;
}

void store_cursor_close(struct store_cursor *c)
{
	if (c == NULL)
		return;
	block_codec_free(c->codec);
	free(c);
}

/* Steps to the next summary that overlaps; c->at is then just behind it. */
static enum err find(struct store_cursor *c, MDB_cursor *summaries, MDB_val *ret_key)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val value;
	struct block_key found;
	struct summary summary;
	int code;

	blocks_key_write(c->at, wire);
	code = mdb_cursor_get(summaries, &key, &value, MDB_SET_RANGE);
	for (; code == 0; code = mdb_cursor_get(summaries, &key, &value, MDB_NEXT)) {
		if (key.mv_size != BLOCK_KEY_LEN)
			continue;
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
	return env_err(code);
}

static enum err next_block(struct store_cursor *c, MDB_txn *txn, MDB_cursor *summaries,
                           const struct flow **ret, size_t *ret_count)
{
	struct flow *flows;
	size_t count;
	MDB_val value;
	MDB_val key;
	enum err err;

	while ((err = find(c, summaries, &key)) == ERR_OK) {
		if (mdb_get(txn, c->store->env.blocks, &key, &value) != 0)
			err = ERR_CORRUPT;
		else
			err = block_decode(c->codec, value.mv_data, value.mv_size, &c->wish, &flows,
			                   &count);
		if (err == ERR_NOMEM)
			return err;
		if (err) {
			c->store->damaged_blocks++;
			continue;
		}
		if (count > 0) {
			*ret = flows;
			*ret_count = count;
			return ERR_OK;
		}
	}
	return err;
}

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
