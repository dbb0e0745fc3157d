#include "base/prng.h"
#include "correlate/path.h"
#include "tests/unit/path_fixture.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define TIES_MAX 6
#define TEXT_MAX 8192

/* A stone's own gateway sees both connections; five minutes lie between them. */
#define INTO_STONE 2, 1, "198.51.100.1:50001", "10.2.0.10:22"
#define OUT_OF_STONE 2, 1, "10.2.0.10:50002", "198.51.100.4:22"

static const struct {
	const char *label;
	struct row rows[ROWS_MAX];
	struct tie ties[TIES_MAX];
	size_t tie_count;
	const char *path;
} cases[] = {
	{"a hop that timing cannot join: it was over five minutes before the next began",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 20000,
                  .is_told = true},
		 {1, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, 20000, .is_told = true},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 20000, .is_told = true},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 320000, .end_ms = 590000},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 320000, 590000, .is_target = true},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 320000, .end_ms = 590000},
	 },
         {{2, 3}},
         1,
         "10.1.0.10:50001=198.51.100.1:50001@1 > 10.2.0.10:22=203.0.113.2:22@2 (3) -origin-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 10.4.0.10:22=198.51.100.4:22@4 (3) -end-\n"
         "hop 0: told, timing is silent\n"},

	{"any view of a hop stands for all of it",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 20000,
                  .is_told = true},
		 {1, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, 20000, .is_told = true},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 20000, .is_told = true},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 320000, .end_ms = 590000},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 320000, 590000, .is_target = true},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 320000, .end_ms = 590000},
	 },
         {{0, 4}, {1, 5}},
         2,
         "10.1.0.10:50001=198.51.100.1:50001@1 > 10.2.0.10:22=203.0.113.2:22@2 (3) -origin-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 10.4.0.10:22=198.51.100.4:22@4 (3) -end-\n"
         "hop 0: told, timing is silent\n"},

	{"a tie outranks the better score, and the rival stays in sight",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .score = 0.71},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, 600000, .score = 0.99},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}},
         1,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: timing is for 198.51.100.7:50009 > 10.2.0.10:22\n"},

	{"what is told outranks it as well",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, 600000, .score = 1},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}},
         1,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is for 198.51.100.7:50009 > 10.2.0.10:22\n"},

	{"the rival may be one by timing alone, and is shown with its inner end",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {3, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {3, 1, "198.51.100.1:50001", "10.3.0.10:22", 10000, .end_ms = 600000},
		 {9, 1, "10.9.0.8:50007", "192.0.2.3:22", 12000, 13000, .is_told = true},
		 {4, 1, "192.0.2.3:50003", "10.4.0.10:22", 20000, 590000, .is_target = true},
	 },
         {{3, 4}},
         1,
         "10.9.0.8:50007@9 > 192.0.2.3:22 (1) -origin-\n"
         "192.0.2.3:50003 > 10.4.0.10:22@4 (1) -end-\n"
         "hop 0: told, timing is for 198.51.100.1:50001 > 10.3.0.10:22\n"},

	{"timing agrees",
         {
		 {INTO_STONE, 10000, .end_ms = 600000},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 1}},
         1,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: timing agrees\n"},

	{"a stone that nobody sees behind is no gap when it speaks itself",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 20000, 590000, .is_target = true},
	 },
         {{0, 1}},
         1,
         "10.1.0.10:50001@1 > 203.0.113.2:22 (1) -origin-\n"
         "203.0.113.2:50002 > 10.4.0.10:22@4 (1) -end-\n"
         "hop 0: timing agrees\n"},

	{"without translation a tie still says who stands before the stone",
         {
		 {1, 1, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 20000},
		 {2, 2, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 20000},
		 {2, 1, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 20000},
		 {2, 1, "[2001:db8:2::a]:50002", "[2001:db8:4::a]:22", 320000, .end_ms = 590000},
		 {4, 1, "[2001:db8:2::a]:50002", "[2001:db8:4::a]:22", 320000, 590000,
                  .is_target = true},
	 },
         {{0, 4}},
         1,
         "[2001:db8:1::a]:50001 > [2001:db8:2::a]:22@2 (3) -origin-\n"
         "[2001:db8:2::a]:50002@2 > [2001:db8:4::a]:22 (2) -end-\n"
         "hop 0: timing is silent\n"},

	{"too late by a millisecond: refused, and timing has its way",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 22001, .end_ms = 600000},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, .end_ms = 600000},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}},
         1,
         "198.51.100.7:50009 > 10.2.0.10:22@2 (1) -host-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 1: refused 198.51.100.1:50001 > 10.2.0.10:22\n"
         "ties refused: 1\n"},

	{"a refused tie leaves nothing where timing has nothing",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 22001, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 1}, {0, 1}},
         2,
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: refused 198.51.100.1:50001 > 10.2.0.10:22\n"
         "ties refused: 2\n"},

	{"the slack is given to ties, too",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 22000, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 1}},
         1,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is silent\n"},

	{"ties in a circle end where it closes",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 20000, .is_told = true},
		 {2, 1, "198.51.100.7:50009", "10.2.0.11:22", 10500, 20000, .is_told = true},
		 {OUT_OF_STONE, 11000, 590000, .is_target = true},
	 },
         {{0, 2}, {1, 0}, {2, 1}, {0, 1}},
         4,
         "198.51.100.7:50009 > 10.2.0.11:22@2 (1) -origin-\n"
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is silent, refused 10.2.0.10:50002 > 198.51.100.4:22\n"
         "hop 1: told, timing is silent\n"
         "ties refused: 2\n"},

	{"two ties for one hop: the one that timing is for",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}, {1, 2}},
         2,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: timing agrees, another tie is for 198.51.100.7:50009 > 10.2.0.10:22\n"},

	{"where timing is for neither, the one that outlives the hop",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, 16000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}, {1, 2}},
         2,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is silent, another tie is for 198.51.100.7:50009 > 10.2.0.10:22\n"},

	{"where several do, the one that came last, and the second is named",
         {
		 {2, 1, "198.51.100.5:50005", "10.2.0.10:22", 9000, 600000, .is_told = true},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, 600000, .is_told = true},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 3}, {1, 3}, {2, 3}, {1, 3}},
         4,
         "198.51.100.7:50009 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is silent, another tie is for 198.51.100.1:50001 > 10.2.0.10:22\n"},

	{"where nothing tells them apart, always the same",
         {
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 2}, {1, 2}},
         2,
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -origin-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "hop 0: told, timing is silent, another tie is for 198.51.100.7:50009 > 10.2.0.10:22\n"},

	{"what is told comes before a hop by a tie only, whatever its address",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {2, 1, "10.2.0.10:50007", "198.51.100.9:22", 12000, .end_ms = 590000},
		 {OUT_OF_STONE, 20000, 590000, .is_target = true},
	 },
         {{0, 1}},
         1,
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"},

	{"before what is told comes whatever fits, and one view that timing matched will do",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 5000, .end_ms = 600000},
		 {2, 2, "198.51.100.1:50001", "203.0.113.2:22", 5000, 600000, .is_told = true},
		 {1, 2, "198.51.100.1:50001", "203.0.113.2:22", 5000, 600000, .is_told = true},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 5000, 600000, .is_told = true},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 10000, 20000, .is_told = true},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 10000, 20000, .is_told = true},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 10000, 20000, .is_told = true},
		 {4, 1, "10.4.0.10:50003", "192.0.2.9:80", 320000, 590000, .is_target = true},
	 },
         {{5, 7}},
         1,
         "10.1.0.10:50001=198.51.100.1:50001@1 > 10.2.0.10:22=203.0.113.2:22@2 (4) -host-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 10.4.0.10:22=198.51.100.4:22@4 (3) -origin-\n"
         "10.4.0.10:50003@4 > 192.0.2.9:80 (1) -end-\n"
         "hop 1: told, timing is silent\n"},

	{"ties of nothing say nothing",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_told = true},
		 {OUT_OF_STONE, 20000, .end_ms = 590000},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	 },
         {{0, 3}, {3, 1}, {UINT32_MAX, 2}, {0, UINT32_MAX}, {1, 1}, {1, 2}},
         6,
         "10.2.0.10:50002=203.0.113.2:50002@2 > 198.51.100.4:22 (2) -end-\n"},
};

static size_t print_view(char *at, size_t room, const char *what, const struct match *m)
{
	char src[ENDPOINT_TEXT_MAX], dst[ENDPOINT_TEXT_MAX];

	return (size_t)snprintf(at, room, "%s%s > %s", what, endpoint_print(&m->src, src),
	                        endpoint_print(&m->dst, dst));
}

/* "hop N: ..." where there is more to say than the path itself does. */
static size_t print_evidence(char *at, size_t room, uint32_t n, const struct hop *h,
                             const struct match *matches)
{
	char text[1024] = "";
	size_t len = 0;

	if (h->is_told)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", told");
	if (h->link == PATH_ORIGIN && h->rival == PATH_NOWHERE)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", timing %s",
		                        h->is_timed ? "agrees" : "is silent");
	if (h->rival != PATH_NOWHERE)
		len += print_view(text + len, sizeof(text) - len, ", timing is for ",
		                  &matches[h->rival]);
	if (h->other != PATH_NOWHERE)
		len += print_view(text + len, sizeof(text) - len, ", another tie is for ",
		                  &matches[h->other]);
	if (h->refused != PATH_NOWHERE)
		len += print_view(text + len, sizeof(text) - len, ", refused ",
		                  &matches[h->refused]);
	return len == 0 ? 0 : (size_t)snprintf(at, room, "hop %u: %s\n", n, text + 2);
}

/* The path, what ties and timing say of it, and how many ties were refused. */
static const char *print_all(const struct path *p, const struct match *matches)
{
	static char text[TEXT_MAX];
	size_t at = (size_t)snprintf(text, sizeof(text), "%s", print_path(p));

	for (uint32_t i = 0; i < p->hop_count; i++)
		at += print_evidence(text + at, sizeof(text) - at, i, &p->hops[i], matches);
	if (p->ties_refused > 0)
		snprintf(text + at, sizeof(text) - at, "ties refused: %zu\n", p->ties_refused);
	return text;
}

static void ties_join_hops_and_say_what_timing_says(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct match matches[ROWS_MAX];
		size_t count = match_rows(cases[i].rows, ROWS_MAX, matches);
		struct path path;

		print_message("%s\n", cases[i].label);
		path_assemble(matches, count, cases[i].ties, cases[i].tie_count, SLACK_MS, &path);
		assert_string_equal(print_all(&path, matches), cases[i].path);
	}
}

static void without_its_tie_the_late_command_ends_at_the_stone(void **state)
{
	struct match matches[ROWS_MAX];
	size_t count = match_rows(cases[0].rows, ROWS_MAX, matches);
	struct path path;
	(void)state;

	path_assemble(matches, count, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(matches[0].hop, PATH_NOWHERE);
	path_assemble(matches, count, cases[0].ties, cases[0].tie_count, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(matches[0].hop, 0);
}

/* places[i]: where what was at i is now. */
static void shuffle(struct prng *p, size_t count, uint32_t *places)
{
	for (uint32_t i = 0; i < count; i++) {
		size_t j = (size_t)prng_below(p, i + 1);

		places[i] = places[j];
		places[j] = i;
	}
}

static void the_order_of_matches_and_ties_does_not_matter(void **state)
{
	struct prng p = {11};
	(void)state;

	for (size_t round = 0; round < 50 * ARRAY_LEN(cases); round++) {
		size_t which = round % ARRAY_LEN(cases), tie_count = cases[which].tie_count;
		struct match matches[ROWS_MAX], mixed[ROWS_MAX];
		size_t count = match_rows(cases[which].rows, ROWS_MAX, matches);
		uint32_t places[ROWS_MAX], tie_places[TIES_MAX];
		struct tie ties[TIES_MAX];
		struct path path;

		shuffle(&p, count, places);
		shuffle(&p, tie_count, tie_places);
		for (size_t i = 0; i < count; i++)
			mixed[places[i]] = matches[i];
		for (size_t i = 0; i < tie_count; i++) {
			struct tie t = cases[which].ties[i];

			ties[tie_places[i]] = (struct tie){
				t.up < count ? places[t.up] : t.up,
				t.down < count ? places[t.down] : t.down,
			};
		}
		path_assemble(mixed, count, ties, tie_count, SLACK_MS, &path);
		assert_string_equal(print_all(&path, mixed), cases[which].path);
	}
}

static void the_score_of_a_hop_is_not_lowered_by_what_is_told(void **state)
{
	static const struct row rows[] = {
		{2, 2, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, 0.01, .is_told = true},
		{2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .score = 0.93},
		{3, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, 0.02, .is_told = true},
		{3, 2, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .score = 0.95},
		{OUT_OF_STONE, 20000, 590000, 1, .is_target = true},
	};
	static const struct tie ties[] = {{0, 4}};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	path_assemble(matches, match_rows(rows, ARRAY_LEN(rows), matches), ties, 1, SLACK_MS,
	              &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.hops[0].views, 4);
	assert_false(path.hops[0].is_told);
	assert_true(path.hops[0].score > 0.92 && path.hops[0].score < 0.94);
	matches[1].is_told = matches[3].is_told = matches[4].is_told = true;
	path_assemble(matches, ARRAY_LEN(rows), ties, 1, SLACK_MS, &path);
	assert_true(path.hops[0].is_told);
	assert_true(path.hops[0].score == 0);
	assert_false(path.hops[1].is_told); /* the target is known by itself */
	assert_true(path.hops[1].score > 0.99);
}

/* Hops that nothing but ties joins, more than a path has room for and more than are looked at. */
static void a_long_chain_of_ties_ends_at_the_limit(void **state)
{
	static struct match matches[PATH_MATCHES_MAX + 100];
	static struct tie ties[ARRAY_LEN(matches)];
	struct path path;
	(void)state;

	for (uint32_t i = 0; i < ARRAY_LEN(matches); i++) {
		uint8_t from[4] = {203, 0, (uint8_t)(i >> 8), (uint8_t)i};
		uint8_t to[4] = {198, 51, (uint8_t)(i >> 8), (uint8_t)i};

		matches[i] = (struct match){
			.node = 1,
			.src = {addr_from_v4(from), 50000},
			.dst = {addr_from_v4(to), 22},
			.life = {-(int64_t)i * 10000, 5000 - (int64_t)i * 10000},
			.proto = 6,
			.is_target = i == 0,
			.is_told = i > 0,
		};
		ties[i] = (struct tie){i + 1, i};
	}
	path_assemble(matches, ARRAY_LEN(matches), ties, ARRAY_LEN(ties), SLACK_MS, &path);
	assert_int_equal(path.hop_count, PATH_HOPS_MAX);
	assert_int_equal(path.gap_count, 0);
	for (uint32_t i = 0; i < PATH_HOPS_MAX; i++)
		assert_int_equal(matches[i].hop, PATH_HOPS_MAX - 1 - i);
	assert_int_equal(matches[PATH_HOPS_MAX].hop, PATH_NOWHERE);
	for (uint32_t i = 0; i < ARRAY_LEN(ties); i++)
		ties[i] = (struct tie){PATH_MATCHES_MAX + i % 100, 0};
	path_assemble(matches, ARRAY_LEN(matches), ties, ARRAY_LEN(ties), SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.ties_refused, 0);
}

#define MANY 40

struct mess {
	struct match matches[MANY];
	struct tie ties[MANY];
	size_t tie_count, target;
};

static void make_mess(struct prng *p, struct mess *m)
{
	bool is_extreme = prng_below(p, 4) == 0;

	m->tie_count = (size_t)prng_below(p, MANY + 1);
	m->target = (size_t)prng_below(p, MANY);
	for (size_t i = 0; i < MANY; i++) {
		uint8_t a[4] = {prng_below(p, 2) ? 10 : 192, 0, 2, (uint8_t)prng_below(p, 6)};
		uint8_t b[4] = {prng_below(p, 2) ? 10 : 192, 0, 2, (uint8_t)prng_below(p, 6)};
		int64_t start_ms = (int64_t)prng_below(p, 60000);

		m->matches[i] = (struct match){
			.node = (uint32_t)prng_below(p, 3),
			.view.if_low = (uint32_t)prng_below(p, 2),
			.src = {addr_from_v4(a), (uint16_t)prng_below(p, 9)},
			.dst = {addr_from_v4(b), (uint16_t)prng_below(p, 9)},
			.life = {start_ms, start_ms + (int64_t)prng_below(p, 60000)},
			.score = 0.01 * (int)prng_below(p, 100),
			.proto = 6,
			.is_target = i == m->target,
			.is_told = prng_below(p, 2) == 0,
		};
		if (is_extreme)
			m->matches[i].life = (struct interval){(int64_t)prng_next(p), INT64_MAX};
	}
	for (size_t i = 0; i < m->tie_count; i++)
		m->ties[i] = (struct tie){(uint32_t)prng_below(p, MANY + 1),
		                          (uint32_t)prng_below(p, MANY + 1)};
}

static bool has_tie(const struct mess *m, uint32_t up, uint32_t down)
{
	for (size_t i = 0; i < m->tie_count; i++) {
		struct tie t = m->ties[i];

		if (t.up < MANY && t.down < MANY && m->matches[t.up].hop == up &&
		    m->matches[t.down].hop == down)
			return true;
	}
	return false;
}

static void check_beside(const struct mess *m, uint32_t view, uint32_t hop)
{
	if (view != PATH_NOWHERE) {
		assert_true(view < MANY);
		assert_true(m->matches[view].hop != hop);
	}
}

/* Where a tie names what comes before `hop`, it is used, or its refusal is told. */
static void check_no_tie_is_lost(const struct mess *m, const struct path *p, uint32_t hop)
{
	for (size_t i = 0; i < m->tie_count; i++) {
		struct tie t = m->ties[i];

		if (t.up >= MANY || t.down >= MANY || m->matches[t.down].hop != hop ||
		    m->matches[t.up].hop == hop)
			continue;
		assert_true((hop > 0 && p->hops[hop - 1].link == PATH_ORIGIN) ||
		            p->hops[hop].refused != PATH_NOWHERE);
	}
}

static void check_hop(const struct mess *m, const struct path *p, uint32_t i)
{
	const struct hop *h = &p->hops[i];
	uint32_t views = 0;

	for (size_t k = 0; k < MANY; k++)
		views += m->matches[k].hop == i;
	assert_int_equal(h->views, views);
	assert_true((h->link == PATH_END) == (i + 1 == p->hop_count));
	if (h->rival != PATH_NOWHERE)
		assert_true(h->rival < MANY && m->matches[h->rival].hop == PATH_NOWHERE);
	check_beside(m, h->other, i);
	check_beside(m, h->refused, i);
	if (h->refused != PATH_NOWHERE)
		assert_true(p->ties_refused > 0);
	if (h->link == PATH_ORIGIN) {
		assert_true(has_tie(m, i, i + 1));
		assert_true(h->life.start_ms <= p->hops[i + 1].life.start_ms ||
		            h->life.start_ms - p->hops[i + 1].life.start_ms <= SLACK_MS);
		assert_false(h->is_timed && (h->is_told || h->rival != PATH_NOWHERE));
	} else {
		assert_true(h->link == PATH_END || (h->is_timed && !h->is_told));
		assert_int_equal(h->rival, PATH_NOWHERE);
		assert_int_equal(h->other, PATH_NOWHERE);
	}
	check_no_tie_is_lost(m, p, i);
}

/* Whatever hosts tell, a path is one: each hop once, none before its time, no tie dropped unsaid.
 */
static void many_ties_at_random_make_a_path_nevertheless(void **state)
{
	size_t tied = 0, rivals = 0, others = 0, refused = 0, agreed = 0;
	struct prng p = {12};
	(void)state;

	for (int round = 0; round < 2000; round++) {
		struct mess m;
		struct path path;
		size_t gaps = 0;

		make_mess(&p, &m);
		path_assemble(m.matches, MANY, m.ties, m.tie_count, SLACK_MS, &path);
		assert_in_range(path.hop_count, 1, PATH_HOPS_MAX - 1);
		assert_int_equal(m.matches[m.target].hop, path.hop_count - 1);
		for (uint32_t i = 0; i < path.hop_count; i++) {
			const struct hop *h = &path.hops[i];

			check_hop(&m, &path, i);
			gaps += h->link == PATH_ADDRESS || h->link == PATH_TIME;
			tied += h->link == PATH_ORIGIN;
			agreed += h->link == PATH_ORIGIN && h->is_timed;
			rivals += h->rival != PATH_NOWHERE;
			others += h->other != PATH_NOWHERE;
			refused += h->refused != PATH_NOWHERE;
		}
		assert_int_equal(path.gap_count, gaps);
	}
	/* The dice have shown every case. */
	assert_true(tied > 100 && rivals > 100 && others > 100 && refused > 100 && agreed > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ties_join_hops_and_say_what_timing_says),
		cmocka_unit_test(without_its_tie_the_late_command_ends_at_the_stone),
		cmocka_unit_test(the_order_of_matches_and_ties_does_not_matter),
		cmocka_unit_test(the_score_of_a_hop_is_not_lowered_by_what_is_told),
		cmocka_unit_test(a_long_chain_of_ties_ends_at_the_limit),
		cmocka_unit_test(many_ties_at_random_make_a_path_nevertheless),
	};

	return cmocka_run_group_tests_name("correlate/path_ties", tests, NULL, NULL);
}
