/*
 * report - a grid of runs, written as a table and as plots: how the overlay compares.
 *
 * Sizes x faults x rules, each cell one run: report.md for people, results.jsonl with every figure
 * for programs, and the plots as SVG.
 */
#ifndef SPOOR_TOOLS_SIM_REPORT_H
#define SPOOR_TOOLS_SIM_REPORT_H

#include "tools/sim/story.h"

#include <stdbool.h>

#define REPORT_REASON_MAX 256

/*
 * Fills the folder `dir`, which is made if need be. `base` says what the cells have in common:
 * seed, queries, suite. Short when `is_quick`: small communities alone. On failure `reterr` says
 * why.
 */
bool report_run(const struct story *base, const char *dir, bool is_quick,
                char reterr[REPORT_REASON_MAX]);

#endif
