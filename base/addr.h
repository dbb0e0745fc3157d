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

struct addr {
	uint8_t octets[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* 0 where no port is meant */
};

#define ADDR_TEXT_MAX 46     /* with its NUL */
#define ENDPOINT_TEXT_MAX 56 /* with its NUL: "[addr]:65535" */

struct addr addr_from_v4(const uint8_t octets[4]);
bool addr_is_v4(const struct addr *a);

/* RFC 1918, RFC 6598 (100.64/10), RFC 4193 (fc00::/7), link-local and loopback. */
bool addr_is_private(const struct addr *a);

/* <0, 0, >0 as memcmp; IPv4 sorts by number. */
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/*
 * Is `a` inside `net`/`bits`? `bits` counts from the first of 128 bits; for an IPv4 prefix of n
 * bits pass 96 + n.
 */
bool addr_in_net(const struct addr *a, const struct addr *net, unsigned bits);

/* Parses the whole of `text`: "192.0.2.1" or "2001:db8::1". ERR_FORMAT; `ret` is then untouched. */
MUST_USE enum err addr_parse(const char *text, struct addr *ret);

/*
 * Parses "192.0.2.1", "192.0.2.1:22", "2001:db8::1" or "[2001:db8::1]:22". No port gives port 0.
 * ERR_FORMAT; `ret` is then untouched.
 */
MUST_USE enum err endpoint_parse(const char *text, struct endpoint *ret);

/* Prints as RFC 5952 says. Returns `room`. */
const char *addr_print(const struct addr *a, char room[ADDR_TEXT_MAX]);

/* As addr_print() with ":port" behind it, the address in brackets if IPv6. */
const char *endpoint_print(const struct endpoint *e, char room[ENDPOINT_TEXT_MAX]);

#endif
