/* bundles - the folder of signed evidence, which does not grow without end. */
#ifndef SPOOR_NODE_BUNDLES_H
#define SPOOR_NODE_BUNDLES_H

#include "base/clock.h"

#include <stddef.h>

struct node;

struct bundles {
	size_t count;        /* at most, of those that are there */
	struct mono counted; /* when they were counted last; ms 0: never */
};

/*
 * Some were written: what is too old, and the oldest of too many, goes (conf.traces_age_ms,
 * conf.traces_max), but for what a watch names as evidence of what it has found. Other files are
 * left alone.
 */
void bundles_bound(struct node *node);

#endif
