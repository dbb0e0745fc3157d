#include "proto/flow/field.h"
#include "proto/flow/filter.h"
#include "tests/unit/test.h"

#include <stdio.h>
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
		.tos = 8,
		.start_ms = 1000,
		.end_ms = 3000,
		.nat_src = addr_of("198.51.100.7"),
		.nat_src_port = 61000,
		.vlan_in = 30,
		.vlan_inner = 7,
		.mpls = 16001,
		.domain = 3,
		.version = 9,
		.sampling = 100,
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
		.version = 10,
		.sampling = 1,
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
	{"net ::/0",                         false, true},
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
	/* either, both */
	{"src or dst port 22",               true,  false},
	{"dst or src port 53",               false, true},
	{"src and dst port > 50",            false, true},
	{"src and dst net 10.0.0.0/8",       false, false},
	{"src and dst net 2001:db8::/32",    false, true},
	/* comparisons, ranges, lists */
	{"dst port == 22",                   true,  false},
	{"dst port eq 22",                   true,  false},
	{"port >= 45126",                    true,  false},
	{"src port <= 53",                   false, true},
	{"src port le 52",                   false, false},
	{"src port lt 54",                   false, true},
	{"dst port gt 22",                   false, true},
	{"dst port ge 22",                   true,  true},
	{"dst port != 22",                   false, true},
	{"port ne 22",                       false, true},
	{"port < 0",                         false, false},
	{"bytes > 18446744073709551615",     false, false},
	{"port 20-25",                       true,  false},
	{"dst port 23-65535",                false, true},
	{"dst port != 23-65535",             true,  false},
	{"dst port > 20-30",                 false, true},
	{"dst port in [22 80 443]",          true,  false},
	{"dst port in [443,80,22]",          true,  false},
	{"dst port in [ 23 80 443 ]",        false, false},
	{"dst port in [443 20-25 24-30 1]",  true,  false},
	{"src port in [53]",                 false, true},
	{"ip in [192.0.2.1 10.4.0.10]",      true,  false},
	{"src ip in [10.0.0.0/8 2001:db8::/32]", true, true},
	{"dst ip in [10.0.0.0/8, ::/16]",    false, false},
	{"ip != 10.4.0.10",                  false, true},
	{"proto in [tcp 17]",                true,  true},
	{"proto in [icmp igmp]",             false, false},
	{"if in [7 9]",                      false, true},
	/* nets */
	{"net 10/8",                         true,  false},
	{"net 10.4/16",                      true,  false},
	{"net 10.5/16",                      false, false},
	{"net 10.4.0/29",                    false, false},
	{"net 10.4.0.0 255.255.255.0",       true,  false},
	{"net 10.4.0.0 255.255.255.248",     false, false},
	{"ip 10.4.0.0/24",                   true,  false},
	{"exporter 192.0.2.0/24",            true,  false},
	{"router ip 192.0.2.9",              true,  false},
	/* counters and rates: 865 octets, 15 packets, 2 s */
	{"bytes < 1k",                       true,  false},
	{"packets >= 15",                    true,  false},
	{"duration 2000",                    true,  false},
	{"duration > 1s",                    true,  false},
	{"duration < 1s",                    false, true},
	{"pps 7",                            true,  false},
	{"bps 3460",                         true,  false},
	{"bpp 57",                           true,  false},
	{"bpp > 1T",                         false, true},
	/* the rest */
	{"tos 8",                            true,  false},
	{"vlan 30",                          true,  false},
	{"in vlan 30",                       true,  false},
	{"src vlan 30",                      true,  false},
	{"out vlan 30",                      false, false},
	{"vlan 7",                           true,  false},
	{"inner vlan 7",                     true,  false},
	{"inner vlan 30",                    false, false},
	{"mpls 16001",                       true,  false},
	{"mpls label1 > 0",                  true,  false},
	{"nat ip 198.51.100.7",              true,  false},
	{"nat src ip 198.51.100.7",          true,  false},
	{"src nat ip 198.51.100.7",          true,  false},
	{"dst nat ip 198.51.100.7",          false, false},
	{"nat net 198.51.100.0/24",          true,  false},
	{"nat port 61000",                   true,  false},
	{"src xip 198.51.100.7",             true,  false},
	{"nport 61000",                      true,  false},
	{"domain 3",                         true,  false},
	{"version 9",                        true,  false},
	{"version ipfix",                    false, true},
	{"version sflow",                    false, false},
	{"sampled",                          true,  false},
	{"not sampled",                      false, true},
	{"sampling 100",                     true,  false},
	{"inet",                             true,  false},
	{"inet6",                            false, true},
	{"icmp-type 0",                      false, false},
	{"flags X",                          false, false},
	{"flags = FSPA",                     true,  false},
	{"flags = FSP",                      false, false},
	{"not flags SR",                     false, true}, /* it has the S */
	{"not (flags SR)",                   true,  true}, /* but not both */
	{"flags S and not flags RU",         true,  false},
	/* how it is written */
	{"PORT 22 AND Proto TCP",            true,  false},
	{"proto TCP && dst port 22",         true,  false},
	{"port 22 || port 53",               true,  true},
	{"# nothing but words",              true,  true},
	{"port 22 # ssh\nor port 53 # dns",  true,  true},
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

/* As a store asks, before it has read the rest: ends, protocol, times, and what the tests name. */
static struct flow with_members(const struct flow *flow, const struct filter *f)
{
	struct flow part = {
		.src = flow->src,
		.dst = flow->dst,
		.src_port = flow->src_port,
		.dst_port = flow->dst_port,
		.proto = flow->proto,
		.start_ms = flow->start_ms,
		.end_ms = flow->end_ms,
	};
	uint8_t *to = (uint8_t *)&part;
	const uint8_t *from = (const uint8_t *)flow;

	for (size_t i = 0; i < f->count; i++) {
		uint16_t offsets[2];
		size_t count = f->nodes[i].kind == FILTER_TEST
		                       ? field_members(f->nodes[i].field, offsets)
		                       : 0;

		for (size_t k = 0; k < count; k++) {
			size_t width = 0;

			for (size_t r = 0; r < FIELD_COUNT_OF; r++) {
				if (field_rows[r].offset == offsets[k] && field_rows[r].size > 0)
					width = field_rows[r].size;
			}
			memcpy(to + offsets[k], from + offsets[k], width);
		}
	}
	return part;
}

static void the_members_a_filter_names_are_all_it_looks_at(void **state)
{
	const struct flow flows[] = {ssh_flow(), dns_flow()};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		char reason[FILTER_REASON_MAX];
		struct filter f;

		assert_ok(filter_parse(meanings[i].text, &f, reason));
		for (size_t k = 0; k < ARRAY_LEN(flows); k++) {
			struct flow part = with_members(&flows[k], &f);

			if (filter_matches(&f, &part) !=
			    (k == 0 ? meanings[i].ssh : meanings[i].dns))
				fail_msg("\"%s\"", meanings[i].text);
		}
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

#define PRIMITIVES "src, dst, ip, net, port, proto, bytes, ... (see the manual), not or ("
#define ENDS "ip, net, port, vlan or nat"
#define PROTO "a protocol's name, or 0 to 255"

/* clang-format off */
static const struct {
	const char *text, *reason;
} errors[] = {
	{"foo",               "filter: expected " PRIMITIVES " at column 1, not \"foo\""},
	{"port 22 and",       "filter: expected " PRIMITIVES " at column 12, where it ends"},
	{"  not",             "filter: expected " PRIMITIVES " at column 6, where it ends"},
	{"()",                "filter: expected " PRIMITIVES " at column 2, not \")\""},
	{"and port 22",       "filter: expected " PRIMITIVES " at column 1, not \"and\""},
	{"src proto tcp",     "filter: expected " ENDS " at column 5, not \"proto\""},
	{"dst",               "filter: expected " ENDS " at column 4, where it ends"},
	{"src in if 1",       "filter: expected " ENDS " at column 5, not \"in\""},
	{"src or port 22",    "filter: expected dst at column 8, not \"port\""},
	{"in port 22",        "filter: expected if or vlan at column 4, not \"port\""},
	{"nat vlan 22",       "filter: expected ip, net or port at column 5, not \"vlan\""},
	{"inner port 22",     "filter: expected vlan at column 7, not \"port\""},
	{"ip",                "filter: expected an IP address at column 3, where it ends"},
	{"ip 10.0.0.256",     "filter: expected an IP address at column 4, not \"10.0.0.256\""},
	{"ip 10.4",           "filter: expected an IP address at column 4, not \"10.4\""},
	{"ip > 10.0.0.1",     "filter: expected =, != or in: addresses have no order at column 4, not \">\""},
	{"exporter ip x",     "filter: expected an IP address at column 13, not \"x\""},
	{"net 10.0.0.0",      "filter: expected /BITS right behind the address, or a netmask at column 13, where it ends"},
	{"net 10.0.0.0 255.0.255.0",
	 "filter: expected /BITS right behind the address, or a netmask at column 14, not \"255.0.255.0\""},
	{"net ::1",           "filter: expected a net as 192.0.2.0/24 at column 5, not \"::1\""},
	{"net 10.0.0.0/33",   "filter: expected a net as 192.0.2.0/24 at column 5, not \"10.0.0.0/33\""},
	{"net 10.0/",         "filter: expected a net as 192.0.2.0/24 at column 5, not \"10.0/\""},
	{"net 1.2.3.4.5/8",   "filter: expected a net as 192.0.2.0/24 at column 5, not \"1.2.3.4.5/8\""},
	{"net ::/129",        "filter: expected a net as 192.0.2.0/24 at column 5, not \"::/129\""},
	{"port 65536",        "filter: expected a port at column 6, not \"65536\""},
	{"port -1",           "filter: expected a port at column 6, not \"-1\""},
	{"port 25-20",        "filter: expected a port at column 6, not \"25-20\""},
	{"port 20-",          "filter: expected a port at column 6, not \"20-\""},
	{"port 1k",           "filter: expected a port at column 6, not \"1k\""},
	{"port <",            "filter: expected a port at column 7, where it ends"},
	{"port in 22",        "filter: expected [ at column 9, not \"22\""},
	{"port in []",        "filter: expected a port at column 10, not \"]\""},
	{"port in [22",       "filter: expected a port at column 12, where it ends"},
	{"port in [22 (",     "filter: expected a port at column 13, not \"(\""},
	{"vlan 4096",         "filter: expected a VLAN, 0 to 4095 at column 6, not \"4096\""},
	{"proto 256",         "filter: expected " PROTO " at column 7, not \"256\""},
	{"proto Tpc",         "filter: expected " PROTO " at column 7, not \"Tpc\""},
	{"if 4294967296",     "filter: expected a number at column 4, not \"4294967296\""},
	{"bytes 18446744073709551616",
	 "filter: expected a number at column 7, not \"18446744073709551616\""},
	{"bytes 18446744073709552k",
	 "filter: expected a number at column 7, not \"18446744073709552k\""},
	{"packets x",         "filter: expected a number at column 9, not \"x\""},
	{"duration 10x",      "filter: expected ms, or a span as 10s at column 10, not \"10x\""},
	{"flags SZ",          "filter: expected letters of FSRPAUEC, each once at column 7, not \"SZ\""},
	{"flags SS",          "filter: expected letters of FSRPAUEC, each once at column 7, not \"SS\""},
	{"flags",             "filter: expected letters of FSRPAUEC at column 6, where it ends"},
	{"host example.net",  "filter: expected an IP address at column 6, not \"example.net\""},
	{"port 22 port 23",   "filter: expected and, or, or the end at column 9, not \"port\""},
	{"port 22)",          "filter: expected and, or, or the end at column 8, not \")\""},
	{"(port 22",          "filter: expected ) at column 9, where it ends"},
	{"(port 22 or (any)", "filter: expected ) at column 18, where it ends"},
	{"port 22\n\tand x",  "filter: expected " PRIMITIVES " at column 14, not \"x\""},
};
/* clang-format on */

static void every_error_names_its_column_and_what_was_expected(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		char reason[FILTER_REASON_MAX] = "";
		struct filter f;

		assert_err(ERR_FORMAT, filter_parse(errors[i].text, &f, reason));
		assert_string_equal(reason, errors[i].reason);
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
static void a_filter_has_at_most_256_parts(void **state)
{
	char reason[FILTER_REASON_MAX] = "", text[4096] = "any";
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
		reason, "filter: expected a filter of fewer parts at column 1032, where it ends");
}

static void a_filter_has_at_most_512_values(void **state)
{
	char reason[FILTER_REASON_MAX] = "", text[8192] = "port in [";
	struct flow flow = ssh_flow();
	struct filter f;
	size_t used = strlen(text);
	(void)state;

	for (int port = FILTER_RANGES_MAX; port > 0; port--)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%d ", 2 * port);
	snprintf(text + used, sizeof(text) - used, "]");
	assert_ok(filter_parse(text, &f, reason));
	assert_int_equal(f.range_count, FILTER_RANGES_MAX);
	assert_true(filter_matches(&f, &flow));
	for (int port = 0; port < 2000; port++) {
		flow.src_port = 0;
		flow.dst_port = (uint16_t)port;
		assert_int_equal(filter_matches(&f, &flow),
		                 port > 0 && port <= 2 * FILTER_RANGES_MAX && port % 2 == 0);
	}
	snprintf(text + used, sizeof(text) - used, "3]");
	assert_err(ERR_LIMIT, filter_parse(text, &f, reason));
	assert_non_null(strstr(reason, "expected a filter of fewer values at column"));
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
			strcat(text, "port 1");
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
		cmocka_unit_test(the_members_a_filter_names_are_all_it_looks_at),
		cmocka_unit_test(not_binds_closest_then_and_then_or),
		cmocka_unit_test(every_error_names_its_column_and_what_was_expected),
		cmocka_unit_test(a_long_word_is_refused_and_its_beginning_shown),
		cmocka_unit_test(a_filter_has_at_most_256_parts),
		cmocka_unit_test(a_filter_has_at_most_512_values),
		cmocka_unit_test(nesting_ends_at_sixteen),
		cmocka_unit_test(thousands_of_open_brackets_are_only_an_error),
	};

	return cmocka_run_group_tests_name("flow/filter", tests, NULL, NULL);
}
