#include "store/among.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

void among_sort(uint32_t *hashes, size_t count)
{
	if (count > 0)
		qsort(hashes, count, sizeof(*hashes), by_value);
}

void among_of(const uint32_t *hashes, size_t count, unsigned bits, struct among *ret)
{
	ret->hashes = hashes;
	ret->count = count;
	ret->bits = bits;
	memset(ret->sketch, 0, sizeof(ret->sketch));
	for (size_t i = 0; i < count; i++) {
		uint32_t place = hashes[i] >> (32 - AMONG_SKETCH_BITS);

		ret->sketch[place / 64] |= UINT64_C(1) << place % 64;
	}
}

bool among_is_listed(const struct among *a, uint32_t hash)
{
	unsigned rest = 32 - a->bits;
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (a->hashes[middle] >> rest < hash >> rest)
			low = middle + 1;
		else
			high = middle;
	}
	return low < a->count && a->hashes[low] >> rest == hash >> rest;
}
