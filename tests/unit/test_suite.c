/* What every suite must keep, the true one and the simulator's alike. */
#include "proto/wire/suite.h"
#include "tests/unit/wire_fixture.h"
#include "tools/sim/suite_fake.h"

#include <string.h>

static const struct suite *const suites[] = {&suite_sodium, &suite_fake};

static int start(void **state)
{
	(void)state;
	return suite_sodium.start() == ERR_OK && suite_fake.start() == ERR_OK ? 0 : -1;
}

static struct bytes text(const char *t)
{
	return bytes_of(t, strlen(t));
}

static void libsodium_is_chosen_until_another_is(void **state)
{
	struct seed seed = seed_of(0);
	struct key_pair pair, expected;
	(void)state;

	assert_ptr_equal(suite_chosen(), &suite_sodium);
	suite_use(&suite_fake);
	pair = key_pair_of(&seed);
	suite_use(&suite_sodium);
	suite_fake.sign_keys(&seed, &expected);
	assert_memory_equal(&pair, &expected, sizeof(pair));
}

static void a_signature_is_of_its_data_domain_and_key(void **state)
{
	struct seed seed = seed_of(0), other_seed = seed_of(1);
	(void)state;

	for (size_t at = 0; at < ARRAY_LEN(suites); at++) {
		const struct suite *s = suites[at];
		struct key_pair pair, other;
		struct signature sig;

		s->sign_keys(&seed, &pair);
		s->sign_keys(&other_seed, &other);
		assert_memory_not_equal(&pair.public, &other.public, sizeof(pair.public));
		s->sign(&pair, "ab", text("cde"), &sig);
		assert_ok(s->verify(&pair.public, "ab", text("cde"), &sig));
		assert_err(ERR_AUTH, s->verify(&other.public, "ab", text("cde"), &sig));
		assert_err(ERR_AUTH, s->verify(&pair.public, "ab", text("cdf"), &sig));
		assert_err(ERR_AUTH, s->verify(&pair.public, "ab", text("cd"), &sig));
		assert_err(ERR_AUTH, s->verify(&pair.public, "abc", text("de"), &sig));
		for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
			sig.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_err(ERR_AUTH, s->verify(&pair.public, "ab", text("cde"), &sig));
			sig.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void both_ends_of_a_dh_agree_and_no_third_does(void **state)
{
	struct seed seeds[] = {seed_of(1), seed_of(2), seed_of(3)};
	static const struct box_key zero;
	(void)state;

	for (size_t at = 0; at < ARRAY_LEN(suites); at++) {
		const struct suite *s = suites[at];
		struct box_key public[3], secret[3];
		uint8_t a[32], b[32], c[32];

		for (size_t i = 0; i < 3; i++)
			s->box_keys(&seeds[i], &public[i], &secret[i]);
		assert_ok(s->dh(&secret[0], &public[1], a));
		assert_ok(s->dh(&secret[1], &public[0], b));
		assert_ok(s->dh(&secret[2], &public[0], c));
		assert_memory_equal(a, b, sizeof(a));
		assert_memory_not_equal(a, c, sizeof(a));
		assert_err(ERR_AUTH, s->dh(&secret[0], &zero, a));
	}
}

/* Low order, in every form (libsodium's list is of 7): the result would not depend on the secret.*/
static void public_keys_of_low_order_are_refused(void **state)
{
	static const struct box_key low_order[] = {
		{{0}},
		{{1}},
		{{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}}, /* p - 1 */
		{{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}}, /* p */
	};
	struct seed seed = seed_of(1);
	struct box_key public, secret;
	uint8_t shared[32];
	(void)state;

	suite_sodium.box_keys(&seed, &public, &secret);
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++)
		assert_err(ERR_AUTH, suite_sodium.dh(&secret, &low_order[i], shared));
}

typedef void seal_fn(const uint8_t *, const uint8_t *, struct bytes, struct bytes, uint8_t *);
typedef enum err open_fn(const uint8_t *, const uint8_t *, struct bytes, struct bytes, uint8_t *);

static void try_aead(seal_fn *seal_with, open_fn *open_with)
{
	uint8_t key[32] = {1, 2}, nonce[24] = {3, 4}, sealed[300 + SUITE_TAG], plain[300],
		back[300];

	for (size_t len = 0; len <= sizeof(plain); len += 1 + len / 7) {
		struct bytes whole = bytes_of(sealed, len + SUITE_TAG);

		memset(plain, 'x', len);
		seal_with(key, nonce, text("extra"), bytes_of(plain, len), sealed);
		assert_ok(open_with(key, nonce, text("extra"), whole, back));
		assert_memory_equal(back, plain, len);
		assert_err(ERR_AUTH, open_with(key, nonce, text("extrb"), whole, back));
		assert_err(ERR_AUTH, open_with(key, nonce, text(""), whole, back));
		for (size_t bit = 0; bit < 8 * (len + SUITE_TAG); bit++) {
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_err(ERR_AUTH, open_with(key, nonce, text("extra"), whole, back));
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		nonce[11]++;
		assert_err(ERR_AUTH, open_with(key, nonce, text("extra"), whole, back));
		nonce[11]--;
		key[31]++;
		assert_err(ERR_AUTH, open_with(key, nonce, text("extra"), whole, back));
		key[31]--;
		for (size_t i = 0; i + 4 <= len; i++)
			assert_memory_not_equal(sealed + i, "xxxx", 4);
		memcpy(back, plain, len);
		if (len + SUITE_TAG > sizeof(back))
			continue;
		seal_with(key, nonce, text(""), bytes_of(back, len), back); /* in place */
		assert_ok(open_with(key, nonce, text(""), bytes_of(back, len + SUITE_TAG), back));
		assert_memory_equal(back, plain, len);
	}
}

static void what_is_sealed_opens_whole_with_its_key_nonce_and_extra(void **state)
{
	(void)state;

	for (size_t at = 0; at < ARRAY_LEN(suites); at++) {
		const struct suite *s = suites[at];

		try_aead(s->seal, s->open);
		try_aead(s->long_seal, s->long_open);
	}
}

static void a_box_opens_for_its_reader_only(void **state)
{
	struct seed seeds[] = {seed_of(1), seed_of(2), seed_of(3)};
	(void)state;

	for (size_t at = 0; at < ARRAY_LEN(suites); at++) {
		const struct suite *s = suites[at];
		struct box_key public[2], secret[2];
		uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];

		s->box_keys(&seeds[0], &public[0], &secret[0]);
		s->box_keys(&seeds[1], &public[1], &secret[1]);
		s->box_seal(&public[0], &seeds[2], text("plain"), sealed);
		assert_ok(s->box_open(&public[0], &secret[0], bytes_of(sealed, sizeof(sealed)),
		                      plain));
		assert_memory_equal(plain, "plain", 5);
		assert_err(ERR_AUTH, s->box_open(&public[1], &secret[1],
		                                 bytes_of(sealed, sizeof(sealed)), plain));
		assert_err(ERR_SHORT, s->box_open(&public[0], &secret[0],
		                                  bytes_of(sealed, SEAL_OVERHEAD - 1), plain));
		for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
			if (bit == 255)
				continue; /* of a public key, which the curve ignores */
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_err(ERR_AUTH, s->box_open(&public[0], &secret[0],
			                                 bytes_of(sealed, sizeof(sealed)), plain));
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void hashes_differ_by_key_data_and_length(void **state)
{
	static const uint8_t key[32] = {1}, other[32] = {2};
	(void)state;

	for (size_t at = 0; at < ARRAY_LEN(suites); at++) {
		const struct suite *s = suites[at];
		uint8_t a[64], b[64];

		s->hash(bytes_of(key, 32), text("ab"), text("c"), a, 64);
		s->hash(bytes_of(other, 32), text("ab"), text("c"), b, 64);
		assert_memory_not_equal(a, b, 64);
		s->hash(bytes_of(key, 32), text("ab"), text("d"), b, 64);
		assert_memory_not_equal(a, b, 64);
		s->hash(bytes_of(NULL, 0), text("ab"), text("c"), b, 64);
		assert_memory_not_equal(a, b, 64);
		s->hash(bytes_of(key, 32), text("ab"), text("c"), b, 16);
		assert_memory_not_equal(a, b, 16);
		s->hmac(bytes_of(key, 32), text("ab"), text("c"), a);
		s->hmac(bytes_of(other, 32), text("ab"), text("c"), b);
		assert_memory_not_equal(a, b, 32);
		s->sha256(text("ab"), text("c"), a);
		s->sha256(text("ab"), text("d"), b);
		assert_memory_not_equal(a, b, 32);
	}
}

/* FIPS 180-2, appendix B.1; RFC 4231, case 2; RFC 7693, appendix A. */
static void libsodium_s_hashes_are_the_standard_ones(void **state)
{
	static const uint8_t sha[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	static const uint8_t mac[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
	static const uint8_t blake[] = {0xba, 0x80, 0xa5, 0x3f, 0x98, 0x1c, 0x4d, 0x0d};
	uint8_t out[64];
	(void)state;

	suite_sodium.sha256(text("a"), text("bc"), out);
	assert_memory_equal(out, sha, sizeof(sha));
	suite_sodium.hmac(text("Jefe"), text("what do ya want "), text("for nothing?"), out);
	assert_memory_equal(out, mac, sizeof(mac));
	suite_sodium.hash(bytes_of(NULL, 0), text("abc"), text(""), out, 64);
	assert_memory_equal(out, blake, sizeof(blake));
}

static void secrets_are_compared_whole(void **state)
{
	(void)state;

	assert_true(suite_same("abc", "abc", 3));
	assert_false(suite_same("abc", "abd", 3));
	assert_false(suite_same("abc", "bbc", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libsodium_is_chosen_until_another_is),
		cmocka_unit_test(a_signature_is_of_its_data_domain_and_key),
		cmocka_unit_test(both_ends_of_a_dh_agree_and_no_third_does),
		cmocka_unit_test(public_keys_of_low_order_are_refused),
		cmocka_unit_test(what_is_sealed_opens_whole_with_its_key_nonce_and_extra),
		cmocka_unit_test(a_box_opens_for_its_reader_only),
		cmocka_unit_test(hashes_differ_by_key_data_and_length),
		cmocka_unit_test(libsodium_s_hashes_are_the_standard_ones),
		cmocka_unit_test(secrets_are_compared_whole),
	};

	return cmocka_run_group_tests_name("wire/suite", tests, start, NULL);
}
