/*
 * cast - who plays which part in a run: the dead, the liars, their victims, those who ask.
 *
 * Drawn from the seed alone, so that a run of the overlay and a run of a model (baseline.h) with
 * the same seed lose and corrupt the same nodes. n00, the one address that everybody knows when a
 * community starts, is always honest and alive.
 */
#ifndef SPOOR_TOOLS_SIM_CAST_H
#define SPOOR_TOOLS_SIM_CAST_H

#include "base/prng.h"

#include <stdbool.h>
#include <stdint.h>

#define CAST_VICTIMS 0.1 /* share of the honest that truncating liars keep in the dark */

enum cast_role {
	CAST_HONEST,
	CAST_VICTIM, /* honest, and the liars are after it */
	CAST_LIAR,
	CAST_DEAD, /* dies before the first query */
};

struct cast {
	uint32_t nodes;
	struct prng askers;
	uint8_t *roles; /* enum cast_role, one for each node; owned */
};

/* `dead` and `liars` are shares of the nodes, rounded down. False when out of memory. */
bool cast_init(struct cast *cast, uint32_t nodes, uint64_t seed, double dead, double liars);
void cast_fini(struct cast *cast);

bool cast_is_honest(const struct cast *cast, uint32_t node); /* and not dead */

/* Who asks next: honest, alive, no victim. */
uint32_t cast_asker(struct cast *cast);

#endif
