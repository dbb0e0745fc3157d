/*
 * search_fixture - simulated traffic with a chain in it, in a store with its log of edges; a
 * question about it by the log, and by looking at every connection.
 */
#ifndef SPOOR_TESTS_UNIT_SEARCH_FIXTURE_H
#define SPOOR_TESTS_UNIT_SEARCH_FIXTURE_H

#include "correlate/score.h"
#include "node/candidates.h"
#include "node/search.h"
#include "node/silences.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/store_fixture.h"

#define PEOPLE 500
#define JOBS 100
#define SHORT 3000 /* connections without any silence */
#define SEEN 4     /* views of the chain's hand */
#define CONNECTIONS (PEOPLE + JOBS + SHORT + SEEN)
#define FLOWS_MAX 60000
#define ACTIVE_MS 60000
#define TABLE 16384
#define SILENCES_OF_HAND 18
#define PAUSE_MS 252000000 /* three nights: the log has no beginnings of such silences */

struct world {
	struct fixture *f;
	struct flow *flows; /* in the order in which they come */
	size_t count, fed;
	struct silences silences;
	struct clock_segment segments[4];
	struct skews_known known;
	struct skews skews;   /* none, or that */
	struct losses losses; /* none */
	struct rhythm hand;
	struct rhythm people[PEOPLE];
	int64_t ahead_ms;         /* the clock of the exporter that it is of, */
	int64_t set_ms, since_ms; /* until it was set by so much, then; 0: never */
	int64_t pause_ms;         /* of everybody, in the middle of what they do */
	size_t compared, matched;
};

static inline struct flow flow_like(uint32_t id, bool is_reverse, struct interval on)
{
	struct flow f = {
		.exporter = addr_from_v4((const uint8_t[4]){10, 255, 0, (uint8_t)(id % 5)}),
		.src = addr_from_v4((const uint8_t[4]){10, (uint8_t)(id >> 16), (uint8_t)(id >> 8),
	                                               (uint8_t)id}),
		.dst = addr_from_v4((const uint8_t[4]){192, 0, 2, (uint8_t)(id % 200)}),
		.src_port = (uint16_t)(1024 + id % 60000),
		.dst_port = 22,
		.proto = 6,
		.in_if = 1,
		.out_if = 2,
		.start_ms = on.start_ms,
		.end_ms = on.end_ms,
		.received_ms = on.end_ms + RHYTHM_GAP_MS,
		.octets = id,
		.packets = 10,
		.version = 9,
	};

	if (is_reverse) {
		struct flow g = f;

		g.src = f.dst;
		g.dst = f.src;
		g.src_port = f.dst_port;
		g.dst_port = f.src_port;
		g.in_if = f.out_if;
		g.out_if = f.in_if;
		return g;
	}
	return f;
}

/* By its exporter's clock when it was exported. */
static inline struct flow flow_told(const struct world *w, uint32_t id, bool is_reverse,
                                    struct interval on)
{
	struct flow f = flow_like(id, is_reverse, on);
	int64_t ahead_ms = w->ahead_ms;

	if (id % 5 != 1)
		return f;
	if (w->since_ms != 0 && f.received_ms >= w->since_ms)
		ahead_ms += w->set_ms;
	f.start_ms += ahead_ms;
	f.end_ms += ahead_ms;
	return f;
}

/* As an exporter with an active timeout sends it; a share of the records is lost. */
static inline void export(struct world *w, struct prng *p, uint32_t id, const struct rhythm *r,
                          uint64_t lost_of_100)
{
	for (size_t i = 0; i < r->count; i++) {
		struct interval rest = r->on[i];

		while (rest.start_ms <= rest.end_ms) {
			struct interval part = {rest.start_ms,
			                        MIN(rest.end_ms, rest.start_ms + ACTIVE_MS)};

			for (int k = 0; k < 2; k++) {
				if (w->count < FLOWS_MAX && prng_below(p, 100) >= lost_of_100)
					w->flows[w->count++] = flow_told(w, id, k == 1, part);
			}
			rest.start_ms = part.end_ms + 1;
		}
	}
}

static inline int by_receipt(const void *left, const void *right)
{
	const struct flow *a = left, *b = right;

	return (a->received_ms > b->received_ms) - (a->received_ms < b->received_ms);
}

static inline struct rhythm paused(struct rhythm r, int64_t pause_ms)
{
	for (size_t i = r.count / 2; i < r.count; i++) {
		r.on[i].start_ms += pause_ms;
		r.on[i].end_ms += pause_ms;
	}
	return r;
}

static inline struct rhythm of_person(uint64_t seed, int64_t pause_ms)
{
	struct prng p = {seed};
	struct rhythm r = rhythm_of_person(seed, 5 + prng_below(&p, 20));

	return paused(rhythm_moved(r, (int64_t)prng_below(&p, 1200000)), pause_ms);
}

static inline void populate(struct world *w)
{
	struct prng p = {77};
	uint32_t id = 1;

	w->hand = rhythm_moved(rhythm_of_person(5, SILENCES_OF_HAND + 1), 200000);
	w->hand = paused(w->hand, w->pause_ms);
	for (size_t i = 0; i < SEEN; i++) {
		struct rhythm r = rhythm_seen_elsewhere(w->hand, 900 + i, 250);

		r = rhythm_moved(r, (int64_t)i * 400);
		export(w, &p, id++, &r, 3 * i);
	}
	for (size_t i = 0; i < PEOPLE; i++) {
		w->people[i] = of_person(1000 + i, w->pause_ms);
		export(w, &p, id++, &w->people[i], 2);
	}
	for (size_t i = 0; i < JOBS; i++) {
		struct rhythm r =
			rhythm_of_job((int64_t)prng_below(&p, 60000),
		                      20000 + 5000 * (int64_t)prng_below(&p, 9), 1000, 20);

		export(w, &p, id++, &r, 2);
	}
	for (size_t i = 0; i < SHORT; i++) {
		struct rhythm r = rhythm_of_job((int64_t)prng_below(&p, 1800000), 1, 1, 1);

		r.on[0].end_ms = r.on[0].start_ms + (int64_t)prng_below(&p, 90000);
		export(w, &p, id++, &r, 0);
	}
	assert_in_range(w->count, 20000, FLOWS_MAX - 1);
	qsort(w->flows, w->count, sizeof(w->flows[0]), by_receipt);
}

#define DAY_MS (24 * HOUR_MS)
#define SET_AT_MS (RHYTHM_T0 + 700000) /* in the middle of the hand */

/* The exporter's clock was ahead by so much from then on, until the next. */
static inline void know(struct world *w, int64_t from_ms, int64_t until_ms, int64_t ahead_ms)
{
	w->known.segments = w->segments;
	w->known.key = (struct clock_key){
		.exporter = addr_from_v4((const uint8_t[4]){10, 255, 0, 1}), .version = 9};
	assert_in_range(w->known.count, 0, ARRAY_LEN(w->segments) - 1);
	w->segments[w->known.count++] = (struct clock_segment){
		.from_ms = from_ms, .until_ms = until_ms, .offset_ms = -ahead_ms, .bound_ms = 25};
	w->skews = (struct skews){.of = &w->known, .count = 1};
}

static inline struct world *world_new(int64_t ahead_ms, int64_t set_ms, int64_t pause_ms)
{
	struct world *w = calloc(1, sizeof(*w));
	void *fixture;

	assert_non_null(w);
	assert_int_equal(0, setup(&fixture));
	w->f = fixture;
	w->f->options.block_flows = 300;
	w->flows = calloc(FLOWS_MAX, sizeof(*w->flows));
	assert_non_null(w->flows);
	w->ahead_ms = ahead_ms;
	w->set_ms = set_ms;
	w->pause_ms = pause_ms;
	w->since_ms = set_ms != 0 ? SET_AT_MS : 0;
	populate(w);
	open_it(w->f);
	return w;
}

static inline int teardown_world(void **state)
{
	struct world *w = *state;
	void *fixture = w->f;

	silences_free(&w->silences);
	free(w->flows);
	free(w);
	return teardown(&fixture);
}

static inline void start_log_of(struct world *w, size_t connections)
{
	silences_start(&w->silences, w->f->store, RHYTHM_GAP_MS, connections);
}

static inline void start_log(struct world *w)
{
	start_log_of(w, TABLE);
}

/* What the collector does, until so many flows have come. */
static inline void feed(struct world *w, size_t until)
{
	while (w->fed < until) {
		size_t some = MIN(until - w->fed, 30);

		silences_feed(&w->silences, w->flows + w->fed, some);
		silences_flush(&w->silences);
		assert_ok(store_append(w->f->store, w->flows + w->fed, some));
		w->fed += some;
		if (store_is_ready(w->f->store) || w->fed % 3000 == 0)
			assert_ok(store_seal(w->f->store));
	}
}

static inline struct question question_of(const struct rhythm *r)
{
	struct question q = {.gap_ms = RHYTHM_GAP_MS,
	                     .bound_ms = score_defaults.target.bound_ms,
	                     .lost = 50,
	                     .on_count = MIN(r->count, QUERY_INTERVALS_MAX)};

	memcpy(q.on, r->on, q.on_count * sizeof(q.on[0]));
	return q;
}

static inline bool is_same(const struct finding *a, const struct finding *b)
{
	return addr_equal(&a->exporter, &b->exporter) && endpoint_equal(&a->src, &b->src) &&
	       endpoint_equal(&a->dst, &b->dst) && a->life.start_ms == b->life.start_ms &&
	       a->life.end_ms == b->life.end_ms && a->verdict == b->verdict &&
	       !(a->score < b->score) && !(a->score > b->score) && a->lag_ms == b->lag_ms &&
	       a->is_open == b->is_open;
}

static inline struct search_side side_of(const struct world *w)
{
	return (struct search_side){RHYTHM_GAP_MS, &w->skews, &w->losses};
}

/* It has all the time there is. */
static inline enum err search(const struct world *w, const struct question *q, bool is_exhaustive,
                              struct answer *ret)
{
	struct search_effort effort = {is_exhaustive, GATHERED_MAX, &deadline_never};
	struct search_side side = side_of(w);
	enum search_extent extent;
	enum err err = search_store(w->f->store, q, &side, &effort, ret, &extent);

	assert_true(extent == SEARCH_WHOLE || err != ERR_OK);
	return err;
}

static inline size_t compare(struct world *w, const struct rhythm *r)
{
	struct question q = question_of(r);
	static struct answer all, some;
	size_t matches = 0;

	memset(&all, 0, sizeof(all));
	memset(&some, 0, sizeof(some));
	assert_ok(search(w, &q, true, &all));
	assert_ok(search(w, &q, false, &some));
	assert_int_equal(all.finding_count, some.finding_count);
	for (size_t i = 0; i < all.finding_count; i++) {
		bool any = false;

		for (size_t k = 0; k < some.finding_count; k++)
			any |= is_same(&all.findings[i], &some.findings[k]);
		assert_true(any);
		matches += all.findings[i].verdict == VERDICT_MATCH;
	}
	assert_true(some.connections >= all.connections);
	assert_true(some.window.start_ms <= all.window.start_ms ||
	            all.window.start_ms > all.window.end_ms);
	w->compared++;
	w->matched += matches;
	return matches;
}

/* Of a question the log names few, and more than none. */
static inline size_t count_candidates(struct world *w, const struct rhythm *r, enum err expected)
{
	struct question q = question_of(r);
	struct interval when = {q.on[0].start_ms - 5000, q.on[q.on_count - 1].end_ms + 5000};
	struct candidates c;
	size_t count;

	assert_err(expected, candidates_find(w->f->store, &q, RHYTHM_GAP_MS, when, &w->skews, &c));
	if (expected != ERR_OK)
		return 0;
	count = c.count;
	candidates_free(&c);
	return count;
}

/* One in so many. */
static inline void compare_people(struct world *w, size_t of)
{
	w->compared = w->matched = 0;
	for (size_t i = 0; i < PEOPLE; i += of)
		compare(w, &w->people[i]);
}

#endif
