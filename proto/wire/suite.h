/*
 * suite - the primitives that all of proto/wire is made of, as one table of functions.
 *
 * The chosen suite is the process's only one. It is `suite_sodium`, libsodium's, unless
 * suite_use() said otherwise before anything else ran: a decision like the choice of a library,
 * made once and never again. Only the simulator and tests ever choose another: ten thousand nodes
 * on one core cannot afford real ones. A node never does.
 *
 * No function draws randomness: seeds and nonces are the caller's. Lengths are in octets; outputs
 * and inputs do not overlap, except that seal and open of the two AEADs may work in place.
 */
#ifndef SPOOR_PROTO_WIRE_SUITE_H
#define SPOOR_PROTO_WIRE_SUITE_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUITE_KEY 32
#define SUITE_TAG 16
#define SUITE_NONCE 12        /* of seal() */
#define SUITE_LONG_NONCE 24   /* of long_seal(): long enough to be drawn at random */
#define SUITE_HASH_KEY_MIN 16 /* octets of a key of hash(), when it has one */
#define SUITE_HASH_MIN 16
#define SUITE_HASH_MAX 64

struct suite {
	/* Once, before anything else of the suite. ERR_IO when it cannot start. */
	enum err (*start)(void);

	/* Ed25519ph (RFC 8032) over the domain, its NUL and the data. ERR_AUTH: does not verify. */
	void (*sign_keys)(const struct seed *seed, struct key_pair *ret);
	void (*sign)(const struct key_pair *pair, const char *domain, struct bytes data,
	             struct signature *ret);
	enum err (*verify)(const struct public_key *key, const char *domain, struct bytes data,
	                   const struct signature *signature);

	/* X25519 (RFC 7748). ERR_AUTH: a public key of low order, which would decide the result. */
	void (*box_keys)(const struct seed *seed, struct box_key *ret_public,
	                 struct box_key *ret_secret);
	enum err (*dh)(const struct box_key *secret, const struct box_key *public,
	               uint8_t ret[SUITE_KEY]);

	/* A box to one reader, by a one-time key made of `seed`; see seal() in sign.h. */
	void (*box_seal)(const struct box_key *to, const struct seed *seed, struct bytes plain,
	                 uint8_t *room);
	enum err (*box_open)(const struct box_key *public, const struct box_key *secret,
	                     struct bytes sealed, void *room);

	/*
	 * ChaCha20-Poly1305 (RFC 8439): `extra` is authenticated too. A nonce never serves twice
	 * under one key. Seal writes plain's length and SUITE_TAG. Open: ERR_AUTH, `room`
	 * undefined; `sealed` is at least SUITE_TAG long.
	 */
	void (*seal)(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
	             struct bytes extra, struct bytes plain, uint8_t *room);
	enum err (*open)(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
	                 struct bytes extra, struct bytes sealed, uint8_t *room);
	/* The same with XChaCha20. */
	void (*long_seal)(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
	                  struct bytes extra, struct bytes plain, uint8_t *room);
	enum err (*long_open)(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
	                      struct bytes extra, struct bytes sealed, uint8_t *room);

	/* Of two pieces, as if they were one; either may be empty. */
	void (*sha256)(struct bytes first, struct bytes second, uint8_t ret[32]);
	void (*hmac)(struct bytes key, struct bytes first, struct bytes second, uint8_t ret[32]);
	/* BLAKE2b (RFC 7693) of `len` octets, SUITE_HASH_MIN to _MAX; an empty key: without. */
	void (*hash)(struct bytes key, struct bytes first, struct bytes second, void *ret,
	             size_t len);
};

extern const struct suite suite_sodium;

/* Chooses. Borrowed for the life of the process. Before anything else, and from one thread. */
void suite_use(const struct suite *suite);

/* The chosen one. */
const struct suite *suite_chosen(void);

/* Whichever is chosen: overwrites a secret, and compares two in a time that tells nothing. */
void suite_wipe(void *secret, size_t len);
bool suite_same(const void *a, const void *b, size_t len);

#endif
