#include "proto/flow/field.h"

#include "base/util.h"

#include <string.h>

static uint64_t duration(const struct flow *f)
{
	return f->end_ms > f->start_ms ? (uint64_t)f->end_ms - (uint64_t)f->start_ms : 0;
}

/* What `count` comes to in a second, in parts of which `scale` are one. */
static uint64_t rate(uint64_t count, uint64_t scale, const struct flow *f)
{
	uint64_t ms = duration(f);

	if (ms == 0)
		return 0;
	if (count <= UINT64_MAX / scale)
		return count * scale / ms;
	return count / ms > UINT64_MAX / scale ? UINT64_MAX : count / ms * scale;
}

static uint64_t pps(const struct flow *f)
{
	return rate(f->packets, 1000, f);
}

static uint64_t bps(const struct flow *f)
{
	return rate(f->octets, 8000, f);
}

static uint64_t bpp(const struct flow *f)
{
	return f->packets == 0 ? 0 : f->octets / f->packets;
}

static uint64_t family(const struct flow *f)
{
	return addr_is_v4(&f->src) ? 4 : 6;
}

static uint64_t icmp_type(const struct flow *f)
{
	return f->dst_port >> 8;
}

static uint64_t icmp_code(const struct flow *f)
{
	return f->dst_port & 0xff;
}

static uint64_t sampled(const struct flow *f)
{
	return flow_is_sampled(f);
}

#define AT(m) offsetof(struct flow, m)
#define MEMBER(m)                                   \
	AT(m), sizeof(((struct flow *)0)->m), NULL, \
	{                                           \
		AT(m), AT(m)                        \
	}

const struct field_row field_rows[FIELD_COUNT_OF] = {
	[FIELD_SRC] = {"src", MEMBER(src)},
	[FIELD_DST] = {"dst", MEMBER(dst)},
	[FIELD_EXPORTER] = {"exporter", MEMBER(exporter)},
	[FIELD_NAT_SRC] = {"nat_src", MEMBER(nat_src)},
	[FIELD_NAT_DST] = {"nat_dst", MEMBER(nat_dst)},
	[FIELD_SRC_PORT] = {"src_port", MEMBER(src_port)},
	[FIELD_DST_PORT] = {"dst_port", MEMBER(dst_port)},
	[FIELD_NAT_SRC_PORT] = {"nat_src_port", MEMBER(nat_src_port)},
	[FIELD_NAT_DST_PORT] = {"nat_dst_port", MEMBER(nat_dst_port)},
	[FIELD_PROTO] = {"proto", MEMBER(proto)},
	[FIELD_TCP_FLAGS] = {"tcp_flags", MEMBER(tcp_flags)},
	[FIELD_TOS] = {"tos", MEMBER(tos)},
	[FIELD_IN_IF] = {"in_if", MEMBER(in_if)},
	[FIELD_OUT_IF] = {"out_if", MEMBER(out_if)},
	[FIELD_VLAN_IN] = {"vlan_in", MEMBER(vlan_in)},
	[FIELD_VLAN_OUT] = {"vlan_out", MEMBER(vlan_out)},
	[FIELD_VLAN_INNER] = {"vlan_inner", MEMBER(vlan_inner)},
	[FIELD_MPLS] = {"mpls", MEMBER(mpls)},
	[FIELD_BYTES] = {"bytes", MEMBER(octets)},
	[FIELD_PACKETS] = {"packets", MEMBER(packets)},
	[FIELD_DOMAIN] = {"domain", MEMBER(domain)},
	[FIELD_VERSION] = {"version", MEMBER(version)},
	[FIELD_SAMPLING] = {"sampling", MEMBER(sampling)},
	[FIELD_DURATION] = {"duration", 0, 0, duration, {AT(start_ms), AT(end_ms)}},
	[FIELD_PPS] = {"pps", 0, 0, pps, {AT(packets), AT(packets)}},
	[FIELD_BPS] = {"bps", 0, 0, bps, {AT(octets), AT(octets)}},
	[FIELD_BPP] = {"bpp", 0, 0, bpp, {AT(octets), AT(packets)}},
	[FIELD_FAMILY] = {"family", 0, 0, family, {AT(src), AT(src)}},
	[FIELD_ICMP_TYPE] = {"icmp_type", 0, 0, icmp_type, {AT(dst_port), AT(dst_port)}},
	[FIELD_ICMP_CODE] = {"icmp_code", 0, 0, icmp_code, {AT(dst_port), AT(dst_port)}},
	[FIELD_SAMPLED] = {"sampled", 0, 0, sampled, {AT(version), AT(sampling)}},
};

size_t field_members(enum field field, uint16_t ret_offsets[2])
{
	const struct field_row *row = &field_rows[field];

	memcpy(ret_offsets, row->from, sizeof(row->from));
	return row->from[0] == row->from[1] ? 1 : 2;
}

uint64_t field_number(enum field field, const struct flow *flow)
{
	const struct field_row *row = &field_rows[field];
	const void *member = (const uint8_t *)flow + row->offset;
	uint32_t word;
	uint16_t half;
	uint64_t all;

	switch (row->size) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		memcpy(&half, member, sizeof(half));
		return half;
	case 4:
		memcpy(&word, member, sizeof(word));
		return word;
	case 8:
		memcpy(&all, member, sizeof(all));
		return all;
	default:
		return row->derive(flow);
	}
}
