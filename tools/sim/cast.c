#include "tools/sim/cast.h"

#include "base/util.h"

#include <stdlib.h>

static void shuffle(uint32_t *order, uint32_t count, struct prng *p)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)prng_below(p, i), kept = order[j];

		order[j] = order[i - 1];
		order[i - 1] = kept;
	}
}

/* Gives `role` to the next `count` of `order`; whoever is left when those run out stays honest. */
static uint32_t give(struct cast *cast, const uint32_t *order, uint32_t from, uint32_t count,
                     enum cast_role role)
{
	uint32_t to = MIN(from + count, cast->nodes - 1);

	for (uint32_t i = from; i < to; i++)
		cast->roles[order[i]] = (uint8_t)role;
	return to;
}

bool cast_init(struct cast *cast, uint32_t nodes, uint64_t seed, double dead, double liars)
{
	struct prng p = {.state = ~seed};
	uint32_t *order = calloc(nodes, sizeof(*order));
	uint32_t at = 0, dead_count = (uint32_t)(dead * nodes);
	uint32_t liar_count = (uint32_t)(liars * nodes), honest = nodes;

	*cast = (struct cast){.nodes = nodes, .roles = calloc(nodes, sizeof(*cast->roles))};
	if (order == NULL || cast->roles == NULL) {
		free(order);
		cast_fini(cast);
		return false;
	}
	for (uint32_t i = 0; i + 1 < nodes; i++)
		order[i] = i + 1;
	shuffle(order, nodes - 1, &p);
	at = give(cast, order, at, dead_count, CAST_DEAD);
	at = give(cast, order, at, liar_count, CAST_LIAR);
	honest -= at;
	give(cast, order, at, (uint32_t)(CAST_VICTIMS * honest), CAST_VICTIM);
	cast->askers.state = prng_next(&p);
	free(order);
	return true;
}

void cast_fini(struct cast *cast)
{
	free(cast->roles);
	cast->roles = NULL;
}

bool cast_is_honest(const struct cast *cast, uint32_t node)
{
	return cast->roles[node] == CAST_HONEST || cast->roles[node] == CAST_VICTIM;
}

uint32_t cast_asker(struct cast *cast)
{
	uint32_t node;

	do
		node = (uint32_t)prng_below(&cast->askers, cast->nodes);
	while (cast->roles[node] != CAST_HONEST);
	return node;
}
