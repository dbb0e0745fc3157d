#include "node/skews.h"

#include "base/util.h"
#include "correlate/score.h"

#include <stdlib.h>
#include <string.h>

#define BAND_MS 20000   /* clocks so far from each other are of one band; the log reaches as far */
#define LATE_MS 3600000 /* a record comes so long after its first packet: an active timeout, */
#define STEP_MS 1000    /* less is no other clock */
#define EARLY_MS 60000  /* or before, by clocks that are not known yet */

/* --- one clock --- */

struct segments { /* oldest first */
	const struct clock_segment *of;
	size_t count;
};

static const struct clock_segment *nearest(struct segments h, int64_t at_ms)
{
	const struct clock_segment *ret = &h.of[0];

	for (size_t i = 1; i < h.count && h.of[i].from_ms <= at_ms; i++)
		ret = &h.of[i];
	return ret;
}

/* Was the clock set between the two? */
static bool is_other(const struct clock_segment *a, const struct clock_segment *b)
{
	int64_t apart_ms = clock_segment_offset(a, a->until_ms) - b->offset_ms;

	return MAX(apart_ms, -apart_ms) > STEP_MS;
}

/* A recording that is played again may look like a clock that is far off, but not for long. */
static bool has_held(struct segments h, int64_t at_ms)
{
	const struct clock_segment *is = nearest(h, at_ms), *first = is, *last = is;

	if (is->drift_ppm > CLOCK_DRIFT_PPM || is->drift_ppm < -CLOCK_DRIFT_PPM)
		return false;
	while (first > h.of && !is_other(first - 1, first))
		first--;
	while (last < h.of + h.count - 1 && !is_other(last, last + 1))
		last++;
	return last->until_ms - first->from_ms >= SKEWS_HELD_MS;
}

static struct skew skew_of(int64_t low_ms, int64_t high_ms)
{
	return (struct skew){low_ms, high_ms, MAX(low_ms, MIN(high_ms, 0))};
}

static struct skew unknown(void)
{
	return skew_of(-score_defaults.candidate.bound_ms, score_defaults.candidate.bound_ms);
}

/* The range is of our clock less the exporter's. */
static struct skew judge(struct segments h, int64_t received_ms, int64_t low_ms, int64_t high_ms)
{
	struct skew ret = skew_of(-high_ms, -low_ms);
	int64_t far_ms = MAX(ret.ahead_ms, -ret.ahead_ms);

	if (high_ms - low_ms > 2 * SKEWS_BOUND_MAX_MS || far_ms > SKEWS_FAR_MS ||
	    (far_ms > SKEWS_NEAR_MS && !has_held(h, received_ms)))
		return unknown();
	return ret;
}

/* --- all of them --- */

static int key_cmp(const struct clock_key *a, const struct clock_key *b)
{
	int cmp = addr_cmp(&a->exporter, &b->exporter);

	if (cmp == 0)
		cmp = (int)a->version - (int)b->version;
	return cmp != 0 ? cmp : (a->domain > b->domain) - (a->domain < b->domain);
}

/* The first that does not come before `key`. */
static size_t place_of(const struct skews *s, const struct clock_key *key)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (key_cmp(&s->of[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct skews_known *find(const struct skews *s, const struct clock_key *key)
{
	size_t at = place_of(s, key);

	return at < s->count && key_cmp(&s->of[at].key, key) == 0 ? &s->of[at] : NULL;
}

/* Whoever says something of a key: a history, or a stream. */
struct teller {
	struct clock_key key;
	const struct clock_history *history; /* NULL: */
	const struct stream *stream;
};

struct tellers {
	struct teller *of;
	size_t count, room;
};

static void add_teller(struct tellers *all, struct teller teller)
{
	if (all->count == all->room) {
		size_t room = MAX(2 * all->room, (size_t)64);
		struct teller *of = realloc(all->of, room * sizeof(*of));

		if (of == NULL)
			return;
		all->of = of;
		all->room = room;
	}
	all->of[all->count++] = teller;
}

static void tell_history(void *ctx, const struct clock_key *key, const struct clock_history *h)
{
	if (h->count > 0)
		add_teller(ctx, (struct teller){.key = *key, .history = h});
}

static void tell_stream(void *ctx, const struct stream *stream)
{
	struct clock_estimate e;

	if (stream_is_proven(stream) &&
	    clock_model_now(&stream->model, stream->seen_ms, &e) == ERR_OK)
		add_teller(ctx, (struct teller){.key = clocks_key_of(stream), .stream = stream});
}

/* Of one key the history first, then streams as they began. */
static int teller_cmp(const void *left, const void *right)
{
	const struct teller *a = left, *b = right;
	int cmp = key_cmp(&a->key, &b->key);

	if (cmp != 0 || a->stream == b->stream)
		return cmp;
	if (a->stream == NULL || b->stream == NULL)
		return a->stream == NULL ? -1 : 1;
	return a->stream->serial < b->stream->serial ? -1 : 1;
}

/*
 * What a stream knows beyond the history: it is newer, or of another process behind the same key.
 */
static void take_stream(struct skews_known *known, struct clock_history *h,
                        const struct stream *stream)
{
	struct clock_estimate e, told;

	if (h->count == 0 || stream->model.since_ms > h->segments[h->count - 1].until_ms) {
		(void)clock_history_note(h, &stream->model, stream->seen_ms);
	} else if (clock_model_now(&stream->model, stream->seen_ms, &e) == ERR_OK &&
	           clock_model_at(h, stream->seen_ms, &told) == ERR_OK) {
		int64_t less_ms = told.offset_ms - told.bound_ms - (e.offset_ms - e.bound_ms);
		int64_t cut_ms = stream->model.is_coarse ? CLOCK_COARSE_MS - 1 : 0;
		int64_t more_ms =
			e.offset_ms + e.bound_ms + cut_ms - (told.offset_ms + told.bound_ms);

		known->less_ms = MAX(known->less_ms, less_ms);
		known->more_ms = MAX(known->more_ms, more_ms);
	}
}

/* All of one key, as one; a row is as long as what it has. */
static void take_key(struct skews *ret, const struct teller *of, size_t count)
{
	struct skews_known known = {.key = of->key};
	struct clock_history h = {.count = 0};

	for (size_t i = 0; i < count; i++) {
		if (of[i].history != NULL) {
			h.count = of[i].history->count;
			memcpy(h.segments, of[i].history->segments,
			       h.count * sizeof(h.segments[0]));
		} else {
			take_stream(&known, &h, of[i].stream);
		}
	}
	if (h.count == 0)
		return;
	known.segments = malloc(h.count * sizeof(h.segments[0]));
	if (known.segments == NULL)
		return;
	known.count = h.count;
	memcpy(known.segments, h.segments, h.count * sizeof(h.segments[0]));
	ret->of[ret->count++] = known;
}

void skews_take(struct skews *ret, const struct clocks *clocks, const struct stream_table *streams)
{
	struct tellers all = {.of = NULL};

	*ret = (struct skews){.of = NULL};
	clocks_each(clocks, tell_history, &all);
	stream_each(streams, tell_stream, &all);
	if (all.count == 0)
		return;
	qsort(all.of, all.count, sizeof(all.of[0]), teller_cmp);
	ret->of = malloc(all.count * sizeof(ret->of[0]));
	for (size_t i = 0, next; ret->of != NULL && i < all.count; i = next) {
		for (next = i + 1; next < all.count; next++) {
			if (key_cmp(&all.of[next].key, &all.of[i].key) != 0)
				break;
		}
		take_key(ret, &all.of[i], next - i);
	}
	free(all.of);
}

void skews_free(struct skews *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->of[i].segments);
	free(s->of);
	*s = (struct skews){.of = NULL};
}

/* --- of a flow --- */

static struct skew known_at(const struct skews_known *k, int64_t received_ms)
{
	struct clock_estimate e;

	if (clock_segments_at(k->segments, k->count, received_ms, &e) != ERR_OK)
		return unknown();
	return judge((struct segments){k->segments, k->count}, received_ms,
	             e.offset_ms - e.bound_ms - k->less_ms, e.offset_ms + e.bound_ms + k->more_ms);
}

struct skew skews_at(struct skews_reader *r, const struct flow *f)
{
	const struct clock_key key = {f->exporter, f->domain, f->version};
	const struct skews_known *known = r->last;

	if (r->of->count == 0)
		return unknown();
	if (known == NULL || key_cmp(&known->key, &key) != 0)
		known = find(r->of, &key);
	else if (r->received_ms == f->received_ms)
		return r->skew;
	if (known == NULL)
		return unknown();
	r->last = known;
	r->received_ms = f->received_ms;
	r->skew = known_at(known, f->received_ms);
	return r->skew;
}

/* --- of an exporter --- */

struct reach {                       /* of all that clocks at an address may be: */
	struct interval ahead, open; /* what is certain, of those known; and what that leaves */
};

static void cover(struct interval *i, int64_t low_ms, int64_t high_ms)
{
	i->start_ms = MIN(i->start_ms, low_ms);
	i->end_ms = MAX(i->end_ms, high_ms);
}

static void widen(struct reach *r, const struct skews_known *k, int64_t at_ms)
{
	const struct skew is = known_at(k, at_ms), not = unknown();

	cover(&r->open, is.low_ms - is.ahead_ms, is.high_ms - is.ahead_ms);
	if (is.low_ms != not .low_ms || is.high_ms != not .high_ms)
		cover(&r->ahead, is.ahead_ms, is.ahead_ms);
}

/* A day from all that was heard nothing is known, nor later. */
static int64_t within(const struct skews_known *k, int64_t at_ms)
{
	int64_t least_ms = k->segments[0].from_ms - SKEWS_FAR_MS;
	int64_t most_ms = k->segments[k->count - 1].until_ms + SKEWS_FAR_MS;

	return MIN(MAX(at_ms, least_ms), most_ms);
}

/* It is farthest off at the ends of that time, or at those of a segment. */
static void widen_by(struct reach *r, const struct skews_known *k, struct interval when)
{
	widen(r, k, within(k, when.start_ms));
	widen(r, k, within(k, when.end_ms));
	for (size_t i = 0; i < k->count; i++) {
		const struct clock_segment *s = &k->segments[i];

		if (s->from_ms >= when.start_ms && s->from_ms <= when.end_ms)
			widen(r, k, s->from_ms);
		if (s->until_ms >= when.start_ms && s->until_ms <= when.end_ms)
			widen(r, k, s->until_ms);
	}
}

static struct reach reach_of(const struct skews *s, const struct addr *exporter,
                             struct interval when)
{
	const struct clock_key first = {.exporter = *exporter};
	struct reach ret = {{INT64_MAX, INT64_MIN}, {INT64_MAX, INT64_MIN}};

	for (size_t i = place_of(s, &first); i < s->count; i++) {
		if (!addr_equal(&s->of[i].key.exporter, exporter))
			break;
		widen_by(&ret, &s->of[i], when);
	}
	return ret;
}

struct interval skews_ahead(const struct skews *s, const struct addr *exporter,
                            struct interval when)
{
	struct interval ahead = reach_of(s, exporter, when).ahead;

	return ahead.start_ms > ahead.end_ms ? (struct interval){0, 0} : ahead;
}

int64_t skews_bound_ms(const struct skews *s, const struct addr *exporter, struct interval when)
{
	struct interval open = reach_of(s, exporter, when).open;

	if (open.start_ms > open.end_ms)
		return score_defaults.candidate.bound_ms;
	return (open.end_ms - open.start_ms + 1) / 2;
}

/* --- bands --- */

struct bands {
	struct band { /* of clocks ahead by first_ms to last_ms, as far as they may be off: */
		int64_t first_ms, last_ms, low_ms, high_ms;
	} at[SKEWS_BANDS_MAX + 1];
	size_t count;
};

static struct band both(const struct band *a, const struct band *b)
{
	return (struct band){MIN(a->first_ms, b->first_ms), MAX(a->last_ms, b->last_ms),
	                     MIN(a->low_ms, b->low_ms), MAX(a->high_ms, b->high_ms)};
}

static int64_t width_of(const struct band *a)
{
	return a->last_ms - a->first_ms;
}

/* The two neighbours that are closest become one. */
static void join_closest(struct bands *b)
{
	size_t best = 0;
	int64_t least_ms = INT64_MAX;

	for (size_t i = 0; i + 1 < b->count; i++) {
		struct band joined = both(&b->at[i], &b->at[i + 1]);

		if (width_of(&joined) < least_ms) {
			least_ms = width_of(&joined);
			best = i;
		}
	}
	b->at[best] = both(&b->at[best], &b->at[best + 1]);
	b->count--;
	memmove(&b->at[best + 1], &b->at[best + 2], (b->count - best - 1) * sizeof(b->at[0]));
}

static bool is_near(const struct band *a, const struct band *one)
{
	struct band joined = both(a, one);

	return width_of(&joined) <= MAX(width_of(a), BAND_MS);
}

/* To the one that has it, or else is near enough; or as one of its own. No two overlap. */
static void note(struct bands *b, struct skew s)
{
	struct band one = {s.ahead_ms, s.ahead_ms, s.low_ms, s.high_ms};
	size_t at = 0;

	while (at < b->count && b->at[at].last_ms < s.ahead_ms)
		at++;
	if (at < b->count && is_near(&b->at[at], &one)) {
		b->at[at] = both(&b->at[at], &one);
	} else if (at > 0 && is_near(&b->at[at - 1], &one)) {
		b->at[at - 1] = both(&b->at[at - 1], &one);
	} else {
		memmove(&b->at[at + 1], &b->at[at], (b->count - at) * sizeof(b->at[0]));
		b->at[at] = one;
		b->count++;
	}
	if (b->count > SKEWS_BANDS_MAX)
		join_closest(b);
}

/* Outside of its history less is known the farther away, until nothing is. */
static void note_beyond(struct bands *b, const struct skews_known *k, int64_t end_ms,
                        uint64_t beyond_ms)
{
	struct skew s = known_at(k, end_ms);
	int64_t drift_ms =
		(int64_t)MIN(beyond_ms, (uint64_t)SKEWS_FAR_MS) * CLOCK_DRIFT_PPM / 1000000;
	int64_t room_ms = SKEWS_BOUND_MAX_MS - (s.high_ms - s.low_ms) / 2;
	int64_t more_ms = MIN(drift_ms + 1, room_ms);

	note(b, s);
	note(b, skew_of(s.low_ms - more_ms, s.high_ms + more_ms));
}

static void note_end(struct bands *b, const struct skews_known *k, int64_t at_ms)
{
	int64_t from_ms = k->segments[0].from_ms, until_ms = k->segments[k->count - 1].until_ms;

	if (at_ms < from_ms)
		note_beyond(b, k, from_ms, (uint64_t)from_ms - (uint64_t)at_ms);
	else if (at_ms > until_ms)
		note_beyond(b, k, until_ms, (uint64_t)at_ms - (uint64_t)until_ms);
	else
		note(b, known_at(k, at_ms));
}

/* Whatever is said of it in that time is said at its ends, or at an end of a segment. */
static void note_known(struct bands *b, const struct skews_known *k, struct interval received)
{
	for (size_t i = 0; i < k->count; i++) {
		const struct clock_segment *s = &k->segments[i];
		const int64_t ends_ms[] = {s->from_ms - 1, s->from_ms, s->until_ms,
		                           s->until_ms + 1};

		for (size_t n = 0; n < ARRAY_LEN(ends_ms); n++) {
			if (ends_ms[n] >= received.start_ms && ends_ms[n] <= received.end_ms)
				note(b, known_at(k, ends_ms[n]));
		}
	}
	note_end(b, k, received.start_ms);
	note_end(b, k, received.end_ms);
}

/* When flows of that time were received. */
static struct interval received_of(struct interval when)
{
	return interval_moved(when, -EARLY_MS, LATE_MS);
}

size_t skews_bands(const struct skews *s, struct interval when,
                   struct skew_band ret[SKEWS_BANDS_MAX])
{
	struct interval received = received_of(when);
	struct bands b = {.count = 0};

	note(&b, unknown());
	for (size_t i = 0; i < s->count; i++)
		note_known(&b, &s->of[i], received);
	for (size_t i = 0; i < b.count; i++) {
		const struct band *band = &b.at[i];
		int64_t half_ms = (band->high_ms - band->low_ms + 1) / 2;

		ret[i] = (struct skew_band){band->low_ms + half_ms, half_ms, band->last_ms};
	}
	return b.count;
}

/* So that flows before it and after it are moved otherwise. */
static bool was_set(const struct skews_known *k, struct interval received)
{
	for (size_t i = 1; i < k->count; i++) {
		int64_t before_ms = k->segments[i - 1].until_ms, after_ms = k->segments[i].from_ms;
		int64_t step_ms;

		if (before_ms > received.end_ms || after_ms < received.start_ms)
			continue;
		step_ms = known_at(k, after_ms).ahead_ms - known_at(k, before_ms).ahead_ms;
		if (MAX(step_ms, -step_ms) > STEP_MS)
			return true;
	}
	return false;
}

bool skews_were_set(const struct skews *s, struct interval when)
{
	struct interval received = received_of(when);

	for (size_t i = 0; i < s->count; i++) {
		if (was_set(&s->of[i], received))
			return true;
	}
	return false;
}

struct interval skew_band_when(const struct skew_band *b, struct interval when)
{
	return interval_moved(when, b->ahead_ms - b->within_ms, b->ahead_ms + b->within_ms);
}
