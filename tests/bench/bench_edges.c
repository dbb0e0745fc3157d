/*
 * bench_edges - what it costs to find the edges of silences and to log them, and how long a
 * question takes among a million connections, with more or less kept beside. One JSON object per
 * line.
 *
 *   bench_edges [DIR [TALKERS [DAYS...]]]     50000 talkers, and 0 and 30 days unless told
 *
 * Of the million connections of half an hour so many talk, with silences of 16 to 176 s; the others
 * are two records each. Before the half hour lie DAYS of a million flows each, a tenth of them of
 * talkers. A question is what one of the talkers did in the half hour. Cold is with nothing of the
 * file in memory, warm the mean of asking again and again. The first rows are of a processor's
 * time, the others of the clock's.
 */
#include "base/prng.h"
#include "base/util.h"
#include "correlate/connection.h"
#include "node/candidates.h"
#include "node/search.h"
#include "node/silences.h"
#include "tests/bench/bench.h"
#include "tests/bench/stored.h"
#include "tests/bench/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP_MS 15000
#define VERSION 9
#define TRIES 9
#define AGAIN 20
#define WINDOW_S 1800
#define CONNECTIONS 1000000
#define DAY_S 86400
#define DAY_FLOWS 1000000
#define DAY_TALKERS 70
#define BATCH 32
#define T0 TRAFFIC_T0
#define SLOTS 256 /* seconds, more than any silence with its activity */
#define NOBODY UINT32_MAX

/* --- finding and logging edges --- */

#define SOME 600000
#define FRESH 2048
#define ROUNDS 400
static struct flow some[SOME];

/* Flows as they come, freshly decoded; few of them end a silence, if any. */
static void bench_usual(const char *dir)
{
	struct store *s = stored_open(dir);
	struct silences silences;
	static struct traffic t;
	static struct flow fresh[FRESH];
	double start, silences_s = 0, stored_s = 0;

	traffic_start(&t, 1, 2000);
	for (size_t i = 0; i < SOME; i++)
		some[i] = traffic_next(&t);
	silences_start(&silences, s, GAP_MS, SILENCES_CONNECTIONS);
	silences_feed(&silences, some, SOME); /* so that the table is in memory */
	for (size_t i = 0; i < ROUNDS; i++) {
		for (size_t j = 0; j < FRESH; j++)
			fresh[j] = traffic_next(&t);
		start = processor_s();
		for (size_t j = 0; j < FRESH; j += BATCH)
			silences_feed(&silences, fresh + j, BATCH);
		silences_s += processor_s() - start;
		start = processor_s();
		for (size_t j = 0; j < FRESH; j += BATCH)
			CHECK(store_append(s, fresh + j, BATCH) == ERR_OK);
		if (store_is_ready(s))
			CHECK(store_seal(s) == ERR_OK);
		stored_s += processor_s() - start;
	}
	report("edges", "usual flows, edges of them", silences_s / (ROUNDS * FRESH) * 1e9,
	       "ns/flow");
	report("edges", "usual flows, stored", stored_s / (ROUNDS * FRESH) * 1e9, "ns/flow");
	report("edges", "usual flows, edges to both", silences_s / (silences_s + stored_s), "part");
	silences_free(&silences);
	store_close(s);
	stored_clean(dir);
}

/* Nothing but silences, from the record to the disk. */
static void bench_building(const char *dir)
{
	struct store *s = stored_open(dir);
	struct silences silences;
	struct store_stats stats;
	struct prng p = {3};
	double gaps, start, spent;

	silences_start(&silences, s, GAP_MS, SOME / 4);
	for (size_t i = 0; i < SOME; i++) {
		struct flow *f = &some[i];

		*f = (struct flow){.proto = 6, .src_port = 1, .in_if = 1, .out_if = 2};
		memcpy(f->src.octets, &(uint32_t){(uint32_t)(i % (SOME / 20))}, 4);
		f->start_ms = T0 + (int64_t)i * 2 + (int64_t)prng_below(&p, 1000);
		f->end_ms = f->start_ms + (int64_t)prng_below(&p, 9000);
		f->received_ms = f->end_ms;
	}
	start = processor_s();
	for (size_t i = 0; i < SOME; i += BATCH)
		silences_feed(&silences, some + i, BATCH);
	spent = processor_s() - start;
	CHECK(store_append(s, some, 1) == ERR_OK);
	start = processor_s();
	store_close(s);
	spent += processor_s() - start;
	gaps = (double)gaps_stats(silences.gaps).edges / 2;
	s = stored_open(dir);
	store_stats(s, &stats);
	CHECK(stats.edge_octets > 0);
	report("edges", "silences, from record to disk", gaps / spent, "gaps/s");
	report("edges", "silences, on disk", (double)stats.edge_octets / gaps, "octets/gap");
	silences_free(&silences);
	store_close(s);
	stored_clean(dir);
}

/* --- a question --- */

struct world {
	const char *dir;
	struct store *store;
	struct silences silences;
	struct prng random;
	uint32_t talkers;
	uint32_t *next; /* who comes in the same second */
	uint32_t first[SLOTS];
	int64_t now_s;
	struct flow batch[BATCH];
	size_t batched;
	uint64_t flows;
};

static void flush(struct world *w)
{
	silences_feed(&w->silences, w->batch, w->batched);
	silences_flush(&w->silences);
	CHECK(store_append(w->store, w->batch, w->batched) == ERR_OK);
	w->flows += w->batched;
	w->batched = 0;
	if (store_is_ready(w->store))
		CHECK(store_seal(w->store) == ERR_OK);
}

static void put(struct world *w, struct flow f)
{
	w->batch[w->batched++] = f;
	if (w->batched == BATCH)
		flush(w);
}

static struct addr exporter_of(uint64_t id)
{
	return addr_from_v4((const uint8_t[4]){10, 255, 0, (uint8_t)(id % 2)});
}

/* Both directions of something that is over. */
static void put_both(struct world *w, uint64_t id, int64_t start_ms, int64_t end_ms)
{
	struct flow f = {
		.exporter = exporter_of(id),
		.src = addr_from_v4((const uint8_t[4]){10, 1, (uint8_t)(id >> 8), (uint8_t)id}),
		.dst = addr_from_v4((const uint8_t[4]){100, (uint8_t)(id >> 32),
	                                               (uint8_t)(id >> 24), (uint8_t)(id >> 16)}),
		.src_port = (uint16_t)(1024 + id % 60000),
		.dst_port = 22,
		.proto = 6,
		.in_if = 1,
		.out_if = 2,
		.start_ms = start_ms,
		.end_ms = end_ms,
		.received_ms = end_ms + GAP_MS,
		.octets = 100 + id % 1000,
		.packets = 3,
		.version = VERSION,
	};
	struct flow g = f;

	put(w, f);
	g.src = f.dst;
	g.dst = f.src;
	g.src_port = f.dst_port;
	g.dst_port = f.src_port;
	g.in_if = f.out_if;
	g.out_if = f.in_if;
	g.octets += id % 77;
	put(w, g);
}

static void come_after(struct world *w, uint32_t talker, int64_t seconds)
{
	size_t slot = (size_t)((w->now_s + seconds) % SLOTS);

	w->next[talker] = w->first[slot];
	w->first[slot] = talker;
}

static void gather_talkers(struct world *w, uint32_t count)
{
	w->next = realloc(w->next, count * sizeof(*w->next));
	CHECK(w->next != NULL);
	for (size_t i = 0; i < SLOTS; i++)
		w->first[i] = NOBODY;
	w->talkers = count;
	for (uint32_t i = 0; i < count; i++)
		come_after(w, i, (int64_t)prng_below(&w->random, 190));
}

/* One second: who has fallen silent is exported, and some that do not talk. */
static void second(struct world *w, uint64_t group, double others, double *owed)
{
	uint32_t *list = &w->first[w->now_s % SLOTS], talker = *list;

	*list = NOBODY;
	while (talker != NOBODY) {
		uint32_t next = w->next[talker];
		int64_t end_ms = w->now_s * 1000 + (int64_t)prng_below(&w->random, 1000);

		put_both(w, group << 24 | talker,
		         end_ms - 1 - (int64_t)prng_below(&w->random, 9000), end_ms);
		come_after(w, talker, 26 + (int64_t)prng_below(&w->random, 160));
		talker = next;
	}
	for (*owed += others; *owed >= 1; *owed -= 1) {
		int64_t end_ms = w->now_s * 1000 + (int64_t)prng_below(&w->random, 1000);

		put_both(w, UINT64_C(200) << 32 | (prng_next(&w->random) & 0xffffffff),
		         end_ms - (int64_t)prng_below(&w->random, 5000), end_ms);
	}
	w->now_s++;
}

static void fill(struct world *w, uint32_t talkers, int64_t days)
{
	double owed = 0;

	w->now_s = T0 / 1000 - days * DAY_S;
	gather_talkers(w, DAY_TALKERS);
	for (int64_t i = 0; i < days * DAY_S; i++)
		second(w, (uint64_t)(i / WINDOW_S % 200), 0.9 * DAY_FLOWS / 2 / DAY_S, &owed);
	gather_talkers(w, talkers);
	for (int64_t i = 0; i < WINDOW_S; i++)
		second(w, 201, (double)(CONNECTIONS - talkers) / WINDOW_S, &owed);
	flush(w);
	CHECK(store_seal(w->store) == ERR_OK);
}

static void take_print(void *ctx, const struct connection *c)
{
	struct question *q = ctx;

	q->on_count = MIN(c->on_count, QUERY_INTERVALS_MAX);
	memcpy(q->on, c->on, q->on_count * sizeof(q->on[0]));
}

static struct whom whom_of(uint64_t id)
{
	return (struct whom){
		.a = addr_from_v4((const uint8_t[4]){10, 1, (uint8_t)(id >> 8), (uint8_t)id}),
		.b = addr_from_v4((const uint8_t[4]){100, (uint8_t)(id >> 32), (uint8_t)(id >> 24),
	                                             (uint8_t)(id >> 16)}),
		.a_port = (uint16_t)(1024 + id % 60000),
		.b_port = 22,
		.proto = 6,
		.is_connection = true,
	};
}

/* What a talker of the half hour did. */
static struct question question_of(struct store *s, uint64_t id)
{
	struct whom whom = whom_of(id);
	struct wish wish = {.when = {T0, INT64_MAX}, .whom = &whom, .whom_count = 1};
	struct question q = {.gap_ms = GAP_MS, .bound_ms = 1000, .lost = 50};
	struct sighting rows[512];
	struct interval room[512];
	struct store_cursor *c;
	const struct flow *flows;
	size_t count, taken = 0;

	CHECK(store_cursor_find(s, &wish, &c) == ERR_OK);
	while (store_cursor_next(c, &flows, &count) == ERR_OK) {
		for (size_t i = 0; i < count && taken < ARRAY_LEN(rows); i++)
			rows[taken++] = sighting_of(&flows[i]);
	}
	store_cursor_close(c);
	CHECK(taken > 0);
	connection_each(rows, taken, GAP_MS, room, take_print, &q);
	return q;
}

static void report_median(const char *what, int64_t days, double *values, const char *unit)
{
	char text[80];

	qsort(values, TRIES, sizeof(values[0]), stored_by_value);
	snprintf(text, sizeof(text), "%s, %lld days beside", what, (long long)days);
	report("edges", text, values[TRIES / 2], unit);
}

/* Of both exporters, as of a day on which estimates changed now and then. */
static const struct skews *clocks(void)
{
	static struct clock_segment segments[2][CLOCK_SEGMENTS];
	static struct skews_known known[2];
	static struct skews ret = {.of = known, .count = 2};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		known[i] = (struct skews_known){
			.key = {.exporter = exporter_of(i), .version = VERSION},
			.segments = segments[i],
			.count = CLOCK_SEGMENTS,
		};
		for (int64_t n = 0; n < CLOCK_SEGMENTS; n++) {
			int64_t from_ms = T0 + (n - CLOCK_SEGMENTS / 2) * 1350000;

			segments[i][n] = (struct clock_segment){
				from_ms, from_ms + 1349999, n - 30, 25, 0, 1};
		}
	}
	return &ret;
}

static double ask_index_ms(struct store *s, const struct question *q, size_t *ret_candidates)
{
	const struct skews *known = clocks();
	struct interval when = {q->on[0].start_ms, q->on[q->on_count - 1].end_ms};
	struct candidates c;
	double start = now_s(), spent;

	CHECK(candidates_find(s, q, GAP_MS, when, known, &c) == ERR_OK);
	spent = now_s() - start;
	*ret_candidates = c.count;
	candidates_free(&c);
	return spent * 1e3;
}

/* How long it takes to find whom the question is of; 0: it is not found. */
static double search_ms(struct store *s, const struct question *q, uint64_t id, bool is_exhaustive)
{
	static struct answer answer;
	double start = now_s();
	struct whom whom = whom_of(id);
	struct search_effort effort = {is_exhaustive, GATHERED_MAX, &deadline_never};
	struct losses none = {.of = NULL};
	struct search_side side = {GAP_MS, clocks(), &none};
	enum search_extent extent;
	bool is_found = false;

	memset(&answer, 0, sizeof(answer));
	if (search_store(s, q, &side, &effort, &answer, &extent) != ERR_OK)
		return 0; /* more than a search may hold */
	for (size_t i = 0; i < answer.finding_count; i++)
		is_found |= addr_equal(&answer.findings[i].src.addr, &whom.a) ||
		            addr_equal(&answer.findings[i].dst.addr, &whom.a);
	if (!is_found && extent == SEARCH_LACKING)
		return 0;
	CHECK(is_found);
	return (now_s() - start) * 1e3;
}

static void bench_question(const char *dir, uint32_t talkers, int64_t days)
{
	static struct world w;
	double cold[TRIES], warm[TRIES], found[TRIES], whole[TRIES], silences[TRIES];
	struct store_stats stats;
	struct gaps_stats gaps;
	size_t candidates, answered = 0;

	w = (struct world){.dir = dir, .random = {9}, .store = stored_open(dir)};
	silences_start(&w.silences, w.store, GAP_MS, SILENCES_CONNECTIONS);
	fill(&w, talkers, days);
	gaps = gaps_stats(w.silences.gaps);
	silences_free(&w.silences);
	store_close(w.store);
	for (size_t i = 0; i < TRIES; i++) {
		uint64_t id = UINT64_C(201) << 24 | i * talkers / TRIES;
		struct question q;
		struct store *s = stored_open(dir);

		q = question_of(s, id);
		store_close(s);
		stored_chill(dir);
		s = stored_open(dir);
		cold[i] = ask_index_ms(s, &q, &candidates);
		warm[i] = 0;
		for (int k = 0; k < AGAIN; k++)
			warm[i] += ask_index_ms(s, &q, &candidates) / AGAIN;
		found[i] = (double)candidates;
		silences[i] = (double)q.on_count - 1;
		whole[i] = search_ms(s, &q, id, false);
		answered += whole[i] > 0;
		if (i == 0) {
			store_stats(s, &stats);
			report("edges", "flows held", (double)stats.flows, "flows");
			report("edges", "silences logged", (double)gaps.edges / 2, "gaps");
			report("edges", "found to lack many", (double)gaps.lacks, "times");
			report("edges", "on disk",
			       (double)stats.edge_octets * 2 / (double)gaps.edges, "octets/gap");
			report("edges", "reading everything", search_ms(s, &q, id, true), "ms");
		}
		store_close(s);
	}
	report_median("silences of the question", days, silences, "silences");
	report_median("the log, cold", days, cold, "ms");
	report_median("the log, warm", days, warm, "ms");
	report_median("candidates", days, found, "connections");
	report_median("the whole search, warm", days, whole, "ms");
	report("edges", "of 9 questions are answered", (double)answered, "questions");
	free(w.next);
	stored_clean(dir);
}

int main(int argc, char **argv)
{
	static const char *const usual_days[] = {"0", "30"};
	const char *parent = argc > 1 ? argv[1] : "/tmp";
	uint32_t talkers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 50000;
	int runs = argc > 3 ? argc - 3 : argc > 2 && talkers == 0 ? 0 : 2;
	char dir[4000];

	snprintf(dir, sizeof(dir), "%s/spoor-bench-XXXXXX", parent);
	CHECK(mkdtemp(dir) != NULL);
	bench_usual(dir);
	bench_building(dir);
	for (int i = 0; i < runs; i++)
		bench_question(dir, talkers,
		               strtoll(argc > 3 ? argv[3 + i] : usual_days[i], NULL, 10));
	rmdir(dir);
	return 0;
}
