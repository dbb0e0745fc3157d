/*
 * polling - what a connection tells that polls: its period, and whether another keeps its phase.
 *
 *	x  |        |         |        |       each poll begins where a silence ends
 *	y    |        |         |        |     passed on: later by a lag that stays, so that the
 *	   <-> lag  <->       <->      <->     polls of both are early and late together
 *
 * Equal periods prove nothing: one software has one period. What may is the phase, once, and how
 * it wanders: who sleeps for a minute after each poll is late for good by what the poll took, and
 * what has nothing to do with it is not. A schedule that keeps to the clock proves nothing at all,
 * for others have the same (docs/CORRELATION.md).
 */
#ifndef SPOOR_CORRELATE_POLLING_H
#define SPOOR_CORRELATE_POLLING_H

#include "correlate/edges.h"

#include <stdbool.h>
#include <stddef.h>

#define POLLING_POLLS_MIN 8

enum polling_kind {
	POLLING_NONE,      /* no period, or fewer than POLLING_POLLS_MIN polls */
	POLLING_FREE,      /* its phase wanders: it waits for a time after each poll */
	POLLING_HELD,      /* its phase is held, at a period of no whole seconds */
	POLLING_SCHEDULED, /* held, of whole seconds: by a clock that everybody has. Or not to be
	                      told from that yet */
};

struct polling {
	enum polling_kind kind;
	size_t polls;
	double period_s, error_s; /* one standard deviation */
	double drift_s;           /* the period grows by this from poll to poll */
	double jitter_s;          /* of one interval: a standard deviation, outliers apart */
	bool may_be_scheduled;    /* as seen by a clock that is set, or drifts, or is made right */
	double tick_s;            /* most stamps are as far apart as multiples of this */
};

/* The beginnings of activity, but for the first, which may be older than what was seen of it. */
void polling_of(const struct edges *e, struct polling *ret);

struct poller {
	const struct edges *edges; /* borrowed */
	struct polling polling;    /* by polling_of() */
};

struct polling_evidence {
	double decades;            /* log10 E; -INFINITY: nothing is told, E counts as 0 */
	double phase_decades;      /* of them, by the phase of the first poll */
	double lag_s, lag_error_s; /* candidate minus target: mean, and standard deviation */
	size_t polls;              /* compared */
	size_t telling;            /* of them, those that could have told the two apart */
};

/*
 * An e-value, as evidence.h has it, for two that poll. On one time axis; lags of up to `lag_s`
 * either way are possible. Symmetric. Nothing is told where one has no period or keeps a schedule,
 * or where lags reach half a period.
 */
void polling_evidence_of(const struct poller *target, const struct poller *candidate, double lag_s,
                         struct polling_evidence *ret);

/* "none", "free-running", "held", "scheduled"; "unknown" for anything else. */
const char *polling_text(enum polling_kind kind);

#endif
