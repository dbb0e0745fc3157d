/*
 * clock - the two kinds of time, which must never meet in one expression.
 *
 * Neither has a reader here. A driver brings both: node/ from the machine, tools/sim/ from its
 * event queue.
 */
#ifndef SPOOR_BASE_CLOCK_H
#define SPOOR_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	uint64_t ms; /* since an arbitrary start; never goes back; for timers */
};

struct wall {
	int64_t ms; /* since 1970, UTC, as this machine believes; for expiry and evidence */
};

struct now {
	struct mono mono;
	struct wall wall;
};

#define MONO_NEVER ((struct mono){UINT64_MAX})

static inline struct mono mono_after(struct mono t, uint64_t ms)
{
	return (struct mono){t.ms > UINT64_MAX - ms ? UINT64_MAX : t.ms + ms};
}

static inline bool mono_reached(struct mono now, struct mono deadline)
{
	return now.ms >= deadline.ms;
}

static inline struct mono mono_earlier(struct mono a, struct mono b)
{
	return a.ms < b.ms ? a : b;
}

#endif
