/*
 * skews - how far exporters' clocks were off, for whoever reads what they told.
 *
 * Flows keep their exporters' times. A question, an answer and a path are in this node's: each
 * record is moved by what was known of its exporter's clock when it was received. What is read
 * then agrees with everything else that was, whatever was set meanwhile.
 *
 * Where flows are found by their exporters' times, a search looks there by bands: exporters whose
 * clocks are about as far off. Most nodes have one.
 */
#ifndef SPOOR_NODE_SKEWS_H
#define SPOOR_NODE_SKEWS_H

#include "base/interval.h"
#include "proto/flow/clocks.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKEWS_NEAR_MS 600000     /* a clock farther off than this, */
#define SKEWS_FAR_MS 86400000    /* but not than this, is believed to be, */
#define SKEWS_HELD_MS 600000     /* where it has gone on like that for so long */
#define SKEWS_BOUND_MAX_MS 15000 /* known less well than this is not known at all */
#define SKEWS_BANDS_MAX 8

/*
 * Right to within a second where nothing is known, or what is known tells rather of something
 * recorded earlier that is played again.
 *
 * A time less `ahead_ms` is never farther from the truth than the time itself: it is the least that
 * brings the clock into what is possible.
 */
struct skew {
	int64_t low_ms, high_ms; /* the exporter's clock is ahead of ours by as much as this, */
	int64_t ahead_ms;        /* by this at least, if it is not known to be right */
};

/* A copy, since workers search while the collector goes on. All zero: nothing is known. */
struct skews {
	struct skews_known {
		struct clock_key key;
		struct clock_segment *segments; /* oldest first, at least one */
		size_t count;
		int64_t less_ms, more_ms; /* so much farther are others who share the key */
	} * of;                           /* in the order of keys */
	size_t count;
};

/*
 * All histories, and the estimates of proven streams (to forge one that is not is cheap): of
 * several processes behind one key all that they leave possible. Without memory less is known, or
 * nothing. `ret` is freed by skews_free().
 */
void skews_take(struct skews *ret, const struct clocks *clocks, const struct stream_table *streams);
void skews_free(struct skews *s);

struct skews_reader { /* zeroed but for `of`; flows of one datagram come together */
	const struct skews *of;
	const struct skews_known *last;
	int64_t received_ms;
	struct skew skew; /* of that one, then */
};

/* Of the exporter of `f`, when that was received. */
struct skew skews_at(struct skews_reader *r, const struct flow *f);

/*
 * By how much clocks at that address were ahead within `when`, the least and the most of those that
 * are known: whoever says nothing else of itself may be any of them. None is known: not at all.
 */
struct interval skews_ahead(const struct skews *s, const struct addr *exporter,
                            struct interval when);

/* To within so much the middle of what those clocks leave open then is right. */
int64_t skews_bound_ms(const struct skews *s, const struct addr *exporter, struct interval when);

struct skew_band {
	int64_t ahead_ms, within_ms; /* by their clocks our time is later by this, more or less */
	int64_t last_ms;             /* the most that skews_at() has for one of them */
};

/*
 * Those of flows that overlap `when`, by our clock: ascending, at least one. A flow is of the first
 * whose last_ms is not below what skews_at() has for it, else of the last.
 */
size_t skews_bands(const struct skews *s, struct interval when,
                   struct skew_band ret[SKEWS_BANDS_MAX]);

/*
 * One of those clocks was set meanwhile: by its own time, connections were silent when they were
 * not, or go on before they ended.
 */
bool skews_were_set(const struct skews *s, struct interval when);

/* `when` by the clocks of a band, with whatever could overlap it. */
struct interval skew_band_when(const struct skew_band *b, struct interval when);

#endif
