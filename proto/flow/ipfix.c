#include "proto/flow/ipfix.h"

#include "base/util.h"
#include "proto/flow/kin.h"

#include <string.h>

#define HEADER_LEN 16

static const struct sets_format format = {
	.template_id = 2, .options_id = 3, .has_enterprise = true};

/* The rows of struct stream_habit. */
static const struct {
	uint8_t count; /* 0: all records; 1: flows alone */
	bool is_after; /* the message's own are counted */
} habits[STREAM_HABITS] = {{0, false}, {1, false}, {0, true}, {1, true}};

/* Would this habit have led from the message before to this one? */
static bool leads_here(const struct stream_habit *h, size_t habit, uint32_t sequence,
                       const uint32_t counts[2])
{
	uint8_t count = habits[habit].count;

	return sequence ==
	       h->sequence + (habits[habit].is_after ? counts[count] : h->counts[count]);
}

/*
 * Twice another was right, and in between never wrong, when the one that is believed was not: that
 * other is it. What was counted as lost or late meanwhile was not.
 */
static void learn(struct stream *s, uint32_t sequence, const uint32_t counts[2])
{
	struct stream_habit *h = &s->habit;
	bool is_right = leads_here(h, h->is, sequence, counts), is_doubted = false;

	for (uint8_t i = 0; i < STREAM_HABITS; i++) {
		if (!leads_here(h, i, sequence, counts))
			h->strikes[i] = 0;
		else
			h->strikes[i] += !is_right;
		is_doubted |= h->strikes[i] > 0;
		if (h->strikes[i] < 2)
			continue;
		h->is = i;
		memset(h->strikes, 0, sizeof(h->strikes));
		memset(s->gaps, 0, sizeof(s->gaps));
		s->lost = h->lost;
		s->late = h->late;
		s->is_counted = false;
		return;
	}
	if (!is_doubted) {
		h->lost = s->lost;
		h->late = s->late;
	}
}

/* What could not be counted before leaves open where this one should begin. */
static void account(struct stream *s, uint32_t sequence, const struct sets_sum *sum)
{
	const uint32_t counts[2] = {sum->records, sum->records - sum->options};
	uint32_t count, begin;
	bool leads;

	if (!sum->is_whole) { /* how many it has is not known, nor where the next begins */
		s->datagrams++;
		s->is_counted = false;
		return;
	}
	leads = leads_here(&s->habit, s->habit.is, sequence, counts);
	if (s->is_counted)
		learn(s, sequence, counts);
	count = counts[habits[s->habit.is].count];
	begin = habits[s->habit.is].is_after ? sequence - count : sequence;
	if (!s->is_counted)
		s->next = begin;
	if (count == 0) {
		s->datagrams++; /* templates alone take no number */
	} else if (stream_account(s, begin, count, 0) == SEQUENCE_DUPLICATE) {
		s->duplicates--; /* it repeats none: the numbers ran back */
		if (leads) {     /* from one that ran back, too: they begin anew */
			s->restarts++;
			s->next = begin + count;
		} else {
			s->late++;
		}
	}
	s->is_counted = true;
	s->habit.sequence = sequence;
	s->habit.counts[0] = counts[0];
	s->habit.counts[1] = counts[1];
}

/* The same octets again, soon: a network's duplicate. FNV-1a. */
static bool is_repeat(struct stream *s, const struct bytes *message)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (const uint8_t *at = message->at; at < message->end; at++)
		h = (h ^ *at) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < STREAM_REPEATS; i++) {
		if (s->repeats[i] == h)
			return true;
	}
	s->repeats[s->repeat_at++ % STREAM_REPEATS] = h;
	return false;
}

enum drop ipfix_decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *data,
                       struct flow_batch *out)
{
	struct record_context c = {.origin = origin};
	struct bytes in = *data, message, whole;
	size_t len, before = out->count;
	struct kin_message m;
	struct sets_sum sum;
	uint32_t sequence, domain;

	data->at = data->end;
	bytes_uint(&in, 2); /* version */
	len = (size_t)bytes_uint(&in, 2);
	c.export_ms = (int64_t)bytes_uint(&in, 4) * 1000;
	sequence = (uint32_t)bytes_uint(&in, 4);
	domain = (uint32_t)bytes_uint(&in, 4);
	if (in.is_short)
		return DROP_SHORT;
	if (len < HEADER_LEN)
		return DROP_LENGTH;
	message = bytes_cut(&in, len - HEADER_LEN);
	if (in.is_short)
		return DROP_LENGTH;
	if (!flow_exported(d, origin, &c.export_ms))
		return DROP_CLOCK;
	whole = bytes_of(message.at - HEADER_LEN, len);
	data->at = in.at;
	m = (struct kin_message){.version = 10,
	                         .domain = domain,
	                         .sequence = sequence,
	                         .format = &format,
	                         .sets = message};
	c.stream = kin_stream(d, origin, &m);
	if (is_repeat(c.stream, &whole)) {
		c.stream->datagrams++;
		c.stream->duplicates++;
		return DROP_DUPLICATE;
	}
	sum = sets_decode(d, &c, &format, message, out);
	account(c.stream, sequence, &sum);
	flow_clock(c.stream, origin, c.export_ms, 1000, out, before);
	c.stream->export_ms = MAX(c.stream->export_ms, c.export_ms);
	c.stream->flows += out->count - before;
	return DROP_NONE;
}
