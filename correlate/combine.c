#include "correlate/combine.h"

#include "correlate/total.h"

#define LN10 2.302585092994046

static double mean(double a, double b)
{
	struct total total = TOTAL_NOTHING;

	total_add(&total, a * LN10);
	if (isfinite(b))
		total_add(&total, b * LN10);
	return total_ln(&total) / LN10 - log10(2);
}

void combine(const struct side *target, const struct side *candidate, double lag_s,
             struct combined *ret)
{
	struct poller ours = {.edges = &target->edges}, theirs = {.edges = &candidate->edges};

	*ret = (struct combined){.polls = {.decades = -INFINITY}};
	evidence_of(target, candidate, lag_s, &ret->silences);
	ret->decades = ret->silences.decades;
	ret->lag_s = ret->silences.lag_s;
	ret->lag_error_s = ret->silences.lag_error_s;
	polling_of(ours.edges, &ours.polling);
	polling_of(theirs.edges, &theirs.polling);
	ret->is_polling = ours.polling.kind != POLLING_NONE;
	if (!ret->is_polling && theirs.polling.kind == POLLING_NONE)
		return;
	polling_evidence_of(&ours, &theirs, lag_s, &ret->polls);
	ret->decades = mean(ret->silences.decades, ret->polls.decades);
	ret->is_by_polls = ret->polls.decades > ret->silences.decades;
	if (!ret->is_by_polls)
		return;
	ret->lag_s = ret->polls.lag_s;
	ret->lag_error_s = ret->polls.lag_error_s;
}
