#include "proto/wire/suite.h"

#include <sodium.h>
#include <string.h>

/* The one variable of the layer: set before everything else, never after. */
static const struct suite *chosen = &suite_sodium;

static enum err start(void)
{
	return sodium_init() < 0 ? ERR_IO : ERR_OK;
}

static void sign_keys(const struct seed *seed, struct key_pair *ret)
{
	crypto_sign_seed_keypair(ret->public.octets, ret->secret, seed->octets);
}

/* The domain's NUL ends it, so that no domain is another's beginning. */
static void sign_begin(crypto_sign_state *state, const char *domain, struct bytes data)
{
	crypto_sign_init(state);
	crypto_sign_update(state, (const uint8_t *)domain, strlen(domain) + 1);
	crypto_sign_update(state, data.at, bytes_left(&data));
}

static void sign_data(const struct key_pair *pair, const char *domain, struct bytes data,
                      struct signature *ret)
{
	crypto_sign_state state;

	sign_begin(&state, domain, data);
	crypto_sign_final_create(&state, ret->octets, NULL, pair->secret);
}

static enum err verify_data(const struct public_key *key, const char *domain, struct bytes data,
                            const struct signature *signature)
{
	crypto_sign_state state;

	sign_begin(&state, domain, data);
	return crypto_sign_final_verify(&state, signature->octets, key->octets) == 0 ? ERR_OK
	                                                                             : ERR_AUTH;
}

static void make_box_keys(const struct seed *seed, struct box_key *ret_public,
                          struct box_key *ret_secret)
{
	crypto_box_seed_keypair(ret_public->octets, ret_secret->octets, seed->octets);
}

static enum err dh(const struct box_key *secret, const struct box_key *public,
                   uint8_t ret[SUITE_KEY])
{
	return crypto_scalarmult(ret, secret->octets, public->octets) == 0 ? ERR_OK : ERR_AUTH;
}

/* As crypto_box_seal(), which draws its one-time key itself; here it is made of the seed. */
static void box_seal(const struct box_key *to, const struct seed *seed, struct bytes plain,
                     uint8_t *room)
{
	struct box_key once_public, once_secret;
	crypto_generichash_state state;
	uint8_t nonce[crypto_box_NONCEBYTES];
	size_t len = bytes_left(&plain);

	make_box_keys(seed, &once_public, &once_secret);
	crypto_generichash_init(&state, NULL, 0, sizeof(nonce));
	crypto_generichash_update(&state, once_public.octets, sizeof(once_public.octets));
	crypto_generichash_update(&state, to->octets, sizeof(to->octets));
	crypto_generichash_final(&state, nonce, sizeof(nonce));
	memcpy(room, once_public.octets, sizeof(once_public.octets));
	if (crypto_box_easy(room + sizeof(once_public.octets), plain.at, len, nonce, to->octets,
	                    once_secret.octets) != 0)
		memset(room, 0, len + SEAL_OVERHEAD); /* a key of low order: nobody can open it */
	sodium_memzero(&once_secret, sizeof(once_secret));
}

static enum err box_open(const struct box_key *public, const struct box_key *secret,
                         struct bytes sealed, void *room)
{
	if (bytes_left(&sealed) < SEAL_OVERHEAD)
		return ERR_SHORT;
	return crypto_box_seal_open(room, sealed.at, bytes_left(&sealed), public->octets,
	                            secret->octets) == 0
	               ? ERR_OK
	               : ERR_AUTH;
}

static void seal_aead(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
                      struct bytes extra, struct bytes plain, uint8_t *room)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(room, NULL, plain.at, bytes_left(&plain),
	                                          extra.at, bytes_left(&extra), NULL, nonce, key);
}

static enum err open_aead(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
                          struct bytes extra, struct bytes sealed, uint8_t *room)
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(room, NULL, NULL, sealed.at,
	                                                 bytes_left(&sealed), extra.at,
	                                                 bytes_left(&extra), nonce, key) == 0
	               ? ERR_OK
	               : ERR_AUTH;
}

static void long_seal(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
                      struct bytes extra, struct bytes plain, uint8_t *room)
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(room, NULL, plain.at, bytes_left(&plain),
	                                           extra.at, bytes_left(&extra), NULL, nonce, key);
}

static enum err long_open(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
                          struct bytes extra, struct bytes sealed, uint8_t *room)
{
	return crypto_aead_xchacha20poly1305_ietf_decrypt(room, NULL, NULL, sealed.at,
	                                                  bytes_left(&sealed), extra.at,
	                                                  bytes_left(&extra), nonce, key) == 0
	               ? ERR_OK
	               : ERR_AUTH;
}

static void sha256(struct bytes first, struct bytes second, uint8_t ret[32])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, first.at, bytes_left(&first));
	crypto_hash_sha256_update(&state, second.at, bytes_left(&second));
	crypto_hash_sha256_final(&state, ret);
}

static void hmac(struct bytes key, struct bytes first, struct bytes second, uint8_t ret[32])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key.at, bytes_left(&key));
	crypto_auth_hmacsha256_update(&state, first.at, bytes_left(&first));
	crypto_auth_hmacsha256_update(&state, second.at, bytes_left(&second));
	crypto_auth_hmacsha256_final(&state, ret);
	sodium_memzero(&state, sizeof(state));
}

static void hash(struct bytes key, struct bytes first, struct bytes second, void *ret, size_t len)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, key.at, bytes_left(&key), len);
	crypto_generichash_update(&state, first.at, bytes_left(&first));
	crypto_generichash_update(&state, second.at, bytes_left(&second));
	crypto_generichash_final(&state, ret, len);
}

void suite_use(const struct suite *suite)
{
	chosen = suite;
}

const struct suite *suite_chosen(void)
{
	return chosen;
}

void suite_wipe(void *secret, size_t len)
{
	sodium_memzero(secret, len);
}

bool suite_same(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

const struct suite suite_sodium = {
	.start = start,
	.sign_keys = sign_keys,
	.sign = sign_data,
	.verify = verify_data,
	.box_keys = make_box_keys,
	.dh = dh,
	.box_seal = box_seal,
	.box_open = box_open,
	.seal = seal_aead,
	.open = open_aead,
	.long_seal = long_seal,
	.long_open = long_open,
	.sha256 = sha256,
	.hmac = hmac,
	.hash = hash,
};
