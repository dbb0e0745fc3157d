/*
 * story - what one run of spoor-sim plays, and what it measured.
 *
 *	0 s            the nodes start within two seconds, each with the address of n00
 *	60 s           the dead die; from here on members drawn at random ask, one after the other
 *	`duration_ms`  faults heal: nothing is lost, nothing is cut; 90 s later everybody must know
 *	               everybody who lives, and one more query must reach them all
 */
#ifndef SPOOR_TOOLS_SIM_STORY_H
#define SPOOR_TOOLS_SIM_STORY_H

#include "tools/sim/sim.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STORY_JOIN_MS 60000  /* before the first query */
#define STORY_HEAL_MS 90000  /* to know everybody again */
#define STORY_QUERY_MS 30000 /* a query's time, at most */

struct story {
	uint64_t nodes, seed, queries;
	double loss, dead; /* shares of datagrams and of nodes */
	bool is_cut;
	uint64_t cut_from_ms, cut_to_ms;
	bool is_one_way;
	uint64_t duration_ms; /* of the part with faults; 0: as long as the queries need */
	FILE *narrative;
};

struct story_result {
	double coverage_mean, coverage_min;  /* share of the reachable that heard a query */
	double copies_per_node;              /* QUERY datagrams to each of them */
	uint64_t delay_p50_ms, delay_p99_ms; /* from asking to being heard */
	double answered_mean;                /* share of the reachable whose answer came */
	double recall;                       /* share of the planted connections that were found */
	uint64_t false_matches;
	uint64_t hops_p99;
	uint64_t datagrams, ran_ms;
	uint64_t trace_hash;
	uint64_t violations;
	char texts[SIM_VIOLATIONS_KEPT][SIM_VIOLATION_MAX];
};

/* False when out of memory. */
bool story_run(const struct story *story, struct story_result *ret);

void story_print(FILE *out, const struct story *story, const struct story_result *r);
void story_json(FILE *out, const struct story *story, const struct story_result *r);

#endif
