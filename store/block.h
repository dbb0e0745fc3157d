/*
 * block - flows as one self-describing, checksummed run of octets.
 *
 *	header | addresses | connections | flows        three tables, column by column (planes.h)
 *
 * A row of flows becomes columns, because a column of like values is small; and what a connection's
 * flows have in common is written once (tuples.h). docs/STORE.md has the layout. The codec knows
 * neither files nor clocks, and its reader takes any octets at all.
 *
 * Reading is choosy: what a wish names is decoded first, and of a block in which nothing is left
 * then, no more than that.
 */
#ifndef SPOOR_STORE_BLOCK_H
#define SPOOR_STORE_BLOCK_H

#include "base/err.h"
#include "base/interval.h"
#include "proto/flow/flow.h"
#include "store/wish.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCK_VERSION 2
#define BLOCK_HEADER_LEN 48
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

/*
 * Whom data[0..len) has: as block_encode() says it. For the index of a block that was there before.
 * Errors as those of block_decode().
 */
MUST_USE enum err block_whom(struct block_codec *c, const void *data, size_t len,
                             struct block *ret);

/* From the earliest start to the latest end. `count` must not be 0. */
struct interval block_span(const struct flow *flows, size_t count);

/* The checksum that the header of data[0..len), at least BLOCK_HEADER_LEN octets, should carry. */
uint64_t block_checksum(const uint8_t *data, size_t len);

#endif
