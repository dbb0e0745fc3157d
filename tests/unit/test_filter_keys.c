#include "proto/flow/filter.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static struct filter parsed(const char *text)
{
	char reason[FILTER_REASON_MAX] = "";
	struct filter f;

	if (filter_parse(text, &f, reason) != ERR_OK)
		fail_msg("%s: %s", text, reason);
	return f;
}

/* "10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.1:22 10.0.0.2:4000 6"; several apart by ", ". */
static const char *printed(const struct filter_key *keys, size_t count, char *room, size_t len)
{
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const struct filter_key *k = &keys[i];
		char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

		addr_print(&k->a, a);
		addr_print(&k->b, b);
		used += (size_t)snprintf(room + used, len - used, "%s%s", i == 0 ? "" : ", ", a);
		if (k->is_connection)
			used += (size_t)snprintf(room + used, len - used, ":%u %s:%u %u", k->a_port,
			                         b, k->b_port, k->proto);
		else if (k->has_b)
			used += (size_t)snprintf(room + used, len - used, " %s", b);
	}
	return room;
}

#define A "10.0.0.1"
#define B "10.0.0.2"
#define C "10.0.0.3"

/* clang-format off */
static const struct {
	const char *text, *keys; /* "": all must be read */
} rows[] = {
	{"",                                        ""},
	{"port 22",                                 ""},
	{"net 10.0.0.0/8",                          ""},
	{"not ip " A,                               ""},
	{"ip != " A,                                ""},
	{"exporter " A,                             ""},
	{"nat ip " A,                               ""},
	{"ip " A " or port 22",                     ""},
	{"ip " A,                                   A},
	{"src ip " A,                               A},
	{"dst ip " A,                               A},
	{"net " A "/32",                            A},
	{"ip " A " and port 22 and proto tcp",      A},
	{"port 22 and (bytes > 3 and ip " A ")",    A},
	{"ip " A " and net 10.0.0.0/8",             A},
	{"not not ip " A,                           A},
	{"not (not ip " A " or port 22)",           A},
	{"ip " A " and not ip " B,                  A},
	{"ip " A " or ip " B,                       B ", " A},
	{"ip in [" B " " A "]",                     A ", " B},
	{"ip in [" A " 10.0.0.0/31]",               ""},
	{"ip " A " or src ip " A,                   A},
	{"(ip " A " or ip " B ") and port 22",      B ", " A},
	{"ip " A " and ip " B,                      A " " B},
	{"src ip " B " and dst ip " A,              A " " B},
	{"ip " A " and ip " B " and ip " C,         ""}, /* nothing matches */
	{"ip " A " and (ip " B " or ip " C ")",     A " " C ", " A " " B},
	{"ip " A " and ip " B " or ip " A,          A},
	{"ip " A " and (any or ip " B ")",          A},
	{"src and dst ip " A,                       A " " A},
	{"src ip " B " and dst ip " A " and src port 4000 and dst port 22 and proto tcp",
	 A ":22 " B ":4000 6"},
	{"ip " A " and ip " B " and port 22 and port 4000 and proto tcp",
	 A ":22 " B ":4000 6, " A ":4000 " B ":22 6"},
	{"src ip " A " and dst ip " B " and src port 4000 and dst port 22 and flags S",
	 A ":4000 " B ":22 6"},
	{"src ip " A " and dst ip " B " and src port 4000 and dst port 22",
	 A " " B},
	{"src ip " A " and dst ip " B " and src port 4000 and dst port 20-22 and proto 6",
	 A " " B},
	{"ip " A " and proto tcp and (port in [1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33 35 37])",
	 A},
	{"src ip 2001:db8::1 and dst ip ::1",       "::1 2001:db8::1"},
};
/* clang-format on */

static void a_key_is_what_every_match_must_have(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct filter f = parsed(rows[i].text);
		struct filter_key keys[FILTER_KEYS_MAX];
		char text[2048];

		printed(keys, filter_keys(&f, keys), text, sizeof(text));
		if (strcmp(text, rows[i].keys) != 0)
			fail_msg("\"%s\": \"%s\", not \"%s\"", rows[i].text, text, rows[i].keys);
	}
}

static void many_addresses_are_keys_up_to_a_bound(void **state)
{
	(void)state;

	for (size_t count = FILTER_KEYS_MAX; count <= FILTER_KEYS_MAX + 1; count++) {
		size_t expected = count > FILTER_KEYS_MAX ? 0 : count, used;
		struct filter_key keys[FILTER_KEYS_MAX];
		char list[4096] = "ip in [", chain[4096] = "";
		struct filter f;

		used = strlen(list);
		for (size_t i = 0; i < count; i++)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "10.1.0.%zu ",
			                         2 * i);
		snprintf(list + used, sizeof(list) - used, "]");
		used = 0;
		for (size_t i = 0; i < count; i++)
			used += (size_t)snprintf(chain + used, sizeof(chain) - used,
			                         "%sip 10.1.0.%zu", i == 0 ? "" : " or ", 2 * i);
		f = parsed(list);
		assert_int_equal(filter_keys(&f, keys), expected);
		f = parsed(chain);
		assert_int_equal(filter_keys(&f, keys), expected);
	}
}

/* A world so small that random filters and random flows meet. */
static uint32_t seed = 20261129;

static unsigned draw(unsigned below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static struct flow random_flow(void)
{
	static const uint8_t protos[] = {6, 17, 1};
	struct flow f = {.src_port = (uint16_t)(20 + draw(3)),
	                 .dst_port = (uint16_t)(20 + draw(3))};

	f.src = addr_from_v4((uint8_t[]){10, 0, 0, (uint8_t)draw(4)});
	f.dst = addr_from_v4((uint8_t[]){10, 0, 0, (uint8_t)draw(4)});
	f.proto = protos[draw(3)];
	f.tcp_flags = (uint8_t)draw(8);
	f.octets = draw(5);
	return f;
}

static size_t random_filter(char *room, size_t len, unsigned depth)
{
	static const char *const sides[] = {"", "src ", "dst ", "src and dst ", "src or dst "};
	static const char *const protos[] = {"tcp", "udp", "1"};
	const char *side = sides[draw(5)];
	size_t used;

	switch (draw(depth == 0 ? 6 : 10)) {
	case 0:
	case 1:
		return (size_t)snprintf(room, len, "%sip 10.0.0.%u", side, draw(4));
	case 2:
		return (size_t)snprintf(room, len, "%sport %s%u", side, draw(2) ? "" : "> ",
		                        20 + draw(3));
	case 3:
		return (size_t)snprintf(room, len, "proto %s", protos[draw(3)]);
	case 4:
		return (size_t)snprintf(room, len, "%sip in [10.0.0.%u 10.0.0.%u]", side, draw(4),
		                        draw(4));
	case 5:
		return (size_t)snprintf(room, len, "%sflags %s", draw(2) ? "not " : "",
		                        draw(2) ? "S" : "FS");
	case 6:
		used = (size_t)snprintf(room, len, "not (");
		used += random_filter(room + used, len - used, depth - 1);
		return used + (size_t)snprintf(room + used, len - used, ")");
	default:
		used = (size_t)snprintf(room, len, "(");
		used += random_filter(room + used, len - used, depth - 1);
		used += (size_t)snprintf(room + used, len - used, draw(3) == 0 ? " or " : " and ");
		used += random_filter(room + used, len - used, depth - 1);
		return used + (size_t)snprintf(room + used, len - used, ")");
	}
}

static void a_flow_that_matches_has_one_of_the_keys(void **state)
{
	size_t keyed = 0, matched = 0;
	(void)state;

	for (int i = 0; i < 4000; i++) {
		struct filter_key keys[FILTER_KEYS_MAX];
		char text[8192];
		struct filter f;
		size_t count;

		random_filter(text, sizeof(text), 4);
		f = parsed(text);
		count = filter_keys(&f, keys);
		keyed += count > 0;
		for (int k = 0; k < 100 && count > 0; k++) {
			struct flow flow = random_flow();
			bool has_key = false;

			if (!filter_matches(&f, &flow))
				continue;
			matched++;
			for (size_t key = 0; key < count; key++)
				has_key = has_key || filter_key_fits(&keys[key], &flow);
			if (!has_key)
				fail_msg("%s", text);
		}
	}
	/* It would be no test if hardly any filter had keys, or none of their flows matched. */
	assert_true(keyed > 400);
	assert_true(matched > 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_what_every_match_must_have),
		cmocka_unit_test(many_addresses_are_keys_up_to_a_bound),
		cmocka_unit_test(a_flow_that_matches_has_one_of_the_keys),
	};

	return cmocka_run_group_tests_name("flow/filter_keys", tests, NULL, NULL);
}
