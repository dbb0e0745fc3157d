/*
 * pace - when a standing question is asked again: rarely, and at once where there is a reason.
 *
 * Pure: the times come with the call. The reasons are two: a member can be reached who has not
 * answered (presence.h), and the connection has gone on (follow.h). Without one the pause between
 * two questions doubles, for records that come late; it is short again when something was found,
 * for where one view of a connection has come others may come soon.
 */
#ifndef SPOOR_NODE_PACE_H
#define SPOOR_NODE_PACE_H

#include "base/clock.h"
#include "node/follow.h"

#include <stdbool.h>
#include <stdint.h>

#define PACE_FIRST_MS 20000

struct pace {
	struct follow follow;
	int64_t pause_ms, pause_max_ms;
	int64_t until_ms; /* wall clock, as all that outlives a restart */
};

/* `settle_ms` as in struct follow. The first question may go out FOLLOW_EVERY_MIN_MS from now. */
struct pace pace_of(struct now now, int64_t settle_ms, int64_t pause_max_ms, int64_t until_ms);

/*
 * What to do now. FOLLOW_END: its time is up, or the connection has ended and timing cannot decide
 * it.
 */
enum follow_step pace_next(const struct pace *p, struct now now, const struct followed *target,
                           bool has_arrived);

/*
 * When a connection that was silent for so long is worth another look: soon while it talks, seldom
 * when it has not for days.
 */
uint64_t pace_look_ms(struct now now, const struct followed *target);

/* Everybody is asked now. */
void pace_asked(struct pace *p, struct now now, const struct followed *target);

/* Everybody has answered who does; or nobody could be asked. */
void pace_heard(struct pace *p, bool is_new);

#endif
