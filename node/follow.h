/*
 * follow - when the question about a connection that goes on is asked again.
 *
 * Pure: the times come with the call. Evidence grows with the silences of the target, so a question
 * is worth its price when there are an eighth more of them, at least one. What a member may ask is
 * bounded (docs/OVERLAY.md, Vigilance): all that this node follows shares that.
 */
#ifndef SPOOR_NODE_FOLLOW_H
#define SPOOR_NODE_FOLLOW_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLLOW_EVERY_MIN_MS 10000 /* all that members search for one who asks */
#define FOLLOW_SILENCES_MIN 2     /* below, nothing can be told by timing: nobody is asked */

/* Exporters tell of an interval two of their idle timeouts after it, and a moment, at the latest.
 */
#define FOLLOW_SETTLE_MS(gap_ms) (2 * (gap_ms) + 5000)

struct follow {
	int64_t every_ms;  /* between two questions at least; 0: one report is all */
	struct mono until; /* MONO_NEVER: until the connection has ended */
	int64_t settle_ms; /* so long after its end records of others may come */
	struct mono asked; /* when everybody was asked last, or would have been */
	size_t silences;   /* the target had then */
	bool is_over;      /* as it was then, all records had come */
};

struct followed { /* the target now */
	size_t silences;
	int64_t end_ms; /* its last packet so far */
	bool is_open;
};

enum follow_step {
	FOLLOW_WAIT,
	FOLLOW_ASK,
	FOLLOW_END, /* nothing new will come, or the time is up */
};

/*
 * What to do now; the last time `questions` were asked (0 counts as one), and `shared` traces are
 * followed.
 */
enum follow_step follow_next(const struct follow *f, struct now now, const struct followed *target,
                             size_t questions, size_t shared);

/* It has ended, and the records of others have had time to come. */
bool follow_is_over(const struct follow *f, struct now now, const struct followed *target);

/* Everybody is asked now, or would be if timing could tell anything. */
void follow_note(struct follow *f, struct now now, const struct followed *target);

#endif
