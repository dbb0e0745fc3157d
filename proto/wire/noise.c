#include "proto/wire/noise.h"

#include "base/util.h"
#include "proto/wire/suite.h"

#include <string.h>

#define HASH_LEN 32
#define DH_LEN 32

/* Exactly HASH_LEN octets, and so its own hash (section 5.2). */
static const uint8_t protocol_name[HASH_LEN] = {"Noise_IK_25519_ChaChaPoly_SHA256"};

void noise_nonce(uint64_t counter, uint8_t ret[12])
{
	memset(ret, 0, 4);
	for (size_t i = 0; i < 8; i++)
		ret[4 + i] = (uint8_t)(counter >> 8 * i);
}

void noise_encrypt(struct noise_cipher *c, struct bytes extra, struct bytes plain, uint8_t *room)
{
	uint8_t nonce[SUITE_NONCE];

	CHECK(c->has_key);
	noise_nonce(c->counter++, nonce);
	suite_chosen()->seal(c->key, nonce, extra, plain, room);
}

enum err noise_decrypt(struct noise_cipher *c, struct bytes extra, struct bytes sealed,
                       uint8_t *room)
{
	uint8_t nonce[SUITE_NONCE];
	enum err err;

	CHECK(c->has_key);
	if (bytes_left(&sealed) < SUITE_TAG)
		return ERR_SHORT;
	noise_nonce(c->counter, nonce);
	err = suite_chosen()->open(c->key, nonce, extra, sealed, room);
	if (err == ERR_OK)
		c->counter++;
	return err;
}

/* HKDF of section 4.3; `count` outputs of 32, at most 3, end to end. */
static void hkdf(const uint8_t chaining_key[HASH_LEN], struct bytes material, uint8_t *ret,
                 uint8_t count)
{
	const struct suite *suite = suite_chosen();
	uint8_t temp[HASH_LEN];
	struct bytes before = bytes_of(ret, 0);

	suite->hmac(bytes_of(chaining_key, HASH_LEN), material, bytes_of(NULL, 0), temp);
	for (uint8_t i = 1; i <= count; i++) {
		suite->hmac(bytes_of(temp, HASH_LEN), before, bytes_of(&i, 1), ret);
		before = bytes_of(ret, HASH_LEN);
		ret += HASH_LEN;
	}
	suite_wipe(temp, sizeof(temp));
}

static void mix_key(struct noise *n, const uint8_t material[DH_LEN])
{
	uint8_t out[2 * HASH_LEN];

	hkdf(n->chaining_key, bytes_of(material, DH_LEN), out, 2);
	memcpy(n->chaining_key, out, HASH_LEN);
	memcpy(n->cipher.key, out + HASH_LEN, HASH_LEN);
	n->cipher.counter = 0;
	n->cipher.has_key = true;
	suite_wipe(out, sizeof(out));
}

static void mix_hash(struct noise *n, struct bytes data)
{
	uint8_t hash[HASH_LEN];

	suite_chosen()->sha256(bytes_of(n->hash, HASH_LEN), data, hash);
	memcpy(n->hash, hash, HASH_LEN);
}

static enum err mix_dh(struct noise *n, const struct noise_pair *ours, const struct box_key *theirs)
{
	uint8_t shared[DH_LEN];
	enum err err = suite_chosen()->dh(&ours->secret, theirs, shared);

	if (err == ERR_OK)
		mix_key(n, shared);
	suite_wipe(shared, sizeof(shared));
	return err;
}

static void encrypt_and_hash(struct noise *n, struct bytes plain, uint8_t *room)
{
	noise_encrypt(&n->cipher, bytes_of(n->hash, HASH_LEN), plain, room);
	mix_hash(n, bytes_of(room, bytes_left(&plain) + SUITE_TAG));
}

static enum err decrypt_and_hash(struct noise *n, struct bytes sealed, uint8_t *room)
{
	enum err err = noise_decrypt(&n->cipher, bytes_of(n->hash, HASH_LEN), sealed, room);

	if (err == ERR_OK)
		mix_hash(n, sealed);
	return err;
}

static void start(struct noise *n, struct bytes prologue, const struct noise_pair *s)
{
	*n = (struct noise){.s = *s};
	memcpy(n->hash, protocol_name, HASH_LEN);
	memcpy(n->chaining_key, protocol_name, HASH_LEN);
	mix_hash(n, prologue);
}

void noise_initiate(struct noise *n, struct bytes prologue, const struct noise_pair *s,
                    const struct box_key *rs)
{
	start(n, prologue, s);
	n->rs = *rs;
	mix_hash(n, bytes_of(rs->octets, DH_LEN)); /* <- s */
}

void noise_respond(struct noise *n, struct bytes prologue, const struct noise_pair *s)
{
	start(n, prologue, s);
	mix_hash(n, bytes_of(s->public.octets, DH_LEN)); /* <- s */
}

static uint8_t *write_e(struct noise *n, const struct noise_pair *e, uint8_t *room)
{
	n->e = *e;
	memcpy(room, e->public.octets, DH_LEN);
	mix_hash(n, bytes_of(room, DH_LEN));
	return room + DH_LEN;
}

static void read_e(struct noise *n, struct bytes *message)
{
	bytes_copy(message, n->re.octets, DH_LEN);
	mix_hash(n, bytes_of(n->re.octets, DH_LEN));
}

enum err noise_write_first(struct noise *n, const struct noise_pair *e, struct bytes payload,
                           uint8_t *room)
{
	enum err err;

	room = write_e(n, e, room);     /* e */
	err = mix_dh(n, &n->e, &n->rs); /* es */
	if (err != ERR_OK)
		return err;
	encrypt_and_hash(n, bytes_of(n->s.public.octets, DH_LEN), room); /* s */
	err = mix_dh(n, &n->s, &n->rs);                                  /* ss */
	if (err != ERR_OK)
		return err;
	encrypt_and_hash(n, payload, room + DH_LEN + SUITE_TAG);
	return ERR_OK;
}

enum err noise_read_first(struct noise *n, struct bytes message, uint8_t *room)
{
	enum err err;

	if (bytes_left(&message) < NOISE_FIRST)
		return ERR_SHORT;
	read_e(n, &message);            /* e */
	err = mix_dh(n, &n->s, &n->re); /* es */
	if (err == ERR_OK)              /* s */
		err = decrypt_and_hash(n, bytes_cut(&message, DH_LEN + SUITE_TAG), n->rs.octets);
	if (err == ERR_OK)
		err = mix_dh(n, &n->s, &n->rs); /* ss */
	return err == ERR_OK ? decrypt_and_hash(n, message, room) : err;
}

enum err noise_write_second(struct noise *n, const struct noise_pair *e, struct bytes payload,
                            uint8_t *room)
{
	enum err err;

	room = write_e(n, e, room);     /* e */
	err = mix_dh(n, &n->e, &n->re); /* ee */
	if (err == ERR_OK)
		err = mix_dh(n, &n->e, &n->rs); /* se */
	if (err != ERR_OK)
		return err;
	encrypt_and_hash(n, payload, room);
	return ERR_OK;
}

enum err noise_read_second(struct noise *n, struct bytes message, uint8_t *room)
{
	enum err err;

	if (bytes_left(&message) < NOISE_SECOND)
		return ERR_SHORT;
	read_e(n, &message);            /* e */
	err = mix_dh(n, &n->e, &n->re); /* ee */
	if (err == ERR_OK)
		err = mix_dh(n, &n->s, &n->re); /* se */
	return err == ERR_OK ? decrypt_and_hash(n, message, room) : err;
}

void noise_split(const struct noise *n, struct noise_keys *ret)
{
	uint8_t out[3 * HASH_LEN];

	hkdf(n->chaining_key, bytes_of(NULL, 0), out, 3);
	memcpy(ret->to_responder, out, HASH_LEN);
	memcpy(ret->to_initiator, out + HASH_LEN, HASH_LEN);
	memcpy(ret->export, out + 2 * HASH_LEN, HASH_LEN);
	memcpy(ret->hash, n->hash, HASH_LEN);
	suite_wipe(out, sizeof(out));
}
