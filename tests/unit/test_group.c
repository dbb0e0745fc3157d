#include "proto/flow/group.h"
#include "proto/flow/top.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define PLENTY (1u << 20)

static struct flow flow_of(const char *src, uint16_t src_port, const char *dst, uint16_t dst_port)
{
	struct flow f = {
		.src_port = src_port,
		.dst_port = dst_port,
		.proto = 6,
		.octets = 100,
		.packets = 2,
		.start_ms = 1000,
		.end_ms = 2000,
		.sampling = 1,
	};

	assert_ok(addr_parse(src, &f.src));
	assert_ok(addr_parse(dst, &f.dst));
	return f;
}

static struct group_by by_of(const char *text)
{
	char reason[GROUP_REASON_MAX] = "";
	struct group_by by;

	if (group_parse(text, &by, reason) != ERR_OK)
		fail_msg("%s: %s", text, reason);
	return by;
}

static void what_flows_are_grouped_by_is_a_list_of_members(void **state)
{
	static const struct {
		const char *text, *reason;
	} errors[] = {
		{"", "fields are expected as src,dst_port: \"\""},
		{"src,", "fields are expected as src,dst_port: \"\""},
		{"bytes", "flows cannot be grouped by this: \"bytes\""},
		{"bps", "flows cannot be grouped by this: \"bps\""},
		{"src ,dst", "flows cannot be grouped by this: \"src \""},
		{"src,dst,src", "flows are grouped by this already: \"src\""},
		{"src,pair", "flows are grouped by this already: \"pair\""},
		{"pair,connection", "only one of pair and connection: \"connection\""},
		{"src/33", "bits of a net are expected as src/24 or src/24/64: \"src/33\""},
		{"src/24/129", "bits of a net are expected as src/24 or src/24/64: \"src/24/129\""},
		{"src_port/8", "bits of a net are expected as src/24 or src/24/64: \"src_port/8\""},
		{"src,dst,exporter,proto,tos,in_if,out_if,vlan_in,domain",
	         "flows are grouped by too many things: \"domain\""},
	};
	struct group_by by = by_of("src/24,dst_port,proto");
	(void)state;

	assert_int_equal(by.count, 3);
	assert_int_equal(by.key_len, 16 + 2 + 1);
	assert_int_equal(by.parts[0].bits4, 24);
	assert_int_equal(by.parts[0].bits6, 64);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		char reason[GROUP_REASON_MAX] = "";

		assert_err(ERR_FORMAT, group_parse(errors[i].text, &by, reason));
		assert_string_equal(reason, errors[i].reason);
	}
}

static void flows_of_a_group_are_summed(void **state)
{
	struct group_by by = by_of("src,dst_port");
	struct group_table *t = group_new(&by, GROUP_BY_BYTES, PLENTY, 1);
	struct flow f = flow_of("10.0.0.1", 4000, "10.0.0.2", 22);
	struct addr addr;
	uint64_t port = 0;
	(void)state;

	group_add(t, &f);
	f.start_ms = 500;
	f.end_ms = 700;
	f.sampling = 10;
	f.src_port = 4001;
	group_add(t, &f);
	f.dst_port = 23;
	group_add(t, &f);
	assert_int_equal(group_count(t), 2);
	assert_int_equal(group_sum_at(t, 0)->flows, 2);
	assert_int_equal(group_sum_at(t, 0)->octets, 200); /* never times the sampling */
	assert_int_equal(group_sum_at(t, 0)->packets, 4);
	assert_int_equal(group_sum_at(t, 0)->sampled, 1);
	assert_int_equal(group_sum_at(t, 0)->start_ms, 500);
	assert_int_equal(group_sum_at(t, 0)->end_ms, 2000);
	group_part_at(t, 1, 0, &addr, &port);
	group_part_at(t, 1, 1, &addr, &port);
	assert_true(addr_equal(&addr, &f.src));
	assert_int_equal(port, 23);
	assert_int_equal(group_total(t)->flows, 3);
	assert_int_equal(group_other(t)->flows, 0);
	group_free(t);
}

static size_t groups_of(const char *text, const struct flow *flows, size_t count)
{
	struct group_by by = by_of(text);
	struct group_table *t = group_new(&by, GROUP_BY_FLOWS, PLENTY, 1);
	size_t groups;

	for (size_t i = 0; i < count; i++)
		group_add(t, &flows[i]);
	groups = group_count(t);
	group_free(t);
	return groups;
}

static void nets_and_both_directions_are_one_group(void **state)
{
	struct flow flows[] = {
		flow_of("10.0.0.1", 4000, "10.0.1.2", 22),
		flow_of("10.0.1.2", 22, "10.0.0.1", 4000),
		flow_of("10.0.0.9", 4000, "10.0.1.2", 22),
		flow_of("2001:db8::1", 1, "2001:db8::2", 1),
		flow_of("2001:db8:0:1::1", 1, "::1", 1),
	};
	struct flow ping[] = {flow_of("10.0.0.1", 0, "10.0.0.2", 8 << 8),
	                      flow_of("10.0.0.2", 0, "10.0.0.1", 0)};
	(void)state;

	ping[0].proto = ping[1].proto = 1;
	assert_int_equal(groups_of("src,dst", flows, 5), 5);
	assert_int_equal(groups_of("pair", flows, 5), 4);
	assert_int_equal(groups_of("connection", flows, 5), 4);
	assert_int_equal(groups_of("connection", ping, 2), 1);
	assert_int_equal(groups_of("src/24", flows, 5), 4);
	assert_int_equal(groups_of("src/8", flows, 5), 3);
	assert_int_equal(groups_of("src/8/32", flows, 5), 2);
	assert_int_equal(groups_of("src/0/0", flows, 5), 2);
	assert_int_equal(groups_of("proto", flows, 5), 1);
}

static void the_service_of_a_connection_is_its_destination(void **state)
{
	struct group_by by = by_of("connection");
	struct group_table *t = group_new(&by, GROUP_BY_FLOWS, PLENTY, 1);
	struct flow back = flow_of("10.0.0.2", 22, "10.0.0.1", 4000);
	struct addr src;
	uint64_t port = 0;
	(void)state;

	group_add(t, &back);
	group_part_at(t, 0, 0, &src, &port);
	group_part_at(t, 0, 3, &src, &port);
	assert_true(addr_equal(&src, &back.dst));
	assert_int_equal(port, 22);
	group_free(t);
}

/* Few are large among many that are small: the large ones stay, and what is lost is bounded. */
static void a_full_table_keeps_the_largest_and_counts_the_rest(void **state)
{
	struct group_by by = by_of("src_port,domain");
	struct group_table *t = group_new(&by, GROUP_BY_BYTES, 64 * 1024, 7);
	struct flow f = flow_of("10.0.0.1", 0, "10.0.0.2", 22);
	uint64_t flows = 0, octets = 0;
	size_t large = 0;
	(void)state;

	for (uint32_t i = 0; i < 100000; i++) {
		f.src_port = i % 10 == 0 ? (uint16_t)(1 + i / 10 % 20) : 0;
		f.domain = f.src_port == 0 ? i : 0;
		f.octets = f.src_port == 0 ? 1 + i % 7 : 1000;
		group_add(t, &f);
	}
	assert_true(group_count(t) < 1000);
	assert_int_equal(group_total(t)->flows, 100000);
	for (size_t i = 0; i < group_count(t); i++) {
		const struct group_sum *s = group_sum_at(t, i);
		struct addr addr;
		uint64_t port;

		flows += s->flows;
		octets += s->octets;
		group_part_at(t, i, 0, &addr, &port);
		if (port == 0)
			continue;
		large++;
		assert_true(s->octets <= 500000 && s->octets + s->missed >= 500000);
	}
	assert_int_equal(large, 20);
	assert_int_equal(flows + group_other(t)->flows, group_total(t)->flows);
	assert_int_equal(octets + group_other(t)->octets, group_total(t)->octets);
	group_free(t);
}

static void top_keeps_the_highest_in_order(void **state)
{
	static const uint64_t ranks[] = {5, 1, 9, 9, 3, 7, 0, 9, 2, 8};
	static const uint64_t expected[] = {9, 9, 9, 8}, at[] = {2, 3, 7, 9};
	struct top *t = top_new(4);
	size_t slots[4];
	uint32_t slot;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
		if (top_offer(t, ranks[i], &slot))
			slots[slot] = i;
	}
	top_sort(t);
	assert_int_equal(t->count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(t->items[i].rank, expected[i]);
		assert_int_equal(slots[t->items[i].slot], at[i]);
	}
	top_free(t);
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void top_agrees_with_sorting_everything(void **state)
{
	uint64_t all[500];
	uint32_t seed = 3;
	(void)state;

	for (size_t space = 1; space < 600; space += 37) {
		struct top *t = top_new(space);
		uint32_t slot;

		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			seed = seed * 1664525u + 1013904223u;
			all[i] = seed >> 24;
			top_offer(t, all[i], &slot);
		}
		top_sort(t);
		qsort(all, ARRAY_LEN(all), sizeof(all[0]), descending);
		assert_int_equal(t->count, MIN(space, ARRAY_LEN(all)));
		for (size_t i = 0; i < t->count; i++)
			assert_int_equal(t->items[i].rank, all[i]);
		top_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_flows_are_grouped_by_is_a_list_of_members),
		cmocka_unit_test(flows_of_a_group_are_summed),
		cmocka_unit_test(nets_and_both_directions_are_one_group),
		cmocka_unit_test(the_service_of_a_connection_is_its_destination),
		cmocka_unit_test(a_full_table_keeps_the_largest_and_counts_the_rest),
		cmocka_unit_test(top_keeps_the_highest_in_order),
		cmocka_unit_test(top_agrees_with_sorting_everything),
	};

	return cmocka_run_group_tests_name("flow/group", tests, NULL, NULL);
}
