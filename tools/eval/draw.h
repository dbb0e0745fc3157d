/* draw - the distributions that people, networks and machines are made of here. */
#ifndef SPOOR_TOOLS_EVAL_DRAW_H
#define SPOOR_TOOLS_EVAL_DRAW_H

#include "base/prng.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool draw_is(struct prng *p, double chance)
{
	return prng_unit(p) < chance;
}

static inline double draw_between(struct prng *p, double low, double high)
{
	return low + (high - low) * prng_unit(p);
}

/* 0, 1, ..., count - 1 */
static inline double draw_whole(struct prng *p, uint64_t count)
{
	uint64_t drawn = prng_below(p, count);

	return (double)drawn;
}

static inline double draw_exponential(struct prng *p, double mean)
{
	return -mean * log(1 - prng_unit(p));
}

static inline double draw_normal(struct prng *p)
{
	double radius = sqrt(draw_exponential(p, 2));

	return radius * cos(6.283185307179586 * prng_unit(p));
}

static inline double draw_lognormal(struct prng *p, double median, double sigma)
{
	return median * exp(sigma * draw_normal(p));
}

/* Cut at `most`. */
static inline double draw_pareto(struct prng *p, double least, double alpha, double most)
{
	double x = least * pow(1 - prng_unit(p), -1 / alpha);

	return x < most ? x : most;
}

static inline double draw_one_of(struct prng *p, const double *of, size_t count)
{
	return of[prng_below(p, count)];
}

#endif
