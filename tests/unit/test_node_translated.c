#include "base/util.h"
#include "node/translated.h"
#include "tests/unit/test.h"

#include <string.h>

#define T0 INT64_C(1795309500000)

static const struct interval life = {T0, T0 + 600000};
static const struct endpoint none;
static struct skews known;

static struct endpoint at(const char *text)
{
	struct endpoint e = none;

	if (text != NULL)
		assert_ok(endpoint_parse(text, &e));
	return e;
}

static int setup(void **state)
{
	known = (struct skews){.of = NULL};
	*state = translation_table_new(64, 1);
	return *state == NULL;
}

static int teardown(void **state)
{
	translation_table_free(*state);
	return 0;
}

static void make(struct translation_table *t, uint8_t event, int64_t at_ms, const char *src,
                 const char *dst, const char *nat_src, const char *nat_dst)
{
	struct translation e = {.src = at(src),
	                        .dst = at(dst),
	                        .nat_src = at(nat_src),
	                        .nat_dst = at(nat_dst),
	                        .at_ms = at_ms,
	                        .proto = 6,
	                        .event = event};

	if (event == TRANSLATION_ALLOCATE) {
		e.first = e.nat_src.port;
		e.last = (uint16_t)(e.first + 99);
		e.src.port = e.nat_src.port = 0;
	}
	translation_table_event(t, &e);
}

static void assert_ends(const struct translation_table *t, const char *src, const char *dst,
                        const char *nat_src, const char *nat_dst)
{
	struct endpoint from = at(src), to = at(dst), ret_src, ret_dst;
	struct endpoint src_wanted = at(nat_src), dst_wanted = at(nat_dst);

	assert_int_equal(translated_ends(t, &known, &from, &to, 6, life, &ret_src, &ret_dst),
	                 nat_src != NULL || nat_dst != NULL);
	assert_true(endpoint_equal(&ret_src, &src_wanted));
	assert_true(endpoint_equal(&ret_dst, &dst_wanted));
}

static void each_side_of_a_gateway_names_the_other(void **state)
{
	make(*state, TRANSLATION_CREATE, T0 - 5, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	make(*state, TRANSLATION_CREATE, T0 + 5, "192.0.2.9:3333", "198.51.100.1:2222",
	     "192.0.2.9:3333", "10.1.0.11:22");
	assert_ends(*state, "10.1.0.10:50001", "192.0.2.2:22", "198.51.100.1:41001", NULL);
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", "10.1.0.10:50001", NULL);
	assert_ends(*state, "192.0.2.9:3333", "198.51.100.1:2222", NULL, "10.1.0.11:22");
	assert_ends(*state, "192.0.2.9:3333", "10.1.0.11:22", NULL, "198.51.100.1:2222");
	assert_ends(*state, "10.1.0.10:50009", "192.0.2.2:22", NULL, NULL);
	assert_ends(*state, "10.1.0.10:50001", "192.0.2.3:22", NULL, NULL); /* with another peer */
	assert_ends(NULL, "10.1.0.10:50001", "192.0.2.2:22", NULL, NULL);
}

static void where_both_ends_are_rewritten_both_are_named(void **state)
{
	make(*state, TRANSLATION_CREATE, T0, "10.1.0.10:50001", "198.51.100.1:2222",
	     "198.51.100.1:41001", "10.1.0.11:22");
	assert_ends(*state, "10.1.0.10:50001", "198.51.100.1:2222", "198.51.100.1:41001",
	            "10.1.0.11:22");
	assert_ends(*state, "198.51.100.1:41001", "10.1.0.11:22", "10.1.0.10:50001",
	            "198.51.100.1:2222");
}

static void who_had_the_port_before_is_not_named(void **state)
{
	make(*state, TRANSLATION_CREATE, T0 - 90000, "10.1.0.9:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	make(*state, TRANSLATION_DELETE, T0 - 1000, "10.1.0.9:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", NULL, NULL);
	make(*state, TRANSLATION_CREATE, T0, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", "10.1.0.10:50001", NULL);
}

static void a_block_of_ports_names_the_address(void **state)
{
	make(*state, TRANSLATION_ALLOCATE, T0 - 5, "10.1.0.10:1", NULL, "198.51.100.1:41000", NULL);
	assert_ends(*state, "198.51.100.1:41050", "192.0.2.2:22", "10.1.0.10:0", NULL);
	assert_ends(*state, "198.51.100.1:41150", "192.0.2.2:22", NULL, NULL);
}

static void a_request_for_an_outside_end_goes_inside_and_to_its_time(void **state)
{
	struct ctl_request r = {
		.target = at("198.51.100.1:41001"), .since_ms = INT64_MIN, .until_ms = INT64_MAX};

	assert_false(translated_request(*state, &known, T0 + 999, &r));
	make(*state, TRANSLATION_CREATE, T0, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	make(*state, TRANSLATION_DELETE, T0 + 500, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	assert_true(translated_request(*state, &known, T0 + 999, &r));
	assert_true(
		endpoint_equal(&r.target, &(struct endpoint){at("10.1.0.10:50001").addr, 50001}));
	assert_in_range(r.since_ms, T0 - 10000, T0);
	assert_in_range(r.until_ms, T0 + 500, T0 + 10000);
	r = (struct ctl_request){.target = at("192.0.2.2:22"),
	                         .peer = at("198.51.100.1:41001"),
	                         .since_ms = T0 + 100,
	                         .until_ms = T0 + 100};
	assert_true(translated_request(*state, &known, T0 + 999, &r));
	assert_int_equal(r.peer.port, 50001);
	assert_int_equal(r.since_ms, T0 + 100);
	r = (struct ctl_request){
		.target = at("198.51.100.1:41001"), .since_ms = T0 + 90000, .until_ms = T0 + 90000};
	assert_false(translated_request(*state, &known, T0 + 99999, &r));
}

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define WHEN_KNOWN 12 /* minutes after `BEGAN_MS` */
#define BEGAN_MS (T0 - 70 * MINUTE_MS)

/* What the exporter tells so many minutes after it began, by a clock that is ahead by so much. */
static void tell(struct translation_table *t, uint8_t event, int minutes, int64_t ahead_ms,
                 const char *inside)
{
	struct translation e = {.src = at(inside),
	                        .dst = at("192.0.2.2:22"),
	                        .nat_src = at("198.51.100.1:41001"),
	                        .nat_dst = at("192.0.2.2:22"),
	                        .exporter = at("10.255.0.1:0").addr,
	                        .domain = 7,
	                        .at_ms = BEGAN_MS + minutes * MINUTE_MS + ahead_ms,
	                        .received_ms = BEGAN_MS + minutes * MINUTE_MS,
	                        .proto = 6,
	                        .event = event};

	translation_table_event(t, &e);
}

/* The first has it, gives it up, and then the second has it: by a clock an hour ahead. */
static void tell_of_two(struct translation_table *t)
{
	tell(t, TRANSLATION_CREATE, 0, HOUR_MS, "10.1.0.5:5001");
	tell(t, TRANSLATION_DELETE, 15, HOUR_MS, "10.1.0.5:5001");
	tell(t, TRANSLATION_CREATE, 20, HOUR_MS, "10.1.0.6:5001");
}

static struct skews_known clock_of(struct clock_segment *s, uint32_t domain, int64_t ahead_ms)
{
	*s = (struct clock_segment){BEGAN_MS, BEGAN_MS + WHEN_KNOWN * MINUTE_MS, -ahead_ms, 10, 0,
	                            1};
	return (struct skews_known){
		.key = {.exporter = at("10.255.0.1:0").addr, .domain = domain, .version = 9},
		.segments = s,
		.count = 1,
	};
}

/* The clock becomes known after the first was told to have it, and before it gives it up. */
static void whoever_had_it_by_our_clock_is_named(void **state)
{
	struct clock_segment segment;
	struct skews_known row = clock_of(&segment, 7, HOUR_MS);
	struct ctl_request r = {.target = at("198.51.100.1:41001"),
	                        .since_ms = BEGAN_MS,
	                        .until_ms = BEGAN_MS + 10 * MINUTE_MS};

	tell_of_two(*state);
	known = (struct skews){.of = &row, .count = 1};
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", "10.1.0.6:5001", NULL);
	assert_ends(*state, "10.1.0.6:5001", "192.0.2.2:22", "198.51.100.1:41001", NULL);
	assert_ends(*state, "10.1.0.5:5001", "192.0.2.2:22", NULL, NULL);
	assert_true(translated_request(*state, &known, T0, &r));
	assert_int_equal(5, r.target.addr.octets[15]);
	r = (struct ctl_request){
		.target = at("198.51.100.1:41001"), .since_ms = INT64_MIN, .until_ms = INT64_MAX};
	assert_true(translated_request(*state, &known, T0, &r));
	assert_int_equal(6, r.target.addr.octets[15]);
	assert_in_range(r.since_ms, BEGAN_MS + 20 * MINUTE_MS - 10000, BEGAN_MS + 20 * MINUTE_MS);
	assert_true(r.until_ms == INT64_MAX);
}

/* A mapping names its exporter's address alone. */
static void what_several_clocks_leave_open_is_not_named(void **state)
{
	struct clock_segment segments[2];
	struct skews_known rows[2] = {clock_of(&segments[0], 7, HOUR_MS),
	                              clock_of(&segments[1], 8, 0)};

	tell_of_two(*state);
	known = (struct skews){.of = rows, .count = 2};
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", NULL, NULL);
	segments[1].offset_ms = segments[0].offset_ms + 20;
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", "10.1.0.6:5001", NULL);
}

/* Both of them had it, if the exporter is to be believed. */
static void what_translations_disagree_about_is_not_named(void **state)
{
	struct translation e = {.src = at("10.1.0.6:5001"),
	                        .dst = at("192.0.2.2:22"),
	                        .nat_src = at("198.51.100.1:41001"),
	                        .nat_dst = at("192.0.2.2:22"),
	                        .since_ms = T0 - 20,
	                        .at_ms = T0 + 600020,
	                        .proto = 6,
	                        .event = TRANSLATION_DELETE};

	make(*state, TRANSLATION_CREATE, T0 - 10, "10.1.0.5:5001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	make(*state, TRANSLATION_DELETE, T0 + 600010, "10.1.0.5:5001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	translation_table_event(*state, &e);
	assert_ends(*state, "198.51.100.1:41001", "192.0.2.2:22", NULL, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_side_of_a_gateway_names_the_other),
		CASE(where_both_ends_are_rewritten_both_are_named),
		CASE(who_had_the_port_before_is_not_named),
		CASE(a_block_of_ports_names_the_address),
		CASE(whoever_had_it_by_our_clock_is_named),
		CASE(what_several_clocks_leave_open_is_not_named),
		CASE(what_translations_disagree_about_is_not_named),
		CASE(a_request_for_an_outside_end_goes_inside_and_to_its_time),
	};

	return cmocka_run_group_tests_name("node/translated", tests, NULL, NULL);
}
