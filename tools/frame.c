#include "tools/frame.h"

#include "base/util.h"

#include <pcap/pcap.h>

#define VLAN_TAGS_MAX 4
#define EXTENSIONS_MAX 8

#define UDP 17
#define TCP 6
#define UDP_HEADER 8

struct found {
	struct endpoint from;
	struct bytes data;
	struct fragment fragment;
};

/* Link layers: where their header ends, and where in it stands the type of what follows. */
#define NO_TYPE SIZE_MAX
static const struct link {
	int type;
	uint32_t linktype; /* in files */
	size_t header, type_at;
} links[] = {
	{DLT_EN10MB, 1, 14, 12},    {DLT_LINUX_SLL, 113, 16, 14}, {DLT_LINUX_SLL2, 276, 20, 0},
	{DLT_RAW, 101, 0, NO_TYPE}, {DLT_IPV4, 228, 0, NO_TYPE},  {DLT_IPV6, 229, 0, NO_TYPE},
	{DLT_NULL, 0, 4, NO_TYPE},  {DLT_LOOP, 108, 4, NO_TYPE},
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

static enum frame_skip not_udp(uint8_t proto)
{
	return proto == TCP ? FRAME_TCP : FRAME_NOT_UDP;
}

static enum frame_skip read_v4(struct bytes in, struct found *ret)
{
	const uint8_t *start = in.at;
	size_t header = (size_t)(bytes_uint(&in, 1) & 0x0f) * 4, total, fragment;
	uint8_t proto, octets[4], to[4];
	uint32_t id;

	bytes_uint(&in, 1);
	total = (size_t)bytes_uint(&in, 2);
	id = (uint32_t)bytes_uint(&in, 2);
	fragment = (size_t)bytes_uint(&in, 2) & 0x3fff; /* offset, and whether more follow */
	bytes_uint(&in, 1);
	proto = (uint8_t)bytes_uint(&in, 1);
	bytes_uint(&in, 2);
	bytes_copy(&in, octets, sizeof(octets));
	bytes_copy(&in, to, sizeof(to));
	if (in.is_short)
		return FRAME_CUT;
	if (proto != UDP || header < 20)
		return header < 20 ? FRAME_NOT_UDP : not_udp(proto);
	bytes_cut(&in, header - 20);
	if (in.is_short || (total != 0 && total < header))
		return FRAME_CUT;
	if (total != 0) /* 0 where the network card cuts the packets for the kernel */
		shorten(&in, start, total);
	ret->from.addr = addr_from_v4(octets);
	if (fragment == 0)
		return read_udp(in, ret);
	ret->fragment = (struct fragment){.src = ret->from.addr,
	                                  .dst = addr_from_v4(to),
	                                  .id = id,
	                                  .offset = (uint32_t)(fragment & 0x1fff) * 8,
	                                  .has_more = (fragment & 0x2000) != 0,
	                                  .data = in};
	/* Of a fragment that the capture cut the rest would never come. */
	return total > (size_t)(in.end - start) ? FRAME_CUT : FRAME_FRAGMENT;
}

/* A fragment header (RFC 8200 section 4.5) behind its first two octets; `in` is behind it then. */
static bool is_fragment(struct bytes *in, struct fragment *ret)
{
	uint64_t word = bytes_uint(in, 2);

	ret->offset = (uint32_t)(word & 0xfff8);
	ret->has_more = (word & 1) != 0;
	ret->id = (uint32_t)bytes_uint(in, 4);
	return ret->offset != 0 || ret->has_more;
}

/* Steps over the extension headers (RFC 8200 section 4) that may stand before UDP. */
static enum frame_skip read_v6(struct bytes in, struct found *ret)
{
	const uint8_t *end = in.end;
	size_t len;
	uint8_t next;

	bytes_uint(&in, 4);
	len = (size_t)bytes_uint(&in, 2);
	next = (uint8_t)bytes_uint(&in, 1);
	bytes_uint(&in, 1);
	bytes_copy(&in, ret->from.addr.octets, sizeof(ret->from.addr.octets));
	ret->fragment.src = ret->from.addr;
	bytes_copy(&in, ret->fragment.dst.octets, sizeof(ret->fragment.dst.octets));
	if (len != 0 && len <= (size_t)(end - in.at))
		end = in.at + len;
	else if (len != 0 && !in.is_short)
		end = NULL; /* the capture cut it */
	if (end != NULL)
		in.end = end;
	for (int i = 0; i < EXTENSIONS_MAX && next != UDP && !in.is_short; i++) {
		uint8_t kind = next;

		if (kind != 0 && kind != 43 && kind != 60 && kind != 44)
			return not_udp(kind);
		next = (uint8_t)bytes_uint(&in, 1);
		len = (size_t)bytes_uint(&in, 1);
		if (kind != 44) {
			bytes_cut(&in, 6 + len * 8);
			continue;
		}
		if (!is_fragment(&in, &ret->fragment) || in.is_short)
			continue;
		if (next != UDP) /* what is inside, or before it, is not read in parts */
			return FRAME_NOT_UDP;
		ret->fragment.data = in;
		return end == NULL ? FRAME_CUT : FRAME_FRAGMENT;
	}
	if (in.is_short)
		return FRAME_CUT;
	return next == UDP ? read_udp(in, ret) : not_udp(next);
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

int frame_link_of(uint32_t linktype)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].linktype == linktype)
			return links[i].type;
	}
	return -1;
}

enum frame_skip frame_open_udp(struct bytes packet, const struct addr *src,
                               struct endpoint *ret_from, struct bytes *ret_data)
{
	struct found found = {.from = {.addr = *src}};
	enum frame_skip skip = read_udp(packet, &found);

	if (skip == FRAME_TAKEN) {
		*ret_from = found.from;
		*ret_data = found.data;
	}
	return skip;
}

enum frame_skip frame_open(int link, struct bytes frame, struct endpoint *ret_from,
                           struct bytes *ret_data, struct fragment *ret_fragment)
{
	const struct link *l = link_find(link);
	struct bytes in = frame, type_at;
	enum frame_skip skip;
	struct found found;
	uint64_t type = 0;

	if (l == NULL)
		return FRAME_LINK;
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
	if (skip == FRAME_FRAGMENT)
		*ret_fragment = found.fragment;
	if (skip == FRAME_TAKEN) {
		*ret_from = found.from;
		*ret_data = found.data;
	}
	return skip;
}

const char *frame_skip_text(enum frame_skip skip)
{
	static const char *const texts[FRAME_SKIPS] = {
		[FRAME_TAKEN] = "taken",   [FRAME_NOT_UDP] = "not UDP",
		[FRAME_TCP] = "TCP",       [FRAME_FRAGMENT] = "IP fragment",
		[FRAME_CUT] = "cut short", [FRAME_LINK] = "of a link type that is not read",
	};

	return texts[skip];
}
