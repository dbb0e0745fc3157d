/* report_beside - what a report tells beside the path, in words. */
#ifndef SPOOR_TOOLS_REPORT_BESIDE_H
#define SPOOR_TOOLS_REPORT_BESIDE_H

#include "tools/paper.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Lines behind the margin under `hop`: what else could stand there, what contradicts it; or
 * nothing.
 */
void report_beside(struct paper *p, const json_t *hop, const char *arrow);

/* Of so many that were compared one may agree as well by chance, and nobody else has named it. */
bool report_may_be_chance(const json_t *hop);

/* Siblings, forks, merges and others that have a host of the path: a line each; or nothing. */
void report_branches(struct paper *p, const json_t *report, const char *arrow);

/* Matches that are neither on the path nor beside it, and why: a line each; or nothing. */
void report_unplaced(struct paper *p, const json_t *report, const char *arrow);

/* How many views have lines of their own though not on the path. */
int64_t report_beside_views(const json_t *report);

#endif
