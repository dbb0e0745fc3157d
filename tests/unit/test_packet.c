#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "proto/wire/packet.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct {
	enum packet_kind kind;
	size_t min, max;
} kinds[] = {
	{PACKET_DATA, 32, 1232}, {PACKET_INIT, 842, 842},    {PACKET_RESPONSE, 92, 796},
	{PACKET_COOKIE, 64, 64}, {PACKET_KNOCK, 1088, 1088}, {PACKET_WELCOME, 72, 1048},
};

static void a_kind_is_its_head_and_length(void **state)
{
	uint8_t data[PACKET_MAX + 1] = {0, PACKET_VERSION};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		data[0] = (uint8_t)kinds[i].kind;
		for (size_t len = 0; len <= sizeof(data); len++)
			assert_int_equal(packet_kind(data, len),
			                 len >= kinds[i].min && len <= kinds[i].max ? kinds[i].kind
			                                                            : PACKET_NONE);
	}
}

static void every_other_head_is_nobody_s(void **state)
{
	uint8_t data[100] = {PACKET_DATA, PACKET_VERSION};
	(void)state;

	assert_int_equal(packet_kind(NULL, 0), PACKET_NONE);
	assert_int_equal(packet_kind(data, sizeof(data)), PACKET_DATA);
	for (unsigned value = 0; value < 256; value++) {
		data[0] = (uint8_t)value;
		if (value != PACKET_DATA && value != PACKET_RESPONSE && value != PACKET_WELCOME)
			assert_int_equal(packet_kind(data, sizeof(data)), PACKET_NONE);
	}
	data[0] = PACKET_DATA;
	for (size_t at = 1; at < PACKET_HEAD; at++) {
		data[at]++;
		assert_int_equal(packet_kind(data, sizeof(data)), PACKET_NONE);
		data[at]--;
	}
}

static void the_receiver_is_found_without_a_key(void **state)
{
	uint8_t data[100] = {PACKET_DATA, PACKET_VERSION, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	(void)state;

	assert_int_equal(packet_receiver(data), 0x01020304);
	data[0] = PACKET_COOKIE;
	assert_int_equal(packet_receiver(data), 0x01020304);
	data[0] = PACKET_RESPONSE;
	assert_int_equal(packet_receiver(data), 0x05060708);
}

static void no_answer_is_longer_than_its_question(void **state)
{
	(void)state;

	assert_true(HAND_INIT_LEN <= 1000);
	assert_true(HAND_RESPONSE_MAX < HAND_INIT_LEN);
	assert_true(COOKIE_LEN < HAND_INIT_LEN);
	assert_true(WELCOME_MAX <= KNOCK_LEN);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;

	assert_string_equal(packet_kind_text(PACKET_NONE), "none");
	assert_string_equal(packet_kind_text(PACKET_WELCOME), "welcome");
	assert_string_equal(packet_kind_text(PACKET_KIND_END), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_is_its_head_and_length),
		cmocka_unit_test(every_other_head_is_nobody_s),
		cmocka_unit_test(the_receiver_is_found_without_a_key),
		cmocka_unit_test(no_answer_is_longer_than_its_question),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests_name("wire/packet", tests, NULL, NULL);
}
