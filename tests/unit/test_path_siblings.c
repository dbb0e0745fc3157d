/* One host opens many connections at once, each goes on: as many have one rhythm. */
#include "base/prng.h"
#include "base/util.h"
#include "correlate/path.h"
#include "tests/unit/path_fixture.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define WORLDS 2000
#define SIBLINGS_MAX 20
#define BEGUN_MS 100000
#define OVER_MS 900000

struct place { /* a host, and who sees behind its address; node 0: nobody */
	uint32_t node;
	char inner[20], outer[20]; /* alike where nothing is translated */
};

struct world {
	struct prng random;
	struct match matches[PATH_MATCHES_MAX];
	size_t count;
	bool is_true[PATH_MATCHES_MAX]; /* of the chain */
	uint16_t port;
};

static struct place place_of(struct world *w, uint8_t node, bool is_covered)
{
	struct place p = {.node = is_covered ? node : 0};
	bool is_translated = is_covered && prng_below(&w->random, 2) == 0;

	snprintf(p.outer, sizeof(p.outer), "198.51.100.%u", node);
	if (is_translated)
		snprintf(p.inner, sizeof(p.inner), "10.%u.0.10", node);
	else
		memcpy(p.inner, p.outer, sizeof(p.inner));
	return p;
}

static void see(struct world *w, uint32_t node, uint32_t interface, const char *src,
                const char *dst, struct interval life, bool is_true)
{
	char from[32], to[32];
	struct row row = {node, interface, from, to, life.start_ms, life.end_ms, .score = 9};

	snprintf(from, sizeof(from), "%s:%u", src, w->port);
	snprintf(to, sizeof(to), "%s:22", dst);
	w->is_true[w->count] = is_true;
	w->count += match_rows(&row, 1, &w->matches[w->count]);
}

/* Each gateway between the two sees it inside and outside. */
static void connect(struct world *w, const struct place *a, const struct place *b,
                    struct interval life, bool is_true)
{
	w->port++;
	if (a->node != 0) {
		see(w, a->node, 1, a->inner, b->outer, life, is_true);
		see(w, a->node, 2, a->outer, b->outer, life, is_true);
	}
	if (b->node != 0) {
		see(w, b->node, 2, a->outer, b->outer, life, is_true);
		see(w, b->node, 1, a->outer, b->inner, life, is_true);
	}
}

static int64_t some(struct world *w, int64_t least, int64_t most)
{
	return least + (int64_t)prng_below(&w->random, (uint64_t)(most - least));
}

static void tell_apart(struct world *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct match *m = &w->matches[i];

		m->score = 6 + 20 * prng_unit(&w->random);
		m->lag_ms = some(w, -200, 200);
		m->lag_error_ms = some(w, 5, 60);
		m->stretch_ms = some(w, -100, 100);
		m->stretches = (uint32_t)some(w, 0, 9);
	}
}

enum way_in { IN_BY_NOTHING, IN_BY_THE_DOOR, IN_BY_ANOTHER, IN_BY_A_PROXY, WAYS_IN };

/* Who drives the host: by its address, by a second one of it, by a proxy in its network. */
static size_t drive(struct world *w, enum way_in way, const struct place *host)
{
	struct place attacker = place_of(w, 1, true), door = *host;
	int64_t before_ms = way == IN_BY_ANOTHER ? some(w, 3000, 60000) : some(w, 0, 60000);
	struct interval life = {BEGUN_MS - before_ms, OVER_MS + 1000};

	if (way == IN_BY_NOTHING)
		return 0;
	if (way == IN_BY_ANOTHER)
		door = place_of(w, 3, true);
	if (way == IN_BY_A_PROXY) {
		door = (struct place){.node = 0, .inner = "203.0.113.50", .outer = "203.0.113.50"};
		w->port++;
		see(w, host->node, 2, attacker.outer, door.outer, life, true);
		w->port--;
	}
	connect(w, &attacker, &door, life, true);
	return 1;
}

/* Returns how many hops the chain has, the target's with it. */
static size_t fill(struct world *w, uint64_t seed)
{
	struct place host, servers[SIBLINGS_MAX], victims[SIBLINGS_MAX];
	uint8_t count;
	size_t hops;

	*w = (struct world){.random = {seed}, .port = 40000};
	count = (uint8_t)some(w, 2, SIBLINGS_MAX + 1);
	host = place_of(w, 2, true);
	hops = drive(w, (enum way_in)(seed % WAYS_IN), &host) + 2;
	for (uint8_t i = 0; i < count; i++) {
		int64_t first_ms = BEGUN_MS + some(w, 0, 1000);
		int64_t then_ms = first_ms + some(w, 0, 900);

		servers[i] = place_of(w, (uint8_t)(10 + i), prng_below(&w->random, 4) > 0);
		victims[i] = place_of(w, (uint8_t)(50 + i), i == 0 || prng_below(&w->random, 2));
		connect(w, &host, &servers[i], (struct interval){first_ms, OVER_MS}, i == 0);
		connect(w, &servers[i], &victims[i], (struct interval){then_ms, OVER_MS}, i == 0);
		if (i == 0)
			w->matches[w->count - 1].is_target = true;
	}
	tell_apart(w);
	return hops;
}

static void no_path_grows_by_siblings_and_true_chains_stay_whole(void **state)
{
	static struct world w;
	static struct path path;
	(void)state;

	for (uint64_t seed = 0; seed < WORLDS; seed++) {
		size_t hops = fill(&w, seed);
		bool is_wrong = false;

		path_assemble(w.matches, w.count, NULL, 0, SLACK_MS, &path);
		for (size_t i = 0; i < w.count; i++)
			is_wrong |= (w.matches[i].hop != PATH_NOWHERE) != w.is_true[i];
		if (is_wrong || path.hop_count != hops)
			fail_msg("seed %llu: %zu hops, not %zu", (unsigned long long)seed,
			         path.hop_count, hops);
	}
}

static void what_goes_on_from_a_sibling_is_said_to(void **state)
{
	static struct world w;
	static struct path path;
	(void)state;

	fill(&w, IN_BY_NOTHING);
	path_assemble(w.matches, w.count, NULL, 0, SLACK_MS, &path);
	assert_true(path.unplaced_count > 0 && path.branch_count > 0);
	for (size_t i = 0; i < path.unplaced_count; i++)
		assert_int_equal(path.unplaced[i].why, PATH_WHY_BRANCH);
	assert_string_equal("branch", path_why_text(PATH_WHY_BRANCH));
}

/* Each victim's view of the same script, whose own connections nobody has told. */
static void without_an_address_in_common_what_begins_together_has_no_order(void **state)
{
	static const struct row rows[] = {
		{5, 1, "10.5.0.23:45600", "203.0.113.122:22", 10000, 600000, .score = 9},
		{5, 2, "203.0.113.5:45600", "203.0.113.122:22", 10000, 600000, .score = 9},
		{6, 1, "10.6.0.23:45600", "203.0.113.123:22", 9000, 600000, .score = 7},
		{1, 1, "10.1.0.21:45712", "198.51.100.142:22", 10700, 599000, .is_target = true},
		{1, 2, "198.51.100.1:45712", "198.51.100.142:22", 10700, 599000, .score = 9},
	};
	struct match matches[ARRAY_LEN(rows)];
	static struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.unplaced_count, 2);
	for (size_t i = 0; i < path.unplaced_count; i++)
		assert_int_equal(path.unplaced[i].why, PATH_WHY_TOGETHER);
	assert_string_equal("together", path_why_text(PATH_WHY_TOGETHER));
	/* what has begun before may carry it, but no sibling of that is put before it */
	matches[0].life.start_ms = matches[1].life.start_ms = 8000;
	matches[2].life.start_ms = 7500;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 2);
	assert_int_equal(path.unplaced_count, 1);
	assert_int_equal(path.unplaced[0].why, PATH_WHY_TOGETHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_path_grows_by_siblings_and_true_chains_stay_whole),
		cmocka_unit_test(what_goes_on_from_a_sibling_is_said_to),
		cmocka_unit_test(without_an_address_in_common_what_begins_together_has_no_order),
	};

	return cmocka_run_group_tests_name("path_siblings", tests, NULL, NULL);
}
