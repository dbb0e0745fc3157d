#include "proto/wire/intervals.h"

#include "proto/wire/varint.h"

void intervals_put(struct octets *out, const struct interval *on, size_t count)
{
	int64_t at = on[0].start_ms;

	octets_uint(out, (uint64_t)at, 8);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			varint_put(out, (uint64_t)(on[i].start_ms - at));
		varint_put(out, (uint64_t)(on[i].end_ms - on[i].start_ms));
		at = on[i].end_ms;
	}
}

enum err intervals_get(struct bytes in, int64_t gap_ms, struct interval *on, size_t max,
                       size_t *ret_count)
{
	int64_t first = (int64_t)bytes_uint(&in, 8), at = first;
	size_t count = 0;

	if (first < 0 || first > INT64_MAX / 2)
		return ERR_FORMAT;
	while (bytes_left(&in) > 0) {
		uint64_t silence = count == 0 ? 0 : varint_get(&in);
		uint64_t length = varint_get(&in);

		if (in.is_short || count == max || silence > INTERVALS_SPAN_MAX_MS ||
		    length > INTERVALS_SPAN_MAX_MS)
			return ERR_FORMAT;
		if (count > 0 && (int64_t)silence <= gap_ms)
			return ERR_FORMAT;
		on[count].start_ms = at + (int64_t)silence;
		on[count].end_ms = on[count].start_ms + (int64_t)length;
		at = on[count].end_ms;
		if ((uint64_t)(at - first) > INTERVALS_SPAN_MAX_MS)
			return ERR_FORMAT;
		count++;
	}
	*ret_count = count;
	return count > 0 ? ERR_OK : ERR_FORMAT;
}
