#include "base/util.h"
#include "store/internal.h"

#define HOUR_MS 3600000
#define DROP_MAX 16 /* blocks deleted in one transaction */

/* What to delete next. */
struct step {
	uint64_t hour;
	uint64_t octets;
};

/* The oldest partition, if even its last minute was received before `before_ms`. */
static bool too_old(struct store *s, int64_t before_ms, struct step *ret)
{
	bool is_old = false;

	pthread_mutex_lock(&s->lock);
	if (s->partition_count > 0 && before_ms > 0 &&
	    s->partitions[0].hour < (uint64_t)before_ms / HOUR_MS) {
		*ret = (struct step){.hour = s->partitions[0].hour, .octets = UINT64_MAX};
		is_old = true;
	}
	pthread_mutex_unlock(&s->lock);
	return is_old;
}

/* The octets that blocks may take. A block that waits for room gets it here, once. */
static uint64_t octets_to_keep(struct store *s)
{
	uint64_t keep = s->size_max;

	pthread_mutex_lock(&s->lock);
	if (s->wanted > 0) {
		uint64_t octets = blocks_octets(s);
		uint64_t taken = s->wanted + s->log_octets + s->young_octets;

		/*
		 * Both, because pages may be left that lie too far apart for the block: then
		 * there is room by number, and as much again has to go.
		 */
		keep = MIN(keep, s->env.budget - MIN(s->env.budget, taken));
		keep = MIN(keep, octets - MIN(octets, s->wanted));
		s->wanted = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return keep;
}

/* The oldest partition goes as a whole; of one that is alone, only what is too much. */
static bool too_big(struct store *s, uint64_t keep, struct step *ret)
{
	bool is_big = false;

	pthread_mutex_lock(&s->lock);
	if (s->partition_count > 0) {
		uint64_t octets = blocks_octets(s);

		is_big = octets > keep;
		ret->hour = s->partitions[0].hour;
		ret->octets = s->partition_count > 1 ? UINT64_MAX : octets - keep;
	}
	pthread_mutex_unlock(&s->lock);
	return is_big;
}

static bool is_held(struct store *s, uint64_t hour)
{
	bool held;

	pthread_mutex_lock(&s->lock);
	held = s->partition_count > 0 && s->partitions[0].hour == hour;
	pthread_mutex_unlock(&s->lock);
	return held;
}

/* Lets go of `writing` between transactions: a seal waits for one of them, not for all. */
static enum err take_step(struct store *s, struct step step)
{
	enum err err = ERR_OK;
	bool is_oldest;

	do {
		pthread_mutex_lock(&s->writing);
		is_oldest = is_held(s, step.hour); /* a seal may just have written an older one */
		if (is_oldest)
			err = blocks_drop(s, step.hour, DROP_MAX, step.octets);
		pthread_mutex_unlock(&s->writing);
	} while (err == ERR_OK && step.octets == UINT64_MAX && is_oldest);
	return err;
}

enum err store_expire(struct store *s, struct wall now)
{
	enum err err = ERR_OK;
	struct step step;
	uint64_t keep;

	pthread_mutex_lock(&s->lock);
	s->hour_now = blocks_hour(now.ms);
	pthread_mutex_unlock(&s->lock);
	keep = octets_to_keep(s);
	while (err == ERR_OK && s->age_max_ms > 0 && too_old(s, now.ms - s->age_max_ms, &step))
		err = take_step(s, step);
	while (err == ERR_OK && s->size_max > 0 && too_big(s, keep, &step))
		err = take_step(s, step);
	return err;
}
