/*
 * flow - the one record that every exporter's format is turned into.
 *
 * A plain value without pointers. Counters are as the exporter sent them, never multiplied by a
 * sampling rate. Times are the exporter's own wall clock; received_ms is this node's.
 */
#ifndef SPOOR_PROTO_FLOW_FLOW_H
#define SPOOR_PROTO_FLOW_FLOW_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct flow {
	struct addr src, dst;
	struct addr exporter;         /* who sent the datagram */
	struct addr nat_src, nat_dst; /* behind the exporter's translation; all zero: none told */
	int64_t start_ms;             /* first packet, ms since 1970 */
	int64_t end_ms;               /* last packet; never before start_ms */
	int64_t received_ms; /* when the datagram came in; for a capture, when it was captured */
	uint64_t octets;     /* "bytes" to people */
	uint64_t packets;
	uint32_t in_if, out_if; /* ifIndex; 0 where the exporter gave none */
	uint32_t domain;   /* NetFlow v5: engine type << 8 | engine id; else source id, domain id */
	uint32_t sampling; /* one packet in this many was looked at; 1 is all of them */
	uint32_t mpls;     /* top label; 0: none */
	uint16_t src_port, dst_port;
	uint16_t nat_src_port, nat_dst_port;
	uint16_t vlan_in, vlan_out; /* 802.1Q; 0: untagged, or not told */
	uint16_t vlan_inner;        /* the customer's, where two tags are nested */
	uint8_t proto;              /* IANA protocol number */
	uint8_t tcp_flags;
	uint8_t tos;
	uint8_t version; /* of the export format: 5, 9, 10, FLOW_SFLOW */
};

#define FLOW_SFLOW 105 /* sFlow version 5, which people are shown as 5 */
#define FLOW_TCP 6
#define FLOW_TCP_FIN 0x01
#define FLOW_TCP_SYN 0x02
#define FLOW_TCP_RST 0x04

/* Was every packet looked at? */
static inline bool flow_is_sampled(const struct flow *f)
{
	return f->version == FLOW_SFLOW || f->sampling > 1;
}

/* As people are shown it: sFlow's own number, with its name beside it. */
static inline uint8_t flow_version(const struct flow *f)
{
	return f->version == FLOW_SFLOW ? 5 : f->version;
}

/* Was it told how an end looks behind a translation? */
static inline bool flow_is_translated(const struct flow *f)
{
	static const struct addr none;

	return memcmp(&f->nat_src, &none, sizeof(none)) != 0 ||
	       memcmp(&f->nat_dst, &none, sizeof(none)) != 0;
}

#endif
