#include "proto/flow/netflow9.h"

#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/kin.h"
#include "proto/flow/repeat.h"

#define CUT_MS 1000
#define GLUED_MS 60000 /* so far apart are the times of two messages in one datagram, at most */
#define GLUED_START_MS 2000 /* and of their starts, read from whole seconds */
#define UNIT_STEP_S 5       /* headers this far apart tell seconds from milliseconds, */
#define UNIT_TIMES 3        /* when they do so this often in a row */

static bool is_within(int64_t apart_ms, int64_t most_ms)
{
	return apart_ms <= most_ms && apart_ms >= -most_ms;
}

/*
 * A header tells no length, and some exporters put several messages into one datagram. No set has
 * an id of 9, a header's version; of another domain it tells of the same start.
 */
static bool begins_another(const struct record_context *c, struct bytes in)
{
	int64_t apart_ms, boots_apart_ms;
	uint32_t uptime;
	bool is_ours;

	if (bytes_uint(&in, 2) != 9)
		return false;
	bytes_uint(&in, 2); /* count */
	uptime = (uint32_t)bytes_uint(&in, 4);
	apart_ms = (int64_t)bytes_uint(&in, 4) * 1000 - c->export_ms;
	bytes_uint(&in, 4); /* sequence */
	is_ours = bytes_uint(&in, 4) == c->stream->key.domain;
	if (in.is_short || !is_within(apart_ms, GLUED_MS))
		return false;
	boots_apart_ms = apart_ms - (int32_t)(uptime - c->uptime);
	return is_ours || (uptime != 0 && is_within(boots_apart_ms, GLUED_START_MS));
}

static const struct sets_format format = {.template_id = 0,
                                          .options_id = 1,
                                          .has_scope_octets = true,
                                          .begins_another = begins_another};

/* When it was exported, to the millisecond. */
static int64_t exact_export(struct stream *s, int64_t export_ms, uint32_t uptime_ms)
{
	int64_t boot_ms = export_ms - uptime_ms;

	if (flow_uptime_wrapped(s->exact_boot_ms, boot_ms))
		s->exact_boot_ms += INT64_C(1) << 32;
	/* Another start, or its clock was set. */
	if (boot_ms > s->exact_boot_ms || boot_ms <= s->exact_boot_ms - CUT_MS)
		s->exact_boot_ms = boot_ms;
	return s->exact_boot_ms + uptime_ms;
}

/* Does the uptime grow by one a second, or by a thousand? */
static void learn_unit(struct stream *s, int64_t export_ms, uint32_t uptime)
{
	int64_t passed_s = (export_ms - s->unit_ms) / 1000;
	int64_t counted = (int32_t)(uptime - s->unit_uptime);
	bool is_first = s->unit_ms == 0;

	if (!is_first && passed_s >= 0 && passed_s < UNIT_STEP_S)
		return;
	s->unit_ms = export_ms;
	s->unit_uptime = uptime;
	if (is_first || passed_s < 0)
		return;
	if (counted >= passed_s - 1 && counted <= passed_s + 1) {
		s->unit_seconds = (uint8_t)MIN(s->unit_seconds + 1, UNIT_TIMES);
		s->is_in_seconds |= s->unit_seconds == UNIT_TIMES;
	} else {
		s->unit_seconds = 0;
		s->is_in_seconds &= counted < (passed_s - 1) * 1000;
	}
}

/* Where records are told by the same start as the header, nothing is cut against them. */
static void finish_clock(struct flow_clock *told, const struct record_context *c,
                         uint32_t uptime_ms)
{
	const struct stream *s = c->stream;

	told->zero_ms = c->has_uptime ? s->exact_boot_ms : s->init_ms;
	told->is_coarse = !c->has_uptime && record_is_coarse(s);
	if (!c->has_uptime || s->is_clocked)
		return;
	told->export_ms = s->exact_boot_ms + uptime_ms;
	told->error_ms = 1;
}

enum drop netflow9_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out)
{
	struct record_context c = {.origin = origin};
	struct bytes in = *data, whole = *data;
	uint32_t sequence, domain, uptime_ms;
	struct habit_message counted;
	struct flow_clock told;
	struct sets_sum sum;
	struct kin_message m;
	size_t before = out->count;
	bool has_start;

	data->at = data->end;
	bytes_uint(&in, 4); /* version, count */
	c.uptime = (uint32_t)bytes_uint(&in, 4);
	c.has_uptime = c.uptime != 0; /* else it is not told, as in IPFIX */
	c.export_ms = (int64_t)bytes_uint(&in, 4) * 1000;
	sequence = (uint32_t)bytes_uint(&in, 4);
	domain = (uint32_t)bytes_uint(&in, 4);
	if (in.is_short)
		return DROP_SHORT;
	if (!flow_exported(d, origin, &c.export_ms))
		return DROP_CLOCK;
	m = (struct kin_message){.version = 9,
	                         .domain = domain,
	                         .sequence = sequence,
	                         .boot_ms = c.has_uptime ? c.export_ms - c.uptime : 0,
	                         .format = &format,
	                         .sets = in};
	c.stream = kin_stream(d, origin, &m);
	has_start = c.has_uptime;
	c.has_uptime = has_start && !c.stream->is_apart;
	if (repeat_check(c.stream, whole, habit_is_next(c.stream, sequence)))
		return DROP_DUPLICATE;
	learn_unit(c.stream, c.export_ms, c.uptime);
	uptime_ms = c.stream->is_in_seconds ? c.uptime * 1000u : c.uptime;
	counted = (struct habit_message){.sequence = sequence,
	                                 .boot_ms = flow_boot(c.stream, c.export_ms, uptime_ms)};
	if (sequence_starts_anew(c.stream, sequence, counted.boot_ms))
		sets_doubt(c.stream, origin->received_ms);
	c.stream->export_ms = MAX(c.stream->export_ms, c.export_ms);
	told = (struct flow_clock){.export_ms = c.export_ms, .error_ms = CUT_MS};
	if (has_start)
		c.export_ms = exact_export(c.stream, c.export_ms, uptime_ms);
	sum = sets_decode(d, &c, &format, in, out);
	data->at = sum.end;
	counted.records = sum.records;
	counted.options = sum.options;
	counted.is_whole = sum.is_whole;
	if (habit_account(c.stream, &counted) == SEQUENCE_TWIN)
		kin_part(d, c.stream);
	finish_clock(&told, &c, uptime_ms);
	flow_clock(c.stream, origin, &told, out, before);
	flow_came(d, c.stream, out, before);
	return DROP_NONE;
}
