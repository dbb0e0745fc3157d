/* interval - a span of wall time; fingerprints are ordered, disjoint arrays of them. */
#ifndef SPOOR_BASE_INTERVAL_H
#define SPOOR_BASE_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

struct interval {
	int64_t start_ms; /* since 1970, UTC */
	int64_t end_ms;   /* not before start_ms; a span of one instant is allowed */
};

static inline bool interval_overlaps(struct interval a, struct interval b)
{
	return a.start_ms <= b.end_ms && b.start_ms <= a.end_ms;
}

#define INTERVAL_ALWAYS ((struct interval){INT64_MIN, INT64_MAX})

#endif
