#include "proto/flow/lag.h"

#include "base/util.h"

static void close_window(struct stream_lag *l)
{
	l->known_ms = l->least_ms;
	l->is_known = true;
	l->flows = 0;
}

void lag_header(struct stream_lag *l, int64_t header_ms)
{
	l->header_ms = l->headers == 0 ? header_ms : MIN(l->header_ms, header_ms);
	l->headers++;
}

size_t lag_take(struct stream_lag *l, const struct flow *flows, size_t count)
{
	size_t ahead = 0;

	if (count == 0)
		return 0;
	if (l->flows >= LAG_FLOWS && flows[0].received_ms - l->from_ms >= LAG_WINDOW_MS)
		close_window(l);
	if (l->flows == 0) {
		l->from_ms = flows[0].received_ms;
		l->least_ms = INT64_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		int64_t lag_ms = flows[i].received_ms - flows[i].end_ms;

		l->least_ms = MIN(l->least_ms, lag_ms);
		ahead += lag_ms < -LAG_AHEAD_MS;
	}
	l->flows = (uint32_t)MIN(l->flows + count, UINT32_MAX);
	l->ahead += ahead;
	return ahead;
}
