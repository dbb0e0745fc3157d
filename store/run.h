/*
 * run - which of some blocks have a host or a connection, by hash.
 *
 *	header, the blocks | buckets | entries
 *
 * Entries are two octets: 12 bits of a hash and 4 of a block's place in the list; the hash's bits
 * before those choose the bucket, of which a table says where it ends. So a look-up reads a piece
 *of the table and a piece of the entries, however long the run is. Hashes are cut so that one in 64
 *look-ups names a block that has no such thing: the block then finds nothing. Each bucket has a
 *check of its own.
 */
#ifndef SPOOR_STORE_RUN_H
#define SPOOR_STORE_RUN_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/interval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_BLOCKS 16
#define RUN_ENTRIES_MAX (1u << 24)
#define RUN_BITS_MIN 20

struct block_key {
	uint64_t hour; /* since 1970, in which the flows were received */
	uint64_t sequence;
};

struct run_edges {       /* what the log of edges (edges.h) has of its blocks */
	uint32_t gap_ms; /* silences longer than this; 0: nothing */
	bool is_lacking; /* many were missed */
	uint32_t octets; /* of the store */
	uint64_t hours;  /* bit i: there are some of i hours before EDGELOG_AHEAD after its own */
};

struct run { /* its header */
	struct block_key blocks[RUN_BLOCKS];
	uint8_t block_count;
	uint8_t bucket_bits;
	uint32_t entries;
	struct interval span; /* of all its blocks' flows */
	uint32_t flows;       /* in its blocks, */
	uint32_t connections; /* and the sum of how many each of them has */
	struct run_edges edges;
};

struct run_source { /* a block and whom it has */
	const uint32_t *hashes;
	size_t count;
};

/* Octets of a run of so many entries. */
size_t run_len(uint8_t block_count, uint32_t entries);

/*
 * Writes to `room`, of run_len() octets, what sources[i] has as of run->blocks[i]; the counts and
 * bits of `run` are filled in. `scratch` has room for 2 octets for each entry, and 4 for each
 * bucket (at most entries / 32 + 2).
 */
void run_encode(struct run *run, const struct run_source sources[RUN_BLOCKS], void *scratch,
                uint8_t *room);
size_t run_scratch(uint32_t entries);

/* Reads and checks the header. ERR_SHORT, ERR_FORMAT, ERR_CORRUPT. */
MUST_USE enum err run_open(const void *data, size_t len, struct run *ret);

/*
 * What run_find() reads, of data of run_len() octets: the row that says where a bucket's entries
 * lie, and these; empty when the row makes no sense.
 */
struct bytes run_row(const struct run *run, const void *data, uint32_t hash);
struct bytes run_entries(const struct run *run, const void *data, uint32_t hash);

/*
 * Bit i of *ret: run->blocks[i] may have `hash`, of which the first `bits` count, at least
 * RUN_BITS_MIN. `run` is from this data, which was open before.
 *
 * ERR_CORRUPT  the bucket's check does not match
 */
MUST_USE enum err run_find(const struct run *run, const void *data, size_t len, uint32_t hash,
                           unsigned bits, uint16_t *ret);

/* Every bucket's check. ERR_CORRUPT. */
MUST_USE enum err run_verify(const struct run *run, const void *data, size_t len);

#endif
