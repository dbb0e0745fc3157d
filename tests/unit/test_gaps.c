#include "base/prng.h"
#include "base/util.h"
#include "correlate/connection.h"
#include "correlate/gaps.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1448150400000)
#define GAP_MS 15000
#define FLOWS_MAX 65536
#define TABLE_ALIGN 4096

struct fixture {
	void *table;
	struct gaps *gaps; /* in it */
	struct flow *flows;
	int64_t *exported_ms; /* when each was sent */
	size_t count;
	struct edge *edges;
	size_t edge_count;
	struct sighting *rows;
	struct interval *room;
	size_t missing, wanted;
};

/* An empty table. */
static void renew(struct fixture *f, size_t connections)
{
	size_t octets = gaps_octets(connections);

	free(f->table);
	f->table =
		aligned_alloc(TABLE_ALIGN, (octets + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN);
	assert_non_null(f->table);
	memset(f->table, 0, octets);
	f->gaps = gaps_new(f->table, connections, GAP_MS);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	renew(f, 4096);
	f->flows = calloc(FLOWS_MAX, sizeof(*f->flows));
	f->exported_ms = calloc(FLOWS_MAX, sizeof(*f->exported_ms));
	f->edges = calloc(GAPS_A_FLOW * FLOWS_MAX + GAPS_EDGES, sizeof(*f->edges));
	f->rows = calloc(FLOWS_MAX, sizeof(*f->rows));
	f->room = calloc(FLOWS_MAX, sizeof(*f->room));
	assert_true(f->flows && f->exported_ms && f->edges && f->rows && f->room);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->table);
	free(f->flows);
	free(f->exported_ms);
	free(f->edges);
	free(f->rows);
	free(f->room);
	free(f);
	return 0;
}

/* Connection `id`, its source port, as one exporter sees it. */
static struct flow flow_of(uint16_t id, uint8_t exporter, bool is_reverse, int64_t start_ms,
                           int64_t end_ms)
{
	struct flow f = {
		.src = addr_from_v4((const uint8_t[4]){10, 0, 0, 1}),
		.dst = addr_from_v4((const uint8_t[4]){192, 0, 2, 1}),
		.src_port = id,
		.dst_port = 22,
		.proto = 6,
		.exporter = addr_from_v4((const uint8_t[4]){10, 255, 0, exporter}),
		.in_if = 1,
		.out_if = 2,
		.start_ms = start_ms,
		.end_ms = end_ms,
	};

	if (is_reverse) {
		struct addr src = f.src;

		f.src = f.dst;
		f.dst = src;
		f.src_port = 22;
		f.dst_port = id;
		f.in_if = 2;
		f.out_if = 1;
	}
	return f;
}

static uint64_t hash_of(const struct flow *f)
{
	struct prng p = {f->src_port == 22 ? f->dst_port : f->src_port};

	return prng_next(&p);
}

static void take(struct fixture *f)
{
	f->edge_count += gaps_take(f->gaps, f->edges + f->edge_count);
}

static void feed(struct fixture *f, const struct flow *flows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (gaps_note(f->gaps, &flows[i], hash_of(&flows[i])))
			take(f);
	}
	take(f);
}

static bool has_edge(const struct fixture *f, uint32_t connection, int64_t at_ms, bool is_back)
{
	for (size_t i = 0; i < f->edge_count; i++) {
		const struct edge *e = &f->edges[i];

		if (e->connection == connection && e->at_ms == at_ms && e->is_back == is_back)
			return true;
	}
	return false;
}

static void a_silence_gives_its_two_edges(void **state)
{
	struct fixture *f = *state;
	const struct flow flows[] = {
		flow_of(1000, 1, false, T0, T0 + 4000),
		flow_of(1000, 1, true, T0 + 20, T0 + 5000),
		flow_of(1000, 1, false, T0 + 20000, T0 + 30000), /* exactly the gap: none */
		flow_of(1000, 1, true, T0 + 45001, T0 + 50000),
	};

	feed(f, flows, ARRAY_LEN(flows));
	assert_int_equal(f->edge_count, 2);
	assert_int_equal(f->edges[0].at_ms, T0 + 30000);
	assert_false(f->edges[0].is_back);
	assert_int_equal(f->edges[1].at_ms, T0 + 45001);
	assert_true(f->edges[1].is_back);
	assert_int_equal(f->edges[0].connection, hash_of(&flows[0]) >> 32);
	assert_int_equal(gaps_stats(f->gaps).edges, 2);
}

static void views_and_connections_are_apart(void **state)
{
	struct fixture *f = *state;
	struct flow other_view = flow_of(1000, 1, false, T0 + 60000, T0 + 61000);
	const struct flow flows[] = {
		flow_of(1000, 1, false, T0, T0 + 1000),
		flow_of(1000, 2, false, T0 + 60000, T0 + 61000),
		flow_of(1001, 1, false, T0 + 60000, T0 + 61000),
	};

	other_view.out_if = 3;
	feed(f, flows, ARRAY_LEN(flows));
	feed(f, &other_view, 1);
	assert_int_equal(f->edge_count, 0);
}

static void a_late_record_gives_the_edges_that_it_shows(void **state)
{
	struct fixture *f = *state;
	const struct flow first[] = {
		flow_of(1000, 1, false, T0, T0 + 1000),
		flow_of(1000, 1, false, T0 + 100000, T0 + 101000),
	};
	const struct flow longer = flow_of(1000, 1, true, T0 + 500, T0 + 9000);
	const struct flow between = flow_of(1000, 1, true, T0 + 40000, T0 + 41000);
	const struct flow whole = flow_of(1000, 1, true, T0 + 100, T0 + 100500);
	uint32_t c = (uint32_t)(hash_of(first) >> 32);

	feed(f, first, 2);
	assert_int_equal(f->edge_count, 2);
	feed(f, &longer, 1);
	assert_int_equal(f->edge_count, 3);
	assert_true(has_edge(f, c, T0 + 9000, false));
	feed(f, &between, 1);
	assert_int_equal(f->edge_count, 5);
	assert_true(has_edge(f, c, T0 + 40000, true));
	assert_true(has_edge(f, c, T0 + 41000, false));
	feed(f, &whole, 1); /* there was no silence at all: what was given stays given */
	feed(f, &whole, 1);
	assert_int_equal(f->edge_count, 5 + 1);
}

/* --- the edges of what exporters make of real activity --- */

/* One direction's packets of a connection, cut as an exporter cuts them. */
static void export(struct fixture *f, struct prng *p, uint16_t id, uint8_t exporter,
                   bool is_reverse, const int64_t *packets, size_t count, int64_t late_ms)
{
	int64_t active_ms = exporter == 1 ? 60000 : 1800000;
	size_t first = 0;

	for (size_t i = 1; i <= count && f->count < FLOWS_MAX; i++) {
		int64_t sent_ms;

		if (i < count && packets[i] - packets[i - 1] <= GAP_MS &&
		    packets[i] - packets[first] < active_ms)
			continue;
		sent_ms = MIN(packets[i - 1] + GAP_MS, packets[first] + active_ms);
		if (prng_below(p, 50) != 0) { /* one in fifty is lost */
			f->exported_ms[f->count] =
				sent_ms + (int64_t)prng_below(p, (uint64_t)late_ms);
			f->flows[f->count++] =
				flow_of(id, exporter, is_reverse, packets[first], packets[i - 1]);
		}
		first = i;
	}
}

static void talk(struct fixture *f, struct prng *p, uint16_t id, int64_t late_ms)
{
	int64_t packets[2][1024], at = T0 + (int64_t)prng_below(p, 600000);
	size_t counts[2] = {0, 0};

	for (size_t i = 0; i < 300; i++) {
		bool is_silent = prng_below(p, 20) == 0;

		packets[0][counts[0]++] = at;
		if (prng_below(p, 10) != 0)
			packets[1][counts[1]++] = at + (int64_t)prng_below(p, 300);
		at += 300 + (int64_t)prng_below(p, is_silent ? 120000 : 2000);
	}
	for (uint8_t exporter = 1; exporter <= 2; exporter++) {
		export(f, p, id, exporter, false, packets[0], counts[0], late_ms);
		export(f, p, id, exporter, true, packets[1], counts[1], late_ms);
	}
}

struct arrival {
	int64_t at_ms;
	size_t index;
};

static int by_arrival(const void *left, const void *right)
{
	const struct arrival *a = left, *b = right;

	return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

static void feed_as_exported(struct fixture *f)
{
	struct arrival *order = calloc(f->count, sizeof(*order));

	assert_non_null(order);
	for (size_t i = 0; i < f->count; i++)
		order[i] = (struct arrival){f->exported_ms[i], i};
	qsort(order, f->count, sizeof(*order), by_arrival);
	for (size_t i = 0; i < f->count; i++)
		feed(f, &f->flows[order[i].index], 1);
	free(order);
}

static void look_for_edges(void *ctx, const struct connection *c)
{
	struct fixture *f = ctx;
	struct flow like = {.src_port = c->src.port, .dst_port = c->dst.port};
	uint32_t connection = (uint32_t)(hash_of(&like) >> 32);

	for (size_t i = 0; i + 1 < c->on_count; i++) {
		f->wanted += 2;
		f->missing += !has_edge(f, connection, c->on[i].end_ms, false);
		f->missing += !has_edge(f, connection, c->on[i + 1].start_ms, true);
	}
}

static void compare_with_the_closure(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		f->rows[i] = sighting_of(&f->flows[i]);
	connection_each(f->rows, f->count, GAP_MS, f->room, look_for_edges, f);
}

static void no_edge_of_the_closure_is_missing(void **state)
{
	static const int64_t lateness[] = {1, 2000, 20000};
	struct fixture *f = *state;

	for (size_t round = 0; round < ARRAY_LEN(lateness); round++) {
		struct prng p = {round + 1};

		renew(f, 4096);
		f->count = f->edge_count = f->missing = f->wanted = 0;
		for (uint16_t id = 1000; id < 1060; id++)
			talk(f, &p, id, lateness[round]);
		feed_as_exported(f);
		compare_with_the_closure(f);
		assert_true(f->wanted > 1000);
		assert_int_equal(f->missing, 0);
		assert_true(f->edge_count >= f->wanted);
		/* Records of one packet, late by more than a silence, cost more. */
		assert_true(f->edge_count < (round < 2 ? 1.3 : 2.5) * (double)f->wanted);
	}
}

static void in_order_no_edge_is_false(void **state)
{
	struct fixture *f = *state;
	int64_t at = T0;

	for (size_t i = 0; i < 1000; i++) {
		struct flow flow = flow_of(1000, 1, i % 2 == 1, at, at + 1000);

		feed(f, &flow, 1);
		f->flows[f->count++] = flow;
		at += i % 3 == 0 ? 60000 : 5000;
	}
	compare_with_the_closure(f);
	assert_int_equal(f->missing, 0);
	assert_int_equal(f->edge_count, f->wanted);
}

static void who_said_good_bye_is_forgotten_first(void **state)
{
	struct fixture *f = *state;
	struct flow flow = flow_of(1, 1, false, T0, T0 + 1000);
	uint32_t edges = 0;

	renew(f, 8);
	feed(f, &flow, 1);
	for (uint16_t id = 1000; id < 2000; id++) { /* all in the one bucket */
		flow = flow_of(id, 1, false, T0 + 2000, T0 + 3000);
		flow.tcp_flags = FLOW_TCP_FIN;
		feed(f, &flow, 1);
	}
	assert_int_equal(gaps_stats(f->gaps).forgotten, 0);
	flow = flow_of(1, 1, false, T0 + 60000, T0 + 61000);
	feed(f, &flow, 1);
	assert_int_equal(f->edge_count, 2);
	for (uint16_t id = 3000; id < 3100; id++) {
		flow = flow_of(id, 1, false, T0 + 70000, T0 + 71000);
		feed(f, &flow, 1);
	}
	edges = (uint32_t)f->edge_count;
	flow = flow_of(1, 1, false, T0 + 100000, T0 + 101000);
	feed(f, &flow, 1);
	assert_int_equal(f->edge_count, edges);
	assert_in_range(gaps_stats(f->gaps).forgotten, 90, 101);
}

/* Rounds of `talkers` with silences of 30 to 90 s, and `others` between them that come once. */
static uint64_t lacks_among(struct fixture *f, uint16_t talkers, uint32_t others)
{
	struct prng p = {4};
	uint16_t next = 30000;

	renew(f, 1000);
	for (int64_t round = 0; round < 40; round++) {
		int64_t at = T0 + round * 60000;

		for (uint32_t i = 0; i < MAX(talkers, others); i++) {
			int64_t then = at + (int64_t)(30000 * (uint64_t)i / MAX(talkers, others)) +
			               (int64_t)prng_below(&p, 30000);
			struct flow flow =
				flow_of((uint16_t)(1000 + i), 1, false, then, then + 1000);

			if (i < talkers)
				feed(f, &flow, 1);
			flow = flow_of(next, (uint8_t)(2 + round), true, then, then + 1000);
			next = next == UINT16_MAX ? 30000 : (uint16_t)(next + 1);
			if (i < others)
				feed(f, &flow, 1);
			f->edge_count = 0;
		}
	}
	return gaps_stats(f->gaps).lacks;
}

/* The table has room for a thousand. */
static void where_many_silences_are_missed_it_is_told(void **state)
{
	static const struct {
		const char *label;
		uint16_t talkers;
		uint32_t others;
		bool is_lacking;
	} rows[] = {
		{"all are remembered", 400, 0, false},
		{"others come and do not come back, for minutes", 200, 200, false},
		{"half as many more talk", 1500, 0, true},
		{"ten times as many talk", 10000, 0, true},
		{"few talk, and the others take their places at once", 20, 20000, true},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t lacks = lacks_among(f, rows[i].talkers, rows[i].others);

		print_message("%s: %llu\n", rows[i].label, (unsigned long long)lacks);
		assert_int_equal(lacks > 0, rows[i].is_lacking);
	}
}

static void absurd_times_are_counted(void **state)
{
	static const struct interval absurd[] = {
		{-1, 5}, {INT64_MIN, INT64_MAX}, {T0, INT64_MAX}, {T0 + 1, T0}, {0, 0}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
		struct flow flow = flow_of(1000, 1, false, absurd[i].start_ms, absurd[i].end_ms);

		feed(f, &flow, 1);
	}
	assert_int_equal(gaps_stats(f->gaps).unfit, ARRAY_LEN(absurd));
	assert_int_equal(f->edge_count, 0);
}

static void a_silence_of_months_is_none_too_many(void **state)
{
	struct fixture *f = *state;
	const int64_t year_ms = INT64_C(31536000000);
	const struct flow flows[] = {
		flow_of(1000, 1, false, T0, T0 + year_ms),
		flow_of(1000, 1, false, T0 + 2 * year_ms, T0 + 2 * year_ms + 1),
		flow_of(1000, 1, false, T0 + 4 * year_ms, T0 + 4 * year_ms + 1),
	};

	feed(f, flows, ARRAY_LEN(flows));
	assert_int_equal(f->edge_count, 4);
	compare_with_the_closure(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_silence_gives_its_two_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(views_and_connections_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_late_record_gives_the_edges_that_it_shows, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(no_edge_of_the_closure_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(in_order_no_edge_is_false, setup, teardown),
		cmocka_unit_test_setup_teardown(who_said_good_bye_is_forgotten_first, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(where_many_silences_are_missed_it_is_told, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(absurd_times_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silence_of_months_is_none_too_many, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
