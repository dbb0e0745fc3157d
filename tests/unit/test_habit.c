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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_learned_while_messages_are_lost_and_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
