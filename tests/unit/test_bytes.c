#include "base/bytes.h"
#include "tests/unit/test.h"

#include <string.h>

static const uint8_t eight[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static void numbers_are_big_endian_of_any_width(void **state)
{
	static const uint64_t expected[] = {
		0x0,          0x01,           0x0123,           0x012345,           0x01234567,
		0x0123456789, 0x0123456789ab, 0x0123456789abcd, 0x0123456789abcdef,
	};
	(void)state;

	for (size_t len = 0; len <= sizeof(eight); len++) {
		struct bytes in = bytes_of(eight, sizeof(eight));
		uint8_t wire[sizeof(eight)];
		struct octets out = octets_of(wire, sizeof(wire));

		assert_int_equal(bytes_uint(&in, len), expected[len]);
		assert_int_equal(bytes_left(&in), sizeof(eight) - len);
		assert_false(in.is_short);
		octets_uint(&out, expected[len], len);
		assert_int_equal(octets_len(&out), len);
		assert_memory_equal(wire, eight, len);
	}
}

static void only_the_low_octets_of_a_number_are_written(void **state)
{
	uint8_t wire[2];
	struct octets out = octets_of(wire, sizeof(wire));
	(void)state;

	octets_uint(&out, 0xdeadbeef, 2);
	assert_memory_equal(wire, "\xbe\xef", 2);
}

static void a_read_that_does_not_fit_moves_nothing_and_sticks(void **state)
{
	struct bytes in = bytes_of(eight, sizeof(eight));
	uint8_t copy[4] = {1, 1, 1, 1};
	(void)state;

	assert_int_equal(bytes_uint(&in, 6), 0x0123456789ab);
	assert_int_equal(bytes_uint(&in, 3), 0);
	assert_true(in.is_short);
	assert_int_equal(bytes_left(&in), 2);
	assert_int_equal(bytes_uint(&in, 1), 0); /* it would fit, but nothing does any more */
	assert_int_equal(bytes_left(&in), 2);
	bytes_copy(&in, copy, sizeof(copy));
	assert_memory_equal(copy, "\0\0\0", 4);
}

static void a_cut_is_a_cursor_of_its_own(void **state)
{
	struct bytes in = bytes_of(eight, sizeof(eight));
	struct bytes cut = bytes_cut(&in, 3);
	(void)state;

	assert_int_equal(bytes_left(&cut), 3);
	assert_int_equal(bytes_uint(&cut, 4), 0);
	assert_true(cut.is_short);
	assert_false(in.is_short);
	assert_int_equal(bytes_uint(&in, 1), 0x67);

	cut = bytes_cut(&in, 5);
	assert_true(cut.is_short);
	assert_int_equal(bytes_left(&cut), 0);
	assert_true(in.is_short);
}

static void lengths_near_the_largest_do_not_wrap(void **state)
{
	struct bytes in = bytes_of(eight, sizeof(eight));
	uint8_t room[8];
	struct octets out = octets_of(room, sizeof(room));
	struct bytes cut;
	(void)state;

	bytes_uint(&in, 4);
	cut = bytes_cut(&in, SIZE_MAX);
	assert_true(cut.is_short);
	assert_int_equal(bytes_left(&in), 4);
	octets_put(&out, eight, SIZE_MAX);
	assert_true(out.is_full);
	assert_int_equal(octets_len(&out), 0);
}

static void a_write_that_does_not_fit_writes_nothing_and_sticks(void **state)
{
	uint8_t room[4] = {0xff, 0xff, 0xff, 0xff};
	struct octets out = octets_of(room, sizeof(room));
	(void)state;

	octets_put(&out, "ab", 2);
	octets_put(&out, "xyz", 3);
	assert_true(out.is_full);
	octets_put(&out, "c", 1);
	octets_uint(&out, 1, 1);
	assert_int_equal(octets_len(&out), 2);
	assert_int_equal(octets_room(&out), 2);
	assert_memory_equal(room, "ab\xff\xff", 4);
}

static void nothing_can_be_read_from_nothing(void **state)
{
	struct bytes in = bytes_of(NULL, 0);
	(void)state;

	assert_int_equal(bytes_left(&in), 0);
	assert_int_equal(bytes_uint(&in, 0), 0);
	assert_false(in.is_short);
	assert_int_equal(bytes_uint(&in, 1), 0);
	assert_true(in.is_short);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian_of_any_width),
		cmocka_unit_test(only_the_low_octets_of_a_number_are_written),
		cmocka_unit_test(a_read_that_does_not_fit_moves_nothing_and_sticks),
		cmocka_unit_test(a_cut_is_a_cursor_of_its_own),
		cmocka_unit_test(lengths_near_the_largest_do_not_wrap),
		cmocka_unit_test(a_write_that_does_not_fit_writes_nothing_and_sticks),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
	};

	return cmocka_run_group_tests_name("base/bytes", tests, NULL, NULL);
}
