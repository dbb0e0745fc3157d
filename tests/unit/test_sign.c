#include "proto/wire/sign.h"
#include "tests/unit/wire_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int start(void **state)
{
	(void)state;
	return sign_start() == ERR_OK ? 0 : -1;
}

static void assert_hex(const uint8_t *data, size_t len, const char *expected)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	assert_string_equal(text, expected);
}

/* What was signed by an older node, and told from it: these octets are the protocol. */
static void the_wire_format_must_not_change(void **state)
{
	struct key_pair pair = pair_of(0);
	struct signature signature = sign(&pair, "spoor test 1", "abc", 3);
	struct id id = digest("spoor test 1", "abc", 3);
	struct box_key public, secret;
	struct seed seed = seed_of(64);
	(void)state;

	assert_hex(pair.public.octets, sizeof(pair.public),
	           "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
	assert_hex(signature.octets, sizeof(signature),
	           "09dbdd24e52450f6b7af3b5b23575f6370e71ba6cfe86792f1224059893a158b951a103986f1dd4"
	           "0d2cd5e8be6c0937806218c0d14f428ac25ef04b2a9b54a0c");
	assert_hex(id.octets, sizeof(id),
	           "e77553e2db3f6358d200999dca223a685c632fc027a3b1524ee634d0d01428ed");
	box_keys(&seed, &public, &secret);
	assert_hex(public.octets, sizeof(public),
	           "f14b5173130a1b80687f273d49e8f4740a793a949b83b105837f2a61e8fee14f");
}

static void a_signature_is_of_its_data_domain_and_key(void **state)
{
	struct key_pair pair = pair_of(0), other = pair_of(1);
	struct signature s = sign(&pair, "ab", "cde", 3), empty = sign(&pair, "ab", "", 0);
	(void)state;

	assert_ok(verify(&pair.public, "ab", "cde", 3, &s));
	assert_ok(verify(&pair.public, "ab", "", 0, &empty));
	assert_err(ERR_AUTH, verify(&other.public, "ab", "cde", 3, &s));
	assert_err(ERR_AUTH, verify(&pair.public, "ab", "cdf", 3, &s));
	assert_err(ERR_AUTH, verify(&pair.public, "ab", "cd", 2, &s));
	assert_err(ERR_AUTH, verify(&pair.public, "abc", "de", 2, &s));
	assert_err(ERR_AUTH, verify(&pair.public, "a", "bcde", 4, &s));
	assert_err(ERR_AUTH, verify(&pair.public, "", "abcde", 5, &s));
}

static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
	struct key_pair pair = pair_of(7);
	struct signature s = sign(&pair, "d", "data", 4);
	(void)state;

	for (size_t bit = 0; bit < 8 * sizeof(s.octets); bit++) {
		s.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(ERR_AUTH, verify(&pair.public, "d", "data", 4, &s));
		s.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(verify(&pair.public, "d", "data", 4, &s));
}

static void keys_that_anybody_could_have_signed_for_are_refused(void **state)
{
	static const struct public_key low_order[] = {
		{{0}},
		{{1}},
	};
	static const struct signature nothing = {{1}}; /* R the neutral element, S zero */
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(low_order); i++)
		assert_err(ERR_AUTH, verify(&low_order[i], "d", "data", 4, &nothing));
}

static void digests_differ_by_domain_and_data(void **state)
{
	struct id a = digest("a", "bc", 2), b = digest("ab", "c", 1), c = digest("a", "bd", 2);
	struct id again = digest("a", "bc", 2);
	(void)state;

	assert_true(id_equal(&a, &again));
	assert_false(id_equal(&a, &b));
	assert_false(id_equal(&a, &c));
}

static void what_is_sealed_here_opens_with_libsodium(void **state)
{
	struct seed seed = seed_of(1), once = seed_of(2);
	struct box_key public, secret;
	uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];
	(void)state;

	assert_int_equal(SEAL_OVERHEAD, crypto_box_SEALBYTES);
	box_keys(&seed, &public, &secret);
	seal(&public, &once, "plain", 5, sealed);
	assert_int_equal(
		crypto_box_seal_open(plain, sealed, sizeof(sealed), public.octets, secret.octets),
		0);
	assert_memory_equal(plain, "plain", 5);
}

static void what_libsodium_seals_opens_here(void **state)
{
	struct seed seed = seed_of(1);
	struct box_key public, secret;
	uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];
	(void)state;

	box_keys(&seed, &public, &secret);
	assert_int_equal(crypto_box_seal(sealed, (const uint8_t *)"plain", 5, public.octets), 0);
	assert_ok(seal_open(&public, &secret, sealed, sizeof(sealed), plain));
	assert_memory_equal(plain, "plain", 5);
}

static void a_sealed_message_opens_whole_and_for_its_reader_only(void **state)
{
	struct seed seed = seed_of(1), other_seed = seed_of(3), once = seed_of(2);
	struct box_key public, secret, other_public, other_secret;
	uint8_t sealed[5 + SEAL_OVERHEAD], empty[SEAL_OVERHEAD], plain[5];
	(void)state;

	box_keys(&seed, &public, &secret);
	box_keys(&other_seed, &other_public, &other_secret);
	seal(&public, &once, "plain", 5, sealed);
	assert_err(ERR_AUTH,
	           seal_open(&other_public, &other_secret, sealed, sizeof(sealed), plain));
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_err(len < SEAL_OVERHEAD ? ERR_SHORT : ERR_AUTH,
		           seal_open(&public, &secret, sealed, len, plain));
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit += 5) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(ERR_AUTH, seal_open(&public, &secret, sealed, sizeof(sealed), plain));
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(seal_open(&public, &secret, sealed, sizeof(sealed), plain));
	seal(&public, &once, "", 0, empty);
	assert_ok(seal_open(&public, &secret, empty, sizeof(empty), plain));
}

static void the_same_seed_seals_to_the_same_octets(void **state)
{
	struct seed seed = seed_of(1), once = seed_of(2), twice = seed_of(3);
	struct box_key public, secret;
	uint8_t a[5 + SEAL_OVERHEAD], b[sizeof(a)], c[sizeof(a)];
	(void)state;

	box_keys(&seed, &public, &secret);
	seal(&public, &once, "plain", 5, a);
	seal(&public, &once, "plain", 5, b);
	seal(&public, &twice, "plain", 5, c);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
}

/* A stranger's reply key may be any 32 octets; sealing to a bad one must not leak the text. */
static void sealing_to_a_key_of_low_order_yields_nothing(void **state)
{
	static const struct box_key zero;
	struct seed once = seed_of(2);
	uint8_t sealed[5 + SEAL_OVERHEAD];
	(void)state;

	seal(&zero, &once, "plain", 5, sealed);
	for (size_t i = 0; i < sizeof(sealed); i++)
		assert_int_equal(sealed[i], 0);
}

static void secrets_are_wiped(void **state)
{
	static const struct key_pair none;
	struct key_pair pair = pair_of(1);
	uint8_t secret[4] = {1, 2, 3, 4};
	(void)state;

	key_pair_wipe(&pair);
	assert_memory_equal(&pair, &none, sizeof(pair));
	wipe(secret, sizeof(secret));
	assert_memory_equal(secret, "\0\0\0", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wire_format_must_not_change),
		cmocka_unit_test(a_signature_is_of_its_data_domain_and_key),
		cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
		cmocka_unit_test(keys_that_anybody_could_have_signed_for_are_refused),
		cmocka_unit_test(digests_differ_by_domain_and_data),
		cmocka_unit_test(what_is_sealed_here_opens_with_libsodium),
		cmocka_unit_test(what_libsodium_seals_opens_here),
		cmocka_unit_test(a_sealed_message_opens_whole_and_for_its_reader_only),
		cmocka_unit_test(the_same_seed_seals_to_the_same_octets),
		cmocka_unit_test(sealing_to_a_key_of_low_order_yields_nothing),
		cmocka_unit_test(secrets_are_wiped),
	};

	return cmocka_run_group_tests_name("wire/sign", tests, start, NULL);
}
