/*
 * planes - a column of numbers as few octets.
 *
 * Values are counted from the column's least; of what is left, all first octets stand together,
 *then all second octets, and so on: a plane each. The low planes are noise and stay as they are,
 *the high ones repeat themselves and are packed with zstd. A column of equal values has no planes.
 *
 *	id | width | base | plane | plane ...        a plane: its length, then its octets
 *
 * Reading goes in two steps: planes_find() walks a column without touching its planes, so that
 * columns that nobody asks for cost nothing; planes_unpack() makes one readable.
 */
#ifndef SPOOR_STORE_PLANES_H
#define SPOOR_STORE_PLANES_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

#define PLANES_MAX 8

struct planes {
	const uint8_t
		*at[PLANES_MAX];  /* as they lie in the block; after planes_unpack() readable */
	uint32_t len[PLANES_MAX]; /* octets there */
	uint64_t base;
	uint32_t rows;
	uint8_t width; /* planes */
	bool is_open;  /* unpacked */
};

/* What planes_put() packs with, for ZSTD_freeCCtx(). NULL: no memory. */
ZSTD_CCtx *planes_packer(void);

/* Octets that a column of so many rows can take. */
size_t planes_bound(size_t rows);

/* Writes values[0..rows) as column `id`. `scratch` has room for 8 * rows octets. */
uint8_t *planes_put(ZSTD_CCtx *packer, uint8_t id, const uint64_t *values, size_t rows,
                    uint8_t *scratch, uint8_t *at);

/* The next column; false when it is not `id`, or does not fit. */
bool planes_find(struct bytes *in, uint8_t id, size_t rows, struct planes *ret);

/* Unpacks into `room`, of width * rows octets; what was not packed stays where it lies. */
bool planes_unpack(ZSTD_DCtx *unpacker, struct planes *p, uint8_t *room);

/* The values of rows [from, from + count), at most PLANES_RUN of them; `p` is open. */
#define PLANES_RUN 1024
void planes_get(const struct planes *p, size_t from, size_t count, uint64_t *ret);

static inline uint64_t planes_one(const struct planes *p, size_t row)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < p->width; i++)
		value |= (uint64_t)p->at[i][row] << 8 * i;
	return p->base + value;
}

#endif
