/* What exporters of many makers do that no standard says, each as it was met. */
#include "tests/unit/message_fixture.h"

static void define(struct fixture *f, uint16_t version, uint16_t id, const uint16_t *fields)
{
	begin(f, version);
	set(f, template_set(f));
	template(f, id, fields);
	set(f, id);
}

static const char *decode_next(struct fixture *f)
{
	const char *drop = decode(f);

	f->sequence += f->version == 10 ? (uint32_t)f->count : 1;
	return drop;
}

static void put_zeros(struct fixture *f, size_t count)
{
	while (count-- > 0)
		put(f, 0, 1);
}

static const uint16_t ends[] = {8, 4, 12, 4, 1, 4, 2, 4, 22, 4, 21, 4, 0};

static void ends_record(struct fixture *f, uint32_t first, uint32_t last)
{
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, 865, 4), put(f, 15, 4);
	put(f, first, 4), put(f, last, 4);
}

/* NX-OS fills sets up by 24 octets and more, XR by 49 to 59, PAN-OS whole packets: longer than a
 * record. */
static void zeros_behind_records_are_padding_however_many(void **state)
{
	static const size_t zeros[] = {1, 3, 24, 26, 49, 59, 400};
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		for (size_t i = 0; i < ARRAY_LEN(zeros); i++) {
			define(f, version, 256, ends);
			ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
			put_zeros(f, zeros[i]);
			assert_string_equal(decode_next(f), "none");
			assert_int_equal(f->count, 1);
		}
		define(f, version, 256, ends);
		ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
		end_set(f);
		put_zeros(f, 400); /* behind the last set */
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, 1);
	}
	for (size_t i = DROP_PARTS; i < DROP_COUNT_OF; i++)
		assert_int_equal(f->decoder->counters.dropped[i], 0);
}

/* Some send what was in the buffer. More of it is no padding: the template was another. */
static void padding_to_a_multiple_of_four_need_not_be_zero(void **state)
{
	static const uint16_t odd[] = {8, 4, 12, 4, 4, 1, 5, 1, 0};
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		for (size_t filled = 1; filled <= 6; filled++) {
			uint64_t before = f->decoder->counters.dropped[DROP_STALE];

			define(f, version, 256, odd);
			put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, 6, 1), put(f, 0, 1);
			put(f, 0xa1a2a3a4a5a6 >> (48 - 8 * filled), filled);
			assert_string_equal(decode_next(f), "none");
			assert_int_equal(f->count, filled == 2);
			assert_int_equal(f->decoder->counters.dropped[DROP_STALE],
			                 before + (filled != 2));
		}
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 0);
}

/* NX-OS 8: four octets of uptime in eight, in front or behind. */
static void uptimes_may_be_eight_octets_wide(void **state)
{
	static const uint16_t wide[] = {8, 4, 12, 4, 22, 8, 21, 8, 0};
	struct fixture *f = *state;

	for (int shift = 0; shift <= 32; shift += 32) {
		define(f, 9, 256, wide);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
		put(f, (uint64_t)(UPTIME_MS - 2000) << shift, 8);
		put(f, (uint64_t)(UPTIME_MS - 100) << shift, 8);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 2000);
		assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 100);
	}
}

/* FortiGate: counters of 8, interfaces of 2, flags of 2, protocols of 2 octets. */
static void every_number_may_have_any_width(void **state)
{
	static const uint16_t odd[] = {8, 4, 12, 4, 1, 8,  2, 8,  10, 2,  14, 2, 4,
	                               2, 6, 2,  7, 4, 11, 3, 22, 4,  21, 4,  0};
	struct fixture *f = *state;

	define(f, 9, 256, odd);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, UINT64_C(5000000000), 8), put(f, 4000000, 8);
	put(f, 3, 2), put(f, 4, 2), put(f, 6, 2), put(f, 0x11b, 2);
	put(f, 45126, 4), put(f, 22, 3);
	put(f, UPTIME_MS - 2000, 4), put(f, UPTIME_MS - 100, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].octets, UINT64_C(5000000000));
	assert_int_equal(f->flows[0].packets, 4000000);
	assert_int_equal(f->flows[0].in_if, 3);
	assert_int_equal(f->flows[0].out_if, 4);
	assert_int_equal(f->flows[0].proto, 6);
	assert_int_equal(f->flows[0].tcp_flags, 0x1b);
	assert_int_equal(f->flows[0].src_port, 45126);
	assert_int_equal(f->flows[0].dst_port, 22);
}

/* JunOS, ASR 1000, Open vSwitch: the same element again. */
static void of_an_element_that_comes_twice_the_first_that_says_something_counts(void **state)
{
	static const uint16_t twice[] = {8, 4, 12, 4, 8,  4, 152, 8, 152, 8, 153, 8, 153, 8,
	                                 1, 4, 1,  4, 10, 4, 10,  4, 323, 8, 323, 8, 0};
	const uint64_t ms = (uint64_t)EXPORT_MS;
	struct fixture *f = *state;

	define(f, 10, 256, twice);
	put(f, 0, 4), put(f, 0xcb007179, 4), put(f, 0x0a04000a, 4);
	put(f, ms - 9000, 8), put(f, ms - 8000, 8);
	put(f, 0, 8), put(f, ms - 1000, 8);
	put(f, 0, 4), put(f, 865, 4);
	put(f, 3, 4), put(f, 4, 4);
	put(f, ms - 5, 8), put(f, ms - 9000, 8);
	assert_string_equal(decode_next(f), "none");
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 9000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 1000);
	assert_int_equal(f->flows[0].octets, 865);
	assert_int_equal(f->flows[0].in_if, 3);
}

/* Some count only what goes out. */
static void what_goes_out_counts_where_nothing_else_does(void **state)
{
	static const uint16_t out[] = {8, 4, 12, 4, 23, 4, 24, 4, 22, 4, 21, 4, 0};
	static const uint16_t both[] = {8, 4, 12, 4, 1, 4, 2, 4, 23, 4, 24, 4, 0};
	struct fixture *f = *state;

	define(f, 9, 256, out);
	ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].octets, 865);
	assert_int_equal(f->flows[0].packets, 15);
	define(f, 9, 257, both);
	ends_record(f, 9999, 99);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].octets, 865);
	assert_int_equal(f->flows[0].packets, 15);
}

/* Some send 1 and 2 as zeros, and count with others; the octets of whole frames come last. */
static void a_counter_that_was_not_filled_in_hides_no_other(void **state)
{
	static const uint16_t others[][2] = {{85, 86}, {23, 24}, {231, 298}, {352, 86}, {353, 24}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const uint16_t fields[] = {8, 4, 12, 4, 1, 4, 2, 4, others[i][0], 4, others[i][1],
		                           4, 0};

		define(f, 10, (uint16_t)(256 + i), fields);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
		put(f, 0, 4), put(f, 0, 4), put(f, 700, 4), put(f, 7, 4);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
		put(f, 500, 4), put(f, 5, 4), put(f, 700, 4), put(f, 7, 4);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, 2);
		assert_int_equal(f->flows[0].octets, 700);
		assert_int_equal(f->flows[0].packets, 7);
		assert_int_equal(f->flows[1].octets, 500);
		assert_int_equal(f->flows[1].packets, 5);
	}
}

/* SonicWall: the header's uptime in seconds, the records' in milliseconds, or in seconds as well.
 */
static void uptimes_in_seconds_are_recognised(void **state)
{
	struct fixture *f = *state;

	define(f, 9, 256, ends);
	ends_record(f, UPTIME_MS * 1000 - 2000, UPTIME_MS * 1000 - 100);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 2000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 100);
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 0);
}

/* A v9 header of this uptime, so many seconds after EXPORT_S. */
static void set_clock(struct fixture *f, uint32_t passed_s, uint32_t uptime)
{
	struct octets o = octets_of(f->wire + 4, 8);

	octets_uint(&o, uptime, 4);
	octets_uint(&o, EXPORT_S + passed_s, 4);
	f->origin.received_ms = RECEIVED_MS + passed_s * INT64_C(1000);
}

static void an_uptime_that_counts_seconds_is_one_in_seconds(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 5; i++) {
		define(f, 9, 256, ends);
		set_clock(f, 10 * i, 600000 + 10 * i);
		ends_record(f, 600000 + 10 * i - 20, 600000 + 10 * i - 2);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, 1);
	}
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS + 40000 - 20000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS + 40000 - 2000);
	for (uint32_t i = 5; i < 10;
	     i++) { /* and one in milliseconds is one, whatever a record says */
		f->domain = 8;
		if (i == 5) {
			define(f, 9, 256, ends);
			set_clock(f, 10 * i, 600000 + 10000 * i);
			ends_record(f, 0, (600000 + 10000 * i) * 1000);
			assert_string_equal(decode_next(f), "none");
			continue;
		}
		define(f, 9, 256, ends);
		set_clock(f, 10 * i, 600000 + 10000 * i);
		ends_record(f, 600000 + 10000 * i - 20, 600000 + 10000 * i - 2);
		assert_string_equal(decode_next(f), "none");
	}
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS + 90000 - 2);
}

/* Viptela and XR: seconds of the clock; a few say them of one end alone. */
static void seconds_of_the_clock_are_times(void **state)
{
	static const uint16_t seconds[] = {8, 4, 12, 4, 150, 4, 151, 4, 0};
	static const uint16_t start[] = {8, 4, 12, 4, 150, 4, 1, 4, 0};
	struct fixture *f = *state;

	define(f, 10, 256, seconds);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, EXPORT_S - 9, 4), put(f, EXPORT_S - 2, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 9000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 2000);
	define(f, 10, 257, start);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, EXPORT_S - 9, 4), put(f, 5, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 9000);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS);
}

/* The header's count is of records with some, of sets with others, and of nothing with a few. */
static void the_count_of_a_v9_header_is_not_relied_on(void **state)
{
	static const uint16_t counts[] = {0, 1, 2, 3, 30, 65535};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		define(f, 9, 256, ends);
		put_at(f->wire + 2, counts[i]);
		ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
		ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, 2);
	}
}

/* Its clock was never set: what has no time of its own is as old as its datagram. */
static void an_exporter_without_a_clock_exports_as_we_receive(void **state)
{
	static const uint16_t timeless[] = {8, 4, 12, 4, 1, 4, 0};
	struct fixture *f = *state;

	define(f, 10, 256, timeless);
	memset(f->wire + 4, 0, 4);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, 5, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].end_ms, RECEIVED_MS);
	f->sequence = 0;
	define(f, 9, 256, ends);
	memset(f->wire + 8, 0, 4);
	ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].start_ms, RECEIVED_MS - 2000);
	assert_int_equal(f->flows[0].end_ms, RECEIVED_MS - 1000);
	assert_int_equal(f->decoder->counters.unset_clocks, 2);
}

/* A message that says it is shorter than its last set: what is whole is taken, the rest counted. */
static void of_a_set_that_is_cut_off_whole_records_are_taken(void **state)
{
	struct fixture *f = *state;

	define(f, 9, 256, ends);
	ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
	ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
	end_set(f);
	f->out.at -= 3;
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
	begin(f, 9);
	set(f, 300); /* whose template has not come: half a set is not waited for */
	ends_record(f, 1, 2);
	end_set(f);
	f->out.at -= 3;
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 2);
}

/* A template that says a field is of no octets, when it is: what seems to be records are none. */
static void records_of_a_template_without_lengths_are_for_people_alone(void **state)
{
	static const uint16_t empty[] = {8, 4, 12, 4, 150, 0, 1, 4, 0};
	struct fixture *f = *state;

	for (int is_verbatim = 0; is_verbatim <= 1; is_verbatim++) {
		f->decoder->is_verbatim = is_verbatim != 0;
		f->sequence = (uint32_t)is_verbatim; /* or it is the same message again */
		define(f, 10, 256, empty);
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, EXPORT_S, 4);
		put(f, 865, 4);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, is_verbatim);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_STALE], 1);
}

/* --- tags, labels, packets --- */

static void tags_and_labels_are_of_the_flow(void **state)
{
	static const uint16_t cisco[] = {8, 4, 12, 4, 58, 2, 59, 2, 70, 3, 71, 3, 0};
	static const uint16_t qinq[] = {8, 4, 12, 4, 243, 2, 245, 2, 254, 2, 255, 2, 70, 4, 0};
	struct fixture *f = *state;

	define(f, 9, 256, cisco);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, 154, 2), put(f, 0xe09b, 2); /* with its priority */
	put(f, 0x000640, 3), put(f, 0x000651, 3);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].vlan_in, 154);
	assert_int_equal(f->flows[0].vlan_out, 155);
	assert_int_equal(f->flows[0].mpls, 100);
	define(f, 9, 257, qinq);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, 100, 2), put(f, 5, 2), put(f, 101, 2), put(f, 6, 2), put(f, 0x00064040, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].vlan_in, 100);
	assert_int_equal(f->flows[0].vlan_inner, 5);
	assert_int_equal(f->flows[0].vlan_out, 101);
	assert_int_equal(f->flows[0].mpls, 100);
}

static void put_ip(struct fixture *f)
{
	put(f, 0x4510003c12344000, 8), put(f, 0x40060000, 4);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	put(f, 45126, 2), put(f, 22, 2);
}

/* A sampled frame, or packet, in place of fields. */
static void the_first_octets_of_a_packet_are_a_flow(void **state)
{
	static const uint16_t frame[] = {10, 4, 312, 2, 315, 65535, 0};
	static const uint16_t packet[] = {10, 4, 313, 24, 1, 4, 2, 4, 0};
	struct fixture *f = *state;

	define(f, 10, 256, frame);
	put(f, 3, 4), put(f, 1286, 2);
	put(f, 18 + 24, 1);
	put(f, 0, 8), put(f, 0, 4), put(f, 0x8100009a, 4), put(f, 0x0800, 2);
	put_ip(f);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_int_equal(f->flows[0].src_port, 45126);
	assert_int_equal(f->flows[0].dst_port, 22);
	assert_int_equal(f->flows[0].proto, 6);
	assert_int_equal(f->flows[0].vlan_in, 154);
	assert_int_equal(f->flows[0].packets, 1);
	assert_int_equal(f->flows[0].octets, 1286);
	assert_int_equal(f->flows[0].in_if, 3);
	define(f, 10, 257, packet);
	put(f, 3, 4);
	put_ip(f);
	put(f, 5000, 4), put(f, 7, 4);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->flows[0].octets, 5000); /* what the record counts, it counts */
	assert_int_equal(f->flows[0].packets, 7);
	assert_int_equal(f->flows[0].tos, 0x10);
}

/* A record's own addresses go before those of the frame beside them. */
static void a_frame_beside_addresses_is_not_looked_into(void **state)
{
	static const uint16_t both[] = {8, 4, 12, 4, 1, 4, 313, 24, 0};
	struct fixture *f = *state;

	define(f, 10, 256, both);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4), put(f, 77, 4);
	put_ip(f);
	assert_string_equal(decode_next(f), "none");
	assert_addr(&f->flows[0].src, "10.0.0.1");
	assert_int_equal(f->flows[0].src_port, 0);
	assert_int_equal(f->flows[0].octets, 77);
}

/* --- firewalls --- */

static const uint16_t nsel[] = {148, 4, 8,   4, 7,   2, 12,  4, 11,  2, 4,   1, 233, 1,
                                152, 8, 323, 8, 231, 4, 232, 4, 298, 4, 299, 4, 0};

/* Of a connection that began 100 s before the export. */
static void nsel_record(struct fixture *f, uint32_t id, unsigned event, int64_t before_ms,
                        uint64_t octets, uint64_t back)
{
	put(f, id, 4);
	put(f, 0x0a000001, 4), put(f, 45126, 2), put(f, 0xcb007179, 4), put(f, 22, 2);
	put(f, 6, 1), put(f, event, 1);
	put(f, (uint64_t)EXPORT_MS - 100000, 8), put(f, (uint64_t)(EXPORT_MS - before_ms), 8);
	put(f, octets, 4), put(f, back, 4), put(f, octets / 100, 4), put(f, back / 100, 4);
}

static void all_of_a_connection(struct fixture *f)
{
	define(f, 9, 256, nsel);
	nsel_record(f, 77, 1, 100000, 0, 0);
	nsel_record(f, 77, 5, 60000, 2500, 700);
	nsel_record(f, 77, 5, 30000, 300, 0);
	nsel_record(f, 77, 2, 1000, 3000, 900); /* in all: 200 since, and 200 back */
	assert_string_equal(decode_next(f), "none");
}

static void an_asas_traffic_is_counted_once(void **state)
{
	static const struct {
		uint64_t octets, packets;
		int64_t start, end; /* before the export */
	} rows[] = {
		{0, 0, 100000, 100000}, {2500, 25, 100000, 60000}, {700, 7, 100000, 60000},
		{300, 3, 60000, 30000}, {200, 2, 30000, 1000},     {200, 2, 30000, 1000},
	};
	struct fixture *f = *state;

	all_of_a_connection(f);
	assert_int_equal(f->count, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(f->flows[i].octets, rows[i].octets);
		assert_int_equal(f->flows[i].packets, rows[i].packets);
		assert_int_equal(f->flows[i].start_ms, EXPORT_MS - rows[i].start);
		assert_int_equal(f->flows[i].end_ms, EXPORT_MS - rows[i].end);
	}
	define(f, 9, 256, nsel);
	nsel_record(f, 77, 2, 500, 3000, 900); /* another of the same number */
	nsel_record(f, 78, 2, 500, 50, 900);   /* one without updates */
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 4);
	assert_int_equal(f->flows[0].octets, 3000);
	assert_int_equal(f->flows[2].octets, 50);
}

static void for_people_an_asas_records_stand_as_they_are(void **state)
{
	struct fixture *f = *state;

	f->decoder->is_verbatim = true;
	all_of_a_connection(f);
	assert_int_equal(f->count, 6);
	assert_int_equal(f->flows[4].octets, 3000);
	assert_int_equal(f->flows[5].octets, 900);
	assert_int_equal(f->flows[4].start_ms, EXPORT_MS - 100000);
}

/* MikroTik fills in what is behind the translation of every flow, changed or not. */
static void a_flow_carries_what_is_behind_its_translation(void **state)
{
	static const uint16_t fields[] = {8, 4,   12, 4,   7, 2,   11, 2, 225,
	                                  4, 226, 4,  227, 2, 228, 2,  0};
	static const struct addr none;
	struct fixture *f = *state;

	define(f, 9, 256, fields);
	put(f, 0x0a000001, 4), put(f, 0xcb007179, 4), put(f, 45126, 2), put(f, 22, 2);
	put(f, 0xc6336401, 4), put(f, 0xcb007179, 4), put(f, 40000, 2), put(f, 22, 2);
	put(f, 0x0a000001, 4), put(f, 0xcb007179, 4), put(f, 45126, 2), put(f, 22, 2);
	put(f, 0, 4), put(f, 0, 4), put(f, 0, 2), put(f, 0, 2);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 2);
	assert_addr(&f->flows[0].nat_src, "198.51.100.1");
	assert_int_equal(f->flows[0].nat_src_port, 40000);
	assert_addr(&f->flows[0].nat_dst, "203.0.113.121");
	assert_int_equal(f->flows[0].nat_dst_port, 22);
	assert_true(addr_equal(&f->flows[1].nat_src, &none));
	assert_int_equal(f->batch.event_count, 0);
}

/* FortiOS 5.2: the uptimes of records are days from the header's, either way. */
static void records_may_count_from_another_start_than_their_header(void **state)
{
	static const int64_t apart_ms[] = {INT64_C(5) * 86400000, INT64_C(-9) * 86400000};

	for (size_t i = 0; i < ARRAY_LEN(apart_ms); i++) {
		struct fixture *f = *state;
		uint32_t end = UPTIME_MS + (uint32_t)apart_ms[i] - 2000;

		f->domain = (uint32_t)i;
		f->sequence = 0;
		for (int message = 0; message < 20; message++) {
			define(f, 9, 256, ends);
			ends_record(f, end - 3000, end - (uint32_t)(message % 3) * 500);
			assert_string_equal(decode_next(f), "none");
		}
		assert_int_equal(f->count, 1);
		assert_in_range(EXPORT_MS - f->flows[0].end_ms, 0, 2000);
		assert_in_range(f->flows[0].end_ms - f->flows[0].start_ms, 2000, 3000);
		for (int message = 0; message < 20; message++) { /* or the others were forged */
			define(f, 9, 256, ends);
			ends_record(f, UPTIME_MS - 5000, UPTIME_MS - 4000);
			assert_string_equal(decode_next(f), "none");
		}
		assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 4000);
	}
}

/* What lies far from its export once, or now and then, says nothing of all. */
static void a_record_that_is_far_from_its_export_is_one(void **state)
{
	struct fixture *f = *state;

	for (int message = 0; message < 60; message++) {
		uint32_t far = message % 10 == 9 ? 0 : 1;

		define(f, 9, 256, ends);
		ends_record(f, UPTIME_MS - 3000 + far * 86400000u,
		            UPTIME_MS - 1000 + far * 86400000u);
		assert_string_equal(decode_next(f), "none");
	}
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 1000);
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 54);
}

/* --- lengths that are not as the standard has them --- */

static void values_of_variable_length_may_stand_in_v9(void **state)
{
	static const uint16_t fields[] = {8, 4, 95, 65535, 12, 4, 1, 4, 22, 4, 21, 4, 0};
	struct fixture *f = *state;

	define(f, 9, 256, fields);
	for (size_t len = 3; len <= 300; len += 297) {
		put(f, 0x0a04000a, 4);
		put(f, len < 255 ? len : 255, 1);
		if (len >= 255)
			put(f, len, 2);
		put_zeros(f, len);
		put(f, 0xcb007179, 4), put(f, 865, 4);
		put(f, UPTIME_MS - 2000, 4), put(f, UPTIME_MS - 100, 4);
	}
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[1].octets, 865);
	assert_int_equal(f->flows[1].end_ms, EXPORT_MS - 100);
}

/* Up to a multiple of four octets, which a set's length need not count. */
static void a_set_may_be_filled_up_beyond_its_length(void **state)
{
	static const uint16_t odd[] = {8, 4, 12, 4, 4, 1, 0};
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		for (size_t records = 1; records <= 4; records++) {
			define(f, version, 256, odd);
			for (size_t i = 0; i < records; i++)
				put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4), put(f, 6, 1);
			end_set(f);
			put_zeros(f, (4 - records % 4) % 4);
			set(f, 256);
			put(f, 0x0a04000b, 4), put(f, 0xcb007179, 4), put(f, 17, 1);
			assert_string_equal(decode_next(f), "none");
			assert_int_equal(f->count, records + 1);
			assert_int_equal(f->flows[records].proto, 17);
		}
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 0);
}

static void a_template_that_is_refused_takes_no_other_along(void **state)
{
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 255, ends); /* an id of sets */
	put(f, 257, 2), put(f, 600, 2);
	for (int i = 0; i < 600; i++)
		put(f, 0x00080004, 4);
	template(f, 256, ends);
	set(f, 256);
	ends_record(f, UPTIME_MS - 2000, UPTIME_MS - 1000);
	assert_string_equal(decode_next(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_TEMPLATE], 2);
}

/* --- what no node can use --- */

/* A station's record (Cisco's WLC) tells one end, another none, a third when it cannot have been.
 */
static void people_are_shown_what_no_node_can_use(void **state)
{
	static const uint16_t station[] = {365, 6, 366, 4, 1, 8, 2, 8, 0};
	static const uint16_t nobody[] = {56, 6, 80, 6, 1, 4, 0};
	struct fixture *f = *state;
	uint64_t *dropped = f->decoder->counters.dropped;

	for (int is_verbatim = 0; is_verbatim <= 1; is_verbatim++) {
		f->decoder->is_verbatim = is_verbatim != 0;
		define(f, 9, 256, station);
		put(f, 0x020000000001, 6), put(f, 0x0a04000a, 4), put(f, 865, 8), put(f, 15, 8);
		set(f, template_set(f));
		template(f, 257, nobody);
		set(f, 257);
		put(f, 0x020000000001, 6), put(f, 0x020000000002, 6), put(f, 70, 4);
		put_zeros(f, 32); /* padding is no record */
		set(f, template_set(f));
		template(f, 258, ends);
		set(f, 258);
		ends_record(f, UPTIME_MS + 7200000, UPTIME_MS + 7200000);
		assert_string_equal(decode_next(f), "none");
		assert_int_equal(f->count, is_verbatim ? 3 : 0);
		assert_int_equal(dropped[DROP_ENDS], 2);
		assert_int_equal(dropped[DROP_RECORD_TIME], 1);
	}
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_addr(&f->flows[0].dst, "0.0.0.0");
	assert_int_equal(f->flows[0].octets, 865);
	assert_addr(&f->flows[1].src, "0.0.0.0");
	assert_int_equal(f->flows[1].octets, 70);
	assert_int_equal(f->flows[2].end_ms, EXPORT_MS + 7200000); /* as it is told */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zeros_behind_records_are_padding_however_many),
		TEST(uptimes_may_be_eight_octets_wide),
		TEST(every_number_may_have_any_width),
		TEST(of_an_element_that_comes_twice_the_first_that_says_something_counts),
		TEST(what_goes_out_counts_where_nothing_else_does),
		TEST(a_counter_that_was_not_filled_in_hides_no_other),
		TEST(padding_to_a_multiple_of_four_need_not_be_zero),
		TEST(uptimes_in_seconds_are_recognised),
		TEST(an_uptime_that_counts_seconds_is_one_in_seconds),
		TEST(seconds_of_the_clock_are_times),
		TEST(the_count_of_a_v9_header_is_not_relied_on),
		TEST(an_exporter_without_a_clock_exports_as_we_receive),
		TEST(of_a_set_that_is_cut_off_whole_records_are_taken),
		TEST(records_of_a_template_without_lengths_are_for_people_alone),
		TEST(tags_and_labels_are_of_the_flow),
		TEST(the_first_octets_of_a_packet_are_a_flow),
		TEST(a_frame_beside_addresses_is_not_looked_into),
		TEST(an_asas_traffic_is_counted_once),
		TEST(for_people_an_asas_records_stand_as_they_are),
		TEST(a_flow_carries_what_is_behind_its_translation),
		TEST(records_may_count_from_another_start_than_their_header),
		TEST(a_record_that_is_far_from_its_export_is_one),
		TEST(values_of_variable_length_may_stand_in_v9),
		TEST(a_set_may_be_filled_up_beyond_its_length),
		TEST(a_template_that_is_refused_takes_no_other_along),
		TEST(people_are_shown_what_no_node_can_use),
	};

	return cmocka_run_group_tests_name("flow/quirks", tests, NULL, NULL);
}
