/*
 * score - how well two fingerprints agree.
 *
 * One function, score_pair(), is all that the rest of spoor knows of the statistic; to replace it
 * is to replace score.c. It compares on the common time axis, over the common life: time both are
 * ON divided by time at least one is, and the same of their silence; the lesser of the two is the
 * score. Beside it stands the paper's CPF (ncts-2015 section IV; the Min/Max Sum Ratio of Wang,
 * Reeves and Wu 2002) as a named baseline: durations ON1, OFF1, ON2, ... compared index by index,
 * sum of minima over sum of maxima.
 */
#ifndef SPOOR_CORRELATE_SCORE_H
#define SPOOR_CORRELATE_SCORE_H

#include "base/err.h"
#include "correlate/fingerprint.h"

#include <stddef.h>
#include <stdint.h>

enum verdict {
	VERDICT_MATCH,       /* decidable, and score >= match_min */
	VERDICT_DIFFERENT,   /* decidable, and below */
	VERDICT_TOO_SHORT,   /* common life below life_min_ms or share_min */
	VERDICT_UNDECIDABLE, /* fewer than silences_min silences to compare: timing cannot tell */
};

struct score_limits {
	int64_t life_min_ms;   /* least common life */
	double share_min;      /* least common life as a share of the target's life */
	uint32_t silences_min; /* least silences of the target inside the common life */
	double match_min;      /* least score of a match */
};

extern const struct score_limits score_defaults; /* 30 s, 0.5, 2, 0.7 */

struct agreement {
	enum verdict verdict;
	double score;      /* 0..1 */
	double cpf;        /* 0..1; the paper's baseline, over both as they were given */
	int64_t common_ms; /* common life */
	int64_t lag_ms;    /* median of candidate start minus nearest target start; 0: none near */
	uint32_t silences; /* target silences longer than the pair's gap inside the common life */
};

/*
 * Compares at the larger gap of the two. `room` has space for target->count + candidate->count
 * intervals and is scribbled on. Neither count may be 0.
 */
struct agreement score_pair(const struct fingerprint *target, const struct fingerprint *candidate,
                            const struct score_limits *limits, struct interval *room);

/* "match", "different", "too short", "undecidable"; "unknown" for anything else. */
const char *verdict_text(enum verdict verdict);

#endif
