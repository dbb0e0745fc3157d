#include "node/follow.h"

#include "base/util.h"

bool follow_is_over(const struct follow *f, struct now now, const struct followed *target)
{
	return !target->is_open && now.wall.ms >= target->end_ms + f->settle_ms;
}

static bool is_worth_it(const struct follow *f, const struct followed *target)
{
	return target->silences >= FOLLOW_SILENCES_MIN &&
	       target->silences >= f->silences + MAX(f->silences / 8, (size_t)1);
}

enum follow_step follow_next(const struct follow *f, struct now now, const struct followed *target,
                             size_t questions, size_t shared)
{
	uint64_t pause_ms = (uint64_t)f->every_ms * MAX(questions, (size_t)1) * shared;
	bool is_last = follow_is_over(f, now, target);

	if (mono_reached(now.mono, f->until) || (is_last && f->is_over))
		return FOLLOW_END;
	if (!mono_reached(now.mono, mono_after(f->asked, pause_ms)))
		return FOLLOW_WAIT;
	return is_last || is_worth_it(f, target) ? FOLLOW_ASK : FOLLOW_WAIT;
}

void follow_note(struct follow *f, struct now now, const struct followed *target)
{
	f->asked = now.mono;
	f->silences = target->silences;
	f->is_over = follow_is_over(f, now, target);
}
