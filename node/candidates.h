/* candidates - which connections are worth reading for a question, by the log of edges. */
#ifndef SPOOR_NODE_CANDIDATES_H
#define SPOOR_NODE_CANDIDATES_H

#include "node/skews.h"
#include "proto/wire/query.h"
#include "store/edges.h"

struct candidates {
	uint32_t *connections; /* as struct wish has them */
	size_t count;
	struct store_held held; /* by our clock; filled in whatever comes out */
};

/*
 * All connections with flows that overlap `when`, by our clock, for which score_is_worthwhile()
 * would be true, compared at `gap_ms`, and some others. candidates_free() after ERR_OK.
 *
 * ERR_NOENT   the log cannot tell: everything has to be looked at
 * ERR_NOMEM, and what reading the store may meet
 */
MUST_USE enum err candidates_find(struct store *store, const struct question *q, int64_t gap_ms,
                                  struct interval when, const struct skews *skews,
                                  struct candidates *ret);
void candidates_free(struct candidates *c);

#endif
