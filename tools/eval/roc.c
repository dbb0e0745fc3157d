#include "tools/eval/roc.h"

#include "base/util.h"
#include "tools/eval/times.h"

#include <math.h>
#include <stdlib.h>

struct roc roc_new(double low, double high)
{
	return (struct roc){
		.low = low,
		.width = (high - low) / ROC_BINS,
		.same = must_alloc(ROC_BINS, sizeof(uint64_t)),
		.other = must_alloc(ROC_BINS, sizeof(uint64_t)),
	};
}

void roc_free(struct roc *r)
{
	free(r->same);
	free(r->other);
	*r = (struct roc){0};
}

static size_t bin_of(const struct roc *r, double score)
{
	double bin = floor((score - r->low) / r->width + 1e-6);

	if (!(bin > 0))
		return 0;
	return bin < ROC_BINS ? (size_t)bin : ROC_BINS - 1;
}

void roc_same(struct roc *r, double score)
{
	r->same[bin_of(r, score)]++;
	r->same_count++;
}

void roc_other(struct roc *r, double score)
{
	r->other[bin_of(r, score)]++;
	r->other_count++;
}

void roc_merge(struct roc *into, const struct roc *from)
{
	for (size_t i = 0; i < ROC_BINS; i++) {
		into->same[i] += from->same[i];
		into->other[i] += from->other[i];
	}
	into->same_count += from->same_count;
	into->other_count += from->other_count;
}

double roc_threshold(const struct roc *r, double rate)
{
	double allowed = rate * (double)r->other_count;
	uint64_t above = 0;
	size_t bin = ROC_BINS;

	while (bin > 0 && (double)(above + r->other[bin - 1]) <= allowed)
		above += r->other[--bin];
	return r->low + r->width * (double)bin;
}

static double share(const uint64_t *bins, uint64_t count, size_t from)
{
	uint64_t above = 0;

	for (size_t i = from; i < ROC_BINS; i++)
		above += bins[i];
	return count > 0 ? (double)above / (double)count : (double)NAN;
}

double roc_recall(const struct roc *r, double threshold)
{
	return share(r->same, r->same_count, bin_of(r, threshold));
}

double roc_false(const struct roc *r, double threshold)
{
	return share(r->other, r->other_count, bin_of(r, threshold));
}
