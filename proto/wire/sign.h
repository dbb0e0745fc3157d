/*
 * sign - keys, signatures, sealing and digests, by whichever suite is chosen (suite.h).
 *
 * Every signature and digest begins with a domain, a short text that says what is signed, so that
 * nothing signed for one purpose passes for another. Nothing here draws randomness: seeds are the
 * caller's, from the system in node/ and tools/, from the run's own generator in the simulator.
 */
#ifndef SPOOR_PROTO_WIRE_SIGN_H
#define SPOOR_PROTO_WIRE_SIGN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONCE_LEN 16
#define SEAL_OVERHEAD 48 /* octets a sealed message is longer than its plain text */

struct seed {
	uint8_t octets[32]; /* secret; unpredictable, or the key made of it is not */
};

struct public_key {
	uint8_t octets[32]; /* Ed25519 */
};

struct key_pair {
	struct public_key public;
	uint8_t secret[64];
};

struct signature {
	uint8_t octets[64];
};

struct box_key {
	uint8_t octets[32]; /* X25519, public or secret as its name says */
};

struct id {
	uint8_t octets[32]; /* BLAKE2b-256 of something */
};

struct hash_key {
	uint8_t octets[16]; /* secret, drawn at start */
};

struct nonce {
	uint8_t octets[NONCE_LEN]; /* drawn once, so that an answer to it is fresh */
};

/* Once per process, before anything else here. ERR_IO when the suite cannot start. */
MUST_USE enum err sign_start(void);

struct key_pair key_pair_of(const struct seed *seed);
void key_pair_wipe(struct key_pair *pair);

/* Signs `data` with Ed25519ph (RFC 8032) under `domain`. */
struct signature sign(const struct key_pair *pair, const char *domain, const void *data,
                      size_t len);
/* ERR_AUTH when it does not verify. */
MUST_USE enum err verify(const struct public_key *key, const char *domain, const void *data,
                         size_t len, const struct signature *signature);

/* For tables whose keys come from others: under a secret key nobody can pile them up. */
uint64_t keyed_hash(const struct hash_key *key, const void *data, size_t len);

struct id digest(const char *domain, const void *data, size_t len);
bool id_equal(const struct id *a, const struct id *b);
bool nonce_equal(const struct nonce *a, const struct nonce *b);

void box_keys(const struct seed *seed, struct box_key *ret_public, struct box_key *ret_secret);

/*
 * Encrypts `len` octets to `to` into room[0..len + SEAL_OVERHEAD): libsodium's sealed box, the
 * sender's one-time key made of `seed`, which must never be used twice.
 */
void seal(const struct box_key *to, const struct seed *seed, const void *data, size_t len,
          uint8_t *room);
/* Opens into room[0..len - SEAL_OVERHEAD). ERR_SHORT, or ERR_AUTH when it was not sealed to us. */
MUST_USE enum err seal_open(const struct box_key *public, const struct box_key *secret,
                            const uint8_t *sealed, size_t len, void *room);

/* Overwrites a secret, even where the compiler thinks it is dead. */
void wipe(void *secret, size_t len);

#endif
