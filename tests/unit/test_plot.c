#include "tests/unit/test.h"
#include "tools/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct plot_point rising[] = {{1, 0}, {10, 0.5}, {100, 1}};
static const struct plot_point broken[] = {{1, 1}, {10, NAN}, {0, 5}, {100, INFINITY}};
static const struct plot_point lone[] = {{16, 3}};
static const char *const names[] = {"clean", "a & b"};

/* clang-format off */
static const struct plot_series series[] = {
	{"rising", rising, ARRAY_LEN(rising), true},
	{"broken <one>", broken, ARRAY_LEN(broken), true},
	{"\"none\"", NULL, 0, false},
	{"lone", lone, 1, true},
};

static const struct plot plots[] = {
	{"Nothing", NULL, {.label = "x"}, {.label = "y"}, series, 0},
	{"Linear & more", "a note", {.label = "x"}, {.label = "y"}, series, ARRAY_LEN(series)},
	{"Logs", "", {.label = "x", .is_log = true}, {.label = "y", .min = 0, .max = 1}, series, 4},
	{"Both", NULL, {.label = "x", .is_log = true}, {.label = "y", .is_log = true}, series, 4},
	{"Names", NULL, {.label = "x", .names = names, .name_count = 2}, {.label = "y"}, series, 2},
	{"One point", NULL, {.label = "x", .is_log = true}, {.label = "y"}, &series[3], 1},
	{"Zero", NULL, {.label = "x"}, {.label = "y"}, &series[2], 1},
};
/* clang-format on */

static char *drawn(const struct plot *plot)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	plot_write(out, plot);
	assert_int_equal(0, fclose(out));
	return text;
}

/* Every element that opens closes, in order; quotes pair; no bare ampersand; one root. */
static void assert_well_formed(const char *at)
{
	const char *open[32];
	size_t depth = 0, roots = 0;

	assert_memory_equal("<?xml ", at, 6);
	for (at = strchr(at, '\n'); *at != '\0'; at++) {
		const char *end;
		size_t quotes = 0;

		if (*at == '&')
			assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
			            strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0);
		if (*at != '<') {
			assert_true(*at != '>');
			assert_true(depth > 0 || *at == '\n');
			continue;
		}
		for (end = at; *end != '>' || quotes % 2 == 1; end++) {
			assert_true(*end != '\0');
			quotes += *end == '"';
		}
		if (at[1] == '/') {
			size_t len = (size_t)(end - at - 2);

			assert_true(depth > 0);
			depth--;
			assert_memory_equal(open[depth] + 1, at + 2, len);
			assert_true(strchr(" >", open[depth][len + 1]) != NULL);
		} else if (end[-1] != '/') {
			roots += depth == 0;
			assert_true(depth < ARRAY_LEN(open));
			open[depth++] = at;
		}
		at = end;
	}
	assert_int_equal(0, depth);
	assert_int_equal(1, roots);
}

static void every_plot_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plots); i++) {
		char *text = drawn(&plots[i]);

		assert_well_formed(text);
		free(text);
	}
}

static void no_number_of_a_plot_is_infinite(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plots); i++) {
		char *text = drawn(&plots[i]);

		assert_null(strstr(text, "nan"));
		assert_null(strstr(text, "inf\""));
		assert_null(strstr(text, "inf "));
		free(text);
	}
}

static void a_plot_names_its_axes_and_all_its_series(void **state)
{
	char *text = drawn(&plots[1]);
	(void)state;

	assert_non_null(strstr(text, ">Linear &amp; more<"));
	assert_non_null(strstr(text, ">a note<"));
	assert_non_null(strstr(text, ">rising<"));
	assert_non_null(strstr(text, ">broken &lt;one&gt;<"));
	assert_non_null(strstr(text, ">&quot;none&quot;<"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_plot_is_well_formed),
		cmocka_unit_test(no_number_of_a_plot_is_infinite),
		cmocka_unit_test(a_plot_names_its_axes_and_all_its_series),
	};

	return cmocka_run_group_tests_name("tools/sim/plot", tests, NULL, NULL);
}
