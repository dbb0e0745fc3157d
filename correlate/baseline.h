/*
 * baseline - the statistics that others rank pairs by, to be compared with: none has an error rate.
 *
 * All take two fingerprints closed at the same gap and give 0..1 (1: alike). Except for the first
 * they look at the common life alone.
 */
#ifndef SPOOR_CORRELATE_BASELINE_H
#define SPOOR_CORRELATE_BASELINE_H

#include "correlate/fingerprint.h"

#include <stddef.h>

struct baseline {
	const char *name;
	const char *what;
	double (*score)(const struct fingerprint *target, const struct fingerprint *candidate);
};

enum { BASELINE_CPF, BASELINE_MMS, BASELINE_STAT, BASELINE_NDP1, BASELINE_NDP2, BASELINE_JACCARD,
       BASELINE_PHI, BASELINE_OVERLAP, BASELINES };

extern const struct baseline baselines[BASELINES];

/* By name; NULL when there is none. */
const struct baseline *baseline_find(const char *name);

#endif
