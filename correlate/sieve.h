/*
 * sieve - which pairs are worth their evidence: those whose silences begin and end together often
 * enough. All evidence comes from edges that agree under one lag; where there are too few of them,
 * it is below any threshold of interest.
 */
#ifndef SPOOR_CORRELATE_SIEVE_H
#define SPOOR_CORRELATE_SIEVE_H

#include "correlate/edges.h"

#include <stdbool.h>
#include <stddef.h>

/* The most edges of `a` and `b`, of like kind, that agree under one lag of at most `lag_s`. */
size_t sieve_votes(const struct edges *a, const struct edges *b, double lag_s);

/* How many it takes, of so many silences of the target. */
size_t sieve_least(size_t silences);

#endif
