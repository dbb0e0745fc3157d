/*
 * baseline - other rules of passing a question on, as models on the same links.
 *
 * Not implementations: no keys, no sessions, no churn of tables; only who sends to whom and what
 * gets lost. A model has what the overlay has to work with: the same delay for each pair, the same
 * loss, the same dead and the same liars (who take a query and drop it), ideal tables of 20 members
 * for each distance, drawn from the true membership; the dead are in them, nobody has noticed.
 */
#ifndef SPOOR_TOOLS_SIM_BASELINE_H
#define SPOOR_TOOLS_SIM_BASELINE_H

#include "tools/sim/result.h"
#include "tools/sim/story.h"

#include <stdbool.h>
#include <stdint.h>

struct baseline_rule {
	const char *name, *help;
	uint8_t delegates; /* of each distance get a copy: the tree hidden in the tables */
	uint8_t eager;     /* copies to nodes drawn at random */
	uint8_t lazy;      /* and, once a second, announcements to so many */
	uint8_t rounds;    /* so often */
};

extern const struct baseline_rule baseline_rules[];
extern const size_t baseline_rule_count;

const struct baseline_rule *baseline_find(const char *name); /* NULL: no such rule */

/* Uses the story's nodes, seed, queries, loss, dead and byzantine. False when out of memory. */
bool baseline_run(const struct baseline_rule *rule, const struct story *story, struct result *ret);

#endif
