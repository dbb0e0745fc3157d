/*
 * rhythm_fixture - connections with a rhythm of people or of machines, for the correlator's tests.
 */
#ifndef SPOOR_TESTS_UNIT_RHYTHM_FIXTURE_H
#define SPOOR_TESTS_UNIT_RHYTHM_FIXTURE_H

#include "base/interval.h"
#include "base/prng.h"
#include "correlate/fingerprint.h"

#include <stddef.h>
#include <stdint.h>

#define RHYTHM_MAX 512
#define RHYTHM_GAP_MS 15000
#define RHYTHM_T0 INT64_C(1700000040000) /* a full minute */

struct rhythm {
	struct interval on[RHYTHM_MAX];
	size_t count;
};

static inline struct fingerprint rhythm_print(const struct rhythm *r)
{
	return (struct fingerprint){r->on, r->count, RHYTHM_GAP_MS};
}

/* Activity of 1 to 12 s between silences of 16 to 80 s, as of somebody who reads and types. */
static inline struct rhythm rhythm_of_person(uint64_t seed, size_t count)
{
	struct prng p = {seed};
	struct rhythm r = {.count = count};
	int64_t at_ms = RHYTHM_T0 + (int64_t)prng_below(&p, 20000);

	for (size_t i = 0; i < count; i++) {
		r.on[i].start_ms = at_ms;
		r.on[i].end_ms = at_ms + 1000 + (int64_t)prng_below(&p, 11000);
		at_ms = r.on[i].end_ms + 16000 + (int64_t)prng_below(&p, 64000);
	}
	return r;
}

/* `busy_ms` of activity every `period_ms`, from `first_ms` after T0. */
static inline struct rhythm rhythm_of_job(int64_t first_ms, int64_t period_ms, int64_t busy_ms,
                                          size_t count)
{
	struct rhythm r = {.count = count};

	for (size_t i = 0; i < count; i++) {
		r.on[i].start_ms = RHYTHM_T0 + first_ms + (int64_t)i * period_ms;
		r.on[i].end_ms = r.on[i].start_ms + busy_ms;
	}
	return r;
}

static inline struct rhythm rhythm_moved(struct rhythm r, int64_t by_ms)
{
	for (size_t i = 0; i < r.count; i++) {
		r.on[i].start_ms += by_ms;
		r.on[i].end_ms += by_ms;
	}
	return r;
}

/* Each edge moved by up to `by_ms` either way: another place on the same path. */
static inline struct rhythm rhythm_seen_elsewhere(struct rhythm r, uint64_t seed, int64_t by_ms)
{
	struct prng p = {seed};
	uint64_t room = 2 * (uint64_t)by_ms + 1;

	for (size_t i = 0; i < r.count; i++) {
		r.on[i].start_ms += (int64_t)prng_below(&p, room) - by_ms;
		r.on[i].end_ms += (int64_t)prng_below(&p, room) - by_ms;
		if (r.on[i].end_ms < r.on[i].start_ms)
			r.on[i].end_ms = r.on[i].start_ms;
	}
	return r;
}

static inline struct rhythm rhythm_without(struct rhythm r, size_t at)
{
	for (size_t i = at; i + 1 < r.count; i++)
		r.on[i] = r.on[i + 1];
	r.count--;
	return r;
}

#endif
