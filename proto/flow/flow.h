/*
 * flow - the one record that every exporter's format is turned into.
 *
 * A plain value without pointers. Counters are as the exporter sent them, never multiplied by a
 * sampling rate. Times are the exporter's own wall clock; received_ms is this node's.
 */
#ifndef SPOOR_PROTO_FLOW_FLOW_H
#define SPOOR_PROTO_FLOW_FLOW_H

#include "base/addr.h"

#include <stdint.h>

struct flow {
	struct addr src, dst;
	struct addr exporter; /* who sent the datagram */
	int64_t start_ms;     /* first packet, ms since 1970 */
	int64_t end_ms;       /* last packet; never before start_ms */
	int64_t received_ms;  /* when the datagram came in; for a capture, when it was captured */
	uint64_t octets;      /* "bytes" to people */
	uint64_t packets;
	uint32_t in_if, out_if; /* ifIndex; 0 where the exporter gave none */
	uint32_t domain;   /* NetFlow v5: engine type << 8 | engine id; else source id, domain id */
	uint32_t sampling; /* one packet in this many was looked at; 1 is all of them */
	uint16_t src_port, dst_port;
	uint8_t proto; /* IANA protocol number */
	uint8_t tcp_flags;
	uint8_t tos;
	uint8_t version; /* of the export format: 5, 9, 10 */
};

#define FLOW_TCP 6
#define FLOW_TCP_FIN 0x01
#define FLOW_TCP_SYN 0x02
#define FLOW_TCP_RST 0x04

#endif
