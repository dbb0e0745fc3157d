#include "proto/flow/habit.h"

#include "base/util.h"
#include "proto/flow/flow.h"

#include <string.h>

#define FLOWS_MAX 1e18  /* what was kept of it may be anything */
#define STEADY_STRIKE 2 /* strikes that no loss explains weigh as much, and what speaks against */
#define BEGUN 16        /* messages until a restart has shown, whatever the numbers count */
#define SURE 16         /* so often right in a row one is not given up as soon */

enum unit { /* the first STREAM_COUNTS are in struct stream_habit */
	    UNIT_RECORD,
	    UNIT_FLOW,
	    UNIT_TOLD, /* record or template */
	    UNIT_DATAGRAM,
	    UNIT_NONE, /* it is always the same */
};

struct habit {
	enum unit unit;
	bool is_after; /* the message's own are counted */
};

/* The first is the standard's. Places are kept on disk (position.h): rows are added at the end. */
struct format {
	uint16_t version;
	uint8_t strikes; /* until another is believed, and when one was sure */
	uint8_t strikes_sure;
	uint8_t patience; /* so often right, and another's strikes were chance; 0: never */
	uint8_t count;
	struct habit rows[STREAM_HABITS];
};

static const struct format formats[] = {
	{10,
         2,
         4,
         0,
         8,
         {{UNIT_RECORD, false},
          {UNIT_FLOW, false},
          {UNIT_RECORD, true},
          {UNIT_FLOW, true},
          {UNIT_TOLD, false},
          {UNIT_TOLD, true},
          {UNIT_DATAGRAM, false},
          {UNIT_NONE, false}}},
	{5,
         2,
         4,
         8,
         4,
         {{UNIT_RECORD, false}, {UNIT_RECORD, true}, {UNIT_DATAGRAM, false}, {UNIT_NONE, false}}},
	{9,
         6,
         6,
         0,
         6,
         {{UNIT_DATAGRAM, false},
          {UNIT_FLOW, false},
          {UNIT_FLOW, true},
          {UNIT_RECORD, false},
          {UNIT_RECORD, true},
          {UNIT_NONE, false}}},
	{FLOW_SFLOW, 6, 6, 0, 2, {{UNIT_DATAGRAM, false}, {UNIT_NONE, false}}},
};

static const struct format *format_of(uint16_t version)
{
	const struct format *f = formats;

	while (f->version != version && f < formats + ARRAY_LEN(formats) - 1)
		f++;
	return f;
}

static const struct habit *believed(const struct stream *s)
{
	return &format_of(s->key.version)->rows[s->habit.is];
}

size_t habit_count(uint16_t version)
{
	return format_of(version)->count;
}

/* Datagrams, not what is in them. */
static bool is_of_datagrams(const struct stream *s)
{
	return believed(s)->unit == UNIT_DATAGRAM;
}

bool habit_is_next(const struct stream *s, uint32_t sequence)
{
	bool grows = s->habit.is == 0 && s->key.version != 10; /* with every datagram */

	return grows && s->datagrams > 0 && sequence == s->run.next;
}

uint64_t habit_lost_flows(const struct stream *s)
{
	uint64_t taken = s->datagrams - MIN(s->datagrams, s->duplicates);
	double flows;

	if (!is_of_datagrams(s) || s->key.version == FLOW_SFLOW)
		return s->lost;
	if (taken == 0)
		return 0;
	flows = (double)s->lost * (double)s->flows / (double)taken;
	return (uint64_t)(MIN(flows, FLOWS_MAX) + 0.5);
}

static uint32_t amount(const struct habit *habit, const uint32_t counts[STREAM_COUNTS])
{
	return habit->unit < STREAM_COUNTS ? counts[habit->unit] : habit->unit == UNIT_DATAGRAM;
}

/* What is missing between the message before and this one, by this habit; 0: it leads here. */
static uint32_t missed_by(const struct stream_habit *h, const struct habit *habit,
                          uint32_t sequence, const uint32_t counts[STREAM_COUNTS])
{
	return sequence - h->sequence - amount(habit, habit->is_after ? counts : h->counts);
}

/*
 * That other is it. What was counted as lost or late meanwhile was not; by this one it is what it
 * missed in all: what comes late takes back what was missing for it.
 */
static void believe(struct stream *s, uint8_t habit)
{
	struct stream_habit *h = &s->habit;

	s->lost = h->lost + (h->missed[habit] <= INT32_MAX ? h->missed[habit] : 0);
	s->late = h->late;
	s->restarts = h->begun > 0 ? MAX(h->restarts, h->begun_restarts + 1) : h->restarts;
	h->is = habit;
	h->begun = 0;
	h->right = 0;
	h->is_doubted = false;
	memset(h->strikes, 0, sizeof(h->strikes));
	memset(h->steady, 0, sizeof(h->steady));
}

/* What is taken back when another is believed later: not yet what is counted from now on. */
static void note(struct stream *s)
{
	s->habit.lost = s->lost;
	s->habit.late = s->late;
	s->habit.restarts = s->restarts;
	memset(s->habit.missed, 0, sizeof(s->habit.missed));
}

/*
 * Was one right where the one believed was not? Ahead of that one it may be chance, for as much may
 * be lost; behind it, between the number before and the one expected, no loss and no delay leads.
 * Strikes are in a row, with nothing lost or late in between; what is steady needs more of them.
 */
static void weigh(struct stream_habit *h, uint8_t i, const uint32_t missed[STREAM_HABITS])
{
	bool is_right = missed[h->is] == 0, is_behind = missed[h->is] > INT32_MAX;

	if (missed[i] != 0)
		h->strikes[i] = 0;
	if (missed[i] != 0 && is_right)
		h->steady[i] = (uint8_t)(h->steady[i] - MIN(h->steady[i], STEADY_STRIKE));
	if (missed[i] != 0 || is_right)
		return;
	h->strikes[i]++;
	h->steady[i] = (uint8_t)(h->steady[i] + (is_behind ? STEADY_STRIKE : 1));
}

/* The first that has been right as often as it needs; f->count: none. */
static uint8_t strike(struct stream_habit *h, const struct format *f,
                      const uint32_t missed[STREAM_HABITS])
{
	uint8_t needed = h->right == SURE ? f->strikes_sure : f->strikes;
	uint8_t found = f->count;

	h->is_doubted = false;
	for (uint8_t i = 0; i < f->count; i++) {
		weigh(h, i, missed);
		h->is_doubted |= h->strikes[i] > 0 || h->steady[i] > 0;
		if (found == f->count &&
		    (h->strikes[i] >= needed || h->steady[i] >= needed * STEADY_STRIKE))
			found = i;
	}
	return found;
}

/* By none of them do the numbers go on, nor can as much be late or lost: it began anew. */
static bool begins_anew(const struct stream *s, const struct format *f,
                        const uint32_t missed[STREAM_HABITS])
{
	for (uint8_t i = 0; i < f->count; i++) {
		bool is_late = missed[i] > INT32_MAX && 0 - missed[i] <= sequence_far(s);

		if (is_late || sequence_may_miss(s, missed[i]))
			return false;
	}
	return true;
}

/*
 * Again and again another was right, and in between never wrong, when the one believed was not.
 * True: it is another that is believed from now on.
 */
static bool learn(struct stream *s, const struct format *f, uint32_t sequence,
                  const uint32_t counts[STREAM_COUNTS])
{
	struct stream_habit *h = &s->habit;
	uint32_t missed[STREAM_HABITS];
	uint8_t found = f->count;
	bool is_right;

	for (uint8_t i = 0; i < f->count; i++)
		missed[i] = missed_by(h, &f->rows[i], sequence, counts);
	is_right = missed[h->is] == 0;
	h->right = (uint8_t)MIN(h->right + is_right, SURE);
	h->quiet = is_right ? (uint8_t)MIN(h->quiet + 1, UINT8_MAX) : 0;
	if (f->patience > 0 && h->quiet == f->patience)
		memset(h->strikes, 0, sizeof(h->strikes));
	if (!is_right || h->is_doubted)
		found = strike(h, f, missed);
	if (!h->is_doubted)
		note(s);
	h->begun = (uint8_t)(h->begun - MIN(h->begun, 1));
	if (begins_anew(s, f, missed)) {
		h->begun = BEGUN;
		h->begun_restarts = s->restarts;
		memset(missed, 0, sizeof(missed));
	}
	for (uint8_t i = 0; i < f->count; i++)
		h->missed[i] += missed[i];
	if (found < f->count)
		believe(s, found);
	return found < f->count;
}

static enum sequence account(struct stream *s, uint32_t begin, uint32_t count, int64_t boot_ms)
{
	if (count > 0)
		return sequence_account(s, begin, count, boot_ms);
	s->datagrams++; /* templates alone take no number */
	return SEQUENCE_NEXT;
}

enum sequence habit_account(struct stream *s, const struct habit_message *m)
{
	const uint32_t counts[STREAM_COUNTS] = {m->records, m->records - m->options,
	                                        m->records + m->templates};
	const struct format *f = format_of(s->key.version);
	bool is_other = s->is_counted && m->is_whole && learn(s, f, m->sequence, counts);
	const struct habit *habit = &f->rows[s->habit.is];
	uint32_t count = amount(habit, counts);
	uint32_t begin = habit->is_after ? m->sequence - count : m->sequence;
	enum sequence sequence = SEQUENCE_NEXT;

	if (is_other)
		sequence_reset(s, begin);
	else if (!s->is_counted && habit->unit < STREAM_COUNTS)
		s->run.next = begin; /* what could not be counted before leaves it open */
	if (m->is_whole || habit->unit >= STREAM_COUNTS)
		sequence = account(s, begin, count, m->boot_ms);
	else
		s->datagrams++; /* how many it has is not known, nor where the next begins */
	s->is_counted = m->is_whole;
	s->habit.sequence = m->sequence;
	memcpy(s->habit.counts, counts, sizeof(counts));
	return sequence;
}
