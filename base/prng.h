/*
 * prng - a small seeded generator: jitter, choices, test data. Never keys.
 *
 * splitmix64 (Steele, Lea, Flood 2014): one word of state, any seed is a good seed.
 */
#ifndef SPOOR_BASE_PRNG_H
#define SPOOR_BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t prng_next(struct prng *p)
{
	uint64_t z = p->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform in [0, below); 0 when `below` is 0. The bias is under 2^-32 for small bounds. */
static inline uint64_t prng_below(struct prng *p, uint64_t below)
{
	return below == 0 ? 0 : prng_next(p) % below;
}

/* Uniform in [0, 1). */
static inline double prng_unit(struct prng *p)
{
	return (double)(prng_next(p) >> 11) * 0x1p-53;
}

static inline void prng_fill(struct prng *p, void *room, size_t len)
{
	uint8_t *at = room;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(prng_next(p) >> 32);
}

#endif
