/*
 * method - the statistics that others rank pairs by, to be compared with: none has an error rate.
 *
 * All take two fingerprints closed at the same gap and give 0..1 (1: alike). Except for the first
 * they look at the common life alone.
 */
#ifndef SPOOR_CORRELATE_METHOD_H
#define SPOOR_CORRELATE_METHOD_H

#include "correlate/fingerprint.h"

#include <stddef.h>

struct method {
	const char *name;
	const char *what;
	double (*score)(const struct fingerprint *target, const struct fingerprint *candidate);
};

enum {
	METHOD_CPF,
	METHOD_MMS,
	METHOD_STAT,
	METHOD_NDP1,
	METHOD_NDP2,
	METHOD_JACCARD,
	METHOD_PHI,
	METHOD_OVERLAP,
	METHODS
};

extern const struct method methods[METHODS];

/* By name; NULL when there is none. */
const struct method *method_find(const char *name);

#endif
