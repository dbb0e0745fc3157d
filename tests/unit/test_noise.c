#include "proto/wire/noise.h"
#include "tests/unit/wire_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 128
#define MESSAGES_MAX 8

struct value {
	uint8_t octets[VALUE_MAX];
	size_t len;
};

struct vector { /* of tests/data/noise_ik.txt */
	struct value prologue, init_static, init_ephemeral, init_remote_static;
	struct value resp_static, resp_ephemeral, handshake_hash;
	struct value payload[MESSAGES_MAX], ciphertext[MESSAGES_MAX];
	size_t payloads, ciphertexts;
};

static struct vector vector;

static struct value *place_of(struct vector *v, const char *key)
{
	const struct {
		const char *key;
		struct value *value;
	} places[] = {
		{"prologue", &v->prologue},
		{"init_static", &v->init_static},
		{"init_ephemeral", &v->init_ephemeral},
		{"init_remote_static", &v->init_remote_static},
		{"resp_static", &v->resp_static},
		{"resp_ephemeral", &v->resp_ephemeral},
		{"handshake_hash", &v->handshake_hash},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (strcmp(places[i].key, key) == 0)
			return places[i].value;
	}
	if (strcmp(key, "payload") == 0 && v->payloads < MESSAGES_MAX)
		return &v->payload[v->payloads++];
	if (strcmp(key, "ciphertext") == 0 && v->ciphertexts < MESSAGES_MAX)
		return &v->ciphertext[v->ciphertexts++];
	return NULL;
}

static int start(void **state)
{
	FILE *f = fopen(SPOOR_DATA "/noise_ik.txt", "r");
	char line[512], key[32], hex[2 * VALUE_MAX + 1];
	(void)state;

	if (f == NULL || sign_start() != ERR_OK)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL) {
		struct value *value;

		if (line[0] == '#')
			continue;
		if (sscanf(line, "%31s %256s", key, hex) != 2)
			return -1;
		value = place_of(&vector, key);
		if (value == NULL || sodium_hex2bin(value->octets, VALUE_MAX, hex, strlen(hex),
		                                    NULL, &value->len, NULL) != 0)
			return -1;
	}
	fclose(f);
	return vector.payloads == 6 && vector.ciphertexts == 6 ? 0 : -1;
}

static struct bytes bytes_in(const struct value *v)
{
	return bytes_of(v->octets, v->len);
}

static struct noise_pair pair_in(const struct value *secret)
{
	struct noise_pair pair;

	assert_int_equal(secret->len, 32);
	memcpy(pair.secret.octets, secret->octets, 32);
	assert_int_equal(crypto_scalarmult_base(pair.public.octets, pair.secret.octets), 0);
	return pair;
}

struct talk {
	struct noise_pair init_s, init_e, resp_s, resp_e;
	struct noise init, resp;
};

static struct talk begin(void)
{
	struct talk t = {
		.init_s = pair_in(&vector.init_static),
		.init_e = pair_in(&vector.init_ephemeral),
		.resp_s = pair_in(&vector.resp_static),
		.resp_e = pair_in(&vector.resp_ephemeral),
	};

	noise_initiate(&t.init, bytes_in(&vector.prologue), &t.init_s, &t.resp_s.public);
	noise_respond(&t.resp, bytes_in(&vector.prologue), &t.resp_s);
	return t;
}

static void assert_bytes(const struct value *expected, const uint8_t *actual)
{
	assert_memory_equal(expected->octets, actual, expected->len);
}

static void the_published_handshake_comes_out(void **state)
{
	struct talk t = begin();
	struct noise_keys init_keys, resp_keys;
	uint8_t room[VALUE_MAX], back[VALUE_MAX];
	(void)state;

	assert_bytes(&vector.init_remote_static, t.resp_s.public.octets);
	assert_int_equal(vector.ciphertext[0].len, vector.payload[0].len + NOISE_FIRST);
	assert_ok(noise_write_first(&t.init, &t.init_e, bytes_in(&vector.payload[0]), room));
	assert_bytes(&vector.ciphertext[0], room);
	assert_ok(noise_read_first(&t.resp, bytes_in(&vector.ciphertext[0]), back));
	assert_bytes(&vector.payload[0], back);
	assert_memory_equal(&t.resp.rs, &t.init_s.public, sizeof(t.resp.rs));
	assert_int_equal(vector.ciphertext[1].len, vector.payload[1].len + NOISE_SECOND);
	assert_ok(noise_write_second(&t.resp, &t.resp_e, bytes_in(&vector.payload[1]), room));
	assert_bytes(&vector.ciphertext[1], room);
	assert_ok(noise_read_second(&t.init, bytes_in(&vector.ciphertext[1]), back));
	assert_bytes(&vector.payload[1], back);
	noise_split(&t.init, &init_keys);
	noise_split(&t.resp, &resp_keys);
	assert_memory_equal(&init_keys, &resp_keys, sizeof(init_keys));
	assert_int_equal(vector.handshake_hash.len, sizeof(init_keys.hash));
	assert_bytes(&vector.handshake_hash, init_keys.hash);
	assert_memory_not_equal(init_keys.export, init_keys.to_responder, 32);
	assert_memory_not_equal(init_keys.export, init_keys.to_initiator, 32);
}

static void the_published_messages_follow_it(void **state)
{
	struct talk t = begin();
	struct noise_cipher write[2] = {{.has_key = true}, {.has_key = true}}, read[2];
	struct noise_keys keys;
	uint8_t room[VALUE_MAX], back[VALUE_MAX];
	(void)state;

	assert_ok(noise_write_first(&t.init, &t.init_e, bytes_in(&vector.payload[0]), room));
	assert_ok(noise_read_second(&t.init, bytes_in(&vector.ciphertext[1]), back));
	noise_split(&t.init, &keys);
	memcpy(write[0].key, keys.to_responder, 32);
	memcpy(write[1].key, keys.to_initiator, 32);
	memcpy(read, write, sizeof(read));
	for (size_t i = 2; i < vector.payloads; i++) {
		noise_encrypt(&write[i % 2], bytes_of(NULL, 0), bytes_in(&vector.payload[i]), room);
		assert_int_equal(vector.ciphertext[i].len, vector.payload[i].len + 16);
		assert_bytes(&vector.ciphertext[i], room);
		assert_ok(noise_decrypt(&read[i % 2], bytes_of(NULL, 0),
		                        bytes_in(&vector.ciphertext[i]), back));
		assert_bytes(&vector.payload[i], back);
	}
}

static void every_truncation_is_refused(void **state)
{
	struct talk t = begin();
	uint8_t back[VALUE_MAX];
	(void)state;

	for (size_t len = 0; len < vector.ciphertext[0].len; len++) {
		struct noise resp = t.resp;

		assert_err(
			len < NOISE_FIRST ? ERR_SHORT : ERR_AUTH,
			noise_read_first(&resp, bytes_of(vector.ciphertext[0].octets, len), back));
	}
	assert_ok(noise_write_first(&t.init, &t.init_e, bytes_in(&vector.payload[0]), back));
	for (size_t len = 0; len < vector.ciphertext[1].len; len++) {
		struct noise init = t.init;

		assert_err(
			len < NOISE_SECOND ? ERR_SHORT : ERR_AUTH,
			noise_read_second(&init, bytes_of(vector.ciphertext[1].octets, len), back));
	}
}

/* Bit 255 of an X25519 key is ignored by the curve, but not by the hash. */
static void every_flipped_bit_is_refused(void **state)
{
	struct talk t = begin();
	struct value first = vector.ciphertext[0], second = vector.ciphertext[1];
	uint8_t back[VALUE_MAX];
	(void)state;

	for (size_t bit = 0; bit < 8 * first.len; bit++) {
		struct noise resp = t.resp;

		first.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(ERR_AUTH, noise_read_first(&resp, bytes_in(&first), back));
		first.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(noise_write_first(&t.init, &t.init_e, bytes_in(&vector.payload[0]), back));
	for (size_t bit = 0; bit < 8 * second.len; bit++) {
		struct noise init = t.init;

		second.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(ERR_AUTH, noise_read_second(&init, bytes_in(&second), back));
		second.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void another_prologue_or_responder_is_refused(void **state)
{
	struct talk t = begin();
	struct noise_pair other = pair_in(&vector.resp_ephemeral);
	uint8_t back[VALUE_MAX];
	(void)state;

	noise_respond(&t.resp, bytes_of("John Gali", 9), &t.resp_s);
	assert_err(ERR_AUTH, noise_read_first(&t.resp, bytes_in(&vector.ciphertext[0]), back));
	noise_respond(&t.resp, bytes_in(&vector.prologue), &other);
	assert_err(ERR_AUTH, noise_read_first(&t.resp, bytes_in(&vector.ciphertext[0]), back));
}

static void keys_of_low_order_are_refused(void **state)
{
	static const struct box_key zero, one = {{1}};
	struct talk t = begin();
	struct noise_pair bad = {.public = zero, .secret = t.init_s.secret};
	struct noise resp = t.resp;
	uint8_t room[VALUE_MAX], back[VALUE_MAX];
	(void)state;

	noise_initiate(&t.init, bytes_in(&vector.prologue), &t.init_s, &one);
	assert_err(ERR_AUTH, noise_write_first(&t.init, &t.init_e, bytes_of("", 0), room));
	/* An ephemeral key, then a static one, that makes every secret zero. */
	memset(room, 0, sizeof(room));
	assert_err(ERR_AUTH, noise_read_first(&resp, bytes_of(room, NOISE_FIRST), back));
	noise_initiate(&t.init, bytes_in(&vector.prologue), &bad, &t.resp_s.public);
	assert_ok(noise_write_first(&t.init, &t.init_e, bytes_of("", 0), room));
	assert_err(ERR_AUTH, noise_read_first(&t.resp, bytes_of(room, NOISE_FIRST), back));
	assert_memory_equal(&t.resp.rs, &zero, sizeof(zero)); /* it was read, and not taken */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_handshake_comes_out),
		cmocka_unit_test(the_published_messages_follow_it),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(another_prologue_or_responder_is_refused),
		cmocka_unit_test(keys_of_low_order_are_refused),
	};

	return cmocka_run_group_tests_name("wire/noise", tests, start, NULL);
}
