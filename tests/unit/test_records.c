/* NetFlow v9 and IPFIX: what a record says. */
#include "base/prng.h"
#include "tests/unit/message_fixture.h"

#define DAY_MS 86400000u

static void a_v9_record_becomes_an_exact_flow(void **state)
{
	struct fixture *f = *state;

	f->domain = 7;
	begin(f, 9);
	set(f, 0);
	template(f, 256, usual);
	set(f, 256);
	usual_record(f, UPTIME_MS - 2000, UPTIME_MS - 100);
	put(f, 0, 3); /* padding */
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_addr(&f->flows[0].dst, "203.0.113.121");
	assert_addr(&f->flows[0].exporter, "192.0.2.9");
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 2000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 100);
	assert_int_equal(f->flows[0].received_ms, RECEIVED_MS);
	assert_int_equal(f->flows[0].octets, UINT64_C(5000000000));
	assert_int_equal(f->flows[0].packets, 15);
	assert_int_equal(f->flows[0].in_if, 1);
	assert_int_equal(f->flows[0].out_if, 70000);
	assert_int_equal(f->flows[0].src_port, 45126);
	assert_int_equal(f->flows[0].dst_port, 22);
	assert_int_equal(f->flows[0].proto, 6);
	assert_int_equal(f->flows[0].tcp_flags, 0x1b);
	assert_int_equal(f->flows[0].tos, 0x10);
	assert_int_equal(f->flows[0].version, 9);
	assert_int_equal(f->flows[0].domain, 7);
	assert_int_equal(f->flows[0].sampling, 1);
}

static void ipfix_has_ipv6_and_numbers_of_any_width(void **state)
{
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 300, v6);
	set(f, 300);
	v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS - 1);
	v6_record(f, (uint64_t)EXPORT_MS - 9000, (uint64_t)EXPORT_MS - 7000);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 2);
	assert_addr(&f->flows[0].src, "2001:db8::1");
	assert_addr(&f->flows[0].dst, "2001:db8::2");
	assert_int_equal(f->flows[0].octets, 70000);
	assert_int_equal(f->flows[0].packets, 9);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 5000);
	assert_int_equal(f->flows[1].end_ms, EXPORT_MS - 7000);
	assert_int_equal(f->flows[1].version, 10);
}

/* Each way to say when, over one template of it; and what must come out. */
static void every_way_to_tell_the_time_is_understood(void **state)
{
	const uint64_t ms = (uint64_t)EXPORT_MS;
	const uint64_t ntp = ((uint64_t)EXPORT_S - 4 + UINT64_C(2208988800)) << 32 | 0x80000000;
	const struct {
		uint16_t first, first_len, last, last_len;
		uint64_t first_value, last_value;
		int64_t start_ms, end_ms;
	} rows[] = {
		{150, 4, 151, 4, EXPORT_S - 9, EXPORT_S - 2, EXPORT_MS - 9000, EXPORT_MS - 2000},
		{152, 8, 153, 8, ms - 9, ms - 2, EXPORT_MS - 9, EXPORT_MS - 2},
		{154, 8, 155, 8, ntp, ntp, EXPORT_MS - 3500, EXPORT_MS - 3500},
		{156, 8, 157, 8, ntp, ntp, EXPORT_MS - 3500, EXPORT_MS - 3500},
		{158, 4, 159, 4, 9000000, 2000000, EXPORT_MS - 9000, EXPORT_MS - 2000},
		{152, 8, 161, 4, ms - 9000, 8000, EXPORT_MS - 9000, EXPORT_MS - 1000},
		{152, 8, 162, 4, ms - 9000, 8000000, EXPORT_MS - 9000, EXPORT_MS - 1000},
		{153, 8, 161, 4, ms - 1000, 8000, EXPORT_MS - 9000, EXPORT_MS - 1000},
		{323, 8, 210, 4, ms - 7, 0, EXPORT_MS - 7, EXPORT_MS - 7},
		{258, 8, 210, 4, ms - 7, 0, EXPORT_MS - 7, EXPORT_MS - 7},
		{322, 4, 210, 4, EXPORT_S - 7, 0, EXPORT_MS - 7000, EXPORT_MS - 7000},
		{210, 4, 210, 4, 0, 0, EXPORT_MS, EXPORT_MS},
		{152, 8, 153, 8, 0, 0, EXPORT_MS, EXPORT_MS}, /* not filled in */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint16_t fields[] = {8,
		                           4,
		                           12,
		                           4,
		                           rows[i].first,
		                           rows[i].first_len,
		                           rows[i].last,
		                           rows[i].last_len,
		                           0};

		begin(f, 10);
		set(f, 2);
		template(f, 256, fields);
		set(f, 256);
		put(f, 1, 4);
		put(f, 2, 4);
		put(f, rows[i].first_value, rows[i].first_len);
		put(f, rows[i].last_value, rows[i].last_len);
		assert_string_equal(decode(f), "none");
		f->sequence++;
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, rows[i].start_ms);
		assert_int_equal(f->flows[0].end_ms, rows[i].end_ms);
	}
}

/* softflowd says in an options record, once, when it started; and some exporters never do. */
static void uptimes_of_ipfix_are_since_the_exporter_started(void **state)
{
	static const uint16_t times[] = {8, 4, 12, 4, 22, 4, 21, 4, 0};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, times);
	set(f, 256);
	put(f, 1, 4);
	put(f, 2, 4);
	put(f, 1000, 4);
	put(f, 5000, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS); /* it ended now, as far as is known */
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 4000);
	f->sequence++;
	begin(f, 10);
	set(f, 3);
	put(f, 257, 2); /* an options template: two fields, the first is the scope */
	put(f, 2, 2);
	put(f, 1, 2);
	put(f, 143, 2);
	put(f, 4, 2);
	put(f, 160, 2);
	put(f, 8, 2);
	set(f, 257);
	put(f, 99, 4);
	put(f, (uint64_t)EXPORT_MS - 100000, 8);
	set(f, 256);
	put(f, 1, 4);
	put(f, 2, 4);
	put(f, 1000, 4);
	put(f, 5000, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 99000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 95000);
}

static void uptime_wraps_and_may_be_after_its_header(void **state)
{
	static const struct {
		uint32_t first, last;
		const char *drop;
		int64_t start_ms, end_ms;
	} rows[] = {
		{UPTIME_MS + 50, UPTIME_MS + 90, "", EXPORT_MS + 50, EXPORT_MS + 90},
		{UINT32_MAX - 999, UPTIME_MS, "", EXPORT_MS - UPTIME_MS - 1000, EXPORT_MS},
		{UPTIME_MS, UPTIME_MS - 39, "", EXPORT_MS - 39, EXPORT_MS - 39},
		{UPTIME_MS, UPTIME_MS - 2000, "", EXPORT_MS - 2000, EXPORT_MS - 2000},
		/* open for 25 days, and for more than half of 2^32 ms */
		{UPTIME_MS + 1000 - 25 * DAY_MS, UPTIME_MS, "", EXPORT_MS + 1000 - 25 * DAY_MS,
	         EXPORT_MS},
		{UPTIME_MS - 40 * DAY_MS, UPTIME_MS, "", EXPORT_MS - INT64_C(40) * DAY_MS,
	         EXPORT_MS},
		{UPTIME_MS, UPTIME_MS + 70000, "record_time", 0, 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = f->decoder->counters.dropped[DROP_RECORD_TIME];

		begin(f, 9);
		set(f, 0);
		template(f, 256, usual);
		set(f, 256);
		usual_record(f, rows[i].first, rows[i].last);
		assert_string_equal(decode(f), "none");
		f->sequence++;
		if (rows[i].drop[0] != '\0') {
			assert_int_equal(f->count, 0);
			assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME],
			                 before + 1);
			continue;
		}
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, rows[i].start_ms);
		assert_int_equal(f->flows[0].end_ms, rows[i].end_ms);
	}
	assert_int_equal(f->decoder->counters.clamped, 2);
}

/* Clocks, too; but not by days: then nobody knows which of the two is right. */
static void a_start_that_is_told_as_later_than_the_end_is_clamped(void **state)
{
	static const uint16_t times[] = {8, 4, 12, 4, 152, 8, 153, 8, 0};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, times);
	set(f, 256);
	put(f, 1, 4), put(f, 2, 4);
	put(f, (uint64_t)EXPORT_MS, 8), put(f, (uint64_t)EXPORT_MS - 5000, 8);
	put(f, 1, 4), put(f, 2, 4);
	put(f, (uint64_t)EXPORT_MS, 8), put(f, (uint64_t)EXPORT_MS - 2 * DAY_MS, 8);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 5000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 5000);
	assert_int_equal(f->decoder->counters.clamped, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 1);
}

/* Frames that no IP packet is in, one end alone: no flow can be told, and that is counted. */
static void a_record_without_both_ends_is_counted(void **state)
{
	static const uint16_t mac[] = {56, 6, 80, 6, 1, 4, 0}, one[] = {8, 4, 1, 4, 0},
			      two[] = {8, 4, 12, 4, 1, 4, 0};
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 256, mac), template(f, 257, one), template(f, 258, two);
	set(f, 256);
	put(f, 0x020000000001, 6), put(f, 0x020000000002, 6), put(f, 500, 4);
	set(f, 257);
	put(f, 0x0a000001, 4), put(f, 500, 4);
	set(f, 258);
	put(f, 0, 4), put(f, 0, 4), put(f, 500, 4);
	put(f, 0, 4), put(f, 0, 4), put(f, 0, 4); /* padding says nothing that could be lost */
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
	assert_int_equal(f->decoder->counters.dropped[DROP_ENDS], 3);
}

/* After 49.7 days uptimes begin anew, and the start that was told does not. */
static void uptimes_of_ipfix_wrap_too(void **state)
{
	static const uint16_t times[] = {8, 4, 12, 4, 160, 8, 22, 4, 21, 4, 0};
	const int64_t init_ms = EXPORT_MS - INT64_C(5000000000);
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, times);
	set(f, 256);
	put(f, 1, 4), put(f, 2, 4);
	put(f, (uint64_t)init_ms, 8);
	put(f, (uint32_t)(INT64_C(5000000000) - 4000), 4);
	put(f, (uint32_t)(INT64_C(5000000000) - 1000), 4);
	put(f, 1, 4), put(f, 2, 4);
	put(f, UINT64_MAX, 8); /* a start that cannot be */
	put(f, 5, 4), put(f, 6, 4);
	assert_string_equal(decode(f), "none");
	assert_in_range(f->count, 1, 2);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 4000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 1000);
}

/* A host that has no address yet asks for one; and a record of zeros is none. */
static void an_address_of_zeros_is_one_if_the_other_is_not(void **state)
{
	static const uint16_t two[] = {8, 4, 12, 4, 1, 4, 1, 4, 0};
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 256, two);
	set(f, 256);
	put(f, 0, 4), put(f, 0xffffffff, 4), put(f, 328, 4), put(f, 0, 4);
	put(f, 0, 4), put(f, 0, 4), put(f, 0, 4), put(f, 0, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].src, "0.0.0.0");
	assert_int_equal(f->flows[0].octets, 328); /* of two, the one that says something */
}

static void a_biflow_is_two_flows(void **state)
{
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	put(f, 256, 2);
	put(f, 6, 2);
	put(f, 8, 2), put(f, 4, 2);
	put(f, 12, 2), put(f, 4, 2);
	put(f, 7, 2), put(f, 2, 2);
	put(f, 11, 2), put(f, 2, 2);
	put(f, 1, 2), put(f, 4, 2);
	put(f, 0x8000 | 1, 2), put(f, 4, 2), put(f, 29305, 4); /* RFC 5103 */
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	put(f, 1000, 2), put(f, 22, 2);
	put(f, 500, 4), put(f, 700, 4);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	put(f, 1001, 2), put(f, 22, 2);
	put(f, 500, 4), put(f, 0, 4); /* nothing came back */
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 3);
	assert_addr(&f->flows[1].src, "10.0.0.2");
	assert_int_equal(f->flows[1].src_port, 22);
	assert_int_equal(f->flows[1].dst_port, 1000);
	assert_int_equal(f->flows[1].octets, 700);
	assert_int_equal(f->flows[2].src_port, 1001);
}

static void values_of_variable_length_are_passed_over(void **state)
{
	static const uint16_t fields[] = {82, 65535, 8, 4, 82, 65535, 12, 4, 0};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, fields);
	set(f, 256);
	for (int i = 0; i < 2; i++) {
		put(f, 3, 1), put(f, 0x616263, 3);
		put(f, 0x0a000001, 4);
		put(f, 255, 1), put(f, 2, 2), put(f, 0x6162, 2); /* the long way */
		put(f, 0x0a000002, 4);
	}
	put(f, 0, 2);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 2);
	assert_addr(&f->flows[1].dst, "10.0.0.2");
	f->sequence += 2;
	begin(f, 10);
	set(f, 256);
	put(f, 200, 1), put(f, 0, 8); /* longer than the set */
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
}

/* Both read the same values; in the second template a field of variable length comes last. */
static void lay_out_twice(struct fixture *f, struct prng *p, uint16_t fields[], size_t count,
                          uint8_t values[], size_t *ret_len)
{
	static const uint16_t some[] = {4,   5,   7,   11,  10,  14,  58, 59,
	                                227, 228, 254, 180, 183, 312, 6};

	fields[0] = 8, fields[1] = 4;
	fields[2] = 12, fields[3] = 4;
	*ret_len = 8;
	for (size_t i = 2; i < count; i++) {
		fields[2 * i] = some[prng_below(p, ARRAY_LEN(some))];
		fields[2 * i + 1] = (uint16_t)(1 + prng_below(p, 5));
		*ret_len += fields[2 * i + 1];
	}
	prng_fill(p, values, *ret_len);
	for (size_t i = 8; i < *ret_len; i++)
		values[i] &= prng_below(p, 3) == 0 ? 0xff : 0; /* of two the first that is not 0 */
	fields[2 * count] = 0;
	begin(f, 10);
	set(f, 2);
	template(f, 256, fields);
	fields[2 * count] = 82, fields[2 * count + 1] = 65535;
	fields[2 * count + 2] = 0;
	template(f, 257, fields);
}

static void fields_are_the_same_where_a_record_is_fixed_and_where_it_varies(void **state)
{
	struct fixture *f = *state;
	struct prng p = {.state = 4};

	for (int i = 0; i < 2000; i++) {
		uint16_t fields[32];
		uint8_t values[128];
		size_t len;

		lay_out_twice(f, &p, fields, 3 + prng_below(&p, 9), values, &len);
		set(f, 256);
		octets_put(&f->out, values, len);
		set(f, 257);
		octets_put(&f->out, values, len);
		put(f, 0, 1);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 2);
		assert_memory_equal(&f->flows[0], &f->flows[1], sizeof(f->flows[0]));
		f->sequence += 2;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_v9_record_becomes_an_exact_flow),
		TEST(ipfix_has_ipv6_and_numbers_of_any_width),
		TEST(every_way_to_tell_the_time_is_understood),
		TEST(uptimes_of_ipfix_are_since_the_exporter_started),
		TEST(uptime_wraps_and_may_be_after_its_header),
		TEST(uptimes_of_ipfix_wrap_too),
		TEST(a_start_that_is_told_as_later_than_the_end_is_clamped),
		TEST(a_record_without_both_ends_is_counted),
		TEST(an_address_of_zeros_is_one_if_the_other_is_not),
		TEST(a_biflow_is_two_flows),
		TEST(values_of_variable_length_are_passed_over),
		TEST(fields_are_the_same_where_a_record_is_fixed_and_where_it_varies),
	};

	return cmocka_run_group_tests_name("flow/records", tests, NULL, NULL);
}
