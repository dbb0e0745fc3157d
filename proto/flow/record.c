#include "proto/flow/record.h"

#include "base/util.h"
#include "proto/flow/packet_header.h"

#include <string.h>

#define CLAMP_MS 1000       /* first later than last by less: the exporter's rounding */
#define FUTURE_MS 60000     /* a record may end this much after its export, or after it came */
#define UNIT_FAR_MS 3600000 /* a flow lasts no longer until it is exported */
#define INIT_FAR_MS 3600000
#define INIT_FAR_RECORDS 64
#define VLAN_BITS 0xfff /* beside it some send the priority */
#define LONG_LEN 255    /* RFC 7011, section 7: two octets of length follow */

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static void read_fixed(const struct template *t, const uint8_t *record, struct values *ret)
{
	for (size_t i = 0; i < t->field_count; i++) {
		const struct template_field *field = &t->fields[i];
		const uint8_t *at = record + field->offset;
		uint8_t *to = (uint8_t *)ret + field->to;

		switch ((enum element_copy)field->copy) {
		case ELEMENT_1:
			*to = *at;
			break;
		case ELEMENT_2:
			memcpy(to, &(uint16_t){be16(at)}, 2);
			break;
		case ELEMENT_4:
			memcpy(to, &(uint32_t){be32(at)}, 4);
			break;
		case ELEMENT_2_TO_4:
			memcpy(to, &(uint32_t){be16(at)}, 4);
			break;
		case ELEMENT_READ:
			field->element->read(ret, field->element, at, field->len);
		}
	}
}

static enum err read_variable(const struct template *t, struct bytes *in, struct values *ret)
{
	for (size_t i = 0; i < t->field_count; i++) {
		const struct template_field *field = &t->fields[i];
		size_t len = field->len;
		struct bytes value;

		if (len == TEMPLATE_VARIABLE) {
			len = (size_t)bytes_uint(in, 1);
			if (len == LONG_LEN)
				len = (size_t)bytes_uint(in, 2);
		}
		value = bytes_cut(in, len);
		if (in->is_short)
			return ERR_SHORT;
		if (field->element != NULL && len > 0)
			field->element->read(ret, field->element, value.at, len);
	}
	return ERR_OK;
}

enum err record_read(const struct template *t, struct bytes *in, struct values *ret)
{
	struct bytes record;

	memset(ret, 0, sizeof(*ret));
	if (t->is_variable)
		return read_variable(t, in, ret);
	record = bytes_cut(in, t->min_len);
	if (record.is_short)
		return ERR_SHORT;
	read_fixed(t, record.at, ret);
	return ERR_OK;
}

/* --- times --- */

/*
 * SonicWall's header has the uptime in seconds, its records in milliseconds: what ends far after
 * its header, were that in milliseconds, and before it, were it in seconds.
 */
static void learn_unit(const struct record_context *c, uint32_t uptime)
{
	int32_t late_ms = (int32_t)(uptime - c->uptime),
		late_s = (int32_t)(uptime - c->uptime * 1000u);

	if (late_ms > FUTURE_MS && late_s <= CLAMP_MS && late_s > -UNIT_FAR_MS)
		c->stream->is_in_seconds = true;
}

static int64_t of_header(const struct record_context *c, uint32_t uptime)
{
	if (!c->stream->is_in_seconds)
		learn_unit(c, uptime);
	if (!c->stream->is_in_seconds) /* signed: see netflow5.h */
		return c->export_ms + (int32_t)(uptime - c->uptime);
	if (uptime <= c->uptime + FUTURE_MS / 1000)
		uptime *= 1000; /* of another model, in seconds as well */
	return c->export_ms + (int32_t)(uptime - c->uptime * 1000u);
}

/* Uptime to wall clock: by the header, by what the exporter says of its start, or as it seems. */
static int64_t of_uptime(const struct record_context *c, const struct values *v, uint64_t uptime)
{
	if (c->has_uptime)
		return of_header(c, (uint32_t)uptime);
	/* It wraps, too: the uptime that is nearest to the export's. */
	return c->export_ms +
	       (int32_t)((uint32_t)uptime -
	                 (uint32_t)(c->export_ms -
	                            (v->has_init ? (int64_t)v->init_ms : c->stream->init_ms)));
}

static int64_t wall_of(const struct record_context *c, const struct values *v, enum time_kind kind,
                       uint64_t value)
{
	if (value > INT64_MAX / 2)
		return INT64_MAX / 2;
	if (kind == TIME_UPTIME)
		return of_uptime(c, v, value);
	if (kind == TIME_BEFORE)
		return c->export_ms - (int64_t)(value / 1000);
	return (int64_t)value;
}

static bool find_time(const struct record_context *c, const struct values *v, uint8_t has,
                      const uint64_t times[TIME_KINDS], int64_t *ret)
{
	bool has_zero = c->has_uptime || v->has_init || c->stream->init_ms != 0;

	if (!has_zero)
		has &= (uint8_t) ~(1u << TIME_UPTIME);
	for (unsigned kind = 0; has >> kind != 0; kind++) {
		if ((has >> kind & 1) != 0) {
			*ret = wall_of(c, v, (enum time_kind)kind, times[kind]);
			return true;
		}
	}
	return false;
}

/*
 * An exporter that never says when it started: no flow of it ended after its export. If all end
 * long before, as far as that goes, it has started again.
 */
static void learn_init(const struct record_context *c, const struct values *v)
{
	struct stream *s = c->stream;
	int64_t init_ms;

	if (c->has_uptime || v->has_init || s->is_init_told ||
	    (v->has_end & 1u << TIME_UPTIME) == 0)
		return;
	init_ms = c->export_ms - (int64_t)(uint32_t)v->end[TIME_UPTIME];
	s->init_far = init_ms - s->init_ms > INIT_FAR_MS ? s->init_far + 1 : 0;
	if (s->init_ms == 0 || init_ms < s->init_ms || s->init_far >= INIT_FAR_RECORDS) {
		s->init_ms = init_ms;
		s->init_far = 0;
	}
}

/* A clock time stands for itself, whatever the header's; an uptime only by the header. */
static int64_t latest(const struct record_context *c, const struct values *v)
{
	bool is_by_header =
		((v->has_start | v->has_end) & ~(1u << TIME_UPTIME)) == 0 && !v->has_event;

	return is_by_header ? c->export_ms : MAX(c->export_ms, c->origin->received_ms);
}

static bool set_times(const struct record_context *c, const struct values *v, struct flow *f,
                      uint64_t *clamped)
{
	bool has_start, has_end;

	learn_init(c, v);
	has_start = find_time(c, v, v->has_start, v->start, &f->start_ms);
	has_end = find_time(c, v, v->has_end, v->end, &f->end_ms);
	if (!has_start && !has_end)
		f->start_ms = f->end_ms =
			v->has_event ? (int64_t)MIN(v->event_ms, INT64_MAX / 2) : c->export_ms;
	else if (!has_end)
		f->end_ms = v->has_duration ? f->start_ms + (int64_t)MIN(v->duration_ms, UINT32_MAX)
		            : v->has_event  ? (int64_t)MIN(v->event_ms, INT64_MAX / 2)
		                            : c->export_ms;
	else if (!has_start)
		f->start_ms = f->end_ms - (int64_t)MIN(v->duration_ms, UINT32_MAX);
	if (f->end_ms < 0 || f->end_ms > latest(c, v) + FUTURE_MS ||
	    f->start_ms - f->end_ms >= CLAMP_MS || f->start_ms < 0)
		return false;
	if (f->start_ms > f->end_ms) {
		f->start_ms = f->end_ms;
		++*clamped;
	}
	return true;
}

/* --- flows --- */

static bool has(uint8_t bits, enum counter_kind kind)
{
	return (bits & 1u << kind) != 0;
}

/* Of what the record counted since its last report, from its initiator, in all, or going out. */
static uint64_t forward(uint8_t bits, const uint64_t counts[])
{
	return has(bits, COUNT_DELTA)       ? counts[COUNT_DELTA]
	       : has(bits, COUNT_INITIATOR) ? counts[COUNT_INITIATOR]
	       : has(bits, COUNT_TOTAL)     ? counts[COUNT_TOTAL]
	                                    : counts[COUNT_POST];
}

static uint64_t backward(uint8_t bits, const uint64_t counts[])
{
	return has(bits, COUNT_REVERSE) ? counts[COUNT_REVERSE] : counts[COUNT_RESPONDER];
}

static uint32_t sampling_of(const struct record_context *c, const struct values *v)
{
	const struct stream *s = c->stream;

	if (v->has_interval)
		return MAX(v->interval, 1);
	for (size_t i = 0; v->has_sampler && i < ARRAY_LEN(s->samplers); i++) {
		if (s->samplers[i].interval != 0 && s->samplers[i].id == v->sampler)
			return s->samplers[i].interval;
	}
	return MAX(s->sampling, 1);
}

static void turn(struct flow *f)
{
	const struct flow was = *f;

	f->src = was.dst;
	f->dst = was.src;
	f->src_port = was.dst_port;
	f->dst_port = was.src_port;
	f->nat_src = was.nat_dst;
	f->nat_dst = was.nat_src;
	f->nat_src_port = was.nat_dst_port;
	f->nat_dst_port = was.nat_src_port;
	f->in_if = was.out_if;
	f->out_if = was.in_if;
	f->vlan_in = was.vlan_out;
	f->vlan_out = was.vlan_in;
}

/* A packet in place of fields: what a sampler sends of it (IPFIX's 313, 315). */
static void take_packet(struct values *v)
{
	struct packet_header h;

	if ((v->has_src && v->has_dst) || bytes_left(&v->frame) == 0 ||
	    !packet_header_read(v->layer, v->frame, &h))
		return;
	v->has_src = v->has_dst = true;
	v->src = h.src;
	v->dst = h.dst;
	v->src_port = h.src_port;
	v->dst_port = h.dst_port;
	v->proto = h.proto;
	v->tcp_flags = h.tcp_flags;
	v->tos = h.tos;
	v->has_icmp = false; /* it stands in the port */
	v->vlan_in = v->vlan_in != 0 ? v->vlan_in : h.vlan;
	v->vlan_inner = v->vlan_inner != 0 ? v->vlan_inner : h.vlan_inner;
	v->mpls = v->mpls != 0 ? v->mpls : h.mpls;
	if (v->has_packets == 0) {
		v->packets[COUNT_DELTA] = 1;
		v->has_packets = 1u << COUNT_DELTA;
	}
	if (v->has_octets == 0) {
		v->octets[COUNT_DELTA] = v->frame_len != 0 ? v->frame_len : h.octets;
		v->has_octets = 1u << COUNT_DELTA;
	}
}

/* Not filled in it is all zeros, and its port says nothing either. */
static struct endpoint translated(const struct addr *addr, uint16_t port)
{
	return element_is_nowhere(addr) ? (struct endpoint){.port = 0}
	                                : (struct endpoint){*addr, port};
}

enum drop record_flows(const struct record_context *c, struct values *v, struct flow ret[2],
                       size_t *ret_count, uint64_t *clamped)
{
	struct endpoint nat_src, nat_dst;
	struct flow *f = &ret[0];
	bool is_icmp;

	*ret_count = 0;
	take_packet(v);
	is_icmp = v->proto == 1 || v->proto == 58;
	if (!v->has_src || !v->has_dst ||
	    (element_is_nowhere(&v->src) && element_is_nowhere(&v->dst)))
		return DROP_NONE; /* a counter of something else, or not filled in */
	nat_src = translated(&v->nat_src, v->nat_src_port);
	nat_dst = translated(&v->nat_dst, v->nat_dst_port);
	*f = (struct flow){
		.src = v->src,
		.dst = v->dst,
		.exporter = c->origin->from.addr,
		.nat_src = nat_src.addr,
		.nat_dst = nat_dst.addr,
		.received_ms = c->origin->received_ms,
		.octets = forward(v->has_octets, v->octets),
		.packets = forward(v->has_packets, v->packets),
		.in_if = v->in_if,
		.out_if = v->out_if,
		.domain = c->stream->key.domain,
		.sampling = sampling_of(c, v),
		.mpls = v->mpls,
		.nat_src_port = nat_src.port,
		.nat_dst_port = nat_dst.port,
		.vlan_in = v->vlan_in & VLAN_BITS,
		.vlan_out = v->vlan_out & VLAN_BITS,
		.vlan_inner = v->vlan_inner & VLAN_BITS,
		.src_port = v->src_port,
		.dst_port = is_icmp && v->has_icmp ? (uint16_t)v->icmp : v->dst_port,
		.proto = v->proto,
		.tcp_flags = v->tcp_flags,
		.tos = v->tos,
		.version = (uint8_t)c->stream->key.version,
	};
	if (!set_times(c, v, f, clamped))
		return DROP_RECORD_TIME;
	*ret_count = 1;
	if (backward(v->has_packets, v->packets) == 0 && backward(v->has_octets, v->octets) == 0)
		return DROP_NONE;
	ret[1] = *f;
	turn(&ret[1]);
	ret[1].octets = backward(v->has_octets, v->octets);
	ret[1].packets = backward(v->has_packets, v->packets);
	ret[1].tcp_flags = v->reverse_flags;
	*ret_count = 2;
	return DROP_NONE;
}

/* --- options --- */

static void set_sampler(struct stream *s, uint32_t id, uint32_t interval)
{
	struct stream_sampler *place = NULL;

	for (size_t i = 0; i < ARRAY_LEN(s->samplers); i++) {
		if (s->samplers[i].interval != 0 && s->samplers[i].id == id)
			place = &s->samplers[i];
		else if (place == NULL && s->samplers[i].interval == 0)
			place = &s->samplers[i];
	}
	if (place == NULL || (place->id == id && place->interval == interval))
		return;
	*place = (struct stream_sampler){id, interval};
	s->is_options_new = true;
}

void record_options(const struct record_context *c, const struct values *v)
{
	/* Of `interval` packets in a row and `space` that are passed over. */
	uint64_t interval = v->space == 0
	                            ? v->interval
	                            : ((uint64_t)v->interval + v->space) / MAX(v->interval, 1);

	if (v->has_init) {
		c->stream->is_options_new |=
			!c->stream->is_init_told || c->stream->init_ms != (int64_t)v->init_ms;
		c->stream->init_ms = (int64_t)MIN(v->init_ms, INT64_MAX / 4);
		c->stream->is_init_told = true;
	}
	if (!v->has_interval)
		return;
	interval = MIN(MAX(interval, 1), UINT32_MAX);
	if (v->has_sampler) {
		set_sampler(c->stream, v->sampler, (uint32_t)interval);
	} else {
		c->stream->is_options_new |= c->stream->sampling != interval;
		c->stream->sampling = (uint32_t)interval;
	}
}
