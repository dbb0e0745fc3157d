#include "tests/unit/test.h"
#include "tools/news.h"

#include <stdlib.h>
#include <string.h>

#define HOP(src, dst, score) "{'src':'" src "','dst':'" dst "','link':'host','score':" score "}"
#define REPORT(round, is_final, query, silences, path)                                       \
	"{'round':" round ",'is_final':" is_final ",'query':" query                          \
	",'target':{'end':'2026-11-22T01:16:29.500Z','silences':" silences "},'path':[" path \
	"],'coverage':{'asked':4,'answered':3}}"
#define END HOP("192.0.2.3:26866", "10.4.0.10:22", "null")
#define UNASKED REPORT("1", "false", "null", "1", END)
#define ALONE REPORT("2", "false", "{}", "3", END)
#define CHAIN REPORT("3", "false", "{}", "7", HOP("10.1.0.10:40112", "10.2.0.10:22", "5.1") "," END)
#define BESIDE(branches, unplaced)                                                                 \
	"{'round':5,'is_final':false,'query':{},'target':{'end':'2026-11-22T01:16:29.500Z',"       \
	"'silences':9},'path':[" END "],'coverage':{'asked':4,'answered':3},'branches':[" branches \
	"],'unplaced':[" unplaced "]}"
#define LATER REPORT("4", "true", "{}", "9", HOP("10.1.0.10:40112", "10.2.0.10:22", "7.3") "," END)

static json_t *json_of_text(const char *text)
{
	char *copy = strdup(text);
	json_t *ret;

	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	ret = json_loads(copy, 0, NULL);
	assert_non_null(ret);
	free(copy);
	return ret;
}

/* What is said of `now` after `before`, with blanks for line ends; true when it is to be drawn. */
static bool news(const char *before, const char *now, char text[512])
{
	json_t *a = json_of_text(before), *b = json_of_text(now);
	struct report_view view = {.explains = false};
	char *printed = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&printed, &len);
	bool is_drawn = news_print(a, b, &view, out);

	fclose(out);
	snprintf(text, 512, "%s", printed);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	free(printed);
	json_decref(a);
	json_decref(b);
	return is_drawn;
}

static void a_path_that_is_found_is_drawn(void **state)
{
	char text[512];

	(void)state;
	assert_true(news(ALONE, CHAIN, text));
	assert_non_null(strstr(text, "Report 3, as of 01:16:29: the path begins at 10.1.0.10, "
	                             "2 hops back (1 before); 7 silences"));
}

static void the_same_path_is_a_line_with_its_score(void **state)
{
	char text[512];

	(void)state;
	assert_false(news(CHAIN, LATER, text));
	assert_non_null(strstr(text, "Last report, as of 01:16:29: the same path; its weakest hop "
	                             "has 7.3 (5.1 before); 9 silences"));
	assert_non_null(strstr(text, "(asked 4, answered 3)"));
}

static void a_path_that_is_lost_is_drawn_too(void **state)
{
	char text[512];

	(void)state;
	assert_true(news(CHAIN, ALONE, text));
	assert_non_null(strstr(text, "1 hop back (2 before)"));
}

static void what_nobody_was_asked_about_is_undecided(void **state)
{
	char text[512];

	(void)state;
	assert_false(news(UNASKED, UNASKED, text));
	assert_non_null(strstr(text, "not decidable by timing yet; 1 silence"));
	assert_null(strstr(text, "asked"));
}

/* Siblings do not change the path: that there are more of them is news all the same. */
static void what_has_come_beside_the_path_is_said(void **state)
{
	char text[512];

	(void)state;
	assert_false(news(BESIDE("{}", ""), BESIDE("{},{}", "{},{}"), text));
	assert_non_null(strstr(text, "the same path; 3 more beside it; 9 silences"));
	assert_false(news(BESIDE("{},{}", ""), BESIDE("{}", "{}"), text));
	assert_null(strstr(text, "beside"));
}

static void what_has_come_beside_the_path_is_named(void **state)
{
	static const char fork[] = "{'kind':'fork','src':'10.2.0.10:2000','dst':'10.4.0.11:22',"
				   "'hop':2}";
	char text[512], now[1024];

	(void)state;
	snprintf(now, sizeof(now), BESIDE("%s", ""), fork);
	assert_false(news(BESIDE("", ""), now, text));
	assert_non_null(strstr(text, "fork  10.2.0.10:2000 -> 10.4.0.11:22"));
	assert_false(news(now, now, text));
	assert_null(strstr(text, "fork"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_come_beside_the_path_is_said),
		cmocka_unit_test(what_has_come_beside_the_path_is_named),
		cmocka_unit_test(a_path_that_is_found_is_drawn),
		cmocka_unit_test(the_same_path_is_a_line_with_its_score),
		cmocka_unit_test(a_path_that_is_lost_is_drawn_too),
		cmocka_unit_test(what_nobody_was_asked_about_is_undecided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
