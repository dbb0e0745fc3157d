#include "node/spending.h"

#include "base/util.h"

static size_t cost_of(bool is_low)
{
	return is_low ? 2 : 1;
}

void spending_note(struct spending *s, struct mono now, bool is_low)
{
	for (size_t i = 0; i < cost_of(is_low); i++) {
		s->until[s->next] = mono_after(now, SPENDING_WINDOW_MS);
		s->next = (s->next + 1) % SPENDING_MAX;
	}
}

bool spending_allows(const struct spending *s, struct mono now, bool is_low, size_t left)
{
	size_t spent = 0;

	for (size_t i = 0; i < SPENDING_MAX; i++)
		spent += !mono_reached(now, s->until[i]);
	return spent + cost_of(is_low) + left <= SPENDING_MAX;
}
