/*
 * block - flows as one self-describing, checksummed run of octets.
 *
 *	header | addresses | connections | flows        tables, of columns, in runs (table.h)
 *
 * A row of flows becomes columns, because a column of like values is small; and what a connection's
 * flows have in common is written once (tuples.h), with the rows in which it has them.
 * docs/STORE.md has the layout. The codec knows neither files nor clocks, and its reader takes any
 * octets at all.
 *
 * Reading is choosy: of a host the address is looked for, then its connections, then their rows,
 * and only the runs of 1024 flows that have one of these are looked at.
 */
#ifndef SPOOR_STORE_BLOCK_H
#define SPOOR_STORE_BLOCK_H

#include "base/err.h"
#include "base/interval.h"
#include "proto/flow/flow.h"
#include "store/wish.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCK_VERSION 4
#define BLOCK_VERSION_OLD 3 /* is read, too: its addresses are in no order */
#define BLOCK_HEADER_LEN 52
#define BLOCK_FLOWS_MAX                                                           \
	131072 /* in one block; what a forged header can make the reader allocate \
	        */

/* Working memory, reused from block to block. One thread at a time. */
struct block_codec;

/* `seed` is of the hashes that block_encode() hands out. NULL when out of memory. */
struct block_codec *block_codec_new(uint64_t seed);
void block_codec_free(struct block_codec *c);

struct block { /* as encoded; borrowed until the next call on the codec */
	const uint8_t *data;
	size_t len;
	struct interval span;                /* of block_encode(): as block_span() */
	const uint64_t *addrs, *connections; /* hashes of whom it has (tuples.h), each once */
	size_t addr_count, connection_count;
};

/*
 * Encodes flows[0..count).
 *
 * ERR_RANGE   count is 0 or above BLOCK_FLOWS_MAX
 * ERR_NOMEM
 */
MUST_USE enum err block_encode(struct block_codec *c, const struct flow *flows, size_t count,
                               struct block *ret);

/*
 * Decodes of data[0..len) the flows that `wish` wants, in order; of NULL, all. `ret` is borrowed
 * until the next call on `c`, and may be written to. What is not wanted is not looked at: that it
 * contradicts itself is found by those who want it.
 *
 * ERR_SHORT     ends before its header, or before what the header announces
 * ERR_FORMAT    no block, or one that contradicts itself
 * ERR_VERSION   a block of another version
 * ERR_CORRUPT   the checksum does not match
 * ERR_NOMEM
 */
MUST_USE enum err block_decode(struct block_codec *c, const void *data, size_t len,
                               const struct wish *wish, struct flow **ret, size_t *ret_count);

/* What the first steps of a reading in three found, when it is little enough. */
#define BLOCK_SOUGHT_MAX 4
#define BLOCK_WANTED_MAX 64

struct block_sought {      /* an alternative of the wish, within the block */
	uint32_t a, b;     /* rows of its addresses; of a host, `a` alone */
	uint32_t from, to; /* in these runs of connections it may be; from >= to: in none */
};

struct block_found {
	bool is_located, is_known;
	struct block_sought sought[BLOCK_SOUGHT_MAX];
	uint8_t count;
	uint32_t connections[BLOCK_WANTED_MAX]; /* rows of those that are wanted, ascending */
};

/*
 * The same in three steps, for a block of which only the beginning is in memory, block_front()
 * octets of it. Each step calls `fetch` with the pieces of data[0..len) that the next will read, so
 * that they are on their way when it does: the first looks where the addresses that `wish` wants
 * are, the second which connections they have. What is in `found` saves the next from looking once
 * more, and is of these octets and this wish alone.
 */
typedef void block_fetch_fn(const void *data, size_t len);
size_t block_front(size_t len);
void block_locate(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                  block_fetch_fn *fetch, struct block_found *found);
void block_prepare(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                   block_fetch_fn *fetch, struct block_found *found);
MUST_USE enum err block_decode_found(struct block_codec *c, const void *data, size_t len,
                                     const struct wish *wish, const struct block_found *found,
                                     struct flow **ret, size_t *ret_count);

/*
 * Whom data[0..len) has: as block_encode() says it. For the index of a block that was there before.
 * Errors as those of block_decode().
 */
MUST_USE enum err block_whom(struct block_codec *c, const void *data, size_t len,
                             struct block *ret);

/* From the earliest start to the latest end. `count` must not be 0. */
struct interval block_span(const struct flow *flows, size_t count);

/* Makes all checks of data[0..len) fit, as far as there is anything that has one: for tests. */
void block_mend(struct block_codec *c, uint8_t *data, size_t len);

#endif
