#include "base/util.h"
#include "node/translated.h"
#include "tests/unit/test.h"

#include <string.h>

#define T0 INT64_C(1795309500000)

static const struct interval life = {T0, T0 + 600000};
static const struct endpoint none;

static struct endpoint at(const char *text)
{
	struct endpoint e = none;

	if (text != NULL)
		assert_ok(endpoint_parse(text, &e));
	return e;
}

static int setup(void **state)
{
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

	assert_int_equal(translated_ends(t, &from, &to, 6, life, &ret_src, &ret_dst),
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

	assert_false(translated_request(*state, T0 + 999, &r));
	make(*state, TRANSLATION_CREATE, T0, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	make(*state, TRANSLATION_DELETE, T0 + 500, "10.1.0.10:50001", "192.0.2.2:22",
	     "198.51.100.1:41001", "192.0.2.2:22");
	assert_true(translated_request(*state, T0 + 999, &r));
	assert_true(
		endpoint_equal(&r.target, &(struct endpoint){at("10.1.0.10:50001").addr, 50001}));
	assert_in_range(r.since_ms, T0 - 10000, T0);
	assert_in_range(r.until_ms, T0 + 500, T0 + 10000);
	r = (struct ctl_request){.target = at("192.0.2.2:22"),
	                         .peer = at("198.51.100.1:41001"),
	                         .since_ms = T0 + 100,
	                         .until_ms = T0 + 100};
	assert_true(translated_request(*state, T0 + 999, &r));
	assert_int_equal(r.peer.port, 50001);
	assert_int_equal(r.since_ms, T0 + 100);
	r = (struct ctl_request){
		.target = at("198.51.100.1:41001"), .since_ms = T0 + 90000, .until_ms = T0 + 90000};
	assert_false(translated_request(*state, T0 + 99999, &r));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_side_of_a_gateway_names_the_other),
		CASE(where_both_ends_are_rewritten_both_are_named),
		CASE(who_had_the_port_before_is_not_named),
		CASE(a_block_of_ports_names_the_address),
		CASE(a_request_for_an_outside_end_goes_inside_and_to_its_time),
	};

	return cmocka_run_group_tests_name("node/translated", tests, NULL, NULL);
}
