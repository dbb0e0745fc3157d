/* report_origin - what hosts say of the connections on the path, in words. */
#ifndef SPOOR_TOOLS_REPORT_ORIGIN_H
#define SPOOR_TOOLS_REPORT_ORIGIN_H

#include "tools/paper.h"

#include <jansson.h>

/* Lines behind the margin under `hop`: which process opened it, where that came from; or nothing.
 */
void report_origin(struct paper *p, const json_t *report, const json_t *hop);

/* What does not verify, wherever it is in the report; or nothing. */
void report_forged(struct paper *p, const json_t *report);

#endif
