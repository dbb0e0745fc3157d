/*
 * Linked with an overlay in which one rule is broken (OVERLAY_BROKEN, see core.h): within 200 seeds
 * the simulator must notice. Linked with the sound one, it must not.
 */
#include "base/util.h"
#include "tests/sim/storm.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS 200
#define SEEDS_SOUND 5
#define NODES 24
#define DISPLACED 9
#define REVOKED 3
#define FORGETFUL 11

static void tell_off(struct sim *sim, uint32_t node, const char *kind)
{
	sim_set_liar(sim, node, liar_by_name(kind));
}

static void question(struct sim *sim, uint32_t node, int64_t timeout_ms)
{
	enum err err;

	(void)sim_ask(sim, node, 6, SEVERITY_LOW, timeout_ms, &err);
}

/* A little of everything that a rule is there for. */
static struct sim *parade(uint64_t seed)
{
	struct sim_options options = {.nodes = NODES,
	                              .seed = seed,
	                              .loss = 0.03,
	                              .duplication = 0.05,
	                              .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);

	CHECK(sim != NULL);
	sim_set_displaced(sim, DISPLACED);
	tell_off(sim, 5, "replay");
	tell_off(sim, 6, "equivocate");
	tell_off(sim, 7, "forge");
	tell_off(sim, 8, "forge");
	sim_start_all(sim, 2000);
	sim_run(sim, 40000);
	question(sim, 1, 30000);
	question(sim, DISPLACED, 10000);
	sim_run(sim, 41000);
	sim_crash(sim, 10);
	sim_restart(sim, 10, true);
	sim_run(sim, 60000);
	sim_revoke(sim, REVOKED, 0);
	question(sim, 2, 30000);
	question(sim, REVOKED, 30000);
	sim_run(sim, 155000); /* all of them have expired, and a minute is over */
	sim_crash(sim, FORGETFUL);
	sim_restart(sim, FORGETFUL, false);
	sim_heal(sim);
	sim_run(sim, 220000);
	sim_check_known(sim);
	return sim;
}

int main(void)
{
	uint64_t seeds = BROKEN_RULE == 0 ? SEEDS_SOUND : SEEDS;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct sim *sim = parade(seed);
		bool is_noticed = sim_violation_count(sim) > 0;

		if (is_noticed)
			printf("rule %d, seed %" PRIu64 ": %s\n", BROKEN_RULE, seed,
			       sim_violation(sim, 0));
		sim_free(sim);
		if (is_noticed)
			return BROKEN_RULE == 0;
	}
	printf("rule %d: nothing was noticed\n", BROKEN_RULE);
	return BROKEN_RULE != 0;
}
