#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "tests/unit/hand_fixture.h"

#include <string.h>

static struct hand_self a, b;
static struct hand under_way;               /* A's with B */
static uint8_t response[HAND_RESPONSE_MAX]; /* B's to it */
static size_t response_len;
static uint8_t b_mac1_key[32];
static const struct endpoint home = {.addr = {{1, 2, 3}}, .port = 7667};
static const uint8_t nonce[COOKIE_NONCE] = {9, 9};

static int start(void **state)
{
	struct transport t;
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	a = self_of(1);
	b = self_of(2);
	hand_mac1_key(&b.id, b_mac1_key);
	start_hand(&a, &b, &under_way);
	response_len = answer_hand(&b, &under_way, response, &t);
	return response_len > 0 ? 0 : -1;
}

static void both_ends_have_the_same_session_and_each_other_s_payload(void **state)
{
	uint8_t again[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct transport at_a, at_b;
	struct hand_in in;
	size_t len;
	(void)state;

	assert_int_equal(packet_kind(under_way.packet, HAND_INIT_LEN), PACKET_INIT);
	assert_ok(hand_check_mac1(b_mac1_key, under_way.packet, HAND_INIT_LEN));
	assert_ok(hand_read(&b, under_way.packet, HAND_INIT_LEN, &in));
	assert_int_equal(in.index, A_INDEX);
	assert_int_equal(in.payload_len, 6);
	assert_memory_equal(in.payload, "from a", 6);
	assert_memory_equal(&in.from, &a.kx.public, sizeof(in.from));
	assert_int_equal(answer_hand(&b, &under_way, again, &at_b), response_len);
	assert_memory_equal(again, response, response_len); /* the same each time it is asked */
	assert_ok(hand_check_mac1(b_mac1_key, response, response_len));
	assert_ok(hand_finish(&under_way, response, response_len, &at_a, payload, &len));
	assert_int_equal(len, 6);
	assert_memory_equal(payload, "from b", 6);
	assert_memory_equal(at_a.send_key, at_b.receive_key, 32);
	assert_memory_equal(at_a.receive_key, at_b.send_key, 32);
	assert_memory_equal(at_a.export_key, at_b.export_key, 32);
	assert_int_equal(at_a.index, A_INDEX);
	assert_int_equal(at_b.index, B_INDEX);
	assert_int_equal(at_a.their_index, B_INDEX);
	assert_int_equal(at_b.their_index, A_INDEX);
}

static void payloads_have_a_longest(void **state)
{
	uint8_t payload[HAND_PAYLOAD_MAX + 1], room[HAND_RESPONSE_MAX], back[HAND_PAYLOAD_MAX];
	struct seed once = seed_of(5);
	struct transport at_a, at_b;
	struct hand_in in;
	struct hand h;
	size_t len;
	(void)state;

	memset(payload, 'p', sizeof(payload));
	assert_err(ERR_LIMIT, hand_start(&h, &a, &b.kx.public, &b.id, 1, &once,
	                                 bytes_of(payload, HAND_PAYLOAD_MAX + 1)));
	assert_ok(hand_start(&h, &a, &b.kx.public, &b.id, 1, &once,
	                     bytes_of(payload, HAND_PAYLOAD_MAX)));
	assert_ok(hand_read(&b, h.packet, HAND_INIT_LEN, &in));
	assert_int_equal(in.payload_len, HAND_PAYLOAD_MAX);
	assert_memory_equal(in.payload, payload, HAND_PAYLOAD_MAX);
	assert_int_equal(
		hand_answer(&in, &b, &once, 2, bytes_of(payload, sizeof(payload)), room, &at_b), 0);
	len = hand_answer(&in, &b, &once, 2, bytes_of(payload, HAND_PAYLOAD_MAX), room, &at_b);
	assert_int_equal(len, HAND_RESPONSE_MAX);
	assert_ok(hand_finish(&h, room, len, &at_a, back, &len));
	assert_int_equal(len, HAND_PAYLOAD_MAX);
	assert_ok(hand_start(&h, &a, &b.kx.public, &b.id, 1, &once, bytes_of(NULL, 0)));
	assert_ok(hand_read(&b, h.packet, HAND_INIT_LEN, &in));
	assert_int_equal(in.payload_len, 0);
}

/* All that it is for: the packet is not made again for a retry, and so is the same. */
static void an_init_is_the_same_at_every_retry(void **state)
{
	struct hand again;
	(void)state;

	start_hand(&a, &b, &again);
	assert_memory_equal(again.packet, under_way.packet, HAND_INIT_LEN);
}

static void who_does_not_know_the_id_gets_nowhere(void **state)
{
	uint8_t key[32];
	struct hand_self other = self_of(3);
	struct hand h;
	(void)state;

	hand_mac1_key(&other.id, key);
	assert_err(ERR_AUTH, hand_check_mac1(key, under_way.packet, HAND_INIT_LEN));
	assert_err(ERR_AUTH, hand_check_mac1(key, response, response_len));
	/* The right static key is not enough: the id is in the prologue too. */
	other.kx = b.kx;
	start_hand(&a, &other, &h);
	assert_err(ERR_AUTH, hand_check_mac1(b_mac1_key, h.packet, HAND_INIT_LEN));
	{
		struct hand_in in;

		assert_err(ERR_AUTH, hand_read(&b, h.packet, HAND_INIT_LEN, &in));
	}
}

static void every_truncation_is_refused(void **state)
{
	uint8_t payload[HAND_PAYLOAD_MAX];
	struct transport t;
	struct hand_in in;
	size_t got;
	(void)state;

	for (size_t len = 0; len < HAND_INIT_LEN; len++) {
		assert_err(ERR_FORMAT, hand_check_mac1(b_mac1_key, under_way.packet, len));
		assert_err(ERR_FORMAT, hand_read(&b, under_way.packet, len, &in));
	}
	for (size_t len = 0; len < response_len; len++)
		assert_int_not_equal(ERR_OK,
		                     hand_finish(&under_way, response, len, &t, payload, &got));
}

static void every_flipped_bit_of_an_init_is_refused(void **state)
{
	uint8_t data[HAND_INIT_LEN];
	struct hand_in in;
	(void)state;

	memcpy(data, under_way.packet, sizeof(data));
	for (size_t bit = 0; bit < 8 * (HAND_INIT_LEN - PACKET_MAC); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(bit < 8 * PACKET_HEAD ? ERR_FORMAT : ERR_AUTH,
		           hand_check_mac1(b_mac1_key, data, sizeof(data)));
		/* And by who does know the id, for one octet in 7. */
		if (bit / 8 % 7 == 0 && bit < 8 * (size_t)HAND_INIT_MAC1)
			assert_err(bit < 8 * PACKET_HEAD ? ERR_FORMAT : ERR_AUTH,
			           hand_read(&b, data, sizeof(data), &in));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_flipped_bit_of_a_response_is_refused_and_harmless(void **state)
{
	uint8_t data[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct transport t;
	size_t len;
	(void)state;

	memcpy(data, response, response_len);
	for (size_t bit = 0; bit < 8 * response_len; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(
			ERR_OK, hand_finish(&under_way, data, response_len, &t, payload, &len));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* With a mac1 that holds, made by one who knows B's id: one octet in 3. */
	for (size_t at = HAND_RESPONSE_HEAD; at < response_len - 2 * PACKET_MAC; at += 3) {
		data[at] ^= 1;
		hand_mac(b_mac1_key, 32, data, response_len - 2 * PACKET_MAC,
		         data + response_len - 2 * PACKET_MAC);
		assert_err(ERR_AUTH,
		           hand_finish(&under_way, data, response_len, &t, payload, &len));
		data[at] ^= 1;
	}
	assert_ok(hand_finish(&under_way, response, response_len, &t, payload, &len));
}

static void a_response_to_another_handshake_is_refused(void **state)
{
	uint8_t payload[HAND_PAYLOAD_MAX];
	struct seed once = seed_of(77);
	struct transport t;
	struct hand h;
	size_t len;
	(void)state;

	assert_ok(hand_start(&h, &a, &b.kx.public, &b.id, A_INDEX + 1, &once, bytes_of("", 0)));
	assert_err(ERR_NOENT, hand_finish(&h, response, response_len, &t, payload, &len));
	assert_ok(hand_start(&h, &a, &b.kx.public, &b.id, A_INDEX, &once, bytes_of("", 0)));
	assert_err(ERR_AUTH, hand_finish(&h, response, response_len, &t, payload, &len));
	assert_err(ERR_FORMAT, hand_finish(&h, h.packet, HAND_INIT_LEN, &t, payload, &len));
}

static void static_keys_of_low_order_are_refused(void **state)
{
	static const struct box_key zero;
	struct hand_self bad = a;
	struct seed once = seed_of(5);
	struct hand_in in;
	struct hand h;
	(void)state;

	assert_err(ERR_AUTH, hand_start(&h, &a, &zero, &b.id, 1, &once, bytes_of("", 0)));
	bad.kx.public = zero;
	start_hand(&bad, &b, &h);
	assert_ok(hand_check_mac1(b_mac1_key, h.packet, HAND_INIT_LEN));
	assert_err(ERR_AUTH, hand_read(&b, h.packet, HAND_INIT_LEN, &in));
}

/* Sealed well, padded badly: a payload has one form. */
static void padding_is_zero_and_lengths_are_true(void **state)
{
	static const struct {
		size_t at; /* in the payload's frame */
		uint8_t value;
	} rows[] = {{0, 0xff}, {0, 3}, {2 + HAND_PAYLOAD_MAX - 1, 1}, {9, 1}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t prologue[13 + 32 + HAND_INIT_HEAD], frame[2 + HAND_PAYLOAD_MAX] = {0, 6};
		struct noise_pair e;
		struct seed once = seed_of(5);
		struct hand h = under_way;
		struct hand_in in;

		frame[rows[i].at] = rows[i].value;
		memcpy(prologue, "spoor hand 1", 13);
		memcpy(prologue + 13, b.id.octets, 32);
		memcpy(prologue + 45, h.packet, HAND_INIT_HEAD);
		box_keys(&once, &e.public, &e.secret);
		noise_initiate(&h.noise, bytes_of(prologue, sizeof(prologue)), &a.kx, &b.kx.public);
		assert_ok(noise_write_first(&h.noise, &e, bytes_of(frame, sizeof(frame)),
		                            h.packet + HAND_INIT_HEAD));
		assert_err(ERR_FORMAT, hand_read(&b, h.packet, HAND_INIT_LEN, &in));
	}
}

static struct cookie_jar jar_at(uint64_t ms, uint8_t secret)
{
	struct cookie_jar jar = {.count = 0};
	struct seed seed = seed_of(secret);

	assert_int_equal(cookie_jar_due(&jar).ms, 0);
	cookie_jar_turn(&jar, (struct mono){ms}, &seed);
	assert_int_equal(cookie_jar_due(&jar).ms, ms + COOKIE_TURN_MS);
	return jar;
}

static void a_cookie_proves_its_own_address_only(void **state)
{
	struct endpoint other_port = home, other_addr = home;
	struct cookie_jar jar = jar_at(1000, 1);
	struct hand h = under_way;
	uint8_t cookie[COOKIE_LEN];
	(void)state;

	other_port.port++;
	other_addr.addr.octets[15]++;
	assert_false(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN)); /* mac2 is zero yet */
	assert_int_equal(cookie_make(&jar, &b.id, &home, h.packet, nonce, cookie), COOKIE_LEN);
	assert_int_equal(packet_kind(cookie, COOKIE_LEN), PACKET_COOKIE);
	assert_int_equal(packet_receiver(cookie), A_INDEX);
	assert_ok(hand_take_cookie(&h, cookie, COOKIE_LEN));
	assert_true(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN));
	assert_false(cookie_holds(&jar, &other_port, h.packet, HAND_INIT_LEN));
	assert_false(cookie_holds(&jar, &other_addr, h.packet, HAND_INIT_LEN));
	assert_memory_equal(h.packet, under_way.packet, HAND_INIT_LEN - PACKET_MAC);
	for (size_t bit = 0; bit < 8 * HAND_INIT_LEN; bit++) {
		h.packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN));
		h.packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < HAND_INIT_LEN; len++)
		assert_false(cookie_holds(&jar, &home, h.packet, len));
}

static void an_init_with_a_cookie_is_answered_as_one_without(void **state)
{
	struct cookie_jar jar = jar_at(1000, 1);
	struct hand h = under_way;
	uint8_t cookie[COOKIE_LEN], room[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct transport at_a, at_b;
	size_t len;
	(void)state;

	cookie_make(&jar, &b.id, &home, h.packet, nonce, cookie);
	assert_ok(hand_take_cookie(&h, cookie, COOKIE_LEN));
	assert_ok(hand_check_mac1(b_mac1_key, h.packet, HAND_INIT_LEN));
	len = answer_hand(&b, &h, room, &at_b);
	assert_ok(hand_finish(&h, room, len, &at_a, payload, &len));
	assert_memory_equal(at_a.send_key, at_b.receive_key, 32);
}

static void a_cookie_holds_after_one_turn_and_not_after_two(void **state)
{
	struct cookie_jar jar = jar_at(1000, 1);
	struct seed second = seed_of(2), third = seed_of(3);
	struct hand h = under_way;
	uint8_t cookie[COOKIE_LEN];
	(void)state;

	cookie_make(&jar, &b.id, &home, h.packet, nonce, cookie);
	assert_ok(hand_take_cookie(&h, cookie, COOKIE_LEN));
	cookie_jar_turn(&jar, (struct mono){121000}, &second);
	assert_true(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN));
	cookie_jar_turn(&jar, (struct mono){241000}, &third);
	assert_false(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN));
	/* The first turn for a long time drops what has lived long enough. */
	jar = jar_at(1000, 1);
	cookie_jar_turn(&jar, (struct mono){241000}, &second);
	assert_false(cookie_holds(&jar, &home, h.packet, HAND_INIT_LEN));
}

static void a_cookie_that_is_not_ours_is_refused(void **state)
{
	struct cookie_jar jar = jar_at(1000, 1);
	struct hand_self other = self_of(3);
	struct seed once = seed_of(50);
	uint8_t cookie[COOKIE_LEN];
	struct hand h = under_way, another;
	(void)state;

	cookie_make(&jar, &b.id, &home, h.packet, nonce, cookie);
	for (size_t bit = 0; bit < 8 * COOKIE_LEN; bit++) {
		enum err expected = bit < 32 ? ERR_FORMAT : bit < 64 ? ERR_NOENT : ERR_AUTH;

		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(expected, hand_take_cookie(&h, cookie, COOKIE_LEN));
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < COOKIE_LEN; len++)
		assert_err(ERR_FORMAT, hand_take_cookie(&h, cookie, len));
	assert_memory_equal(&h, &under_way, sizeof(h));
	/* For another INIT of ours; from somebody who does not know B's id. */
	assert_ok(hand_start(&another, &a, &b.kx.public, &b.id, A_INDEX, &once, bytes_of("", 0)));
	assert_err(ERR_AUTH, hand_take_cookie(&another, cookie, COOKIE_LEN));
	cookie_make(&jar, &other.id, &home, h.packet, nonce, cookie);
	assert_err(ERR_AUTH, hand_take_cookie(&h, cookie, COOKIE_LEN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_have_the_same_session_and_each_other_s_payload),
		cmocka_unit_test(payloads_have_a_longest),
		cmocka_unit_test(an_init_is_the_same_at_every_retry),
		cmocka_unit_test(who_does_not_know_the_id_gets_nowhere),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flipped_bit_of_an_init_is_refused),
		cmocka_unit_test(every_flipped_bit_of_a_response_is_refused_and_harmless),
		cmocka_unit_test(a_response_to_another_handshake_is_refused),
		cmocka_unit_test(static_keys_of_low_order_are_refused),
		cmocka_unit_test(padding_is_zero_and_lengths_are_true),
		cmocka_unit_test(a_cookie_proves_its_own_address_only),
		cmocka_unit_test(an_init_with_a_cookie_is_answered_as_one_without),
		cmocka_unit_test(a_cookie_holds_after_one_turn_and_not_after_two),
		cmocka_unit_test(a_cookie_that_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests_name("wire/hand", tests, start, NULL);
}
