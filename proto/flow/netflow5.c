#include "proto/flow/netflow5.h"

#include "base/util.h"
#include "proto/flow/kin.h"
#include "proto/flow/uptime.h"

#include <string.h>

#define HEADER_LEN 24
#define RECORD_LEN 48
#define RECORDS_MAX 30

#define FUTURE_MS 60000 /* a record may end this much after its header was stamped */

#define UNTOLD_MAX 8 /* datagrams that tell nothing of the sequence */

enum { SEQUENCE_IS_FIRST, SEQUENCE_IS_LAST }; /* struct stream_habit */

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
static enum drop check(const struct header *h, size_t len)
{
	if (h->count == 0 || h->count > RECORDS_MAX)
		return DROP_COUNT;
	if (len != HEADER_LEN + (size_t)h->count * RECORD_LEN)
		return DROP_LENGTH;
	return DROP_NONE;
}

/*
 * The number of the datagram's first flow. With Open vSwitch the header has the last one's. Which
 * it is, is known when the other was right twice in a row and that one wrong; or once, where the
 * datagram would begin within the one before, as none does. What was counted as lost meanwhile was
 * not.
 */
static uint32_t first_of(struct stream *s, const struct header *h)
{
	struct stream_habit *habit = &s->habit;
	uint32_t step = h->sequence - habit->sequence, count_before = habit->counts[0];
	bool is_first = habit->is == SEQUENCE_IS_FIRST;
	bool is_both = step == h->count && step == count_before; /* that tells nothing */
	bool is_other =
		s->datagrams > 0 && !is_both && step == (is_first ? h->count : count_before);

	if (habit->strikes[0] == 0)
		habit->lost = s->lost;
	habit->strikes[1] = is_both ? (uint8_t)(habit->strikes[1] + 1) : 0;
	if (!is_both || habit->strikes[1] == UNTOLD_MAX) /* two that are long apart are chance */
		habit->strikes[0] = (uint8_t)(is_other ? habit->strikes[0] + 1 : 0);
	if (habit->strikes[0] == 2 || (is_other && is_first && step < count_before)) {
		habit->is = is_first ? SEQUENCE_IS_LAST : SEQUENCE_IS_FIRST;
		habit->strikes[0] = 0;
		memset(s->gaps, 0, sizeof(s->gaps));
		s->lost = habit->lost;
		s->next = habit->is == SEQUENCE_IS_LAST ? h->sequence + 1 - h->count : h->sequence;
	}
	habit->sequence = h->sequence;
	habit->counts[0] = h->count;
	return habit->is == SEQUENCE_IS_LAST ? h->sequence + 1 - h->count : h->sequence;
}

enum drop netflow5_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out)
{
	struct bytes in = *data;
	struct header h = read_header(&in);
	enum drop drop = in.is_short ? DROP_SHORT : check(&h, bytes_left(data));
	struct kin_message m;
	struct stream *stream;
	struct flow *room;
	size_t before = out->count;
	int64_t cut_ms;

	data->at = data->end;
	if (drop != DROP_NONE)
		return drop;
	if (!flow_exported(d, origin, &h.export_ms))
		return DROP_CLOCK;
	m = (struct kin_message){.version = 5,
	                         .domain = h.domain,
	                         .sequence = h.sequence,
	                         .boot_ms = h.export_ms - h.uptime_ms};
	stream = kin_stream(d, origin, &m);
	if (!flow_account(stream, origin, first_of(stream, &h), h.count, h.export_ms, h.uptime_ms))
		return DROP_DUPLICATE;
	room = flow_batch_room(out, h.count);
	if (room == NULL) {
		d->counters.dropped[DROP_MEMORY] += h.count;
		return DROP_NONE;
	}
	for (unsigned i = 0; i < h.count; i++) {
		*room = (struct flow){
			.exporter = origin->from.addr,
			.received_ms = origin->received_ms,
			.domain = h.domain,
			.sampling = h.sampling,
			.version = 5,
		};
		if (read_record(&in, &h, room, &d->counters.clamped)) {
			out->count++;
			room++;
		} else {
			d->counters.dropped[DROP_RECORD_TIME]++;
		}
	}
	CHECK(!in.is_short);
	/* One that has ever told milliseconds tells them always. */
	cut_ms = stream->model.has_ms || h.export_ms % 1000 != 0 ? 1 : 1000;
	flow_clock(stream, origin, h.export_ms, cut_ms, out, before);
	stream->flows += out->count - before;
	return DROP_NONE;
}
