/*
 * seeds - run after run, each with faults of its own drawn from its seed, until something breaks.
 *
 * As TigerBeetle's VOPR: a phase in which anything may go wrong and nothing may be done wrong, then
 * one in which everything heals and everything must work again.
 */
#ifndef SPOOR_TOOLS_SIM_SEEDS_H
#define SPOOR_TOOLS_SIM_SEEDS_H

#include "tools/sim/story.h"

#include <stdbool.h>
#include <stdint.h>

#define SEEDS_MAX 1000000

/* What a caller has fixed; everything else is drawn. */
struct seeds_fixed {
	bool nodes, queries, loss, dead, byzantine, liar, nat, urgent, partition;
};

/* The story of `seed`, as `base` where it is fixed. */
struct story seeds_draw(const struct story *base, const struct seeds_fixed *fixed, uint64_t seed);

/*
 * Plays the stories of first..last; a line on standard output for each that breaks a promise, with
 * the command that repeats it, and one at the end. How many did; UINT64_MAX: no memory, or no
 * processes.
 */
uint64_t seeds_run(const struct story *base, const struct seeds_fixed *fixed, uint64_t first,
                   uint64_t last);

#endif
