#include "tools/sim/link.h"

#include "base/util.h"

#include <math.h>

#define MEDIAN_MS 40.0
#define SIGMA 0.5
#define JITTER 0.25
#define TURN 6.283185307179586

double link_ms(uint64_t seed, uint32_t a, uint32_t b)
{
	struct prng p = {.state = seed ^ ((uint64_t)MIN(a, b) << 32 | MAX(a, b))};
	double u, v;

	p.state = prng_next(&p); /* neighbouring seeds are neighbours no more */
	u = 1.0 - prng_unit(&p);
	v = prng_unit(&p);
	return MEDIAN_MS * exp(SIGMA * sqrt(-2.0 * log(u)) * cos(TURN * v));
}

uint64_t link_delay_ms(uint64_t seed, struct prng *p, uint32_t from, uint32_t to)
{
	double delay_ms = link_ms(seed, from, to) * (1.0 + JITTER * prng_unit(p));

	return MAX(1, (uint64_t)delay_ms);
}
