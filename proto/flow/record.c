#include "proto/flow/record.h"

#include "base/util.h"
#include "proto/flow/packet_header.h"
#include "proto/flow/sampling.h"
#include "proto/flow/uptime.h"

#include <string.h>

#define CLAMP_MS 1000       /* what exporters' rounding comes to */
#define FUTURE_MS 60000     /* a record may end this much after its export, or after it came */
#define UNIT_FAR_MS 3600000 /* a flow lasts no longer until it is exported */
#define INIT_FAR_MS 3600000
#define NANOS 1000000000u
#define NANO_TENTHS 0x3ffu /* all of them */
#define NANO_TIMES 64
#define INIT_FAR_RECORDS 64
#define APART_MS 86400000 /* no end is told as long after it */
#define APART_RECORDS 16  /* in a row tell otherwise than was believed of their start */
#define VLAN_BITS 0xfff   /* beside it some send the priority */
#define LIST_HEADER 4     /* of each template's records: id, and octets with these */
#define LONG_LEN 255      /* RFC 7011, section 7: two octets of length follow */

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static uint64_t be64(const uint8_t *at)
{
	return (uint64_t)be32(at) << 32 | be32(at + 4);
}

static void read_fixed(const struct template *t, const uint8_t *record, struct values *ret)
{
	for (size_t i = 0; i < t->field_count; i++) {
		const struct template_field *field = &t->fields[i];
		const uint8_t *at = record + field->offset;
		uint8_t *to = (uint8_t *)ret + field->element->offset;

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
		case ELEMENT_8:
			memcpy(to, &(uint64_t){be64(at)}, 8);
			break;
		case ELEMENT_2_TO_4:
			memcpy(to, &(uint32_t){be16(at)}, 4);
			break;
		case ELEMENT_4_TO_8:
			memcpy(to, &(uint64_t){be32(at)}, 8);
			break;
		case ELEMENT_READ:
			field->element->read(ret, field->element, at, field->len);
		}
	}
}

/* Of both directions, the second's into what `ret->back` is. */
static void read_both(const struct template *t, const uint8_t *record, struct values *ret,
                      struct values *back)
{
	for (size_t i = 0; i < t->field_count; i++) {
		const struct template_field *field = &t->fields[i];

		field->element->read(field->is_back ? back : ret, field->element,
		                     record + field->offset, field->len);
	}
}

static enum err read_variable(const struct template *t, struct bytes *in, struct values *ret,
                              struct values *back)
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
			field->element->read(field->is_back ? back : ret, field->element, value.at,
			                     len);
	}
	return ERR_OK;
}

enum err record_read(const struct template *t, struct bytes *in, struct values *ret,
                     struct values *back)
{
	struct bytes record;

	memset(ret, 0, sizeof(*ret));
	if (t->has_back) {
		memset(back, 0, sizeof(*back));
		ret->back = back;
	}
	if (t->is_variable)
		return read_variable(t, in, ret, back);
	record = bytes_cut(in, t->min_len);
	if (record.is_short)
		return ERR_SHORT;
	if (t->has_back)
		read_both(t, record.at, ret, back);
	else
		read_fixed(t, record.at, ret);
	return ERR_OK;
}

/* Records of one template, in `in`. */
static void take_flags(const struct template *t, struct bytes in, struct values *v,
                       struct values *back)
{
	struct values inner, inner_back = {.tcp_flags = 0};

	while (bytes_left(&in) >= t->min_len &&
	       record_read(t, &in, &inner, &inner_back) == ERR_OK) {
		v->tcp_flags |= inner.tcp_flags;
		if (v->back != NULL)
			back->tcp_flags |= inner_back.tcp_flags;
	}
}

void record_lists(const struct record_context *c, struct values *v, struct values *back)
{
	struct bytes in = v->list;

	bytes_uint(&in, 1); /* how they go together */
	while (bytes_left(&in) >= LIST_HEADER) {
		const struct template *t =
			template_of(c->stream->templates, (uint16_t)bytes_uint(&in, 2));
		size_t len = (size_t)bytes_uint(&in, 2);
		struct bytes records =
			bytes_cut(&in, len < LIST_HEADER ? SIZE_MAX : len - LIST_HEADER);

		if (in.is_short)
			return;
		if (t != NULL && !t->is_options)
			take_flags(t, records, v, back);
	}
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

/*
 * VPP writes nanoseconds where NTP has a fraction of 2^32: of many, all over the second, none is as
 * much as 10^9. Once one is they are fractions.
 */
static void learn_nanos(struct stream_nanos *n, uint32_t low)
{
	n->is_fractions |= low >= NANOS;
	if (n->is_fractions)
		return;
	n->tenths |= (uint16_t)(1u << low / (NANOS / 10));
	n->count = (uint8_t)MIN(n->count + 1, NANO_TIMES);
}

static int64_t of_ntp(const struct stream_nanos *n, uint64_t value, uint32_t low)
{
	if (low < NANOS && !n->is_fractions && n->tenths == NANO_TENTHS && n->count == NANO_TIMES)
		value += low / (NANOS / 1000) - ((uint64_t)low * 1000 >> 32);
	return (int64_t)value;
}

static int64_t wall_of(const struct record_context *c, const struct values *v, enum time_kind kind,
                       uint64_t value, uint32_t low)
{
	if (value > INT64_MAX / 2)
		return INT64_MAX / 2;
	if (kind == TIME_UPTIME)
		return of_uptime(c, v, value);
	if (kind == TIME_BEFORE)
		return c->export_ms - (int64_t)(value / 1000);
	if (kind == TIME_NTP)
		return of_ntp(&c->stream->nanos, value, low);
	return (int64_t)value;
}

/* The first that it has and that can be told; TIME_KINDS: none. */
static enum time_kind kind_of(const struct record_context *c, const struct values *v, uint8_t has)
{
	bool has_zero = c->has_uptime || v->has_init || c->stream->init_ms != 0;
	unsigned kind = 0;

	if (!has_zero)
		has &= (uint8_t) ~(1u << TIME_UPTIME);
	while (kind < TIME_KINDS && (has >> kind & 1) == 0)
		kind++;
	return (enum time_kind)kind;
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

/*
 * FortiOS 5.2 counts its records' uptimes from another start than its header's, so that all seem to
 * end far ahead or days ago. As long as they do the header's is taken as not told.
 */
static void learn_apart(const struct record_context *c, const struct values *v)
{
	struct stream *s = c->stream;
	int32_t late = (int32_t)((uint32_t)v->end[TIME_UPTIME] - c->uptime);
	bool is_apart = (late > FUTURE_MS || late < -APART_MS) && !s->is_in_seconds;

	if (is_apart == s->is_apart && s->apart == 0)
		return;
	s->apart = is_apart == s->is_apart ? 0 : (uint8_t)(s->apart + 1);
	if (s->apart == APART_RECORDS) {
		s->is_apart = is_apart;
		s->apart = 0;
	}
}

/* A clock time stands for itself, whatever the header's; an uptime only by the header. */
static int64_t latest(const struct record_context *c, const struct values *v)
{
	bool is_by_header =
		((v->has_start | v->has_end) & ~(1u << TIME_UPTIME)) == 0 && !v->has_event;

	return is_by_header ? c->export_ms : MAX(c->export_ms, c->origin->received_ms);
}

static int64_t event_or(const struct values *v, int64_t otherwise_ms)
{
	return v->has_event ? (int64_t)MIN(v->event_ms, INT64_MAX / 2) : otherwise_ms;
}

/* The first packet as the later one: both are uptimes (uptime.h), or clocks that disagree. */
static bool put_in_order(const struct values *v, bool is_uptime, struct flow *f, uint64_t *clamped)
{
	bool is_clamped = true;
	uint32_t lasted = 0;

	if (is_uptime)
		lasted = uptime_lasted((uint32_t)v->start[TIME_UPTIME],
		                       (uint32_t)v->end[TIME_UPTIME], &is_clamped);
	else if (f->start_ms - f->end_ms > UPTIME_LATER_MS)
		return false; /* which of them is wrong? */
	f->start_ms = f->end_ms - lasted;
	*clamped += is_clamped;
	return f->start_ms >= 0;
}

/* By what are times of the stream's records told? */
static void note_kinds(struct stream *s, const struct values *v, enum time_kind first,
                       enum time_kind last)
{
	bool is_clocked = MIN(first, last) < TIME_BEFORE || (last == TIME_KINDS && v->has_event);

	s->is_clocked |= is_clocked;
	s->is_by_export |= !is_clocked && (last == TIME_KINDS || last == TIME_BEFORE);
}

/* When it started is then told by the least that lay between an end and its export. */
bool record_is_coarse(const struct stream *s)
{
	return s->is_by_export || (!s->is_clocked && !s->is_init_told && s->init_ms != 0);
}

static bool set_times(const struct record_context *c, const struct values *v, struct flow *f,
                      uint64_t *clamped)
{
	enum time_kind first, last;
	int64_t duration_ms = (int64_t)MIN(v->duration_ms, UINT32_MAX);

	learn_init(c, v);
	first = kind_of(c, v, v->has_start);
	last = kind_of(c, v, v->has_end);
	note_kinds(c->stream, v, first, last);
	if (last == TIME_NTP)
		learn_nanos(&c->stream->nanos, v->end_low);
	if (first != TIME_KINDS)
		f->start_ms = wall_of(c, v, first, v->start[first], v->start_low);
	if (last != TIME_KINDS)
		f->end_ms = wall_of(c, v, last, v->end[last], v->end_low);
	else if (first != TIME_KINDS && v->has_duration)
		f->end_ms = f->start_ms + duration_ms;
	else
		f->end_ms = event_or(v, c->export_ms);
	if (last == TIME_UPTIME && c->uptime != 0)
		learn_apart(c, v);
	if (first == TIME_KINDS)
		f->start_ms = last != TIME_KINDS ? f->end_ms - duration_ms : f->end_ms;
	if (f->end_ms < 0 || f->end_ms > latest(c, v) + FUTURE_MS || f->start_ms < 0)
		return false;
	return f->start_ms <= f->end_ms ||
	       put_in_order(v, first == TIME_UPTIME && last == TIME_UPTIME, f, clamped);
}

/* The other direction's, where it tells its own; else they are the first's, which `f` has. */
static void set_back_times(const struct record_context *c, const struct values *v, struct flow *f,
                           uint64_t *clamped)
{
	struct values own = *v->back;
	struct flow was = *f;

	if (own.has_start == 0 && own.has_end == 0) {
		f->start_ms += (int64_t)MIN(v->back_after_ms, UINT32_MAX);
		if (f->start_ms > f->end_ms)
			f->start_ms = f->end_ms;
		return;
	}
	own.has_init = v->has_init;
	own.init_ms = v->init_ms;
	if (kind_of(c, &own, own.has_end) == TIME_KINDS && !own.has_duration) {
		own.end[TIME_MILLI] = (uint64_t)was.end_ms;
		own.has_end = 1u << TIME_MILLI;
	}
	if (kind_of(c, &own, own.has_start) == TIME_KINDS && !own.has_duration) {
		own.start[TIME_MILLI] = (uint64_t)was.start_ms;
		own.has_start = 1u << TIME_MILLI;
	}
	if (!set_times(c, &own, f, clamped)) {
		f->start_ms = was.start_ms;
		f->end_ms = was.end_ms;
	}
}

/* --- flows --- */

/*
 * What the record counted of one direction: since its last report, from its initiator, in all, or
 * going out. Some fill in what they do not count with 0.
 */
static uint64_t forward(const uint64_t counts[])
{
	for (size_t i = 0; i < COUNT_FORWARD_KINDS; i++) {
		if (counts[i] != 0)
			return counts[i];
	}
	return 0;
}

static uint64_t backward(const uint64_t counts[], const uint64_t back_counts[])
{
	uint64_t count = back_counts != NULL ? forward(back_counts) : 0;

	return count != 0 ? count : counts[COUNT_RESPONDER];
}

static bool is_icmp(uint8_t proto)
{
	return proto == 1 || proto == 58;
}

/* ICMP's type and code stand in the destination port, and of neither end. */
static uint16_t icmp_of(const struct values *v)
{
	return v->icmp != 0 ? (uint16_t)v->icmp : v->dst_port;
}

static void turn(struct flow *f)
{
	const struct flow was = *f;

	f->src = was.dst;
	f->dst = was.src;
	f->nat_src = was.nat_dst;
	f->nat_dst = was.nat_src;
	f->in_if = was.out_if;
	f->out_if = was.in_if;
	f->vlan_in = was.vlan_out;
	f->vlan_out = was.vlan_in;
	if (is_icmp(f->proto))
		return;
	f->src_port = was.dst_port;
	f->dst_port = was.src_port;
	f->nat_src_port = was.nat_dst_port;
	f->nat_dst_port = was.nat_src_port;
}

/* What the record says of the other direction in its own right (RFC 5103). */
static void take_back(const struct record_context *c, const struct values *v, struct flow *f,
                      uint64_t *clamped)
{
	const struct values *back = v->back;

	f->tcp_flags = back->tcp_flags;
	f->tos = back->tos;
	if (back->in_if != 0 || back->out_if != 0) {
		f->in_if = back->in_if;
		f->out_if = back->out_if;
	}
	if (back->vlan_in != 0 || back->vlan_out != 0) {
		f->vlan_in = back->vlan_in & VLAN_BITS;
		f->vlan_out = back->vlan_out & VLAN_BITS;
	}
	if (back->has_icmp && is_icmp(f->proto))
		f->dst_port = (uint16_t)back->icmp;
	set_back_times(c, v, f, clamped);
}

/* The other direction's flow, out of the first; false: nothing came back. */
static bool read_back(const struct record_context *c, const struct values *v,
                      const struct flow *first, struct flow *ret, uint64_t *clamped)
{
	const struct values *back = v->back;
	uint64_t octets = backward(v->octets, back != NULL ? back->octets : NULL);
	uint64_t packets = backward(v->packets, back != NULL ? back->packets : NULL);

	if (octets == 0 && packets == 0)
		return false;
	*ret = *first;
	turn(ret);
	ret->octets = octets;
	ret->packets = packets;
	ret->tcp_flags = ret->tos = 0;
	if (back != NULL)
		take_back(c, v, ret, clamped);
	return true;
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
	v->icmp = 0; /* it stands in the port */
	v->vlan_in = v->vlan_in != 0 ? v->vlan_in : h.vlan;
	v->vlan_inner = v->vlan_inner != 0 ? v->vlan_inner : h.vlan_inner;
	v->mpls = v->mpls != 0 ? v->mpls : h.mpls;
	if (forward(v->packets) == 0)
		v->packets[COUNT_DELTA] = 1;
	if (forward(v->octets) == 0)
		v->octets[COUNT_DELTA] = v->frame_len != 0 ? v->frame_len : h.octets;
}

/* Not filled in it is all zeros, and its port says nothing either. */
static struct endpoint translated(const struct addr *addr, uint16_t port)
{
	return element_is_nowhere(addr) ? (struct endpoint){.port = 0}
	                                : (struct endpoint){*addr, port};
}

static bool has_ends(const struct values *v)
{
	return v->has_src && v->has_dst &&
	       !(element_is_nowhere(&v->src) && element_is_nowhere(&v->dst));
}

/* For people: an end that is not told is nobody, in the other's family. */
static void name_nobody(struct values *v)
{
	struct addr nobody = addr_from_v4((const uint8_t[4]){0});

	if ((v->has_src && !addr_is_v4(&v->src)) || (v->has_dst && !addr_is_v4(&v->dst)))
		nobody = (struct addr){{0}};
	if (!v->has_src)
		v->src = nobody;
	if (!v->has_dst)
		v->dst = nobody;
}

enum drop record_flows(const struct record_context *c, struct values *v, struct flow ret[2],
                       size_t *ret_count, struct flow_decoder *d)
{
	struct flow_counters *counters = &d->counters;
	struct endpoint nat_src, nat_dst;
	struct flow *f = &ret[0];

	*ret_count = 0;
	take_packet(v);
	if (!has_ends(v)) {
		if (!d->is_verbatim)
			return DROP_ENDS;
		name_nobody(v);
	}
	nat_src = translated(&v->nat_src, v->nat_src_port);
	nat_dst = translated(&v->nat_dst, v->nat_dst_port);
	*f = (struct flow){
		.src = v->src,
		.dst = v->dst,
		.exporter = c->origin->from.addr,
		.nat_src = nat_src.addr,
		.nat_dst = nat_dst.addr,
		.received_ms = c->origin->received_ms,
		.octets = forward(v->octets),
		.packets = forward(v->packets),
		.in_if = v->in_if,
		.out_if = v->out_if,
		.domain = c->stream->key.domain,
		.sampling = sampling_of(d->samplers, c->stream, v, &counters->unknown_samplers),
		.mpls = v->mpls,
		.nat_src_port = nat_src.port,
		.nat_dst_port = nat_dst.port,
		.vlan_in = v->vlan_in & VLAN_BITS,
		.vlan_out = v->vlan_out & VLAN_BITS,
		.vlan_inner = v->vlan_inner & VLAN_BITS,
		.src_port = v->src_port,
		.dst_port = is_icmp(v->proto) ? icmp_of(v) : v->dst_port,
		.proto = v->proto,
		.tcp_flags = v->tcp_flags,
		.tos = v->tos,
		.version = (uint8_t)c->stream->key.version,
	};
	if (!set_times(c, v, f, &counters->clamped)) {
		if (!d->is_verbatim)
			return DROP_RECORD_TIME;
		flow_as_told(f, c->export_ms);
	}
	*ret_count = 1u + read_back(c, v, f, &ret[1], &counters->clamped);
	return DROP_NONE;
}

/* --- options --- */

void record_options(const struct record_context *c, const struct values *v, struct flow_decoder *d)
{
	struct stream *s = c->stream;

	if (v->has_init) {
		s->is_options_new |= !s->is_init_told || s->init_ms != (int64_t)v->init_ms;
		s->init_ms = (int64_t)MIN(v->init_ms, INT64_MAX / 4);
		s->is_init_told = true;
	}
	sampling_learn(d->samplers, s, v);
}
