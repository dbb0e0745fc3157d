#include "base/addr.h"
#include "tests/unit/test.h"
#include "tools/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct all {
	bool flag;
	const char *text, *choice;
	struct option_list list;
	uint64_t number, proto;
	int64_t time_ms, span_ms;
	struct endpoint endpoint;
};

struct common {
	bool is_json;
	const char *socket;
};

#define ALL(m) .offset = offsetof(struct all, m)
#define COMMON(m) .offset = offsetof(struct common, m)

static const struct option_row rows[] = {
	{"flag", 'f', NULL, "a flag", OPTION_FLAG, ALL(flag)},
	{"text", 0, "TEXT", "a text", OPTION_TEXT, ALL(text)},
	{"choice", 0, "low|medium|high", "a choice", OPTION_CHOICE, ALL(choice)},
	{"list", 'l', "ADDR:PORT", "a list", OPTION_LIST, ALL(list), options_is_endpoint},
	{"number", 'n', "N", "a number", OPTION_NUMBER, ALL(number)},
	{"share", 0, "N", "a number", OPTION_RANGE, ALL(number), .least = 2, .most = 99},
	{"proto", 0, "P", "a protocol", OPTION_PROTO, ALL(proto)},
	{"time", 0, "TIME", "a time", OPTION_TIME, ALL(time_ms)},
	{"span", 0, "SPAN", "a span", OPTION_SPAN, ALL(span_ms)},
	{"endpoint", 0, "ADDR[:PORT]", "an endpoint", OPTION_ENDPOINT, ALL(endpoint)},
};

static const struct option_row common_rows[] = {
	{"json", 0, NULL, "JSON", OPTION_FLAG, COMMON(is_json)},
	{"socket", 0, "PATH", "a socket", OPTION_TEXT, COMMON(socket)},
};

#define WORDS_MAX 40

struct line { /* a command line and what came of it */
	char *words[WORDS_MAX];
	char text[512];
	int count, first;
	struct all all;
	struct common common;
	char reason[OPTIONS_REASON_MAX];
};

static enum err parse(struct line *l, const char *text, bool stops_at_word)
{
	struct option_tables t = {
		.tables = {{common_rows, ARRAY_LEN(common_rows), &l->common},
	                   {rows, ARRAY_LEN(rows), &l->all}},
		.now = {1000000},
		.stops_at_word = stops_at_word,
	};
	char *rest;

	*l = (struct line){.first = -1};
	snprintf(l->text, sizeof(l->text), "%s", text);
	for (char *word = strtok_r(l->text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		l->words[l->count++] = word;
	return options_parse(&t, l->count, l->words, &l->first, l->reason);
}

static void every_kind_fills_its_member(void **state)
{
	static struct line l;
	char text[ENDPOINT_TEXT_MAX];
	(void)state;

	assert_ok(parse(&l,
	                "x -f --text words --choice medium --list 192.0.2.1:1 -l [::1]:2 -n 7 "
	                "--proto tcp --time -15m --span 250ms --endpoint 192.0.2.9 "
	                "--json --socket=/run/x",
	                false));
	assert_true(l.all.flag);
	assert_string_equal(l.all.text, "words");
	assert_string_equal(l.all.choice, "medium");
	assert_int_equal(l.all.list.count, 2);
	assert_string_equal(l.all.list.items[1], "[::1]:2");
	assert_int_equal(l.all.number, 7);
	assert_int_equal(l.all.proto, 6);
	assert_int_equal(l.all.time_ms, 100000);
	assert_int_equal(l.all.span_ms, 250);
	assert_string_equal(endpoint_print(&l.all.endpoint, text), "192.0.2.9:0");
	assert_true(l.common.is_json);
	assert_string_equal(l.common.socket, "/run/x");
	assert_int_equal(l.first, l.count);
}

static void options_stand_before_between_and_behind_operands(void **state)
{
	static struct line l;
	(void)state;

	assert_ok(parse(&l, "x --json src ip 10.0.0.1 --number 3 and port 22 -f", false));
	assert_int_equal(l.count - l.first, 6);
	assert_string_equal(l.words[l.first], "src");
	assert_string_equal(l.words[l.count - 1], "22");
	assert_int_equal(l.all.number, 3);
	assert_true(l.all.flag);

	assert_ok(parse(&l, "x --share 99", false));
	assert_int_equal(l.all.number, 99);

	assert_ok(parse(&l, "x --number 3 -- --flag", false));
	assert_string_equal(l.words[l.first], "--flag");
	assert_false(l.all.flag);

	assert_ok(parse(&l, "x --json command --flag", true));
	assert_string_equal(l.words[l.first], "command");
	assert_false(l.all.flag);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{"x --nothing", "unknown or ambiguous option --nothing"},
		{"x -z", "unknown option -z"},
		{"x --flag=1", "option --flag=1 takes no value"},
		{"x --text", "--text is missing its value"},
		{"x -n", "-n is missing its value"},
		{"x --text=", "--text takes TEXT, not \"\""},
		{"x --choice lo", "--choice takes low|medium|high, not \"lo\""},
		{"x --choice medium|high", "--choice takes low|medium|high, not \"medium|high\""},
		{"x --list 192.0.2.1", "--list takes ADDR:PORT, not \"192.0.2.1\""},
		{"x --number 0", "--number takes a whole number from 1, not \"0\""},
		{"x --number 12x", "--number takes a whole number from 1, not \"12x\""},
		{"x --share 1", "--share takes a whole number from 2 to 99, not \"1\""},
		{"x --share 100", "--share takes a whole number from 2 to 99, not \"100\""},
		{"x --proto 0",
	         "--proto takes a protocol (tcp, udp, icmp, ... or 1 to 255), not \"0\""},
		{"x --time soon", "--time takes a time (2026-11-22T01:05:31Z, @1795309531, -15m or "
	                          "now), not \"soon\""},
		{"x --span 0s",
	         "--span takes a span of time above 0 (250ms, 15s, 2m, 6h, 30d), not \"0s\""},
		{"x --endpoint host", "--endpoint takes ADDR or ADDR:PORT, not \"host\""},
	};
	static struct line l;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_err(ERR_FORMAT, parse(&l, wrong[i].text, false));
		assert_string_equal(l.reason, wrong[i].reason);
		assert_int_equal(l.first, -1);
	}
}

static void lists_are_bounded(void **state)
{
	static struct line l;
	char text[512] = "x";
	(void)state;

	for (int i = 0; i < OPTION_LIST_MAX; i++)
		strcat(text, " -l 10.0.0.1:1");
	assert_ok(parse(&l, text, false));
	strcat(text, " -l 10.0.0.1:1");
	assert_err(ERR_LIMIT, parse(&l, text, false));
	assert_string_equal(l.reason, "--list can be given at most 16 times");
}

static void help_has_a_line_for_each_row(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	(void)state;

	options_print(out, rows, 4);
	fclose(out);
	assert_string_equal(text, "  -f, --flag                  a flag\n"
	                          "      --text TEXT             a text\n"
	                          "      --choice low|medium|high\n"
	                          "                              a choice\n"
	                          "  -l, --list ADDR:PORT        a list\n");
	free(text);
}

static void sizes_and_spans_are_checked_as_text(void **state)
{
	(void)state;

	assert_true(options_is_size("4GiB"));
	assert_false(options_is_size("0"));
	assert_false(options_is_size("4GB"));
	assert_true(options_is_span("30d"));
	assert_false(options_is_span("30"));
	assert_true(options_is_endpoint("[::1]:22"));
	assert_false(options_is_endpoint("::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_fills_its_member),
		cmocka_unit_test(options_stand_before_between_and_behind_operands),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(help_has_a_line_for_each_row),
		cmocka_unit_test(sizes_and_spans_are_checked_as_text),
	};

	return cmocka_run_group_tests_name("tools/options", tests, NULL, NULL);
}
