/*
 * block - flows as one self-describing, checksummed run of octets.
 *
 *	header | column | column | ...        the columns compressed together where that pays
 *
 * A row of flows becomes columns, because a column of like values is small: addresses by a
 * dictionary, times by their differences, everything else as a plain varint. docs/STORE.md has the
 * layout. The codec knows neither files nor clocks, and its reader takes any octets at all.
 */
#ifndef SPOOR_STORE_BLOCK_H
#define SPOOR_STORE_BLOCK_H

#include "base/err.h"
#include "base/interval.h"
#include "proto/flow/flow.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCK_VERSION 2
#define BLOCK_HEADER_LEN 44
#define BLOCK_FLOWS_MAX                                                           \
	131072 /* in one block; what a forged header can make the reader allocate \
	        */

/* Working memory, reused from block to block. One thread at a time. */
struct block_codec;

struct block_codec *block_codec_new(void); /* NULL when out of memory */
void block_codec_free(struct block_codec *c);

/*
 * Encodes flows[0..count). `ret` is borrowed until the next call on `c`.
 *
 * ERR_RANGE   count is 0 or above BLOCK_FLOWS_MAX
 * ERR_NOMEM
 */
MUST_USE enum err block_encode(struct block_codec *c, const struct flow *flows, size_t count,
                               const uint8_t **ret, size_t *ret_len);

/*
 * Decodes all of data[0..len). `ret` is borrowed until the next call on `c`, and may be written to.
 *
 * ERR_SHORT     ends before its header, or before what the header announces
 * ERR_FORMAT    no block, or one that contradicts itself
 * ERR_VERSION   a block of another version
 * ERR_CORRUPT   the checksum does not match
 * ERR_NOMEM
 */
MUST_USE enum err block_decode(struct block_codec *c, const void *data, size_t len,
                               struct flow **ret, size_t *ret_count);

/* From the earliest start to the latest end. `count` must not be 0. */
struct interval block_span(const struct flow *flows, size_t count);

/* The checksum that the header of data[0..len), at least BLOCK_HEADER_LEN octets, should carry. */
uint64_t block_checksum(const uint8_t *data, size_t len);

#endif
