/* fingerprint - when a connection was active: ordered, disjoint ON intervals, and their closure. */
#ifndef SPOOR_CORRELATE_FINGERPRINT_H
#define SPOOR_CORRELATE_FINGERPRINT_H

#include "base/interval.h"

#include <stddef.h>
#include <stdint.h>

struct fingerprint {
	const struct interval *on; /* borrowed; ordered, more than gap_ms apart */
	size_t count;
	int64_t gap_ms; /* silences up to this long count as ON */
};

/* Closes on[0..count), ordered by start, in place: silences <= gap_ms vanish. The new count. */
size_t fingerprint_close(struct interval *on, size_t count, int64_t gap_ms);

/*
 * The smallest gap, not below `gap_ms`, whose closure of on[0..count) has at most `max` (>= 1)
 * intervals. The array is not changed.
 */
int64_t fingerprint_fit(const struct interval *on, size_t count, int64_t gap_ms, size_t max);

/*
 * `f`, which is not empty, in at most `max` (>= 1) intervals: to ret_on[0..max), closed at
 * `*ret_gap_ms`. How many there are.
 */
size_t fingerprint_coarsen(const struct fingerprint *f, size_t max, struct interval *ret_on,
                           int64_t *ret_gap_ms);

#endif
