/*
 * internal - what the files of store/ share, and no one else sees.
 *
 *	store.c     open, close, append, seal: flows in memory, and the order of locks
 *	env.c       the file: opening it with suspicion, transactions, what LMDB's codes mean
 *	meta.c      the sub-databases, and what the file says of itself
 *	blocks.c    sealed blocks, their summaries, and the totals kept per partition
 *	expire.c    retention
 *	cursor.c    reading
 *	notes.c     small things kept across restarts
 *	log.c       numbered entries, and the index by which they are found
 *
 * `lock` guards everything in memory and is never held across a disk access. `writing` is held by
 * the one thread that seals, expires or appends to the log, across its transactions; it is taken
 * before `lock`.
 */
#ifndef SPOOR_STORE_INTERNAL_H
#define SPOOR_STORE_INTERNAL_H

#include "store/block.h"
#include "store/log.h"
#include "store/store.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#define CHUNKS 4         /* blocks' worth of flows held in memory */
#define BLOCK_KEY_LEN 16 /* hour, sequence; big-endian, so that keys sort by number */

/* Unsealed flows, any hours mixed. */
struct chunk {
	struct flow *flows;
	size_t count;
};

struct block_key {
	uint64_t hour; /* since 1970, in which the flows were received */
	uint64_t sequence;
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
	uint64_t octets; /* in whole pages */
	struct interval span;
};

struct env {
	MDB_env *mdb;
	MDB_dbi meta, blocks, summaries, notes, log, log_index;
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
	_Atomic uint64_t log_octets; /* in whole pages */
	_Atomic uint64_t damaged_blocks;
	_Atomic size_t unsealed;
	_Atomic bool is_full;
	size_t block_flows;
	uint64_t size_max; /* 0: nothing is dropped for its size */
	int64_t age_max_ms;

	pthread_mutex_t lock; /* of what follows */
	struct chunk chunks[CHUNKS];
	size_t closed_chunks; /* the first so many are being sealed and take no more flows */
	uint64_t sequence;    /* of the next block */
	uint64_t wanted;      /* octets to free for the block that found no room */
	struct partition *partitions; /* ascending hours */
	size_t partition_count, partition_room;
	uint64_t expired_flows;
};

/* env.c */
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

/* meta.c */

#define META_TABLES 6 /* sub-databases */

/*
 * Opens the sub-databases; makes them in a file without any, and the log's in one made before there
 * was a log. On failure `ret_reason` is static.
 */
MUST_USE enum err meta_open(struct env *env, MDB_txn *txn, const char **ret_reason);

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
struct block_key blocks_key_read(const uint8_t wire[BLOCK_KEY_LEN]);
void blocks_key_write(struct block_key key, uint8_t ret[BLOCK_KEY_LEN]);
bool blocks_summary_read(const MDB_val *value, struct summary *ret);

/* Sums up what the file holds. Only while no one else uses the store. */
MUST_USE enum err blocks_load(struct store *s);

/* Octets taken by all blocks. With `lock` held. */
uint64_t blocks_octets(const struct store *s);

/*
 * Commits one block and its summary. The totals follow with blocks_note(), which cannot fail and
 * is called with `lock` held, so that flows leave memory and enter the totals in one step.
 */
MUST_USE enum err blocks_put(struct store *s, struct block_key key, const struct summary *summary,
                             const uint8_t *block);
void blocks_note(struct store *s, uint64_t hour, const struct summary *summary);

/*
 * In one transaction deletes the oldest blocks of `hour`, until `octets` are freed but at most
 * `max` of them. When what room is left cannot hold that transaction, a smaller one is tried.
 */
MUST_USE enum err blocks_drop(struct store *s, uint64_t hour, size_t max, uint64_t octets);

/* log.c */

/* Sums up what the file holds. Only while no one else uses the store. */
MUST_USE enum err log_load(struct store *s);

#endif
