/* among - is this hash one of those? */
#ifndef SPOOR_STORE_AMONG_H
#define SPOOR_STORE_AMONG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMONG_SKETCH_BITS 16

struct among {
	const uint32_t *hashes; /* borrowed; ascending */
	size_t count;
	unsigned bits; /* that count, the first ones; at least AMONG_SKETCH_BITS */
	uint64_t sketch[1 << (AMONG_SKETCH_BITS - 6)]; /* for those that are not */
};

/* Sorts hashes[0..count), of which the first `bits` bits count. */
void among_sort(uint32_t *hashes, size_t count);
void among_of(const uint32_t *hashes, size_t count, unsigned bits, struct among *ret);

bool among_is_listed(const struct among *a, uint32_t hash);

static inline bool among_has(const struct among *a, uint32_t hash)
{
	uint32_t place = hash >> (32 - AMONG_SKETCH_BITS);

	return (a->sketch[place / 64] >> place % 64 & 1) != 0 && among_is_listed(a, hash);
}

#endif
