#include "base/addr.h"

#include "base/util.h"

#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct addr addr_from_v4(const uint8_t octets[4])
{
	struct addr a;

	memcpy(a.octets, v4_prefix, sizeof(v4_prefix));
	memcpy(a.octets + sizeof(v4_prefix), octets, 4);
	return a;
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->octets, v4_prefix, sizeof(v4_prefix)) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

unsigned addr_network_bits(const struct addr *a)
{
	return addr_is_v4(a) ? 96 + 24 : 48;
}

bool addr_in_net(const struct addr *a, const struct addr *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	CHECK(bits <= 128);
	if (memcmp(a->octets, net->octets, whole) != 0)
		return false;
	return rest == 0 || ((a->octets[whole] ^ net->octets[whole]) & mask) == 0;
}

bool addr_is_private(const struct addr *a)
{
	static const struct {
		const char *net;
		unsigned bits;
	} nets[] = {
		{"10.0.0.0", 96 + 8},    {"172.16.0.0", 96 + 12},  {"192.168.0.0", 96 + 16},
		{"100.64.0.0", 96 + 10}, {"169.254.0.0", 96 + 16}, {"127.0.0.0", 96 + 8},
		{"fc00::", 7},           {"fe80::", 10},           {"::1", 128},
	};

	for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
		struct addr net;
		enum err err = addr_parse(nets[i].net, &net);

		CHECK(err == ERR_OK);
		if (addr_in_net(a, &net, nets[i].bits))
			return true;
	}
	return false;
}

bool addr_is_unicast(const struct addr *a)
{
	static const struct addr unspecified;

	if (addr_is_v4(a))
		return a->octets[12] != 0 && a->octets[12] < 224;
	return a->octets[0] != 0xff && !addr_equal(a, &unspecified);
}

bool prefix_is_sound(const struct prefix *p)
{
	if (p->bits > 128)
		return false;
	for (unsigned bit = p->bits; bit < 128; bit++) {
		if ((p->net.octets[bit / 8] & 0x80 >> bit % 8) != 0)
			return false;
	}
	return true;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	return addr_is_v4(a) == addr_is_v4(&p->net) && addr_in_net(a, &p->net, p->bits);
}

struct prefix prefix_of(const struct addr *a)
{
	return (struct prefix){.net = *a, .bits = 128};
}

/* A number in `base` 10 or 16; the end of its digits, or NULL when there are none or it is > max.
 */
static const char *number(const char *at, unsigned base, unsigned max, unsigned *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = at;
	unsigned value = 0;

	for (; *at != '\0'; at++) {
		char c = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
		const char *digit = memchr(digits, c, base);

		if (digit == NULL)
			break;
		value = value * base + (unsigned)(digit - digits);
		if (value > max)
			return NULL;
	}
	if (at == start || (base == 10 && at - start > 1 && *start == '0') || at - start > 5)
		return NULL;
	*ret = value;
	return at;
}

static const char *parse_v4(const char *at, uint8_t ret[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned value;

		if (i > 0 && *at++ != '.')
			return NULL;
		at = number(at, 10, 255, &value);
		if (at == NULL)
			return NULL;
		ret[i] = (uint8_t)value;
	}
	return at;
}

/* The octets before and after "::" gather in one array; the hole is opened at the end. */
static const char *parse_v6(const char *at, uint8_t ret[16])
{
	uint8_t octets[16] = {0};
	size_t count = 0, hole = SIZE_MAX;

	if (at[0] == ':' && at[1] == ':') {
		hole = 0;
		at += 2;
	}
	while (count < 16) {
		const char *next, *dotted;
		unsigned group;
		uint8_t v4[4];

		if (hole == count && *at != ':' && number(at, 16, 0xffff, &group) == NULL)
			break; /* "::" may end the address */
		dotted = count <= 12 ? parse_v4(at, v4) : NULL;
		if (dotted != NULL) {
			memcpy(octets + count, v4, 4);
			count += 4;
			at = dotted;
			break;
		}
		next = number(at, 16, 0xffff, &group);
		if (next == NULL)
			return NULL;
		octets[count++] = (uint8_t)(group >> 8);
		octets[count++] = (uint8_t)group;
		at = next;
		if (at[0] == ':' && at[1] == ':') {
			if (hole != SIZE_MAX)
				return NULL;
			hole = count;
			at += 2;
		} else if (*at == ':' && count < 16) {
			at++;
		} else {
			break;
		}
	}
	if (hole == SIZE_MAX ? count != 16 : count > 14)
		return NULL;
	if (hole != SIZE_MAX) {
		memmove(octets + 16 - (count - hole), octets + hole, count - hole);
		memset(octets + hole, 0, 16 - count);
	}
	memcpy(ret, octets, 16);
	return at;
}

/* An address of either family at the start of `at`; its end, or NULL. */
static const char *parse_any(const char *at, struct addr *ret)
{
	uint8_t v4[4];
	const char *end = parse_v4(at, v4);

	if (end != NULL && *end != ':') {
		*ret = addr_from_v4(v4);
		return end;
	}
	if (end != NULL && strchr(end + 1, ':') == NULL) {
		*ret = addr_from_v4(v4); /* 192.0.2.1:22 */
		return end;
	}
	return parse_v6(at, ret->octets);
}

enum err addr_parse(const char *text, struct addr *ret)
{
	struct addr a;
	const char *end = parse_any(text, &a);

	if (end == NULL || *end != '\0')
		return ERR_FORMAT;
	*ret = a;
	return ERR_OK;
}

enum err prefix_parse(const char *text, struct prefix *ret)
{
	struct prefix p = {.bits = 128};
	const char *at = parse_any(text, &p.net);
	unsigned first, bits;

	if (at == NULL)
		return ERR_FORMAT;
	if (*at == '/') {
		/* What is written with colons counts its bits from the first of 128. */
		first = addr_is_v4(&p.net) && memchr(text, ':', (size_t)(at - text)) == NULL ? 96
		                                                                             : 0;
		at = number(at + 1, 10, 128 - first, &bits);
		if (at == NULL)
			return ERR_FORMAT;
		p.bits = (uint8_t)(first + bits);
	}
	if (*at != '\0' || !prefix_is_sound(&p))
		return ERR_FORMAT;
	*ret = p;
	return ERR_OK;
}

enum err endpoint_parse(const char *text, struct endpoint *ret)
{
	struct endpoint e = {.port = 0};
	bool in_brackets = text[0] == '[';
	const char *at = parse_any(text + (in_brackets ? 1 : 0), &e.addr);
	unsigned port;

	if (at == NULL || (in_brackets && *at++ != ']'))
		return ERR_FORMAT;
	if (*at == ':') {
		at = number(at + 1, 10, 65535, &port);
		if (at == NULL)
			return ERR_FORMAT;
		e.port = (uint16_t)port;
	}
	if (*at != '\0')
		return ERR_FORMAT;
	*ret = e;
	return ERR_OK;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952, section 4.2). */
static void longest_hole(const unsigned groups[8], int *ret_at, int *ret_len)
{
	*ret_at = -1;
	*ret_len = 1;
	for (int i = 0; i < 8; i++) {
		int len = 0;

		while (i + len < 8 && groups[i + len] == 0)
			len++;
		if (len > *ret_len) {
			*ret_at = i;
			*ret_len = len;
		}
	}
}

const char *addr_print(const struct addr *a, char room[ADDR_TEXT_MAX])
{
	const uint8_t *o = a->octets;
	unsigned groups[8];
	int hole, hole_len;
	size_t at = 0;

	if (addr_is_v4(a)) {
		snprintf(room, ADDR_TEXT_MAX, "%u.%u.%u.%u", o[12], o[13], o[14], o[15]);
		return room;
	}
	for (int i = 0; i < 8; i++)
		groups[i] = (unsigned)(o[2 * i] << 8 | o[2 * i + 1]);
	longest_hole(groups, &hole, &hole_len);
	for (int i = 0; i < 8; i++) {
		if (i == hole) {
			at += (size_t)snprintf(room + at, ADDR_TEXT_MAX - at, "::");
			i += hole_len - 1;
			continue;
		}
		at += (size_t)snprintf(room + at, ADDR_TEXT_MAX - at, "%s%x",
		                       i > 0 && i != hole + hole_len ? ":" : "", groups[i]);
	}
	return room;
}

const char *endpoint_print(const struct endpoint *e, char room[ENDPOINT_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];
	bool is_v4 = addr_is_v4(&e->addr);

	snprintf(room, ENDPOINT_TEXT_MAX, "%s%s%s:%u", is_v4 ? "" : "[", addr_print(&e->addr, text),
	         is_v4 ? "" : "]", e->port);
	return room;
}

const char *prefix_print(const struct prefix *p, char room[PREFIX_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];

	snprintf(room, PREFIX_TEXT_MAX, "%s/%u", addr_print(&p->net, text),
	         addr_is_v4(&p->net) ? p->bits - 96u : p->bits);
	return room;
}
