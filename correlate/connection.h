/*
 * connection - flow records of one 5-tuple at one view, joined.
 *
 * Exporters cut a connection into records: at their idle timeout, at their active timeout, and one
 * per direction. Records whose silence between them is no longer than `gap_ms` are one ON interval
 * (the closure of design/correlation.md 3.1: exact for any gap_ms not below the exporter's idle
 * timeout). A connection that is still open is one like any other: its records so far.
 */
#ifndef SPOOR_CORRELATE_CONNECTION_H
#define SPOOR_CORRELATE_CONNECTION_H

#include "base/addr.h"
#include "base/interval.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a connection is seen: an exporter, and the one or two interfaces its packets crossed. */
struct view {
	struct addr exporter;
	uint32_t if_low, if_high; /* the record's interfaces in ascending order */
};

/* What of a flow matters here. Both directions of a connection have equal `view, low, high, proto`.
 */
struct sighting {
	struct view view;
	struct endpoint low, high; /* the two ends in ascending order */
	struct interval on;
	uint64_t octets, packets;
	int16_t low_ms,
		high_ms; /* `on` is late by as much as this, which is not known; 0 at first */
	uint8_t proto;
	uint8_t tcp_flags;
	bool is_upward;  /* sent by `low` to `high` */
	bool is_sampled; /* octets and packets are estimates */
};

struct connection {
	struct view view;
	struct endpoint src,
		dst; /* who opened it, and to whom (see connection.c for how we know) */
	uint8_t proto;
	uint8_t tcp_flags; /* of both directions, or'ed */
	uint64_t octets, packets;
	uint32_t records;
	int16_t low_ms, high_ms;     /* of all of them: the least, and the most */
	const struct sighting *rows; /* those records, by start; borrowed */
	int64_t gap_ms;
	const struct interval *on; /* ordered, disjoint, more than gap_ms apart; borrowed */
	size_t on_count;           /* at least 1 */
};

struct sighting sighting_of(const struct flow *flow);

int view_cmp(const struct view *a, const struct view *b);

/* First packet of the first interval to last packet of the last. */
struct interval connection_life(const struct connection *c);

/* It is late by this, as far as is known: the middle of low_ms and high_ms. */
int64_t connection_late_ms(const struct connection *c);

/* Its life by the middle of what its clock leaves open, as its lags are (score.h). */
struct interval connection_life_by_middle(const struct connection *c);

/* No FIN and no RST was seen from either side. */
bool connection_is_open(const struct connection *c);

typedef void connection_fn(void *ctx, const struct connection *c);

/*
 * Sorts rows[0..count) in place and calls `fn` once for every connection, in the order of view,
 * then ends. `room` has space for `count` intervals and is scribbled on. No allocation.
 */
void connection_each(struct sighting *rows, size_t count, int64_t gap_ms, struct interval *room,
                     connection_fn *fn, void *ctx);

#endif
