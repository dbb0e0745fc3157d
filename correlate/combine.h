/*
 * combine - what silences tell of a pair, and what polls tell, as one e-value.
 *
 * Where one side polls, E is the mean of both. Whether the given side does is known before the
 * other is judged by it, so that the mean is an e-value in each direction; where the judged side
 * alone does, it is less than that direction allows. Of all others E is that by silences: what
 * types pays nothing for it.
 */
#ifndef SPOOR_CORRELATE_COMBINE_H
#define SPOOR_CORRELATE_COMBINE_H

#include "correlate/evidence.h"
#include "correlate/polling.h"

#include <stdbool.h>

struct combined {
	double decades;            /* log10 E */
	double lag_s, lag_error_s; /* by what tells more */
	struct evidence silences;
	struct polling_evidence polls;
	bool is_polling;  /* the target polls */
	bool is_by_polls; /* they tell more */
};

/* Both sides predicted, as evidence_of() wants them. */
void combine(const struct side *target, const struct side *candidate, double lag_s,
             struct combined *ret);

#endif
