#include "tests/unit/test.h"
#include "tools/names.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* HA (behind R1) -> HS1 (behind R2) -> HS2 (behind nobody) -> HV (behind R4): as a node reports it.
 */
#define SPAN_1 "'start':'2026-11-22T01:06:02.178Z','end':'2026-11-22T01:16:30.155Z'"
#define SPAN_2 "'start':'2026-11-22T01:06:05.501Z','end':'2026-11-22T01:16:29.800Z'"
#define SPAN_3 "'start':'2026-11-22T01:06:09.004Z','end':'2026-11-22T01:16:29.500Z'"
#define TARGET                                                                                    \
	"'target':{'src':'192.0.2.3:26866','dst':'10.4.0.10:22','proto':6," SPAN_3                \
	",'node':'R4','org':'Example Four','view':'10.255.0.4 1/1','gap_ms':15000,'silences':18," \
	"'others':0}"
#define MATCH(node, org, src, dst, span, score, verdict, hop)                        \
	"{'node':'" node "','org':'" org "','src':'" src "','dst':'" dst "'," span   \
	",'score':" score ",'p_value':2e-9,'cpf':0.304,'lag_ms':-250,'silences':18," \
	"'common_ms':610000,'verdict':'" verdict "','evidence':'E1','origin':null,'hop':" hop "}"
#define HOP_1                                                                                      \
	"{'hop':1,'src':'10.1.0.10:40112','dst':'10.2.0.10:22','public_src':'198.51.100.1:62223'," \
	"'public_dst':'203.0.113.2:22','src_node':'R1','src_org':'Example One','dst_node':'R2',"   \
	"'dst_org':'Example Two','seen_by':['R1','R2']," SPAN_1                                    \
	",'score':19.9,'views':4,'link':'host'}"
#define HOP_2                                                                                     \
	"{'hop':2,'src':'10.2.0.10:38822','dst':'192.0.2.3:22','public_src':'203.0.113.2:38822'," \
	"'public_dst':'192.0.2.3:22','src_node':'R2','src_org':'Example Two','dst_node':null,"    \
	"'dst_org':null,'seen_by':['R2']," SPAN_2 ",'score':9.97,'views':2,'link':'address'}"
#define HOP_3                                                                                   \
	"{'hop':3,'src':'192.0.2.3:26866','dst':'10.4.0.10:22','public_src':'192.0.2.3:26866'," \
	"'public_dst':'198.51.100.4:22','src_node':null,'src_org':null,'dst_node':'R4',"        \
	"'dst_org':'Example Four','seen_by':['R4']," SPAN_3                                     \
	",'score':21.0,'views':2,'link':'end'}"

static const char chain[] = "{" TARGET ",'matches':["
	/**/ MATCH("R1", "Example One", "10.1.0.10:40112", "203.0.113.2:22", SPAN_1, "21.0",
                   "match", "1") ","
	/**/ MATCH("R2", "Example Two", "198.51.100.1:62223", "10.2.0.10:22", SPAN_1, "19.9",
                   "match", "1") ","
	/**/ MATCH("R2", "Example Two", "10.2.0.10:38822", "192.0.2.3:22", SPAN_2, "9.97", "match",
                   "2") ","
	/**/ MATCH("R4", "Example Four", "192.0.2.3:26866", "198.51.100.4:22", SPAN_3, "21.0",
                   "match", "3") ","
	/**/ MATCH("R5", "Example Five", "203.0.113.5:4711", "198.51.100.142:22", SPAN_3, "-1.4",
                   "different",
                   "null") "],'path':[" HOP_1 "," HOP_2 "," HOP_3
			   "],'gaps':[{'after':2,'from':'192.0.2.3','to':'192.0.2.3','link':'"
			   "address'}],"
			   "'coverage':{'asked':3,'answered':3,'refused':0,'silent':0,'nodes':["
			   "{'node':'R1','org':'Example "
			   "One','state':'answered','flows':948,'connections':61},"
			   "{'node':'R2','org':'Example "
			   "Two','state':'answered','flows':628,'connections':48},"
			   "{'node':'R4','org':'Example "
			   "Four','state':'answered','flows':628,'connections':40},"
			   "{'node':'R5','org':'Example "
			   "Five','state':'answered','flows':428,'connections':39}]},"
			   "'query':{'id':'9f'},'bundle':'/traces/9f'}";

static const char chain_drawn[] =
	"Who was behind 192.0.2.3:26866 -> 10.4.0.10:22, seen at R4 (Example Four)?\n"
	"tcp, 2026-11-22 01:06:09.004 - 01:16:29.500 (10m 20s), 18 silences of more than 15 s; all "
	"times UTC\n"
	"\n"
	"3 hops back: 10.1.0.10 (HA), behind R1 (Example One); 1 gap on the way.\n"
	"\n"
	"  * 10.1.0.10  HA    behind R1 (Example One)    << origin, as far as nodes can see\n"
	"  |   19.9  01:06:02.178 - 01:16:30.155 (10m 27s)  4 views: R1 R2\n"
	"  |   10.1.0.10:40112 -> 10.2.0.10:22  on the wire 198.51.100.1:62223 -> 203.0.113.2:22\n"
	"  * 10.2.0.10  HS1   behind R2 (Example Two)\n"
	"  |   10.0  01:06:05.501 - 01:16:29.800 (10m 24s)  2 views: R2\n"
	"  |   10.2.0.10:38822 -> 192.0.2.3:22  on the wire 203.0.113.2:38822 -> 192.0.2.3:22\n"
	"  o 192.0.2.3        NO NODE HERE: ends one hop and begins the next\n"
	"  |   21.0  01:06:09.004 - 01:16:29.500 (10m 20s)  2 views: R4\n"
	"  |   192.0.2.3:26866 -> 10.4.0.10:22  on the wire 192.0.2.3:26866 -> 198.51.100.4:22\n"
	"  @ 10.4.0.10        behind R4 (Example Four)   << the target\n"
	"\n"
	"Asked 3 other nodes, 3 answered; up to 188 connections were compared, out of 2632 flows.\n"
	"Signed evidence: /traces/9f\n";

static const char chain_explained[] =
	"\n"
	"HOP NODE CONNECTION                            SCORE     P   CPF SILENCES     LAG "
	"VERDICT\n"
	"  1 R1   10.1.0.10:40112 -> 203.0.113.2:22      21.0 2e-09 0.304       18 -250 ms match\n"
	"  1 R2   198.51.100.1:62223 -> 10.2.0.10:22     19.9 2e-09 0.304       18 -250 ms match\n"
	"  2 R2   10.2.0.10:38822 -> 192.0.2.3:22        10.0 2e-09 0.304       18 -250 ms match\n"
	"  3 R4   192.0.2.3:26866 -> 198.51.100.4:22     21.0 2e-09 0.304       18 -250 ms match\n"
	"  - R5   203.0.113.5:4711 -> 198.51.100.142:22  -1.4 2e-09 0.304       18 -250 ms "
	"different\n";

/* JSON with ' for ". */
static json_t *report_of(const char *text)
{
	char *copy = strdup(text);
	json_t *report;

	for (char *at = copy; *at != '\0'; at++)
		*at = *at == '\'' ? '"' : *at;
	report = json_loads(copy, 0, NULL);
	free(copy);
	assert_non_null(report);
	return report;
}

static struct names *names_of(const char *text)
{
	char path[] = "/tmp/spoor-test-XXXXXX", reason[NAMES_REASON_MAX];
	int fd = mkstemp(path);
	struct names *names = NULL;
	enum err err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = names_read(path, &names, reason);
	unlink(path);
	if (err != ERR_OK)
		assert_string_equal(strrchr(reason, ':'), ": not \"ADDRESS NAME\"");
	return names;
}

/* The drawing of `report`; the caller frees it. */
static char *drawn(const char *report, const struct report_view *view)
{
	json_t *object = report_of(report);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	report_print(object, view, out);
	fclose(out);
	json_decref(object);
	return text;
}

#define HOP_DOUBTED                                                                             \
	"{'hop':1,'src':'10.1.0.10:40112','dst':'192.0.2.3:22','public_src':'10.1.0.10:40112'," \
	"'public_dst':'192.0.2.3:22','src_node':'R1','src_org':'','dst_node':null,"             \
	"'dst_org':null,'seen_by':['R1']," SPAN_2 ",'score':9.5,'views':1,'link':'address',"    \
	"'joined_by':['tuple','nat'],'weight':0.715,'contradictions':['ends first','lags',"     \
	"'undecided','chance'],'alternatives':[{'src':'10.1.0.11:4','dst':'192.0.2.3:22',"      \
	"'weight':0.285,'views':1}]}"

/* Everything that speaks for another reading stands under the hop, or under the path. */
static void what_is_not_decided_and_what_branches_off_is_said(void **state)
{
	static const char *const wanted[] = {
		"\n  |   joined by its gateway's own translations\n",
		"\n  |   not decided: 72 % this, 28 % 10.1.0.11:4 -> 192.0.2.3:22\n",
		"\n2 hops back: 10.1.0.10, behind R1; 1 gap on the way. 1 hop may be chance.\n",
		"against it: it ends before what it carries; its packets come later",
		"; of so many that were compared, one may agree as well by chance\n",
		"\nBeside the path, with the same rhythm:\n"
		"  sibling  192.0.2.3:5 -> 192.0.2.8:22  started within a second at the "
		"beginning "
		"of hop 2\n      may be chance\n",
	};
	struct report_view view = {0};
	char *text = drawn("{" TARGET ",'matches':[],'path':[" HOP_DOUBTED "," HOP_3 "],'gaps':[],"
	                   "'branches':[{'kind':'sibling','hop':2,'src':'192.0.2.3:5',"
	                   "'dst':'192.0.2.8:22','views':1,'contradictions':['chance']}]}",
	                   &view);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(strstr(text, wanted[i]));
	free(text);
}

static void what_has_no_place_is_said_with_why(void **state)
{
	static const char *const wanted[] = {
		"against it: who sees the next hop's client has not seen it come in",
		"  reverse  192.0.2.3:5 -> 10.4.0.10:99  may drive, as by a reverse shell, hop 2\n",
		"  resumed  192.0.2.3:6 -> 10.4.0.10:22  before or after it, the same session as "
		"hop 2\n",
		"\nWithout a place, though with the same rhythm:\n"
		"  8.2  192.0.2.5:5 -> 192.0.2.6:22  over before what it would have to carry "
		"begins\n"
		"  7.1  192.0.2.7:5 -> 192.0.2.8:22  may be chance\n",
		"1 match has no place on the path",
	};
	struct report_view view = {0};
	char *text = drawn(
		"{" TARGET ",'matches':["
		/**/ MATCH("R2", "", "192.0.2.5:5", "192.0.2.6:22", SPAN_1, "8.2", "match",
	                   "null") ","
		/**/ MATCH("R2", "", "192.0.2.7:5", "192.0.2.8:22", SPAN_1, "7.1", "match",
	                   "null") ","
		/**/ MATCH("R2", "", "192.0.2.9:5", "192.0.2.8:22", SPAN_1, "7.0", "match",
	                   "null") "],'path':["
				   "{'hop':1,'src':'10.1.0.10:40112','dst':'10.2.0.10:22'," SPAN_1
				   ",'score':9,'views':1,'link':'time','contradictions':['"
				   "elsewhere']},"
		/**/ HOP_3 "],'gaps':[],'branches':["
				   "{'kind':'reverse','hop':2,'src':'192.0.2.3:5',"
				   "'dst':'10.4.0.10:99','views':0},"
				   "{'kind':'resumed','hop':2,'src':'192.0.2.3:6',"
				   "'dst':'10.4.0.10:22','views':0}],"
				   "'unplaced':[{'why':'over','src':'192.0.2.5:5',"
				   "'dst':'192.0.2.6:22','score':8.2,'views':1},"
				   "{'why':'a later word','src':'192.0.2.7:5',"
				   "'dst':'192.0.2.8:22','score':7.1,'views':1,"
				   "'contradictions':['chance']}]}",
		&view);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(strstr(text, wanted[i]));
	free(text);
}

static void a_chain_is_drawn_from_origin_to_target(void **state)
{
	struct names *names =
		names_of("# stones\n10.1.0.10 HA ha.example\n\n10.2.0.10\tHS1 # one\n");
	struct report_view view = {.names = names};
	char *text = drawn(chain, &view);
	(void)state;

	assert_string_equal(text, chain_drawn);
	free(text);
	view.explains = true;
	text = drawn(chain, &view);
	assert_int_equal(strncmp(text, chain_drawn, strlen(chain_drawn)), 0);
	assert_string_equal(text + strlen(chain_drawn), chain_explained);
	free(text);
	names_free(names);
}

static void utf8_is_drawn_with_lines_and_points(void **state)
{
	struct report_view view = {.style = {.is_utf8 = true}};
	char *text = drawn(chain, &view);
	(void)state;

	assert_non_null(strstr(text, "  ● 10.1.0.10   behind R1 (Example One)    ◀ origin"));
	assert_non_null(strstr(text, "  │   19.9  "));
	assert_non_null(strstr(text, "10.1.0.10:40112 → 10.2.0.10:22"));
	assert_null(strstr(text, "\033"));
	free(text);
	view.style.is_colour = true;
	text = drawn(chain, &view);
	assert_non_null(strstr(text, "\033[32m19.9\033[0m"));
	free(text);
}

static void unseen_hops_are_marked(void **state)
{
	static const char report[] =
		"{" TARGET ",'path':[{'hop':1,'src':'198.51.100.7:1024','dst':'[2001:db8::9]:22',"
		"'src_node':null,'dst_node':null," SPAN_1 ",'score':9.0,'views':1,'link':'time'},"
		/**/ HOP_3 "],'gaps':[{'after':1,'from':'2001:db8::9','to':'192.0.2.3',"
		"'link':'time'}],'coverage':{'asked':3,'answered':1,'refused':1,'silent':1,"
		"'own_error':'it rained','nodes':"
		"["
		"{'node':'R2','state':'refused'},{'node':'R1','state':'busy'},"
		"{'node':'R4','state':'answered','lost':12,"
		"'window_from':'2026-11-22T01:10:00.000Z','flows':1,'connections':1}]}}";
	struct report_view view = {.names = NULL};
	char *text = drawn(report, &view);
	(void)state;

	assert_non_null(strstr(text, "2 hops back: 198.51.100.7, no node sees behind it; 1 gap"));
	assert_non_null(strstr(
		text,
		"  o 198.51.100.7   no node sees behind it     << origin, as far as nodes can"));
	assert_non_null(strstr(text, "  |   198.51.100.7:1024 -> [2001:db8::9]:22\n"
	                             "  o 2001:db8::9    no node sees behind it\n"
	                             "  :   NO NODE HERE: at least one hop is unseen; timing "
	                             "alone ties what is above to what is below\n"
	                             "  o 192.0.2.3      no node sees behind it\n"));
	assert_non_null(strstr(text, "Asked 3 other nodes, 1 answered, 1 refused (R2), 1 gave no "
	                             "answer (R1: busy);"));
	assert_non_null(strstr(text, "R4 lost 12"));
	assert_non_null(
		strstr(text, "\nThis node's own flows were not all searched: it rained.\n"));
	free(text);
}

static void a_target_alone_is_said_to_be_alone(void **state)
{
	static const char report[] = "{" TARGET ",'matches':[],'path':[" HOP_3
				     "],'gaps':[],'coverage':{'asked':1,'answered':1}}";
	struct report_view view = {.names = NULL};
	char *text = drawn(report, &view);
	(void)state;

	assert_non_null(strstr(text, "\nNo connection that led to this one was found; it came from "
	                             "192.0.2.3, no node sees behind it.\n"));
	free(text);
	text = drawn("{" TARGET ",'matches':[],'path':[" HOP_3
	             "],'gaps':[],'coverage':{'asked':0}}",
	             &view);
	assert_non_null(strstr(text, "\nNobody was asked what led to this one; it came from "
	                             "192.0.2.3, no node sees behind it.\n"));
	assert_null(strstr(text, "origin"));
	free(text);
	text = drawn("{}", &view); /* whatever comes, nothing breaks */
	assert_non_null(strstr(text, "Nobody was asked.\n"));
	assert_null(strstr(text, "Asked"));
	free(text);
}

static void nobody_asked_is_said_in_so_many_words(void **state)
{
	static const char report[] =
		"{'target':{'src':'192.0.2.3:1','dst':'10.4.0.10:22','proto':6," SPAN_3
		",'gap_ms':3600000,'silences':0},'matches':[],'path':[],'gaps':[],"
		"'coverage':{'asked':0,'answered':0,'refused':0,'silent':0,'nodes':[{'node':'R4',"
		"'state':'self','window_from':null,'window_to':null,'flows':0,'connections':0}]},"
		"'query':null,'bundle':null}";
	struct report_view view = {.names = NULL};
	char *text = drawn(report, &view);
	(void)state;

	assert_non_null(strstr(text, "0 silences of more than 1 h;"));
	assert_non_null(strstr(text, "\nNobody was asked.\nWith so few silences timing alone "
	                             "cannot tell connections apart: a longer window would,"));
	assert_null(strstr(text, "holds nothing"));
	free(text);
}

static void a_narrow_terminal_gets_narrow_lines(void **state)
{
	struct report_view view = {.style = {.columns = 40}};
	char *text = drawn(chain, &view), *rest;
	(void)state;

	assert_non_null(strstr(text, "  |   10.1.0.10:40112 -> 10.2.0.10:22\n"
	                             "  |   on the wire 198.51.100.1:62223 -> "));
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= 60);
		assert_int_not_equal(line[strlen(line) - 1], ' ');
	}
	free(text);
	view.style.columns = 500;
	text = drawn(chain, &view);
	assert_non_null(strstr(text, "10.2.0.10:22  on the wire 198.51.100.1:62223 -> "));
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_true(strlen(line) <= 120);
	free(text);
}

static void no_line_is_wider_than_the_page_nor_ends_in_a_space(void **state)
{
	struct names *names = names_of("10.1.0.10 a-name-that-is-a-good-deal-longer-than-others\n");
	struct report_view view = {.names = names};
	char *text = drawn(chain, &view), *rest;
	(void)state;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= 100);
		assert_int_not_equal(line[strlen(line) - 1], ' ');
	}
	free(text);
	names_free(names);
}

/* Nor is what speaks against a hop, of whatever width the page. */
static void doubts_keep_to_the_page(void **state)
{
	(void)state;

	for (size_t columns = 60; columns <= 100; columns++) {
		struct report_view view = {.style = {.columns = columns}};
		char *text = drawn("{" TARGET ",'matches':[],'path':["
		                   "{'hop':1,'src':'10.1.0.10:4','dst':'192.0.2.3:22'," SPAN_1
		                   ",'link':'address','contradictions':['starts later','lags',"
		                   "'chance']}," HOP_3 "]}",
		                   &view);
		char *rest, *at = strstr(text, "  |   against it:");

		assert_non_null(at);
		for (char *line = strtok_r(at, "\n", &rest);
		     line && strstr(line, "NO NODE") == NULL; line = strtok_r(NULL, "\n", &rest))
			assert_in_range(strlen(line), 1, columns);
		free(text);
	}
}

static void what_peers_call_themselves_cannot_move_the_cursor(void **state)
{
	struct report_view view = {.style = {.is_utf8 = true}};
	char *text =
		drawn("{'target':{'src':'\\u001b[2J','dst':'\\u202e\\u009b','node':'\\n'}}", &view);
	(void)state;

	assert_int_equal(strncmp(text, "Who was behind ?[2J → ??, seen at ??\n", 35), 0);
	free(text);
}

static void names_are_added_to_hops_and_gaps(void **state)
{
	struct names *names = names_of("192.0.2.3 HS2\n10.4.0.10 HV\n");
	json_t *report = report_of(chain), *hop, *gap;
	(void)state;

	report_add_names(report, names);
	hop = json_array_get(json_object_get(report, "path"), 2);
	gap = json_array_get(json_object_get(report, "gaps"), 0);
	assert_string_equal(json_string_value(json_object_get(hop, "src_name")), "HS2");
	assert_string_equal(json_string_value(json_object_get(hop, "dst_name")), "HV");
	assert_string_equal(json_string_value(json_object_get(gap, "name")), "HS2");
	hop = json_array_get(json_object_get(report, "path"), 0);
	assert_null(json_object_get(hop, "src_name"));
	json_decref(report);
	names_free(names);
	assert_null(names_of("10.1.0.10\n"));
	assert_null(names_of("HA 10.1.0.10\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_decided_and_what_branches_off_is_said),
		cmocka_unit_test(what_has_no_place_is_said_with_why),
		cmocka_unit_test(a_chain_is_drawn_from_origin_to_target),
		cmocka_unit_test(utf8_is_drawn_with_lines_and_points),
		cmocka_unit_test(unseen_hops_are_marked),
		cmocka_unit_test(a_target_alone_is_said_to_be_alone),
		cmocka_unit_test(nobody_asked_is_said_in_so_many_words),
		cmocka_unit_test(a_narrow_terminal_gets_narrow_lines),
		cmocka_unit_test(no_line_is_wider_than_the_page_nor_ends_in_a_space),
		cmocka_unit_test(doubts_keep_to_the_page),
		cmocka_unit_test(what_peers_call_themselves_cannot_move_the_cursor),
		cmocka_unit_test(names_are_added_to_hops_and_gaps),
	};

	return cmocka_run_group_tests_name("tools/report", tests, NULL, NULL);
}
