/*
 * store - flows on disk, and nothing about networks.
 *
 *	append --> open block (memory) --seal--> column block in LMDB --expire--> gone
 *
 * Flows gather in memory and are sealed into append-only, checksummed column blocks (block.h), one
 * LMDB transaction each: after a crash every sealed block is whole and what was unsealed is lost,
 * nothing else. Blocks are partitioned by the hour in which their flows were received, so that
 * retention drops whole partitions, oldest first. Readers see unsealed flows too.
 *
 * Threads: append() belongs to one thread; seal() and expire() may run on another, one at a time;
 * any number of cursors may read meanwhile. No call blocks append() for longer than a copy.
 */
#ifndef SPOOR_STORE_STORE_H
#define SPOOR_STORE_STORE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/interval.h"
#include "proto/flow/flow.h"
#include "store/wish.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_cursor;

#define STORE_REASON_MAX 256
#define STORE_MAP_MIN (1u << 20)
#define STORE_BLOCK_FLOWS 32768

struct store_options {
	const char *path;     /* a directory; made when absent */
	uint64_t map_size;    /* octets the file may ever take; a sixteenth is kept for deleting */
	uint64_t size_max;    /* octets of blocks kept, oldest dropped first; 0: none are dropped */
	int64_t age_max_ms;   /* partitions received longer ago are dropped; 0: kept */
	uint32_t block_flows; /* flows in a full block; 0: STORE_BLOCK_FLOWS */
};

struct store_stats {
	uint64_t flows;    /* sealed and held */
	uint64_t unsealed; /* held in memory only */
	uint64_t blocks;
	uint64_t partitions;
	uint64_t octets;       /* taken by blocks, in whole pages */
	uint64_t index_octets; /* taken by the index of them and the log of edges, likewise */
	uint64_t edge_octets;  /* of these, by the log of edges (edges.h) alone */
	uint64_t log_octets;   /* taken by the log (log.h), likewise */
	uint64_t map_size;
	uint64_t expired_flows;  /* dropped by retention since open */
	uint64_t damaged_blocks; /* met and skipped since open */
	uint64_t damaged_runs;   /* of the index: their blocks are all read */
	uint64_t damaged_edges;  /* pages of the log of edges (edges.h): flows are read instead */
	uint64_t stray_edges;    /* not logged: long before the time of their receipt, or after */
	uint64_t edge_gap_ms;    /* silences longer than this are logged now; 0: none */
	int64_t oldest_ms;       /* earliest flow start held; 0 when empty */
	int64_t newest_ms;       /* latest flow end held */
	bool is_full;            /* the last seal found no room */
};

/*
 * Opens or makes the store at options->path (copied). On failure `reterr` has one line for people.
 *
 * ERR_TORN     the file is shorter than it says: cut off by a full disk or a bad copy
 * ERR_CORRUPT  the file is no store of ours
 * ERR_VERSION  made by another version of spoor
 * ERR_LOCKED   another process has it open
 * ERR_RANGE    an option makes no sense (map_size below STORE_MAP_MIN, size_max above map_size)
 * ERR_IO       anything the system says
 */
MUST_USE enum err store_open(const struct store_options *options, struct store **ret,
                             char reterr[STORE_REASON_MAX]);

/* Seals what is open, then closes. All cursors must be closed. NULL is fine. */
void store_close(struct store *s);

/*
 * Takes all of flows[0..count), copied, or none. Memory holds the flows of four full blocks.
 *
 * ERR_RANGE   more flows than memory ever holds
 * ERR_BUSY    sealing has fallen behind and memory is at its bound: seal, then try again
 * ERR_FULL    likewise, because the store itself has no room
 */
MUST_USE enum err store_append(struct store *s, const struct flow *flows, size_t count);

/*
 * A full block waits: store_seal() is worth calling now rather than at the next tick. False while
 * the store is full, where trying again at once would not help. From any thread.
 */
bool store_is_ready(const struct store *s);

/*
 * Makes everything appended so far durable. What does not fill a block stays in memory beside,
 * until it does, or its hour is over by the clock of store_expire(): one dense block then takes its
 * place on disk. When it fails, the flows stay in memory, findable, and the next call tries again.
 *
 * ERR_FULL   no room (map_size, or the disk)
 * ERR_IO     anything the system says
 */
MUST_USE enum err store_seal(struct store *s);

/*
 * Applies age_max_ms, then size_max, and makes room for a block that found none; oldest partitions
 * first, and the oldest blocks of a partition that is alone. Unsealed flows stay. Cheap when there
 * is nothing to do; each transaction deletes a few blocks, so that a seal meanwhile waits for one.
 */
MUST_USE enum err store_expire(struct store *s, struct wall now);

void store_stats(struct store *s, struct store_stats *ret);

/*
 * Reads the flows that `wish` wants (wish.h; what it points to stays the caller's, and unchanged
 * until the cursor is closed): sealed ones first, then those in memory as they were at open. A wish
 * that says whom is answered by the index, with the few blocks that may have them; any other block
 * by block, oldest partition first. Between two calls no transaction is held, so a slow reader
 * costs the file nothing; blocks expired meanwhile are missed.
 *
 * ERR_NOMEM
 */
MUST_USE enum err store_cursor_find(struct store *s, const struct wish *wish,
                                    struct store_cursor **ret);
/* All that overlap `when`. */
MUST_USE enum err store_cursor_open(struct store *s, struct interval when,
                                    struct store_cursor **ret);
void store_cursor_close(struct store_cursor *c); /* NULL is fine */

/*
 * The next block's flows that are wanted, at least one; borrowed until the next call. A damaged
 * block is counted and skipped.
 *
 * ERR_NOENT    no more, or the wish says that it is enough
 * ERR_BUSY     more than 126 threads are in this call
 * ERR_CORRUPT  the file's index is damaged, not a block
 * ERR_NOMEM
 * ERR_IO       anything the system says
 */
MUST_USE enum err store_cursor_next(struct store_cursor *c, const struct flow **ret,
                                    size_t *ret_count);

/*
 * Small things that a node keeps across restarts, opaque to the store: found by a kind and a key.
 * All of a put are durable when it returns, or none; it may wait for a seal's commit. A value takes
 * the place of the one before; one of no octets removes it.
 *
 * ERR_FULL   no room (map_size, or the disk)
 * ERR_IO     anything the system says
 */
#define STORE_NOTE_KEY 32

struct store_note {
	uint8_t kind;
	uint8_t key[STORE_NOTE_KEY];
	const void *value; /* borrowed */
	size_t len;        /* of a few thousand octets at most */
};

MUST_USE enum err store_note_put(struct store *s, const struct store_note *notes, size_t count);

/* Calls `fn` with each of a kind, in the order of keys; it must not write to the store. */
typedef void store_note_fn(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *value,
                           size_t len);
MUST_USE enum err store_note_each(struct store *s, uint8_t kind, store_note_fn *fn, void *ctx);

/*
 * Notes that say something of all that was appended so far, such as how far an exporter's sequence
 * has come: they are put together with it, in one transaction, so that after a crash they say
 * neither more nor less than what is there. From the first mark on, seals go as far as the latest
 * one, but for blocks that got full without. A later mark takes the place of an earlier one that
 * was not sealed yet. With `is_turn`, the block at hand takes no more flows: for whoever has to
 * mark the end of each block. By the thread that appends.
 *
 * ERR_BUSY   memory is full: seal first
 * ERR_NOMEM
 */
MUST_USE enum err store_mark(struct store *s, const struct store_note *notes, size_t count,
                             bool is_turn);

/* How many flows fit the block at hand; 0: memory is full. By the thread that appends. */
size_t store_room(struct store *s);

#endif
