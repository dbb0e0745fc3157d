#include "tools/sim/suite_fake.h"

#include <string.h>

#define WORD 8

/* Two lanes, so that one multiplication need not wait for the other. */
struct mixer {
	uint64_t a, b;
};

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, WORD);
	return word;
}

/* The last few octets as a word. */
static uint64_t tail_at(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << 8 * i;
	return word;
}

static uint64_t stir(uint64_t lane, uint64_t word)
{
	lane = (lane ^ word) * UINT64_C(0x9fb21c651e98df25);
	return lane ^ lane >> 32;
}

/* Its length goes in too, so that pieces do not run into each other. */
static void mix(struct mixer *m, const void *data, size_t len)
{
	const uint8_t *at = data;
	size_t i = 0;

	m->a = stir(m->a, len + UINT64_C(0x632be59bd9b4e019));
	for (; i + 2 * WORD <= len; i += 2 * WORD) {
		m->a = stir(m->a, word_at(at + i));
		m->b = stir(m->b, word_at(at + i + WORD));
	}
	if (i + WORD <= len) {
		m->a = stir(m->a, word_at(at + i));
		i += WORD;
	}
	if (i < len)
		m->b = stir(m->b, tail_at(at + i, len - i));
}

static void mix_bytes(struct mixer *m, struct bytes data)
{
	mix(m, data.at, bytes_left(&data));
}

static struct mixer mixer_of(uint64_t purpose)
{
	return (struct mixer){purpose, ~purpose};
}

/* splitmix64's finish: every octet depends on both lanes. */
static uint64_t next_word(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t state_of(const struct mixer *m)
{
	return stir(stir(m->a, m->b), m->a << 17 | m->a >> 47);
}

static void finish(const struct mixer *m, void *ret, size_t len)
{
	uint64_t state = state_of(m);
	uint8_t *at = ret;

	while (len > 0) {
		uint64_t word = next_word(&state);
		size_t count = len < WORD ? len : WORD;

		memcpy(at, &word, count);
		at += count;
		len -= count;
	}
}

static enum err start(void)
{
	return ERR_OK;
}

static void sign_keys(const struct seed *seed, struct key_pair *ret)
{
	struct mixer m = mixer_of(1);

	mix(&m, seed->octets, sizeof(seed->octets));
	finish(&m, ret->public.octets, sizeof(ret->public.octets));
	memcpy(ret->secret, seed->octets, sizeof(seed->octets));
	memcpy(ret->secret + 32, ret->public.octets, sizeof(ret->public.octets));
}

static void sign_with(const struct public_key *key, const char *domain, struct bytes data,
                      struct signature *ret)
{
	struct mixer m = mixer_of(2);

	mix(&m, key->octets, sizeof(key->octets));
	mix(&m, domain, strlen(domain));
	mix_bytes(&m, data);
	finish(&m, ret->octets, sizeof(ret->octets));
}

static void sign_data(const struct key_pair *pair, const char *domain, struct bytes data,
                      struct signature *ret)
{
	sign_with(&pair->public, domain, data, ret);
}

static enum err verify_data(const struct public_key *key, const char *domain, struct bytes data,
                            const struct signature *signature)
{
	struct signature expected;

	sign_with(key, domain, data, &expected);
	return memcmp(&expected, signature, sizeof(expected)) == 0 ? ERR_OK : ERR_AUTH;
}

static void public_of(const struct box_key *secret, struct box_key *ret)
{
	struct mixer m = mixer_of(3);

	mix(&m, secret->octets, sizeof(secret->octets));
	finish(&m, ret->octets, sizeof(ret->octets));
}

static void make_box_keys(const struct seed *seed, struct box_key *ret_public,
                          struct box_key *ret_secret)
{
	memcpy(ret_secret->octets, seed->octets, sizeof(ret_secret->octets));
	public_of(ret_secret, ret_public);
}

/* Symmetric, because the two public keys go in as a set. */
static enum err dh(const struct box_key *secret, const struct box_key *public,
                   uint8_t ret[SUITE_KEY])
{
	static const struct box_key zero;
	struct mixer m = mixer_of(4);
	struct box_key ours;
	bool is_first;

	if (memcmp(public, &zero, sizeof(zero)) == 0)
		return ERR_AUTH;
	public_of(secret, &ours);
	is_first = memcmp(&ours, public, sizeof(ours)) < 0;
	mix(&m, is_first ? &ours : public, sizeof(ours));
	mix(&m, is_first ? public : &ours, sizeof(ours));
	finish(&m, ret, SUITE_KEY);
	return ERR_OK;
}

static void crypt(uint64_t state, struct bytes in, uint8_t *room)
{
	size_t len = bytes_left(&in), i = 0;
	uint64_t word;

	for (; i + WORD <= len; i += WORD) {
		word = word_at(in.at + i) ^ next_word(&state);
		memcpy(room + i, &word, WORD);
	}
	if (i < len) {
		word = tail_at(in.at + i, len - i) ^ next_word(&state);
		memcpy(room + i, &word, len - i);
	}
}

static struct mixer keyed(const uint8_t *key, const uint8_t *nonce, size_t nonce_len)
{
	struct mixer m = mixer_of(5);

	mix(&m, key, SUITE_KEY);
	mix(&m, nonce, nonce_len);
	return m;
}

static void seal_mixed(struct mixer m, struct bytes extra, struct bytes plain, uint8_t *room)
{
	size_t len = bytes_left(&plain);

	crypt(state_of(&m), plain, room);
	mix_bytes(&m, extra);
	mix(&m, room, len);
	finish(&m, room + len, SUITE_TAG);
}

static enum err open_mixed(struct mixer m, struct bytes extra, struct bytes sealed, uint8_t *room)
{
	uint64_t state = state_of(&m);
	struct bytes inner = bytes_cut(&sealed, bytes_left(&sealed) - SUITE_TAG);
	uint8_t tag[SUITE_TAG];

	mix_bytes(&m, extra);
	mix_bytes(&m, inner);
	finish(&m, tag, sizeof(tag));
	if (memcmp(tag, sealed.at, sizeof(tag)) != 0)
		return ERR_AUTH;
	crypt(state, inner, room);
	return ERR_OK;
}

static void seal_short(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
                       struct bytes extra, struct bytes plain, uint8_t *room)
{
	seal_mixed(keyed(key, nonce, SUITE_NONCE), extra, plain, room);
}

static enum err open_short(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_NONCE],
                           struct bytes extra, struct bytes sealed, uint8_t *room)
{
	return open_mixed(keyed(key, nonce, SUITE_NONCE), extra, sealed, room);
}

static void seal_long(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
                      struct bytes extra, struct bytes plain, uint8_t *room)
{
	seal_mixed(keyed(key, nonce, SUITE_LONG_NONCE), extra, plain, room);
}

static enum err open_long(const uint8_t key[SUITE_KEY], const uint8_t nonce[SUITE_LONG_NONCE],
                          struct bytes extra, struct bytes sealed, uint8_t *room)
{
	return open_mixed(keyed(key, nonce, SUITE_LONG_NONCE), extra, sealed, room);
}

static void box_seal(const struct box_key *to, const struct seed *seed, struct bytes plain,
                     uint8_t *room)
{
	static const uint8_t nonce[SUITE_NONCE];
	struct box_key once_public, once_secret;
	uint8_t shared[SUITE_KEY];

	make_box_keys(seed, &once_public, &once_secret);
	memcpy(room, once_public.octets, sizeof(once_public.octets));
	if (dh(&once_secret, to, shared) == ERR_OK)
		seal_short(shared, nonce, bytes_of(NULL, 0), plain, room + sizeof(once_public));
	else
		memset(room, 0, bytes_left(&plain) + SEAL_OVERHEAD);
}

static enum err box_open(const struct box_key *public, const struct box_key *secret,
                         struct bytes sealed, void *room)
{
	static const uint8_t nonce[SUITE_NONCE];
	struct box_key once;
	uint8_t shared[SUITE_KEY];

	(void)public;
	if (bytes_left(&sealed) < SEAL_OVERHEAD)
		return ERR_SHORT;
	bytes_copy(&sealed, once.octets, sizeof(once.octets));
	if (dh(secret, &once, shared) != ERR_OK)
		return ERR_AUTH;
	return open_short(shared, nonce, bytes_of(NULL, 0), sealed, room);
}

static void sha256(struct bytes first, struct bytes second, uint8_t ret[32])
{
	struct mixer m = mixer_of(6);

	mix_bytes(&m, first);
	mix_bytes(&m, second);
	finish(&m, ret, 32);
}

static void hmac(struct bytes key, struct bytes first, struct bytes second, uint8_t ret[32])
{
	struct mixer m = mixer_of(7);

	mix_bytes(&m, key);
	mix_bytes(&m, first);
	mix_bytes(&m, second);
	finish(&m, ret, 32);
}

static void hash(struct bytes key, struct bytes first, struct bytes second, void *ret, size_t len)
{
	struct mixer m = mixer_of(8 + len);

	mix_bytes(&m, key);
	mix_bytes(&m, first);
	mix_bytes(&m, second);
	finish(&m, ret, len);
}

const struct suite suite_fake = {
	.start = start,
	.sign_keys = sign_keys,
	.sign = sign_data,
	.verify = verify_data,
	.box_keys = make_box_keys,
	.dh = dh,
	.box_seal = box_seal,
	.box_open = box_open,
	.seal = seal_short,
	.open = open_short,
	.long_seal = seal_long,
	.long_open = open_long,
	.sha256 = sha256,
	.hmac = hmac,
	.hash = hash,
};
