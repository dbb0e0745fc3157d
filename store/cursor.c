#include "base/util.h"
#include "store/edges.h"
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_AHEAD 48        /* blocks, of which the beginnings are asked for, */
#define LOCATE_AHEAD 32       /* what follows from these, */
#define PREPARE_AHEAD 16      /* and from that in turn */
#define WHOM_MAX 64           /* hosts looked up, */
#define CONNECTIONS_MAX 65536 /* and connections by their hashes; with more, everything is read */

struct store_cursor {
	struct store *store;
	struct block_codec *codec;
	struct wish wish;
	bool is_past_blocks, is_stopped;

	/* Block by block. */
	struct block_key at;     /* where to read on */
	uint64_t sequence_limit; /* blocks from here on were in memory at open */

	/* By the index. */
	bool is_indexed, is_looked_up;
	uint32_t *hashes;
	struct among whom;        /* `hashes` */
	struct among connections; /* of the wish */
	struct run_at *runs;      /* that overlap, as they were at open */
	size_t run_count;
	struct block_key *found; /* has room for all blocks of those, and the pending ones */
	size_t found_count, found_at;
	/* Of these: the first whose beginning was not fetched yet, and the rest; which need that.
	 */
	size_t asked, located, prepared;
	struct block_found ahead[FETCH_AHEAD];

	/* The last that came. */
	uint64_t unlogged[RUN_BLOCKS]; /* blocks without edges, by sequence number */
	size_t unlogged_count;
	bool is_logged; /* what was returned last */

	size_t unsealed_count;
	struct flow *unsealed; /* that are wanted, as they were at open */
};

static bool is_alternative(const struct store_cursor *c, const struct flow *f)
{
	const struct wish *w = &c->wish;

	return !wish_has_alternatives(w) || wish_is_of(w, f) ||
	       (w->connection_count > 0 &&
	        among_has(&c->connections,
	                  (uint32_t)(tuples_flow_hash(f, c->store->env.seed) >> 32)));
}

static bool is_wanted(const struct store_cursor *c, const struct flow *f)
{
	const struct wish *w = &c->wish;

	return interval_overlaps(w->when, (struct interval){f->start_ms, f->end_ms}) &&
	       is_alternative(c, f) && (w->is_wanted == NULL || w->is_wanted(w->ctx, f));
}

/* Between two blocks. */
static bool is_over(struct store_cursor *c)
{
	c->is_stopped = c->wish.is_over != NULL && c->wish.is_over(c->wish.over_ctx);
	return c->is_stopped;
}

/* --- what is in memory, at open --- */

/* With `lock` held. There is room for all; what is not taken of it is given back. */
static bool copy_memory(struct store_cursor *c)
{
	const struct store *s = c->store;
	struct flow *kept;
	size_t held = 0;

	for (size_t i = 0; i < CHUNKS; i++)
		held += s->chunks[i].count;
	c->unsealed = malloc(MAX(held, 1) * sizeof(*c->unsealed));
	if (c->unsealed == NULL)
		return false;
	for (size_t i = 0; i < CHUNKS; i++) {
		const struct chunk *chunk = &s->chunks[i];

		for (size_t j = 0; j < chunk->count; j++) {
			if (is_wanted(c, &chunk->flows[j]))
				c->unsealed[c->unsealed_count++] = chunk->flows[j];
		}
	}
	kept = realloc(c->unsealed, MAX(c->unsealed_count, 1) * sizeof(*kept));
	c->unsealed = kept == NULL ? c->unsealed : kept;
	c->sequence_limit = s->sequence;
	return true;
}

/* With `lock` held. */
static bool copy_index(struct store_cursor *c)
{
	struct store *s = c->store;
	size_t overlap = 0;

	for (size_t i = 0; i < s->run_count; i++)
		overlap += interval_overlaps(s->runs[i].run.span, c->wish.when);
	c->runs = malloc(MAX(overlap, 1) * sizeof(*c->runs));
	c->found = malloc((overlap + 1) * RUN_BLOCKS * sizeof(*c->found));
	if (c->runs == NULL || c->found == NULL)
		return false;
	for (size_t i = 0; i < s->run_count; i++) {
		if (interval_overlaps(s->runs[i].run.span, c->wish.when))
			c->runs[c->run_count++] = s->runs[i];
	}
	c->found_count = index_find_pending(s, c->wish.when, &c->whom, c->found);
	return true;
}

/* All alternatives as hashes; of a log's connection less of them is known than of a host. */
static bool hash_whom(struct store_cursor *c)
{
	const struct wish *w = &c->wish;
	size_t count = w->whom_count + w->connection_count;

	c->hashes = malloc(MAX(count, 1) * sizeof(*c->hashes));
	if (c->hashes == NULL)
		return false;
	for (size_t i = 0; i < w->whom_count; i++)
		c->hashes[i] = index_hash(c->store, &w->whom[i]);
	if (w->connection_count > 0)
		memcpy(c->hashes + w->whom_count, w->connections,
		       w->connection_count * sizeof(*c->hashes));
	among_sort(c->hashes, count);
	among_of(c->hashes, count, w->connection_count > 0 ? STORE_EDGE_BITS : 32, &c->whom);
	among_of(w->connections, w->connection_count, STORE_EDGE_BITS, &c->connections);
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
	is_whole = c->codec != NULL && hash_whom(c);
	pthread_mutex_lock(&s->lock);
	is_whole = is_whole && copy_memory(c);
	c->is_indexed = s->is_index_whole && wish_has_alternatives(wish) &&
	                wish->whom_count <= WHOM_MAX && wish->connection_count <= CONNECTIONS_MAX;
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
	free(c->hashes);
	free(c->runs);
	free(c->found);
	free(c->unsealed);
	free(c);
}

/* --- the last that came --- */

static int by_key(const void *left, const void *right)
{
	const struct block_key *a = left, *b = right;

	return a->hour != b->hour ? (a->hour > b->hour) - (a->hour < b->hour)
	                          : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Steps back over summaries until they have so many flows; the keys in order. */
static enum err find_last(struct store_cursor *c, size_t count)
{
	AUTO_WALK walk;
	MDB_val key, value;
	size_t room = 0, flows = 0;
	enum err err = env_walk(&c->store->env, c->store->env.summaries, &walk);
	int code = 0;

	if (err)
		return err;
	while (flows < count && (code = mdb_cursor_get(walk.cursor, &key, &value, MDB_PREV)) == 0) {
		struct summary summary;

		if (key.mv_size != BLOCK_KEY_LEN || !blocks_summary_read(&value, &summary))
			continue;
		if (c->found_count == room) {
			struct block_key *grown;

			room = MAX(64, 2 * room);
			grown = realloc(c->found, room * sizeof(*grown));
			if (grown == NULL) {
				code = ENOMEM;
				break;
			}
			c->found = grown;
		}
		c->found[c->found_count++] = blocks_key_read(key.mv_data);
		flows += summary.count;
	}
	if (c->found_count > 0)
		qsort(c->found, c->found_count, sizeof(*c->found), by_key);
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

enum err store_cursor_tail(struct store *s, size_t count, struct store_cursor **ret)
{
	enum err err = store_cursor_open(s, INTERVAL_ALWAYS, ret);
	struct store_cursor *c = *ret;

	if (err)
		return err;
	err = find_last(c, count);
	if (err) {
		store_cursor_close(c);
		return err;
	}
	c->is_indexed = c->is_looked_up = true;
	pthread_mutex_lock(&s->lock);
	s->edges.tail = c->found_count > 0 ? c->found[0] : (struct block_key){.hour = 0};
	s->edges.has_tail = true;
	c->unlogged_count = s->pending_count;
	for (size_t i = 0; i < s->pending_count; i++)
		c->unlogged[i] = s->pending[i].key.sequence;
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

bool store_cursor_is_logged(const struct store_cursor *c)
{
	return c->is_logged;
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
                           const struct block_found *found, const struct flow **ret,
                           size_t *ret_count)
{
	struct flow *flows;
	MDB_val value;
	enum err err = ERR_CORRUPT;

	if (mdb_get(txn, c->store->env.blocks, key, &value) == 0) {
		if (!wish_has_alternatives(&c->wish))
			env_fetch(value.mv_data, value.mv_size);
		err = block_decode_found(c->codec, value.mv_data, value.mv_size, &c->wish, found,
		                         &flows, ret_count);
	}
	if (err == ERR_NOMEM)
		return err;
	if (err) {
		c->store->damaged_blocks++;
		return ERR_NOENT;
	}
	*ret = flows;
	c->is_logged = true;
	for (size_t i = 0; i < c->unlogged_count; i++)
		c->is_logged &= c->unlogged[i] != blocks_key_read(key->mv_data).sequence;
	return *ret_count > 0 ? ERR_OK : ERR_NOENT;
}

static enum err next_block(struct store_cursor *c, MDB_txn *txn, MDB_cursor *summaries,
                           const struct flow **ret, size_t *ret_count)
{
	MDB_val key;
	enum err err = ERR_NOENT;

	while (!is_over(c) && (err = find(c, summaries, &key)) == ERR_OK) {
		err = read_block(c, txn, &key, NULL, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
	}
	return err;
}

/* --- by the index --- */

static void look_up(struct store_cursor *c, MDB_txn *txn)
{
	for (int second = 0; second < 2; second++) {
		for (size_t i = 0; i < c->run_count; i++)
			index_fetch_run(c->store, txn, &c->runs[i], &c->whom, second == 1);
	}
	for (size_t i = 0; i < c->run_count; i++)
		c->found_count += index_find_run(c->store, txn, &c->runs[i], &c->whom,
		                                 c->found + c->found_count);
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

/* A block that is to be read soon. */
static bool get_found(struct store_cursor *c, MDB_txn *txn, size_t i, MDB_val *ret)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire));

	blocks_key_write(c->found[i], wire);
	return mdb_get(txn, c->store->env.blocks, &key, ret) == 0;
}

/*
 * Some blocks ahead of what is read, has fetched first what says where whom they have is, then
 * that, and then what they have of them: a disk answers many questions in the time of one.
 */
static void fetch_ahead(struct store_cursor *c, MDB_txn *txn)
{
	/* Of many connections a block is looked through anyway: twice is dearer than all of it. */
	bool is_whole = c->wish.connection_count > 0;
	MDB_val value;

	for (; c->asked < MIN(c->found_at + FETCH_AHEAD, c->found_count); c->asked++) {
		c->ahead[c->asked % FETCH_AHEAD] = (struct block_found){.is_known = false};
		if (get_found(c, txn, c->asked, &value))
			env_fetch(value.mv_data,
			          is_whole ? value.mv_size : block_front(value.mv_size));
	}
	if (is_whole)
		return;
	for (; c->located < MIN(c->found_at + LOCATE_AHEAD, c->found_count); c->located++) {
		if (get_found(c, txn, c->located, &value))
			block_locate(c->codec, value.mv_data, value.mv_size, &c->wish, env_fetch,
			             &c->ahead[c->located % FETCH_AHEAD]);
	}
	for (; c->prepared < MIN(c->found_at + PREPARE_AHEAD, c->found_count); c->prepared++) {
		if (get_found(c, txn, c->prepared, &value))
			block_prepare(c->codec, value.mv_data, value.mv_size, &c->wish, env_fetch,
			              &c->ahead[c->prepared % FETCH_AHEAD]);
	}
}

static enum err next_found(struct store_cursor *c, MDB_txn *txn, const struct flow **ret,
                           size_t *ret_count)
{
	if (!c->is_looked_up)
		look_up(c, txn);
	while (c->found_at < c->found_count && !is_over(c)) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
		const struct block_found *found = &c->ahead[c->found_at % FETCH_AHEAD];
		enum err err = ERR_NOENT;

		if (wish_has_alternatives(&c->wish))
			fetch_ahead(c, txn);
		blocks_key_write(c->found[c->found_at++], wire);
		if (is_there(c, txn, &key))
			err = read_block(c, txn, &key, found, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
	}
	return ERR_NOENT;
}

/* --- either way --- */

/* One read transaction, from its beginning to its end. */
static enum err next_sealed(struct store_cursor *c, const struct flow **ret, size_t *ret_count)
{
	AUTO_WALK walk;
	enum err err = env_walk(&c->store->env, c->store->env.summaries, &walk);

	if (err)
		return err;
	return c->is_indexed ? next_found(c, walk.txn, ret, ret_count)
	                     : next_block(c, walk.txn, walk.cursor, ret, ret_count);
}

enum err store_cursor_next(struct store_cursor *c, const struct flow **ret, size_t *ret_count)
{
	enum err err;

	if (!c->is_past_blocks) {
		err = next_sealed(c, ret, ret_count);
		if (err != ERR_NOENT)
			return err;
		c->is_past_blocks = !c->is_stopped;
	}
	if (c->is_stopped || c->unsealed_count == 0)
		return ERR_NOENT;
	*ret = c->unsealed;
	c->is_logged = false;
	*ret_count = c->unsealed_count;
	c->unsealed_count = 0;
	return ERR_OK;
}
