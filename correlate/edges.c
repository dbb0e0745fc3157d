#include "correlate/edges.h"

#include "base/util.h"
#include "correlate/span.h"

static double since_s(int64_t at_ms, int64_t origin_ms)
{
	return (span_real_ms(origin_ms, at_ms) - span_real_ms(at_ms, origin_ms)) / 1e3;
}

static bool is_sound(const struct interval *on, int64_t origin_ms, int64_t moved_ms)
{
	double start_s = since_s(on->start_ms, origin_ms) - (double)moved_ms / 1e3;
	double end_s = since_s(on->end_ms, origin_ms) - (double)moved_ms / 1e3;

	return start_s <= end_s && start_s >= -EDGES_SPAN_MAX_S && end_s <= EDGES_SPAN_MAX_S;
}

static double minute_of(int64_t origin_ms)
{
	int64_t ms = origin_ms % 60000;

	return (double)(ms < 0 ? ms + 60000 : ms) / 1e3;
}

void edges_of(const struct fingerprint *f, int64_t gap_ms, int64_t origin_ms, int64_t moved_ms,
              struct edges *ret)
{
	double gap_s = (double)MAX(gap_ms, 0) / 1e3, moved_s = (double)moved_ms / 1e3;
	bool is_begun = false;

	ret->count = 0;
	ret->first_s = ret->last_s = 0;
	ret->gap_s = gap_s;
	ret->minute_s = minute_of(origin_ms);
	for (size_t i = 0; i < f->count && ret->count < EDGES_MAX; i++) {
		double start_s = since_s(f->on[i].start_ms, origin_ms) - moved_s;
		double end_s = since_s(f->on[i].end_ms, origin_ms) - moved_s;

		if (!is_sound(&f->on[i], origin_ms, moved_ms))
			continue;
		if (!is_begun) {
			ret->first_s = start_s;
			ret->last_s = end_s;
			is_begun = true;
		}
		if (start_s - ret->last_s > gap_s) {
			ret->leave_s[ret->count] = ret->last_s;
			ret->back_s[ret->count++] = start_s;
		}
		ret->last_s = MAX(ret->last_s, end_s);
	}
}
