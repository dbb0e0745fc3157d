/*
 * log - numbered entries in the store, found again by number or by key and time.
 *
 *	append --> entries and the log's state, one LMDB transaction --expire--> oldest gone
 *
 * Entries are numbered from 1 on, without holes; a number never comes again, even after all
 * entries were dropped. What they say is opaque to the store. So is the state, a few octets that
 * change with them.
 *
 * Threads: append and expire may be called from any, and wait for each other and for a seal; any
 * number of threads may read meanwhile.
 */
#ifndef SPOOR_STORE_LOG_H
#define SPOOR_STORE_LOG_H

#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_LOG_KEY 16
#define STORE_LOG_KEYS_MAX 2
#define STORE_LOG_VALUE_MAX 2048
#define STORE_LOG_STATE_MAX 512

struct store;

struct store_log_entry {
	int64_t at_ms; /* when what it tells of happened; any, in any order */
	uint8_t keys[STORE_LOG_KEYS_MAX][STORE_LOG_KEY]; /* by which it is found */
	size_t key_count;
	const void *value; /* borrowed */
	size_t len;
};

/*
 * Appends all of entries[0..count), numbered from *ret_first on, and replaces the state, or does
 * nothing. Durable when it returns. Without entries the state alone is replaced.
 *
 * ERR_RANGE    an entry or the state is too long, or all take over an eighth of the store
 * ERR_FULL     no room (map_size, or the disk)
 * ERR_CORRUPT  the file's log is damaged
 * ERR_IO       anything the system says
 */
MUST_USE enum err store_log_append(struct store *s, const struct store_log_entry *entries,
                                   size_t count, const void *state, size_t state_len,
                                   uint64_t *ret_first);

/*
 * The numbers held, from *ret_first to the one before *ret_next, which the next entry gets; equal
 * when none is held. What the readers may answer:
 *
 * ERR_BUSY     more than 126 threads are reading
 * ERR_CORRUPT  the file's log is damaged
 * ERR_IO       anything the system says
 */
MUST_USE enum err store_log_bounds(struct store *s, uint64_t *ret_first, uint64_t *ret_next);

/*
 * Copies the state to `room` of *len octets and sets *len to its length: 0 before the first append.
 * As above, and ERR_RANGE when the room is too small.
 */
MUST_USE enum err store_log_state(struct store *s, void *room, size_t *len);

/* `value` is borrowed for the call, and not aligned. False ends the reading, which is no error. */
typedef bool store_log_fn(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len);

/*
 * Calls `fn` with each entry from `number` on, in order, up to the last one held at the call. No
 * transaction is held for more than some hundred entries, so that a slow reader costs the file
 * little; entries dropped meanwhile are missed. `fn` must not write to the store.
 */
MUST_USE enum err store_log_read(struct store *s, uint64_t number, store_log_fn *fn, void *ctx);

/*
 * Likewise each entry that has `key` and from_ms <= at_ms <= to_ms, newest first; of one time,
 * last appended first.
 */
MUST_USE enum err store_log_find(struct store *s, const uint8_t key[STORE_LOG_KEY], int64_t from_ms,
                                 int64_t to_ms, store_log_fn *fn, void *ctx);

struct store_log_limits {
	int64_t age_max_ms;  /* entries of before are dropped; 0: kept */
	uint64_t octets_max; /* of the log and its index, in whole pages; 0: no limit */
};

/*
 * Drops entries that are too old, then while there are too many octets, and makes room for an
 * append that found none if octets_max is set; always the lowest numbers. An entry that is not too
 * old keeps those after it; one of after `now` keeps none, and goes with the next that is too old.
 * Cheap when there is nothing to do; each transaction drops some hundred entries at most.
 *
 * Blocks and the log share the store: either stays full while the other has all the room, so that
 * size_max and octets_max together should be less than map_size by a sixteenth.
 */
MUST_USE enum err store_log_expire(struct store *s, struct wall now,
                                   const struct store_log_limits *limits);

#endif
