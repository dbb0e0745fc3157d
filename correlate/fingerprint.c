#include "correlate/fingerprint.h"

#include "base/util.h"
#include "correlate/span.h"

/* To `ret`, which may be `on` itself. */
static size_t close_to(const struct interval *on, size_t count, int64_t gap_ms,
                       struct interval *ret)
{
	size_t closed = 0;

	for (size_t i = 0; i < count; i++) {
		if (closed == 0 || span_ms(ret[closed - 1].end_ms, on[i].start_ms) > gap_ms)
			ret[closed++] = on[i];
		else
			ret[closed - 1].end_ms = MAX(ret[closed - 1].end_ms, on[i].end_ms);
	}
	return closed;
}

size_t fingerprint_close(struct interval *on, size_t count, int64_t gap_ms)
{
	return close_to(on, count, MAX(gap_ms, 0), on);
}

/* What fingerprint_close() would return. */
static size_t closed_count(const struct interval *on, size_t count, int64_t gap_ms)
{
	size_t closed = 1;
	int64_t end_ms = on[0].end_ms;

	for (size_t i = 1; i < count; i++) {
		if (span_ms(end_ms, on[i].start_ms) > gap_ms)
			closed++;
		end_ms = MAX(end_ms, on[i].end_ms);
	}
	return closed;
}

/*
 * A wider gap never leaves more intervals, so the answer is found by halving: at most 63 passes,
 * without an array of silences to sort.
 */
int64_t fingerprint_fit(const struct interval *on, size_t count, int64_t gap_ms, size_t max)
{
	int64_t low = MAX(gap_ms, 0); /* the answer is at least this, */
	int64_t high = INT64_MAX;     /* and at most this: every silence is closed */

	CHECK(max >= 1);
	if (count <= max)
		return low;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (closed_count(on, count, middle) <= max)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t fingerprint_coarsen(const struct fingerprint *f, size_t max, struct interval *ret_on,
                           int64_t *ret_gap_ms)
{
	*ret_gap_ms = fingerprint_fit(f->on, f->count, f->gap_ms, max);
	return close_to(f->on, f->count, *ret_gap_ms, ret_on);
}
