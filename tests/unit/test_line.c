#include "base/timestamp.h"
#include "tests/unit/test.h"
#include "tools/line.h"

#include <stdio.h>
#include <string.h>

static void addr(const char *text, struct addr *ret)
{
	assert_ok(addr_parse(text, ret));
}

static void a_flow_is_one_object(void **state)
{
	static struct line_clock clock;
	struct flow flow = {
		.start_ms = 1795309531943,
		.end_ms = 1795309531955,
		.received_ms = 1795309534955,
		.octets = 865,
		.packets = 15,
		.in_if = 2,
		.out_if = 65535,
		.domain = 258,
		.sampling = 1,
		.src_port = 32032,
		.dst_port = 80,
		.proto = 6,
		.tcp_flags = 27,
		.tos = 16,
		.version = 5,
	};
	char room[LINE_MAX_LEN];
	size_t len;
	(void)state;

	addr("198.51.100.4", &flow.src);
	addr("2001:db8::1", &flow.dst);
	addr("10.255.0.4", &flow.exporter);
	len = line_of(&flow, NULL, &clock, room);
	room[len] = '\0';
	assert_string_equal(room,
	                    "{\"src\":\"198.51.100.4\",\"dst\":\"2001:db8::1\",\"src_port\":32032,"
	                    "\"dst_port\":80,\"proto\":6,\"start\":\"2026-11-22T01:05:31.943Z\","
	                    "\"end\":\"2026-11-22T01:05:31.955Z\",\"bytes\":865,\"packets\":15,"
	                    "\"tcp_flags\":27,\"tos\":16,\"in_if\":2,\"out_if\":65535,\"exporter\":"
	                    "\"10.255.0.4\","
	                    "\"domain\":258,\"version\":5,\"sampling\":1,"
	                    "\"received\":\"2026-11-22T01:05:34.955Z\"}");
}

static void the_longest_line_fits_its_room(void **state)
{
	static struct line_clock clock;
	struct flow_said said;
	struct flow flow;
	char room[LINE_MAX_LEN];
	(void)state;

	memset(&flow, 0xff, sizeof(flow));
	flow.start_ms = INT64_MIN;
	flow.end_ms = INT64_MAX;
	memset(&said, 0xff, sizeof(said));
	said.is_block = true;
	assert_true(line_of(&flow, &said, &clock, room) + 1 < LINE_MAX_LEN);
}

static const char *said_of(const struct flow_said *said)
{
	static struct line_clock clock;
	static char room[LINE_MAX_LEN];
	struct flow flow = {.sampling = 1};
	const char *last = ".000Z\"";

	room[line_of(&flow, said, &clock, room)] = '\0';
	return strstr(strstr(room, "\"received\""), last) + strlen(last);
}

static void an_event_says_what_was_done(void **state)
{
	(void)state;

	assert_string_equal(said_of(&(struct flow_said){.nat_event = 5}), ",\"nat_event\":5}");
	assert_string_equal(said_of(&(struct flow_said){.nat_event = 4, .firewall_event = 1}),
	                    ",\"nat_event\":4,\"firewall_event\":1}");
	assert_string_equal(
		said_of(&(struct flow_said){
			.nat_event = 16, .port_first = 1024, .port_last = 1535, .is_block = true}),
		",\"nat_event\":16,\"nat_port_first\":1024,\"nat_port_last\":1535}");
	assert_string_equal(said_of(NULL), "}");
}

static void an_unknown_exporter_is_null(void **state)
{
	static struct line_clock clock;
	struct flow flow = {.sampling = 1};
	char room[LINE_MAX_LEN];

	(void)state;
	room[line_of(&flow, NULL, &clock, room)] = '\0';
	assert_non_null(strstr(room, "\"exporter\":null,"));
}

/* The clock's memory of the last minute must not show. */
static void times_are_those_of_timestamp_print(void **state)
{
	static const int64_t times[] = {INT64_MIN,
	                                -1,
	                                0,
	                                59999,
	                                60000,
	                                119999,
	                                1795309531943,
	                                1795309560000,
	                                59999,
	                                253402300799999,
	                                253402300800000,
	                                INT64_MAX};
	static struct line_clock clock;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct flow flow = {.start_ms = times[i],
		                    .end_ms = times[(i + 5) % ARRAY_LEN(times)]};
		char room[LINE_MAX_LEN], text[TIMESTAMP_TEXT_MAX], expected[128];

		room[line_of(&flow, NULL, &clock, room)] = '\0';
		snprintf(expected, sizeof(expected), "\"start\":\"%s\"",
		         timestamp_print(flow.start_ms, text));
		assert_non_null(strstr(room, expected));
		snprintf(expected, sizeof(expected), "\"end\":\"%s\"",
		         timestamp_print(flow.end_ms, text));
		assert_non_null(strstr(room, expected));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_one_object),
		cmocka_unit_test(the_longest_line_fits_its_room),
		cmocka_unit_test(an_event_says_what_was_done),
		cmocka_unit_test(an_unknown_exporter_is_null),
		cmocka_unit_test(times_are_those_of_timestamp_print),
	};

	return cmocka_run_group_tests_name("tools/line", tests, NULL, NULL);
}
