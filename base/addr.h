/*
 * addr - IP addresses and endpoints as values: parse, print, compare.
 *
 * One width for both families: IPv4 is held as ::ffff:a.b.c.d, so that an address is a plain key.
 */
#ifndef SPOOR_BASE_ADDR_H
#define SPOOR_BASE_ADDR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct addr {
	uint8_t octets[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* 0 where no port is meant */
};

struct prefix {          /* all addresses of one family that begin alike */
	struct addr net; /* its bits behind `bits` are zero */
	uint8_t bits;    /* of 128: an IPv4 prefix of n bits has 96 + n */
};

#define ADDR_TEXT_MAX 46     /* with its NUL */
#define PREFIX_TEXT_MAX 50   /* with its NUL: "addr/128" */
#define ENDPOINT_TEXT_MAX 56 /* with its NUL: "[addr]:65535" */

struct addr addr_from_v4(const uint8_t octets[4]);

/* The same of the number that the octets are, most significant first; for where many are made. */
static inline struct addr addr_of_v4(uint32_t v4)
{
	uint64_t halves[2] = {0, UINT64_C(0xffff) << 32 | v4};
	struct addr a;

	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		halves[1] = __builtin_bswap64(halves[1]);
	memcpy(&a, halves, sizeof(a));
	return a;
}

bool addr_is_v4(const struct addr *a);

/* RFC 1918, RFC 6598 (100.64/10), RFC 4193 (fc00::/7), link-local and loopback. */
bool addr_is_private(const struct addr *a);

/* One host can be meant by it: not unspecified, multicast, broadcast or reserved (RFC 6890). */
bool addr_is_unicast(const struct addr *a);

/* <0, 0, >0 as memcmp; IPv4 sorts by number. */
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/*
 * Is `a` inside `net`/`bits`? `bits` counts from the first of 128 bits; for an IPv4 prefix of n
 * bits pass 96 + n.
 */
bool addr_in_net(const struct addr *a, const struct addr *net, unsigned bits);

/*
 * How many of its first bits name a network of whose addresses one party may have as many as it
 * likes: those of a /24, or of a /48. A multiple of 8.
 */
unsigned addr_network_bits(const struct addr *a);

/* At most 128 bits, and nothing behind them. */
bool prefix_is_sound(const struct prefix *p);

/* Is `a` inside? ::/0 is all of IPv6 and no IPv4. */
bool prefix_has(const struct prefix *p, const struct addr *a);

/* The prefix that holds `a` alone. */
struct prefix prefix_of(const struct addr *a);

/* Parses the whole of `text`: "192.0.2.1" or "2001:db8::1". ERR_FORMAT; `ret` is then untouched. */
MUST_USE enum err addr_parse(const char *text, struct addr *ret);

/*
 * Parses "192.0.2.1", "192.0.2.1:22", "2001:db8::1" or "[2001:db8::1]:22". No port gives port 0.
 * ERR_FORMAT; `ret` is then untouched.
 */
MUST_USE enum err endpoint_parse(const char *text, struct endpoint *ret);

/*
 * Parses "10.0.0.0/8" or "2001:db8::/32"; an address alone is the prefix that holds it alone.
 * ERR_FORMAT, also for "10.0.0.1/8", which names a host; `ret` is then untouched.
 */
MUST_USE enum err prefix_parse(const char *text, struct prefix *ret);

/* Prints as RFC 5952 says. Returns `room`. */
const char *addr_print(const struct addr *a, char room[ADDR_TEXT_MAX]);

/* As addr_print() with ":port" behind it, the address in brackets if IPv6. */
const char *endpoint_print(const struct endpoint *e, char room[ENDPOINT_TEXT_MAX]);

/* "10.0.0.0/8". Returns `room`. */
const char *prefix_print(const struct prefix *p, char room[PREFIX_TEXT_MAX]);

#endif
