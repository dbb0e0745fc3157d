/* total - a sum of numbers that are told by their logarithms: too large, or small, for a double. */
#ifndef SPOOR_CORRELATE_TOTAL_H
#define SPOOR_CORRELATE_TOTAL_H

#include <math.h>

struct total { /* begins as TOTAL_NOTHING */
	double top, sum;
};

#define TOTAL_DIGITS 40 /* e^-40 of a sum is below the last digit of a double */
#define TOTAL_NOTHING ((struct total){-INFINITY, 0})

static inline void total_add(struct total *t, double ln)
{
	if (ln > t->top) {
		t->sum = t->sum * exp(t->top - ln) + 1;
		t->top = ln;
	} else if (ln > t->top - TOTAL_DIGITS) {
		t->sum += exp(ln - t->top);
	}
}

static inline double total_ln(const struct total *t)
{
	return t->top + log(t->sum);
}

#endif
