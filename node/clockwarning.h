/* clockwarning - exporters whose clocks are off so far that somebody should set them. */
#ifndef SPOOR_NODE_CLOCKWARNING_H
#define SPOOR_NODE_CLOCKWARNING_H

#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCKWARNING_LAG_MS 600000 /* flows whose timeouts are longer may all end so long ago */
#define CLOCKWARNING_HEARD_MS 600000

struct clockwarning {
	size_t count; /* exporters' streams that are off; of the farthest: */
	struct addr exporter;
	int64_t ahead_ms; /* by as much, of this node; below 0: behind */
	bool is_by_flows; /* as its flows tell it; headers are right, or not known yet */
};

/*
 * Of streams that have proved themselves and were heard lately: off by more than `bound_ms` for
 * certain, as headers tell; or by what all flows of a while tell.
 */
struct clockwarning clockwarning_of(const struct stream_table *streams, int64_t now_ms,
                                    int64_t bound_ms);

/* "the clock of exporter 192.0.2.1 is 3600 s behind"; false: all are right. */
bool clockwarning_text(const struct clockwarning *w, char *room, size_t len);

#endif
