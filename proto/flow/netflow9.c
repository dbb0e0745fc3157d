#include "proto/flow/netflow9.h"

#include "base/util.h"
#include "proto/flow/sets.h"

static const struct sets_format format = {
	.template_id = 0, .options_id = 1, .has_scope_octets = true};

#define CUT_MS 1000

/* When it was exported, to the millisecond. */
static int64_t exact_export(struct stream *s, int64_t export_ms, uint32_t uptime_ms)
{
	int64_t boot_ms = export_ms - uptime_ms;

	/* Another start, or its clock was set. */
	if (boot_ms > s->exact_boot_ms || boot_ms <= s->exact_boot_ms - CUT_MS)
		s->exact_boot_ms = boot_ms;
	return s->exact_boot_ms + uptime_ms;
}

enum drop netflow9_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out)
{
	struct stream_key key = {.from = origin->from, .session = origin->session, .version = 9};
	struct record_context c = {.origin = origin, .has_uptime = true};
	struct bytes in = *data;
	uint32_t sequence;
	size_t before = out->count;

	data->at = data->end;
	bytes_uint(&in, 4); /* version, count */
	c.uptime_ms = (uint32_t)bytes_uint(&in, 4);
	c.export_ms = (int64_t)bytes_uint(&in, 4) * 1000;
	sequence = (uint32_t)bytes_uint(&in, 4);
	key.domain = (uint32_t)bytes_uint(&in, 4);
	if (in.is_short)
		return DROP_SHORT;
	if (c.export_ms < FLOW_CLOCK_MIN)
		return DROP_CLOCK;
	c.stream = stream_of(d->streams, &key);
	stream_arrive(c.stream, d->counters.datagrams, origin->received_ms);
	if (stream_account(c.stream, sequence, 1, c.export_ms - c.uptime_ms) ==
	            SEQUENCE_DUPLICATE &&
	    !flow_is_earlier_file(origin, c.stream, c.export_ms))
		return DROP_DUPLICATE;
	c.stream->export_ms = MAX(c.stream->export_ms, c.export_ms);
	c.export_ms = exact_export(c.stream, c.export_ms, c.uptime_ms);
	(void)sets_decode(d, &c, &format, in, out);
	c.stream->flows += out->count - before;
	return DROP_NONE;
}
