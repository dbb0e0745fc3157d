#include "base/bytes.h"
#include "base/util.h"
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

#define DAY_HOURS 24

/* A run lies under its youngest hour and its last block: what comes before that key is gone with
 * it.
 */
static struct block_key key_of(const struct run *run)
{
	struct block_key key = {0};

	for (size_t i = 0; i < run->block_count; i++) {
		key.hour = MAX(key.hour, run->blocks[i].hour);
		key.sequence = MAX(key.sequence, run->blocks[i].sequence);
	}
	return key;
}

static bool runs_room(struct store *s)
{
	size_t room = s->run_room == 0 ? 64 : 2 * s->run_room;
	struct run_at *grown;

	if (s->run_count < s->run_room)
		return true;
	grown = realloc(s->runs, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	s->runs = grown;
	s->run_room = room;
	return true;
}

/* --- blocks that are in no run yet --- */

bool index_take(struct store *s, const struct block *block)
{
	struct pending *p = &s->pending[s->pending_count];
	size_t count = block->addr_count + block->connection_count;

	CHECK(s->pending_count < RUN_BLOCKS);
	if (count > p->room) {
		uint32_t *grown = malloc(count * sizeof(*grown));

		if (grown == NULL)
			return false;
		free(p->hashes);
		p->hashes = grown;
		p->room = count;
	}
	p->count = 0;
	p->connections = (uint32_t)block->connection_count;
	for (size_t i = 0; i < block->addr_count; i++)
		p->hashes[p->count++] = (uint32_t)(block->addrs[i] >> 32);
	for (size_t i = 0; i < block->connection_count; i++)
		p->hashes[p->count++] = (uint32_t)(block->connections[i] >> 32);
	return true;
}

void index_note(struct store *s, struct block_key key, const struct summary *summary)
{
	struct pending *p = &s->pending[s->pending_count++];

	p->key = key;
	p->span = summary->span;
	p->flows = summary->count;
}

bool index_is_apart(const struct store *s, uint64_t hour)
{
	bool is_apart = false;

	for (size_t i = 0; i < s->pending_count; i++) {
		uint64_t other = s->pending[i].key.hour;

		is_apart |= MAX(hour, other) - MIN(hour, other) > DAY_HOURS;
	}
	return is_apart;
}

/* --- runs --- */

static struct run run_of_pending(const struct store *s, struct run_source sources[RUN_BLOCKS])
{
	struct run run = {.block_count = (uint8_t)s->pending_count, .span = {INT64_MAX, INT64_MIN}};

	for (size_t i = 0; i < s->pending_count; i++) {
		const struct pending *p = &s->pending[i];

		sources[i] = (struct run_source){p->hashes, p->count};
		run.blocks[i] = p->key;
		run.entries += (uint32_t)p->count;
		run.flows += p->flows;
		run.connections += p->connections;
		run.span.start_ms = MIN(run.span.start_ms, p->span.start_ms);
		run.span.end_ms = MAX(run.span.end_ms, p->span.end_ms);
	}
	return run;
}

static enum err run_write(struct store *s, struct run *run,
                          const struct run_source sources[RUN_BLOCKS], void *scratch, size_t len,
                          const struct edgelog_built *built)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value = env_val(NULL, len);
	AUTO_TXN txn = NULL;
	enum err err;
	int code;

	blocks_key_write(key_of(run), wire);
	err = env_write(&s->env,
	                env_rounded(&s->env, len) / s->env.page_len + edgelog_pages(&s->env, built),
	                PAGES_TO_SPARE, &txn);
	if (err)
		return err;
	code = edgelog_put(s, txn, built);
	if (code == 0)
		code = mdb_put(txn, s->env.index, &key, &value, MDB_RESERVE);
	if (code)
		return env_err(code);
	run_encode(run, sources, scratch, value.mv_data);
	return env_commit(&txn);
}

/* What a run takes of the store, and what its edges take. */
static uint64_t octets_of_run(const struct store *s, const struct run *run, size_t len)
{
	return env_rounded(&s->env, len) + run->edges.octets;
}

static enum err flush(struct store *s, struct run *run, const struct run_source sources[RUN_BLOCKS],
                      const struct edgelog_built *built)
{
	size_t len = run_len(run->block_count, run->entries);
	uint64_t octets = octets_of_run(s, run, len);
	void *scratch;
	enum err err;

	pthread_mutex_lock(&s->lock);
	err = !runs_room(s)                              ? ERR_NOMEM
	      : blocks_taken(s) + octets > s->env.budget ? ERR_FULL
	                                                 : ERR_OK;
	pthread_mutex_unlock(&s->lock);
	scratch = err == ERR_OK ? malloc(run_scratch(run->entries)) : NULL;
	if (err == ERR_OK && scratch == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = run_write(s, run, sources, scratch, len, built);
	free(scratch);
	if (err)
		return blocks_want(s, err, octets);
	pthread_mutex_lock(&s->lock);
	s->runs[s->run_count++] = (struct run_at){.run = *run, .key = built->run};
	blocks_note_index(s, built->run.hour, octets);
	s->edges.octets += run->edges.octets;
	s->pending_count = 0;
	edgelog_done(s, built);
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

enum err index_flush(struct store *s)
{
	struct run_source sources[RUN_BLOCKS];
	struct run run = run_of_pending(s, sources);
	struct edgelog_built built;
	enum err err;

	if (run.block_count == 0)
		return ERR_OK;
	err = edgelog_build(s, key_of(&run), &built);
	if (err)
		return err;
	run.edges = built.edges;
	err = flush(s, &run, sources, &built);
	edgelog_free(&built);
	return err;
}

/* --- looking up --- */

uint32_t index_hash(const struct store *s, const struct whom *whom)
{
	uint64_t a = tuples_addr_hash(&whom->a, s->env.seed);
	uint64_t b = tuples_addr_hash(&whom->b, s->env.seed);

	if (whom->is_connection)
		a = tuples_hash(a, whom->a_port, b, whom->b_port, whom->proto);
	return (uint32_t)(a >> 32);
}

static bool has_any(const struct pending *p, const struct among *hashes)
{
	for (size_t i = 0; i < p->count; i++) {
		if (among_has(hashes, p->hashes[i]))
			return true;
	}
	return false;
}

size_t index_find_pending(const struct store *s, struct interval when, const struct among *hashes,
                          struct block_key ret[RUN_BLOCKS])
{
	size_t found = 0;

	for (size_t i = 0; i < s->pending_count; i++) {
		const struct pending *p = &s->pending[i];

		if (interval_overlaps(p->span, when) && has_any(p, hashes))
			ret[found++] = p->key;
	}
	return found;
}

/* Of many hashes a look-up reads nearly all of a run. */
#define FETCH_EACH 16

void index_fetch_run(struct store *s, MDB_txn *txn, const struct run_at *at,
                     const struct among *hashes, bool is_second)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire)), value;

	blocks_key_write(at->key, wire);
	if (mdb_get(txn, s->env.index, &key, &value) != 0 ||
	    value.mv_size != run_len(at->run.block_count, at->run.entries))
		return;
	for (size_t i = 0; i < hashes->count && hashes->count <= FETCH_EACH; i++) {
		struct bytes at_hand =
			is_second ? run_entries(&at->run, value.mv_data, hashes->hashes[i])
				  : run_row(&at->run, value.mv_data, hashes->hashes[i]);

		env_fetch(at_hand.at, bytes_left(&at_hand));
	}
	if (hashes->count > FETCH_EACH && !is_second)
		env_fetch(value.mv_data, value.mv_size);
}

/* Of a damaged run, every block may have it. */
size_t index_find_run(struct store *s, MDB_txn *txn, const struct run_at *at,
                      const struct among *hashes, struct block_key ret[RUN_BLOCKS])
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value;
	uint16_t which = 0;
	size_t found = 0;
	enum err err;

	blocks_key_write(at->key, wire);
	err = env_err(mdb_get(txn, s->env.index, &key, &value));
	for (size_t i = 0; i < hashes->count && err == ERR_OK; i++) {
		uint16_t some;

		err = run_find(&at->run, value.mv_data, value.mv_size, hashes->hashes[i],
		               hashes->bits, &some);
		which |= some;
	}
	if (err == ERR_CORRUPT)
		s->damaged_runs++;
	if (err)
		which = UINT16_MAX;
	for (size_t i = 0; i < at->run.block_count; i++) {
		if ((which >> i & 1) != 0)
			ret[found++] = at->run.blocks[i];
	}
	return found;
}

/* --- dropping --- */

static bool is_gone(struct block_key key, struct block_key upto)
{
	return key.hour < upto.hour || (key.hour == upto.hour && key.sequence <= upto.sequence);
}

int index_delete(struct store *s, MDB_txn *txn, struct block_key upto, uint64_t *ret_octets)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn, s->env.index, &cursor);

	*ret_octets = 0;
	if (code)
		return code;
	code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	while (code == 0 && key.mv_size == BLOCK_KEY_LEN &&
	       is_gone(blocks_key_read(key.mv_data), upto)) {
		struct block_key where = blocks_key_read(key.mv_data);
		struct run run;

		*ret_octets += env_rounded(&s->env, value.mv_size);
		if (run_open(value.mv_data, value.mv_size, &run) == ERR_OK)
			*ret_octets += run.edges.octets;
		code = mdb_cursor_del(cursor, 0);
		if (code == 0)
			code = edgelog_delete(s, txn, where);
		if (code == 0)
			code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

void index_forget(struct store *s, struct block_key upto)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->run_count; i++) {
		if (is_gone(s->runs[i].key, upto))
			s->edges.octets -= s->runs[i].run.edges.octets;
		else
			s->runs[kept++] = s->runs[i];
	}
	s->run_count = kept;
	kept = 0;
	for (size_t i = 0; i < s->pending_count; i++) {
		struct pending p = s->pending[i];

		if (is_gone(p.key, upto))
			continue;
		s->pending[i] = s->pending[kept]; /* with its room */
		s->pending[kept++] = p;
	}
	s->pending_count = kept;
}

/* --- at the start --- */

/* Runs that cannot be read; what they said of blocks is said by others before they go. */
struct damaged {
	struct block_key *keys;
	size_t count, room;
};

static bool damaged_add(struct damaged *d, struct block_key key)
{
	if (d->count == d->room) {
		size_t room = MAX(2 * d->room, 16);
		struct block_key *grown = realloc(d->keys, room * sizeof(*grown));

		if (grown == NULL)
			return false;
		d->keys = grown;
		d->room = room;
	}
	d->keys[d->count++] = key;
	return true;
}

static enum err load_runs(struct store *s, struct damaged *ret)
{
	AUTO_WALK walk;
	MDB_val key, value;
	struct run run;
	enum err err = env_walk(&s->env, s->env.index, &walk);
	int code;

	if (err)
		return err;
	while ((code = mdb_cursor_get(walk.cursor, &key, &value, MDB_NEXT)) == 0) {
		if (!runs_room(s))
			return ERR_NOMEM;
		if (key.mv_size != BLOCK_KEY_LEN ||
		    run_open(value.mv_data, value.mv_size, &run) != ERR_OK) {
			s->damaged_runs++;
			if (key.mv_size == BLOCK_KEY_LEN &&
			    !damaged_add(ret, blocks_key_read(key.mv_data)))
				return ERR_NOMEM;
			continue;
		}
		s->runs[s->run_count++] = (struct run_at){run, blocks_key_read(key.mv_data)};
		s->edges.octets += run.edges.octets;
		blocks_note_index(s, s->runs[s->run_count - 1].key.hour,
		                  octets_of_run(s, &run, value.mv_size));
	}
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

static bool is_replaced(const struct store *s, struct block_key key)
{
	bool is = false;

	for (size_t i = 0; i < s->run_count; i++)
		is |= s->runs[i].key.hour == key.hour && s->runs[i].key.sequence == key.sequence;
	return is;
}

/* Those in whose place there is not another already. */
static enum err delete_damaged(struct store *s, const struct damaged *d)
{
	AUTO_TXN txn = NULL;
	enum err err = d->count == 0 ? ERR_OK : env_write(&s->env, 0, PAGES_ANY, &txn);
	int code = 0;

	if (err || d->count == 0)
		return err;
	for (size_t i = 0; i < d->count && (code == 0 || code == MDB_NOTFOUND); i++) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = env_val(wire, sizeof(wire));

		if (is_replaced(s, d->keys[i]))
			continue;
		blocks_key_write(d->keys[i], wire);
		code = mdb_del(txn, s->env.index, &key, NULL);
		if (code == 0)
			code = edgelog_delete(s, txn, d->keys[i]);
	}
	return code == 0 || code == MDB_NOTFOUND ? env_commit(&txn) : env_err(code);
}

static int by_number(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* The blocks that are in some run, in order; NULL: no memory. */
static uint64_t *covered(const struct store *s, size_t *ret_count)
{
	uint64_t *list = malloc(MAX(s->run_count, 1) * RUN_BLOCKS * sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; list != NULL && i < s->run_count; i++) {
		for (size_t j = 0; j < s->runs[i].run.block_count; j++)
			list[count++] = s->runs[i].run.blocks[j].sequence;
	}
	if (count > 0)
		qsort(list, count, sizeof(*list), by_number);
	*ret_count = count;
	return list;
}

/* One that does not decode is found by nobody, with an index or without. */
static enum err load_block(struct store *s, MDB_txn *txn, MDB_val *key)
{
	struct block_key where = blocks_key_read(key->mv_data);
	struct summary summary;
	struct block block;
	MDB_val value;
	enum err err = ERR_OK;

	if (s->pending_count == RUN_BLOCKS || index_is_apart(s, where.hour))
		return ERR_RANGE;
	if (mdb_get(txn, s->env.summaries, key, &value) != 0 ||
	    !blocks_summary_read(&value, &summary) || mdb_get(txn, s->env.blocks, key, &value) != 0)
		return ERR_OK;
	env_fetch(value.mv_data, value.mv_size);
	err = block_whom(s->codec, value.mv_data, value.mv_size, &block);
	if (err)
		return err == ERR_NOMEM ? err : ERR_OK;
	if (!index_take(s, &block))
		return ERR_NOMEM;
	index_note(s, where, &summary);
	return ERR_OK;
}

/* Takes up blocks that are in no run, from `from` on; *ret_from is where to go on, ERR_RANGE. */
static enum err load_blocks(struct store *s, const uint64_t *list, size_t count,
                            struct block_key *from)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire)), value;
	AUTO_WALK walk;
	enum err err = env_walk(&s->env, s->env.summaries, &walk);
	int code;

	if (err)
		return err;
	blocks_key_write(*from, wire);
	code = mdb_cursor_get(walk.cursor, &key, &value, MDB_SET_RANGE);
	for (; code == 0 && err == ERR_OK;
	     code = mdb_cursor_get(walk.cursor, &key, &value, MDB_NEXT)) {
		uint64_t sequence;

		if (key.mv_size != BLOCK_KEY_LEN)
			continue;
		*from = blocks_key_read(key.mv_data);
		sequence = from->sequence;
		if (count == 0 || bsearch(&sequence, list, count, sizeof(*list), by_number) == NULL)
			err = load_block(s, walk.txn, &key);
	}
	return err ? err : code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

static enum err load_all_blocks(struct store *s)
{
	struct block_key from = {0};
	size_t count;
	uint64_t *list = covered(s, &count);
	enum err err;

	if (list == NULL)
		return ERR_NOMEM;
	while ((err = load_blocks(s, list, count, &from)) == ERR_RANGE) {
		err = index_flush(s);
		if (err)
			break;
	}
	free(list);
	return err;
}

enum err index_load(struct store *s)
{
	struct damaged damaged = {.count = 0};
	enum err err = load_runs(s, &damaged);

	if (err == ERR_OK)
		err = load_all_blocks(s);
	s->is_index_whole = err == ERR_OK;
	if (err == ERR_OK)
		err = delete_damaged(s, &damaged);
	free(damaged.keys);
	return err == ERR_FULL ? ERR_OK : err; /* then everything is searched */
}

void index_free(struct store *s)
{
	for (size_t i = 0; i < RUN_BLOCKS; i++)
		free(s->pending[i].hashes);
	free(s->runs);
}
