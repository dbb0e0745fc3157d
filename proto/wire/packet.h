/*
 * packet - the outermost form of every datagram: what kind it is, and whose.
 *
 *	kind 1 | version 1 | zero 2 | then, by kind:
 *
 *	DATA      receiver 4 | counter 8 | sealed | tag 16
 *	INIT      sender 4 | Noise message 1 | mac1 16 | mac2 16
 *	RESPONSE  sender 4 | receiver 4 | Noise message 2 | mac1 16 | mac2 16
 *	COOKIE    receiver 4 | nonce 24 | sealed cookie 32
 *	KNOCK     see knock.h
 *	WELCOME   see knock.h
 *
 * Numbers are big-endian. "sender" and "receiver" are indices: each side names its own session or
 * handshake with a number of its choice, so that a datagram is looked up without any cryptography.
 * INIT, KNOCK and COOKIE have one length each; no answer to an unproved address is longer than
 * what it answers. The shapes are WireGuard's (whitepaper, section 5.4).
 */
#ifndef SPOOR_PROTO_WIRE_PACKET_H
#define SPOOR_PROTO_WIRE_PACKET_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 1232 /* the IPv6 minimum MTU less IPv6 and UDP headers */
#define PACKET_VERSION 1
#define PACKET_HEAD 4
#define PACKET_MAC 16

enum packet_kind {
	PACKET_NONE, /* not ours, or of another version */
	PACKET_DATA,
	PACKET_INIT,
	PACKET_RESPONSE,
	PACKET_COOKIE,
	PACKET_KNOCK,
	PACKET_WELCOME,
	PACKET_KIND_END,
};

/* By head and length alone: the cheapest question there is, asked of everything that comes. */
enum packet_kind packet_kind(const void *data, size_t len);

/* The receiver's index of a DATA, RESPONSE or COOKIE, which packet_kind() says it is. */
uint32_t packet_receiver(const void *data);

/* Writes kind, version and zeroes. */
void packet_head(struct octets *out, enum packet_kind kind);

/* "data", "init", ...; static */
const char *packet_kind_text(enum packet_kind kind);

#endif
