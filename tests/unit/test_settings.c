#include "tests/unit/test.h"
#include "tools/settings.h"

#include <string.h>

static const struct settings plain = {
	.name = "R4",
	.listen = "127.0.0.1:7667",
	.idle_timeout = "15s",
	.map_size = "4GiB",
	.keep = "30d",
};

static void a_node_without_wishes_listens_on_loopback(void **state)
{
	char text[SETTINGS_TEXT_MAX];
	(void)state;

	settings_print(&plain, 1, text);
	assert_string_equal(text, "name: R4\n"
	                          "identity: identity.key\n"
	                          "certificate: member.cert\n"
	                          "roots: [root.pub]\n"
	                          "control: spoord.sock\n"
	                          "overlay:\n"
	                          "  listen: 127.0.0.1:7667\n"
	                          "  bootstrap: []\n"
	                          "exports:\n"
	                          "  listen: [\"127.0.0.1:2055\"]\n"
	                          "  idle_timeout: 15s\n"
	                          "store:\n"
	                          "  path: flows\n"
	                          "  map_size: 4GiB\n"
	                          "  age_max: 30d\n"
	                          "  size_max: 0\n"
	                          "policy:\n"
	                          "  answer: members\n");
}

static void what_yaml_would_misread_is_quoted(void **state)
{
	static const struct {
		const char *name, *line;
	} rows[] = {
		{"gw-4_a", "name: gw-4_a\n"},         {"yes", "name: \"yes\"\n"},
		{"Null", "name: \"Null\"\n"},         {"4", "name: \"4\"\n"},
		{"a: b", "name: \"a: b\"\n"},         {"a\"b\\c", "name: \"a\\\"b\\\\c\"\n"},
		{"\xc3\xa9", "name: \"\xc3\xa9\"\n"},
	};
	struct settings s = plain;
	char text[SETTINGS_TEXT_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		s.name = rows[i].name;
		settings_print(&s, 1, text);
		assert_int_equal(strncmp(text, rows[i].line, strlen(rows[i].line)), 0);
	}
	s.listen = "[::1]:7667";
	s.bootstrap = (struct option_list){.items = {"[::1]:1", "10.0.0.1:2"}, .count = 2};
	settings_print(&s, 2, text);
	assert_non_null(strstr(text, "  listen: \"[::1]:7667\"\n"));
	assert_non_null(strstr(text, "  bootstrap: [\"[::1]:1\", \"10.0.0.1:2\"]\n"));
	assert_non_null(strstr(text, "roots: [root.pub, root-2.pub]\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_without_wishes_listens_on_loopback),
		cmocka_unit_test(what_yaml_would_misread_is_quoted),
	};

	return cmocka_run_group_tests_name("tools/settings", tests, NULL, NULL);
}
