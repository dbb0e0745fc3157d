/*
 * internal - what the files of store/ share, and no one else sees.
 *
 *	store.c     open, close, append, seal: flows in memory, and the order of locks
 *	env.c       the file: opening it with suspicion, transactions, what LMDB's codes mean
 *	meta.c      the sub-databases, and what the file says of itself
 *	blocks.c    sealed blocks, their summaries, and the totals kept per partition
 *	young.c     blocks of flows that are in memory still, so that a crash loses none of them
 *	index.c     which blocks have a host or a connection
 *	edgelog.c   when which connection fell silent or came back
 *	expire.c    retention
 *	cursor.c    reading
 *	notes.c     small things kept across restarts
 *	log.c       numbered entries, and the index by which they are found
 *	check.c     whether all of it is whole
 *
 * `lock` guards everything in memory and is never held across a disk access. `writing` is held by
 * the one thread that seals, expires or appends to the log, across its transactions; it is taken
 * before `lock`.
 */
#ifndef SPOOR_STORE_INTERNAL_H
#define SPOOR_STORE_INTERNAL_H

#include "store/among.h"
#include "store/block.h"
#include "store/log.h"
#include "store/run.h"
#include "store/store.h"
#include "store/tuples.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#define CHUNKS 4         /* blocks' worth of flows held in memory */
#define BLOCK_KEY_LEN 16 /* hour, sequence; big-endian, so that keys sort by number */

/* Notes of store_mark(): they hold once the first `rows` of their chunk are durable. */
struct mark {
	struct store_note *notes; /* their values behind them, in one piece; NULL: none */
	size_t count;
	size_t rows;
};

/* Flows in memory, any hours mixed. */
struct chunk {
	struct flow *flows;
	size_t count;
	size_t durable;            /* the first so many are on disk too, in young blocks */
	int64_t from_ms, until_ms; /* when the first was received, its hour begins and ends */
	bool is_mixed;             /* others were received in another */
	size_t pure;               /* none of the first so many */
	struct interval span;      /* of its flows */
	bool is_turned;            /* takes no more */
	struct mark mark;
};

/* What is known of a block without reading it. */
struct summary {
	struct interval span;
	uint32_t count;
	uint32_t len; /* of the block */
};

/* The sum of an hour's summaries. */
struct partition {
	uint64_t hour;
	uint64_t blocks;
	uint64_t flows;
	uint64_t octets;       /* in whole pages */
	uint64_t index_octets; /* likewise, of the runs that go with it */
	struct interval span;
};

/* A sealed block that is in no run yet, and whom it has: the high halves of hashes. */
struct pending {
	struct block_key key;
	struct interval span;
	uint32_t flows, connections;
	uint32_t *hashes;
	size_t count, room;
};

struct run_at {
	struct run run;
	struct block_key key; /* under which it lies */
};

struct env {
	MDB_env *mdb;
	MDB_dbi meta, blocks, summaries, young, index, edges, notes, log, log_index;
	size_t page_len;
	uint64_t seed;   /* of the hashes in the index */
	uint64_t budget; /* octets of blocks and log, at most, so that deleting finds pages */
	int lock_fd;
};

struct store {
	struct env env;
	struct block_codec *codec; /* of the sealing thread */
	struct flow *group;        /* of the sealing thread: flows of one hour */
	pthread_mutex_t writing;
	uint64_t log_wanted; /* octets to free for the append that found no room; of `writing` */
	_Atomic uint64_t log_octets;   /* in whole pages */
	_Atomic uint64_t young_octets; /* likewise */
	_Atomic uint64_t damaged_blocks, damaged_runs, damaged_edges;
	_Atomic uint64_t stray_edges; /* too long before they were received, or after */
	_Atomic size_t held;          /* flows in memory */
	_Atomic bool is_full;
	_Atomic bool has_turned; /* a block takes no more, and waits for its seal */
	size_t block_flows;
	uint64_t size_max; /* 0: nothing is dropped for its size */
	int64_t age_max_ms;

	size_t room_left; /* of the appending thread: no more than the chunk at hand has */

	pthread_mutex_t lock; /* of what follows */
	struct flow *memory;  /* where the chunks have theirs; block_flows each */
	struct chunk chunks[CHUNKS];
	uint64_t hour_now;    /* flows received before are to be sealed for good */
	bool is_marked;       /* store_mark() is in use: seals go as far as the latest mark */
	size_t closed_chunks; /* the first so many are being sealed and take no more flows */
	uint64_t sequence;    /* of the next block */
	uint64_t wanted;      /* octets to free for the block that found no room */
	struct partition *partitions; /* ascending hours */
	size_t partition_count, partition_room;
	uint64_t expired_flows;
	struct pending pending[RUN_BLOCKS]; /* written by `writing`, too */
	size_t pending_count;
	struct run_at *runs; /* in no order */
	size_t run_count, run_room;
	bool is_index_whole; /* every block is in a run, or pending */
	struct {
		uint64_t *words; /* see edgelog.c; of what is in no run yet */
		size_t count, room;
		size_t left; /* the first so many were of no hour that the last run could have */
		uint32_t gap_ms; /* 0: nobody has begun to hand over edges */
		uint64_t octets; /* on disk */
		unsigned holes;  /* so many of the next runs lack some */
		unsigned lacks;  /* the same, that were missed: the others are kept */
		bool has_tail;   /* somebody has read the last flows, from this block on: */
		struct block_key tail;
	} edges;
};

/* env.c */

/* As LMDB wants keys and values; it writes to none of them. */
static inline MDB_val env_val(const void *data, size_t len)
{
	return (MDB_val){.mv_size = len, .mv_data = (void *)(uintptr_t)data};
}

MUST_USE enum err env_open(struct env *env, const struct store_options *options,
                           char reterr[STORE_REASON_MAX]);
void env_close(struct env *env);
enum err env_err(int code);

/*
 * Begins to write a value of `pages`. The file is first made long enough for that and `spare` pages
 * more; on a full disk, free pages within the file do instead. What adds to the store asks for
 * more to spare than what deletes, so that on a full disk deleting still finds its pages.
 */
#define PAGES_ANY 32
#define PAGES_TO_SPARE 192
MUST_USE enum err env_write(struct env *env, size_t pages, size_t spare, MDB_txn **ret);
MUST_USE enum err env_read(struct env *env, MDB_txn **ret);

/*
 * ERR_FULL unless the transaction after `txn`, which has taken at most `taken` pages, will find so
 * many: what `txn` frees serves only the one after the next. Found out by taking them, in a
 * transaction within that is given up. No cursor may be open.
 */
MUST_USE enum err env_leaves(struct env *env, MDB_txn *txn, size_t taken, size_t pages);
MUST_USE enum err env_commit(MDB_txn **txn); /* *txn is NULL afterwards, whatever happened */
void env_abort(MDB_txn **txn);               /* NULL is fine */
uint64_t env_rounded(const struct env *env, uint64_t len); /* to whole pages */

#define AUTO_TXN __attribute__((cleanup(env_abort))) MDB_txn *

/* A read transaction with a cursor in a table; ends with its scope, opened or not. */
struct env_walk {
	MDB_txn *txn;
	MDB_cursor *cursor;
};

#define AUTO_WALK __attribute__((cleanup(env_walk_end))) struct env_walk

MUST_USE enum err env_walk(struct env *env, MDB_dbi table, struct env_walk *ret);
void env_walk_end(struct env_walk *w);

/* Has what will be read of a value brought into memory meanwhile. */
void env_fetch(const void *data, size_t len);

/* meta.c */

#define META_TABLES 9 /* sub-databases */

/*
 * Opens the sub-databases; makes them in a file without any, and the log's in one made before there
 * was a log. On failure `ret_reason` is static.
 */
MUST_USE enum err meta_open(struct env *env, MDB_txn *txn, const char **ret_reason);

/* The seed of the hashes, which no one else knows. */
MUST_USE enum err meta_seed(struct env *env, MDB_txn *txn);

/* The next block's sequence number, as the file has it. */
MUST_USE enum err meta_sequence(struct env *env, uint64_t *ret);
MUST_USE enum err meta_sequence_put(struct env *env, MDB_txn *txn, uint64_t sequence);

/* The number of the log's next entry, and the log's state, borrowed; empty when there is none. */
MUST_USE enum err meta_log_next(struct env *env, MDB_txn *txn, uint64_t *ret);
MUST_USE enum err meta_log_next_put(struct env *env, MDB_txn *txn, uint64_t next);
MUST_USE enum err meta_log_state(struct env *env, MDB_txn *txn, MDB_val *ret);
MUST_USE enum err meta_log_state_put(struct env *env, MDB_txn *txn, const void *state, size_t len);

/* blocks.c */
uint64_t blocks_hour(int64_t received_ms);
int64_t blocks_hour_start(uint64_t hour); /* of the first, everything before, too */
struct block_key blocks_key_read(const uint8_t wire[BLOCK_KEY_LEN]);
void blocks_key_write(struct block_key key, uint8_t ret[BLOCK_KEY_LEN]);
bool blocks_summary_read(const MDB_val *value, struct summary *ret);
int blocks_summary_put(struct store *s, MDB_txn *txn, struct block_key key,
                       const struct summary *summary);

/* Sums up what the file holds. Only while no one else uses the store. */
MUST_USE enum err blocks_load(struct store *s);

/* Moves `at` to the next hour with a flow that overlaps, unless its own has one. False: none has.
 */
bool blocks_next(struct store *s, struct interval when, struct block_key *at);

/* Octets taken by all blocks and their index; and by everything. With `lock` held. */
uint64_t blocks_octets(const struct store *s);
uint64_t blocks_taken(const struct store *s);

/*
 * Commits one block, its summary and, unless it is NULL, a mark, and removes the hour's young
 * blocks. The totals follow with blocks_note(), which cannot fail and is called with `lock` held,
 * so that flows leave memory and enter the totals in one step.
 */
MUST_USE enum err blocks_put(struct store *s, struct block_key key, const struct summary *summary,
                             const uint8_t *block, const struct mark *mark);
void blocks_note(struct store *s, uint64_t hour, const struct summary *summary);
void blocks_note_index(struct store *s, uint64_t hour, uint64_t octets);

/*
 * In one transaction deletes the oldest blocks of `hour`, until `octets` are freed but at most
 * `max` of them. When what room is left cannot hold that transaction, a smaller one is tried.
 */
MUST_USE enum err blocks_drop(struct store *s, uint64_t hour, size_t max, uint64_t octets);

/* Returns `err`; of ERR_FULL, retention is told how much found no room. */
enum err blocks_want(struct store *s, enum err err, uint64_t octets);

/* young.c */

/*
 * Commits flows that stay in memory, all of `hour`, as a block under the next sequence number, and
 * unless it is NULL, a mark.
 */
MUST_USE enum err young_put(struct store *s, uint64_t hour, const struct block *block,
                            const struct mark *mark);

/* Removes those of `hour` within a transaction; *ret_octets: what they took. */
int young_delete(struct store *s, MDB_txn *txn, uint64_t hour, uint64_t *ret_octets);

/* Reads at most `max` of the flows that they have, which `flows` has room for; counts all. */
MUST_USE enum err young_read(struct store *s, struct flow *flows, size_t max, size_t *ret_count);

/*
 * Makes the oldest of them a block of its own, which it is but for its place. For when there are
 * more than memory takes. Only while no one else uses the store.
 */
MUST_USE enum err young_promote(struct store *s);

/* index.c */

/* Finds the runs, and takes up blocks that are in none. Only while no one else uses the store. */
MUST_USE enum err index_load(struct store *s);
void index_free(struct store *s);

/*
 * Takes whom a block has, before it is committed; there is room for one more. False: no memory.
 * index_note() then makes it known, with `lock` held; after RUN_BLOCKS of them a run is due.
 */
bool index_take(struct store *s, const struct block *block);
void index_note(struct store *s, struct block_key key, const struct summary *summary);
MUST_USE enum err index_flush(struct store *s);

/* A block of `hour` gets a run of its own: the others that are pending are of another day. */
bool index_is_apart(const struct store *s, uint64_t hour);

/* What to look up for `whom`. */
uint32_t index_hash(const struct store *s, const struct whom *whom);

/*
 * The blocks that may have one of hashes[0..count): of those pending, with `lock` held; of a run.
 * They return how many.
 */
size_t index_find_pending(const struct store *s, struct interval when, const struct among *hashes,
                          struct block_key ret[RUN_BLOCKS]);
/* Has what that reads of a run fetched: first where entries lie, when that is there the entries. */
void index_fetch_run(struct store *s, MDB_txn *txn, const struct run_at *at,
                     const struct among *hashes, bool is_second);
size_t index_find_run(struct store *s, MDB_txn *txn, const struct run_at *at,
                      const struct among *hashes, struct block_key ret[RUN_BLOCKS]);

/*
 * Deletes the runs whose blocks all lie at or before `upto`; index_forget(), with `lock` held, once
 * that is committed.
 */
int index_delete(struct store *s, MDB_txn *txn, struct block_key upto, uint64_t *ret_octets);
void index_forget(struct store *s, struct block_key upto);

/* edgelog.c */

#define EDGELOG_HOURS 64 /* that a run may have edges of: */
#define EDGELOG_AHEAD 2  /* so many after its own, the others before */

struct edgelog_piece { /* an hour's edges */
	uint8_t hours; /* before the last that a run may have */
	uint8_t *data;
	size_t len;
};

struct edgelog_built { /* what the log has of a run */
	struct block_key run;
	uint64_t last_hour;
	struct run_edges edges;
	struct edgelog_piece pieces[EDGELOG_HOURS];
	size_t piece_count;
	uint8_t *data;
	size_t taken; /* words of memory */
};

/* Encodes all edges in memory, for the run that will lie under `run`. ERR_NOMEM. */
MUST_USE enum err edgelog_build(struct store *s, struct block_key run, struct edgelog_built *ret);
void edgelog_free(struct edgelog_built *b);
size_t edgelog_pages(const struct env *env, const struct edgelog_built *b);
int edgelog_put(struct store *s, MDB_txn *txn, const struct edgelog_built *b);
/* Once that is committed, with `lock` held. */
void edgelog_done(struct store *s, const struct edgelog_built *b);

/* Deletes the edges of the run that lies under `run`. */
int edgelog_delete(struct store *s, MDB_txn *txn, struct block_key run);

/* notes.c */

/*
 * Within a transaction that takes `pages` with them, and has no cursor open. ERR_FULL also when
 * deleting would find no pages then.
 */
MUST_USE enum err notes_put(struct store *s, MDB_txn *txn, const struct store_note *notes,
                            size_t count, size_t pages);
size_t notes_pages(struct store *s, const struct store_note *notes, size_t count);

/* A copy, in one piece. False: no memory, and `ret` as it was. */
bool notes_copy(const struct store_note *notes, size_t count, struct mark *ret);

/* Those of `older`, which is empty then, before those of `ret`. False: no memory; both as they
 * were. */
bool notes_join(struct mark *older, struct mark *ret);

/* log.c */

/* Sums up what the file holds. Only while no one else uses the store. */
MUST_USE enum err log_load(struct store *s);

#endif
