/*
 * noise - Noise_IK_25519_ChaChaPoly_SHA256: two messages, then two keys and proof of two statics.
 *
 *	<- s                    the initiator knows whom it calls
 *	...
 *	-> e, es, s, ss         1: NOISE_FIRST octets longer than its payload
 *	<- e, ee, se            2: NOISE_SECOND octets longer
 *
 * The objects and names are those of the Noise Protocol Framework, revision 34, section 5. What
 * the pattern gives is in its section 7.7: message 1 can be replayed and has no forward secrecy
 * against a thief of the responder's static key; message 2 has both only once data has come back.
 *
 * Ephemeral pairs are the caller's, each for one handshake. Any failure ends the handshake: the
 * object is then good for nothing but wipe().
 */
#ifndef SPOOR_PROTO_WIRE_NOISE_H
#define SPOOR_PROTO_WIRE_NOISE_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_FIRST 96  /* e 32, s 32 + 16, tag 16 */
#define NOISE_SECOND 48 /* e 32, tag 16 */

struct noise_pair {
	struct box_key public, secret;
};

struct noise_cipher { /* CipherState */
	uint8_t key[32];
	uint64_t counter; /* "n" */
	bool has_key;
};

struct noise { /* SymmetricState and HandshakeState */
	struct noise_cipher cipher;
	uint8_t chaining_key[32], hash[32];
	struct noise_pair s, e;
	struct box_key rs, re;
};

struct noise_keys {
	uint8_t to_responder[32], to_initiator[32];
	uint8_t export[32]; /* for uses other than messages; see noise_split() */
	uint8_t hash[32];   /* of the whole handshake: the same at both ends; not secret */
};

void noise_initiate(struct noise *n, struct bytes prologue, const struct noise_pair *s,
                    const struct box_key *rs);
void noise_respond(struct noise *n, struct bytes prologue, const struct noise_pair *s);

/*
 * Writers need room for the payload and NOISE_FIRST or _SECOND. Readers write the payload, as much
 * shorter than the message, to `room`; nothing in it counts unless they succeed.
 *
 * ERR_SHORT   the message cannot be one
 * ERR_AUTH    not made with the keys it must be made with, or one of low order
 */
MUST_USE enum err noise_write_first(struct noise *n, const struct noise_pair *e,
                                    struct bytes payload, uint8_t *room);
/* The initiator's static key is n->rs then. */
MUST_USE enum err noise_read_first(struct noise *n, struct bytes message, uint8_t *room);
MUST_USE enum err noise_write_second(struct noise *n, const struct noise_pair *e,
                                     struct bytes payload, uint8_t *room);
MUST_USE enum err noise_read_second(struct noise *n, struct bytes message, uint8_t *room);

/*
 * The first two outputs of HKDF(ck, "") are the keys of Split(); the third, which Noise leaves
 * unused, is the export key.
 */
void noise_split(const struct noise *n, struct noise_keys *ret);

/* EncryptWithAd and DecryptWithAd: `extra` is authenticated. The counter moves on success. */
void noise_encrypt(struct noise_cipher *c, struct bytes extra, struct bytes plain, uint8_t *room);
MUST_USE enum err noise_decrypt(struct noise_cipher *c, struct bytes extra, struct bytes sealed,
                                uint8_t *room);

/* The nonce of a counter: four zeroes, then the counter, little-endian (section 12.3). */
void noise_nonce(uint64_t counter, uint8_t ret[12]);

#endif
