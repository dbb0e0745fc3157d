/*
 * score - how well two fingerprints agree, and whether that can be chance.
 *
 * score_pair() is all that the rest of spoor knows of the statistic. The score is evidence in
 * decades: log10 of an e-value (evidence.h). Of unrelated connections at most one in 10^k reaches
 * k; among `searched` of them the best reaches it with a probability of at most searched / 10^k,
 * which is score_p_value(). Unrelated are not: one program begun on both sides within the lag, or
 * on one schedule. Beside it stands the paper's CPF as a baseline (method.h has the
 * others).
 */
#ifndef SPOOR_CORRELATE_SCORE_H
#define SPOOR_CORRELATE_SCORE_H

#include "correlate/fingerprint.h"
#include "correlate/polling.h"
#include "correlate/volume.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
	VERDICT_MATCH,        /* score >= match_min */
	VERDICT_DIFFERENT,    /* the candidate was silent or busy when it should not, by
	                         different_max even if half of either was lost */
	VERDICT_TOO_SHORT,    /* common life below life_min_ms; or below share_min, and no match */
	VERDICT_UNDECIDABLE,  /* fewer than silences_min silences to compare */
	VERDICT_INCONCLUSIVE, /* silences enough, but what they say is neither: regular, or
	                         disguised */
	VERDICT_VOLUME,       /* a match by volume alone (volume.h): silences are too few */
	VERDICT_POLLING,      /* a match, mostly by the phase of polls (polling.h) */
	VERDICT_PERIODIC,     /* inconclusive: the target polls, and what has its period is alike */
};

struct score_clock {       /* of an exporter, as the collector knows it */
	int64_t offset_ms; /* it is ahead by this */
	int64_t bound_ms;  /* within this, either way */
	double loss;       /* share of its records that never came, 0..1 */
};

struct score_limits {
	int64_t life_min_ms;   /* least common life */
	double share_min;      /* least common life as a share of the target's life */
	uint32_t silences_min; /* least silences of the target inside the common life */
	double match_min;      /* decades */
	double different_max;  /* decades, below 0 */
	int64_t delay_ms;      /* what a network may delay, beside the clocks */
	struct score_clock target, candidate;
};

/* 30 s, 0.5, 2, 3 decades, -1 decade, 1.5 s; clocks right to within 1 s, 5 % of records lost */
extern const struct score_limits score_defaults;

struct agreement {
	enum verdict verdict;
	double score;    /* decades; finite */
	double cpf;      /* 0..1; the paper's baseline, over both as they were given */
	double repeated; /* decades that moving the pair apart has cost it (evidence.h) */
	double silences_decades, polling_decades; /* what the score was made of; -INFINITY: nothing,
	                                             as of the second where neither polls */
	int64_t common_ms;                        /* common life */
	int64_t lag_ms;                           /* candidate minus target, after their offsets */
	int64_t lag_error_ms; /* one standard deviation; what the scatter of edges leaves open */
	int64_t stretch_ms;   /* by so much the candidate's activity lasts longer: upstream, if it
	                         does */
	uint32_t stretches;   /* that both have; 0: nothing is known of it (order.h) */
	uint32_t silences; /* target silences longer than the pair's gap inside the common life */
};

#define SCORE_MAX 100000.0 /* no score is farther from 0 */

/*
 * Compares at the larger gap of the two, or at the least wider one at which neither has more than
 * EDGES_MAX silences. Neither count may be 0. No allocation; about 50 KiB of stack; time bounded
 * by EDGES_MAX whatever the fingerprints say.
 */
struct agreement score_pair(const struct fingerprint *target, const struct fingerprint *candidate,
                            const struct score_limits *limits);

/*
 * False only where score_pair() would find no evidence worth a line; a hundred times cheaper.
 */
bool score_is_worthwhile(const struct fingerprint *target, const struct fingerprint *candidate,
                         const struct score_limits *limits);

/*
 * By volume, for a target whose silences are too few. `silences` of the result are the records
 * compared. That one of two statistics is chosen by the target's own times costs 0.3 decades.
 */
struct agreement score_volumes(const struct volume_side *target,
                               const struct volume_side *candidate,
                               const struct score_limits *limits);

/* Whether it polls, and how, as score_pair() sees it. */
void score_polling(const struct fingerprint *target, struct polling *ret);

/* By silences, by polls, or by volume. */
bool verdict_is_match(enum verdict verdict);

/* The chance that one of `searched` unrelated connections scores as much: at most 1. What one
 * program drives on both sides is not unrelated. */
double score_p_value(double decades, uint64_t searched);

/*
 * e-BH (Wang and Ramdas 2022): how many of the best may be reported so that the expected share of
 * false ones among them is at most `rate`, however they depend on each other. decades[0..count) is
 * in descending order, the best of `searched`.
 */
size_t score_discoveries(const double *decades, size_t count, uint64_t searched, double rate);

/* "match", "different", "too short", "undecidable", "inconclusive", "match by volume", "match by
 * polling", "periodic"; "unknown" for anything else. */
const char *verdict_text(enum verdict verdict);

/* What would decide it: "a longer time in common", ...; NULL where nothing is open. */
const char *verdict_need(enum verdict verdict);

#endif
