/*
 * silences - the edges of silences of all connections, found as flows come, into the store's log.
 *
 * At the start the last flows of the store are read again, so that silences which began before a
 * restart are known, and so that what a crash has taken from the log is there.
 */
#ifndef SPOOR_NODE_SILENCES_H
#define SPOOR_NODE_SILENCES_H

#include "correlate/gaps.h"

#include <stddef.h>

struct store;

#define SILENCES_CONNECTIONS (5u << 17) /* GAPS_OCTETS each */
#define SILENCES_FLOWS (2u << 20)       /* read again at the start */

struct silences {
	struct store *store;
	void *room; /* of `gaps` */
	size_t room_octets;
	uint64_t lacks;    /* of `gaps`, that the log was told of */
	struct gaps *gaps; /* NULL: no edges are logged, and searches look at everything */
};

/* Before anything is appended. `connections` are remembered. */
void silences_start(struct silences *s, struct store *store, int64_t gap_ms, size_t connections);
void silences_free(struct silences *s);

/* Right before flows[0..count) are appended; once more does no harm. */
void silences_feed(struct silences *s, const struct flow *flows, size_t count);

/* The edges of the latest flows are logged once there are many, or now: before a seal or a search.
 */
void silences_flush(struct silences *s);

#endif
