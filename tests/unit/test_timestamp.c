#include "base/timestamp.h"
#include "tests/unit/test.h"

static const struct wall now = {INT64_C(1795309531943)}; /* 2026-11-22T01:05:31.943Z */

static void times_are_read_in_every_promised_form(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"2026-11-22T01:05:31.943Z", 1795309531943},
		{"2026-11-22T01:05:31Z", 1795309531000},
		{"2026-11-22 01:05", 1795309500000},
		{"2026-11-22", 1795305600000},
		{"2026-11-22T02:05:31.943+01:00", 1795309531943},
		{"2026-11-21T20:05:31.9439999-05:00", 1795309531943},
		{"@1795309531", 1795309531000},
		{"@1795309531.943", 1795309531943},
		{"-15m", 1795309531943 - 900000},
		{"-250ms", 1795309531943 - 250},
		{"now", 1795309531943},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"1970-01-01", 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = -1;

		assert_ok(timestamp_parse(rows[i].text, now, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} rows[] = {
		{"", ERR_FORMAT},
		{"yesterday", ERR_FORMAT},
		{"2026-11-22T", ERR_FORMAT},
		{"2026-11-22T01:05:31.943Q", ERR_FORMAT},
		{"2026-13-01", ERR_RANGE},
		{"2026-02-29", ERR_RANGE},
		{"2026-11-22T24:00", ERR_RANGE},
		{"@", ERR_FORMAT},
		{"@99999999999999999999", ERR_RANGE},
		{"-15", ERR_FORMAT},
		{"-15y", ERR_FORMAT},
		{"--15m", ERR_FORMAT},
		{"1969-12-31", ERR_RANGE},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = 42;

		assert_err(rows[i].err, timestamp_parse(rows[i].text, now, &ms));
		assert_int_equal(ms, 42);
	}
}

static void what_is_printed_reads_back(void **state)
{
	static const int64_t times[] = {0, 1, 999, 1795309531943, 951782400000, 253402300799999};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		char text[TIMESTAMP_TEXT_MAX];
		int64_t ms;

		assert_ok(timestamp_parse(timestamp_print(times[i], text), now, &ms));
		assert_int_equal(ms, times[i]);
	}
}

static void sizes_and_spans_have_units(void **state)
{
	char text[DURATION_TEXT_MAX];
	uint64_t octets;
	int64_t ms;
	(void)state;

	assert_ok(size_parse("16MiB", &octets));
	assert_int_equal(octets, 16 << 20);
	assert_ok(size_parse("4096", &octets));
	assert_int_equal(octets, 4096);
	assert_err(ERR_FORMAT, size_parse("16M", &octets));
	assert_err(ERR_RANGE, size_parse("9999999999TiB", &octets));
	assert_err(ERR_FORMAT, size_parse("-1", &octets));
	assert_ok(duration_parse("30d", &ms));
	assert_int_equal(ms, INT64_C(2592000000));
	assert_err(ERR_FORMAT, duration_parse("30", &ms));
	assert_err(ERR_RANGE, duration_parse("999999999w", &ms));
	assert_string_equal(duration_print(628000, text), "10m 28s");
	assert_string_equal(duration_print(250, text), "0.250s");
	assert_string_equal(duration_print(INT64_C(90000000), text), "1d 1h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_in_every_promised_form),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(sizes_and_spans_have_units),
	};

	return cmocka_run_group_tests_name("base/timestamp", tests, NULL, NULL);
}
