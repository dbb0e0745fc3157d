/* bundle - the signed evidence of a trace's question, in a file of its own. */
#ifndef SPOOR_NODE_BUNDLE_H
#define SPOOR_NODE_BUNDLE_H

#include "base/err.h"
#include "node/conf.h"
#include "node/round.h"

/*
 * Writes conf.traces/ID.spoor, a MessagePack array:
 *
 *	"spoor bundle 2", query, [[certificate, record, receipt or nil, answer or nil], ...]
 *
 * each as it was signed: whoever has it and the roots' keys can check who said what to which
 * question, this node's own statement first. `ret_path` is its path.
 */
MUST_USE enum err bundle_write(const struct node *node, const struct round *round,
                               char ret_path[CONF_PATH_MAX]);

/* Where that of a question lies, if it was written. False: the path is too long. */
bool bundle_path(const struct node *node, const struct query_id *query,
                 char ret_path[CONF_PATH_MAX]);

#endif
