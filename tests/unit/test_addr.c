#include "base/addr.h"
#include "tests/unit/test.h"

static void addresses_print_as_they_are_parsed(void **state)
{
	static const char *const canonical[] = {
		"192.0.2.1",   "0.0.0.0",         "255.255.255.255",   "::",
		"::1",         "2001:db8::1",     "2001:db8:0:1::",    "1::2:0:0:3",
		"fe80::1:2:3", "1:2:3:4:5:6:7:8", "64:ff9b::c000:201",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(canonical); i++) {
		char text[ADDR_TEXT_MAX];
		struct addr a;

		assert_ok(addr_parse(canonical[i], &a));
		assert_string_equal(addr_print(&a, text), canonical[i]);
	}
}

static void other_spellings_mean_the_same(void **state)
{
	static const struct {
		const char *written, *canonical;
	} rows[] = {
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:db8::192.0.2.1", "2001:db8::c000:201"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ADDR_TEXT_MAX];
		struct addr a;

		assert_ok(addr_parse(rows[i].written, &a));
		assert_string_equal(addr_print(&a, text), rows[i].canonical);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"256.1.1.1",
		"01.2.3.4",
		"1.2.3.4 ",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"12345::",
		"g::",
		"host",
		"1:2:3:4:5:6:7:8::",
		"1.2.3.4:22",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct addr a;

		assert_err(ERR_FORMAT, addr_parse(wrong[i], &a));
	}
}

static void endpoints_carry_a_port_or_none(void **state)
{
	static const struct {
		const char *written, *canonical;
	} rows[] = {
		{"192.0.2.1:22", "192.0.2.1:22"},
		{"192.0.2.1", "192.0.2.1:0"},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
		{"[2001:db8::1]", "[2001:db8::1]:0"},
		{"2001:db8::1", "[2001:db8::1]:0"},
	};
	static const char *const wrong[] = {"192.0.2.1:", "192.0.2.1:65536", "[::1",
	                                    "[::1]22",    "192.0.2.1:22x",   ":22"};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ENDPOINT_TEXT_MAX];
		struct endpoint e;

		assert_ok(endpoint_parse(rows[i].written, &e));
		assert_string_equal(endpoint_print(&e, text), rows[i].canonical);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct endpoint e;

		assert_err(ERR_FORMAT, endpoint_parse(wrong[i], &e));
	}
}

static void private_addresses_are_known(void **state)
{
	static const struct {
		const char *text;
		int is_private;
	} rows[] = {
		{"10.4.0.10", 1},   {"172.31.255.1", 1}, {"172.32.0.1", 0}, {"192.168.1.1", 1},
		{"100.64.0.1", 1},  {"100.128.0.1", 0},  {"192.0.2.3", 0},  {"fd00::1", 1},
		{"2001:db8::1", 0}, {"fe80::1", 1},      {"::1", 1},        {"::2", 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;

		assert_ok(addr_parse(rows[i].text, &a));
		assert_int_equal(addr_is_private(&a), rows[i].is_private);
	}
}

static void prefixes_print_in_one_way(void **state)
{
	static const struct {
		const char *written, *canonical;
		unsigned bits;
	} rows[] = {
		{"10.0.0.0/8", "10.0.0.0/8", 104},       {"0.0.0.0/0", "0.0.0.0/0", 96},
		{"192.0.2.7/32", "192.0.2.7/32", 128},   {"192.0.2.7", "192.0.2.7/32", 128},
		{"2001:DB8::/32", "2001:db8::/32", 32},  {"::/0", "::/0", 0},
		{"2001:db8::1", "2001:db8::1/128", 128}, {"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
		{"::ffff:0:0/96", "0.0.0.0/0", 96},
	};
	static const char *const wrong[] = {
		"",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.1/8",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"10.0.0.0/-1",
		"2001:db8::/129",
		"2001:db8::1/32",
		"10.0.0.0:8",
		"[2001:db8::]",
		"::ffff:0:0/95",
		"::ffff:10.0.0.0/8",
		"10/8",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[PREFIX_TEXT_MAX];
		struct prefix p;

		assert_ok(prefix_parse(rows[i].written, &p));
		assert_int_equal(p.bits, rows[i].bits);
		assert_string_equal(prefix_print(&p, text), rows[i].canonical);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct prefix p;

		print_message("%s\n", wrong[i]);
		assert_err(ERR_FORMAT, prefix_parse(wrong[i], &p));
	}
}

static void a_prefix_holds_addresses_of_its_own_family(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool is_inside;
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"192.0.2.6/31", "192.0.2.7", true},
		{"192.0.2.6/31", "192.0.2.8", false},
		{"0.0.0.0/0", "192.0.2.7", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.7", false},
		{"2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.6", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p;
		struct addr a;

		assert_ok(prefix_parse(rows[i].prefix, &p));
		assert_ok(addr_parse(rows[i].addr, &a));
		assert_int_equal(prefix_has(&p, &a), rows[i].is_inside);
	}
}

static void only_unicast_addresses_mean_a_host(void **state)
{
	static const struct {
		const char *text;
		bool is_unicast;
	} rows[] = {
		{"192.0.2.1", true},  {"127.0.0.1", true},        {"0.0.0.0", false},
		{"0.1.2.3", false},   {"224.0.0.1", false},       {"239.255.255.255", false},
		{"240.0.0.1", false}, {"255.255.255.255", false}, {"::", false},
		{"::1", true},        {"fe80::1", true},          {"ff02::1", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;

		assert_ok(addr_parse(rows[i].text, &a));
		assert_int_equal(addr_is_unicast(&a), rows[i].is_unicast);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_are_parsed),
		cmocka_unit_test(other_spellings_mean_the_same),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(endpoints_carry_a_port_or_none),
		cmocka_unit_test(prefixes_print_in_one_way),
		cmocka_unit_test(a_prefix_holds_addresses_of_its_own_family),
		cmocka_unit_test(only_unicast_addresses_mean_a_host),
		cmocka_unit_test(private_addresses_are_known),
	};

	return cmocka_run_group_tests_name("base/addr", tests, NULL, NULL);
}
