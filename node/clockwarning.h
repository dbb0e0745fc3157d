/* clockwarning - exporters whose clocks are off so far that somebody should set them. */
#ifndef SPOOR_NODE_CLOCKWARNING_H
#define SPOOR_NODE_CLOCKWARNING_H

#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCKWARNING_LAG_MS 600000 /* flows whose timeouts are longer may all end so long ago */
#define CLOCKWARNING_HEARD_MS 600000
#define CLOCKWARNING_BOUND_MS 10000 /* at less than this nobody need be told */

struct clockwarning {
	size_t count; /* exporters that are off; of the farthest: */
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

/*
 * The same of files that were imported, by the times of their capture: of that session, or where it
 * is 0 of all that are still known.
 */
struct clockwarning clockwarning_of_files(const struct stream_table *streams, uint32_t session,
                                          int64_t bound_ms);

/* "the clock of exporter 192.0.2.1 is 3600 s behind"; false: all are right. */
#define CLOCKWARNING_TEXT_MAX 160
bool clockwarning_text(const struct clockwarning *w, char ret[CLOCKWARNING_TEXT_MAX]);

#endif
