#include "proto/flow/packet_header.h"

#include "base/util.h"

#include <string.h>

#define MAC_LEN 12           /* both addresses */
#define ETHERTYPE_MIN 0x0600 /* less is an 802.3 length */
#define LLC_SNAP UINT64_C(0xaaaa03000000)
#define LLC_SNAP_LEN 6
#define LAYERS_MAX 16 /* tags and labels, and then extension headers: more is nonsense */

#define V4_LEN 20
#define V6_LEN 40

static bool read_ethertype(uint16_t type, struct bytes *in, struct packet_header *ret);
static bool read_ethernet(struct bytes *in, struct packet_header *ret);

/* --- IP --- */

static uint16_t peek16(const struct bytes *in, size_t at)
{
	return (uint16_t)(in->at[at] << 8 | in->at[at + 1]);
}

static void read_ports(const struct bytes *in, struct packet_header *ret)
{
	if (bytes_left(in) < 4)
		return;
	ret->src_port = peek16(in, 0);
	ret->dst_port = peek16(in, 2);
}

static void read_tcp(const struct bytes *in, struct packet_header *ret)
{
	read_ports(in, ret);
	if (bytes_left(in) >= 14)
		ret->tcp_flags = in->at[13];
}

static void read_icmp(const struct bytes *in, struct packet_header *ret)
{
	if (bytes_left(in) >= 2)
		ret->dst_port = peek16(in, 0);
}

static const struct {
	uint8_t proto;
	void (*read)(const struct bytes *in, struct packet_header *ret);
} transports[] = {
	{6, read_tcp},    {17, read_ports},  {1, read_icmp},    {58, read_icmp},
	{33, read_ports}, {132, read_ports}, {136, read_ports},
};

static void read_transport(const struct bytes *in, struct packet_header *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (transports[i].proto == ret->proto) {
			transports[i].read(in, ret);
			return;
		}
	}
}

static bool read_v4(struct bytes *in, struct packet_header *ret)
{
	size_t len;

	if (bytes_left(in) < V4_LEN || in->at[0] >> 4 != 4)
		return false;
	len = (size_t)(in->at[0] & 15) * 4;
	if (len < V4_LEN)
		return false;
	ret->tos = in->at[1];
	ret->octets = peek16(in, 2);
	ret->proto = in->at[9];
	ret->src = addr_from_v4(in->at + 12);
	ret->dst = addr_from_v4(in->at + 16);
	if ((peek16(in, 6) & 0x1fff) != 0 || bytes_left(in) < len)
		return true; /* a later fragment */
	in->at += len;
	read_transport(in, ret);
	return true;
}

enum { SKIP_OCTETS = 1, SKIP_FRAGMENT, SKIP_WORDS };

static const struct {
	uint8_t proto, skip; /* as what its length counts */
} extensions[] = {
	{0, SKIP_OCTETS},  {43, SKIP_OCTETS},  {44, SKIP_FRAGMENT}, {51, SKIP_WORDS},
	{60, SKIP_OCTETS}, {135, SKIP_OCTETS}, {139, SKIP_OCTETS},  {140, SKIP_OCTETS},
};

static int extension_of(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		if (extensions[i].proto == proto)
			return extensions[i].skip;
	}
	return 0;
}

/* Moves behind the extension headers; false where no transport header follows. */
static bool skip_extensions(struct bytes *in, struct packet_header *ret)
{
	int skip = extension_of(ret->proto);

	for (int i = 0; skip != 0; i++) {
		size_t len;

		if (bytes_left(in) < 8 || i == LAYERS_MAX)
			return false;
		len = skip == SKIP_WORDS ? (in->at[1] + 2u) * 4 : (in->at[1] + 1u) * 8;
		ret->proto = in->at[0];
		if (skip == SKIP_FRAGMENT) {
			len = 8;
			if ((peek16(in, 2) & 0xfff8) != 0)
				return false; /* a later one: this is what it is of */
		}
		if (bytes_left(in) < len)
			return false;
		in->at += len;
		skip = extension_of(ret->proto);
	}
	return true;
}

static bool read_v6(struct bytes *in, struct packet_header *ret)
{
	if (bytes_left(in) < V6_LEN || in->at[0] >> 4 != 6)
		return false;
	ret->tos = (uint8_t)(peek16(in, 0) >> 4);
	ret->octets = V6_LEN + peek16(in, 4);
	ret->proto = in->at[6];
	memcpy(ret->src.octets, in->at + 8, sizeof(ret->src.octets));
	memcpy(ret->dst.octets, in->at + 24, sizeof(ret->dst.octets));
	in->at += V6_LEN;
	if (skip_extensions(in, ret))
		read_transport(in, ret);
	return true;
}

static bool read_ip(struct bytes *in, struct packet_header *ret)
{
	return read_v4(in, ret) || read_v6(in, ret);
}

/* --- what is before it --- */

/*
 * A pseudowire's frame behind its control word, which begins with four bits of 0, where IP has its
 * version (RFC 4385, section 3; RFC 4448). Where there is no such word, nothing tells what follows.
 */
static bool read_pseudowire(struct bytes *in, struct packet_header *ret)
{
	const struct packet_header was = *ret;
	bool is_ip;

	if (bytes_left(in) < 4 || in->at[0] >> 4 != 0 || ret->is_pseudowire)
		return false;
	in->at += 4;
	ret->is_pseudowire = true;
	ret->has_tag = false;
	is_ip = read_ethernet(in, ret);
	if (was.has_tag) { /* those of the frame that carries it */
		ret->vlan = was.vlan;
		ret->vlan_inner = was.vlan_inner;
	}
	return is_ip;
}

/* The protocol behind the labels is not told (RFC 3032): IP, or a frame. */
static bool read_mpls(struct bytes *in, struct packet_header *ret)
{
	bool is_last = false;

	for (int i = 0; !is_last; i++) {
		uint32_t entry;

		if (bytes_left(in) < 4 || i == LAYERS_MAX)
			return false;
		entry = (uint32_t)bytes_uint(in, 4);
		if (i == 0 && ret->mpls == 0)
			ret->mpls = entry >> 12;
		is_last = (entry >> 8 & 1) != 0;
	}
	return read_ip(in, ret) || read_pseudowire(in, ret);
}

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 ||
	       type == 0x9300;
}

static bool read_tag(struct bytes *in, struct packet_header *ret)
{
	uint16_t type = 0x8100;

	if (ret->has_tag)
		return false; /* of a frame in a frame */
	ret->has_tag = true;
	for (int i = 0; is_tag(type); i++) {
		uint16_t vlan;

		if (bytes_left(in) < 4 || i == LAYERS_MAX)
			return false;
		vlan = peek16(in, 0) & 0xfff;
		type = peek16(in, 2);
		in->at += 4;
		if (i == 0)
			ret->vlan = vlan;
		else if (i == 1)
			ret->vlan_inner = vlan;
	}
	return read_ethertype(type, in, ret);
}

/* PPPoE (RFC 2516): session, length, and PPP. */
static bool read_ppp(struct bytes *in, struct packet_header *ret)
{
	uint16_t proto;

	if (bytes_left(in) < 2)
		return false;
	if (peek16(in, 0) == 0xff03) /* HDLC's address and control (RFC 1662) */
		in->at += 2;
	if (bytes_left(in) < 2)
		return false;
	proto = (uint16_t)bytes_uint(in, 2);
	return proto == 0x0021   ? read_v4(in, ret)
	       : proto == 0x0057 ? read_v6(in, ret)
	       : proto == 0x0281 ? read_mpls(in, ret)
	                         : false;
}

static bool read_pppoe(struct bytes *in, struct packet_header *ret)
{
	if (bytes_left(in) < 6)
		return false;
	in->at += 6;
	return read_ppp(in, ret);
}

/* IEEE 802.3 with a SNAP header (RFC 1042) in front of the type. */
static bool read_llc(struct bytes *in, struct packet_header *ret)
{
	uint16_t type;

	if (bytes_left(in) < LLC_SNAP_LEN + 2 || bytes_uint(in, LLC_SNAP_LEN) != LLC_SNAP)
		return false;
	type = (uint16_t)bytes_uint(in, 2);
	return type >= ETHERTYPE_MIN && read_ethertype(type, in, ret);
}

static const struct {
	uint16_t type;
	bool (*read)(struct bytes *in, struct packet_header *ret);
} ethertypes[] = {
	{0x0800, read_v4},   {0x86dd, read_v6},    {0x8100, read_tag}, {0x88a8, read_tag},
	{0x9100, read_tag},  {0x9200, read_tag},   {0x9300, read_tag}, {0x8847, read_mpls},
	{0x8848, read_mpls}, {0x8864, read_pppoe},
};

static bool read_ethertype(uint16_t type, struct bytes *in, struct packet_header *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(ethertypes); i++) {
		if (ethertypes[i].type == type)
			return ethertypes[i].read(in, ret);
	}
	return type < ETHERTYPE_MIN && read_llc(in, ret);
}

static bool read_ethernet(struct bytes *in, struct packet_header *ret)
{
	if (bytes_left(in) < MAC_LEN + 2)
		return false;
	in->at += MAC_LEN;
	return read_ethertype((uint16_t)bytes_uint(in, 2), in, ret);
}

static const struct {
	unsigned layer;
	bool (*read)(struct bytes *in, struct packet_header *ret);
} layers[] = {
	{PACKET_ETHERNET, read_ethernet}, {PACKET_IPV4, read_v4}, {PACKET_IPV6, read_v6},
	{PACKET_MPLS, read_mpls},         {PACKET_PPP, read_ppp}, {PACKET_IP, read_ip},
};

bool packet_header_read(unsigned layer, struct bytes header, struct packet_header *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		if (layers[i].layer == layer)
			return layers[i].read(&header, ret);
	}
	return false;
}
