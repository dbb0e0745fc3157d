/*
 * field - a flow's members by name, for what is asked about flows at run time: filters and sums.
 *
 * A field is an address or a number; some numbers are worked out of several members.
 */
#ifndef SPOOR_PROTO_FLOW_FIELD_H
#define SPOOR_PROTO_FLOW_FIELD_H

#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field {
	/* addresses */
	FIELD_SRC,
	FIELD_DST,
	FIELD_EXPORTER,
	FIELD_NAT_SRC,
	FIELD_NAT_DST,
	/* numbers */
	FIELD_SRC_PORT,
	FIELD_DST_PORT,
	FIELD_NAT_SRC_PORT,
	FIELD_NAT_DST_PORT,
	FIELD_PROTO,
	FIELD_TCP_FLAGS,
	FIELD_TOS,
	FIELD_IN_IF,
	FIELD_OUT_IF,
	FIELD_VLAN_IN,
	FIELD_VLAN_OUT,
	FIELD_VLAN_INNER,
	FIELD_MPLS,
	FIELD_BYTES,
	FIELD_PACKETS,
	FIELD_DOMAIN,
	FIELD_VERSION, /* FLOW_SFLOW, not what people are shown */
	FIELD_SAMPLING,
	/* worked out */
	FIELD_DURATION,  /* ms */
	FIELD_PPS,       /* rates of a flow of no duration: 0 */
	FIELD_BPS,       /* bits a second */
	FIELD_BPP,       /* octets a packet */
	FIELD_FAMILY,    /* 4 or 6, of the source */
	FIELD_ICMP_TYPE, /* which exporters put into the destination port */
	FIELD_ICMP_CODE,
	FIELD_SAMPLED, /* 0 or 1 */
	FIELD_COUNT_OF
};

struct field_row {
	const char *name; /* its key in JSON */
	uint16_t offset;
	uint8_t size; /* 16: an address; 0: worked out */
	uint64_t (*derive)(const struct flow *flow);
	uint16_t from[2]; /* offsets of the members it is worked out of; of a rate, besides times */
};

extern const struct field_row field_rows[FIELD_COUNT_OF];

static inline bool field_is_addr(enum field field)
{
	return field_rows[field].size == sizeof(struct addr);
}

/* Of an address. */
static inline const struct addr *field_addr(enum field field, const struct flow *flow)
{
	return (const struct addr *)(const void *)((const uint8_t *)flow +
	                                           field_rows[field].offset);
}

/* Where in struct flow the members begin that make the field what it is: one or two. */
size_t field_members(enum field field, uint16_t ret_offsets[2]);

/* Of a number. */
uint64_t field_number(enum field field, const struct flow *flow);

#endif
