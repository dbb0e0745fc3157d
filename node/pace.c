#include "node/pace.h"

#include "base/util.h"

#define LOOK_MIN_MS 5000
#define LOOK_SHARE 64 /* of its silence passes until the next look */

struct pace pace_of(struct now now, int64_t settle_ms, int64_t pause_max_ms, int64_t until_ms)
{
	return (struct pace){
		.follow = {.every_ms = FOLLOW_EVERY_MIN_MS,
	                   .until = MONO_NEVER,
	                   .settle_ms = settle_ms,
	                   .asked = now.mono},
		.pause_ms = MIN(PACE_FIRST_MS, pause_max_ms),
		.pause_max_ms = pause_max_ms,
		.until_ms = until_ms,
	};
}

enum follow_step pace_next(const struct pace *p, struct now now, const struct followed *target,
                           bool has_arrived)
{
	enum follow_step step = follow_next(&p->follow, now, target, 1, 1);
	struct mono asked = p->follow.asked;

	if (now.wall.ms >= p->until_ms)
		return FOLLOW_END;
	if (target->silences < FOLLOW_SILENCES_MIN)
		return step == FOLLOW_WAIT ? FOLLOW_WAIT : FOLLOW_END;
	if (!mono_reached(now.mono, mono_after(asked, FOLLOW_EVERY_MIN_MS)))
		return FOLLOW_WAIT;
	if (has_arrived || mono_reached(now.mono, mono_after(asked, (uint64_t)p->pause_ms)))
		return FOLLOW_ASK;
	return step == FOLLOW_ASK ? FOLLOW_ASK : FOLLOW_WAIT;
}

uint64_t pace_look_ms(struct now now, const struct followed *target)
{
	int64_t silent_ms = now.wall.ms - target->end_ms;

	return (uint64_t)MAX(silent_ms / LOOK_SHARE, (int64_t)LOOK_MIN_MS);
}

void pace_asked(struct pace *p, struct now now, const struct followed *target)
{
	follow_note(&p->follow, now, target);
}

void pace_heard(struct pace *p, bool is_new)
{
	p->pause_ms = MIN(is_new ? PACE_FIRST_MS : 2 * p->pause_ms, p->pause_max_ms);
}
