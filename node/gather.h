/*
 * gather - the flows that a search looks at, read on a worker, as correlate wants them: by this
 * node's clock, whatever their exporters' were.
 */
#ifndef SPOOR_NODE_GATHER_H
#define SPOOR_NODE_GATHER_H

#include "base/clock.h"
#include "correlate/connection.h"
#include "node/skews.h"
#include "store/wish.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

#define GATHERED_MAX (4u << 20) /* flows; 120 octets each, with their room */

/* When reading has to be over. A test may bring a clock of its own. */
struct deadline {
	struct mono at;
	struct mono (*now)(void);
};

bool deadline_is_over(const struct deadline *d);

extern const struct deadline deadline_never;

/* Flows of a window. */
struct gathered {
	struct sighting *rows;
	struct interval *room; /* as many intervals */
	size_t count, space;
	uint64_t flows;         /* read; of them `count` are wanted: */
	struct interval window; /* empty, start > end: of none */
	bool is_cut;            /* the deadline came first: there may be more */
};

typedef bool wanted_fn(const void *ctx, const struct flow *flow);

/*
 * Reads all flows that are wished for, and wanted, to `g`, which gather_free() takes; on failure it
 * was. The time wished for, and the times of what comes, are this node's; `wanted` sees a flow as
 * its exporter told it. The deadline is looked at between two blocks.
 *
 * ERR_LIMIT   more of them than a search may hold
 * ERR_NOMEM, and what reading the store may meet
 */
MUST_USE enum err gather(struct store *store, const struct skews *skews, const struct wish *wish,
                         wanted_fn *wanted, const void *ctx, const struct deadline *deadline,
                         struct gathered *g);
void gather_free(struct gathered *g);

#endif
