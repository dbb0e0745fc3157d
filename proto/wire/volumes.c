#include "proto/wire/volumes.h"

#include "proto/wire/varint.h"

#define TOP 512 /* sizes below are exact; above, each doubling of octets has so many */
#define SIZE_MAX_CODE (55 * TOP + TOP - 1) /* of 2^64 - 1 octets */

uint64_t volumes_size(uint64_t octets)
{
	uint64_t doublings = 0;

	for (; octets >= 2 * TOP; octets >>= 1)
		doublings++;
	return octets < TOP ? octets : (doublings + 1) * TOP + (octets - TOP);
}

uint64_t volumes_octets(uint64_t size)
{
	uint64_t doublings = size / TOP;

	if (doublings <= 1)
		return size;
	doublings--;
	return ((TOP + size % TOP) << doublings) + (UINT64_C(1) << (doublings - 1));
}

void volumes_put(struct octets *out, unsigned way, const struct volume *of, size_t count)
{
	octets_uint(out, way, 1);
	octets_uint(out, (uint64_t)of[0].on.start_ms, 8);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			varint_put(out, (uint64_t)(of[i].on.start_ms - of[i - 1].on.start_ms));
		varint_put(out, (uint64_t)(of[i].on.end_ms - of[i].on.start_ms));
		varint_put(out, volumes_size(of[i].octets));
	}
}

enum err volumes_get(struct bytes in, unsigned *ret_way, struct volume *of, size_t max,
                     size_t *ret_count)
{
	unsigned way = (unsigned)bytes_uint(&in, 1);
	int64_t first = (int64_t)bytes_uint(&in, 8), at = first;
	size_t count = 0;

	if (way > 1 || first < 0 || first > INT64_MAX / 2)
		return ERR_FORMAT;
	while (bytes_left(&in) > 0) {
		uint64_t step = count == 0 ? 0 : varint_get(&in);
		uint64_t length = varint_get(&in), size = varint_get(&in);

		if (in.is_short || count == max || step > VOLUME_SPAN_MAX_MS ||
		    length > VOLUME_SPAN_MAX_MS || size == 0 || size > SIZE_MAX_CODE)
			return ERR_FORMAT;
		at += (int64_t)step;
		if ((uint64_t)(at - first) + length > VOLUME_SPAN_MAX_MS)
			return ERR_FORMAT;
		of[count].on = (struct interval){at, at + (int64_t)length};
		of[count++].octets = volumes_octets(size);
	}
	*ret_way = way;
	*ret_count = count;
	return count > 0 ? ERR_OK : ERR_FORMAT;
}
