#include "tests/unit/test.h"
#include "tools/frame.h"

#include <pcap/pcap.h>
#include <string.h>

/* A packet of 20 octets of UDP: 4660 -> 2055, "spoor, again". */
static const uint8_t udp[] = {0x12, 0x34, 8,   7,   0,   20,  0,   0,   's', 'p',
                              'o',  'o',  'r', ',', ' ', 'a', 'g', 'a', 'i', 'n'};

static struct fragment piece(uint32_t id, size_t from, size_t to)
{
	struct fragment f = {
		.id = id,
		.offset = (uint32_t)from,
		.has_more = to < sizeof(udp),
		.data = bytes_of(udp + from, to - from),
	};

	assert_ok(addr_parse("192.0.2.1", &f.src));
	assert_ok(addr_parse("192.0.2.2", &f.dst));
	return f;
}

static bool add(struct fragments *f, uint32_t id, size_t from, size_t to, struct bytes *ret)
{
	struct fragment one = piece(id, from, to);

	return fragments_add(f, &one, ret);
}

static void is_whole(struct bytes packet)
{
	assert_int_equal(bytes_left(&packet), sizeof(udp));
	assert_memory_equal(packet.at, udp, sizeof(udp));
}

static void in_any_order_and_more_than_once(void **state)
{
	static const size_t cuts[] = {0, 8, 16, sizeof(udp)};
	static const int orders[][4] = {{0, 1, 2, 2}, {2, 1, 0, 0}, {1, 1, 2, 0}, {2, 0, 2, 1}};
	struct fragments *f = fragments_new();
	struct bytes packet;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		bool is_done = false;

		for (size_t k = 0; k < 4 && !is_done; k++) {
			size_t at = (size_t)orders[i][k];

			is_done = add(f, 7, cuts[at], cuts[at + 1], &packet);
		}
		assert_true(is_done);
		is_whole(packet);
	}
	fragments_free(f);
}

static void packets_do_not_mix(void **state)
{
	struct fragments *f = fragments_new();
	struct fragment other = piece(1, 8, sizeof(udp));
	struct bytes packet;
	(void)state;

	assert_false(add(f, 1, 0, 8, &packet));
	assert_false(add(f, 2, 8, sizeof(udp), &packet));
	other.src.octets[15] = 9;
	assert_false(fragments_add(f, &other, &packet));
	assert_int_equal(fragments_lost(f), 3);
	assert_true(add(f, 1, 8, sizeof(udp), &packet));
	is_whole(packet);
	assert_int_equal(fragments_lost(f), 2);
	fragments_free(f);
}

static void the_oldest_makes_way_and_is_counted(void **state)
{
	struct fragments *f = fragments_new();
	struct bytes packet;
	(void)state;

	for (uint32_t id = 0; id <= FRAGMENTS_OPEN_MAX; id++)
		assert_false(add(f, id, 0, 8, &packet));
	assert_true(add(f, FRAGMENTS_OPEN_MAX, 8, sizeof(udp), &packet));
	assert_true(add(f, 1, 8, sizeof(udp), &packet));
	assert_false(add(f, 0, 8, sizeof(udp), &packet));
	assert_int_equal(fragments_lost(f), FRAGMENTS_OPEN_MAX - 2 + 2);
	fragments_free(f);
}

static void fragments_that_contradict_each_other_come_to_nothing(void **state)
{
	struct fragments *f = fragments_new();
	struct fragment wrong = piece(1, 0, 8), odd = piece(2, 0, 8), far = piece(3, 8, 20);
	struct bytes packet;
	(void)state;

	assert_false(add(f, 1, 0, 8, &packet));
	wrong.data.at++; /* the same place, other octets */
	wrong.data.end++;
	assert_false(fragments_add(f, &wrong, &packet));
	assert_false(add(f, 1, 8, sizeof(udp), &packet));
	odd.data.end--; /* not in units of eight, and not the last */
	assert_false(fragments_add(f, &odd, &packet));
	assert_false(add(f, 2, 8, sizeof(udp), &packet));
	far.offset = 65528; /* beyond any packet */
	assert_false(fragments_add(f, &far, &packet));
	assert_false(add(f, 4, 8, sizeof(udp), &packet));
	assert_false(add(f, 4, 8, 16, &packet) && true);
	assert_int_equal(fragments_lost(f), 8);
	fragments_free(f);
}

/* The two halves as IPv4 and as IPv6 have them, and what a capture that cuts frames keeps. */
static void frames_say_which_fragment_they_are(void **state)
{
	uint8_t v4[] = {0x45, 0, 0, 32, 1,    2,    0x20, 0, 64, 17, 0, 0, 192, 0,   2,   1,
	                192,  0, 2, 2,  0x12, 0x34, 8,    7, 0,  20, 0, 0, 's', 'p', 'o', 'o'};
	uint8_t v6[] = {0x60, 0, 0, 0, 0, 16, 44,  64,  0x20, 1,   0xd,  0xb8, 0,   0,
	                0,    0, 0, 0, 0, 0,  0,   0,   0,    1,   0x20, 1,    0xd, 0xb8,
	                0,    0, 0, 0, 0, 0,  0,   0,   0,    0,   0,    2,    17,  0,
	                0,    8, 0, 0, 1, 2,  's', 'p', 'o',  'o', 'r',  ' ',  ' ', ' '};
	struct fragment f;
	struct endpoint from;
	struct bytes data;
	(void)state;

	assert_int_equal(frame_open(DLT_RAW, bytes_of(v4, sizeof(v4)), &from, &data, &f),
	                 FRAME_FRAGMENT);
	assert_int_equal(f.id, 0x102);
	assert_int_equal(f.offset, 0);
	assert_true(f.has_more);
	assert_int_equal(bytes_left(&f.data), 12);
	assert_int_equal(frame_open(DLT_RAW, bytes_of(v4, sizeof(v4) - 1), &from, &data, &f),
	                 FRAME_CUT);
	assert_int_equal(frame_open(DLT_RAW, bytes_of(v6, sizeof(v6)), &from, &data, &f),
	                 FRAME_FRAGMENT);
	assert_int_equal(f.id, 0x102);
	assert_int_equal(f.offset, 8);
	assert_false(f.has_more);
	assert_int_equal(f.src.octets[15], 1);
	assert_int_equal(f.dst.octets[15], 2);
	assert_int_equal(bytes_left(&f.data), 8);
	assert_int_equal(frame_open(DLT_RAW, bytes_of(v6, sizeof(v6) - 1), &from, &data, &f),
	                 FRAME_CUT);
	v6[40] = 6; /* of TCP */
	assert_int_equal(frame_open(DLT_RAW, bytes_of(v6, sizeof(v6)), &from, &data, &f),
	                 FRAME_NOT_UDP);
}

static void what_came_together_is_opened_as_udp(void **state)
{
	struct fragment f = piece(1, 0, 8);
	struct endpoint from = {.port = 0};
	struct bytes data;
	(void)state;

	assert_int_equal(frame_open_udp(bytes_of(udp, sizeof(udp)), &f.src, &from, &data),
	                 FRAME_TAKEN);
	assert_int_equal(from.port, 4660);
	assert_int_equal(bytes_left(&data), 12);
	assert_int_equal(frame_open_udp(bytes_of(udp, 19), &f.src, &from, &data), FRAME_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order_and_more_than_once),
		cmocka_unit_test(packets_do_not_mix),
		cmocka_unit_test(the_oldest_makes_way_and_is_counted),
		cmocka_unit_test(fragments_that_contradict_each_other_come_to_nothing),
		cmocka_unit_test(frames_say_which_fragment_they_are),
		cmocka_unit_test(what_came_together_is_opened_as_udp),
	};

	return cmocka_run_group_tests_name("tools/fragment", tests, NULL, NULL);
}
