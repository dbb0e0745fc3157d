#include "tests/unit/test.h"
#include "tools/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *of(const struct pack *p)
{
	struct unpack u = unpack_of(p->out.start, pack_len(p));
	json_t *value = json_of(&u);

	if (value != NULL)
		assert_true(unpack_done(&u));
	return value;
}

static void is_text(json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void maps_keep_their_order_and_their_kinds(void **state)
{
	uint8_t room[512];
	struct pack p = pack_into(room, sizeof(room));
	(void)state;

	pack_map(&p, 8);
	pack_str(&p, "z"), pack_uint(&p, 5);
	pack_str(&p, "a"), pack_int(&p, -7);
	pack_str(&p, "real"), pack_real(&p, 0.5);
	pack_str(&p, "yes"), pack_bool(&p, true);
	pack_str(&p, "no"), pack_bool(&p, false);
	pack_str(&p, "nothing"), pack_nil(&p);
	pack_str(&p, "octets"), pack_bin(&p, "\x00\xab", 2);
	pack_str(&p, "inside"), pack_array(&p, 3), pack_str(&p, "\xc3\xa9"), pack_map(&p, 0),
		pack_array(&p, 0);
	is_text(of(&p), "{\"z\":5,\"a\":-7,\"real\":0.5,\"yes\":true,\"no\":false,\"nothing\":null,"
	                "\"octets\":\"00ab\",\"inside\":[\"\xc3\xa9\",{},[]]}");
}

/* Whatever a row may have: text that needs escapes, values that are rare, maps in it. */
static void a_row_is_transcribed_as_it_is_written(void **state)
{
	uint8_t room[512];
	char text[512] = "", expected[512] = "";
	struct pack p = pack_into(room, sizeof(room));
	struct unpack u;
	json_t *value;
	FILE *out;
	(void)state;

	pack_map(&p, 8);
	pack_str(&p, "plain"), pack_str(&p, "10.0.0.1");
	pack_str(&p, "quote\"d"), pack_str(&p, "a\\b\n\x01\x7f\xc3\xa9\xff");
	pack_str(&p, "zero"), pack_uint(&p, 0);
	pack_str(&p, "large"), pack_uint(&p, INT64_MAX);
	pack_str(&p, "minus"), pack_int(&p, -7);
	pack_str(&p, "real"), pack_real(&p, 1.0 / 3);
	pack_str(&p, "yes"), pack_bool(&p, true);
	pack_str(&p, "inside"), pack_map(&p, 1), pack_str(&p, "none"), pack_nil(&p);
	out = fmemopen(text, sizeof(text), "w");
	u = unpack_of(p.out.start, pack_len(&p));
	assert_true(json_transcribe(&u, out));
	assert_true(unpack_done(&u));
	fclose(out);
	value = of(&p);
	out = fmemopen(expected, sizeof(expected), "w");
	assert_true(json_write(value, out));
	fclose(out);
	json_decref(value);
	assert_string_equal(text, expected);
	assert_non_null(strstr(text, "\"zero\":0,\"large\":9223372036854775807,"));
}

/* Sums of counters may be larger than what JSON's library holds. */
static void numbers_of_64_bits_are_not_wrong(void **state)
{
	uint8_t room[64];
	char text[64] = "";
	struct pack p = pack_into(room, sizeof(room));
	struct unpack u;
	json_t *value;
	FILE *out;
	(void)state;

	pack_map(&p, 1);
	pack_str(&p, "bytes"), pack_uint(&p, UINT64_C(9223372036854775813));
	out = fmemopen(text, sizeof(text), "w");
	u = unpack_of(p.out.start, pack_len(&p));
	assert_true(json_transcribe(&u, out));
	fclose(out);
	assert_string_equal(text, "{\"bytes\":9223372036854775813}");
	value = of(&p);
	assert_int_equal(json_count(value, "bytes", 0), INT64_MAX);
	json_decref(value);
}

static void what_is_no_row_is_not_transcribed(void **state)
{
	static const struct {
		size_t len;
		uint8_t data[4];
	} rows[] = {{0, {0}}, {1, {0x81}}, {2, {0x81, 0xa1}}, {3, {0x81, 0x01, 0x01}}};
	char text[64];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		FILE *out = fmemopen(text, sizeof(text), "w");
		struct unpack u = unpack_of(rows[i].data, rows[i].len);

		assert_false(json_transcribe(&u, out));
		fclose(out);
	}
}

static void what_json_cannot_hold_comes_near(void **state)
{
	uint8_t room[128];
	struct pack p = pack_into(room, sizeof(room));
	(void)state;

	pack_array(&p, 5);
	pack_uint(&p, INT64_MAX);
	pack_uint(&p, UINT64_C(1) << 63);
	pack_real(&p, (double)INFINITY);
	pack_real(&p, (double)NAN);
	pack_str(&p, "\xff\x1b");
	is_text(of(&p), "[9223372036854775807,9.2233720368547758e18,null,null,\"?\\u001B\"]");
}

static void nesting_is_bounded(void **state)
{
	(void)state;

	for (int depth = 1; depth <= JSON_DEPTH_MAX + 2; depth++) {
		uint8_t room[64];
		struct pack p = pack_into(room, sizeof(room));
		json_t *value;

		for (int i = 1; i < depth; i++)
			pack_array(&p, 1);
		pack_nil(&p);
		value = of(&p);
		assert_int_equal(value != NULL, depth <= JSON_DEPTH_MAX);
		json_decref(value);
	}
}

/* Cut a reply at every length: nothing is made of the beginning, and nothing leaks. */
static void every_truncation_is_refused(void **state)
{
	uint8_t room[128];
	struct pack p = pack_into(room, sizeof(room));
	(void)state;

	pack_map(&p, 2);
	pack_str(&p, "row"), pack_map(&p, 1), pack_str(&p, "a"), pack_array(&p, 1),
		pack_bin(&p, "12", 2);
	pack_str(&p, "n"), pack_real(&p, 1);
	for (size_t len = 0; len < pack_len(&p); len++) {
		uint8_t *copy = malloc(len + 1);
		struct unpack u;

		memcpy(copy, room, len);
		u = unpack_of(copy, len);
		assert_null(json_of(&u));
		free(copy);
	}
}

static void keys_must_be_text(void **state)
{
	uint8_t room[64];
	struct pack p = pack_into(room, sizeof(room));
	(void)state;

	pack_map(&p, 1), pack_uint(&p, 1), pack_nil(&p);
	assert_null(of(&p));
	p = pack_into(room, sizeof(room));
	pack_map(&p, 1), pack_bin(&p, "a", 1), pack_nil(&p);
	assert_null(of(&p));
}

static void members_are_found_or_have_a_default(void **state)
{
	json_t *object = json_pack("{s:s, s:i, s:s, s:s, s:n}", "text", "words", "count", 7, "time",
	                           "2026-11-22T01:05:31.943Z", "span", "-15m", "nothing");
	(void)state;

	assert_string_equal(json_text(object, "text"), "words");
	assert_string_equal(json_text(object, "nothing"), "");
	assert_string_equal(json_text(NULL, "text"), "");
	assert_int_equal(json_count(object, "count", -1), 7);
	assert_int_equal(json_count(object, "text", -1), -1);
	assert_int_equal(json_time(object, "time"), 1795309531943);
	assert_true(json_time(object, "text") == INT64_MIN);
	assert_true(json_time(object, "span") == INT64_MIN);
	assert_true(json_time(object, "nothing") == INT64_MIN);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_keep_their_order_and_their_kinds),
		cmocka_unit_test(a_row_is_transcribed_as_it_is_written),
		cmocka_unit_test(numbers_of_64_bits_are_not_wrong),
		cmocka_unit_test(what_is_no_row_is_not_transcribed),
		cmocka_unit_test(what_json_cannot_hold_comes_near),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(keys_must_be_text),
		cmocka_unit_test(members_are_found_or_have_a_default),
	};

	return cmocka_run_group_tests_name("tools/json", tests, NULL, NULL);
}
