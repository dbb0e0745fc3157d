#include "base/util.h"
#include "correlate/path.h"
#include "tests/unit/path_fixture.h"
#include "tests/unit/test.h"

#define ALL_TOLD 9 /* stretches */

/* What is said of a hop beside its ends and life. */
struct sign {
	int64_t lag_ms, lag_error_ms;
	int64_t stretch_ms;
	uint32_t stretches;
};

/* Three hops at once, through proxies, that timing alone ties; the second begins 500 ms later. */
static const struct row proxied[] = {
	{1, 1, "192.0.2.10:1000", "192.0.2.20:22", 1900, 600900, .score = 9},
	{2, 1, "192.0.2.30:2000", "192.0.2.40:22", 1500, 600500, .score = 9},
	{4, 1, "192.0.2.50:3000", "192.0.2.60:22", 2000, 601000, .is_target = true},
};

static void assemble(const struct row rows[3], const struct sign *first, const struct sign *second,
                     struct match ret[3], struct path *path)
{
	const struct sign *signs[] = {first, second};

	assert_int_equal(3, match_rows(rows, 3, ret));
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		ret[i].lag_ms = signs[i]->lag_ms;
		ret[i].lag_error_ms = signs[i]->lag_error_ms;
		ret[i].stretch_ms = signs[i]->stretch_ms;
		ret[i].stretches = signs[i]->stretches;
	}
	path_assemble(ret, 3, NULL, 0, SLACK_MS, path);
}

/* The first one's clock is 900 ms ahead: so its start is, and so are its edges. */
static void what_a_clock_is_off_is_taken_off_the_start_by_the_lag(void **state)
{
	static const struct {
		struct sign first, second;
		uint32_t hop; /* of the first */
	} cases[] = {
		{{880, 40, 0, 0}, {-10, 40, 0, 0}, 0},
		{{450, 20, 0, 0}, {-10, 20, 0, 0}, 0},
		{{430, 100, 0, 0}, {-10, 100, 0, 0}, 1}, /* 40 ms, and errors of 141 */
		{{880, 700, 0, 0}, {-10, 700, 0, 0}, 1},
		/* the longer activity is surer */
		{{880, 40, 100, ALL_TOLD}, {-10, 40, 400, ALL_TOLD}, 1},
		{{880, 40, 100, ALL_TOLD}, {-10, 40, 350, ALL_TOLD}, 0},
		{{880, 40, 100, 2}, {-10, 40, 400, 2}, 0},
	};
	struct match matches[3];
	struct path path;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assemble(proxied, &cases[i].first, &cases[i].second, matches, &path);
		assert_int_equal(3, path.hop_count);
		assert_int_equal(cases[i].hop, matches[0].hop);
		assert_int_equal(1 - cases[i].hop, matches[1].hop);
	}
}

/* A lag that no clock explains: the first delays what passes it by more than the slack. */
static void beyond_what_clocks_err_the_later_edges_are_nearer(void **state)
{
	static const struct row rows[] = {
		{1, 1, "192.0.2.10:1000", "192.0.2.20:22", 1900, 600900, .score = 9},
		{2, 1, "192.0.2.30:2000", "192.0.2.40:22", 1500, 600500, .score = 9},
		{4, 1, "192.0.2.50:3000", "192.0.2.60:22", 2000, 601000, .is_target = true},
	};
	static const struct sign first = {-100, 40, 0, 0};
	struct sign second = {-2100, 40, 0, 0};
	struct match matches[3];
	struct path path;
	(void)state;

	assemble(rows, &first, &second, matches, &path);
	assert_int_equal(0, matches[0].hop); /* within: their starts without clocks decide */
	second.lag_ms = -2300;
	assemble(rows, &first, &second, matches, &path);
	assert_int_equal(1, matches[0].hop);
	assemble(rows, &second, &first, matches, &path);
	assert_int_equal(0, matches[0].hop);
	assert_int_equal(3, path.hop_count);
}

/* One exporter has told of both: it stamps to within 100 ms, and a key passes upstream first. */
static void by_one_clock_a_start_or_else_the_lag_decides(void **state)
{
	struct row rows[] = {
		{1, 1, "192.0.2.10:1000", "192.0.2.20:22", 1580, 600900, .score = 9},
		{1, 2, "192.0.2.30:2000", "192.0.2.40:22", 1500, 600500, .score = 9},
		{4, 1, "192.0.2.50:3000", "192.0.2.60:22", 2000, 601000, .is_target = true},
	};
	static const struct sign early = {-400, 40, 0, 0}, late = {0, 40, 0, 0};
	struct match matches[3];
	struct path path;
	(void)state;

	assemble(rows, &early, &late, matches, &path);
	assert_int_equal(0, matches[0].hop);
	assemble(rows, &early, &early, matches, &path);
	assert_int_equal(1, matches[0].hop); /* nothing but 80 ms */
	rows[0].start_ms = 1700;
	assemble(rows, &early, &late, matches, &path);
	assert_int_equal(1, matches[0].hop);
	assert_int_equal(PATH_LAGS | PATH_BEGINS_TOGETHER, path.hops[0].doubts);
}

/* Of what the target carried nothing is put before it, though it began within the slack. */
static void what_is_surely_downstream_is_not_put_upstream(void **state)
{
	static const struct sign none = {0, 40, 0, 0};
	static const struct {
		struct sign second;
		bool is_refused;
	} cases[] = {
		{{0, 40, -300, ALL_TOLD}, true}, /* less active than the target */
		{{0, 40, -200, ALL_TOLD}, false},   {{0, 40, -300, 2}, false},
		{{2100, 40, 0, 0}, true},           {{2070, 40, 0, 0}, false},
		{{2100, 40, 300, ALL_TOLD}, false},
	};
	struct match matches[3];
	struct path path;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assemble(proxied, &none, &cases[i].second, matches, &path);
		assert_int_equal(cases[i].is_refused ? 2 : 3, path.hop_count);
		assert_int_equal(cases[i].is_refused, matches[1].hop == PATH_NOWHERE);
		if (cases[i].is_refused)
			assert_int_equal(PATH_WHY_NEARER, path.unplaced[0].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_clock_is_off_is_taken_off_the_start_by_the_lag),
		cmocka_unit_test(beyond_what_clocks_err_the_later_edges_are_nearer),
		cmocka_unit_test(by_one_clock_a_start_or_else_the_lag_decides),
		cmocka_unit_test(what_is_surely_downstream_is_not_put_upstream),
	};

	return cmocka_run_group_tests_name("correlate/path_signs", tests, NULL, NULL);
}
