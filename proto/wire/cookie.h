/*
 * cookie - proof that whoever sends an INIT receives at the address it comes from.
 *
 * A keyed hash of the sender's address, under a secret of the responder's that changes every
 * COOKIE_TURN_MS; the one before it still holds. The responder keeps nothing per sender. It sends
 * the cookie sealed under a key that only who knows its id can make, bound to the INIT's mac1; the
 * initiator puts a MAC under the cookie, mac2, into the same INIT and sends it again (WireGuard
 * whitepaper, 5.3 and 5.4.7). A COOKIE is shorter than the INIT it answers.
 */
#ifndef SPOOR_PROTO_WIRE_COOKIE_H
#define SPOOR_PROTO_WIRE_COOKIE_H

#include "base/addr.h"
#include "base/clock.h"
#include "proto/wire/packet.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_TURN_MS 120000
#define COOKIE_NONCE 24
#define COOKIE_OCTETS 16 /* of the cookie itself */
#define COOKIE_LEN 64    /* of the datagram */

struct cookie_jar {
	struct seed secrets[2]; /* the present one, the one before */
	struct mono turned[2];  /* when each was new */
	size_t count;           /* how many there are */
};

/* When cookie_jar_turn() is due next; an empty jar's at once. */
struct mono cookie_jar_due(const struct cookie_jar *jar);

/* Takes a fresh secret and drops what is older than two turns. An empty jar is all zero. */
void cookie_jar_turn(struct cookie_jar *jar, struct mono now, const struct seed *fresh);

/* The key that seals cookies of the responder `id`. */
void cookie_key(const struct id *id, uint8_t ret[32]);

/*
 * Writes the COOKIE for an INIT that hand_check_mac1() took. `self` is the responder's id; `nonce`
 * is drawn at random. The jar is not empty. Returns COOKIE_LEN.
 */
size_t cookie_make(const struct cookie_jar *jar, const struct id *self, const struct endpoint *from,
                   const uint8_t *init, const uint8_t nonce[COOKIE_NONCE],
                   uint8_t room[COOKIE_LEN]);

/* Is the mac2 of this INIT made under a cookie that was for `from`? */
bool cookie_holds(const struct cookie_jar *jar, const struct endpoint *from, const void *data,
                  size_t len);

#endif
