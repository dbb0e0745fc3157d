/*
 * result - what a run has shown, and the two ways of printing it.
 *
 * Shares are of the honest nodes that could be reached: they were there from the question to its
 * end, and no cut lay between. What a model (baseline.h) does not have is RESULT_NONE: null in
 * JSON.
 */
#ifndef SPOOR_TOOLS_SIM_RESULT_H
#define SPOOR_TOOLS_SIM_RESULT_H

#include "tools/sim/sim.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RESULT_NONE ((double)NAN)
#define RESULT_CDF 101         /* delays that 0, 1, .. 100 % did not exceed */
#define RESULT_DELAY_MAX 65535 /* ms; what takes longer counts as this */
#define RESULT_HOPS_MAX 64
#define RESULT_CLAIMS_MAX 16

struct result_claim { /* what a scenario expects, and what it got */
	char text[96];
	double measured;
	bool is_kept;
};

struct result {
	double coverage_mean, coverage_min;                /* share that heard a query at all */
	double coverage_1s, coverage_3s, coverage_6s;      /* and within this time of its asking */
	double victims_coverage;                           /* of the liars' victims alone */
	double copies_per_node;                            /* of a query, to each honest node */
	uint64_t delay_p50_ms, delay_p99_ms, delay_max_ms; /* from asking to being heard */
	uint64_t hops_p99;
	double receipts_mean, answered_mean; /* share whose receipt came; share of the answers */
	double recall;                       /* share of the planted connections that were found */
	uint64_t false_matches;
	uint64_t datagrams, ran_ms;
	uint64_t trace_hash;
	double cpu_s;
	uint64_t peak_rss_kb;
	int32_t cdf_ms[RESULT_CDF]; /* -1: it was never heard by that many */
	uint64_t violations;
	char texts[SIM_VIOLATIONS_KEPT][SIM_VIOLATION_MAX];
	struct result_claim claims[RESULT_CLAIMS_MAX];
	size_t claim_count;
};

/* One after the other: the queries, and of each the nodes that it should have reached. */
struct measure {
	uint64_t queries, reachable, heard, victims, victims_heard;
	uint64_t query_reachable, query_heard; /* of the query under way */
	double coverage, coverage_min;
	uint64_t delays[RESULT_DELAY_MAX + 1]; /* how many nodes heard after so many ms */
	uint64_t hops[RESULT_HOPS_MAX + 1];
};

struct measure *measure_new(void); /* NULL when out of memory; free() it */
void measure_heard(struct measure *m, bool is_victim, uint64_t delay_ms, uint32_t hops);
void measure_missed(struct measure *m, bool is_victim);
void measure_query_end(struct measure *m);

/* Fills in coverage, delays and hops; what this process has spent so far, too. */
void measure_end(const struct measure *m, struct result *ret);

struct story;
void result_print(FILE *out, const struct story *story, const struct result *r);
/* One object and a newline; with the 101 delays when `has_cdf`. */
void result_json(FILE *out, const struct story *story, const struct result *r, bool has_cdf);

/* As a JSON string, quotes included. */
void result_text(FILE *out, const char *text);

#endif
