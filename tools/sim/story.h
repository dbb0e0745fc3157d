/*
 * story - what one run of spoor-sim plays, and what it measured.
 *
 * Either a scenario from a file, or the usual one, made of the options:
 *
 *	0 s          cold: the nodes start within two seconds, each with the address of n00;
 *	             warm: each remembers all the others, as after a restart with its disk
 *	60 s         the dead die; from here on honest members drawn at random ask, one after the
 *other `duration`   faults heal: nothing is lost, nothing is cut, time passes for all to know
 *again, and one more query must reach everybody honest who lives
 */
#ifndef SPOOR_TOOLS_SIM_STORY_H
#define SPOOR_TOOLS_SIM_STORY_H

#include "tools/sim/result.h"
#include "tools/sim/scenario.h"
#include "tools/sim/sim.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STORY_JOIN_MS 60000  /* before the first query */
#define STORY_HEAL_MS 90000  /* to know everybody again */
#define STORY_QUERY_MS 30000 /* a query's time, at most */
#define STORY_RULE "spoor"   /* the overlay itself; other rules are models: baseline.h */
#define STORY_COLD_MAX 128   /* nodes that start cold when nothing else is said */

enum story_start { STORY_AUTO, STORY_COLD, STORY_WARM };

struct story {
	uint64_t nodes, seed, queries;
	double loss, dead, byzantine, nat; /* shares of datagrams and of nodes */
	const char *liar;                  /* kind of the byzantine; see liar_kinds */
	const char *rule;
	bool is_urgent, is_direct;
	enum story_start start;
	enum sim_crypto crypto;
	bool is_cut;
	uint64_t cut_from_ms, cut_to_ms;
	bool is_one_way;
	uint64_t duration_ms; /* of the part with faults; 0: as long as the queries need */
	const struct scenario *scenario; /* borrowed; NULL: the usual story */
	const char *scenario_path;       /* of it */
	FILE *narrative;
};

/* What nobody set. */
struct story story_usual(void);

/* False when out of memory. */
bool story_run(const struct story *story, struct result *ret);

bool story_is_warm(const struct story *story);

/* The command line that repeats it: its options, and nothing else. */
void story_command(FILE *out, const struct story *story);

#endif
