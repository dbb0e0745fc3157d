/* Which mappings are those that somebody asks for. */
#include "proto/flow/translation_wish.h"
#include "tests/unit/test.h"

#define T0 INT64_C(1795309531000)
#define END (T0 + 5000)

static struct endpoint end_of(const char *text)
{
	struct endpoint e = {.port = 0};

	if (text[0] != '\0')
		assert_ok(endpoint_parse(text, &e));
	return e;
}

/* A session of TCP, and with whom. */
static struct mapping session(const char *peer)
{
	return (struct mapping){
		.inside = end_of("10.0.0.1:45126"),
		.outside = end_of("198.51.100.1:40112"),
		.peer = end_of(peer),
		.start_ms = T0,
		.end_ms = END,
		.first = 40112,
		.last = 40112,
		.proto = 6,
	};
}

static struct mapping block(uint16_t first, uint16_t last)
{
	return (struct mapping){
		.inside = end_of("10.0.0.1"),
		.outside = end_of("198.51.100.1"),
		.start_ms = T0,
		.end_ms = END,
		.first = first,
		.last = last,
	};
}

static bool is_met(const char *end, const char *peer, struct mapping m)
{
	struct translation_wish w = {
		.end = end_of(end), .peer = end_of(peer), .when = INTERVAL_ALWAYS};

	return translation_wish_is_met(&w, &m);
}

static void either_end_is_meant_with_a_port_or_without(void **state)
{
	static const struct {
		const char *end;
		bool is_session, is_block;
	} rows[] = {
		{"", true, true},
		{"10.0.0.1", true, true},
		{"10.0.0.1:45126", true, true},
		{"10.0.0.1:45127", false, true}, /* a block is of any inside port */
		{"198.51.100.1", true, true},
		{"198.51.100.1:40112", true, true},
		{"198.51.100.1:40113", false, true},
		{"198.51.100.1:40200", false, false},
		{"10.0.0.1:40112", false, true}, /* the outside's port is not the inside's */
		{"198.51.100.1:45126", false, false},
		{"10.0.0.2", false, false},
		{"203.0.113.121:22", false, false}, /* who is only the peer */
		{"2001:db8::1", false, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(is_met(rows[i].end, "", session("203.0.113.121:22")),
		                 rows[i].is_session);
		assert_int_equal(is_met(rows[i].end, "", block(40100, 40199)), rows[i].is_block);
	}
}

static void a_whole_address_is_all_its_ports(void **state)
{
	(void)state;

	assert_true(is_met("198.51.100.1:1", "", block(0, 65535)));
	assert_true(is_met("198.51.100.1:65535", "", block(0, 65535)));
}

/* ICMP has no ports; nor is it a block. */
static void a_session_without_ports_is_of_no_port(void **state)
{
	struct mapping m = session("");

	(void)state;
	m.inside.port = m.outside.port = m.first = m.last = 0;
	m.proto = 1;
	assert_true(is_met("10.0.0.1", "", m));
	assert_false(is_met("10.0.0.1:45126", "", m));
	assert_false(is_met("198.51.100.1:40112", "", m));
}

static void a_mapping_for_anybody_is_one_for_each(void **state)
{
	static const struct {
		const char *peer, *told;
		bool is_met;
	} rows[] = {
		{"203.0.113.121:22", "203.0.113.121:22", true},
		{"203.0.113.121", "203.0.113.121:22", true},
		{"203.0.113.121:80", "203.0.113.121:22", false},
		{"203.0.113.9", "203.0.113.121:22", false},
		{"203.0.113.9:22", "", true},
		{"203.0.113.121:22", "203.0.113.121", true}, /* whose port was not told */
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(is_met("10.0.0.1", rows[i].peer, session(rows[i].told)),
		                 rows[i].is_met);
}

static bool held(struct interval when, bool is_open)
{
	struct translation_wish w = {.when = when};
	struct mapping m = session("");

	m.is_open = is_open;
	return translation_wish_is_met(&w, &m);
}

static void it_held_in_a_part_of_the_time(void **state)
{
	(void)state;

	assert_false(held((struct interval){T0 - 9, T0 - 1}, true));
	assert_true(held((struct interval){T0 - 9, T0}, false));
	assert_true(held((struct interval){END, END}, false));
	assert_false(held((struct interval){END + 1, INT64_MAX}, false));
	assert_true(held((struct interval){END + 1, END + 1}, true));
	assert_true(held((struct interval){INT64_MIN, INT64_MAX}, false));
}

static void protocols_are_told_apart_where_they_are_told(void **state)
{
	struct translation_wish w = {.when = INTERVAL_ALWAYS, .proto = 17};
	struct mapping tcp = session(""), any = block(1024, 1535);

	(void)state;
	assert_false(translation_wish_is_met(&w, &tcp));
	assert_true(translation_wish_is_met(&w, &any));
	w.proto = 6;
	assert_true(translation_wish_is_met(&w, &tcp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_end_is_meant_with_a_port_or_without),
		cmocka_unit_test(a_whole_address_is_all_its_ports),
		cmocka_unit_test(a_session_without_ports_is_of_no_port),
		cmocka_unit_test(a_mapping_for_anybody_is_one_for_each),
		cmocka_unit_test(it_held_in_a_part_of_the_time),
		cmocka_unit_test(protocols_are_told_apart_where_they_are_told),
	};

	return cmocka_run_group_tests_name("flow/translation_wish", tests, NULL, NULL);
}
