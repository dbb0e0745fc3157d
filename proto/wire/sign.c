#include "proto/wire/sign.h"

#include <sodium.h>
#include <string.h>

enum err sign_start(void)
{
	return sodium_init() < 0 ? ERR_IO : ERR_OK;
}

struct key_pair key_pair_of(const struct seed *seed)
{
	struct key_pair pair;

	crypto_sign_seed_keypair(pair.public.octets, pair.secret, seed->octets);
	return pair;
}

void key_pair_wipe(struct key_pair *pair)
{
	sodium_memzero(pair, sizeof(*pair));
}

/* The domain's NUL ends it, so that no domain is another's beginning. */
static void sign_begin(crypto_sign_state *state, const char *domain, const void *data, size_t len)
{
	crypto_sign_init(state);
	crypto_sign_update(state, (const uint8_t *)domain, strlen(domain) + 1);
	crypto_sign_update(state, data, len);
}

struct signature sign(const struct key_pair *pair, const char *domain, const void *data, size_t len)
{
	crypto_sign_state state;
	struct signature signature;

	sign_begin(&state, domain, data, len);
	crypto_sign_final_create(&state, signature.octets, NULL, pair->secret);
	return signature;
}

enum err verify(const struct public_key *key, const char *domain, const void *data, size_t len,
                const struct signature *signature)
{
	crypto_sign_state state;

	sign_begin(&state, domain, data, len);
	return crypto_sign_final_verify(&state, signature->octets, key->octets) == 0 ? ERR_OK
	                                                                             : ERR_AUTH;
}

uint64_t keyed_hash(const struct hash_key *key, const void *data, size_t len)
{
	uint64_t hash;

	crypto_shorthash((uint8_t *)&hash, data, len, key->octets);
	return hash;
}

struct id digest(const char *domain, const void *data, size_t len)
{
	crypto_generichash_state state;
	struct id id;

	crypto_generichash_init(&state, NULL, 0, sizeof(id.octets));
	crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain) + 1);
	crypto_generichash_update(&state, data, len);
	crypto_generichash_final(&state, id.octets, sizeof(id.octets));
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

void box_keys(const struct seed *seed, struct box_key *ret_public, struct box_key *ret_secret)
{
	crypto_box_seed_keypair(ret_public->octets, ret_secret->octets, seed->octets);
}

/* As crypto_box_seal(), which draws its one-time key itself; here it is made of the seed. */
void seal(const struct box_key *to, const struct seed *seed, const void *data, size_t len,
          uint8_t *room)
{
	struct box_key once_public, once_secret;
	crypto_generichash_state state;
	uint8_t nonce[crypto_box_NONCEBYTES];

	box_keys(seed, &once_public, &once_secret);
	crypto_generichash_init(&state, NULL, 0, sizeof(nonce));
	crypto_generichash_update(&state, once_public.octets, sizeof(once_public.octets));
	crypto_generichash_update(&state, to->octets, sizeof(to->octets));
	crypto_generichash_final(&state, nonce, sizeof(nonce));
	memcpy(room, once_public.octets, sizeof(once_public.octets));
	if (crypto_box_easy(room + sizeof(once_public.octets), data, len, nonce, to->octets,
	                    once_secret.octets) != 0)
		memset(room, 0, len + SEAL_OVERHEAD); /* a key of low order: nobody can open it */
	sodium_memzero(&once_secret, sizeof(once_secret));
}

enum err seal_open(const struct box_key *public, const struct box_key *secret,
                   const uint8_t *sealed, size_t len, void *room)
{
	if (len < SEAL_OVERHEAD)
		return ERR_SHORT;
	return crypto_box_seal_open(room, sealed, len, public->octets, secret->octets) == 0
	               ? ERR_OK
	               : ERR_AUTH;
}

void wipe(void *secret, size_t len)
{
	sodium_memzero(secret, len);
}
