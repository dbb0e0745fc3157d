/* Paths where a host has said which connection another was opened from. */
#include "base/prng.h"
#include "correlate/path.h"
#include "tests/unit/test.h"

#include <string.h>

#define SLACK_MS 2000
#define MINUTE 60000

/* evil (1) -> stone (2) -> victim, and somebody else who is in the stone at that time. */
enum { IN_A, IN_B, STRANGER, OUT_B, ROWS };

static struct match match_of(uint32_t node, const char *src, const char *dst, int64_t start_ms,
                             int64_t end_ms)
{
	const uint8_t exporter[4] = {10, 255, 0, (uint8_t)node};
	struct match m = {
		.node = node,
		.view = {addr_from_v4(exporter), 1, 1},
		.life = {start_ms, end_ms},
		.score = 0.9,
		.proto = 6,
		.hop = 77,
	};

	assert_ok(endpoint_parse(src, &m.src));
	assert_ok(endpoint_parse(dst, &m.dst));
	return m;
}

/* The way in is over five minutes before the way out begins; the stranger is there all the time. */
static void scene(struct match m[ROWS])
{
	m[IN_A] = match_of(1, "198.51.100.1:7000", "203.0.113.2:22", 0, 2 * MINUTE);
	m[IN_B] = match_of(2, "198.51.100.1:7000", "10.2.0.5:22", 0, 2 * MINUTE);
	m[STRANGER] = match_of(2, "192.0.2.77:4000", "10.2.0.5:22", 5 * MINUTE, 60 * MINUTE);
	m[OUT_B] = match_of(2, "10.2.0.5:2000", "198.51.100.4:22", 7 * MINUTE, 9 * MINUTE);
	m[IN_B].is_told = m[IN_A].is_told = true;
	m[OUT_B].is_target = true; /* one view of the target is enough here */
}

static void a_tie_joins_what_minutes_lie_between(void **state)
{
	const struct tie tie = {IN_B, OUT_B};
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	m[STRANGER].life = (struct interval){8 * MINUTE, 9 * MINUTE};
	path_assemble(m, ROWS, NULL, 0, SLACK_MS, &path);
	assert_int_equal(1, path.hop_count);
	scene(m);
	m[STRANGER].life = (struct interval){8 * MINUTE, 9 * MINUTE};
	path_assemble(m, ROWS, &tie, 1, SLACK_MS, &path);
	assert_int_equal(2, path.hop_count);
	assert_int_equal(PATH_ORIGIN, path.hops[0].link);
	assert_int_equal(PATH_SILENT, path.hops[0].timing);
	assert_int_equal(0, path.gap_count);
	assert_true(path.hops[0].is_told);
	assert_int_equal(2, path.hops[0].dst_node);
	assert_int_equal(0, m[IN_B].hop);
	assert_int_equal(0, m[IN_A].hop); /* the other side of the gateway comes along */
}

static void it_outranks_a_score_and_shows_the_rival(void **state)
{
	const struct tie tie = {IN_B, OUT_B};
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	path_assemble(m, ROWS, NULL, 0, SLACK_MS, &path);
	assert_int_equal(2, path.hop_count);
	assert_int_equal(0, m[STRANGER].hop); /* timing would take the stranger */
	scene(m);
	path_assemble(m, ROWS, &tie, 1, SLACK_MS, &path);
	assert_int_equal(2, path.hop_count);
	assert_int_equal(0, m[IN_B].hop);
	assert_int_equal(PATH_NOWHERE, m[STRANGER].hop);
	assert_int_equal(PATH_AGAINST, path.hops[0].timing);
	assert_int_equal(STRANGER, path.hops[0].rival);
}

/* Timing would skip the hop that only the host knows of, and lead to the same place. */
static void who_stands_farther_up_the_path_is_no_rival(void **state)
{
	const struct tie tie = {IN_B, OUT_B};
	struct match m[ROWS + 1];
	struct path path;
	(void)state;

	for (int with_tie = 0; with_tie < 2; with_tie++) {
		scene(m);
		m[STRANGER].is_told = true;
		m[OUT_B] = match_of(4, "203.0.113.2:2000", "10.4.0.9:22", 7 * MINUTE, 9 * MINUTE);
		m[OUT_B].is_target = true;
		m[ROWS] = match_of(9, "192.0.2.200:1", "198.51.100.1:22", 0, 20 * MINUTE);
		path_assemble(m, ROWS + 1, &tie, (size_t)with_tie, SLACK_MS, &path);
		assert_int_equal(2 + with_tie, path.hop_count);
		assert_int_equal(0, m[ROWS].hop);
	}
	assert_int_equal(1, m[IN_B].hop);
	assert_int_equal(PATH_ORIGIN, path.hops[1].link);
	assert_int_equal(PATH_SILENT, path.hops[1].timing);
	assert_int_equal(PATH_NOWHERE, path.hops[1].rival);
}

static void agreement_is_told(void **state)
{
	const struct tie tie = {STRANGER, OUT_B};
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	path_assemble(m, ROWS, &tie, 1, SLACK_MS, &path);
	assert_int_equal(PATH_ORIGIN, path.hops[0].link);
	assert_int_equal(PATH_AGREES, path.hops[0].timing);
	assert_int_equal(PATH_NOWHERE, path.hops[0].rival);
	assert_false(path.hops[0].is_told);
}

/* Who came in after the connection was opened cannot have opened it. */
static void a_tie_against_time_is_refused_and_said(void **state)
{
	const struct tie tie = {IN_B, OUT_B};
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	m[IN_A].life = m[IN_B].life = (struct interval){7 * MINUTE + SLACK_MS + 1, 8 * MINUTE};
	path_assemble(m, ROWS, &tie, 1, SLACK_MS, &path);
	assert_int_equal(PATH_NOWHERE, m[IN_B].hop);
	assert_int_equal(0, m[STRANGER].hop);
	assert_int_equal(PATH_HOST, path.hops[0].link);
	assert_true(path.hops[1].is_refused);
	m[IN_A].life = m[IN_B].life = (struct interval){7 * MINUTE + SLACK_MS, 8 * MINUTE};
	path_assemble(m, ROWS, &tie, 1, SLACK_MS, &path);
	assert_int_equal(0, m[IN_B].hop);
	assert_false(path.hops[1].is_refused);
}

static void what_is_only_told_of_is_on_the_path_by_a_tie_or_not_at_all(void **state)
{
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	m[STRANGER].is_told = true;
	path_assemble(m, ROWS, NULL, 0, SLACK_MS, &path);
	assert_int_equal(1, path.hop_count);
}

/* But what leads to it may be found by timing. */
static void a_told_hop_has_predecessors_like_any(void **state)
{
	const struct tie tie = {IN_B, OUT_B};
	struct match m[ROWS + 1];
	struct path path;
	(void)state;

	scene(m);
	m[IN_A].is_told = false;
	m[ROWS] = match_of(1, "192.0.2.200:1", "198.51.100.1:22", 0, 3 * MINUTE);
	path_assemble(m, ROWS + 1, &tie, 1, SLACK_MS, &path);
	assert_int_equal(3, path.hop_count);
	assert_int_equal(0, m[ROWS].hop);
	assert_true(path.hops[0].link == PATH_HOST || path.hops[0].link == PATH_ADDRESS);
}

static void of_two_ties_the_later_that_fits_counts(void **state)
{
	const struct tie ties[] = {{IN_B, OUT_B}, {STRANGER, OUT_B}};
	struct match m[ROWS];
	struct path path;
	(void)state;

	for (int turn = 0; turn < 2; turn++) {
		struct tie both[2] = {ties[turn], ties[1 - turn]};

		scene(m);
		path_assemble(m, ROWS, both, 2, SLACK_MS, &path);
		assert_int_equal(0, m[STRANGER].hop);
		assert_int_equal(PATH_NOWHERE, m[IN_B].hop);
	}
}

static void ties_in_a_circle_and_to_nowhere_end(void **state)
{
	const struct tie ties[] = {{IN_B, OUT_B},     {OUT_B, IN_B}, {IN_B, IN_B},
	                           {IN_A, IN_B},      {ROWS, OUT_B}, {IN_B, UINT32_MAX},
	                           {UINT32_MAX, ROWS}};
	struct match m[ROWS];
	struct path path;
	(void)state;

	scene(m);
	path_assemble(m, ROWS, ties, ARRAY_LEN(ties), SLACK_MS, &path);
	assert_int_equal(2, path.hop_count);
	assert_int_equal(0, m[IN_B].hop);
}

/* Whatever hosts say: a path within its limits, each hop once, the target last, gaps between. */
static void any_ties_make_a_path(void **state)
{
	struct prng p = {11};
	(void)state;

	for (int round = 0; round < 300; round++) {
		struct match m[60];
		struct tie ties[80];
		size_t target = (size_t)prng_below(&p, ARRAY_LEN(m));
		struct path path;

		for (size_t i = 0; i < ARRAY_LEN(m); i++) {
			uint8_t a[4] = {10, 0, 2, (uint8_t)prng_below(&p, 5)};
			uint8_t b[4] = {192, 0, 2, (uint8_t)prng_below(&p, 5)};

			m[i] = (struct match){
				.node = (uint32_t)prng_below(&p, 3),
				.src = {addr_from_v4(a), (uint16_t)prng_below(&p, 3)},
				.dst = {addr_from_v4(b), (uint16_t)prng_below(&p, 3)},
				.proto = 6,
				.is_target = i == target,
				.is_told = i != target && prng_below(&p, 2) == 0,
			};
			m[i].life.start_ms = (int64_t)prng_below(&p, 90000);
			m[i].life.end_ms = m[i].life.start_ms + 9000;
		}
		for (size_t i = 0; i < ARRAY_LEN(ties); i++)
			ties[i] = (struct tie){(uint32_t)prng_below(&p, 62),
			                       (uint32_t)prng_below(&p, 62)};
		path_assemble(m, ARRAY_LEN(m), ties, ARRAY_LEN(ties), SLACK_MS, &path);
		assert_in_range(path.hop_count, 1, PATH_HOPS_MAX);
		assert_int_equal(m[target].hop, path.hop_count - 1);
		for (size_t i = 0; i + 1 < path.hop_count; i++) {
			const struct hop *h = &path.hops[i];

			assert_int_not_equal(PATH_END, h->link);
			assert_true(!h->is_told || h->link == PATH_ORIGIN);
			assert_true(h->timing != PATH_AGAINST || h->rival < ARRAY_LEN(m));
			if (h->link == PATH_ORIGIN)
				assert_true(h->life.start_ms <=
				            path.hops[i + 1].life.start_ms + SLACK_MS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tie_joins_what_minutes_lie_between),
		cmocka_unit_test(it_outranks_a_score_and_shows_the_rival),
		cmocka_unit_test(who_stands_farther_up_the_path_is_no_rival),
		cmocka_unit_test(agreement_is_told),
		cmocka_unit_test(a_tie_against_time_is_refused_and_said),
		cmocka_unit_test(what_is_only_told_of_is_on_the_path_by_a_tie_or_not_at_all),
		cmocka_unit_test(a_told_hop_has_predecessors_like_any),
		cmocka_unit_test(of_two_ties_the_later_that_fits_counts),
		cmocka_unit_test(ties_in_a_circle_and_to_nowhere_end),
		cmocka_unit_test(any_ties_make_a_path),
	};

	return cmocka_run_group_tests_name("correlate/path ties", tests, NULL, NULL);
}
