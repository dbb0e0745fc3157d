/*
 * losses - how much of what exporters told never came, for whoever reads what did.
 *
 * By the exporter's address, as flows name it, of all that its streams have brought since they are
 * known. What is lost on the way to a node costs the correlator edges, and it need not know to the
 * percent how many (docs/CORRELATION.md): an exporter that has told little is taken for a usual one
 * until it has told more.
 */
#ifndef SPOOR_NODE_LOSSES_H
#define SPOOR_NODE_LOSSES_H

#include "base/addr.h"
#include "correlate/connection.h"
#include "correlate/score.h"
#include "proto/flow/stream.h"

#include <stddef.h>

/* A copy, since workers search while the collector goes on. All zero: nothing is known. */
struct losses {
	struct losses_known {
		struct addr exporter;
		double came, lost; /* flows */
	} * of;                    /* in the order of addresses */
	size_t count;
};

/*
 * Of proven streams (to forge one that is not is cheap), but none of sFlow: that is a sample, and
 * says nothing of connections. Without memory nothing is known. `ret` is freed by losses_free().
 */
void losses_take(struct losses *ret, const struct stream_table *streams);
void losses_free(struct losses *l);

/* Of 1000 of its records so many never came: below 1000. */
unsigned losses_of(const struct losses *l, const struct addr *exporter);

/* The exporter of `c`, of 1000 of whose records so many never came, as a score wants it. */
struct score_clock losses_clock(const struct connection *c, unsigned lost);

#endif
