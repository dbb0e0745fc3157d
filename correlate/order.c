#include "correlate/order.h"

#include "base/util.h"

#include <math.h>
#include <stdlib.h>

#define NEAR_S 1.5        /* two starts of activity are one */
#define STRETCH_MAX_S 6.0 /* more is no echo */
#define SURE_LEAD 4.0     /* log-odds of a start that the clocks cannot explain: right in 98 % */
#define SURE_START 0.5    /* of one that they can */
#define SURE_STRETCH 4.0  /* of a stretch of STRETCH_SURE_S and above */
#define STRETCH_SURE_S 0.25

static double on_start(const struct edges *e, size_t k)
{
	return k > 0 ? e->back_s[k - 1] : e->first_s;
}

static int ascending(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Activity k of `e` lies between two silences: neither its first, nor its last. */
static size_t inner_count(const struct edges *e)
{
	return e->count > 0 ? e->count - 1 : 0;
}

static size_t stretches(const struct edges *a, const struct edges *b, double lag_s, double *ret)
{
	size_t count = 0, k = 1;

	for (size_t i = 1; i <= inner_count(a); i++) {
		double start_s = on_start(a, i) + lag_s, longer_s;

		while (k <= inner_count(b) && on_start(b, k) < start_s - NEAR_S)
			k++;
		if (k > inner_count(b) || on_start(b, k) > start_s + NEAR_S)
			continue;
		longer_s = (a->leave_s[i] - on_start(a, i)) - (b->leave_s[k] - on_start(b, k));
		if (fabs(longer_s) <= STRETCH_MAX_S)
			ret[count++] = longer_s;
	}
	return count;
}

static double clamped(double x, double most)
{
	return MAX(-most, MIN(x, most));
}

struct order order_of(const struct edges *a, const struct edges *b, double lag_s, double clock_s)
{
	double of[EDGES_MAX];
	struct order ret = {.compared = stretches(a, b, lag_s, of),
	                    .lead_s = b->first_s - a->first_s};
	double beyond_s = fabs(ret.lead_s) - clock_s;

	if (ret.compared > 0) {
		qsort(of, ret.compared, sizeof(of[0]), ascending);
		ret.stretch_s = (of[(ret.compared - 1) / 2] + of[ret.compared / 2]) / 2;
		ret.log_odds = clamped(SURE_STRETCH * ret.stretch_s / STRETCH_SURE_S, SURE_STRETCH);
	}
	if (beyond_s > 0)
		ret.log_odds += ret.lead_s > 0 ? 2 * SURE_LEAD : -2 * SURE_LEAD;
	else if (clock_s > 0)
		ret.log_odds += SURE_START * ret.lead_s / clock_s;
	return ret;
}
