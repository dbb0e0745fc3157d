/*
 * link - how long a datagram is on its way between two nodes.
 *
 * Each pair has a delay of its own, log-normal over the pairs (median 40 ms, sigma 0.5: from a few
 * ms within a city to some hundred across the world), the same in both directions and for a whole
 * run. Each datagram takes up to a quarter longer, so that two sent at once may change places. The
 * engine and the models of baseline.h share this, and so compare under the same weather.
 */
#ifndef SPOOR_TOOLS_SIM_LINK_H
#define SPOOR_TOOLS_SIM_LINK_H

#include "base/prng.h"

#include <stdint.h>

/* Of the pair; drawn anew each time from `seed`, so that nothing grows with the square of nodes. */
double link_ms(uint64_t seed, uint32_t a, uint32_t b);

/* Of one datagram: link_ms() and a draw of `p`; at least 1. */
uint64_t link_delay_ms(uint64_t seed, struct prng *p, uint32_t from, uint32_t to);

#endif
