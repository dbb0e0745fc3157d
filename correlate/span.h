/* span - differences of times that came from outside: they saturate instead of overflowing. */
#ifndef SPOOR_CORRELATE_SPAN_H
#define SPOOR_CORRELATE_SPAN_H

#include <stdint.h>

/* From `from_ms` to `to_ms`, at most INT64_MAX; 0 when `to_ms` is not the later. */
static inline int64_t span_ms(int64_t from_ms, int64_t to_ms)
{
	uint64_t span = (uint64_t)to_ms - (uint64_t)from_ms;

	if (to_ms <= from_ms)
		return 0;
	return span > INT64_MAX ? INT64_MAX : (int64_t)span;
}

/* The same, for arithmetic with reals. */
static inline double span_real_ms(int64_t from_ms, int64_t to_ms)
{
	int64_t span = span_ms(from_ms, to_ms);

	return (double)span;
}

#endif
