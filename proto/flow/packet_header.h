/*
 * packet_header - the first octets of a packet, as sFlow and IPFIX carry them in place of fields.
 *
 * Read are Ethernet II and 802.3 with LLC/SNAP, 802.1Q and 802.1ad tags in any number, MPLS, an
 * Ethernet pseudowire over it (RFC 4448) with its control word, IPv4, IPv6 with its extension
 * headers (RFC 8200, section 4), and the ports of TCP, UDP, SCTP, DCCP and UDP-Lite. ICMP's type
 * and code stand in the destination port, as NetFlow has them.
 *
 * Of a packet in a tunnel of IP (GRE, VXLAN, IP in IP) it is the outer one that is read: that is
 * the connection which this router forwards, and which every other one on the way tells of. The
 * inner one is told of where the tunnel ends.
 */
#ifndef SPOOR_PROTO_FLOW_PACKET_HEADER_H
#define SPOOR_PROTO_FLOW_PACKET_HEADER_H

#include "base/addr.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum packet_layer { /* sFlow version 5, header_protocol */
	            PACKET_ETHERNET = 1,
	            PACKET_PPP = 7,
	            PACKET_IPV4 = 11,
	            PACKET_IPV6 = 12,
	            PACKET_MPLS = 13,
	            PACKET_IP = 255, /* of either version; IPFIX's ipHeaderPacketSection */
};

struct packet_header {
	struct addr src, dst;
	uint32_t octets; /* of the IP packet, by its own header */
	uint32_t mpls;   /* top label; 0: none */
	uint16_t src_port, dst_port;
	uint16_t vlan, vlan_inner; /* 0: untagged */
	uint8_t proto;             /* behind the extension headers */
	uint8_t tcp_flags;
	uint8_t tos;
	bool has_tag;       /* of 802.1Q; a tag's VLAN may be 0 */
	bool is_pseudowire; /* the frame is one in a frame */
};

/*
 * Reads what `header` has of a packet that begins with `layer`. What is cut off is zero: ports of
 * a header that ends before them, and of a later fragment, which has none. False, with only the
 * tags and labels to be relied on: it has no whole IP header.
 */
bool packet_header_read(unsigned layer, struct bytes header, struct packet_header *ret);

#endif
