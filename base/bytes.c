#include "base/bytes.h"

#include "base/util.h"

#include <string.h>

uint64_t bytes_uint_near_end(struct bytes *b, size_t len)
{
	struct bytes cut;
	uint64_t value = 0;

	CHECK(len <= sizeof(value));
	cut = bytes_cut(b, len);
	while (cut.at < cut.end)
		value = value << 8 | *cut.at++;
	return value;
}

void bytes_copy(struct bytes *b, void *ret, size_t len)
{
	struct bytes cut = bytes_cut(b, len);

	if (cut.is_short)
		memset(ret, 0, len);
	else if (len > 0)
		memcpy(ret, cut.at, len);
}

void octets_put(struct octets *o, const void *data, size_t len)
{
	if (o->is_full || len > octets_room(o)) {
		o->is_full = true;
		return;
	}
	if (len > 0)
		memcpy(o->at, data, len);
	o->at += len;
}

void octets_uint(struct octets *o, uint64_t value, size_t len)
{
	uint8_t wire[sizeof(value)];

	CHECK(len <= sizeof(wire));
	for (size_t i = 0; i < len; i++)
		wire[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	octets_put(o, wire, len);
}
