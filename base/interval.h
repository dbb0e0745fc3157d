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

/* As far as time goes: it does not wrap. */
static inline int64_t interval_later(int64_t ms, int64_t by_ms)
{
	if (ms < 0)
		return by_ms < INT64_MIN - ms ? INT64_MIN : ms + by_ms;
	return by_ms > INT64_MAX - ms ? INT64_MAX : ms + by_ms;
}

/* Each end moved by its own. */
static inline struct interval interval_moved(struct interval when, int64_t start_by_ms,
                                             int64_t end_by_ms)
{
	return (struct interval){interval_later(when.start_ms, start_by_ms),
	                         interval_later(when.end_ms, end_by_ms)};
}

#define INTERVAL_ALWAYS ((struct interval){INT64_MIN, INT64_MAX})

#endif
