#include "proto/wire/sign.h"

#include "base/bytes.h"
#include "proto/wire/suite.h"

#include <string.h>

enum err sign_start(void)
{
	return suite_chosen()->start();
}

struct key_pair key_pair_of(const struct seed *seed)
{
	struct key_pair pair;

	suite_chosen()->sign_keys(seed, &pair);
	return pair;
}

void key_pair_wipe(struct key_pair *pair)
{
	suite_wipe(pair, sizeof(*pair));
}

struct signature sign(const struct key_pair *pair, const char *domain, const void *data, size_t len)
{
	struct signature signature;

	suite_chosen()->sign(pair, domain, bytes_of(data, len), &signature);
	return signature;
}

enum err verify(const struct public_key *key, const char *domain, const void *data, size_t len,
                const struct signature *signature)
{
	return suite_chosen()->verify(key, domain, bytes_of(data, len), signature);
}

uint64_t keyed_hash(const struct hash_key *key, const void *data, size_t len)
{
	uint64_t hash[2];

	suite_chosen()->hash(bytes_of(key->octets, sizeof(key->octets)), bytes_of(data, len),
	                     bytes_of(NULL, 0), hash, sizeof(hash));
	return hash[0];
}

/* The domain's NUL ends it, so that no domain is another's beginning. */
struct id digest(const char *domain, const void *data, size_t len)
{
	struct id id;

	suite_chosen()->hash(bytes_of(NULL, 0), bytes_of(domain, strlen(domain) + 1),
	                     bytes_of(data, len), id.octets, sizeof(id.octets));
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool nonce_equal(const struct nonce *a, const struct nonce *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

void box_keys(const struct seed *seed, struct box_key *ret_public, struct box_key *ret_secret)
{
	suite_chosen()->box_keys(seed, ret_public, ret_secret);
}

void seal(const struct box_key *to, const struct seed *seed, const void *data, size_t len,
          uint8_t *room)
{
	suite_chosen()->box_seal(to, seed, bytes_of(data, len), room);
}

enum err seal_open(const struct box_key *public, const struct box_key *secret,
                   const uint8_t *sealed, size_t len, void *room)
{
	return suite_chosen()->box_open(public, secret, bytes_of(sealed, len), room);
}

void wipe(void *secret, size_t len)
{
	suite_wipe(secret, len);
}
