#include "proto/flow/netflow5.h"

#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/kin.h"
#include "proto/flow/repeat.h"
#include "proto/flow/uptime.h"

#include <string.h>

#define HEADER_LEN 24
#define RECORD_LEN 48
#define RECORDS_MAX 30

#define FUTURE_MS 60000 /* a record may end this much after its header was stamped */

struct header {
	unsigned count;
	uint32_t uptime_ms, sequence, domain;
	int64_t export_ms;
	uint32_t sampling;
};

static struct header read_header(struct bytes *in)
{
	struct header h;
	uint64_t seconds, nanoseconds, sampling;

	bytes_uint(in, 2); /* the version brought us here */
	h.count = (unsigned)bytes_uint(in, 2);
	h.uptime_ms = (uint32_t)bytes_uint(in, 4);
	seconds = bytes_uint(in, 4);
	nanoseconds = bytes_uint(in, 4);
	h.sequence = (uint32_t)bytes_uint(in, 4);
	h.domain = (uint32_t)bytes_uint(in, 2); /* engine type, engine id */
	sampling = bytes_uint(in, 2) & 0x3fff;  /* the two high bits are its mode */
	h.export_ms = (int64_t)(seconds * 1000 + nanoseconds / 1000000);
	h.sampling = sampling == 0 ? 1 : (uint32_t)sampling;
	return h;
}

/* Uptime to wall clock. Signed, so that both sides of a wrap and a late stamp come out right. */
static int64_t wall_of(const struct header *h, uint32_t uptime_ms)
{
	return h->export_ms + (int32_t)(uptime_ms - h->uptime_ms);
}

/* Reads a record into `ret`; false when its times cannot be true. */
static bool read_record(struct bytes *in, const struct header *h, struct flow *ret,
                        uint64_t *clamped)
{
	uint32_t first, last;
	bool is_clamped;

	ret->src = addr_of_v4((uint32_t)bytes_uint(in, 4));
	ret->dst = addr_of_v4((uint32_t)bytes_uint(in, 4));
	bytes_uint(in, 4); /* next hop */
	ret->in_if = (uint32_t)bytes_uint(in, 2);
	ret->out_if = (uint32_t)bytes_uint(in, 2);
	ret->packets = bytes_uint(in, 4);
	ret->octets = bytes_uint(in, 4);
	first = (uint32_t)bytes_uint(in, 4);
	last = (uint32_t)bytes_uint(in, 4);
	ret->src_port = (uint16_t)bytes_uint(in, 2);
	ret->dst_port = (uint16_t)bytes_uint(in, 2);
	bytes_uint(in, 1); /* padding */
	ret->tcp_flags = (uint8_t)bytes_uint(in, 1);
	ret->proto = (uint8_t)bytes_uint(in, 1);
	ret->tos = (uint8_t)bytes_uint(in, 1);
	bytes_uint(in, 8); /* AS numbers, masks, padding */
	ret->end_ms = wall_of(h, last);
	ret->start_ms = ret->end_ms - uptime_lasted(first, last, &is_clamped);
	if (ret->end_ms > h->export_ms + FUTURE_MS || ret->start_ms < 0)
		return false;
	*clamped += is_clamped;
	return true;
}

/* The checks that need no state, in the order in which they can be trusted. */
static enum drop check(const struct header *h, size_t records)
{
	if (h->count == 0 || h->count > RECORDS_MAX)
		return DROP_COUNT;
	return records == 0 ? DROP_LENGTH : DROP_NONE;
}

static bool is_zero(struct bytes b)
{
	while (b.at < b.end && *b.at == 0)
		b.at++;
	return b.at == b.end;
}

/* Does another datagram begin there? Some exporters put several into one. */
static bool is_glued(struct bytes rest)
{
	size_t len = bytes_left(&rest);
	uint64_t version = bytes_uint(&rest, 2), count = bytes_uint(&rest, 2);

	return version == 5 && count > 0 && count <= RECORDS_MAX && len >= HEADER_LEN + RECORD_LEN;
}

static void read_records(struct flow_decoder *d, const struct flow_origin *origin,
                         const struct header *h, struct bytes in, struct flow_batch *out)
{
	unsigned count = (unsigned)(bytes_left(&in) / RECORD_LEN);
	struct flow *room = flow_batch_room(out, count);

	if (room == NULL) {
		d->counters.dropped[DROP_MEMORY] += count;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		*room = (struct flow){
			.exporter = origin->from.addr,
			.received_ms = origin->received_ms,
			.domain = h->domain,
			.sampling = h->sampling,
			.version = 5,
		};
		if (!read_record(&in, h, room, &d->counters.clamped)) {
			if (!d->is_verbatim) {
				d->counters.dropped[DROP_RECORD_TIME]++;
				continue;
			}
			flow_as_told(room, h->export_ms);
		}
		out->count++;
		room++;
	}
	CHECK(!in.is_short);
}

enum drop netflow5_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out)
{
	struct bytes in = *data, records, whole;
	struct header h = read_header(&in);
	size_t count = MIN(h.count, bytes_left(&in) / RECORD_LEN), before = out->count;
	enum drop drop = in.is_short ? DROP_SHORT : check(&h, count);
	struct habit_message counted;
	struct kin_message m;
	struct stream *stream;
	struct flow_clock told;
	bool is_cut;

	data->at = data->end;
	if (drop != DROP_NONE)
		return drop;
	if (!flow_exported(d, origin, &h.export_ms))
		return DROP_CLOCK;
	m = (struct kin_message){.version = 5,
	                         .domain = h.domain,
	                         .sequence = h.sequence,
	                         .boot_ms = h.uptime_ms != 0 ? h.export_ms - h.uptime_ms : 0};
	stream = kin_stream(d, origin, &m);
	whole = bytes_of(in.at - HEADER_LEN, HEADER_LEN + count * RECORD_LEN);
	records = bytes_cut(&in, count * RECORD_LEN);
	if (is_glued(in))
		data->at = in.at;
	else if (count < h.count || !is_zero(in))
		d->counters.dropped[DROP_SET]++; /* a record that is cut, or no record */
	if (repeat_check(stream, whole, habit_is_next(stream, h.sequence)))
		return DROP_DUPLICATE;
	counted = (struct habit_message){.sequence = h.sequence,
	                                 .records = h.count,
	                                 .is_whole = true,
	                                 .boot_ms = flow_boot(stream, h.export_ms, h.uptime_ms)};
	if (habit_account(stream, &counted) == SEQUENCE_TWIN)
		kin_part(d, stream);
	stream->export_ms = MAX(stream->export_ms, h.export_ms);
	read_records(d, origin, &h, records, out);
	/* One that has ever told milliseconds tells them always. */
	is_cut = !stream->model.has_ms && h.export_ms % 1000 == 0;
	told = (struct flow_clock){.export_ms = h.export_ms,
	                           .error_ms = is_cut ? 1000 : 1,
	                           .zero_ms = h.export_ms - h.uptime_ms,
	                           .is_coarse = is_cut};
	flow_clock(stream, origin, &told, out, before);
	flow_came(d, stream, out, before);
	return DROP_NONE;
}
