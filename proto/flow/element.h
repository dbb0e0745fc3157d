/*
 * element - what NetFlow v9 and IPFIX call a field, and what it means to a flow: one row each
 * (IANA, IPFIX Information Elements; RFC 7012; RFC 5103 for the reverse direction; RFC 8158 for
 * translations).
 *
 * A record's fields are written into `struct values`, whatever their width, and become a flow at
 * its end (record.h): only then is it known which of several times or counters counts.
 */
#ifndef SPOOR_PROTO_FLOW_ELEMENT_H
#define SPOOR_PROTO_FLOW_ELEMENT_H

#include "base/bytes.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELEMENT_IANA 0
#define ELEMENT_CISCO 9
#define ELEMENT_NOKIA 637
#define ELEMENT_IXIA 3054
#define ELEMENT_YAF 6871 /* CERT; and with this bit in its id the same of the reverse: */
#define ELEMENT_YAF_REVERSE 0x4000
#define ELEMENT_NTOP 35632
#define ELEMENT_NTOP_V9 57472 /* v9 has no enterprises: theirs are so much more; 1028 is 58500 */
#define ELEMENT_NTOP_V9_LAST 59519
#define ELEMENT_REVERSE 29305 /* RFC 5103, section 6.1: IANA's ids, of the reverse direction */

#define ELEMENT_OCTETS 1
#define ELEMENT_PACKETS 2
#define ELEMENT_IN_IF 10
#define ELEMENT_POST_OCTETS 23
#define ELEMENT_POST_PACKETS 24

enum counter_kind { /* of one direction the first that is not 0 counts */
	            COUNT_DELTA,
	            COUNT_INITIATOR,
	            COUNT_TOTAL,
	            COUNT_POST,  /* as it goes out; where nobody counted what came in */
	            COUNT_FRAME, /* octets of layer 2 */
	            COUNT_FORWARD_KINDS,
	            COUNT_RESPONDER = COUNT_FORWARD_KINDS,
	            COUNT_KINDS
};

enum time_kind { /* the first that a record has counts */
	         TIME_MILLI,
	         TIME_NTP, /* RFC 7011, section 6.1.9: seconds since 1900, and a fraction */
	         TIME_SECOND,
	         TIME_BEFORE, /* microseconds before the export, RFC 7011, section 6.1.8 */
	         TIME_UPTIME,
	         TIME_KINDS
};

struct values {
	struct addr src, dst;
	struct addr nat_src, nat_dst; /* behind a translation; all zero: not told */
	struct addr inside;           /* Nokia's: whose `src` is */
	struct bytes
		frame; /* the first octets of a packet (packet_header.h); borrowed as the record */
	struct bytes list; /* of further records (record.h); borrowed likewise */
	uint64_t flow_id;
	const struct values *back; /* of the other direction (RFC 5103); NULL: not told */
	uint64_t octets[COUNT_KINDS], packets[COUNT_KINDS];
	uint64_t start[TIME_KINDS], end[TIME_KINDS];
	uint64_t event_ms;      /* of records that are one instant: NAT, firewall, observation */
	uint64_t since_ms;      /* told as a second such instant: when it began (JunOS) */
	uint64_t duration_ms;   /* from the first packet to the last */
	uint64_t init_ms;       /* wall clock at uptime 0 */
	uint64_t back_after_ms; /* YAF: from the first packet to the other direction's first */
	uint32_t in_if, out_if, sampler, interval, space, icmp;
	uint32_t sample_size, sample_population; /* of so many in a row so many are looked at */
	uint32_t mpls, frame_len;
	uint32_t start_low, end_low; /* of NTP's 64 bits; record.c: what they count */
	uint16_t src_port, dst_port;
	uint16_t nat_src_port, nat_dst_port;
	uint16_t block_first, block_last, block_step, block_count; /* of ports */
	uint16_t vlan_in, vlan_out, vlan_inner;
	uint16_t layer; /* the frame's: enum packet_layer */
	uint8_t proto, tcp_flags, tos;
	uint8_t nat_event, firewall_event;
	uint8_t has_start, has_end; /* bit per time_kind */
	bool has_src, has_dst, has_event, has_duration, has_init, has_sampler, has_interval,
		has_icmp;
};

struct element {
	uint32_t enterprise;
	uint16_t id;
	/* Its octets, at most 8 for a number (RFC 7011, section 6.2); 0 of it is no value. */
	void (*read)(struct values *v, const struct element *e, const uint8_t *at, size_t len);
	uint16_t offset; /* of a plain number in struct values, */
	uint8_t width;   /* and its octets there */
	uint8_t kind;    /* of counter, time, ... */
};

/* All zero, of either family. Inline: of each record it is asked for four addresses. */
static inline bool element_is_nowhere(const struct addr *a)
{
	static const struct addr none_v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
	uint64_t halves[2], v4[2];

	memcpy(halves, a, sizeof(halves));
	memcpy(v4, &none_v4, sizeof(v4));
	return halves[0] == 0 && (halves[1] == 0 || halves[1] == v4[1]);
}

/*
 * How the first of its place in a record can be copied there, in `len` octets: what `read` does of
 * any width, and would have to look what is there already.
 */
enum element_copy {
	ELEMENT_READ,
	ELEMENT_1,
	ELEMENT_2,
	ELEMENT_4,
	ELEMENT_8,
	ELEMENT_2_TO_4,
	ELEMENT_4_TO_8
};

enum element_copy element_copy(const struct element *e, size_t len);

/* NULL: one that says nothing here, and is passed over. */
const struct element *element_of(uint32_t enterprise, uint16_t id);

#endif
