#include "proto/flow/filter.h"
#include "tests/unit/test.h"

#include <string.h>

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	return a;
}

static struct flow ssh_flow(void)
{
	return (struct flow){
		.src = addr_of("10.4.0.10"),
		.dst = addr_of("203.0.113.121"),
		.exporter = addr_of("192.0.2.9"),
		.octets = 865,
		.packets = 15,
		.in_if = 1,
		.out_if = 2,
		.src_port = 45126,
		.dst_port = 22,
		.proto = 6,
		.tcp_flags = 0x1b, /* FIN SYN PSH ACK */
	};
}

static struct flow dns_flow(void)
{
	return (struct flow){
		.src = addr_of("2001:db8:1::53"),
		.dst = addr_of("2001:db8:2::7"),
		.exporter = addr_of("2001:db8::9"),
		.octets = UINT64_MAX,
		.packets = 1,
		.in_if = 7,
		.out_if = 0,
		.src_port = 53,
		.dst_port = 40000,
		.proto = 17,
	};
}

static bool matches(const char *text, const struct flow *flow)
{
	char reason[FILTER_REASON_MAX] = "";
	struct filter f;
	enum err err = filter_parse(text, &f, reason);

	if (err != ERR_OK)
		fail_msg("%s: %s", text, reason);
	return filter_matches(&f, flow);
}

/* clang-format off */
static const struct {
	const char *text;
	bool ssh, dns;
} meanings[] = {
	{"",                                 true,  true},
	{" \t\n",                            true,  true},
	{"any",                              true,  true},
	{"not any",                          false, false},
	{"src ip 10.4.0.10",                 true,  false},
	{"dst ip 10.4.0.10",                 false, false},
	{"ip 10.4.0.10",                     true,  false},
	{"host 203.0.113.121",               true,  false},
	{"dst host 203.0.113.121",           true,  false},
	{"ip 2001:db8:2::7",                 false, true},
	{"ip ::ffff:10.4.0.10",              true,  false},
	{"net 10.0.0.0/8",                   true,  false},
	{"net 10.9.9.9/8",                   true,  false},
	{"dst net 10.0.0.0/8",               false, false},
	{"net 10.4.0.8/29",                  true,  false},
	{"net 10.4.0.0/29",                  false, false},
	{"net 10.4.0.10/32",                 true,  false},
	{"net 0.0.0.0/0",                    true,  false},
	{"net ::/0",                         true,  true},
	{"net 2001:db8::/32",                false, true},
	{"src net 2001:db8:2::/48",          false, false},
	{"port 22",                          true,  false},
	{"src port 22",                      false, false},
	{"dst port = 22",                    true,  false},
	{"port < 23",                        true,  false},
	{"port<23",                          true,  false},
	{"src port > 45125",                 true,  false},
	{"src port > 45126",                 false, false},
	{"port < 22",                        false, false},
	{"proto tcp",                        true,  false},
	{"proto 17",                         false, true},
	{"proto udp",                        false, true},
	{"proto icmp6",                      false, false},
	{"if 1",                             true,  false},
	{"in if 1",                          true,  false},
	{"out if 1",                         false, false},
	{"out if 0",                         false, true},
	{"exporter 192.0.2.9",               true,  false},
	{"exporter ip 2001:db8::9",          false, true},
	{"bytes 865",                        true,  false},
	{"bytes > 865",                      false, true},
	{"bytes > 18446744073709551614",     false, true},
	{"bytes 18446744073709551615",       false, true},
	{"packets < 2",                      false, true},
	{"packets = 15",                     true,  false},
	{"flags S",                          true,  false},
	{"flags SF",                         true,  false},
	{"flags SR",                         false, false},
	{"flags FSPA",                       true,  false},
	{"ipv4",                             true,  false},
	{"ipv6",                             false, true},
	{"! ipv6",                           true,  false},
	{"!ipv6",                            true,  false},
	{"not not ipv6",                     false, true},
	{"src ip 10.4.0.10 and dst port 22", true,  false},
	{"src ip 10.4.0.10 and dst port 23", false, false},
	{"proto udp and not (net 10.0.0.0/8 or port 53)", false, false},
	{"proto udp and not (net 10.0.0.0/8 or port 54)", false, true},
	{"((((any))))",                      true,  true},
	{"(port 22)or(port 53)",             true,  true},
};
/* clang-format on */

static void expressions_mean_what_they_say(void **state)
{
	const struct flow ssh = ssh_flow(), dns = dns_flow();
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		if (matches(meanings[i].text, &ssh) != meanings[i].ssh ||
		    matches(meanings[i].text, &dns) != meanings[i].dns)
			fail_msg("\"%s\"", meanings[i].text);
	}
}

/* `any` is true and `not any` is not: enough to tell which of two joints binds closer. */
static void not_binds_closest_then_and_then_or(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} rows[] = {
		{"any or any and not any", true},
		{"(any or any) and not any", false},
		{"not any and not any or any", true},
		{"not any and (not any or any)", false},
		{"not any or any", true},
		{"not (any or any)", false},
		{"any or not any and not any", true},
		{"not any and any or any and any", true},
		{"not any and any or any and not any", false},
		{"any and any and not any or any", true},
		{"not any or not any or any", true},
	};
	const struct flow flow = ssh_flow();
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (matches(rows[i].text, &flow) != rows[i].expected)
			fail_msg("\"%s\"", rows[i].text);
	}
}

#define PRIMITIVES "ip, net, port, proto, if, exporter, not or ("

static void every_error_names_its_column_and_what_was_expected(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"foo",               "filter: expected " PRIMITIVES " at column 1, not \"foo\""},
		{"port 22 and",       "filter: expected " PRIMITIVES " at column 12, where it ends"},
		{"  not",             "filter: expected " PRIMITIVES " at column 6, where it ends"},
		{"()",                "filter: expected " PRIMITIVES " at column 2, not \")\""},
		{"and port 22",       "filter: expected " PRIMITIVES " at column 1, not \"and\""},
		{"src proto tcp",     "filter: expected ip, net or port at column 5, not \"proto\""},
		{"dst",               "filter: expected ip, net or port at column 4, where it ends"},
		{"src in if 1",       "filter: expected ip, net or port at column 5, not \"in\""},
		{"in port 22",        "filter: expected if at column 4, not \"port\""},
		{"ip",                "filter: expected an IP address at column 3, where it ends"},
		{"ip 10.0.0.256",     "filter: expected an IP address at column 4, not \"10.0.0.256\""},
		{"ip 10.0.0.0/8",     "filter: expected an IP address at column 4, not \"10.0.0.0/8\""},
		{"exporter ip x",     "filter: expected an IP address at column 13, not \"x\""},
		{"net 10.0.0.0",      "filter: expected a net as 192.0.2.0/24 at column 5, not \"10.0.0.0\""},
		{"net 10.0.0/8",      "filter: expected a net as 192.0.2.0/24 at column 5, not \"10.0.0/8\""},
		{"net 10.0.0.0/33",   "filter: expected a prefix length at column 5, not \"10.0.0.0/33\""},
		{"net ::/129",        "filter: expected a prefix length at column 5, not \"::/129\""},
		{"net 10.0.0.0/",     "filter: expected a prefix length at column 5, not \"10.0.0.0/\""},
		{"port 65536",        "filter: expected a number in range at column 6, not \"65536\""},
		{"port -1",           "filter: expected a number in range at column 6, not \"-1\""},
		{"port >= 22",        "filter: expected a number in range at column 7, not \"=\""},
		{"port <",            "filter: expected a number in range at column 7, where it ends"},
		{"proto 256",         "filter: expected a number in range at column 7, not \"256\""},
		{"proto TCP",         "filter: expected a number in range at column 7, not \"TCP\""},
		{"if 4294967296",     "filter: expected a number in range at column 4, not \"4294967296\""},
		{"bytes 18446744073709551616",
		 "filter: expected a number in range at column 7, not \"18446744073709551616\""},
		{"packets x",         "filter: expected a number in range at column 9, not \"x\""},
		{"flags SX",          "filter: expected letters of FSRPAU, each once at column 7, not \"SX\""},
		{"flags SS",          "filter: expected letters of FSRPAU, each once at column 7, not \"SS\""},
		{"flags",             "filter: expected letters of FSRPAU at column 6, where it ends"},
		{"port 22 port 23",   "filter: expected and, or, or the end at column 9, not \"port\""},
		{"port 22)",          "filter: expected and, or, or the end at column 8, not \")\""},
		{"(port 22",          "filter: expected ) at column 9, where it ends"},
		{"(port 22 or (any)", "filter: expected ) at column 18, where it ends"},
		{"port 22\n\tand x",  "filter: expected " PRIMITIVES " at column 14, not \"x\""},
	};
	/* clang-format on */
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char reason[FILTER_REASON_MAX] = "";
		struct filter f = {.count = 77};

		assert_err(ERR_FORMAT, filter_parse(rows[i].text, &f, reason));
		assert_string_equal(reason, rows[i].reason);
		assert_int_equal(f.count, 77);
	}
}

static void a_long_word_is_refused_and_its_beginning_shown(void **state)
{
	char reason[FILTER_REASON_MAX], text[200] = "ip ";
	struct filter f;
	(void)state;

	memset(text + 3, '1', 64);
	assert_err(ERR_FORMAT, filter_parse(text, &f, reason));
	assert_string_equal(reason, "filter: expected a shorter word at column 4, "
	                            "not \"1111111111111111111111111111111111111111\"");
}

/* "any and any ...": n primitives and n - 1 joints make 2n - 1 parts. */
static void a_filter_has_at_most_64_parts(void **state)
{
	char reason[FILTER_REASON_MAX] = "", text[1024] = "any";
	struct flow flow = ssh_flow();
	struct filter f;
	(void)state;

	for (size_t i = 1; i < FILTER_NODES_MAX / 2; i++)
		strcat(text, " and any");
	assert_ok(filter_parse(text, &f, reason));
	assert_int_equal(f.count, FILTER_NODES_MAX - 1);
	assert_true(filter_matches(&f, &flow));
	strcat(text, " and not any");
	assert_err(ERR_LIMIT, filter_parse(text, &f, reason));
	assert_string_equal(
		reason, "filter: expected a filter of fewer parts at column 264, where it ends");
}

static void nesting_ends_at_sixteen(void **state)
{
	static const char *const openers[] = {"(", "not ", "! ( "};
	static const size_t levels[] = {15, 15, 7}; /* the primitive is the sixteenth */
	struct flow flow = ssh_flow();
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		for (size_t deeper = 0; deeper < 2; deeper++) {
			char reason[FILTER_REASON_MAX] = "", text[1024] = "";
			struct filter f;
			enum err err;

			for (size_t level = 0; level < levels[i] + deeper; level++)
				strcat(text, openers[i]);
			strcat(text, "any");
			for (size_t level = 0; i != 1 && level < levels[i] + deeper; level++)
				strcat(text, ")");
			err = filter_parse(text, &f, reason);
			assert_err(deeper == 0 ? ERR_OK : ERR_LIMIT, err);
			if (err == ERR_OK)
				filter_matches(&f, &flow);
			else
				assert_non_null(strstr(reason, "expected less nesting at column"));
		}
	}
}

static void thousands_of_open_brackets_are_only_an_error(void **state)
{
	static char text[100000];
	char reason[FILTER_REASON_MAX];
	struct filter f;
	(void)state;

	memset(text, '(', sizeof(text) - 1);
	assert_err(ERR_LIMIT, filter_parse(text, &f, reason));
	memset(text, '!', sizeof(text) - 1);
	assert_err(ERR_LIMIT, filter_parse(text, &f, reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_mean_what_they_say),
		cmocka_unit_test(not_binds_closest_then_and_then_or),
		cmocka_unit_test(every_error_names_its_column_and_what_was_expected),
		cmocka_unit_test(a_long_word_is_refused_and_its_beginning_shown),
		cmocka_unit_test(a_filter_has_at_most_64_parts),
		cmocka_unit_test(nesting_ends_at_sixteen),
		cmocka_unit_test(thousands_of_open_brackets_are_only_an_error),
	};

	return cmocka_run_group_tests_name("flow/filter", tests, NULL, NULL);
}
