/*
 * knock - how a joiner meets a member of whom it has nothing but an address.
 *
 *	KNOCK    head 4 | nonce 16 | wall ms 8 | cert len 2, cert | record len 2, record | zeroes
 *	         | signature 64 | mac 16
 *	WELCOME  head 4 | sealed { nonce 16 | cert len 2, cert | record len 2, record }
 *
 * A handshake needs the responder's id and static key; the WELCOME brings both, in its certificate
 * and record, and the handshake follows. A KNOCK's mac is keyed by a root's public key: who does
 * not know the community gets silence, for one hash of the datagram and one of that per root. Its
 *signature is by the operational key that the record names; the caller reads that, checks the
 *chain, and has the signature verified. The WELCOME is sealed to the knocker's X25519 key and
 *returns its nonce.
 *
 * Certificates and records are opaque here. A KNOCK has one length, and no WELCOME is longer.
 */
#ifndef SPOOR_PROTO_WIRE_KNOCK_H
#define SPOOR_PROTO_WIRE_KNOCK_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/packet.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define KNOCK_LEN 1088
#define KNOCK_SIGNED (KNOCK_LEN - (size_t)64 - PACKET_MAC) /* octets that the signature covers */
#define KNOCK_CARD_MAX 976 /* certificate and record together; KNOCK_SIGNED less the rest */
#define WELCOME_HEAD (PACKET_HEAD + SEAL_OVERHEAD + NONCE_LEN)
#define WELCOME_MIN (WELCOME_HEAD + 4)
#define WELCOME_MAX (WELCOME_MIN + KNOCK_CARD_MAX) /* 1048 */

struct knock_key { /* of one root */
	uint8_t octets[32];
};

struct knock { /* cert and record are borrowed from the datagram */
	struct nonce nonce;
	struct wall sent;
	struct bytes cert, record;
	struct bytes signed_part;
	struct signature signature;
};

struct welcome { /* borrowed from the room it was opened into */
	struct bytes cert, record;
};

struct knock_key knock_key_of(const struct public_key *root);

/* What `key` makes of the octets of a KNOCK before its mac. */
void knock_mac(const struct knock_key *key, const uint8_t *data, uint8_t ret[PACKET_MAC]);

/*
 * Writes a KNOCK with its nonce, sent, cert and record, signed with the operational `pair`, into
 * room[0..KNOCK_LEN). ERR_LIMIT: cert and record exceed KNOCK_CARD_MAX.
 */
MUST_USE enum err knock_pack(const struct knock *k, const struct key_pair *pair,
                             const struct knock_key *key, uint8_t room[KNOCK_LEN]);

/*
 * The first question about a KNOCK: of which community? `ret_which` is the key's place.
 *
 * ERR_FORMAT   not a KNOCK
 * ERR_ROOT     of none of these
 */
MUST_USE enum err knock_check(const struct knock_key *keys, size_t count, const void *data,
                              size_t len, size_t *ret_which);

/* Reads it, signature unverified. ERR_FORMAT */
MUST_USE enum err knock_open(const void *data, size_t len, struct knock *ret);

/* ERR_AUTH when `key` did not sign it. */
MUST_USE enum err knock_verify(const struct knock *k, const struct public_key *key);

/*
 * Writes the WELCOME to `to`'s owner, who knocked with `nonce`, into room[0..WELCOME_MAX). `seed`
 * is drawn at random. Returns its length; 0 when `w` exceeds KNOCK_CARD_MAX.
 */
size_t welcome_pack(const struct welcome *w, const struct nonce *nonce, const struct box_key *to,
                    const struct seed *seed, uint8_t *room);

/*
 * Opens it into room[0..WELCOME_MAX). That somebody sealed it proves nothing but that he saw the
 * KNOCK: what is inside has yet to be checked.
 *
 * ERR_FORMAT   not a WELCOME
 * ERR_AUTH     not sealed to us
 * ERR_STALE    not an answer to the KNOCK with `nonce`
 */
MUST_USE enum err welcome_open(const struct box_key *public, const struct box_key *secret,
                               const struct nonce *nonce, const void *data, size_t len,
                               uint8_t *room, struct welcome *ret);

#endif
