/*
 * evidence - how much more likely a candidate's edges are if the target's caused or mirror them.
 *
 * An e-value E, in decades (log10). Under the null, that the two connections are independent and
 * that no edge was likelier to come than predict.h bounds it, E is the end of a nonnegative
 * supermartingale that began at 1, whatever the lag, so that chance reaches E >= 10^k with a
 * probability of at most 10^-k (docs/CORRELATION.md has the argument and what is measured).
 *
 * Symmetric: half of E is the candidate judged by the target's edges, half the reverse. Then the
 * decoys, for each half by itself: what the same pair reaches, moved apart by more than any lag.
 * Where the best of them has more than half of the evidence, twice what is above that half is taken
 * off. So what repeats itself is discounted even where its habits were not recognised, while a few
 * edges of a true pair that meet elsewhere cost nothing, and another true one raises the score.
 */
#ifndef SPOOR_CORRELATE_EVIDENCE_H
#define SPOOR_CORRELATE_EVIDENCE_H

#include "correlate/edges.h"
#include "correlate/predict.h"

#include <stddef.h>

struct side {
	struct edges edges;
	struct prediction prediction;
	double loss; /* share of its records that never came, 0..1 */
};

struct evidence {
	double decades;       /* log10 E */
	double plain_decades; /* before the decoys */
	double decoy_decades; /* the best of the decoys, of the whole; 0 when none was tried */
	double lag_s;         /* candidate minus target: mean, */
	double lag_error_s;   /* and standard deviation, of what the edges leave possible */
};

/* Fills the prediction from the edges. Once is enough for a side, whatever it is compared with. */
void side_predict(struct side *side);

/*
 * Both sides closed at one gap, on one time axis, and predicted. Lags of up to `lag_s` either way
 * are searched: delays, and what both clocks may err.
 */
void evidence_of(const struct side *target, const struct side *candidate, double lag_s,
                 struct evidence *ret);

/*
 * What speaks against the pair even if half of the records of each side were lost: decades before
 * any decoy, under that loss; at most 0. As long as evidence_of() takes without decoys.
 */
double evidence_against(const struct side *target, const struct side *candidate, double lag_s);

#endif
