/* What is no standard's way to say it, and yet clear. */
#include "tests/unit/message_fixture.h"
#include "tests/unit/stream_sum.h"

/* One v9 message of one flow; its octets. */
static size_t write_v9(struct fixture *f, uint32_t sequence, uint32_t domain, bool is_telling)
{
	f->sequence = sequence;
	f->domain = domain;
	begin(f, 9);
	if (is_telling) {
		set(f, 0);
		template(f, 256, usual);
	}
	set(f, 256);
	usual_record(f, UPTIME_MS - 2000 - sequence, UPTIME_MS - 1000);
	end_set(f);
	return octets_len(&f->out);
}

/* Behind each other in one datagram, and `tail` octets of zeros. */
static size_t decode_glued(struct fixture *f, uint32_t domain, size_t tail)
{
	uint8_t both[2 * sizeof(f->wire)];
	size_t first = write_v9(f, 1, 7, true), len;

	memcpy(both, f->wire, first);
	len = first + write_v9(f, 2, domain, false);
	memcpy(both + first, f->wire, len - first);
	memset(both + len, 0, tail);
	f->batch.count = 0;
	flow_decode(f->decoder, &f->origin, both, len + tail, &f->batch);
	return f->batch.count;
}

static uint64_t lost(const struct fixture *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < DROP_COUNT_OF; i++)
		sum += f->decoder->counters.dropped[i];
	return sum;
}

static void v9_messages_of_one_datagram_are_all_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode_glued(f, 7, 0), 2);
	assert_int_equal(lost(f), 0);
	assert_int_equal(f->batch.flows[1].start_ms, EXPORT_MS - 2002);
	assert_int_equal(decode_glued(f, 7, 0), 0); /* both have come before */
}

static void zeros_behind_the_last_of_them_are_none(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode_glued(f, 7, 40), 2);
	assert_int_equal(lost(f), 0);
}

/* Behind a message of domain 7 one of 8 that tells its own template; its clock is later by this. */
static size_t decode_two_domains(struct fixture *f, int64_t later_s)
{
	uint8_t both[2 * sizeof(f->wire)];
	size_t first = write_v9(f, 1, 7, true), len;
	struct octets clock = octets_of(f->wire + 8, 4);

	memcpy(both, f->wire, first);
	len = first + write_v9(f, 90, 8, true);
	octets_uint(&clock, (uint64_t)(EXPORT_S + later_s), 4);
	memcpy(both + first, f->wire, len - first);
	f->batch.count = 0;
	flow_decode(f->decoder, &f->origin, both, len, &f->batch);
	return f->batch.count;
}

/* One router's, by the start that both headers tell. */
static void a_message_of_another_domain_is_read_by_its_own_template(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode_two_domains(f, 0), 2);
	assert_int_equal(lost(f), 0);
	assert_int_equal(f->batch.flows[0].domain, 7);
	assert_int_equal(f->batch.flows[1].domain, 8);
}

/* What only looks like a header is a set of no kind that there is. */
static void what_is_of_another_start_is_no_message(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode_two_domains(f, 30), 1);
	assert_int_equal(lost(f), 1);
}

static void count_stream(void *ctx, const struct stream *s)
{
	size_t *count = ctx;

	assert_int_equal(s->key.version, 9);
	++*count;
}

/* Each header names another domain, and that is all that there is. */
static void one_datagram_opens_few_streams(void **state)
{
	enum { MESSAGES = 3000, HEADER = 20 };
	static uint8_t all[MESSAGES * HEADER];
	struct fixture *f = *state;
	size_t streams = 0;

	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(MESSAGES, 0);
	assert_non_null(f->decoder);
	write_v9(f, 1, 0, false);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct octets domain = octets_of(all + (size_t)i * HEADER + 16, 4);

		memcpy(all + (size_t)i * HEADER, f->wire, HEADER);
		octets_uint(&domain, i, 4);
	}
	assert_int_equal(flow_decode(f->decoder, &f->origin, all, sizeof(all), &f->batch),
	                 DROP_NONE);
	stream_each(f->decoder->streams, count_stream, &streams);
	assert_in_range(streams, 2, FLOW_MESSAGES_MAX);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
	assert_int_equal(lost(f), 1);
}

/* Of what a header announces and garbage follows, the first message is whole. */
static void garbage_behind_a_header_costs_nothing_before_it(void **state)
{
	struct fixture *f = *state;
	uint8_t both[2 * sizeof(f->wire)];
	size_t first = write_v9(f, 1, 7, true), len;

	memcpy(both, f->wire, first);
	len = first + write_v9(f, 2, 7, false);
	memcpy(both + first, f->wire, len - first);
	memset(both + first + 20, 0x5a, len - first - 20);
	flow_decode(f->decoder, &f->origin, both, len, &f->batch);
	assert_int_equal(f->batch.count, 1);
	assert_int_equal(lost(f), 1);
	f->sequence = 3;
	write_v9(f, 3, 7, false);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(sum_of(f->decoder).lost, 0);
}

static void set_uptime(struct fixture *f, uint32_t uptime)
{
	struct octets o = octets_of(f->wire + 4, 4);

	octets_uint(&o, uptime, 4);
}

/* Behind a NAT, and without an uptime that says that it is the same. */
static void without_uptime_a_port_may_change_with_every_datagram(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 20; i++) {
		write_v9(f, i, 7, i == 0);
		set_uptime(f, 0);
		f->origin.from.port = (uint16_t)(40000 + i);
		f->origin.received_ms += 100;
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 1);
	}
	assert_int_equal(sum_of(f->decoder).streams, 1);
	assert_int_equal(sum_of(f->decoder).lost, 0);
}

/* It says nothing where another header does. */
static void one_header_without_uptime_is_no_restart(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 20; i++) {
		write_v9(f, i + (i > 5), 7, i == 0); /* one is lost */
		if (i == 0 || i == 5)
			set_uptime(f, 0);
		f->origin.received_ms += 100;
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 1);
	}
	assert_int_equal(sum_of(f->decoder).restarts, 0);
	assert_int_equal(sum_of(f->decoder).lost, 1);
}

/* Their numbers are ones that NTP's form has for times of before 1914. */
static void microseconds_may_be_since_1970(void **state)
{
	static const uint16_t fields[] = {8, 4, 12, 4, 154, 8, 155, 8, 156, 8, 157, 8, 2, 4, 0};
	const uint64_t start_us = UINT64_C(1000) * EXPORT_MS - 10000123, lasts_us = 4000000;
	struct fixture *f = *state;

	for (unsigned scale = 1; scale <= 1000; scale *= 1000) {
		begin(f, 10);
		set(f, 2);
		template(f, 256, fields);
		set(f, 256);
		put(f, 0x0a04000a, 4);
		put(f, 0xcb007179, 4);
		put(f, scale == 1 ? start_us : 0, 8);
		put(f, scale == 1 ? start_us + lasts_us : 0, 8);
		put(f, scale == 1 ? 0 : start_us * scale, 8);
		put(f, scale == 1 ? 0 : (start_us + lasts_us) * scale, 8);
		put(f, 1, 4);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 10001);
		assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 6001);
	}
}

/* One record of NTP's times, from 1 s before until `end_s`; `low` as it stands behind both. */
static void send_ntp(struct fixture *f, uint64_t end_s, uint32_t low)
{
	static const uint16_t fields[] = {8, 4, 12, 4, 156, 8, 157, 8, 2, 4, 0};

	begin(f, 10);
	set(f, 2);
	template(f, 256, fields);
	set(f, 256);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, end_s - 1, 4), put(f, low, 4);
	put(f, end_s, 4), put(f, low, 4);
	put(f, 1, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	f->sequence++;
}

#define NTP_S (UINT64_C(2208988800) + EXPORT_S - 10)

static void ntps_seconds_may_be_since_1970(void **state)
{
	struct fixture *f = *state;

	send_ntp(f, EXPORT_S - 10, 0x80000000);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 10500);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 9500);
}

/* VPP's are: once it is clear, to the millisecond. */
static void nanoseconds_may_stand_where_ntp_has_a_fraction(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 100; i++)
		send_ntp(f, NTP_S, (i * 137 % 100) * 10000000 + 1000000);
	send_ntp(f, NTP_S, 987654321);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 10000 + 987);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 11000 + 987);
	send_ntp(f, NTP_S, 1000000000); /* one that is none: they never were */
	send_ntp(f, NTP_S, 858993459);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 10000 + 199);
}

/* Of who tells of one moment in each second, even many are no evidence. */
static void fractions_that_are_all_alike_are_fractions(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 200; i++)
		send_ntp(f, NTP_S, 858993459 - i % 7 * 1000000);
	assert_in_range(f->flows[0].end_ms, EXPORT_MS - 10000 + 190, EXPORT_MS - 10000 + 200);
}

/* Microseconds since 1970, of as long as their lower half lies below 10^9. */
static void times_since_1970_have_no_fraction(void **state)
{
	uint64_t high = (UINT64_C(1000000) * EXPORT_S >> 32) - 1;
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 100; i++)
		send_ntp(f, high, i * 10000000 + 1000000);
	assert_int_equal(f->flows[0].end_ms, (high << 32 | 991000000) / 1000);
}

static void microseconds_may_stand_beside_seconds(void **state)
{
	static const uint16_t fields[] = {8, 4, 12, 4, 154, 16, 155, 16, 2, 4, 0};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, fields);
	set(f, 256);
	put(f, 0x0a04000a, 4);
	put(f, 0xcb007179, 4);
	put(f, EXPORT_S - 10, 8);
	put(f, 250999, 8);
	put(f, EXPORT_S - 9, 8);
	put(f, 1000000, 8); /* more than there are in a second: it is something else */
	put(f, 1, 4);
	decode(f);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 9750);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS);
}

/* In eight octets; a value that a router can be up for stays an uptime (quirks). */
static void an_uptime_of_decades_is_a_clock(void **state)
{
	static const uint16_t fields[] = {8, 4, 12, 4, 22, 8, 21, 8, 2, 4, 0};
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		begin(f, version);
		set(f, template_set(f));
		template(f, 256, fields);
		set(f, 256);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
		put(f, (uint64_t)EXPORT_MS - 9123, 8), put(f, (uint64_t)EXPORT_MS - 1001, 8);
		put(f, 1, 4);
		decode(f);
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 9123);
		assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 1001);
	}
}

/* Then, as in IPFIX, its start is the latest by which no flow ended after its export. */
static void a_v9_header_may_tell_no_uptime(void **state)
{
	struct octets uptime;
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3; i++) {
		f->sequence = i;
		begin(f, 9);
		uptime = octets_of(f->wire + 4, 4);
		octets_uint(&uptime, 0, 4);
		set(f, 0);
		template(f, 256, usual);
		set(f, 256);
		usual_record(f, UPTIME_MS - 9000, UPTIME_MS - 5000);
		usual_record(f, UPTIME_MS - 9000 - i, UPTIME_MS);
		decode(f);
		assert_int_equal(f->count, 2);
		assert_int_equal(f->flows[1].start_ms, EXPORT_MS - 9000 - i);
		assert_int_equal(f->flows[1].end_ms, EXPORT_MS);
	}
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 5000);
	assert_int_equal(lost(f), 0);
}

/* Cisco's application monitors tell client and server instead of source and destination. */
static void a_client_and_its_server_are_the_ends(void **state)
{
	static const uint16_t fields[] = {12236, 4, 12237, 4, 12240, 2, 12241, 2};
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		begin(f, version);
		set(f, template_set(f));
		put(f, 256, 2), put(f, 6, 2);
		for (size_t i = 0; i < ARRAY_LEN(fields); i += 2) {
			put(f, 0x8000u | fields[i], 2), put(f, fields[i + 1], 2);
			put(f, ELEMENT_CISCO, version == 9 ? 0 : 4);
		}
		put(f, 231, 2), put(f, 8, 2), put(f, 232, 2), put(f, 8, 2);
		set(f, 256);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, 45126, 2), put(f, 443, 2);
		put(f, 700, 8), put(f, 90000, 8);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 2);
		assert_addr(&f->flows[0].src, "10.4.0.10");
		assert_addr(&f->flows[0].dst, "203.0.113.121");
		assert_int_equal(f->flows[0].src_port, 45126);
		assert_int_equal(f->flows[0].dst_port, 443);
		assert_int_equal(f->flows[0].octets, 700);
		assert_addr(&f->flows[1].src, "203.0.113.121");
		assert_int_equal(f->flows[1].octets, 90000);
	}
}

/* IxFlow has counters of its own for what came back. */
static void what_came_back_may_be_a_makers_element(void **state)
{
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	put(f, 256, 2), put(f, 6, 2);
	put(f, 0x00080004, 4), put(f, 0x000c0004, 4), put(f, 0x00010008, 4), put(f, 0x00020008, 4);
	put(f, 0x80b00008, 4), put(f, ELEMENT_IXIA, 4);
	put(f, 0x80b10008, 4), put(f, ELEMENT_IXIA, 4);
	set(f, 256);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, 360, 8), put(f, 4, 8);
	put(f, 7076, 8), put(f, 9, 8);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[0].octets, 360);
	assert_addr(&f->flows[1].src, "203.0.113.121");
	assert_int_equal(f->flows[1].octets, 7076);
	assert_int_equal(f->flows[1].packets, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_and_its_server_are_the_ends),
		TEST(what_came_back_may_be_a_makers_element),
		TEST(microseconds_may_be_since_1970),
		TEST(ntps_seconds_may_be_since_1970),
		TEST(nanoseconds_may_stand_where_ntp_has_a_fraction),
		TEST(fractions_that_are_all_alike_are_fractions),
		TEST(times_since_1970_have_no_fraction),
		TEST(microseconds_may_stand_beside_seconds),
		TEST(an_uptime_of_decades_is_a_clock),
		TEST(a_v9_header_may_tell_no_uptime),
		TEST(v9_messages_of_one_datagram_are_all_read),
		TEST(zeros_behind_the_last_of_them_are_none),
		TEST(a_message_of_another_domain_is_read_by_its_own_template),
		TEST(what_is_of_another_start_is_no_message),
		TEST(one_datagram_opens_few_streams),
		TEST(garbage_behind_a_header_costs_nothing_before_it),
		TEST(without_uptime_a_port_may_change_with_every_datagram),
		TEST(one_header_without_uptime_is_no_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
