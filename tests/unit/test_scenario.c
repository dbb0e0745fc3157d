#include "tests/unit/test.h"
#include "tools/sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "name: a\nshows: b\nnodes: 10\n"

static enum err read_text(const char *text, struct scenario *ret, char reterr[SCENARIO_REASON_MAX])
{
	char path[] = "/tmp/spoor-scenario-XXXXXX";
	int fd = mkstemp(path);
	size_t len = strlen(text);
	enum err err;

	assert_true(fd >= 0);
	assert_int_equal(len, write(fd, text, len));
	close(fd);
	err = scenario_read(path, ret, reterr);
	unlink(path);
	return err;
}

/* clang-format off */
static const struct {
	const char *text;
	enum err err;
	unsigned line;
	const char *reason;
} refused[] = {
	{"", ERR_FORMAT, 1, "empty"},
	{"name: [", ERR_FORMAT, 1, ""},
	{"name: a\nnodes: 10\nevents: []\n", ERR_FORMAT, 3, "shows"},
	{HEAD "events: []\ncolour: red\n", ERR_FORMAT, 5, "colour"},
	{"name: a\nshows: b\nnodes: many\nevents: []\n", ERR_FORMAT, 3, "many"},
	{"name: a\nshows: b\nnodes: 0\nevents: []\n", ERR_RANGE, 3, "nodes: not from 1 to 20000: 0"},
	{"name: a\nshows: b\nnodes: 20001\nevents: []\n", ERR_RANGE, 3, "20001"},
	{HEAD "loss: 1.5\nevents: []\n", ERR_RANGE, 4, "loss: not a share from 0 to 1: 1.5"},
	{HEAD "dead: nan\nevents: []\n", ERR_RANGE, 4, "dead"},
	{HEAD "start: tepid\nevents: []\n", ERR_FORMAT, 4, "start: neither cold nor warm: tepid"},
	{HEAD "liar: somebody-with-a-long-name\nevents: []\n", ERR_FORMAT, 4, "liar"},
	{HEAD "events:\n  - at: 1s\n    do: dance\n", ERR_FORMAT, 6, "dance"},
	{HEAD "events:\n  - at: 1s\n    do: crash\n    colour: red\n", ERR_FORMAT, 7, "colour"},
	{HEAD "events:\n  - do: heal\n", ERR_FORMAT, 5, "at"},
	{HEAD "events:\n  - at: soon\n    do: heal\n", ERR_FORMAT, 5, "at: not a time such as 250ms, 15s, 2m: soon"},
	{HEAD "events:\n  - at: 1s\n    do: heal\n  - at: 4d\n    do: heal\n", ERR_RANGE, 7, "at: longer than a day: 4d"},
	{HEAD "events:\n  - at: -1s\n    do: heal\n", ERR_RANGE, 5, "at: below 0: -1s"},
	{HEAD "events:\n  - at: 2s\n    do: heal\n\n  - at: 1s\n    do: heal\n", ERR_RANGE, 8, "earlier"},
	{HEAD "until: 1s\nevents:\n- at: 2s\n  do: heal\n", ERR_RANGE, 6, "later than \"until\""},
	{HEAD "events:\n  - at: 1s\n    do: crash\n", ERR_FORMAT, 5, "crash: needs \"node\""},
	{HEAD "events:\n  - at: 1s\n    do: heal\n    node: 3\n", ERR_FORMAT, 5, "heal: does not take \"node\""},
	{HEAD "events:\n  - {at: 1s, do: crash, node: 10}\n", ERR_RANGE, 5, "node: there is no node 10"},
	{HEAD "events:\n  - {at: 1s, do: crash, node: 5..3}\n", ERR_FORMAT, 5, "not a range"},
	{HEAD "events:\n  - {at: 1s, do: crash, node: 3..4x}\n", ERR_FORMAT, 5, "not a range"},
	{HEAD "events:\n  - {at: 1s, do: crash, node: 101%}\n", ERR_RANGE, 5, "share"},
	{HEAD "events:\n  - {at: 1s, do: crash, node: who}\n", ERR_FORMAT, 5, "none of"},
	{HEAD "events:\n  - {at: 1s, do: crash, node: 99999999999999999999}\n", ERR_RANGE, 5, "there is no node"},
	{HEAD "events:\n  - {at: 1s, do: loss, share: 2}\n", ERR_RANGE, 5, "share"},
	{HEAD "events:\n  - {at: 1s, do: cut, first: 10}\n", ERR_RANGE, 5, "first: there is no node 10"},
	{HEAD "events:\n  - {at: 1s, do: restart, node: 1, disk: perhaps}\n", ERR_FORMAT, 5, "perhaps"},
	{HEAD "events: []\nexpect:\n  - what: wonders\n", ERR_FORMAT, 6, "wonders"},
	{HEAD "events: []\nexpect:\n  - what: heard\n", ERR_FORMAT, 6, "heard: needs \"share\""},
	{HEAD "events: []\nexpect:\n  - {what: copies, most: -1}\n", ERR_RANGE, 6, "most"},
	{HEAD "events: []\nexpect:\n  - {what: equal, share: 1, within: 1s}\n", ERR_FORMAT, 6, "does not take"},
};
/* clang-format on */

static void every_mistake_is_told_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		char reason[SCENARIO_REASON_MAX] = "", line[32];
		struct scenario scenario;

		assert_err(refused[i].err, read_text(refused[i].text, &scenario, reason));
		snprintf(line, sizeof(line), ":%u: ", refused[i].line);
		if (strstr(reason, line) == NULL || strstr(reason, refused[i].reason) == NULL)
			fail_msg("%zu: \"%s\" lacks \"%s%s\"", i, reason, line, refused[i].reason);
	}
}

static void a_file_that_is_not_there_is_told(void **state)
{
	char reason[SCENARIO_REASON_MAX] = "";
	struct scenario scenario;
	(void)state;

	assert_err(ERR_IO, scenario_read("/nowhere/x.yaml", &scenario, reason));
	assert_non_null(strstr(reason, "/nowhere/x.yaml:1: cannot open"));
}

static void all_words_of_an_event_are_read(void **state)
{
	static const char text[] =
		"name: all\nshows: everything\nnodes: 100\nstart: warm\nloss: 0.05\nnat: 0.2\n"
		"byzantine: 0.1\ndead: 0.3\nliar: truncate\n"
		"events:\n"
		"  - {at: 500ms, do: start, node: 7}\n"
		"  - {at: 1s, do: crash, node: 33%}\n"
		"  - {at: 1s, do: restart, node: down, disk: no}\n"
		"  - {at: 2s, do: cut, first: 50, one_way: yes, for: 10s}\n"
		"  - {at: 3s, do: liar, node: 3..12, liar: flood}\n"
		"  - {at: 4s, do: jump, node: all, by: -1h}\n"
		"  - {at: 5s, do: suspend, node: 4, for: 2m}\n"
		"  - {at: 6s, do: revoke, node: 9, told: 80}\n"
		"  - {at: 7s, do: ask, node: random, urgent: yes}\n"
		"  - {at: 8s, do: loss, share: 0.5}\n"
		"  - {at: 1m, do: heal}\n"
		"expect:\n"
		"  - {what: heard, share: 0.999, within: 6s}\n"
		"  - {what: copies, most: 12}\n"
		"  - {what: revoked, within: 1m}\n";
	char reason[SCENARIO_REASON_MAX] = "";
	struct scenario s;
	(void)state;

	if (read_text(text, &s, reason) != ERR_OK)
		fail_msg("%s", reason);
	assert_string_equal("all", s.name);
	assert_int_equal(100, s.nodes);
	assert_true(s.is_warm);
	assert_string_equal("truncate", s.liar);
	assert_true(s.loss == 0.05 && s.nat == 0.2 && s.byzantine == 0.1 && s.dead == 0.3);
	assert_int_equal(11, s.event_count);
	assert_int_equal(500, s.events[0].at_ms);
	assert_int_equal(7, s.events[0].who.last);
	assert_int_equal(WHO_SHARE, s.events[1].who.kind);
	assert_int_equal(WHO_DOWN, s.events[2].who.kind);
	assert_false(s.events[2].has_disk);
	assert_true(s.events[3].is_one_way && s.events[3].first == 50);
	assert_int_equal(10000, s.events[3].for_ms);
	assert_string_equal("flood", s.events[4].liar);
	assert_int_equal(3, s.events[4].who.first);
	assert_int_equal(12, s.events[4].who.last);
	assert_int_equal(-3600000, s.events[5].by_ms);
	assert_int_equal(99, s.events[5].who.last);
	assert_int_equal(120000, s.events[6].for_ms);
	assert_int_equal(80, s.events[7].told);
	assert_true(s.events[8].is_urgent && s.events[8].who.kind == WHO_RANDOM);
	assert_int_equal(30000, s.events[8].for_ms);
	assert_int_equal(SCENARIO_HEAL, s.events[10].verb);
	assert_int_equal(125000, s.until_ms); /* when the sleeper is back */
	assert_int_equal(3, s.expect_count);
	assert_int_equal(6000, s.expects[0].within_ms);
	assert_true(s.expects[1].most == 12);
	assert_int_equal(EXPECT_REVOKED, s.expects[2].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_told_with_its_line),
		cmocka_unit_test(a_file_that_is_not_there_is_told),
		cmocka_unit_test(all_words_of_an_event_are_read),
	};

	return cmocka_run_group_tests_name("tools/sim/scenario", tests, NULL, NULL);
}
