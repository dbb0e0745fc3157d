#include "correlate/sieve.h"

#include "base/util.h"

#define BIN_S 1.0 /* votes are counted over two neighbouring bins */
#define BINS 64

size_t sieve_least(size_t silences)
{
	return 3 + silences / 5;
}

static void vote(const double *a_s, size_t a_count, const double *b_s, size_t b_count,
                 double reach_s, unsigned bins[BINS])
{
	size_t first = 0;

	for (size_t i = 0; i < a_count; i++) {
		while (first < b_count && b_s[first] < a_s[i] - reach_s)
			first++;
		for (size_t k = first; k < b_count && b_s[k] <= a_s[i] + reach_s; k++)
			bins[(size_t)((b_s[k] - a_s[i] + reach_s) / BIN_S)]++;
	}
}

size_t sieve_votes(const struct edges *a, const struct edges *b, double lag_s)
{
	double reach_s = MIN(lag_s + BIN_S / 2, BIN_S * (BINS / 2 - 1));
	unsigned bins[BINS] = {0}, most = 0;

	vote(a->back_s, a->count, b->back_s, b->count, reach_s, bins);
	vote(a->leave_s, a->count, b->leave_s, b->count, reach_s, bins);
	for (size_t i = 0; i + 1 < BINS; i++)
		most = MAX(most, bins[i] + bins[i + 1]);
	return most;
}
