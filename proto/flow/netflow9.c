#include "proto/flow/netflow9.h"

#include "base/util.h"
#include "proto/flow/kin.h"

static const struct sets_format format = {
	.template_id = 0, .options_id = 1, .has_scope_octets = true};

#define CUT_MS 1000

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

enum drop netflow9_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out)
{
	struct record_context c = {.origin = origin, .has_uptime = true};
	struct bytes in = *data;
	uint32_t sequence, domain;
	struct kin_message m;
	size_t before = out->count;

	data->at = data->end;
	bytes_uint(&in, 4); /* version, count */
	c.uptime_ms = (uint32_t)bytes_uint(&in, 4);
	c.export_ms = (int64_t)bytes_uint(&in, 4) * 1000;
	sequence = (uint32_t)bytes_uint(&in, 4);
	domain = (uint32_t)bytes_uint(&in, 4);
	if (in.is_short)
		return DROP_SHORT;
	if (c.export_ms < FLOW_CLOCK_MIN)
		return DROP_CLOCK;
	m = (struct kin_message){.version = 9,
	                         .domain = domain,
	                         .sequence = sequence,
	                         .boot_ms = c.export_ms - c.uptime_ms,
	                         .format = &format,
	                         .sets = in};
	c.stream = kin_stream(d, origin, &m);
	if (!flow_account(c.stream, origin, sequence, 1, c.export_ms, c.uptime_ms))
		return DROP_DUPLICATE;
	c.export_ms = exact_export(c.stream, c.export_ms, c.uptime_ms);
	(void)sets_decode(d, &c, &format, in, out);
	/* Records are told by the same start: against them nothing is cut. */
	flow_clock(c.stream, origin, c.export_ms, 1, out, before);
	c.stream->flows += out->count - before;
	return DROP_NONE;
}
