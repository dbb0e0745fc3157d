/* report - a finished trace as the JSON report of design.md, and as a bundle of signed evidence. */
#ifndef SPOOR_NODE_REPORT_H
#define SPOOR_NODE_REPORT_H

#include "node/conf.h"
#include "node/trace.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"

/* Packs the report's map; the exit code that tells it in one number. */
enum ctl_code report_pack(struct pack *p, const struct node *node, const struct trace *trace,
                          const char *bundle);

/*
 * Writes query, own statement and replies to conf.traces/ID.spoor: a MessagePack array of the text
 * "spoor bundle 1", the query and the statements, each as it was signed. `ret_path` is its path.
 */
MUST_USE enum err report_bundle(const struct node *node, const struct trace *trace,
                                char ret_path[CONF_PATH_MAX]);

#endif
