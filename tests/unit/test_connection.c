#include "base/prng.h"
#include "correlate/connection.h"
#include "tests/unit/test.h"

#include <string.h>

#define ROWS_MAX 16
#define GAP_MS 15000

/* A flow as a person would write it; times in seconds. */
struct line {
	const char *src, *dst;
	int start_s, end_s;
	uint8_t flags;
	uint32_t in_if, out_if;
	uint8_t proto;
};

struct got {
	struct connection rows[ROWS_MAX];
	struct interval on[ROWS_MAX][ROWS_MAX];
	size_t count;
};

static void keep(void *ctx, const struct connection *c)
{
	struct got *got = ctx;

	assert_true(got->count < ROWS_MAX);
	got->rows[got->count] = *c;
	memcpy(got->on[got->count], c->on, c->on_count * sizeof(c->on[0]));
	got->rows[got->count].on = got->on[got->count];
	got->count++;
}

static struct flow flow_of(const struct line *line)
{
	struct endpoint src, dst;
	struct flow flow = {
		.start_ms = line->start_s * 1000,
		.end_ms = line->end_s * 1000,
		.octets = 100,
		.packets = 10,
		.in_if = line->in_if,
		.out_if = line->out_if,
		.proto = line->proto == 0 ? FLOW_TCP : line->proto,
		.tcp_flags = line->flags,
	};

	assert_ok(endpoint_parse(line->src, &src));
	assert_ok(endpoint_parse(line->dst, &dst));
	assert_ok(addr_parse("10.255.0.1", &flow.exporter));
	flow.src = src.addr;
	flow.src_port = src.port;
	flow.dst = dst.addr;
	flow.dst_port = dst.port;
	return flow;
}

static void join_lines(const struct line *lines, size_t count, int64_t gap_ms, struct got *ret)
{
	struct sighting rows[ROWS_MAX];
	struct interval room[ROWS_MAX];

	ret->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct flow flow = flow_of(&lines[i]);

		rows[i] = sighting_of(&flow);
	}
	connection_each(rows, count, gap_ms, room, keep, ret);
}

static void assert_ends(const struct connection *c, const char *src, const char *dst)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_string_equal(endpoint_print(&c->src, text), src);
	assert_string_equal(endpoint_print(&c->dst, text), dst);
}

static void no_records_make_no_connection(void **state)
{
	struct got got;
	(void)state;

	join_lines(NULL, 0, GAP_MS, &got);
	assert_int_equal(got.count, 0);
}

static void both_directions_are_one_connection(void **state)
{
	static const struct line lines[] = {
		{"192.0.2.3:26866", "10.4.0.10:22", 0, 30, .flags = FLOW_TCP_SYN, .in_if = 2,
	         .out_if = 1},
		{"10.4.0.10:22", "192.0.2.3:26866", 0, 30, .flags = FLOW_TCP_FIN, .in_if = 1,
	         .out_if = 2},
	};
	struct got got;
	(void)state;

	join_lines(lines, ARRAY_LEN(lines), GAP_MS, &got);
	assert_int_equal(got.count, 1);
	assert_ends(&got.rows[0], "192.0.2.3:26866", "10.4.0.10:22");
	assert_int_equal(got.rows[0].records, 2);
	assert_int_equal(got.rows[0].octets, 200);
	assert_int_equal(got.rows[0].packets, 20);
	assert_int_equal(got.rows[0].tcp_flags, FLOW_TCP_SYN | FLOW_TCP_FIN);
	assert_int_equal(got.rows[0].view.if_low, 1);
	assert_int_equal(got.rows[0].view.if_high, 2);
	assert_int_equal(got.rows[0].on_count, 1);
}

static void interfaces_ends_and_protocols_part_connections(void **state)
{
	static const struct line lines[] = {
		{"192.0.2.3:1000", "192.0.2.9:22", 0, 1, .in_if = 1, .out_if = 2},
		{"192.0.2.3:1000", "192.0.2.9:22", 0, 1, .in_if = 1, .out_if = 3},
		{"192.0.2.3:1001", "192.0.2.9:22", 0, 1, .in_if = 1, .out_if = 2},
		{"192.0.2.3:1000", "192.0.2.9:23", 0, 1, .in_if = 1, .out_if = 2},
		{"192.0.2.3:1000", "192.0.2.9:22", 0, 1, .in_if = 1, .out_if = 2, .proto = 17},
	};
	struct got got;
	(void)state;

	join_lines(lines, ARRAY_LEN(lines), GAP_MS, &got);
	assert_int_equal(got.count, ARRAY_LEN(lines));
	for (size_t i = 1; i < got.count; i++)
		assert_true(view_cmp(&got.rows[i - 1].view, &got.rows[i].view) <= 0);
}

/* An active timeout of 60 s cuts a talk of 150 s into three; the next talk comes after 20 s. */
static void records_of_an_active_timeout_are_joined(void **state)
{
	static const struct line lines[] = {
		{"192.0.2.3:1000", "192.0.2.9:22", 120, .end_s = 150},
		{"192.0.2.3:1000", "192.0.2.9:22", 0, .end_s = 60},
		{"192.0.2.3:1000", "192.0.2.9:22", 170, .end_s = 180},
		{"192.0.2.3:1000", "192.0.2.9:22", 61, .end_s = 119},
	};
	struct got got;
	(void)state;

	join_lines(lines, ARRAY_LEN(lines), GAP_MS, &got);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rows[0].on_count, 2);
	assert_int_equal(got.on[0][0].start_ms, 0);
	assert_int_equal(got.on[0][0].end_ms, 150000);
	assert_int_equal(got.on[0][1].start_ms, 170000);
	assert_int_equal(connection_life(&got.rows[0]).start_ms, 0);
	assert_int_equal(connection_life(&got.rows[0]).end_ms, 180000);
}

static void a_silence_of_exactly_the_gap_joins(void **state)
{
	static const struct line lines[] = {
		{"192.0.2.3:1000", "192.0.2.9:22", 0, .end_s = 10},
		{"192.0.2.9:22", "192.0.2.3:1000", 25, .end_s = 30},
	};
	static const struct {
		int64_t gap_ms;
		size_t on_count;
	} rows[] = {{14999, 2}, {15000, 1}, {15001, 1}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct got got;

		join_lines(lines, ARRAY_LEN(lines), rows[i].gap_ms, &got);
		assert_int_equal(got.rows[0].on_count, rows[i].on_count);
		assert_int_equal(got.rows[0].gap_ms, rows[i].gap_ms);
	}
}

static void a_connection_without_fin_or_rst_is_open(void **state)
{
	static const struct {
		uint8_t up, down;
		int is_open;
	} rows[] = {
		{FLOW_TCP_SYN, FLOW_TCP_SYN, 1},
		{FLOW_TCP_SYN, FLOW_TCP_FIN, 0},
		{FLOW_TCP_RST, 0, 0},
		{0, 0, 1},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct line lines[] = {
			{"192.0.2.3:1000", "192.0.2.9:22", 0, 1, .flags = rows[i].up},
			{"192.0.2.9:22", "192.0.2.3:1000", 0, 1, .flags = rows[i].down},
		};
		struct got got;

		join_lines(lines, ARRAY_LEN(lines), GAP_MS, &got);
		assert_int_equal(got.count, 1);
		assert_int_equal(connection_is_open(&got.rows[0]), rows[i].is_open);
	}
}

/* Each pair of ends is written as `a` sending first at a_s and `b` first at b_s; -1: never. */
static void who_opened_it_is_decided_in_order(void **state)
{
	static const struct {
		const char *label, *a, *b;
		int a_s, b_s;
		bool is_opened_by_a;
	} rows[] = {
		{"a port below 1024 serves", "192.0.2.1:40000", "192.0.2.2:22", 0, 0, true},
		{"even when it sends first", "192.0.2.1:40000", "192.0.2.2:22", 5, 0, true},
		{"and when it is the low end", "192.0.2.1:22", "192.0.2.2:40000", 0, 5, false},
		{"and when it alone is seen", "192.0.2.1:22", "192.0.2.2:40000", 0, -1, false},
		{"1023 is below, 1024 is not", "192.0.2.1:1023", "192.0.2.2:1024", 0, 5, false},
		{"else the earlier asks", "192.0.2.1:2222", "192.0.2.2:1025", 5, 0, false},
		{"on either side", "192.0.2.1:2222", "192.0.2.2:1025", 0, 5, true},
		{"also when both are below", "192.0.2.1:514", "192.0.2.2:1000", 0, 5, true},
		{"else the lower port serves", "192.0.2.1:2222", "192.0.2.2:40000", 3, 3, false},
		{"on either side", "192.0.2.1:40000", "192.0.2.2:2222", 3, 3, true},
		{"also when it alone is seen", "192.0.2.1:2222", "192.0.2.2:40000", 3, -1, false},
		{"equal ports: the earlier", "192.0.2.1:500", "192.0.2.2:500", 4, 1, false},
		{"equal ports: the only one", "192.0.2.1:500", "192.0.2.2:500", -1, 1, false},
		{"nothing tells: the low end", "192.0.2.1:0", "192.0.2.2:0", 1, 1, true},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *src = rows[i].is_opened_by_a ? rows[i].a : rows[i].b;
		const char *dst = rows[i].is_opened_by_a ? rows[i].b : rows[i].a;
		struct line lines[2];
		size_t count = 0;
		struct got got;

		print_message("%s\n", rows[i].label);
		if (rows[i].a_s >= 0)
			lines[count++] =
				(struct line){rows[i].a, rows[i].b, rows[i].a_s, .end_s = 9};
		if (rows[i].b_s >= 0)
			lines[count++] =
				(struct line){rows[i].b, rows[i].a, rows[i].b_s, .end_s = 9};
		join_lines(lines, count, GAP_MS, &got);
		assert_int_equal(got.count, 1);
		assert_ends(&got.rows[0], src, dst);
	}
}

/* NetFlow writes type and code of ICMP as a port: 8/0 there, 0/0 back. */
static void an_echo_and_its_reply_are_one_connection(void **state)
{
	static const uint8_t protos[] = {1, 58};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		struct line lines[] = {
			{"192.0.2.9:0", "192.0.2.3:2048", 0, 1, .proto = protos[i]},
			{"192.0.2.3:0", "192.0.2.9:0", 1, 1, .proto = protos[i]},
		};
		struct got got;

		join_lines(lines, ARRAY_LEN(lines), GAP_MS, &got);
		assert_int_equal(got.count, 1);
		assert_ends(&got.rows[0], "192.0.2.9:0", "192.0.2.3:0");
	}
}

static void the_order_of_records_does_not_matter(void **state)
{
	static const struct line lines[] = {
		{"192.0.2.3:1030", "192.0.2.9:2222", 0, .end_s = 10},
		{"192.0.2.9:2222", "192.0.2.3:1030", 1, .end_s = 10},
		{"192.0.2.3:1030", "192.0.2.9:2222", 40, .end_s = 50},
		{"192.0.2.9:2222", "192.0.2.3:1030", 40, .end_s = 60},
		{"192.0.2.3:1031", "192.0.2.9:2222", 0, .end_s = 10},
		{"192.0.2.9:2222", "192.0.2.3:1031", 0, .end_s = 10},
	};
	struct prng p = {4};
	struct got first;
	(void)state;

	join_lines(lines, ARRAY_LEN(lines), GAP_MS, &first);
	assert_int_equal(first.count, 2);
	for (int round = 0; round < 200; round++) {
		struct line shuffled[ARRAY_LEN(lines)];
		struct got got;

		memcpy(shuffled, lines, sizeof(lines));
		for (size_t i = ARRAY_LEN(lines) - 1; i > 0; i--) {
			size_t j = (size_t)prng_below(&p, i + 1);
			struct line swap = shuffled[i];

			shuffled[i] = shuffled[j];
			shuffled[j] = swap;
		}
		join_lines(shuffled, ARRAY_LEN(shuffled), GAP_MS, &got);
		assert_int_equal(got.count, first.count);
		for (size_t i = 0; i < got.count; i++) {
			assert_true(endpoint_equal(&got.rows[i].src, &first.rows[i].src));
			assert_true(endpoint_equal(&got.rows[i].dst, &first.rows[i].dst));
			assert_int_equal(got.rows[i].on_count, first.rows[i].on_count);
			assert_memory_equal(got.on[i], first.on[i],
			                    got.rows[i].on_count * sizeof(struct interval));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_records_make_no_connection),
		cmocka_unit_test(both_directions_are_one_connection),
		cmocka_unit_test(interfaces_ends_and_protocols_part_connections),
		cmocka_unit_test(records_of_an_active_timeout_are_joined),
		cmocka_unit_test(a_silence_of_exactly_the_gap_joins),
		cmocka_unit_test(a_connection_without_fin_or_rst_is_open),
		cmocka_unit_test(who_opened_it_is_decided_in_order),
		cmocka_unit_test(an_echo_and_its_reply_are_one_connection),
		cmocka_unit_test(the_order_of_records_does_not_matter),
	};

	return cmocka_run_group_tests_name("correlate/connection", tests, NULL, NULL);
}
