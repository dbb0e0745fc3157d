/*
 * sieve - which pairs are worth their evidence: those whose silences begin and end together often
 * enough. All evidence comes from edges that agree under one lag; where there are too few of them,
 * it is below any threshold of interest.
 */
#ifndef SPOOR_CORRELATE_SIEVE_H
#define SPOOR_CORRELATE_SIEVE_H

#include "correlate/edges.h"

#include <stddef.h>
#include <stdint.h>

/* The most edges of `a` and `b`, of like kind, that agree under one lag of at most `lag_s`. */
size_t sieve_votes(const struct edges *a, const struct edges *b, double lag_s);

/* How many it takes, of so many silences of the target. */
size_t sieve_least(size_t silences);

/*
 * The coarse sieve, for a candidate each in the time of reading it. For every second of the
 * target's life a word of eight counters, one for each window of lags: 1 where an edge of the
 * target lies at such a lag. The words of a candidate's edges, added up, are the votes for each
 * window. What it refuses, sieve_votes() would refuse, too, as long as lags are no longer than
 * SIEVE_LAG_MAX_S.
 */
#define SIEVE_SPAN_S 65535 /* of the target's life; what it does later is not looked at */
#define SIEVE_LAG_MAX_S 3.5
#define SIEVE_SILENCES_MAX 60 /* a candidate with more is taken unseen */

struct sieve_silence { /* whole seconds since the target began; SIEVE_SPAN_S: outside its life */
	uint16_t leave, back;
};

struct sieve {
	size_t least;                        /* votes that it takes */
	uint64_t votes[2][SIEVE_SPAN_S + 1]; /* by second: of leaving, of coming back */
};

void sieve_of(const struct edges *target, double lag_s, struct sieve *ret);

/* A time on the target's axis (edges.h) as a sieve_silence has it. */
uint16_t sieve_second(const struct edges *target, double at_s);

/*
 * Which of count candidates pass: their indices to `ret`, which has room for `count`. Candidate i
 * has the silences first[i] up to first[i + 1]. Returns how many.
 */
size_t sieve_pick(const struct sieve *s, const struct sieve_silence *silences,
                  const uint32_t *first, size_t count, uint32_t *ret);

#endif
