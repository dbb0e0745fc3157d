/* report - a finished trace as the JSON report that design and scripts rely on. */
#ifndef SPOOR_NODE_REPORT_H
#define SPOOR_NODE_REPORT_H

#include "node/conf.h"
#include "node/trace.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"

/* Packs the report's map; the exit code that tells it in one number. */
enum ctl_code report_pack(struct pack *p, const struct node *node, const struct trace *trace,
                          const char *bundle);

#endif
