#include "proto/flow/clock_model.h"

#include "base/util.h"

#include <string.h>

#define VERSION 1

/*
 * Nothing on the way makes a message early: a few that say less than the lower bound are enough
 * (one may be a fault of a line card's). What comes late may have waited: only a whole while
 * without anything in time says that the clock was set back.
 */
#define EARLY_DOUBTS 3
#define LATE_DOUBTS 16
#define LATE_DOUBT_MS 10000
#define LATE_MS 2000 /* beyond the upper bound: shorter waits are queues, seen by windows */

#define DRIFT_SPAN_MS 300000

/* Of a thousand milliseconds one is a whole second's, of ticks of 250 every fourth: no third is. */
#define COARSE_STRIKE 2
#define COARSE_STRIKES 8

_Static_assert(sizeof(struct clock_model) <= 256, "every stream has one");

static int64_t drift_of(int64_t ms)
{
	return (ms < 0 ? -ms : ms) * CLOCK_DRIFT_PPM / 1000000 + 1;
}

struct range { /* of the offset; without end where nothing is known */
	int64_t low, high;
};

static struct range range_at(const struct clock_model *m, int64_t at_ms)
{
	struct range r = {.low = INT64_MIN, .high = INT64_MAX};

	for (size_t i = 0; i < CLOCK_WINDOWS; i++) {
		const struct clock_window *w = &m->windows[i];
		int64_t slack;

		if (w->until_ms == 0)
			continue;
		slack = drift_of(MAX(at_ms - w->from_ms, w->until_ms - at_ms));
		r.high = MIN(r.high, w->high_ms + slack);
		if (i != m->at) /* the fastest of the open one may be yet to come */
			r.low = MAX(r.low, w->low_ms - CLOCK_WAY_MS - slack);
	}
	return r;
}

static void forget(struct clock_model *m, int64_t since_ms)
{
	memset(m->windows, 0, sizeof(m->windows));
	m->at = 0;
	m->count = 0;
	m->since_ms = since_ms;
	m->first_at_ms = 0;
	m->doubts = 0;
	m->jitter_us = 0;
}

static void step(struct clock_model *m)
{
	m->steps++;
	forget(m, m->doubt_ms);
}

/* True: the message is not to be believed yet. */
static bool doubt(struct clock_model *m, int64_t high_ms, int64_t low_ms, int64_t received_ms)
{
	struct range r = range_at(m, received_ms);
	bool is_early = high_ms < r.low;
	bool is_late = r.high != INT64_MAX && low_ms - LATE_MS > r.high;

	if (!is_early && !is_late) {
		m->doubts = 0;
		return false;
	}
	if (m->doubts == 0 || m->is_early != is_early) {
		m->doubts = 0;
		m->doubt_ms = received_ms;
	}
	m->is_early = is_early;
	if (m->doubts < UINT16_MAX)
		m->doubts++;
	if (is_early && m->doubts >= EARLY_DOUBTS)
		step(m);
	else if (is_late && m->doubts >= LATE_DOUBTS && received_ms - m->doubt_ms >= LATE_DOUBT_MS)
		step(m);
	else
		return true;
	return false;
}

/* A window is over: it may contradict those before it, and it says how the offset has moved. */
static void close_window(struct clock_model *m)
{
	const struct clock_window w = m->windows[m->at];
	struct range r;

	m->windows[m->at].until_ms = 0;
	r = range_at(m, w.from_ms);
	if ((r.high != INT64_MAX && w.low_ms - CLOCK_WAY_MS > r.high) || w.high_ms < r.low) {
		m->doubt_ms = w.from_ms;
		step(m);
	}
	m->windows[m->at] = w;
	m->count = 0;
	if (m->first_at_ms == 0) {
		m->first_at_ms = w.from_ms;
		m->first_high_ms = w.high_ms;
	}
	m->at = (uint8_t)((m->at + 1) % CLOCK_WINDOWS);
	m->windows[m->at].until_ms = 0;
}

static struct clock_window *open_window(struct clock_model *m, int64_t received_ms)
{
	struct clock_window *w = &m->windows[m->at];

	if (m->count >= CLOCK_WINDOW_COUNT && received_ms - w->from_ms >= CLOCK_WINDOW_MS)
		close_window(m);
	w = &m->windows[m->at];
	if (w->until_ms == 0)
		*w = (struct clock_window){received_ms, received_ms, INT64_MAX, INT64_MAX};
	return w;
}

void clock_model_add(struct clock_model *m, int64_t export_ms, int64_t error_ms,
                     int64_t received_ms)
{
	int64_t high_ms = received_ms - export_ms, low_ms = high_ms - error_ms, excess_us;
	struct clock_window *w;

	if (m->since_ms == 0)
		m->since_ms = received_ms;
	m->has_ms |= export_ms % 1000 != 0;
	if (doubt(m, high_ms, low_ms, received_ms))
		return;
	w = open_window(m, received_ms);
	if (m->count < CLOCK_WINDOW_COUNT)
		m->count++;
	w->from_ms = MIN(w->from_ms, received_ms);
	w->until_ms = MAX(w->until_ms, received_ms);
	w->high_ms = MIN(w->high_ms, high_ms);
	w->low_ms = MIN(w->low_ms, low_ms);
	excess_us = MIN((high_ms - w->high_ms) * 1000, INT64_C(60000000));
	m->jitter_us = (uint32_t)((int64_t)m->jitter_us + (excess_us - (int64_t)m->jitter_us) / 16);
}

void clock_model_record(struct clock_model *m, bool is_coarse)
{
	if (is_coarse)
		m->seconds = (uint8_t)MIN(m->seconds + COARSE_STRIKE, UINT8_MAX);
	else
		m->seconds = (uint8_t)(m->seconds - MIN(m->seconds, 1));
	if (m->seconds >= COARSE_STRIKES * COARSE_STRIKE || m->seconds == 0)
		m->is_coarse = m->seconds != 0;
}

static int32_t drift_ppm(const struct clock_model *m)
{
	const struct clock_window *last = &m->windows[(m->at + CLOCK_WINDOWS - 1) % CLOCK_WINDOWS];
	int64_t span = last->from_ms - m->first_at_ms;

	if (m->first_at_ms == 0 || last->until_ms == 0 || span < DRIFT_SPAN_MS)
		return 0;
	return (int32_t)((last->high_ms - m->first_high_ms) * 1000000 / span);
}

enum err clock_model_now(const struct clock_model *m, int64_t at_ms, struct clock_estimate *ret)
{
	struct range r = range_at(m, at_ms);

	if (r.low == INT64_MIN)
		return ERR_NOENT;
	ret->offset_ms = r.low + (r.high - r.low) / 2;
	/* The range is empty while the open window contradicts the others: one of them is wrong. */
	ret->bound_ms = (r.high < r.low ? r.low - r.high : (r.high - r.low + 1) / 2) + 1;
	ret->drift_ppm = drift_ppm(m);
	return ERR_OK;
}

/* --- history --- */

#define GROWTH_MS 5          /* of a segment's bound: beyond it a new one begins */
#define SILENCE_MS 600000    /* nothing was heard for so long: a new one begins */
#define KEEP_AGAIN_MS 600000 /* its end is worth keeping now and then */

int64_t clock_segment_offset(const struct clock_segment *s, int64_t at_ms)
{
	int64_t passed_ms = at_ms - s->from_ms; /* of one kept on disk it may be anything */

	return s->offset_ms + passed_ms / 1000000 * s->drift_ppm +
	       passed_ms % 1000000 * s->drift_ppm / 1000000;
}

static uint32_t resolution_of(const struct clock_model *m)
{
	return m->is_coarse ? CLOCK_COARSE_MS : 1;
}

static int64_t apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Does the segment still say it, perhaps with a bound that grows a little? */
static bool extend(struct clock_segment *s, const struct clock_model *m,
                   const struct clock_estimate *e, int64_t now_ms)
{
	int64_t needed = apart(clock_segment_offset(s, now_ms), e->offset_ms) + e->bound_ms;

	if (m->since_ms > s->from_ms || now_ms < s->from_ms || now_ms - s->until_ms > SILENCE_MS ||
	    needed > s->bound_ms + MAX(GROWTH_MS, s->bound_ms / 4) ||
	    s->bound_ms > 2 * e->bound_ms + GROWTH_MS || s->resolution_ms != resolution_of(m))
		return false;
	s->bound_ms = MAX(s->bound_ms, needed);
	s->until_ms = MAX(s->until_ms, now_ms);
	return true;
}

static void begin(struct clock_history *h, const struct clock_model *m,
                  const struct clock_estimate *e, int64_t now_ms)
{
	struct clock_segment *last = h->count > 0 ? &h->segments[h->count - 1] : NULL;
	int64_t from_ms = now_ms;

	/* Of a clock that was set, from then on; else from where the one before ends. */
	if (last == NULL || m->since_ms > last->from_ms)
		from_ms = MIN(m->since_ms, now_ms);
	/* As long as messages came, they agreed with the one before until then. */
	if (last != NULL && from_ms - last->until_ms <= SILENCE_MS)
		last->until_ms = MAX(last->from_ms, from_ms - 1);
	if (h->count == CLOCK_SEGMENTS)
		memmove(h->segments, h->segments + 1, --h->count * sizeof(h->segments[0]));
	h->segments[h->count++] = (struct clock_segment){
		.from_ms = from_ms,
		.until_ms = now_ms,
		.offset_ms = e->offset_ms,
		.bound_ms = e->bound_ms + drift_of(now_ms - from_ms),
		.drift_ppm = e->drift_ppm,
		.resolution_ms = resolution_of(m),
	};
}

bool clock_history_note(struct clock_history *h, const struct clock_model *m, int64_t now_ms)
{
	struct clock_estimate e;

	/* While in doubt, what is known may be of the past already. */
	if (m->doubts > 0 || clock_model_now(m, now_ms, &e) != ERR_OK)
		return false;
	if (h->count == 0 || !extend(&h->segments[h->count - 1], m, &e, now_ms))
		begin(h, m, &e, now_ms);
	else if (now_ms - h->kept_ms < KEEP_AGAIN_MS)
		return false;
	h->kept_ms = now_ms;
	return true;
}

/* What a segment says of its records, also outside itself. */
static struct range range_of(const struct clock_segment *s, int64_t at_ms)
{
	int64_t nearest = MIN(MAX(at_ms, s->from_ms), s->until_ms);
	int64_t offset = clock_segment_offset(s, nearest);
	int64_t bound = s->bound_ms + (nearest == at_ms ? 0 : drift_of(at_ms - nearest));

	return (struct range){offset - bound, offset + bound + s->resolution_ms - 1};
}

enum err clock_segments_at(const struct clock_segment *of, size_t count, int64_t at_ms,
                           struct clock_estimate *ret)
{
	const struct clock_segment *before = NULL, *after = NULL;
	struct range r, other;

	for (size_t i = 0; i < count && after == NULL; i++) {
		if (at_ms < of[i].from_ms)
			after = &of[i];
		else
			before = &of[i];
	}
	if (before == NULL && after == NULL)
		return ERR_NOENT;
	r = range_of(before != NULL ? before : after, at_ms);
	/* Between two, either may be true: the clock was perhaps set, nobody knows when. */
	if (before != NULL && after != NULL && at_ms > before->until_ms) {
		other = range_of(after, at_ms);
		r.low = MIN(r.low, other.low);
		r.high = MAX(r.high, other.high);
	}
	ret->offset_ms = r.low + (r.high - r.low) / 2;
	ret->bound_ms = (r.high - r.low + 1) / 2;
	ret->drift_ppm = (before != NULL ? before : after)->drift_ppm;
	return ERR_OK;
}

enum err clock_model_at(const struct clock_history *h, int64_t at_ms, struct clock_estimate *ret)
{
	return clock_segments_at(h->segments, h->count, at_ms, ret);
}

size_t clock_history_pack(const struct clock_history *h, uint8_t room[CLOCK_HISTORY_MAX])
{
	struct octets o = octets_of(room, CLOCK_HISTORY_MAX);

	octets_uint(&o, VERSION, 1);
	octets_uint(&o, h->count, 1);
	for (size_t i = 0; i < h->count; i++) {
		const struct clock_segment *s = &h->segments[i];

		octets_uint(&o, (uint64_t)s->from_ms, 8);
		octets_uint(&o, (uint64_t)s->until_ms, 8);
		octets_uint(&o, (uint64_t)s->offset_ms, 8);
		octets_uint(&o, (uint64_t)s->bound_ms, 8);
		octets_uint(&o, (uint32_t)s->drift_ppm, 4);
		octets_uint(&o, s->resolution_ms, 2);
	}
	CHECK(!o.is_full);
	return octets_len(&o);
}

static bool is_sound(const struct clock_segment *s, int64_t after_ms)
{
	const int64_t far = INT64_C(1) << 52; /* of sums of such nothing runs over */

	return s->from_ms > after_ms && s->until_ms >= s->from_ms && s->until_ms < far &&
	       s->offset_ms > -far && s->offset_ms < far && s->bound_ms >= 0 && s->bound_ms < far &&
	       s->drift_ppm > -1000000 && s->drift_ppm < 1000000 && s->resolution_ms > 0;
}

enum err clock_history_unpack(struct bytes in, struct clock_history *ret)
{
	uint64_t version = bytes_uint(&in, 1);
	struct clock_history h = {.count = (size_t)bytes_uint(&in, 1)};
	int64_t after_ms = -1;

	if (version != VERSION || h.count > CLOCK_SEGMENTS)
		return ERR_FORMAT;
	for (size_t i = 0; i < h.count; i++) {
		struct clock_segment *s = &h.segments[i];

		s->from_ms = (int64_t)bytes_uint(&in, 8);
		s->until_ms = (int64_t)bytes_uint(&in, 8);
		s->offset_ms = (int64_t)bytes_uint(&in, 8);
		s->bound_ms = (int64_t)bytes_uint(&in, 8);
		s->drift_ppm = (int32_t)bytes_uint(&in, 4);
		s->resolution_ms = (uint32_t)bytes_uint(&in, 2);
		if (in.is_short || !is_sound(s, after_ms))
			return ERR_FORMAT;
		after_ms = s->until_ms;
	}
	if (in.is_short || bytes_left(&in) > 0)
		return ERR_FORMAT;
	h.kept_ms = after_ms;
	*ret = h;
	return ERR_OK;
}
