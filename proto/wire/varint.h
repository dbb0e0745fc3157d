/* varint - numbers of seven bits an octet, the last without its high bit (LEB128); below 2^63. */
#ifndef SPOOR_PROTO_WIRE_VARINT_H
#define SPOOR_PROTO_WIRE_VARINT_H

#include "base/bytes.h"

#include <stdint.h>

static inline void varint_put(struct octets *o, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		octets_uint(o, (value & 0x7f) | 0x80, 1);
	octets_uint(o, value, 1);
}

/* Marks `b` as short where there is none, or too long a one. */
static inline uint64_t varint_get(struct bytes *b)
{
	uint64_t value = 0, octet = 0x80;

	for (unsigned shift = 0; shift < 63 && (octet & 0x80) != 0; shift += 7) {
		octet = bytes_uint(b, 1);
		value |= (octet & 0x7f) << shift;
	}
	if ((octet & 0x80) != 0)
		b->is_short = true;
	return value;
}

#endif
