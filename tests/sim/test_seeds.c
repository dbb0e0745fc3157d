/*
 * Fresh seeds, each a storm. The first is SPOOR_SEED, or the time; how many, SPOOR_SEEDS. A failure
 * says how to see it again. An argument "I/N" takes every N-th, so that several processors help.
 */
#include "tests/sim/storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define NODES 64
#define SEEDS 200
#define FEW 20 /* fewer seeds may not have seen everything */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static const enum sim_event must_see[] = {
	SIM_PARTITION, SIM_LOSS, SIM_FAILOVER, SIM_WIDENING, SIM_COOKIE,     SIM_PULL,
	SIM_STREAM,    SIM_NAT,  SIM_REPLAY,   SIM_REKEY,    SIM_REVOCATION,
};

/* What never happened was not tested. */
static int unseen(const uint64_t events[SIM_EVENT_END])
{
	int count = 0;

	for (size_t i = 0; i < ARRAY_LEN(must_see); i++) {
		if (events[must_see[i]] > 0)
			continue;
		count++;
		printf("no run saw a %s\n", sim_event_text(must_see[i]));
	}
	return count;
}

int main(int argc, char **argv)
{
	uint64_t first = number_of("SPOOR_SEED", (uint64_t)time(NULL));
	uint64_t count = number_of("SPOOR_SEEDS", SEEDS), step = 1, at = 0, ran = 0;
	uint64_t events[SIM_EVENT_END] = {0};
	int failures = 0;

	if (argc > 1 && sscanf(argv[1], "%" SCNu64 "/%" SCNu64, &at, &step) != 2)
		return 2;
	for (uint64_t i = at; i < count; i += step, ran++) {
		struct storm storm = {0};

		if (!storm_run(&storm, NODES, first + i)) {
			failures++;
			printf("%s\n  to repeat: SPOOR_SEED=%" PRIu64
			       " SPOOR_SEEDS=1 test_sim_seeds (commit %s)\n",
			       sim_violation(storm.sim, 0), first + i, SPOOR_COMMIT);
			fflush(stdout);
		}
		for (int e = 0; e < SIM_EVENT_END; e++)
			events[e] += sim_sometimes(storm.sim, (enum sim_event)e);
		storm_end(&storm);
	}
	if (ran >= FEW)
		failures += unseen(events);
	printf("%" PRIu64 " seeds from %" PRIu64 ", %d failures\n", ran, first, failures);
	return failures > 0;
}
