#include "base/util.h"
#include "proto/flow/translation_table.h"

#define VERSION 1

enum { IS_OPEN = 1, IS_START_TOLD = 2, IS_END_TOLD = 4, FLAGS_ALL = 7 };

static void put_endpoint(struct octets *o, const struct endpoint *e)
{
	octets_put(o, e->addr.octets, sizeof(e->addr.octets));
	octets_uint(o, e->port, 2);
}

static struct endpoint read_endpoint(struct bytes *in)
{
	struct endpoint e;

	bytes_copy(in, e.addr.octets, sizeof(e.addr.octets));
	e.port = (uint16_t)bytes_uint(in, 2);
	return e;
}

size_t translation_pack(const struct mapping *m, uint8_t room[TRANSLATION_PACKED_MAX])
{
	struct octets o = octets_of(room, TRANSLATION_PACKED_MAX);
	int flags = (m->is_open ? IS_OPEN : 0) | (m->is_start_told ? IS_START_TOLD : 0) |
	            (m->is_end_told ? IS_END_TOLD : 0);

	octets_uint(&o, VERSION, 1);
	octets_uint(&o, (uint64_t)flags, 1);
	octets_uint(&o, m->proto, 1);
	octets_uint(&o, m->first, 2);
	octets_uint(&o, m->last, 2);
	put_endpoint(&o, &m->inside);
	put_endpoint(&o, &m->outside);
	put_endpoint(&o, &m->peer);
	octets_put(&o, m->exporter.octets, sizeof(m->exporter.octets));
	octets_uint(&o, (uint64_t)m->start_ms, 8);
	octets_uint(&o, (uint64_t)m->end_ms, 8);
	CHECK(!o.is_full);
	return octets_len(&o);
}

enum err translation_unpack(struct bytes in, struct mapping *ret)
{
	uint8_t version = (uint8_t)bytes_uint(&in, 1), flags = (uint8_t)bytes_uint(&in, 1);
	struct mapping m = {
		.is_open = (flags & IS_OPEN) != 0,
		.is_start_told = (flags & IS_START_TOLD) != 0,
		.is_end_told = (flags & IS_END_TOLD) != 0,
	};

	m.proto = (uint8_t)bytes_uint(&in, 1);
	m.first = (uint16_t)bytes_uint(&in, 2);
	m.last = (uint16_t)bytes_uint(&in, 2);
	m.inside = read_endpoint(&in);
	m.outside = read_endpoint(&in);
	m.peer = read_endpoint(&in);
	bytes_copy(&in, m.exporter.octets, sizeof(m.exporter.octets));
	m.start_ms = (int64_t)bytes_uint(&in, 8);
	m.end_ms = (int64_t)bytes_uint(&in, 8);
	if (in.is_short || bytes_left(&in) > 0 || version != VERSION || flags > FLAGS_ALL ||
	    m.start_ms < 0 || m.end_ms < m.start_ms || m.end_ms > INT64_MAX / 4 || m.first > m.last)
		return ERR_FORMAT;
	*ret = m;
	return ERR_OK;
}
