/*
 * hand - the handshake that begins a session: one INIT, one RESPONSE.
 *
 *	INIT      head 4 | sender 4 | Noise IK 1 { length 2, payload, zeroes } | mac1 | mac2
 *	RESPONSE  head 4 | sender 4 | receiver 4 | Noise IK 2 { payload }      | mac1 | mac2
 *
 * The Noise prologue is "spoor hand 1", a NUL, the responder's id and the first 8 octets of the
 * INIT: a session is with the member that was meant, under the indices that were sent. Payloads
 * are the caller's: who I am, and what makes an INIT fresh. An INIT has one length, whatever it
 * carries, and a RESPONSE is shorter than that.
 *
 * mac1 is keyed by the responder's id: who does not know it gets no answer, and costs one hash.
 * mac2 is zero, or proves the sender's address (cookie.h).
 *
 * An INIT may be a replay, and its RESPONSE proves nothing to the responder: it must not send DATA
 * before it has opened one, nor give up an older session with the same member.
 */
#ifndef SPOOR_PROTO_WIRE_HAND_H
#define SPOOR_PROTO_WIRE_HAND_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/noise.h"
#include "proto/wire/packet.h"
#include "proto/wire/sign.h"
#include "proto/wire/transport.h"

#include <stddef.h>
#include <stdint.h>

#define HAND_PAYLOAD_MAX 704
#define HAND_INIT_HEAD 8
#define HAND_INIT_MAC1 (HAND_INIT_HEAD + NOISE_FIRST + 2 + HAND_PAYLOAD_MAX)
#define HAND_INIT_LEN (HAND_INIT_MAC1 + 2 * PACKET_MAC) /* 842 */
#define HAND_RESPONSE_HEAD 12
#define HAND_RESPONSE_MIN (HAND_RESPONSE_HEAD + NOISE_SECOND + 2 * PACKET_MAC)
#define HAND_RESPONSE_MAX (HAND_RESPONSE_MIN + HAND_PAYLOAD_MAX) /* 796 */

struct hand_self {
	struct noise_pair kx; /* our static X25519 pair */
	struct id id;
};

struct hand { /* one of ours under way; wipe() it when done */
	struct noise noise;
	uint8_t mac1_key[32], cookie_key[32];
	uint32_t index;
	uint8_t packet[HAND_INIT_LEN]; /* what is sent, and at every retry sent again */
};

struct hand_in { /* one of theirs that has come; wipe() it when done */
	struct noise noise;
	struct box_key from; /* the initiator's static key: proved, whose it is is in the payload */
	uint32_t index;      /* the initiator's */
	uint8_t payload[HAND_PAYLOAD_MAX];
	size_t payload_len;
};

/*
 * Begins a handshake with `their_id`, whose static key is `them`. `index` is what we shall know
 * the session by; `ephemeral` is drawn at random, for this handshake alone.
 *
 * ERR_AUTH    `them` is a key of low order
 * ERR_LIMIT   the payload is longer than HAND_PAYLOAD_MAX
 */
MUST_USE enum err hand_start(struct hand *h, const struct hand_self *self,
                             const struct box_key *them, const struct id *their_id, uint32_t index,
                             const struct seed *ephemeral, struct bytes payload);

/*
 * Takes a COOKIE: h->packet has a mac2 then, and is to be sent again. Failures leave `h` as it was.
 *
 * ERR_FORMAT   not a COOKIE
 * ERR_NOENT    not for this handshake
 * ERR_AUTH     not from whom we call, or not about this INIT
 */
MUST_USE enum err hand_take_cookie(struct hand *h, const void *data, size_t len);

/*
 * Takes the RESPONSE: the session, and its payload. Failures leave `h` as it was, so that a forged
 * one does not end the handshake.
 *
 * ERR_FORMAT   not a RESPONSE
 * ERR_NOENT    not for this handshake
 * ERR_AUTH     not from whom we call
 */
MUST_USE enum err hand_finish(const struct hand *h, const void *data, size_t len,
                              struct transport *ret, uint8_t payload[HAND_PAYLOAD_MAX],
                              size_t *ret_len);

/* The key of every mac1 that is meant for, or made by, the responder `id`. */
void hand_mac1_key(const struct id *id, uint8_t ret[32]);

/* The keyed hash that mac1 and mac2 are. */
void hand_mac(const void *key, size_t key_len, const void *data, size_t len,
              uint8_t ret[PACKET_MAC]);

/* ERR_FORMAT: neither INIT nor RESPONSE. ERR_AUTH: made by somebody who does not know our id. */
MUST_USE enum err hand_check_mac1(const uint8_t mac1_key[32], const void *data, size_t len);

/*
 * Reads an INIT whose mac1 holds.
 *
 * ERR_FORMAT   not an INIT, or its payload is not padded with zeroes
 * ERR_AUTH     not made for us, or with keys of low order
 */
MUST_USE enum err hand_read(const struct hand_self *self, const void *data, size_t len,
                            struct hand_in *ret);

/*
 * Answers it: writes the RESPONSE into room[0..HAND_RESPONSE_MAX) and returns its length. 0 when
 * the payload is longer than HAND_PAYLOAD_MAX. The same arguments make the same RESPONSE.
 */
size_t hand_answer(const struct hand_in *in, const struct hand_self *self,
                   const struct seed *ephemeral, uint32_t index, struct bytes payload,
                   uint8_t *room, struct transport *ret);

#endif
