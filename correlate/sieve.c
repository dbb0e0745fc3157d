#include "correlate/sieve.h"

#include "base/util.h"

#include <math.h>
#include <string.h>

#define BIN_S 1.0 /* votes are counted over two neighbouring bins */
#define BINS 64

size_t sieve_least(size_t silences)
{
	return 3 + silences / 4;
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

#define WINDOWS 8 /* of lags, two seconds each, a second apart: as sieve_votes() has its bins */
#define EACH UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

/* An edge votes in every second, for every window, where the two may lie in such a lag. */
static void mark(const struct edges *target, const double *at_s, double reach_s, uint64_t *votes)
{
	for (size_t k = 0; k < target->count; k++) {
		double at = at_s[k] - target->first_s, first_s = floor(at - reach_s);

		for (double second = MAX(first_s, 0);
		     second <= at + reach_s && second < SIEVE_SPAN_S; second++) {
			for (int w = 0; w < WINDOWS; w++) {
				double from_s = at - reach_s + w * BIN_S;

				if (second + 1 >= from_s && second <= from_s + 2 * BIN_S)
					votes[(size_t)second] |= UINT64_C(1) << (8 * w);
			}
		}
	}
}

void sieve_of(const struct edges *target, double lag_s, struct sieve *ret)
{
	double reach_s = MIN(lag_s, SIEVE_LAG_MAX_S) + BIN_S / 2;

	ret->least = MIN(sieve_least(target->count), 127);
	memset(ret->votes, 0, sizeof(ret->votes));
	mark(target, target->leave_s, reach_s, ret->votes[0]);
	mark(target, target->back_s, reach_s, ret->votes[1]);
}

uint16_t sieve_second(const struct edges *target, double at_s)
{
	double second = at_s - target->first_s;

	return second >= 0 && second < SIEVE_SPAN_S ? (uint16_t)second : SIEVE_SPAN_S;
}

/* Without a branch in the inner loop; the tables of half an hour stay in the first cache. */
size_t sieve_pick(const struct sieve *s, const struct sieve_silence *silences,
                  const uint32_t *first, size_t count, uint32_t *ret)
{
	const uint64_t *leave = s->votes[0], *back = s->votes[1];
	uint64_t short_of =
		(128 - s->least) * EACH; /* brings a counter of `least` to its top bit */
	size_t picked = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t votes = 0;

		if (first[i + 1] - first[i] > SIEVE_SILENCES_MAX) {
			ret[picked++] = (uint32_t)i;
			continue;
		}
		for (uint32_t k = first[i]; k < first[i + 1]; k++)
			votes += leave[silences[k].leave] + back[silences[k].back];
		ret[picked] = (uint32_t)i;
		picked += ((votes + short_of) & TOPS) != 0;
	}
	return picked;
}
