#include "base/bytes.h"
#include "proto/flow/datagram.h"
#include "tests/unit/stream_sum.h"
#include "tests/unit/test.h"

#include <string.h>

#define HEADER_LEN 24
#define RECORD_LEN 48
#define DATAGRAM_MAX (HEADER_LEN + 30 * RECORD_LEN)

#define EXPORT_S UINT32_C(1795309531) /* 2026-11-22T01:05:31Z */
#define EXPORT_MS (INT64_C(1000) * EXPORT_S + 943)
#define UPTIME_MS UINT32_C(600000)
#define RECEIVED_MS (EXPORT_MS + 7)

struct header {
	uint16_t version, count;
	uint32_t uptime_ms, seconds, nanoseconds, sequence;
	uint16_t engine, sampling;
};

struct record {
	uint8_t src[4], dst[4];
	uint16_t in_if, out_if;
	uint32_t packets, octets, first_ms, last_ms;
	uint16_t src_port, dst_port;
	uint8_t tcp_flags, proto, tos;
};

static const struct header plain = {
	.version = 5,
	.count = 1,
	.uptime_ms = UPTIME_MS,
	.seconds = EXPORT_S,
	.nanoseconds = 943000000,
};

static const struct record ssh = {
	.src = {10, 4, 0, 10},
	.dst = {203, 0, 113, 121},
	.in_if = 1,
	.out_if = 2,
	.packets = 15,
	.octets = 865,
	.first_ms = UPTIME_MS - 2000,
	.last_ms = UPTIME_MS - 100,
	.src_port = 45126,
	.dst_port = 22,
	.tcp_flags = 0x1b,
	.proto = 6,
	.tos = 0x10,
};

static void put_record(struct octets *o, const struct record *r)
{
	octets_put(o, r->src, 4);
	octets_put(o, r->dst, 4);
	octets_uint(o, 0xc0000201, 4); /* next hop: not a part of a flow here */
	octets_uint(o, r->in_if, 2);
	octets_uint(o, r->out_if, 2);
	octets_uint(o, r->packets, 4);
	octets_uint(o, r->octets, 4);
	octets_uint(o, r->first_ms, 4);
	octets_uint(o, r->last_ms, 4);
	octets_uint(o, r->src_port, 2);
	octets_uint(o, r->dst_port, 2);
	octets_uint(o, 0xff, 1); /* padding need not be zero */
	octets_uint(o, r->tcp_flags, 1);
	octets_uint(o, r->proto, 1);
	octets_uint(o, r->tos, 1);
	octets_uint(o, 0xfde8fde918180000, 8); /* AS numbers, masks, padding */
}

/* Writes a datagram of `count` records, whatever its header says. Returns its length. */
static size_t write_datagram(const struct header *h, const struct record *records, size_t count,
                             uint8_t room[DATAGRAM_MAX])
{
	struct octets o = octets_of(room, DATAGRAM_MAX);

	octets_uint(&o, h->version, 2);
	octets_uint(&o, h->count, 2);
	octets_uint(&o, h->uptime_ms, 4);
	octets_uint(&o, h->seconds, 4);
	octets_uint(&o, h->nanoseconds, 4);
	octets_uint(&o, h->sequence, 4);
	octets_uint(&o, h->engine, 2);
	octets_uint(&o, h->sampling, 2);
	for (size_t i = 0; i < count; i++)
		put_record(&o, &records[i]);
	assert_false(o.is_full);
	return octets_len(&o);
}

struct fixture {
	struct flow_decoder *decoder;
	struct flow_origin origin;
	struct flow_batch batch;
	const struct flow *flows; /* of the last datagram */
	size_t count;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.decoder = flow_decoder_new(64, 0);
	f.origin.from.addr = addr_from_v4((const uint8_t[]){192, 0, 2, 9});
	f.origin.from.port = 33679;
	f.origin.received_ms = RECEIVED_MS;
	*state = &f;
	return f.decoder == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	flow_decoder_free(f->decoder);
	flow_batch_free(&f->batch);
	return 0;
}

static enum drop take(struct fixture *f, const uint8_t *wire, size_t len)
{
	enum drop drop;

	f->batch.count = 0;
	drop = flow_decode(f->decoder, &f->origin, wire, len, &f->batch);
	f->flows = f->batch.flows;
	f->count = f->batch.count;
	return drop;
}

static const char *decode(struct fixture *f, const struct header *h, const struct record *records,
                          size_t count)
{
	uint8_t wire[DATAGRAM_MAX];
	size_t len = write_datagram(h, records, count, wire);

	return drop_key(take(f, wire, len));
}

static void assert_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_print(a, text), expected);
}

/* Written out octet by octet, so that the helper above cannot hide a common mistake. */
static void a_datagram_becomes_exact_flows(void **state)
{
	static const uint8_t wire[] = {
		0x00, 0x05, 0x00, 0x02, 0x00, 0x09, 0x27, 0xc0, /* version, count, uptime 600000 */
		0x6b, 0x02, 0x3f, 0xdb, 0x38, 0x35, 0x09, 0xc0, /* 1795309531 s, 943000000 ns */
		0x00, 0x00, 0x10, 0x00, 0x01, 0x02, 0x40, 0x64, /* sequence, type 1, id 2, 100 */
		10,   4,    0,    10,   203,  0,    113,  121,  /* src, dst */
		192,  0,    2,    1,    0x00, 0x01, 0x00, 0x02, /* next hop, in, out */
		0x00, 0x00, 0x00, 0x0f, 0x00, 0x00, 0x03, 0x61, /* packets 15, octets 865 */
		0x00, 0x09, 0x1f, 0xf0, 0x00, 0x09, 0x27, 0x5c, /* first 598000, last 599900 */
		0xb0, 0x46, 0x00, 0x16, 0x00, 0x1b, 0x06, 0x10, /* ports, pad, flags, proto, tos */
		0xfd, 0xe8, 0xfd, 0xe9, 0x18, 0x10, 0x00, 0x00, /* AS, AS, masks, pad */
		203,  0,    113,  121,  10,   4,    0,    10,   /* src, dst */
		0,    0,    0,    0,    0xff, 0xff, 0x00, 0x00, /* next hop, in, out */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, /* packets, octets */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x27, 0xc0, /* first 0, last 600000 */
		0x00, 0x16, 0xb0, 0x46, 0x00, 0x00, 0x11, 0x00, /* ports, pad, flags, proto, tos */
		0,    0,    0,    0,    0,    0,    0,    0,
	};
	struct fixture *f = *state;
	const struct flow *a, *b;
	enum drop drop = take(f, wire, sizeof(wire));

	a = &f->flows[0];
	b = &f->flows[1];
	assert_string_equal(drop_key(drop), "none");
	assert_int_equal(f->count, 2);

	assert_addr(&a->src, "10.4.0.10");
	assert_addr(&a->dst, "203.0.113.121");
	assert_addr(&a->exporter, "192.0.2.9");
	assert_int_equal(a->start_ms, EXPORT_MS - 2000);
	assert_int_equal(a->end_ms, EXPORT_MS - 100);
	assert_int_equal(a->received_ms, RECEIVED_MS);
	assert_int_equal(a->octets, 865);
	assert_int_equal(a->packets, 15);
	assert_int_equal(a->in_if, 1);
	assert_int_equal(a->out_if, 2);
	assert_int_equal(a->domain, 0x0102);
	assert_int_equal(a->sampling, 100);
	assert_int_equal(a->src_port, 45126);
	assert_int_equal(a->dst_port, 22);
	assert_int_equal(a->proto, 6);
	assert_int_equal(a->tcp_flags, 0x1b);
	assert_int_equal(a->tos, 0x10);
	assert_int_equal(a->version, 5);

	assert_addr(&b->src, "203.0.113.121");
	assert_int_equal(b->start_ms, EXPORT_MS - 600000);
	assert_int_equal(b->end_ms, EXPORT_MS);
	assert_int_equal(b->in_if, 65535);
	assert_int_equal(b->out_if, 0);
	assert_int_equal(b->packets, UINT32_MAX);
	assert_int_equal(b->octets, UINT32_MAX - 1); /* never multiplied by the sampling */
	assert_int_equal(b->sampling, 100);
	assert_int_equal(b->proto, 17);

	assert_int_equal(f->decoder->counters.datagrams, 1);
	assert_int_equal(f->decoder->counters.flows, 2);
	assert_int_equal(f->decoder->counters.clamped, 0);
}

static void every_truncation_is_counted_and_whole_records_are_read(void **state)
{
	struct fixture *f = *state;
	const struct record two[] = {ssh, ssh};
	struct header h = plain;
	uint8_t wire[DATAGRAM_MAX];
	size_t first = HEADER_LEN + RECORD_LEN, len;

	h.count = 2;
	len = write_datagram(&h, two, 2, wire);
	for (size_t cut = 0; cut < first; cut++) {
		enum drop drop = take(f, wire, cut);

		assert_string_equal(drop_key(drop), cut < HEADER_LEN ? "short" : "length");
		assert_int_equal(f->count, 0);
	}
	assert_int_equal(f->decoder->counters.datagrams, first);
	assert_int_equal(f->decoder->counters.dropped[DROP_SHORT], HEADER_LEN);
	assert_int_equal(f->decoder->counters.dropped[DROP_LENGTH], RECORD_LEN);
	assert_int_equal(f->decoder->counters.flows, 0);
	for (size_t cut = first; cut < len; cut++) {
		flow_decoder_free(f->decoder);
		f->decoder = flow_decoder_new(8, 0);
		assert_string_equal(drop_key(take(f, wire, cut)), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
	}
	/* The next follows on what its header said. */
	h.sequence += 2;
	assert_string_equal(decode(f, &h, two, 2), "none");
	assert_int_equal(sum_of(f->decoder).lost, 0);
}

static void headers_that_cannot_be_true_are_refused(void **state)
{
	static const struct {
		const char *drop;
		uint16_t version, count;
		uint32_t seconds;
	} rows[] = {
		{"count", 5, 0, EXPORT_S},   {"count", 5, 31, EXPORT_S},
		{"count", 5, 0xffff, 0},     {"version", 0, 1, EXPORT_S},
		{"version", 1, 1, EXPORT_S}, {"version", 7, 1, EXPORT_S},
		{"version", 6, 1, EXPORT_S}, {"version", 0x0500, 1, EXPORT_S},
		{"none", 5, 1, 31536000},    {"none", 5, 1, UINT32_MAX},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct header h = plain;

		h.version = rows[i].version;
		h.count = rows[i].count;
		h.seconds = rows[i].seconds;
		h.nanoseconds = 0;
		h.sequence = (uint32_t)i;
		assert_string_equal(decode(f, &h, &ssh, 1), rows[i].drop);
		assert_int_equal(f->count, strcmp(rows[i].drop, "none") == 0 ? 1 : 0);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_COUNT], 3);
	assert_int_equal(f->decoder->counters.dropped[DROP_VERSION], 5);
	assert_int_equal(f->decoder->counters.unset_clocks, 0);
}

/* As exporters say that begin at 1970, or at 0 for ever: uptimes are all that they tell. */
static void with_a_clock_that_was_never_set_a_datagram_is_exported_when_received(void **state)
{
	static const uint32_t seconds[] = {0, 600, 31535999};
	struct fixture *f = *state;
	struct header h = plain;

	h.nanoseconds = 0;
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		h.seconds = seconds[i];
		h.sequence = (uint32_t)i;
		assert_string_equal(decode(f, &h, &ssh, 1), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms, RECEIVED_MS - 2000);
		assert_int_equal(f->flows[0].end_ms, RECEIVED_MS - 100);
		assert_int_equal(f->decoder->counters.unset_clocks, i + 1);
	}
	assert_string_equal(decode(f, &h, &ssh, 1), "duplicate");
	f->origin.received_ms = 0; /* nobody knows when it was */
	h.sequence = 3;
	assert_string_equal(decode(f, &h, &ssh, 1), "clock");
	assert_int_equal(f->decoder->counters.dropped[DROP_CLOCK], 1);
}

/* Behind the records may stand another datagram, zeros, or what is none of it. */
static void what_follows_the_last_record_is_read_passed_over_or_counted(void **state)
{
	static const struct {
		uint8_t fill;
		size_t len, counted;
	} rows[] = {{0, 1, 0}, {0, 4, 0}, {0, 300, 0}, {7, 1, 1}, {7, 48, 1}, {5, 200, 1}};
	struct fixture *f = *state;
	const struct record two[] = {ssh, ssh};
	struct header h = plain;
	uint8_t wire[3 * DATAGRAM_MAX];
	size_t len, counted = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++, h.sequence++) {
		len = write_datagram(&h, &ssh, 1, wire);
		memset(wire + len, rows[i].fill, rows[i].len);
		assert_string_equal(drop_key(take(f, wire, len + rows[i].len)), "none");
		assert_int_equal(f->count, 1);
		counted += rows[i].counted;
		assert_int_equal(f->decoder->counters.dropped[DROP_SET], counted);
	}
	assert_string_equal(decode(f, &h, two, 2), "none"); /* it says one, and has two */
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], counted + 1);
	h.sequence++;
	h.count = 2;
	len = write_datagram(&h, two, 2, wire);
	h.sequence += 2;
	len += write_datagram(&h, two, 2, wire + len);
	h.sequence += 2;
	h.count = 1;
	len += write_datagram(&h, &ssh, 1, wire + len);
	memset(wire + len, 0, 10);
	assert_string_equal(drop_key(take(f, wire, len + 10)), "none");
	assert_int_equal(f->count, 5);
	assert_string_equal(drop_key(take(f, wire, len + 10)), "duplicate");
	assert_int_equal(f->count, 0);
	assert_int_equal(sum_of(f->decoder).lost + sum_of(f->decoder).late, 0);
}

static void a_full_datagram_has_thirty_flows(void **state)
{
	struct fixture *f = *state;
	struct record records[30];
	struct header h = plain;

	for (size_t i = 0; i < 30; i++) {
		records[i] = ssh;
		records[i].src_port = (uint16_t)i;
	}
	h.count = 30;
	assert_string_equal(decode(f, &h, records, 30), "none");
	assert_int_equal(f->count, 30);
	for (size_t i = 0; i < 30; i++)
		assert_int_equal(f->flows[i].src_port, i);
}

/* Uptime in, wall clock out, as offsets from the header's two clocks. */
static void times_are_right_on_both_sides_of_the_header(void **state)
{
	static const struct {
		const char *label;
		uint32_t uptime_ms, first_ms, last_ms;
		int64_t start, end; /* relative to the export time */
	} rows[] = {
		{"an ordinary flow", 600000, 598000, 599900, -2000, -100},
		{"a flow of one packet", 600000, 599000, 599000, -1000, -1000},
		{"ends as it is exported", 600000, 600000, 600000, 0, 0},
		{"stamped 50..90 ms after the header", 600000, 600050, 600090, 50, 90},
		{"only its end is after the header", 600000, 599990, 600060, -10, 60},
		{"a minute after the header at most", 600000, 600000, 660000, 0, 60000},
		{"both before the wrap, exported after", 1000, UINT32_MAX - 7999, UINT32_MAX - 4999,
	         -9000, -6000},
		{"started before the wrap, ended after", 5000, UINT32_MAX - 999, 4000, -6000,
	         -1000},
		{"exported before the wrap, ended after", UINT32_MAX - 9, UINT32_MAX - 9, 40, 0,
	         50},
		{"from before boot: 24 days", 2073600000, 0, 2073600000, -2073600000, 0},
		{"open for 26 days", 2246400000, 0, 2246399000, -2246400000, -1000},
	};
	struct fixture *f = *state;
	struct header h = plain;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct record r = ssh;

		print_message("%s\n", rows[i].label);
		h.uptime_ms = rows[i].uptime_ms;
		h.sequence = (uint32_t)i;
		r.first_ms = rows[i].first_ms;
		r.last_ms = rows[i].last_ms;
		assert_string_equal(decode(f, &h, &r, 1), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].start_ms - EXPORT_MS, rows[i].start);
		assert_int_equal(f->flows[0].end_ms - EXPORT_MS, rows[i].end);
	}
	assert_int_equal(f->decoder->counters.clamped, 0);
}

static void a_first_packet_just_after_the_last_is_clamped_and_counted(void **state)
{
	static const uint32_t late_ms[] = {1, 39, 999, 1000, UPTIME_MS};
	struct fixture *f = *state;
	struct header h = plain;

	for (size_t i = 0; i < ARRAY_LEN(late_ms); i++) {
		struct record r = ssh;

		r.first_ms = r.last_ms + late_ms[i];
		h.sequence = (uint32_t)i;
		assert_string_equal(decode(f, &h, &r, 1), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->flows[0].end_ms, EXPORT_MS - 100);
		assert_int_equal(f->flows[0].start_ms, EXPORT_MS - 100);
		assert_int_equal(f->decoder->counters.clamped, i + 1);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 0);
}

static void a_record_with_impossible_times_goes_and_its_neighbours_stay(void **state)
{
	static const struct {
		const char *label;
		uint32_t first_ms, last_ms;
	} rows[] = {
		{"ends more than a minute after the header", UPTIME_MS, UPTIME_MS + 60001},
		{"lies wholly in the future", UPTIME_MS + 70000, UPTIME_MS + 80000},
		{"lies 24 days in the future", UPTIME_MS + 2073600000, UPTIME_MS + 2073600000},
	};
	struct fixture *f = *state;
	struct header h = plain;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct record records[] = {ssh, ssh, ssh};

		print_message("%s\n", rows[i].label);
		records[0].src_port = 1;
		records[1].first_ms = rows[i].first_ms;
		records[1].last_ms = rows[i].last_ms;
		records[2].src_port = 3;
		h.count = 3;
		h.sequence = (uint32_t)(3 * i);
		assert_string_equal(decode(f, &h, records, 3), "none");
		assert_int_equal(f->count, 2);
		assert_int_equal(f->flows[0].src_port, 1);
		assert_int_equal(f->flows[1].src_port, 3);
		assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], i + 1);
	}
	assert_int_equal(f->decoder->counters.clamped, 0);
	assert_int_equal(f->decoder->counters.flows, 2 * ARRAY_LEN(rows));
}

static void the_sampling_field_loses_its_mode_and_zero_is_one(void **state)
{
	static const struct {
		uint16_t field;
		uint32_t sampling;
	} rows[] = {
		{0, 1},        {1, 1},        {0x4000, 1},     {0xc000, 1},
		{0x4064, 100}, {0x8064, 100}, {0x3fff, 16383}, {0xffff, 16383},
	};
	struct fixture *f = *state;
	struct header h = plain;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		h.sampling = rows[i].field;
		h.sequence = (uint32_t)i;
		assert_string_equal(decode(f, &h, &ssh, 1), "none");
		assert_int_equal(f->flows[0].sampling, rows[i].sampling);
		assert_int_equal(f->flows[0].octets, ssh.octets);
	}
}

static void engines_are_domains_with_sequences_of_their_own(void **state)
{
	static const uint16_t engines[] = {0x0000, 0x0001, 0x0100, 0x0102};
	struct fixture *f = *state;
	struct header h = plain;
	struct sum sum;

	for (uint32_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
			h.engine = engines[i];
			h.sequence = (uint32_t)(1000 * i) + round;
			assert_string_equal(decode(f, &h, &ssh, 1), "none");
			assert_int_equal(f->flows[0].domain, engines[i]);
		}
	}
	sum = sum_of(f->decoder);
	assert_int_equal(sum.streams, 4);
	assert_int_equal(sum.flows, 12);
	assert_int_equal(sum.lost + sum.duplicates + sum.restarts, 0);
}

/*
 * One router, one address, one engine id, two exporting processes: one per interface, as the ssh
 * chain's gateways have. Only the UDP source port tells them apart.
 */
static void two_processes_behind_one_address_are_two_streams_without_loss(void **state)
{
	static const uint16_t ports[] = {33679, 54119};
	struct fixture *f = *state;
	const struct record two[] = {ssh, ssh};
	struct header h = plain;
	struct sum sum;

	h.count = 2;
	for (uint32_t round = 0; round < 50; round++) {
		for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
			f->origin.from.port = ports[i];
			h.sequence = 2 * round;
			assert_string_equal(decode(f, &h, two, 2), "none");
			assert_int_equal(f->count, 2);
		}
	}
	sum = sum_of(f->decoder);
	assert_int_equal(sum.streams, 2);
	assert_int_equal(sum.flows, 200);
	assert_int_equal(sum.lost + sum.duplicates + sum.restarts, 0);
}

/* Open vSwitch: the header has the number of the datagram's last flow. */
static void a_sequence_may_be_of_the_last_flow(void **state)
{
	static const struct {
		uint16_t counts[5];
	} rows[] = {{{18, 20, 20, 20, 26}}, {{20, 18, 30, 1, 2}}, {{1, 30, 29, 30, 5}}};
	struct fixture *f = *state;
	struct record thirty[30];

	for (size_t i = 0; i < ARRAY_LEN(thirty); i++)
		thirty[i] = ssh;
	for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
		struct header h = plain;

		f->origin.from.port = (uint16_t)(1000 + row);
		h.sequence = UINT32_MAX - 40;
		for (size_t i = 0; i < 5; i++) {
			h.count = rows[row].counts[i];
			h.sequence += h.count;
			assert_string_equal(decode(f, &h, thirty, h.count), "none");
		}
		h.sequence += 3; /* three of four are missing */
		h.count = 1;
		assert_string_equal(decode(f, &h, thirty, 1), "none");
		assert_int_equal(sum_of(f->decoder).lost, 2 * (row + 1));
	}
	assert_int_equal(sum_of(f->decoder).duplicates + sum_of(f->decoder).restarts, 0);
}

static void a_duplicate_yields_no_flow_and_a_gap_is_counted_in_flows(void **state)
{
	struct fixture *f = *state;
	const struct record two[] = {ssh, ssh};
	struct header h = plain;
	struct sum sum;

	h.count = 2;
	h.sequence = 40;
	assert_string_equal(decode(f, &h, two, 2), "none");
	assert_string_equal(decode(f, &h, two, 2), "duplicate");
	assert_int_equal(f->count, 0);
	h.sequence = 49;
	assert_string_equal(decode(f, &h, two, 2), "none");
	sum = sum_of(f->decoder);
	assert_int_equal(sum.lost, 7);
	assert_int_equal(sum.flows, 4);
	assert_int_equal(f->decoder->counters.dropped[DROP_DUPLICATE], 1);
	assert_int_equal(f->decoder->counters.flows, 4);
}

static void an_uptime_that_wraps_is_no_restart(void **state)
{
	struct fixture *f = *state;
	struct header h = plain;
	struct record r = ssh;
	struct sum sum;

	h.uptime_ms = UINT32_MAX - 499;
	r.first_ms = r.last_ms = h.uptime_ms;
	assert_string_equal(decode(f, &h, &r, 1), "none");
	h.uptime_ms = 500;
	h.seconds++;
	h.sequence = 1;
	assert_string_equal(decode(f, &h, &r, 1), "none");
	assert_int_equal(f->flows[0].end_ms, EXPORT_MS);
	sum = sum_of(f->decoder);
	assert_int_equal(sum.restarts + sum.lost, 0);
}

static void drops_have_keys_and_texts(void **state)
{
	(void)state;

	for (unsigned i = 0; i < DROP_COUNT_OF; i++) {
		assert_string_not_equal(drop_key((enum drop)i), "unknown");
		assert_string_not_equal(drop_text((enum drop)i), "unknown");
	}
	assert_string_equal(drop_key(DROP_COUNT_OF), "unknown");
	assert_string_equal(drop_text(DROP_COUNT_OF), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_becomes_exact_flows),
		TEST(every_truncation_is_counted_and_whole_records_are_read),
		TEST(headers_that_cannot_be_true_are_refused),
		TEST(with_a_clock_that_was_never_set_a_datagram_is_exported_when_received),
		TEST(what_follows_the_last_record_is_read_passed_over_or_counted),
		TEST(a_full_datagram_has_thirty_flows),
		TEST(times_are_right_on_both_sides_of_the_header),
		TEST(a_first_packet_just_after_the_last_is_clamped_and_counted),
		TEST(a_record_with_impossible_times_goes_and_its_neighbours_stay),
		TEST(the_sampling_field_loses_its_mode_and_zero_is_one),
		TEST(engines_are_domains_with_sequences_of_their_own),
		TEST(a_sequence_may_be_of_the_last_flow),
		TEST(two_processes_behind_one_address_are_two_streams_without_loss),
		TEST(a_duplicate_yields_no_flow_and_a_gap_is_counted_in_flows),
		TEST(an_uptime_that_wraps_is_no_restart),
		TEST(drops_have_keys_and_texts),
	};

	return cmocka_run_group_tests_name("flow/netflow5", tests, NULL, NULL);
}
