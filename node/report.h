/* report - a finished trace as the JSON report that design and scripts rely on. */
#ifndef SPOOR_NODE_REPORT_H
#define SPOOR_NODE_REPORT_H

#include "node/conf.h"
#include "node/sheet.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"

#define REPORT_MAX (12 << 20)   /* octets, however many members say however much */
#define REPORT_MATCHES_MAX 8192 /* that are listed, the best first */

/* Packs the report's map, for which there is REPORT_MAX of room; the exit code that tells it in one
 * number. `is_final`: no report follows. */
enum ctl_code report_pack(struct pack *p, const struct sheet *s, const char *bundle, bool is_final);

#endif
