/*
 * edges - when which connection fell silent or came back: a log beside the flows, by time.
 *
 * Who appends flows finds their edges and hands them over before the flows that show them; the
 * store only keeps them, in memory until a run of the index is written (sixteen blocks), then on
 * disk by the hour of the edge. With a block's run its edges go. A question about some seconds
 * reads those seconds, whatever else is kept.
 *
 * Of the hash of a connection the log has 24 bits, and times in steps of 64 ms.
 */
#ifndef SPOOR_STORE_EDGES_H
#define SPOOR_STORE_EDGES_H

#include "base/edge.h"
#include "store/store.h"

#define STORE_EDGE_ROUND_MS 64 /* a time read may be earlier by less than this */
#define STORE_EDGE_BITS 24     /* of a connection's hash; the others read as 0 */

/* A hash of its connection, alike in both directions, by a seed of the store. */
uint64_t store_connection(const struct store *s, const struct flow *f);

/*
 * From now on the edges of all silences longer than `gap_ms` are handed over with every flow that
 * is appended, and those of the flows that store_cursor_tail() has as not logged have been.
 */
void store_edges_begin(struct store *s, int64_t gap_ms);

/* Takes edges[0..count), copied. Where memory has no more room, the log has a hole, and says so. */
void store_edges_append(struct store *s, const struct edge *edges, size_t count);

/*
 * Of the flows that come now, and of the last ones, edges were missed: the log has those that were
 * found, and says that there are more.
 */
void store_edges_lack(struct store *s);

/* What is read, by is_back: ascending, and no two of a kind have a moment in common. */
struct edge_windows {
	const struct interval *at[2];
	size_t count[2];
};

/* What the store holds that overlaps `when`: upper bounds. */
struct store_held {
	struct interval span;
	uint64_t flows, connections;
	bool is_lacking; /* many of their edges were missed (store_edges_lack()) */
};

typedef void store_edge_fn(void *ctx, const struct edge *edges, size_t count);

/*
 * Calls `fn` with all edges in the windows, in no order and some more than once. They are complete
 * for silences longer than `gap_ms` and flows that overlap `when`, unless `ret` says that they are
 * lacking. Windows outside of `when` are
 * read all the same.
 *
 * ERR_NOENT   they would not be complete: the store has flows of `when` without their edges, or its
 *             log is damaged there; `ret` is filled in
 * ERR_NOMEM, ERR_BUSY, ERR_CORRUPT, ERR_IO: as store_cursor_next()
 */
MUST_USE enum err store_edges_read(struct store *s, struct interval when, int64_t gap_ms,
                                   const struct edge_windows *windows, store_edge_fn *fn, void *ctx,
                                   struct store_held *ret);

/*
 * Reads the last flows that came, at least `count` of them if there are as many, in the order in
 * which they came. Errors as those of store_cursor_find().
 */
MUST_USE enum err store_cursor_tail(struct store *s, size_t count, struct store_cursor **ret);

/* Have the flows that store_cursor_next() has returned their edges in the log? */
bool store_cursor_is_logged(const struct store_cursor *c);

#endif
