#include "proto/flow/filter_value.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <stdio.h>
#include <string.h>

static const struct filter_name protocols[] = {
	{"icmp", 1},  {"igmp", 2},   {"ipip", 4},   {"tcp", 6},    {"udp", 17},    {"ipv6", 41},
	{"gre", 47},  {"esp", 50},   {"ah", 51},    {"icmp6", 58}, {"icmpv6", 58}, {"ospf", 89},
	{"pim", 103}, {"vrrp", 112}, {"sctp", 132}, {NULL, 0},
};

static const struct filter_name versions[] = {
	{"netflow5", 5}, {"netflow9", 9}, {"ipfix", 10}, {"sflow", FLOW_SFLOW}, {NULL, 0},
};

static struct filter_range range_of(uint64_t low, uint64_t high)
{
	return (struct filter_range){.low = {0, low}, .high = {0, high}};
}

/* Decimal digits, and "k" behind them; the end of what was read, or NULL. */
static const char *digits(const char *at, const struct filter_value *v, uint64_t *ret)
{
	static const char units[] = "kmgt";
	uint64_t value = 0, scale = 1;
	const char *start = at, *unit;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (v->max - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	if (at == start)
		return NULL;
	unit = v->is_scaled && *at != '\0' ? strchr(units, *at) : NULL;
	for (const char *u = units; unit != NULL && u <= unit; u++)
		scale *= 1000;
	if (value > v->max / scale)
		return NULL;
	*ret = value * scale;
	return at + (unit != NULL);
}

/* N, N-M, or a name. */
static bool read_number(const struct filter_value *v, const char *word, struct filter_range *ret)
{
	uint64_t low = 0, high = 0;
	const char *at;

	for (const struct filter_name *n = v->names; n != NULL && n->name != NULL; n++) {
		if (strcmp(n->name, word) == 0) {
			*ret = range_of(n->number, n->number);
			return true;
		}
	}
	at = digits(word, v, &low);
	high = low;
	if (at != NULL && *at == '-')
		at = digits(at + 1, v, &high);
	*ret = range_of(low, high);
	return at != NULL && *at == '\0' && high >= low;
}

/* A number of ms, or a span with its unit. */
static bool read_span(const struct filter_value *v, const char *word, struct filter_range *ret)
{
	int64_t ms;

	if (read_number(v, word, ret))
		return true;
	if (duration_parse(word, &ms) != ERR_OK)
		return false;
	*ret = range_of((uint64_t)ms, (uint64_t)ms);
	return true;
}

/* "10.0" of "10.0/16": the octets that are not there are 0. */
static bool parse_base(const char *text, size_t len, struct addr *ret)
{
	char base[ADDR_TEXT_MAX + 8];

	if (len >= ADDR_TEXT_MAX)
		return false;
	snprintf(base, sizeof(base), "%.*s", (int)len, text);
	if (addr_parse(base, ret) == ERR_OK)
		return true;
	for (int octets = 1; octets < 4 && memchr(base, ':', strlen(base)) == NULL; octets++) {
		size_t used = strlen(base);

		snprintf(base + used, sizeof(base) - used, ".0");
		if (addr_parse(base, ret) == ERR_OK)
			return true;
	}
	return false;
}

static uint64_t big_endian(const uint8_t octets[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | octets[i];
	return value;
}

static struct filter_range net_range(const struct addr *a, unsigned bits)
{
	uint64_t whole[2] = {big_endian(a->octets), big_endian(a->octets + 8)};
	uint64_t rest[2] = {bits >= 64 ? 0 : UINT64_MAX >> bits,
	                    bits >= 128  ? 0
	                    : bits <= 64 ? UINT64_MAX
	                                 : UINT64_MAX >> (bits - 64)};

	return (struct filter_range){{whole[0] & ~rest[0], whole[1] & ~rest[1]},
	                             {whole[0] | rest[0], whole[1] | rest[1]}};
}

/* ADDR/BITS. */
static bool read_net(const struct filter_value *v, const char *word, struct filter_range *ret)
{
	const char *slash = strchr(word, '/');
	uint64_t bits = 0;
	struct addr a;
	bool is_v4;

	(void)v;
	if (slash == NULL || !parse_base(word, (size_t)(slash - word), &a))
		return false;
	is_v4 = addr_is_v4(&a);
	if (number_parse(slash + 1, is_v4 ? 32 : 128, &bits) != ERR_OK)
		return false;
	*ret = net_range(&a, (unsigned)bits + (is_v4 ? 96 : 0));
	return true;
}

/* ADDR, or ADDR/BITS. */
static bool read_addr(const struct filter_value *v, const char *word, struct filter_range *ret)
{
	struct addr a;

	if (addr_parse(word, &a) != ERR_OK)
		return read_net(v, word, ret);
	*ret = net_range(&a, 128);
	return true;
}

/* How many bits of an IPv4 netmask are set; 33 when it is none. */
static unsigned mask_bits(const char *text)
{
	struct addr a;
	uint32_t mask;
	unsigned bits = 0;

	if (addr_parse(text, &a) != ERR_OK || !addr_is_v4(&a))
		return 33;
	mask = (uint32_t)big_endian(a.octets + 8);
	for (; bits < 32 && (mask & 0x80000000u >> bits) != 0; bits++)
		;
	return bits < 32 && (mask << bits) != 0 ? 33 : bits;
}

bool filter_value_masked(const char *addr, const char *mask, struct filter_range *ret)
{
	unsigned bits = mask_bits(mask);
	struct addr a;

	if (bits > 32 || addr_parse(addr, &a) != ERR_OK || !addr_is_v4(&a))
		return false;
	*ret = net_range(&a, 96 + bits);
	return true;
}

#define NUMBER(expected_, max_) .expected = (expected_), .read = read_number, .max = (max_)

const struct filter_value filter_value_addr = {
	.expected = "an IP address", .read = read_addr, .is_addr = true};
const struct filter_value filter_value_net = {
	.expected = "a net as 192.0.2.0/24", .read = read_net, .is_addr = true};
const struct filter_value filter_value_port = {NUMBER("a port", UINT16_MAX)};
const struct filter_value filter_value_octet = {NUMBER("0 to 255", UINT8_MAX)};
const struct filter_value filter_value_proto = {NUMBER("a protocol's name, or 0 to 255", UINT8_MAX),
                                                .names = protocols};
const struct filter_value filter_value_version = {NUMBER("5, 9, 10 or sflow", UINT8_MAX),
                                                  .names = versions};
const struct filter_value filter_value_vlan = {NUMBER("a VLAN, 0 to 4095", 4095)};
const struct filter_value filter_value_label = {NUMBER("a label", (1 << 20) - 1)};
const struct filter_value filter_value_index = {NUMBER("a number", UINT32_MAX)};
const struct filter_value filter_value_count = {NUMBER("a number", UINT64_MAX), .is_scaled = true};
const struct filter_value filter_value_span = {
	.expected = "ms, or a span as 10s", .read = read_span, .max = INT64_MAX};
