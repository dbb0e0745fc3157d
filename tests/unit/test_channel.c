#include "proto/wire/channel.h"
#include "tests/unit/hand_fixture.h"

#include <string.h>

static const uint8_t salt[CHANNEL_SALT] = {5, 5, 5}, token[CHANNEL_TOKEN] = {7, 7, 7};
static struct transport at_a, at_b;
static struct channel a, b; /* 16 KiB each: not on the stack */

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	make_session(&at_a, &at_b);
	return 0;
}

static int reset(void **state)
{
	(void)state;

	channel_start(&a, &at_a, salt, true);
	channel_start(&b, &at_b, salt, false);
	return 0;
}

static void a_hello_names_its_session_and_brings_the_token(void **state)
{
	uint8_t hello[CHANNEL_HELLO_LEN], got_salt[CHANNEL_SALT];
	struct bytes in, record;
	(void)state;

	channel_hello(&a, &at_a, salt, token, hello);
	assert_int_equal(channel_greeting(hello, got_salt), B_INDEX);
	assert_memory_equal(got_salt, salt, sizeof(salt));
	channel_start(&b, &at_b, got_salt, false);
	in = bytes_of(hello + CHANNEL_GREETING, sizeof(hello) - CHANNEL_GREETING);
	assert_ok(channel_feed(&b, &in, &record));
	assert_int_equal(bytes_left(&in), 0);
	assert_ok(channel_check_token(record, token));
}

static void a_wrong_token_is_refused(void **state)
{
	uint8_t wrong[CHANNEL_TOKEN + 1];
	(void)state;

	memcpy(wrong, token, sizeof(token));
	for (size_t len = 0; len < CHANNEL_TOKEN; len++)
		assert_err(ERR_AUTH, channel_check_token(bytes_of(token, len), token));
	assert_err(ERR_AUTH, channel_check_token(bytes_of(wrong, sizeof(wrong)), token));
	for (size_t bit = 0; bit < 8 * CHANNEL_TOKEN; bit++) {
		wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(ERR_AUTH, channel_check_token(bytes_of(wrong, CHANNEL_TOKEN), token));
		wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void another_salt_or_session_opens_nothing(void **state)
{
	static const uint8_t other[CHANNEL_SALT] = {5, 5, 6};
	struct transport stranger = at_b;
	uint8_t room[100];
	struct bytes in, record;
	size_t len = channel_seal(&a, "plain", 5, room);
	(void)state;

	channel_start(&b, &at_b, other, false);
	in = bytes_of(room, len);
	assert_err(ERR_AUTH, channel_feed(&b, &in, &record));
	stranger.export_key[0] ^= 1;
	channel_start(&b, &stranger, salt, false);
	in = bytes_of(room, len);
	assert_err(ERR_AUTH, channel_feed(&b, &in, &record));
	channel_start(&b, &at_a, salt, true); /* our own, sent back to us */
	in = bytes_of(room, len);
	assert_err(ERR_AUTH, channel_feed(&b, &in, &record));
}

/* Three records in one run of octets, cut in two at every place there is. */
static void records_come_whole_wherever_they_are_split(void **state)
{
	static const char *const texts[] = {"one", "", "three records"};
	uint8_t wire[200];
	size_t total = 0;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		total += channel_seal(&a, texts[i], strlen(texts[i]), wire + total);
	for (size_t cut = 0; cut <= total; cut++) {
		struct bytes pieces[] = {bytes_of(wire, cut), bytes_of(wire + cut, total - cut)};
		size_t got = 0;

		channel_start(&b, &at_b, salt, false);
		for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
			struct bytes record;
			enum err err;

			while ((err = channel_feed(&b, &pieces[i], &record)) == ERR_OK) {
				assert_int_equal(bytes_left(&record), strlen(texts[got]));
				assert_memory_equal(record.at, texts[got], strlen(texts[got]));
				got++;
			}
			assert_err(ERR_SHORT, err);
			assert_int_equal(bytes_left(&pieces[i]), 0);
		}
		assert_int_equal(got, ARRAY_LEN(texts));
	}
}

static void the_longest_record_comes_an_octet_at_a_time(void **state)
{
	static uint8_t plain[CHANNEL_PLAIN_MAX + 1], wire[CHANNEL_RECORD_MAX];
	struct bytes record;
	size_t len;
	(void)state;

	memset(plain, 'p', sizeof(plain));
	assert_int_equal(channel_seal(&a, plain, sizeof(plain), wire), 0);
	len = channel_seal(&a, plain, CHANNEL_PLAIN_MAX, wire);
	assert_int_equal(len, CHANNEL_RECORD_MAX);
	for (size_t i = 0; i < len; i++) {
		struct bytes in = bytes_of(wire + i, 1);

		assert_err(i + 1 < len ? ERR_SHORT : ERR_OK, channel_feed(&b, &in, &record));
	}
	assert_int_equal(bytes_left(&record), CHANNEL_PLAIN_MAX);
	assert_memory_equal(record.at, plain, CHANNEL_PLAIN_MAX);
}

static void every_flipped_bit_breaks_the_channel_for_good(void **state)
{
	uint8_t wire[5 + CHANNEL_OVERHEAD];
	size_t len = channel_seal(&a, "plain", 5, wire);
	(void)state;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct bytes in = bytes_of(wire, len), record;
		enum err err;

		channel_start(&b, &at_b, salt, false);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = channel_feed(&b, &in, &record);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit < 16 && err == ERR_SHORT)
			continue; /* it waits for a longer one, which will not be one */
		assert_true(err == ERR_AUTH || (bit < 16 && err == ERR_FORMAT));
		in = bytes_of(wire, len);
		assert_err(err, channel_feed(&b, &in, &record));
	}
}

static void lengths_that_no_record_has_are_refused_at_once(void **state)
{
	static const struct {
		uint8_t octets[2];
		enum err expected;
	} rows[] = {
		{{0, 0}, ERR_FORMAT},      {{0, 15}, ERR_FORMAT},      {{0, 16}, ERR_SHORT},
		{{0x40, 0x10}, ERR_SHORT}, {{0x40, 0x11}, ERR_FORMAT}, {{0xff, 0xff}, ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes in = bytes_of(rows[i].octets, 2), record;

		channel_start(&b, &at_b, salt, false);
		assert_err(rows[i].expected, channel_feed(&b, &in, &record));
	}
}

static void records_cannot_be_repeated_left_out_or_moved(void **state)
{
	uint8_t first[3 + CHANNEL_OVERHEAD], second[3 + CHANNEL_OVERHEAD];
	struct bytes in, record;
	(void)state;

	channel_seal(&a, "one", 3, first);
	channel_seal(&a, "two", 3, second);
	in = bytes_of(second, sizeof(second));
	assert_err(ERR_AUTH, channel_feed(&b, &in, &record));
	channel_start(&b, &at_b, salt, false);
	in = bytes_of(first, sizeof(first));
	assert_ok(channel_feed(&b, &in, &record));
	in = bytes_of(first, sizeof(first));
	assert_err(ERR_AUTH, channel_feed(&b, &in, &record));
}

static void answers_go_the_other_way_under_another_key(void **state)
{
	uint8_t wire[6 + CHANNEL_OVERHEAD];
	struct bytes in, record;
	(void)state;

	channel_seal(&b, "answer", 6, wire);
	in = bytes_of(wire, sizeof(wire));
	assert_ok(channel_feed(&a, &in, &record));
	assert_memory_equal(record.at, "answer", 6);
	assert_memory_not_equal(a.send_key, a.receive_key, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_hello_names_its_session_and_brings_the_token, reset),
		cmocka_unit_test_setup(a_wrong_token_is_refused, reset),
		cmocka_unit_test_setup(another_salt_or_session_opens_nothing, reset),
		cmocka_unit_test_setup(records_come_whole_wherever_they_are_split, reset),
		cmocka_unit_test_setup(the_longest_record_comes_an_octet_at_a_time, reset),
		cmocka_unit_test_setup(every_flipped_bit_breaks_the_channel_for_good, reset),
		cmocka_unit_test_setup(lengths_that_no_record_has_are_refused_at_once, reset),
		cmocka_unit_test_setup(records_cannot_be_repeated_left_out_or_moved, reset),
		cmocka_unit_test_setup(answers_go_the_other_way_under_another_key, reset),
	};

	return cmocka_run_group_tests_name("wire/channel", tests, start, NULL);
}
