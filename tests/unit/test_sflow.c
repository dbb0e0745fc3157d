/* sFlow version 5: what a sample says. */
#include "tests/unit/sflow_fixture.h"

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

/* Some put several into one, and what is left in their buffer behind it. */
static void datagrams_in_one_are_all_read(void **state)
{
	uint8_t both[2 * sizeof(((struct fixture *)0)->wire)];
	struct fixture *f = *state;
	size_t len = 0;

	for (unsigned i = 0; i < 2; i++) {
		f->sequence = i;
		begin_sflow(f, 1);
		begin_sample(f, 1, 1 + i, 0, 1, 2, 1);
		raw_header(f, 0);
		end_sample(f);
		memcpy(both + len, f->wire, octets_len(&f->out));
		len += octets_len(&f->out);
	}
	memset(both + len, 0x05, 8);
	f->batch.count = 0;
	assert_int_equal(flow_decode(f->decoder, &f->origin, both, len + 8, &f->batch), DROP_NONE);
	assert_int_equal(f->batch.count, 2);
	assert_int_equal(stream_at(f, 0)->datagrams, 2);
	assert_int_equal(stream_at(f, 0)->lost, 0);
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
		SFLOW(datagrams_in_one_are_all_read),
		SFLOW(malformed_datagrams_are_counted_by_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
