#include "proto/flow/framer.h"
#include "tests/unit/test.h"

#include <string.h>

static struct framer f;

/* A message of `len` octets, of which those behind the header are `fill`. */
static void write(struct octets *o, size_t len, uint8_t fill)
{
	octets_uint(o, 10, 2);
	octets_uint(o, len, 2);
	octets_uint(o, 0, 8);
	octets_uint(o, 0, 4);
	for (size_t i = 16; i < len; i++)
		octets_uint(o, fill, 1);
}

static void messages_come_out_wherever_the_stream_is_cut(void **state)
{
	static const size_t lens[] = {16, 17, 100, 16, 333};
	uint8_t room[512];
	struct octets o = octets_of(room, sizeof(room));
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		write(&o, lens[i], (uint8_t)i);
	for (size_t piece = 1; piece <= octets_len(&o); piece++) {
		size_t count = 0;

		memset(&f, 0, sizeof(f));
		for (size_t at = 0; at < octets_len(&o); at += piece) {
			struct bytes in = bytes_of(room + at, MIN(piece, octets_len(&o) - at));
			struct bytes message;

			while (framer_take(&f, &in, &message) == ERR_OK) {
				assert_int_equal(bytes_left(&message), lens[count]);
				assert_int_equal(message.end[-1], lens[count] > 16 ? count : 0);
				count++;
			}
		}
		assert_int_equal(count, ARRAY_LEN(lens));
	}
}

static void the_longest_message_fits(void **state)
{
	static uint8_t room[FRAMER_MESSAGE_MAX];
	struct octets o = octets_of(room, sizeof(room));
	struct bytes in = bytes_of(room, sizeof(room)), message;
	(void)state;

	memset(&f, 0, sizeof(f));
	write(&o, sizeof(room), 7);
	assert_ok(framer_take(&f, &in, &message));
	assert_int_equal(bytes_left(&message), sizeof(room));
	assert_memory_equal(message.at, room, sizeof(room));
}

static void what_is_no_message_is_refused_for_good(void **state)
{
	static const uint8_t bad[][4] = {
		{0, 10, 0, 15}, {0, 10, 0, 4}, {0, 10, 0, 0}, {0, 9, 0, 20}, {10, 0, 0, 20}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint8_t room[64];
		struct octets o = octets_of(room, sizeof(room));
		struct bytes in, message;

		memset(&f, 0, sizeof(f));
		write(&o, 20, 0);
		octets_put(&o, bad[i], sizeof(bad[i]));
		write(&o, 20, 0);
		in = bytes_of(room, octets_len(&o));
		assert_ok(framer_take(&f, &in, &message));
		assert_err(ERR_FORMAT, framer_take(&f, &in, &message));
		assert_err(ERR_FORMAT, framer_take(&f, &in, &message));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_wherever_the_stream_is_cut),
		cmocka_unit_test(the_longest_message_fits),
		cmocka_unit_test(what_is_no_message_is_refused_for_good),
	};

	return cmocka_run_group_tests_name("flow/framer", tests, NULL, NULL);
}
