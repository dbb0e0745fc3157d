/* sFlow version 5: what a sample says, and what is missing of them. */
#include "proto/flow/position.h"
#include "proto/flow/sample_source.h"
#include "tests/unit/message_fixture.h"

#define SAMPLE 1
#define EXPANDED 3
#define RATE 512

static uint8_t *sample_at, *record_at; /* that are being written: where their lengths stand */
static uint32_t uptime_ms;

static void put_len(struct fixture *f, uint8_t *at)
{
	struct octets o = octets_of(at, 4);

	octets_uint(&o, (uint64_t)(f->out.at - at - 4), 4);
}

static void end_record(struct fixture *f)
{
	if (record_at != NULL)
		put_len(f, record_at);
	record_at = NULL;
}

static void end_sample(struct fixture *f)
{
	end_record(f);
	if (sample_at != NULL)
		put_len(f, sample_at);
	sample_at = NULL;
}

static void begin_sflow(struct fixture *f, size_t samples)
{
	f->version = 0;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 4);
	put(f, 1, 4);
	put(f, 0xc0000209, 4);
	put(f, f->domain, 4);
	put(f, f->sequence, 4);
	put(f, uptime_ms, 4);
	put(f, samples, 4);
}

static const char *decode_sflow(struct fixture *f)
{
	end_sample(f);
	return decode(f);
}

static void begin_any(struct fixture *f, uint32_t type)
{
	end_sample(f);
	put(f, type, 4);
	sample_at = f->out.at;
	put(f, 0, 4);
}

/* The header of a sample of source `index`; its records follow. */
static void begin_sample(struct fixture *f, uint32_t index, uint32_t sequence, uint32_t drops,
                         uint32_t in_if, uint32_t out_if, size_t records)
{
	begin_any(f, SAMPLE);
	put(f, sequence, 4);
	put(f, index, 4);
	put(f, RATE, 4);
	put(f, 100000, 4);
	put(f, drops, 4);
	put(f, in_if, 4);
	put(f, out_if, 4);
	put(f, records, 4);
}

static void record(struct fixture *f, uint32_t type)
{
	end_record(f);
	put(f, type, 4);
	record_at = f->out.at;
	put(f, 0, 4);
}

static void put_packet(struct fixture *f)
{
	put(f, 0x0800, 2);
	put(f, 0x4510003c12344000, 8);
	put(f, 0x40060000, 4);
	put(f, 0x0a04000a, 4);
	put(f, 0xcb007179, 4);
	put(f, 45126, 2);
	put(f, 22, 2);
	put(f, 0, 8);
	put(f, 0x5018, 2);
	put(f, 0, 6);
}

#define PACKET_LEN (12 + 2 + 20 + 20)

/* The raw header of a TCP packet, of a frame of 1286 octets. */
static void raw_header(struct fixture *f, uint16_t vlan)
{
	record(f, 1);
	put(f, 1, 4);
	put(f, 1286, 4);
	put(f, 4, 4);
	put(f, PACKET_LEN + (vlan != 0 ? 4 : 0), 4);
	put(f, 0, 8);
	put(f, 0, 4);
	if (vlan != 0)
		put(f, UINT32_C(0x81000000) | vlan, 4);
	put_packet(f);
	put(f, 0, 2); /* up to a multiple of four */
}

/* XDR fills up to a multiple of four, what is not known as well. */
static void behind_a_sample_of_odd_length_the_next_one_is_read(void **state)
{
	struct fixture *f = *state;

	begin_sflow(f, 2);
	begin_any(f, 0x1234567);
	put(f, 0, 6);
	end_sample(f);
	put(f, 0, 2);
	begin_sample(f, 96, 1, 0, 96, 95, 1);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.skipped, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 0);
}

static const struct stream *stream_at(struct fixture *f, uint32_t sub_agent)
{
	struct stream_key key = {
		.from = f->origin.from, .domain = sub_agent, .version = FLOW_SFLOW};

	key.agent = addr_from_v4((const uint8_t[]){192, 0, 2, 9});
	return stream_of(f->decoder->streams, &key);
}

static void a_sampled_packet_becomes_a_flow_of_one_packet(void **state)
{
	struct fixture *f = *state;

	f->domain = 100000;
	begin_sflow(f, 1);
	begin_sample(f, 96, 1, 0, 96, 95, 2);
	raw_header(f, 0);
	record(f, 1001);
	put(f, 154, 4);
	put(f, 0, 4);
	put(f, 155, 4);
	put(f, 0, 4);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_addr(&f->flows[0].dst, "203.0.113.121");
	assert_addr(&f->flows[0].exporter, "192.0.2.9");
	assert_int_equal(f->flows[0].src_port, 45126);
	assert_int_equal(f->flows[0].dst_port, 22);
	assert_int_equal(f->flows[0].proto, 6);
	assert_int_equal(f->flows[0].tcp_flags, 0x18);
	assert_int_equal(f->flows[0].tos, 0x10);
	assert_int_equal(f->flows[0].octets, 1286);
	assert_int_equal(f->flows[0].packets, 1);
	assert_int_equal(f->flows[0].sampling, RATE);
	assert_int_equal(f->flows[0].in_if, 96);
	assert_int_equal(f->flows[0].out_if, 95);
	assert_int_equal(f->flows[0].vlan_in, 154);
	assert_int_equal(f->flows[0].vlan_out, 155);
	assert_int_equal(f->flows[0].domain, 100000);
	assert_int_equal(f->flows[0].version, FLOW_SFLOW);
	assert_int_equal(f->flows[0].start_ms, RECEIVED_MS);
	assert_int_equal(f->flows[0].end_ms, RECEIVED_MS);
	assert_true(flow_is_sampled(&f->flows[0]));
}

/* What the switch says of a packet goes before the packet's own tag. */
static void vlans_are_the_switchs_or_else_the_packets(void **state)
{
	struct fixture *f = *state;

	begin_sflow(f, 2);
	begin_sample(f, 1, 1, 0, 1, 2, 1);
	raw_header(f, 7);
	begin_sample(f, 1, 2, 0, 1, 2, 2);
	record(f, 1001);
	put(f, 8, 4);
	put(f, 0, 4);
	put(f, UINT32_MAX, 4); /* not known */
	put(f, UINT32_MAX, 4);
	raw_header(f, 7);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[0].vlan_in, 7);
	assert_int_equal(f->flows[0].vlan_out, 0);
	assert_int_equal(f->flows[1].vlan_in, 8);
	assert_int_equal(f->flows[1].vlan_out, 0);
}

static void expanded_samples_and_ipv6_agents_are_read(void **state)
{
	struct fixture *f = *state;

	f->version = 0;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 4);
	put(f, 2, 4);
	put(f, UINT64_C(0x20010db800000000), 8);
	put(f, 9, 8);
	put(f, 3, 4);
	put(f, 1, 4);
	put(f, 1000, 4);
	put(f, 1, 4);
	begin_any(f, EXPANDED);
	put(f, 1, 4);
	put(f, 0, 4);
	put(f, 0x50000000, 4); /* wider than a compact one has */
	put(f, RATE, 4);
	put(f, 0, 8);
	put(f, 0, 4);
	put(f, 0x50000000, 4);
	put(f, 0, 4);
	put(f, 0x50000001, 4);
	put(f, 1, 4);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].in_if, 0x50000000);
	assert_int_equal(f->flows[0].out_if, 0x50000001);
	assert_int_equal(f->flows[0].domain, 3);
}

/* Discarded, to several, of the agent itself: no index, and no interface of that number. */
static void only_an_index_is_an_interface(void **state)
{
	static const struct {
		uint32_t value, index;
	} rows[] = {{5, 5}, {0x3fffffff, 0}, {0x40000102, 0}, {0x80000003, 0}, {0, 0}};
	struct fixture *f = *state;

	begin_sflow(f, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin_sample(f, 1, (uint32_t)i, 0, 5, rows[i].value, 1);
		raw_header(f, 0);
	}
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(f->flows[i].out_if, rows[i].index);
}

static void packets_that_the_agent_took_apart_are_flows_too(void **state)
{
	struct fixture *f = *state;

	begin_sflow(f, 2);
	begin_sample(f, 1, 1, 0, 1, 2, 1);
	record(f, 3);
	put(f, 60, 4);
	put(f, 17, 4);
	put(f, 0x0a04000a, 4);
	put(f, 0xcb007179, 4);
	put(f, 5353, 4);
	put(f, 53, 4);
	put(f, 0, 4);
	put(f, 0x10, 4);
	begin_sample(f, 1, 2, 0, 1, 2, 1);
	record(f, 4);
	put(f, 90, 4);
	put(f, 6, 4);
	put(f, UINT64_C(0x20010db800000000), 8);
	put(f, 1, 8);
	put(f, UINT64_C(0x20010db800000000), 8);
	put(f, 2, 8);
	put(f, 45126, 4);
	put(f, 22, 4);
	put(f, 2, 4);
	put(f, 0, 4);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 2);
	assert_addr(&f->flows[0].src, "10.4.0.10");
	assert_int_equal(f->flows[0].octets, 60);
	assert_int_equal(f->flows[0].dst_port, 53);
	assert_int_equal(f->flows[0].tos, 0x10);
	assert_addr(&f->flows[1].dst, "2001:db8::2");
	assert_int_equal(f->flows[1].src_port, 45126);
	assert_int_equal(f->flows[1].tcp_flags, 2);
}

static void translations_and_labels_are_kept(void **state)
{
	struct fixture *f = *state;

	begin_sflow(f, 1);
	begin_sample(f, 1, 1, 0, 1, 2, 4);
	record(f, 1020);
	put(f, 40001, 4);
	put(f, 22, 4);
	record(f, 1007);
	put(f, 1, 4);
	put(f, 0xc6336401, 4);
	put(f, 1, 4);
	put(f, 0xcb007179, 4);
	record(f, 1006);
	put(f, 1, 4);
	put(f, 0x0a000001, 4);
	put(f, 2, 4);
	put(f, 100 << 12, 4);
	put(f, 200 << 12 | 0x100, 4);
	put(f, 0, 4);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].nat_src, "198.51.100.1");
	assert_int_equal(f->flows[0].nat_src_port, 40001);
	assert_addr(&f->flows[0].nat_dst, "203.0.113.121");
	assert_int_equal(f->flows[0].nat_dst_port, 22);
	assert_int_equal(f->flows[0].mpls, 100);
}

/* Counters, dropped packets, other makers' samples and records, and what is no IP. */
static void what_is_no_packet_is_passed_over_and_counted(void **state)
{
	static const uint32_t types[] = {2, 4, 5, 7 << 12 | 1};
	struct fixture *f = *state;

	begin_sflow(f, ARRAY_LEN(types) + 2);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		begin_any(f, types[i]);
		put(f, 0, 8);
	}
	begin_sample(f, 1, 1, 0, 1, 2, 2);
	record(f, 4413 << 12 | 1);
	put(f, 1, 4);
	record(f, 1);
	put(f, 1, 4);
	put(f, 64, 4);
	put(f, 0, 4);
	put(f, 14, 4);
	put(f, 0, 8);
	put(f, 0, 4);
	put(f, 0x08060000, 4); /* ARP, and filling up */
	begin_sample(f, 1, 2, 0, 1, 2, 2);
	record(f, 4413 << 12 | 1);
	put(f, 1, 4);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.skipped, ARRAY_LEN(types) + 1);
}

static void malformed_datagrams_are_counted_by_reason(void **state)
{
	struct fixture *f = *state;

	begin_sflow(f, 0);
	f->out.at -= 4;
	assert_string_equal(decode_sflow(f), "short");
	begin_sflow(f, 0);
	f->wire[7] = 3; /* an address of no known kind */
	assert_string_equal(decode_sflow(f), "version");
	begin_sflow(f, 0);
	f->wire[3] = 4; /* another version */
	assert_string_equal(decode_sflow(f), "version");
	begin_sflow(f, 2);
	begin_sample(f, 1, 1, 0, 1, 2, 1);
	raw_header(f, 0);
	end_sample(f);
	begin_sample(f, 1, 2, 0, 1, 2, 1);
	raw_header(f, 0);
	end_sample(f);
	f->out.at -= 4; /* of the second: the first is taken */
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
	f->sequence++;
	begin_sflow(f, 1);
	begin_sample(f, 1, 3, 0, 1, 2, 2); /* two records told, the second too long */
	raw_header(f, 0);
	record(f, 1001);
	end_record(f);
	f->out.at[-1] = 99;
	assert_string_equal(decode_sflow(f), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 2);
}

/* Sends one datagram of one sample. */
static const char *send_one(struct fixture *f, uint32_t sequence, uint32_t source, uint32_t number,
                            uint32_t drops)
{
	f->sequence = sequence;
	begin_sflow(f, 1);
	begin_sample(f, source, number, drops, 1, 2, 1);
	raw_header(f, 0);
	return decode_sflow(f);
}

static void lost_datagrams_and_samples_are_counted_exactly(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	send_one(f, 10, 1, 100, 5);
	send_one(f, 11, 2, 7, 0);
	send_one(f, 12, 1, 101, 5);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	send_one(f, 15, 1, 104, 12); /* two datagrams, and of source 1 two samples */
	assert_int_equal(s->lost, 2);
	assert_int_equal(s->samples_lost, 2);
	assert_int_equal(s->drops, 7);
	send_one(f, 14, 1, 103, 12); /* late: it takes its loss back */
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
	assert_int_equal(s->late, 1);
	assert_string_equal(send_one(f, 14, 1, 103, 12), "duplicate");
	assert_int_equal(s->samples_lost, 1);
	send_one(f, 16, 2, 9, 3); /* a sample that no datagram brought */
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 2);
	assert_int_equal(s->drops, 10);
}

/* Or never goes on. The agent was not started anew, its process was. */
static void a_sequence_that_begins_again_loses_no_sample(void **state)
{
	struct fixture *f = *state;

	for (uint32_t step = 0; step < 2; step++) {
		f->origin.from.port = (uint16_t)(1000 + step);
		for (uint32_t i = 0; i < 65; i++) {
			f->origin.received_ms += 1000;
			uptime_ms += 1000;
			assert_string_equal(send_one(f, (i < 5 ? 3000 : 0) + step * i, 1,
			                             (i < 5 ? 700 : 0) + i, 0),
			                    "none");
			assert_int_equal(f->count, 1);
		}
	}
	assert_int_equal(stream_at(f, 0)->lost + stream_at(f, 0)->samples_lost, 0);
	assert_int_equal(stream_at(f, 1)->lost + stream_at(f, 1)->late, 0);
	assert_int_equal(stream_at(f, 0)->restarts, 1);
}

static void a_long_gap_is_counted_whole_and_numbers_wrap(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	send_one(f, 1, 1, UINT32_MAX - 1, UINT32_MAX);
	send_one(f, 2, 1, 998, 4);
	assert_int_equal(s->samples_lost, 999);
	assert_int_equal(s->drops, 5);
	send_one(f, 3, 1, 935, 4); /* the furthest back that is still told apart */
	assert_int_equal(s->samples_lost, 998);
	send_one(f, 4, 1, 935, 4);
	assert_int_equal(s->samples_lost, 998);
}

static void an_agent_that_starts_again_has_lost_nothing(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	uptime_ms = 3600000;
	send_one(f, 5000, 1, 900, 50);
	f->origin.received_ms += 200000;
	uptime_ms = 1000;
	send_one(f, 1, 1, 1, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	send_one(f, 2, 1, 2, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
}

/* A datagram that was under way for long, and an uptime that wraps, are no restarts. */
static void delay_and_a_wrapped_uptime_are_no_restart(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	uptime_ms = UINT32_MAX - 100;
	send_one(f, 1, 1, 1, 0);
	uptime_ms = 900;
	f->origin.received_ms += 1001 + 3000;
	send_one(f, 3, 1, 3, 0);
	assert_int_equal(s->restarts, 0);
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
}

static void send_as_another_agent(struct fixture *f)
{
	f->sequence = 900;
	begin_sflow(f, 1);
	f->wire[11] = 10;
	begin_sample(f, 1, 70, 0, 1, 2, 1);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
}

/* Their sequences are their own, though they share an address and a port. */
static void agents_and_sub_agents_are_streams_of_their_own(void **state)
{
	struct fixture *f = *state;

	send_one(f, 10, 1, 100, 0);
	f->domain = 1;
	send_one(f, 500, 1, 40, 0);
	f->domain = 0;
	send_as_another_agent(f);
	send_one(f, 11, 1, 101, 0);
	assert_int_equal(stream_at(f, 0)->datagrams, 2);
	assert_int_equal(stream_at(f, 0)->lost + stream_at(f, 0)->samples_lost, 0);
	assert_int_equal(stream_at(f, 1)->datagrams, 1);
}

/* Forged senders put out each other, and nobody who has been here for a while. */
static void a_flood_of_agents_leaves_the_others_sources_alone(void **state)
{
	struct fixture *f = *state;
	uint16_t port = f->origin.from.port;
	uint32_t sequence = 0, sample = 0;

	for (int i = 0; i < 20; i++, sequence++, sample++) {
		f->origin.received_ms += 1000;
		uptime_ms += 1000;
		send_one(f, sequence, 1, sample, 0);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		f->origin.from.port = (uint16_t)(i % 1000 + 1);
		f->domain = i;
		send_one(f, 0, i, 0, 0);
	}
	f->origin.from.port = port;
	f->domain = 0;
	send_one(f, sequence + 1, 1, sample + 1, 3);
	assert_int_equal(stream_at(f, 0)->datagrams, 21);
	assert_int_equal(stream_at(f, 0)->lost, 1);
	assert_int_equal(stream_at(f, 0)->samples_lost, 1);
	assert_int_equal(stream_at(f, 0)->drops, 3);
}

static int setup_sflow(void **state)
{
	sample_at = record_at = NULL;
	uptime_ms = 600000;
	return setup(state);
}

#define SFLOW(name) cmocka_unit_test_setup_teardown(name, setup_sflow, teardown)

/* --- over a restart of ours --- */

struct kept {
	size_t count;
	struct {
		uint8_t key[MEMORY_KEY], value[POSITION_MAX];
		size_t len;
	} entries[4];
};

static void keep_position(void *ctx, const struct stream *s)
{
	struct kept *k = ctx;

	assert_true(k->count < ARRAY_LEN(k->entries));
	assert_true(position_is_kept(s));
	memory_key(s, 0, k->entries[k->count].key);
	k->entries[k->count].len = position_pack(s, k->entries[k->count].value);
	k->count++;
}

/* Another decoder, which has only what was kept. */
static void restart(struct fixture *f)
{
	static struct kept k;

	k.count = 0;
	stream_each(f->decoder->streams, keep_position, &k);
	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(64, 1);
	for (size_t i = 0; i < k.count; i++)
		assert_ok(position_recall(f->decoder, k.entries[i].key,
		                          bytes_of(k.entries[i].value, k.entries[i].len),
		                          RECEIVED_MS));
}

static void what_is_missing_over_a_restart_of_ours_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct stream *s;

	uptime_ms = 3600000;
	send_one(f, 10, 1, 100, 5);
	send_one(f, 11, 2, 7, 0);
	send_one(f, 13, 1, 102, 6);
	restart(f);
	s = stream_at(f, 0);
	assert_int_equal(s->datagrams, 3);
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
	assert_int_equal(s->drops, 1);
	f->origin.received_ms += 5000;
	uptime_ms += 5000;
	send_one(f, 16, 1, 105, 9); /* three datagrams since, and of each source two samples */
	send_one(f, 17, 2, 10, 1);
	assert_int_equal(s->datagrams, 5);
	assert_int_equal(s->lost, 3);
	assert_int_equal(s->samples_lost, 1 + 2 + 2);
	assert_int_equal(s->drops, 1 + 3 + 1);
	assert_int_equal(s->restarts, 0);
}

static void an_agent_that_starts_again_meanwhile_has_lost_nothing(void **state)
{
	struct fixture *f = *state;
	const struct stream *s;

	uptime_ms = 3600000;
	send_one(f, 5000, 1, 900, 50);
	restart(f);
	s = stream_at(f, 0);
	f->origin.received_ms += 200000;
	uptime_ms = 1000;
	send_one(f, 1, 1, 1, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	restart(f); /* whose sources have not all begun anew yet */
	s = stream_at(f, 0);
	send_one(f, 2, 1, 3, 0);
	assert_int_equal(s->samples_lost, 1);
}

static void agents_behind_one_address_are_kept_apart(void **state)
{
	struct fixture *f = *state;

	send_one(f, 10, 1, 100, 0);
	send_as_another_agent(f);
	restart(f);
	send_one(f, 12, 1, 103, 0);
	assert_int_equal(stream_at(f, 0)->datagrams, 2);
	assert_int_equal(stream_at(f, 0)->lost, 1);
	assert_int_equal(stream_at(f, 0)->samples_lost, 2);
}

/* More than are kept, and than the table holds: some are forgotten, nothing else is harmed. */
static void of_an_agent_with_many_sources_some_are_kept(void **state)
{
	struct fixture *f = *state;
	struct source_sample sources[200];
	const struct stream *s;

	for (uint32_t i = 0; i < 5000; i++)
		send_one(f, i, i, 1, 0);
	s = stream_at(f, 0);
	assert_in_range(source_latest(s, sources, ARRAY_LEN(sources)), 100, 128);
	restart(f);
	s = stream_at(f, 0);
	assert_int_equal(source_latest(s, sources, ARRAY_LEN(sources)), POSITION_SOURCES);
	send_one(f, 5000, 4999, 3, 0);
	assert_int_equal(s->samples_lost, 1);
}

static void an_entry_that_is_cut_is_refused(void **state)
{
	struct fixture *f = *state;
	static struct kept k;

	send_one(f, 10, 1, 100, 5);
	k.count = 0;
	stream_each(f->decoder->streams, keep_position, &k);
	for (size_t len = 0; len < k.entries[0].len; len++) {
		if (len != k.entries[0].len - 16) /* one without sources */
			assert_err(ERR_FORMAT,
			           position_recall(f->decoder, k.entries[0].key,
			                           bytes_of(k.entries[0].value, len), RECEIVED_MS));
	}
	assert_err(ERR_STALE, position_recall(f->decoder, k.entries[0].key,
	                                      bytes_of(k.entries[0].value, k.entries[0].len),
	                                      RECEIVED_MS + MEMORY_AGE_MS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SFLOW(a_sampled_packet_becomes_a_flow_of_one_packet),
		SFLOW(behind_a_sample_of_odd_length_the_next_one_is_read),
		SFLOW(vlans_are_the_switchs_or_else_the_packets),
		SFLOW(expanded_samples_and_ipv6_agents_are_read),
		SFLOW(only_an_index_is_an_interface),
		SFLOW(packets_that_the_agent_took_apart_are_flows_too),
		SFLOW(translations_and_labels_are_kept),
		SFLOW(what_is_no_packet_is_passed_over_and_counted),
		SFLOW(malformed_datagrams_are_counted_by_reason),
		SFLOW(lost_datagrams_and_samples_are_counted_exactly),
		SFLOW(a_sequence_that_begins_again_loses_no_sample),
		SFLOW(a_long_gap_is_counted_whole_and_numbers_wrap),
		SFLOW(an_agent_that_starts_again_has_lost_nothing),
		SFLOW(delay_and_a_wrapped_uptime_are_no_restart),
		SFLOW(a_flood_of_agents_leaves_the_others_sources_alone),
		SFLOW(agents_and_sub_agents_are_streams_of_their_own),
		SFLOW(what_is_missing_over_a_restart_of_ours_is_counted),
		SFLOW(an_agent_that_starts_again_meanwhile_has_lost_nothing),
		SFLOW(agents_behind_one_address_are_kept_apart),
		SFLOW(of_an_agent_with_many_sources_some_are_kept),
		SFLOW(an_entry_that_is_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
