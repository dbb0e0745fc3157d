/*
 * lag - how long after their end a stream's flows come, by our clock and theirs.
 *
 * Some of many flows end just before they are exported: long ones are told while they last. So the
 * least of many is about as far as their clock is behind, whatever the headers' says (a clock may
 * tell the local time in records alone); and a flow that ends after it came is of a clock ahead.
 */
#ifndef SPOOR_PROTO_FLOW_LAG_H
#define SPOOR_PROTO_FLOW_LAG_H

#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

#include <stddef.h>

/* A flow that ends this long after it came is ahead: seconds may be rounded. */
#define LAG_AHEAD_MS 1000
#define LAG_WINDOW_MS 60000 /* the least is known of so long */
#define LAG_FLOWS 64        /* and so many */

/* A message of a file, whose clock has no model, was captured so long after its export. */
void lag_header(struct stream_lag *l, int64_t header_ms);

/* Takes what came in a datagram; returns how many are ahead. */
size_t lag_take(struct stream_lag *l, const struct flow *flows, size_t count);

#endif
