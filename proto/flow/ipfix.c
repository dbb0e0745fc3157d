#include "proto/flow/ipfix.h"

#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/kin.h"
#include "proto/flow/repeat.h"

#define HEADER_LEN 16

static const struct sets_format format = {
	.template_id = 2, .options_id = 3, .has_enterprise = true};

enum drop ipfix_decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *data,
                       struct flow_batch *out)
{
	struct record_context c = {.origin = origin};
	struct bytes in = *data, message, whole;
	size_t len, before = out->count;
	struct kin_message m;
	struct habit_message counted;
	struct flow_clock told;
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
	if (repeat_check(c.stream, whole, habit_is_next(c.stream, sequence)))
		return DROP_DUPLICATE;
	sum = sets_decode(d, &c, &format, message, out);
	counted = (struct habit_message){.sequence = sequence,
	                                 .records = sum.records,
	                                 .options = sum.options,
	                                 .templates = sum.templates,
	                                 .is_whole = sum.is_whole};
	if (habit_account(c.stream, &counted) == SEQUENCE_TWIN)
		kin_part(d, c.stream);
	told = (struct flow_clock){.export_ms = c.export_ms,
	                           .error_ms = 1000,
	                           .zero_ms = c.stream->init_ms,
	                           .is_coarse = record_is_coarse(c.stream)};
	flow_clock(c.stream, origin, &told, out, before);
	c.stream->export_ms = MAX(c.stream->export_ms, c.export_ms);
	flow_came(d, c.stream, out, before);
	return DROP_NONE;
}
