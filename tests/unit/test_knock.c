#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

static struct key_pair root, operational;
static struct knock_key key;
static struct box_key box_public, box_secret;
static const struct nonce nonce = {{1, 2, 3}};

static int start(void **state)
{
	struct seed seed = seed_of(9);
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	operational = pair_of(100);
	key = knock_key_of(&root.public);
	box_keys(&seed, &box_public, &box_secret);
	return 0;
}

static struct knock plain_knock(void)
{
	return (struct knock){
		.nonce = nonce,
		.sent = {NOON},
		.cert = bytes_of("certificate", 11),
		.record = bytes_of("record", 6),
	};
}

static void assert_text(const char *expected, struct bytes actual)
{
	assert_int_equal(bytes_left(&actual), strlen(expected));
	assert_memory_equal(actual.at, expected, strlen(expected));
}

static void what_is_knocked_is_heard(void **state)
{
	struct knock k = plain_knock(), back;
	struct knock_key keys[] = {{{0}}, key};
	uint8_t data[KNOCK_LEN];
	size_t which;
	(void)state;

	assert_ok(knock_pack(&k, &operational, &key, data));
	assert_int_equal(packet_kind(data, sizeof(data)), PACKET_KNOCK);
	assert_ok(knock_check(keys, ARRAY_LEN(keys), data, sizeof(data), &which));
	assert_int_equal(which, 1);
	assert_ok(knock_open(data, sizeof(data), &back));
	assert_true(nonce_equal(&back.nonce, &nonce));
	assert_int_equal(back.sent.ms, NOON);
	assert_text("certificate", back.cert);
	assert_text("record", back.record);
	assert_ok(knock_verify(&back, &operational.public));
	assert_err(ERR_AUTH, knock_verify(&back, &root.public));
}

static void the_largest_card_fits_and_no_larger(void **state)
{
	static uint8_t card[KNOCK_CARD_MAX + 1];
	struct knock k = plain_knock(), back;
	uint8_t data[KNOCK_LEN], welcome[WELCOME_MAX], room[WELCOME_MAX];
	struct seed once = seed_of(3);
	struct welcome w, opened;
	size_t len;
	(void)state;

	memset(card, 'c', sizeof(card));
	for (size_t cert = 0; cert <= KNOCK_CARD_MAX; cert += 61) {
		k.cert = w.cert = bytes_of(card, cert);
		k.record = w.record = bytes_of(card, KNOCK_CARD_MAX - cert);
		assert_ok(knock_pack(&k, &operational, &key, data));
		assert_ok(knock_open(data, sizeof(data), &back));
		assert_int_equal(bytes_left(&back.record), KNOCK_CARD_MAX - cert);
		len = welcome_pack(&w, &nonce, &box_public, &once, welcome);
		assert_int_equal(len, WELCOME_MAX);
		assert_ok(welcome_open(&box_public, &box_secret, &nonce, welcome, len, room,
		                       &opened));
		assert_int_equal(bytes_left(&opened.cert), cert);
		k.record = w.record = bytes_of(card, KNOCK_CARD_MAX - cert + 1);
		assert_err(ERR_LIMIT, knock_pack(&k, &operational, &key, data));
		assert_int_equal(welcome_pack(&w, &nonce, &box_public, &once, welcome), 0);
	}
}

static void who_does_not_know_the_community_is_not_heard(void **state)
{
	struct knock k = plain_knock();
	struct knock_key keys[] = {knock_key_of(&operational.public)};
	uint8_t data[KNOCK_LEN];
	size_t which = 77;
	(void)state;

	assert_ok(knock_pack(&k, &operational, &key, data));
	assert_err(ERR_ROOT, knock_check(keys, 1, data, sizeof(data), &which));
	assert_err(ERR_ROOT, knock_check(keys, 0, data, sizeof(data), &which));
	assert_int_equal(which, 77);
}

static void every_flipped_bit_and_truncation_is_refused(void **state)
{
	struct knock k = plain_knock(), back;
	uint8_t data[KNOCK_LEN];
	size_t which;
	(void)state;

	assert_ok(knock_pack(&k, &operational, &key, data));
	for (size_t bit = 0; bit < 8 * (size_t)KNOCK_LEN; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(bit < 32 ? ERR_FORMAT : ERR_ROOT,
		           knock_check(&key, 1, data, sizeof(data), &which));
		/* And by a member of the community, who can make the mac: one octet in 5. */
		if (bit % 40 < 8 && bit / 8 < KNOCK_LEN - PACKET_MAC) {
			knock_mac(&key, data, data + KNOCK_LEN - PACKET_MAC);
			if (knock_open(data, sizeof(data), &back) == ERR_OK)
				assert_err(ERR_AUTH, knock_verify(&back, &operational.public));
		}
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		knock_mac(&key, data, data + KNOCK_LEN - PACKET_MAC);
	}
	for (size_t len = 0; len < KNOCK_LEN; len++) {
		assert_err(ERR_FORMAT, knock_check(&key, 1, data, len, &which));
		assert_err(ERR_FORMAT, knock_open(data, len, &back));
	}
}

static void lengths_that_lie_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t high, low;
	} rows[] = {
		{28, 0xff, 0xff}, /* the certificate's length */
		{28, 0x03, 0xd3}, /* as long as all that is left */
		{41, 0xff, 0xff}, /* the record's */
		{41, 0x03, 0xc6},
		{41, 0x00, 0x05}, /* an octet is left over, and is not zero */
		{KNOCK_SIGNED - 2, 0, 1},
	};
	struct knock k = plain_knock(), back;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t data[KNOCK_LEN];

		assert_ok(knock_pack(&k, &operational, &key, data));
		data[rows[i].at] = rows[i].high;
		data[rows[i].at + 1] = rows[i].low;
		assert_err(ERR_FORMAT, knock_open(data, sizeof(data), &back));
	}
}

static void a_welcome_is_for_one_knock(void **state)
{
	static const struct nonce other = {{1, 2, 4}};
	struct welcome w = {bytes_of("certificate", 11), bytes_of("record", 6)}, back;
	struct seed once = seed_of(3);
	uint8_t data[WELCOME_MAX], room[WELCOME_MAX];
	size_t len = welcome_pack(&w, &nonce, &box_public, &once, data);
	(void)state;

	assert_int_equal(packet_kind(data, len), PACKET_WELCOME);
	assert_ok(welcome_open(&box_public, &box_secret, &nonce, data, len, room, &back));
	assert_text("certificate", back.cert);
	assert_text("record", back.record);
	assert_err(ERR_STALE,
	           welcome_open(&box_public, &box_secret, &other, data, len, room, &back));
	assert_err(ERR_AUTH,
	           welcome_open(&box_public, &box_public, &nonce, data, len, room, &back));
	for (size_t short_len = 0; short_len < len; short_len++)
		assert_err(short_len < WELCOME_MIN ? ERR_FORMAT : ERR_AUTH,
		           welcome_open(&box_public, &box_secret, &nonce, data, short_len, room,
		                        &back));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		if (bit == 8 * PACKET_HEAD + 255)
			continue; /* of a public key, which the curve ignores */
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(bit < 32 ? ERR_FORMAT : ERR_AUTH,
		           welcome_open(&box_public, &box_secret, &nonce, data, len, room, &back));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void a_welcome_that_says_too_much_is_refused(void **state)
{
	static const uint8_t inner[][24] = {
		{1, 2, 3, [16] = 0, 2, 'c', 'c', 0, 0, 'x', 'x'}, /* octets left over */
		{1, 2, 3, [16] = 0, 2, 'c', 'c', 0, 3, 'r', 'r'}, /* and missing */
		{1, 2, 3, [16] = 0xff, 0xff},
	};
	struct seed once = seed_of(3);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
		uint8_t data[WELCOME_MAX] = {PACKET_WELCOME, PACKET_VERSION}, room[WELCOME_MAX];
		struct welcome back;

		seal(&box_public, &once, inner[i], sizeof(inner[i]), data + PACKET_HEAD);
		assert_err(ERR_FORMAT, welcome_open(&box_public, &box_secret, &nonce, data,
		                                    PACKET_HEAD + SEAL_OVERHEAD + sizeof(inner[i]),
		                                    room, &back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_knocked_is_heard),
		cmocka_unit_test(the_largest_card_fits_and_no_larger),
		cmocka_unit_test(who_does_not_know_the_community_is_not_heard),
		cmocka_unit_test(every_flipped_bit_and_truncation_is_refused),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(a_welcome_is_for_one_knock),
		cmocka_unit_test(a_welcome_that_says_too_much_is_refused),
	};

	return cmocka_run_group_tests_name("wire/knock", tests, start, NULL);
}
