/*
 * edgepage - edges of one hour, in order of time, such that few octets are read for a short while.
 *
 *	header | directory | buckets          first all of falling silent, then all of coming back
 *
 * A bucket has up to 128 edges: the steps from one time to the next, in as many bits as the longest
 * needs, and 24 bits of each connection's hash. The directory says when each begins, and has a
 * check of it. docs/STORE.md has the layout. The reader takes any octets at all.
 */
#ifndef SPOOR_STORE_EDGEPAGE_H
#define SPOOR_STORE_EDGEPAGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDGEPAGE_UNIT_MS 64
#define EDGEPAGE_UNITS 56250 /* of an hour */
#define EDGEPAGE_BUCKET 128
#define EDGEPAGE_EDGES_MAX (1u << 24)

/* A row: is_back << 40 | unit of the hour << 24 | hash. Ascending rows are in order. */
#define EDGEPAGE_HASH_BITS 24
#define EDGEPAGE_TIME_BITS 16

static inline uint64_t edgepage_row(bool is_back, uint32_t unit, uint32_t hash)
{
	return (uint64_t)is_back << (EDGEPAGE_HASH_BITS + EDGEPAGE_TIME_BITS) |
	       (uint64_t)unit << EDGEPAGE_HASH_BITS | hash;
}

static inline uint32_t edgepage_unit(uint64_t row)
{
	return (uint32_t)(row >> EDGEPAGE_HASH_BITS) & 0xffff;
}

static inline uint32_t edgepage_hash(uint64_t row)
{
	return (uint32_t)row & 0xffffff;
}

/* Octets that so many edges can take. */
size_t edgepage_bound(size_t count);

/* Writes rows[0..count), 1 to EDGEPAGE_EDGES_MAX of them and ascending but for hashes. Octets. */
size_t edgepage_encode(const uint64_t *rows, size_t count, uint8_t *room);

struct edgepage {
	const uint8_t *directory, *data; /* borrowed */
	size_t data_len;
	uint32_t counts[2];  /* of falling silent, of coming back */
	uint32_t buckets[2]; /* likewise */
};

/* ERR_SHORT, ERR_FORMAT, ERR_VERSION; ERR_CORRUPT: header and directory do not add up. */
MUST_USE enum err edgepage_open(const void *data, size_t len, struct edgepage *ret);

/* When the i-th bucket of a kind begins. */
uint32_t edgepage_begin(const struct edgepage *p, bool is_back, uint32_t i);

/* The first bucket of a kind that may have an edge at `unit` or after; as many as it has: none. */
uint32_t edgepage_find(const struct edgepage *p, bool is_back, uint32_t unit);

/* The i-th bucket's edges, at most EDGEPAGE_BUCKET. ERR_CORRUPT. */
MUST_USE enum err edgepage_read(const struct edgepage *p, bool is_back, uint32_t i,
                                uint64_t ret[EDGEPAGE_BUCKET], size_t *ret_count);

/* The checksum that the header of data[0..len), an open page or nearly, should carry. */
#define EDGEPAGE_CHECKSUM_AT 14
uint64_t edgepage_checksum(const uint8_t *data, size_t len);

#endif
