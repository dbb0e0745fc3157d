/*
 * edges - a fingerprint as the two ends of its silences, which are what two views of one hand
 *share.
 *
 *	ON ######......######........####
 *	         ^     ^     ^       ^
 *	     leave[0] back[0] leave[1] back[1]
 *
 * After the closure at a gap not below either exporter's idle timeout both ends of a silence are
 * times of real packets, wherever the exporters cut their records (docs/CORRELATION.md).
 */
#ifndef SPOOR_CORRELATE_EDGES_H
#define SPOOR_CORRELATE_EDGES_H

#include "correlate/fingerprint.h"

#include <stddef.h>
#include <stdint.h>

#define EDGES_MAX 256              /* silences of one side */
#define EDGES_SPAN_MAX_S 2678400.0 /* 31 days; what lies farther from the origin is left out */

struct edges {
	double first_s, last_s; /* its life; seconds since the pair's origin */
	double minute_s; /* the origin's second within its minute: for what a calendar starts */
	double gap_s;    /* every silence is longer */
	size_t count;
	double leave_s[EDGES_MAX]; /* the last packet before silence k */
	double back_s[EDGES_MAX];  /* and the first one after it */
};

/*
 * The silences longer than `gap_ms`, on a time axis that begins at `origin_ms`, `moved_ms` earlier
 * than the fingerprint says (the exporter's clock is ahead by that much). Intervals that end before
 * they begin, or begin before the one before them, are passed over. Of more than EDGES_MAX silences
 * the first ones are taken: fingerprint_fit() first where that matters.
 */
void edges_of(const struct fingerprint *f, int64_t gap_ms, int64_t origin_ms, int64_t moved_ms,
              struct edges *ret);

#endif
