/* What a sequence counts is learned while messages are lost and late, and what was lost is known.
 */
#include "base/prng.h"
#include "proto/flow/habit.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define MESSAGES 1500
#define RECORDS_MAX 19
#define EDGE 10 /* messages at each end that come, in order: what frames the others */
#define APART 6 /* places by which one comes late, at most */
#define SEEDS 12
#define FEW 2

enum counts { COUNTS_RECORDS, COUNTS_FLOWS, COUNTS_TOLD, COUNTS_MESSAGES, COUNTS };

struct message {
	struct habit_message m;
	double arrives;
};

struct generator {
	struct prng prng;
	enum counts counts;
	double loss, late;
	unsigned options_every, templates_every; /* messages */
	struct message rows[MESSAGES];
	size_t count;
	uint64_t lost; /* its own account */
};

static bool chance(struct generator *g, double share)
{
	return prng_unit(&g->prng) < share;
}

static uint32_t amount(enum counts counts, const struct habit_message *m)
{
	const uint32_t amounts[COUNTS] = {
		[COUNTS_RECORDS] = m->records,
		[COUNTS_FLOWS] = m->records - m->options,
		[COUNTS_TOLD] = m->records + m->templates,
		[COUNTS_MESSAGES] = 1,
	};

	return amounts[counts];
}

static int by_arrival(const void *a, const void *b)
{
	const struct message *left = a, *right = b;

	return (left->arrives > right->arrives) - (left->arrives < right->arrives);
}

static void generate(struct generator *g)
{
	uint32_t sequence = 7;

	for (unsigned i = 0; i < MESSAGES; i++) {
		bool is_edge = i < EDGE || i >= MESSAGES - EDGE;
		struct message row = {.arrives = i};

		row.m.sequence = sequence;
		row.m.options = i % g->options_every == 0;
		row.m.records = 1 + (uint32_t)prng_below(&g->prng, RECORDS_MAX) + row.m.options;
		row.m.templates = i % g->templates_every == 0;
		row.m.is_whole = true;
		sequence += amount(g->counts, &row.m);
		if (!is_edge && chance(g, g->loss)) {
			g->lost += amount(g->counts, &row.m);
			continue;
		}
		if (!is_edge && chance(g, g->late))
			row.arrives += APART * prng_unit(&g->prng);
		g->rows[g->count++] = row;
	}
	qsort(g->rows, g->count, sizeof(g->rows[0]), by_arrival);
}

/*
 * Records of options are few, as are templates, and who does not count the ones or counts the
 * others is known by these alone. A message that is under way when it is learned is not known to be
 * missing any more: it counts as lost, though it comes. One record that is lost right behind
 * options looks as if they had counted.
 */
static void it_is_learned_while_messages_are_lost_and_late(void **state)
{
	static const double losses[] = {0, 0.01, 0.05, 0.2}, lates[] = {0, 0.02};
	static struct generator g;

	(void)state;
	for (unsigned i = 0; i < COUNTS * ARRAY_LEN(losses) * ARRAY_LEN(lates) * SEEDS; i++) {
		struct stream s = {.key = {.version = 10}};
		unsigned rest = i / SEEDS;

		g = (struct generator){.prng = {i}, .options_every = 30, .templates_every = 20};
		g.counts = (enum counts)(rest % COUNTS);
		g.loss = losses[rest / COUNTS % ARRAY_LEN(losses)];
		g.late = lates[rest / COUNTS / ARRAY_LEN(losses)];
		generate(&g);
		for (size_t k = 0; k < g.count; k++)
			(void)habit_account(&s, &g.rows[k].m);
		if (s.lost + FEW < g.lost || s.lost > g.lost + RECORDS_MAX || s.restarts > 1)
			fail_msg("%u: counts %d, %.0f %% lost, %.0f %% late: lost %d of %d, "
			         "restarts %d",
			         i, (int)g.counts, g.loss * 100, g.late * 100, (int)s.lost,
			         (int)g.lost, (int)s.restarts);
	}
}

/* `count` messages of one to five records on from `sequence`, a second apart; where it ends. */
static uint32_t go_on(struct stream *s, uint32_t sequence, int count, bool is_after)
{
	for (int i = 0; i < count; i++) {
		struct habit_message m = {.records = 1 + (uint32_t)(s->arrivals % 5),
		                          .is_whole = true};

		m.sequence = is_after ? sequence + m.records : sequence;
		sequence += m.records;
		stream_arrive(s, s->arrivals + 1, 1795309531000 + (int64_t)s->arrivals * 1000);
		(void)habit_account(s, &m);
	}
	return sequence;
}

/* From above 2^31 it is less far to 0 forwards than backwards, and nothing is lost all the same. */
static void a_restart_from_a_high_number_loses_nothing(void **state)
{
	static const uint32_t from[] = {2500000000u, 3000000000u, 4200000000u, UINT32_MAX / 2 + 9};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		struct stream s = {.key = {.version = 10}};
		uint32_t next;

		(void)go_on(&s, from[i], 100, false);
		next = go_on(&s, 0, 50, false);
		assert_int_equal(s.lost, 0);
		assert_int_equal(s.restarts, 1);
		(void)go_on(&s, next + 300, 50, false); /* is lost */
		assert_int_equal(s.lost, 300);
		assert_int_equal(s.restarts, 1);
	}
}

/* What is forged, or of another exporter, is no restart where the numbers go on. */
static void a_number_far_ahead_costs_nothing_where_they_go_on(void **state)
{
	struct stream s = {.key = {.version = 10}};
	uint32_t next = go_on(&s, 5, 100, false);

	(void)state;
	(void)go_on(&s, 1500000000, 1, false);
	(void)go_on(&s, next, 50, false);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.restarts, 0);
}

/* As many as may have been sent in that time are lost. */
static void a_long_silence_may_lose_much(void **state)
{
	struct stream s = {.key = {.version = 10}};
	uint32_t next = go_on(&s, 5, 100, false);

	(void)state;
	s.counted_ms -= 600000;
	(void)go_on(&s, next + 1000000, 50, false);
	assert_int_equal(s.lost, 1000000);
	assert_int_equal(s.restarts, 0);
}

/* Of a path that lets small messages through alone: those with templates, which have no number. */
static void what_is_lost_between_templates_is_no_restart(void **state)
{
	struct stream s = {.key = {.version = 10}};
	uint32_t next = go_on(&s, 5, 100, false);

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		struct habit_message m = {.templates = 1, .is_whole = true};

		next += 20000;
		m.sequence = next;
		stream_arrive(&s, s.arrivals + 1, s.seen_ms + 1000);
		(void)habit_account(&s, &m);
	}
	(void)go_on(&s, next, 50, false);
	assert_int_equal(s.lost, 1200000);
	assert_int_equal(s.restarts, 0);
}

/* Of who sends as much as that, also where this node has begun again meanwhile. */
static void a_fast_exporter_may_lose_more(void **state)
{
	(void)state;
	for (int is_recalled = 0; is_recalled < 2; is_recalled++) {
		struct stream s = {.key = {.version = 10}, .is_recalled = is_recalled != 0};
		struct habit_message m = {.records = 30, .is_whole = true};

		for (int i = 0; i < 20000; i++) {
			bool is_after = i >= 15000; /* 10 s, of which nothing came */

			m.sequence = (uint32_t)i * 30 + (is_after ? 3000000 : 0);
			stream_arrive(&s, s.arrivals + 1,
			              1795309531000 + i + (is_after ? 10000 : 0));
			(void)habit_account(&s, &m);
		}
		assert_int_equal(s.lost, 3000000);
		assert_int_equal(s.restarts, 0);
	}
}

/* Whichever message it comes before, while it is not known yet what the numbers count. */
static void a_restart_amid_doubt_stays_one(void **state)
{
	static const uint32_t from[] = {700, 20000, 100000, 3000000000u};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		for (int before = 1; before < 12; before++) {
			struct stream s = {.key = {.version = 10}};

			(void)go_on(&s, from[i], before, true);
			(void)go_on(&s, 0, 100, true);
			if (s.lost != 0 || s.restarts != 1)
				fail_msg("from %u, after %d messages: lost %d, restarts %d",
				         from[i], before, (int)s.lost, (int)s.restarts);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_learned_while_messages_are_lost_and_late),
		cmocka_unit_test(a_restart_from_a_high_number_loses_nothing),
		cmocka_unit_test(a_number_far_ahead_costs_nothing_where_they_go_on),
		cmocka_unit_test(a_long_silence_may_lose_much),
		cmocka_unit_test(what_is_lost_between_templates_is_no_restart),
		cmocka_unit_test(a_fast_exporter_may_lose_more),
		cmocka_unit_test(a_restart_amid_doubt_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
