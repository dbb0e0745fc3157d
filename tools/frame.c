#include "tools/frame.h"

#include "base/util.h"

#include <pcap/pcap.h>

#define VLAN_TAGS_MAX 4
#define EXTENSIONS_MAX 8

#define UDP 17
#define UDP_HEADER 8

struct found {
	struct endpoint from;
	struct bytes data;
};

/* Link layers: where their header ends, and where in it stands the type of what follows. */
#define NO_TYPE SIZE_MAX
static const struct link {
	int type;
	size_t header, type_at;
} links[] = {
	{DLT_EN10MB, 14, 12},   {DLT_LINUX_SLL, 16, 14}, {DLT_LINUX_SLL2, 20, 0},
	{DLT_RAW, 0, NO_TYPE},  {DLT_IPV4, 0, NO_TYPE},  {DLT_IPV6, 0, NO_TYPE},
	{DLT_NULL, 4, NO_TYPE}, {DLT_LOOP, 4, NO_TYPE},
};

static const struct link *link_find(int type)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].type == type)
			return &links[i];
	}
	return NULL;
}

static bool is_vlan(uint64_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/* What is left of `in` when it was at the beginning of `len` octets: padding goes. */
static void shorten(struct bytes *in, const uint8_t *start, size_t len)
{
	if (len < (size_t)(in->end - start))
		in->end = start + len;
}

static enum frame_skip read_udp(struct bytes in, struct found *ret)
{
	size_t len;

	ret->from.port = (uint16_t)bytes_uint(&in, 2);
	bytes_uint(&in, 2); /* to whom */
	len = (size_t)bytes_uint(&in, 2);
	bytes_uint(&in, 2); /* checksum: of a capture on the sending host it is often not yet set */
	if (in.is_short || len < UDP_HEADER || len - UDP_HEADER > bytes_left(&in))
		return FRAME_CUT;
	ret->data = bytes_cut(&in, len - UDP_HEADER);
	return FRAME_TAKEN;
}

static enum frame_skip read_v4(struct bytes in, struct found *ret)
{
	const uint8_t *start = in.at;
	size_t header = (size_t)(bytes_uint(&in, 1) & 0x0f) * 4, total, fragment;
	uint8_t proto, octets[4];

	bytes_uint(&in, 1);
	total = (size_t)bytes_uint(&in, 2);
	bytes_uint(&in, 2);
	fragment = (size_t)bytes_uint(&in, 2) & 0x3fff; /* offset, and whether more follow */
	bytes_uint(&in, 1);
	proto = (uint8_t)bytes_uint(&in, 1);
	bytes_uint(&in, 2);
	bytes_copy(&in, octets, sizeof(octets));
	bytes_uint(&in, 4);
	if (in.is_short)
		return FRAME_CUT;
	if (proto != UDP || header < 20)
		return FRAME_NOT_UDP;
	if (fragment != 0)
		return FRAME_FRAGMENT;
	bytes_cut(&in, header - 20);
	if (in.is_short || (total != 0 && total < header))
		return FRAME_CUT;
	if (total != 0) /* 0 where the network card cuts the packets for the kernel */
		shorten(&in, start, total);
	ret->from.addr = addr_from_v4(octets);
	return read_udp(in, ret);
}

/* Steps over the extension headers (RFC 8200 section 4) that may stand before UDP. */
static enum frame_skip read_v6(struct bytes in, struct found *ret)
{
	size_t len;
	uint8_t next;

	bytes_uint(&in, 4);
	len = (size_t)bytes_uint(&in, 2);
	next = (uint8_t)bytes_uint(&in, 1);
	bytes_uint(&in, 1);
	bytes_copy(&in, ret->from.addr.octets, sizeof(ret->from.addr.octets));
	bytes_cut(&in, 16);
	if (len != 0)
		shorten(&in, in.at, len);
	for (int i = 0; i < EXTENSIONS_MAX && next != UDP && !in.is_short; i++) {
		bool is_fragment = next == 44;

		if (next != 0 && next != 43 && next != 60 && !is_fragment)
			return FRAME_NOT_UDP;
		next = (uint8_t)bytes_uint(&in, 1);
		len = (size_t)bytes_uint(&in, 1);
		if (is_fragment && (bytes_uint(&in, 2) & 0xfff9) != 0)
			return FRAME_FRAGMENT;
		bytes_cut(&in, is_fragment ? 4 : 6 + len * 8);
	}
	if (in.is_short)
		return FRAME_CUT;
	return next == UDP ? read_udp(in, ret) : FRAME_NOT_UDP;
}

/* The IP version is in the first four bits, whatever the link said. */
static enum frame_skip read_ip(struct bytes in, struct found *ret)
{
	if (bytes_left(&in) == 0)
		return FRAME_CUT;
	switch (*in.at >> 4) {
	case 4:
		return read_v4(in, ret);
	case 6:
		return read_v6(in, ret);
	default:
		return FRAME_NOT_UDP;
	}
}

bool frame_is_link(int link)
{
	return link_find(link) != NULL;
}

enum frame_skip frame_open(int link, struct bytes frame, struct endpoint *ret_from,
                           struct bytes *ret_data)
{
	const struct link *l = link_find(link);
	struct bytes in = frame, type_at;
	enum frame_skip skip;
	struct found found;
	uint64_t type = 0;

	if (l == NULL)
		return FRAME_NOT_UDP;
	bytes_cut(&in, l->header);
	if (in.is_short)
		return FRAME_CUT;
	if (l->type_at != NO_TYPE) {
		type_at = bytes_of(frame.at + l->type_at, 2);
		type = bytes_uint(&type_at, 2);
	}
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(type); i++) {
		bytes_uint(&in, 2);
		type = bytes_uint(&in, 2);
	}
	if (l->type_at != NO_TYPE && type != 0x0800 && type != 0x86dd)
		return in.is_short ? FRAME_CUT : FRAME_NOT_UDP;
	skip = read_ip(in, &found);
	if (skip == FRAME_TAKEN) {
		*ret_from = found.from;
		*ret_data = found.data;
	}
	return skip;
}

const char *frame_skip_text(enum frame_skip skip)
{
	static const char *const texts[FRAME_SKIPS] = {
		[FRAME_TAKEN] = "taken",
		[FRAME_NOT_UDP] = "not UDP",
		[FRAME_FRAGMENT] = "IP fragment",
		[FRAME_CUT] = "cut short",
	};

	return texts[skip];
}
