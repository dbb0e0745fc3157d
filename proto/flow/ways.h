/*
 * ways - the shape of bounded tables: sets of eight places. A key's hash chooses its set; what does
 * not fit puts out one of that set, which its table chooses.
 *
 * Which keys share a set depends on a seed, so that nobody outside can choose whom to put out.
 */
#ifndef SPOOR_PROTO_FLOW_WAYS_H
#define SPOOR_PROTO_FLOW_WAYS_H

#include "base/addr.h"
#include "base/prng.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WAYS 8

struct ways {
	size_t sets; /* a power of two */
	uint64_t seed;
};

static inline struct ways ways_for(size_t places_min, uint64_t seed)
{
	struct ways w = {1, seed};

	while (w.sets * WAYS < places_min)
		w.sets *= 2;
	return w;
}

static inline size_t ways_places(const struct ways *w)
{
	return w->sets * WAYS;
}

/* A hash begins with the seed, and takes in the key word by word. */
static inline uint64_t ways_mix(uint64_t hash, uint64_t word)
{
	return prng_next(&(struct prng){hash ^ word});
}

static inline uint64_t ways_mix_addr(uint64_t hash, const struct addr *addr)
{
	uint64_t halves[2];

	memcpy(halves, addr->octets, sizeof(halves));
	return ways_mix(ways_mix(hash, halves[0]), halves[1]);
}

/* The first of the set's places. */
static inline size_t ways_set(const struct ways *w, uint64_t hash)
{
	return (hash & (w->sets - 1)) * WAYS;
}

#endif
