#include "proto/flow/sequence.h"

#include "base/util.h"

#include <string.h>

/* A datagram this far behind is a sequence that began anew, not one that was delayed. */
#define BEHIND_MAX 65536
#define FAR_DATAGRAMS 64

/* So many a millisecond nobody loses who has not sent a part of it before. */
#define UNITS_MAX 100
#define UNITS_TIMES 16
#define AGE_MIN_MS 1000
#define ELAPSED_MIN_MS 10000
#define ELAPSED_MAX_MS 86400000 /* in a day it may be any number */

#define BOOT_SLACK_MS 1000
#define BOOT_NEAR_MS 2000  /* boot times of one start, read from whole seconds */
#define BOOT_BACK_MS 60000 /* of another exporter, that started earlier */

#define ALIVE_DATAGRAMS 256 /* a run that was not heard for longer is over */
#define ECHO_DATAGRAMS 32   /* and one after which another began anew, unless it is heard again */
#define HITS 3              /* datagrams that go on from each other are a run */
#define PROVEN UINT8_MAX

/* --- gaps --- */

/* In a free place; where there is none, the gap that lies furthest back is forgotten. */
static void remember(struct stream *s, uint32_t start, uint32_t end)
{
	struct stream_gap *place = s->gaps;

	for (struct stream_gap *g = s->gaps; g < s->gaps + STREAM_GAPS; g++) {
		if (g->start == g->end) {
			place = g;
			break;
		}
		if (s->run.next - g->start > s->run.next - place->start)
			place = g;
	}
	*place = (struct stream_gap){start, end};
}

static struct stream_gap *find_gap(struct stream *s, uint32_t start, uint32_t count)
{
	for (size_t i = 0; i < STREAM_GAPS; i++) {
		struct stream_gap *gap = &s->gaps[i];
		uint32_t room = gap->end - gap->start, skip = start - gap->start;

		if (skip < room && count <= room - skip)
			return gap;
	}
	return NULL;
}

bool sequence_is_missing(const struct stream *s, uint32_t seq)
{
	for (size_t i = 0; i < STREAM_GAPS; i++) {
		const struct stream_gap *g = &s->gaps[i];

		if (seq - g->start < g->end - g->start)
			return true;
	}
	return false;
}

/* Takes [start, start + count), which it holds, out of the gap. */
static void fill(struct stream *s, struct stream_gap *gap, uint32_t start, uint32_t count)
{
	bool is_head = gap->start == start;
	uint32_t end = gap->end;

	gap->end = start;
	if (end != start + count && is_head)
		*gap = (struct stream_gap){start + count, end};
	else if (end != start + count)
		remember(s, start + count, end);
	s->lost -= count;
}

/* What is missing right where the run goes is not: it is the run's. */
static void take_back(struct stream *s, const struct stream_run *run)
{
	for (size_t i = 0; i < STREAM_GAPS; i++) {
		struct stream_gap *g = &s->gaps[i];
		uint32_t len = g->end - g->start;

		if (g->start - run->first > run->next - run->first && run->first - g->start >= len)
			continue;
		s->lost -= len;
		*g = (struct stream_gap){0, 0};
	}
}

void sequence_reset(struct stream *s, uint32_t next)
{
	memset(s->gaps, 0, sizeof(s->gaps));
	memset(s->others, 0, sizeof(s->others));
	s->run.next = next;
}

/* --- runs --- */

uint32_t sequence_far(const struct stream *s)
{
	return (uint32_t)MIN((uint64_t)FAR_DATAGRAMS * s->count_max, INT32_MAX);
}

bool sequence_may_miss(const struct stream *s, uint32_t units)
{
	int64_t elapsed_ms = MAX(s->seen_ms - s->counted_ms, ELAPSED_MIN_MS);
	int64_t age_ms = MAX(s->counted_ms - s->first_ms, AGE_MIN_MS);
	double sent = UNITS_TIMES * (double)s->count_max * (double)s->arrivals / (double)age_ms;

	if (units <= BEHIND_MAX || elapsed_ms > ELAPSED_MAX_MS)
		return units <= INT32_MAX;
	return units <= INT32_MAX &&
	       (double)units <= (double)elapsed_ms * MAX(sent, (double)UNITS_MAX);
}

static bool is_near(int64_t a_ms, int64_t b_ms)
{
	return a_ms - b_ms <= BOOT_NEAR_MS && b_ms - a_ms <= BOOT_NEAR_MS;
}

static bool is_alive(const struct stream *s, const struct stream_run *run)
{
	return run->seen > 0 && s->datagrams - run->seen <= ALIVE_DATAGRAMS;
}

/* Another that the boot time lets it be of, and whose numbers go on with it. */
static struct stream_run *find_next(struct stream *s, uint32_t seq, int64_t boot_ms)
{
	for (struct stream_run *r = s->others; r < s->others + STREAM_OTHERS; r++) {
		if (is_alive(s, r) && r->next == seq && is_near(r->boot_ms, boot_ms))
			return r;
	}
	return NULL;
}

/* Of all whose numbers would lead there with a gap, the one with the shortest; NULL: none. */
static struct stream_run *find_ahead(struct stream *s, uint32_t seq, int64_t boot_ms)
{
	struct stream_run *best = seq - s->run.next <= INT32_MAX ? &s->run : NULL;

	for (struct stream_run *r = s->others; r < s->others + STREAM_OTHERS; r++) {
		uint32_t ahead = seq - r->next;

		if (!is_alive(s, r) || !is_near(r->boot_ms, boot_ms) || ahead > INT32_MAX ||
		    ahead > sequence_far(s))
			continue;
		if (best == NULL || ahead < seq - best->next)
			best = r;
	}
	return best;
}

static bool is_known(const struct stream_run *run)
{
	return run->hits == PROVEN || run->is_over;
}

/* The index of another that started then; STREAM_OTHERS: none did. */
static size_t find_boot(const struct stream *s, int64_t boot_ms)
{
	size_t i = 0;

	while (i < STREAM_OTHERS && !(is_alive(s, &s->others[i]) && is_known(&s->others[i]) &&
	                              is_near(s->others[i].boot_ms, boot_ms)))
		i++;
	return i;
}

static struct stream_run *oldest(struct stream *s)
{
	struct stream_run *oldest = s->others;

	for (struct stream_run *r = s->others; r < s->others + STREAM_OTHERS; r++) {
		if (r->seen < oldest->seen)
			oldest = r;
	}
	return oldest;
}

/* Only what is under way yet comes of the one before. */
static void end_soon(const struct stream *s, struct stream_run *run)
{
	uint64_t early = ALIVE_DATAGRAMS - ECHO_DATAGRAMS;

	run->seen = s->datagrams > early ? s->datagrams - early : 1;
	run->first = run->next;
	run->hits = 0;
	run->is_over = true;
}

static void go_on(struct stream *s, struct stream_run *run, uint32_t seq, uint32_t count,
                  int64_t boot_ms)
{
	run->next = seq + count;
	run->boot_ms = boot_ms;
	run->seen = s->datagrams;
	run->hits = run->hits + 1 >= HITS ? PROVEN : (uint8_t)(run->hits + 1);
}

static struct stream_run begin(const struct stream *s, uint32_t seq, uint32_t count,
                               int64_t boot_ms)
{
	return (struct stream_run){
		.first = seq,
		.next = seq + count,
		.boot_ms = boot_ms,
		.began = s->datagrams,
		.seen = s->datagrams,
		.hits = 1,
	};
}

static enum sequence restart(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	memset(s->gaps, 0, sizeof(s->gaps));
	end_soon(s, &s->run);
	*oldest(s) = s->run;
	s->run = begin(s, seq, count, boot_ms);
	s->run.hits = PROVEN;
	s->restarts++;
	return SEQUENCE_RESTART;
}

/* A datagram far ahead: so much is lost, unless the run before goes on before this one does. */
static enum sequence jump(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	remember(s, s->run.next, seq);
	s->lost += seq - s->run.next;
	*oldest(s) = s->run;
	s->run = begin(s, seq, count, boot_ms);
	return SEQUENCE_GAP;
}

/* The other takes the place of the one heard last. If that one had jumped there, nothing is lost.
 */
static void change_to(struct stream *s, struct stream_run *other)
{
	struct stream_run was = s->run;

	for (size_t i = 0; i < STREAM_GAPS && was.hits != PROVEN; i++) {
		struct stream_gap *g = &s->gaps[i];

		if (g->end != was.first)
			continue;
		s->lost -= g->end - g->start;
		*g = (struct stream_gap){0, 0};
		was.began = s->datagrams;
	}
	s->run = *other;
	*other = was;
}

/*
 * It is a run. Where the one before has gone on beside it, two share the stream; where it has not,
 * the exporter began anew, or all in between is lost.
 */
static enum sequence prove(struct stream *s, struct stream_run *run)
{
	bool is_beside = s->run.seen > run->began, is_ahead;
	uint32_t ahead = run->first - s->run.next;

	is_ahead = !is_beside && sequence_may_miss(s, ahead);
	s->late -= run->late;
	run->late = 0;
	run->hits = PROVEN;
	if (is_beside) {
		take_back(s, run);
		s->restarts -= run->is_over; /* as it is not */
	} else if (is_ahead) {
		remember(s, s->run.next, run->first);
		s->lost += ahead;
	} else {
		memset(s->gaps, 0, sizeof(s->gaps));
		end_soon(s, &s->run);
		s->restarts++;
	}
	s->lost += run->lost;
	run->lost = 0;
	run->is_over = false;
	change_to(s, run);
	return is_beside ? SEQUENCE_TWIN : is_ahead ? SEQUENCE_GAP : SEQUENCE_RESTART;
}

/* A datagram of a run that is not believed yet, or of another that is. */
static enum sequence follow(struct stream *s, struct stream_run *run, uint32_t seq, uint32_t count,
                            int64_t boot_ms)
{
	uint32_t ahead = seq - run->next;

	if (run->hits == PROVEN) {
		if (ahead != 0)
			remember(s, run->next, seq);
		s->lost += ahead;
		go_on(s, run, seq, count, boot_ms);
		change_to(s, run);
		return ahead == 0 ? SEQUENCE_NEXT : SEQUENCE_GAP;
	}
	run->lost += ahead;
	go_on(s, run, seq, count, boot_ms);
	if (run->hits == PROVEN)
		return prove(s, run);
	run->late++;
	s->late++;
	return SEQUENCE_LATE;
}

/* Unproven, beside the one that is heard. */
static struct stream_run *begin_beside(struct stream *s, uint32_t seq, uint32_t count,
                                       int64_t boot_ms)
{
	struct stream_run *run = oldest(s);

	*run = begin(s, seq, count, boot_ms);
	run->late = 1;
	s->late++;
	return run;
}

/*
 * What fills gaps from their start comes late; but where one is longer than any delay explains,
 * those are the next of who was here before, and another jumped ahead: at once where that one has
 * not gone on yet, else when it happens again and again.
 */
static enum sequence take_late(struct stream *s, struct stream_gap *gap, uint32_t seq,
                               uint32_t count, int64_t boot_ms)
{
	bool is_head = gap->start == seq,
	     is_far = is_head && gap->end - gap->start > sequence_far(s);
	struct stream_run *run = is_far ? find_next(s, seq, boot_ms) : NULL;

	if (run != NULL && run->hits == PROVEN && s->run.hits != PROVEN)
		return follow(s, run, seq, count, boot_ms);
	fill(s, gap, seq, count);
	if (is_far && (run == NULL || run->hits == PROVEN)) {
		(void)begin_beside(s, seq, count, boot_ms);
		return SEQUENCE_LATE;
	}
	s->late++;
	if (!is_far)
		return SEQUENCE_LATE;
	run->late++;
	go_on(s, run, seq, count, boot_ms);
	if (run->hits != PROVEN)
		return SEQUENCE_LATE;
	run->began = 0; /* the other one goes on, though it may have rested */
	return prove(s, run);
}

/* --- all of it --- */

bool sequence_starts_anew(const struct stream *s, uint32_t seq, int64_t boot_ms)
{
	return s->datagrams > 0 && seq != s->run.next && boot_ms > s->run.boot_ms + BOOT_SLACK_MS &&
	       find_boot(s, boot_ms) == STREAM_OTHERS;
}

/* By its boot time it is another exporter's, which began before the one heard last. */
static bool is_elders(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	return boot_ms < s->run.boot_ms - BOOT_BACK_MS && find_gap(s, seq, count) == NULL;
}

static enum sequence place(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	struct stream_gap *gap = find_gap(s, seq, count);
	struct stream_run *run;

	if (gap != NULL)
		return take_late(s, gap, seq, count, boot_ms);
	run = find_next(s, seq, boot_ms);
	if (run == NULL)
		run = find_ahead(s, seq, boot_ms);
	if (run == &s->run && !sequence_may_miss(s, seq - run->next))
		return restart(s, seq, count, boot_ms);
	if (run == &s->run && seq - run->next > sequence_far(s))
		return jump(s, seq, count, boot_ms);
	if (run == &s->run) {
		remember(s, run->next, seq);
		s->lost += seq - run->next;
		go_on(s, run, seq, count, boot_ms);
		return SEQUENCE_GAP;
	}
	if (run != NULL)
		return follow(s, run, seq, count, boot_ms);
	if (s->run.next - seq > BEHIND_MAX)
		return restart(s, seq, count, boot_ms);
	(void)begin_beside(s, seq, count, boot_ms);
	return SEQUENCE_LATE;
}

static enum sequence take(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	size_t other;

	s->count_max = MAX(s->count_max, count);
	if (s->datagrams++ == 0)
		s->run = begin(s, seq, 0, boot_ms);
	if (s->datagrams == 1 || s->run.hits == 0) /* new, or known from before */
		s->run.hits = PROVEN;
	other = is_near(s->run.boot_ms, boot_ms) ? STREAM_OTHERS : find_boot(s, boot_ms);
	if (other < STREAM_OTHERS) {
		change_to(s, &s->others[other]);
		s->run.hits = PROVEN;
		s->run.is_over = false;
	}
	if (seq == s->run.next) {
		go_on(s, &s->run, seq, count, boot_ms);
		return SEQUENCE_NEXT;
	}
	if (other == STREAM_OTHERS &&
	    (sequence_starts_anew(s, seq, boot_ms) || is_elders(s, seq, count, boot_ms)))
		return restart(s, seq, count, boot_ms);
	return place(s, seq, count, boot_ms);
}

enum sequence sequence_account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	enum sequence is = take(s, seq, count, boot_ms);

	s->counted_ms = s->seen_ms;
	return is;
}
