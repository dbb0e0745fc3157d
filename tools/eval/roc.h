/*
 * roc - scores of true and of unrelated pairs, counted; recall at a false rate.
 */
#ifndef SPOOR_TOOLS_EVAL_ROC_H
#define SPOOR_TOOLS_EVAL_ROC_H

#include <stddef.h>
#include <stdint.h>

#define ROC_BINS 60000

struct roc {
	double low, width;      /* of the bins */
	uint64_t *same, *other; /* owned; ROC_BINS each */
	uint64_t same_count, other_count;
};

struct roc roc_new(double low, double high);
void roc_free(struct roc *r);

void roc_same(struct roc *r, double score);
void roc_other(struct roc *r, double score);

/* All of `from` as well. */
void roc_merge(struct roc *into, const struct roc *from);

/* The least score at which at most `rate` of the unrelated pairs are accepted. */
double roc_threshold(const struct roc *r, double rate);

/* The share of true pairs accepted at that score; NaN of none. */
double roc_recall(const struct roc *r, double threshold);

/* The share of unrelated pairs at or above the score. */
double roc_false(const struct roc *r, double threshold);

#endif
