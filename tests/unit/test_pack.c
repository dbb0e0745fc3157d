#include "base/prng.h"
#include "proto/wire/pack.h"
#include "tests/unit/test.h"

#include <msgpack.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const uint64_t uints[] = {
	0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX,
	(uint64_t)INT64_MAX + 1, UINT64_MAX,
};
static const int64_t ints[] = {
	0, 1, 127, 128, INT64_MAX, -1, -32, -33, -128, -129, -32768, -32769, INT32_MIN,
	(int64_t)INT32_MIN - 1, INT64_MIN,
};
static const double reals[] = {0, -0.0, 0.1, 1, -1.5, 1e308, -5e-324};
static const size_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000};
/* clang-format on */

static uint8_t room[80000];
static char text[70001];

static struct unpack reader(const struct pack *p)
{
	assert_false(p->out.is_full);
	return unpack_of(p->out.start, pack_len(p));
}

static void numbers_of_every_width_come_back(void **state)
{
	struct pack p = pack_into(room, sizeof(room));
	struct unpack u;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(uints); i++)
		pack_uint(&p, uints[i]);
	for (size_t i = 0; i < ARRAY_LEN(ints); i++)
		pack_int(&p, ints[i]);
	for (size_t i = 0; i < ARRAY_LEN(reals); i++)
		pack_real(&p, reals[i]);
	u = reader(&p);
	for (size_t i = 0; i < ARRAY_LEN(uints); i++)
		assert_int_equal(unpack_uint(&u, UINT64_MAX), uints[i]);
	for (size_t i = 0; i < ARRAY_LEN(ints); i++)
		assert_int_equal(unpack_int(&u), ints[i]);
	for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
		double real = unpack_real(&u);

		assert_memory_equal(&real, &reals[i], sizeof(real));
	}
	assert_true(unpack_done(&u));
}

static void data_of_every_length_comes_back(void **state)
{
	static char back[70001];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct pack p = pack_into(room, sizeof(room));
		struct unpack u;
		struct bytes bin;

		memset(text, 'a', lengths[i]);
		text[lengths[i]] = '\0';
		pack_str(&p, text);
		u = reader(&p);
		unpack_str(&u, back, sizeof(back));
		assert_true(unpack_done(&u));
		assert_string_equal(back, text);

		p = pack_into(room, sizeof(room));
		pack_bin(&p, text, lengths[i]);
		u = reader(&p);
		bin = unpack_bin(&u);
		assert_true(unpack_done(&u));
		assert_int_equal(bytes_left(&bin), lengths[i]);
		if (lengths[i] > 0)
			assert_memory_equal(bin.at, text, lengths[i]);
	}
}

static void containers_of_every_size_come_back(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct pack p = pack_into(room, sizeof(room));
		struct unpack u;

		pack_array(&p, lengths[i]);
		for (size_t n = 0; n < lengths[i]; n++)
			pack_nil(&p);
		u = reader(&p);
		assert_int_equal(unpack_array(&u), lengths[i]);
		u = reader(&p);
		unpack_skip(&u);
		assert_true(unpack_done(&u));
	}
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t pairs = lengths[i] / 2;
		struct pack p = pack_into(room, sizeof(room));
		struct unpack u;

		pack_map(&p, pairs);
		for (size_t n = 0; n < 2 * pairs; n++)
			pack_bool(&p, n % 2 == 0);
		u = reader(&p);
		assert_int_equal(unpack_map(&u), pairs);
		for (size_t n = 0; n < 2 * pairs; n++)
			assert_int_equal(unpack_bool(&u), n % 2 == 0);
		assert_true(unpack_done(&u));
	}
}

static void endpoints_come_back(void **state)
{
	struct endpoint e = {.port = 65535}, back;
	struct pack p = pack_into(room, sizeof(room));
	struct unpack u;
	(void)state;

	assert_ok(addr_parse("2001:db8::1", &e.addr));
	pack_endpoint(&p, &e);
	assert_int_equal(pack_len(&p), 20);
	u = reader(&p);
	back = unpack_endpoint(&u);
	assert_true(unpack_done(&u));
	assert_true(endpoint_equal(&e, &back));
}

static void a_value_that_does_not_fit_makes_the_writer_full(void **state)
{
	struct pack p;
	(void)state;

	p = pack_into(room, 4);
	pack_str(&p, "abc");
	assert_false(p.out.is_full);
	pack_nil(&p);
	assert_true(p.out.is_full);
	assert_int_equal(pack_len(&p), 4);
	p = pack_into(room, 3);
	pack_str(&p, "abc"); /* the marker fits, the text does not */
	assert_true(p.out.is_full);
	pack_nil(&p); /* it would fit, but nothing does any more */
	assert_int_equal(pack_len(&p), 1);
}

/* One value of each kind, in one array. */
static size_t pack_all(uint8_t *at, size_t len)
{
	struct pack p = pack_into(at, len);

	pack_array(&p, 9);
	pack_nil(&p);
	pack_bool(&p, true);
	pack_uint(&p, 70000);
	pack_int(&p, -70000);
	pack_real(&p, 0.25);
	pack_str(&p, "a text that is longer than thirty-one octets");
	pack_bin(&p, "\0\1\2", 3);
	pack_map(&p, 1);
	pack_str(&p, "key");
	pack_array(&p, 0);
	pack_array(&p, 2);
	pack_uint(&p, 1);
	pack_uint(&p, UINT64_MAX);
	assert_false(p.out.is_full);
	return pack_len(&p);
}

static void msgpack_c_reads_what_is_written_here(void **state)
{
	msgpack_zone zone;
	msgpack_object o;
	size_t len = pack_all(room, sizeof(room)), at = 0;
	const msgpack_object *m;
	(void)state;

	assert_true(msgpack_zone_init(&zone, 2048));
	assert_int_equal(msgpack_unpack((const char *)room, len, &at, &zone, &o),
	                 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(at, len);
	assert_int_equal(o.type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(o.via.array.size, 9);
	m = o.via.array.ptr;
	assert_int_equal(m[0].type, MSGPACK_OBJECT_NIL);
	assert_int_equal(m[1].type, MSGPACK_OBJECT_BOOLEAN);
	assert_true(m[1].via.boolean);
	assert_int_equal(m[2].via.u64, 70000);
	assert_int_equal(m[3].type, MSGPACK_OBJECT_NEGATIVE_INTEGER);
	assert_int_equal(m[3].via.i64, -70000);
	assert_int_equal(m[4].type, MSGPACK_OBJECT_FLOAT64);
	assert_true(m[4].via.f64 == 0.25);
	assert_int_equal(m[5].type, MSGPACK_OBJECT_STR);
	assert_int_equal(m[5].via.str.size, 44);
	assert_int_equal(m[6].type, MSGPACK_OBJECT_BIN);
	assert_memory_equal(m[6].via.bin.ptr, "\0\1\2", 3);
	assert_int_equal(m[7].type, MSGPACK_OBJECT_MAP);
	assert_int_equal(m[7].via.map.size, 1);
	assert_int_equal(m[8].via.array.ptr[1].via.u64, UINT64_MAX);
	msgpack_zone_destroy(&zone);
}

/* The widths that msgpack-c writes when told to, which are not always the shortest. */
static void what_msgpack_c_writes_is_read_here(void **state)
{
	msgpack_sbuffer buffer;
	msgpack_packer pk;
	struct unpack u;
	char back[8];
	struct bytes bin;
	(void)state;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 14);
	msgpack_pack_fix_uint8(&pk, 7);
	msgpack_pack_fix_uint16(&pk, 7);
	msgpack_pack_fix_uint32(&pk, 7);
	msgpack_pack_fix_uint64(&pk, 7);
	msgpack_pack_fix_int8(&pk, -7);
	msgpack_pack_fix_int16(&pk, -7);
	msgpack_pack_fix_int32(&pk, -7);
	msgpack_pack_fix_int64(&pk, -7);
	msgpack_pack_fix_int64(&pk, 7); /* signed as written, and yet no less than 0 */
	msgpack_pack_float(&pk, 0.5f);
	msgpack_pack_double(&pk, 0.1);
	msgpack_pack_str_with_body(&pk, "str", 3);
	msgpack_pack_bin_with_body(&pk, "bin", 3);
	msgpack_pack_map(&pk, 0);
	u = unpack_of(buffer.data, buffer.size);
	assert_int_equal(unpack_array(&u), 14);
	for (int i = 0; i < 4; i++)
		assert_int_equal(unpack_uint(&u, 7), 7);
	for (int i = 0; i < 4; i++)
		assert_int_equal(unpack_int(&u), -7);
	assert_int_equal(unpack_uint(&u, 7), 7);
	assert_true(unpack_real(&u) == 0.5);
	assert_true(unpack_real(&u) == 0.1);
	unpack_str(&u, back, sizeof(back));
	assert_string_equal(back, "str");
	bin = unpack_bin(&u);
	assert_int_equal(bytes_left(&bin), 3);
	assert_int_equal(unpack_map(&u), 0);
	assert_true(unpack_done(&u));
	msgpack_sbuffer_destroy(&buffer);
}

static bool skips(const void *data, size_t len)
{
	struct unpack u = unpack_of(data, len);

	unpack_skip(&u);
	return unpack_done(&u);
}

static void every_truncation_is_refused(void **state)
{
	size_t len = pack_all(room, sizeof(room));
	(void)state;

	assert_true(skips(room, len));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(skips(room, cut));
}

static void sizes_that_cannot_be_held_are_refused(void **state)
{
	static const struct {
		const char *label, *octets;
		size_t len;
	} rows[] = {
		{"array32 of 2^29", "\xdd\x20\x00\x00\x00", 5},
		{"array32 of 2^32-1", "\xdd\xff\xff\xff\xff", 5},
		{"array32 of one more than there is", "\xdd\x00\x00\x00\x03\xc0\xc0", 7},
		{"array16", "\xdc\xff\xff\xc0", 4},
		{"fixarray", "\x9f\xc0", 2},
		{"map32 of 2^31, which doubled is 0", "\xdf\x80\x00\x00\x00\xc0\xc0", 7},
		{"map32 of half of what there is", "\xdf\x00\x00\x00\x02\xc0\xc0\xc0", 8},
		{"map16", "\xde\x00\x02\xc0\xc0\xc0", 6},
		{"fixmap", "\x82\xc0\xc0\xc0", 4},
		{"str32", "\xdb\xff\xff\xff\xff\x61", 6},
		{"str16", "\xda\x00\x02\x61", 4},
		{"str8", "\xd9\x02\x61", 3},
		{"fixstr", "\xa2\x61", 2},
		{"bin32", "\xc6\x00\x00\x00\x02\x61", 6},
		{"bin16", "\xc5\x00\x02\x61", 4},
		{"bin8", "\xc4\x02\x61", 3},
		{"a marker without its size", "\xdd\x00\x00", 3},
		{"the marker that is never used", "\xc1", 1},
		{"ext8", "\xc7\x01\x05\x00", 4},
		{"fixext1", "\xd4\x05\x00", 3},
		{"fixext16", "\xd8\x05", 2},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (skips(rows[i].octets, rows[i].len))
			fail_msg("%s was taken", rows[i].label);
	}
}

/* Of address space, ever, in kB. */
static unsigned long most_reserved(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kb = 0;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL && kb == 0)
		(void)sscanf(line, "VmPeak: %lu", &kb);
	if (f != NULL)
		fclose(f);
	return kb;
}

/*
 * msgpack-c's own unpacker takes memory for as many members as five octets say there are: for
 * dd 20 00 00 00 it is 16 GB. This reader holds nothing but the octets themselves.
 */
static void five_octets_that_promise_half_a_billion_members_reserve_nothing(void **state)
{
	static const uint8_t promise[] = {0xdd, 0x20, 0x00, 0x00, 0x00};
	unsigned long before = most_reserved();
	struct unpack u;
	struct token t;
	(void)state;

	if (before == 0)
		skip(); /* no /proc here */
	u = unpack_of(promise, sizeof(promise));
	assert_false(unpack_token(&u, &t));
	assert_true(u.is_wrong);
	u = unpack_of(promise, sizeof(promise));
	assert_int_equal(unpack_array(&u), 0);
	assert_true(u.is_wrong);
	u = unpack_of(promise, sizeof(promise));
	unpack_skip(&u);
	assert_true(u.is_wrong);
	assert_true(most_reserved() - before < 1024);
}

static void nesting_deeper_than_sixteen_is_refused(void **state)
{
	(void)state;

	for (size_t depth = 1; depth <= 64; depth++) {
		memset(room, 0x91, depth);
		room[depth - 1] = 0xc0;
		assert_int_equal(skips(room, depth), depth <= 16);
		memset(room, 0x81, 2 * depth);
		for (size_t i = 0; i + 1 < depth; i++)
			room[2 * i + 1] = 0xc0; /* the key; the value is the next map */
		room[2 * (depth - 1)] = 0xc0;
		assert_int_equal(skips(room, 2 * depth - 1), depth <= 16);
	}
	memset(room, 0x91, sizeof(room));
	assert_false(skips(room, sizeof(room)));
}

static void each_reader_demands_its_kind_and_range(void **state)
{
	/* clang-format off */
	static const struct {
		const char *octets;
		size_t len;
		char taken_by[8]; /* a array, m map, u uint, i int, r real, b bool, d bin, s str */
	} rows[] = {
		{"\x90",                                 1, "a"},
		{"\x80",                                 1, "m"},
		{"\xc3",                                 1, "b"},
		{"\xc0",                                 1, ""},
		{"\x05",                                 1, "uir"},
		{"\xff",                                 1, "ir"},
		{"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9, "uir"},
		{"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9, "ur"},
		{"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9, "r"},
		{"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", 9, ""},
		{"\xcb\xff\xf8\x00\x00\x00\x00\x00\x00", 9, ""},
		{"\xca\x7f\xc0\x00\x00",                 5, ""},
		{"\xa1x",                                2, "s"},
		{"\xa1\x00",                             2, ""},
		{"\xa4" "abcd",                          5, ""}, /* no room for its terminator */
		{"\xc4\x01x",                            3, "d"},
	};
	/* clang-format on */
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (const char *kind = "amuirbds"; *kind != '\0'; kind++) {
			struct unpack u = unpack_of(rows[i].octets, rows[i].len);
			char str[4] = "?";

			switch (*kind) {
			case 'a':
				unpack_array(&u);
				break;
			case 'm':
				unpack_map(&u);
				break;
			case 'u':
				unpack_uint(&u, UINT64_MAX);
				break;
			case 'i':
				unpack_int(&u);
				break;
			case 'r':
				unpack_real(&u);
				break;
			case 'b':
				unpack_bool(&u);
				break;
			case 'd':
				unpack_bin(&u);
				break;
			default:
				unpack_str(&u, str, sizeof(str));
			}
			if (u.is_wrong == (strchr(rows[i].taken_by, *kind) != NULL))
				fail_msg("row %zu, reader %c", i, *kind);
		}
	}
}

static void ranges_and_fixed_lengths_are_kept(void **state)
{
	struct unpack u = unpack_of("\x05\x06", 2);
	uint8_t fixed[2] = {9, 9};
	(void)state;

	assert_int_equal(unpack_uint(&u, 5), 5);
	assert_int_equal(unpack_uint(&u, 5), 0);
	assert_true(u.is_wrong);
	u = unpack_of("\xc4\x03xyz", 5);
	unpack_fixed(&u, fixed, sizeof(fixed));
	assert_true(u.is_wrong);
	u = unpack_of("\xc4\x01x", 3);
	unpack_fixed(&u, fixed, sizeof(fixed));
	assert_true(u.is_wrong);
	assert_int_equal(fixed[0] | fixed[1], 0);
	u = unpack_of("\xc4\x11"
	              "0123456789abcdefg",
	              19);
	unpack_endpoint(&u);
	assert_true(u.is_wrong);
}

static void after_the_first_wrong_thing_nothing_is_read(void **state)
{
	struct unpack u = unpack_of("\xc3\x05\x06", 3);
	struct token t;
	(void)state;

	assert_int_equal(unpack_uint(&u, 9), 0);
	assert_true(u.is_wrong);
	assert_int_equal(unpack_uint(&u, 9), 0);
	assert_false(unpack_token(&u, &t));
	assert_int_equal(bytes_left(&u.in), 2);
	assert_false(unpack_done(&u));
}

/* Whatever unpack_skip() takes, msgpack-c takes too, and they agree where it ends. */
static void random_octets_are_judged_as_msgpack_c_does(void **state)
{
	struct prng p = {1};
	(void)state;

	for (int i = 0; i < 20000; i++) {
		size_t len = 1 + prng_below(&p, 12), at = 0;
		struct unpack u;
		msgpack_zone zone;
		msgpack_object o;
		msgpack_unpack_return r;

		prng_fill(&p, room, len);
		u = unpack_of(room, len);
		unpack_skip(&u);
		if (u.is_wrong)
			continue;
		assert_true(msgpack_zone_init(&zone, 512));
		r = msgpack_unpack((const char *)room, len, &at, &zone, &o);
		assert_true(r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES);
		assert_int_equal(at, len - bytes_left(&u.in));
		msgpack_zone_destroy(&zone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_every_width_come_back),
		cmocka_unit_test(data_of_every_length_comes_back),
		cmocka_unit_test(containers_of_every_size_come_back),
		cmocka_unit_test(endpoints_come_back),
		cmocka_unit_test(a_value_that_does_not_fit_makes_the_writer_full),
		cmocka_unit_test(msgpack_c_reads_what_is_written_here),
		cmocka_unit_test(what_msgpack_c_writes_is_read_here),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(sizes_that_cannot_be_held_are_refused),
		cmocka_unit_test(five_octets_that_promise_half_a_billion_members_reserve_nothing),
		cmocka_unit_test(nesting_deeper_than_sixteen_is_refused),
		cmocka_unit_test(each_reader_demands_its_kind_and_range),
		cmocka_unit_test(ranges_and_fixed_lengths_are_kept),
		cmocka_unit_test(after_the_first_wrong_thing_nothing_is_read),
		cmocka_unit_test(random_octets_are_judged_as_msgpack_c_does),
	};

	return cmocka_run_group_tests_name("wire/pack", tests, NULL, NULL);
}
