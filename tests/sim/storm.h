/*
 * storm - one run drawn from its seed: safety while everything goes wrong, then liveness once it
 * no longer does, as TigerBeetle's simulator has it.
 */
#ifndef SPOOR_TESTS_SIM_STORM_H
#define SPOOR_TESTS_SIM_STORM_H

#include "base/prng.h"
#include "base/util.h"
#include "tools/sim/sim.h"

#include <stdlib.h>

#define STORM_ROUNDS 10
#define STORM_REVOKED 9 /* the one that is, in every second run */

struct storm {
	struct sim *sim;
	struct prng prng;
	bool *is_blank; /* its disk was lost: its numbers are spent, and it asks no more */
	bool is_revoked;
};

static inline double storm_share(struct prng *p, double most)
{
	return most * prng_unit(p);
}

static inline uint32_t storm_any(struct storm *s)
{
	return 1 + (uint32_t)prng_below(&s->prng, sim_nodes(s->sim) - 1);
}

static inline void storm_begin(struct storm *s, uint32_t nodes, uint64_t seed)
{
	struct sim_options options = {.nodes = nodes, .seed = seed, .crypto = SIM_CRYPTO_FAKE};
	const struct liar_kind *kind = liar_kinds;
	size_t kinds = 0;

	s->prng.state = seed ^ UINT64_C(0x570124570124);
	options.loss = storm_share(&s->prng, 0.1);
	options.duplication = storm_share(&s->prng, 0.05);
	options.nat = storm_share(&s->prng, 0.15);
	options.skew_max_ms = (uint32_t)prng_below(&s->prng, 1000);
	if (prng_below(&s->prng, 4) == 0) /* somebody's session must give way to another's */
		options.sessions_max = (uint16_t)(nodes + 4 + prng_below(&s->prng, 16));
	s->sim = sim_new(&options);
	s->is_blank = calloc(nodes, sizeof(*s->is_blank));
	CHECK(s->sim != NULL);
	CHECK(s->is_blank != NULL);
	while (kind[kinds].name != NULL)
		kinds++;
	sim_set_victim(s->sim, 5);
	(void)sim_set_liars(s->sim, storm_share(&s->prng, 0.2), &kind[prng_below(&s->prng, kinds)]);
	sim_start_all(s->sim, 2000);
	sim_run(s->sim, 30000);
}

static inline void storm_ask(struct storm *s)
{
	uint32_t node = storm_any(s);
	enum err err;

	if (!sim_is_up(s->sim, node) || !sim_is_honest(s->sim, node) || s->is_blank[node])
		return;
	(void)sim_ask(s->sim, node, 3, prng_below(&s->prng, 2) ? SEVERITY_HIGH : SEVERITY_LOW,
	              5000 + (int64_t)prng_below(&s->prng, 20000), &err);
}

static inline void storm_wake(struct storm *s, uint32_t node, bool with_disk)
{
	if (sim_overlay(s->sim, node) != NULL)
		return;
	s->is_blank[node] |= !with_disk;
	sim_restart(s->sim, node, with_disk);
}

static inline void storm_round(struct storm *s)
{
	struct sim_cut cut = {.first = storm_any(s), .is_one_way = prng_below(&s->prng, 2) == 1};
	uint32_t node = storm_any(s);

	switch (prng_below(&s->prng, 8)) {
	case 0:
	case 1:
		sim_crash(s->sim, node);
		break;
	case 2:
		for (uint32_t i = 1; i < sim_nodes(s->sim); i++)
			storm_wake(s, i, prng_below(&s->prng, 4) > 0);
		break;
	case 3:
		if (sim_is_up(s->sim, node))
			sim_suspend(s->sim, node, 1000 + prng_below(&s->prng, 20000));
		break;
	case 4:
		sim_jump(s->sim, node, (int64_t)prng_below(&s->prng, 20000) - 10000);
		break;
	case 5:
		cut.from_ms = sim_now(s->sim);
		cut.to_ms = cut.from_ms + 1000 + prng_below(&s->prng, 20000);
		if (prng_below(&s->prng, 2) == 0)
			sim_set_cut(s->sim, &cut);
		break;
	default:
		storm_ask(s);
		break;
	}
	storm_ask(s);
	sim_run(s->sim, sim_now(s->sim) + 1000 + prng_below(&s->prng, 5000));
}

/* False: somebody kept no promise; what and who is in sim_violation(). */
static inline bool storm_run(struct storm *s, uint32_t nodes, uint64_t seed)
{
	enum err err;
	size_t query;

	storm_begin(s, nodes, seed);
	for (int i = 0; i < STORM_ROUNDS; i++) {
		if (i == STORM_ROUNDS / 2 && prng_below(&s->prng, 2) == 0) {
			sim_revoke(s->sim, STORM_REVOKED, 0);
			s->is_revoked = true;
		}
		storm_round(s);
	}
	sim_heal(s->sim);
	for (uint32_t i = 1; i < nodes; i++)
		storm_wake(s, i, true);
	sim_run(s->sim, sim_now(s->sim) + 90000);
	sim_check_known(s->sim);
	if (s->is_revoked)
		sim_check_revoked(s->sim, STORM_REVOKED);
	query = sim_ask(s->sim, 0, 3, SEVERITY_LOW, 20000, &err);
	sim_run(s->sim, sim_now(s->sim) + 5000);
	if (query != SIZE_MAX)
		sim_check_heard(s->sim, query);
	sim_run(s->sim, sim_now(s->sim) + 16000);
	if (query != SIZE_MAX)
		sim_check_whole(s->sim, query);
	return sim_violation_count(s->sim) == 0;
}

static inline void storm_end(struct storm *s)
{
	sim_free(s->sim);
	free(s->is_blank);
	*s = (struct storm){0};
}

#endif
