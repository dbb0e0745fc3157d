#include "proto/flow/sflow.h"

#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/packet_header.h"
#include "proto/flow/repeat.h"
#include "proto/flow/sample_source.h"

#define VERSION 5
#define HEADER_REST 16 /* octets behind the agent's address */
#define VLAN_MAX 4095
#define INTERNAL 0x3fffffffu /* "interface" of what the agent itself sends and receives */
#define BOOT_SLACK_MS 60000  /* no datagram is under way for longer */
#define BOOT_FOLLOW_MS 900   /* less than a restart is known by */

struct sampled { /* what a sample's records say; addresses, ports and so on stand in the flow */
	bool has_header, has_fields;
	uint16_t vlan, vlan_inner; /* of the packet's own header */
	uint32_t mpls;
};

static uint32_t word(struct bytes *in)
{
	return (uint32_t)bytes_uint(in, 4);
}

/* False: of a kind that is not known; then there is no telling how long it is. */
static bool read_address(struct bytes *in, struct addr *ret)
{
	uint32_t type = word(in);
	uint8_t octets[4];

	*ret = (struct addr){{0}};
	if (type == 1) {
		bytes_copy(in, octets, sizeof(octets));
		*ret = addr_from_v4(octets);
	} else if (type == 2) {
		bytes_copy(in, ret->octets, sizeof(ret->octets));
	}
	return type <= 2 && !in->is_short;
}

/* --- records of a sample --- */

/* What is copied is the flow's; a second header of one sample, of another layer, is not taken. */
static void read_header(struct bytes *in, struct flow *f, struct sampled *s)
{
	struct packet_header header;
	uint32_t layer = word(in), frame_len = word(in), len;
	bool is_ip;

	word(in); /* octets stripped from its end */
	len = word(in);
	if (s->has_header || in->is_short)
		return;
	in->end = in->at + MIN(len, bytes_left(in));
	is_ip = packet_header_read(layer, *in, &header);
	s->vlan = header.vlan;
	s->vlan_inner = header.vlan_inner;
	s->mpls = header.mpls;
	if (!is_ip)
		return;
	s->has_header = true;
	f->src = header.src;
	f->dst = header.dst;
	f->src_port = header.src_port;
	f->dst_port = header.dst_port;
	f->proto = header.proto;
	f->tcp_flags = header.tcp_flags;
	f->tos = header.tos;
	f->octets = frame_len;
}

/* Where the agent has taken the packet apart itself: all but its addresses. */
static void read_fields(struct bytes *in, struct flow *f, struct sampled *s, const struct flow *was)
{
	f->src_port = (uint16_t)word(in);
	f->dst_port = (uint16_t)word(in);
	f->tcp_flags = (uint8_t)word(in);
	f->tos = (uint8_t)word(in);
	if (in->is_short)
		*f = *was;
	s->has_fields |= !in->is_short;
}

static void read_ipv4(struct bytes *in, struct flow *f, struct sampled *s)
{
	const struct flow was = *f;
	uint8_t src[4], dst[4];

	if (s->has_header)
		return;
	f->octets = word(in);
	f->proto = (uint8_t)word(in);
	bytes_copy(in, src, sizeof(src));
	bytes_copy(in, dst, sizeof(dst));
	f->src = addr_from_v4(src);
	f->dst = addr_from_v4(dst);
	read_fields(in, f, s, &was);
}

static void read_ipv6(struct bytes *in, struct flow *f, struct sampled *s)
{
	const struct flow was = *f;

	if (s->has_header)
		return;
	f->octets = word(in);
	f->proto = (uint8_t)word(in);
	bytes_copy(in, f->src.octets, sizeof(f->src.octets));
	bytes_copy(in, f->dst.octets, sizeof(f->dst.octets));
	read_fields(in, f, s, &was);
}

/* Of a VLAN that is not known agents say all ones. */
static uint16_t vlan_of(uint32_t value)
{
	return value < VLAN_MAX ? (uint16_t)value : 0;
}

static void read_switch(struct bytes *in, struct flow *f, struct sampled *s)
{
	(void)s;
	f->vlan_in = vlan_of(word(in));
	word(in); /* priority */
	f->vlan_out = vlan_of(word(in));
}

/* The stack that the packet came with: RFC 3032's entries, the top one first. */
static void read_mpls(struct bytes *in, struct flow *f, struct sampled *s)
{
	struct addr hop;

	(void)s;
	if (read_address(in, &hop) && word(in) > 0)
		f->mpls = word(in) >> 12;
}

static void read_nat(struct bytes *in, struct flow *f, struct sampled *s)
{
	struct addr src, dst;

	(void)s;
	if (!read_address(in, &src) || !read_address(in, &dst))
		return;
	f->nat_src = src;
	f->nat_dst = dst;
}

static void read_nat_ports(struct bytes *in, struct flow *f, struct sampled *s)
{
	(void)s;
	f->nat_src_port = (uint16_t)word(in);
	f->nat_dst_port = (uint16_t)word(in);
}

static const struct {
	uint32_t type; /* enterprise << 12 | format; what else there is is passed over */
	void (*read)(struct bytes *in, struct flow *f, struct sampled *s);
} records[] = {
	{1, read_header},  {3, read_ipv4},   {4, read_ipv6},         {1001, read_switch},
	{1006, read_mpls}, {1007, read_nat}, {1020, read_nat_ports},
};

static void read_record(uint32_t type, struct bytes in, struct flow *f, struct sampled *s)
{
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		if (records[i].type == type) {
			records[i].read(&in, f, s);
			return;
		}
	}
}

/* False: one of them is longer than what is there. XDR fills up to a multiple of four. */
static bool read_records(struct bytes *in, uint32_t count, struct flow *f, struct sampled *s)
{
	while (count-- > 0 && bytes_left(in) > 0) {
		uint32_t type = word(in), len = word(in);
		struct bytes record = bytes_cut(in, len);

		if (in->is_short)
			return false;
		read_record(type, record, f, s);
		in->at += MIN(-len & 3, bytes_left(in));
	}
	return true;
}

/* --- samples --- */

struct work { /* on one datagram */
	struct flow_decoder *d;
	const struct flow_origin *origin;
	struct stream *stream;
	struct flow_batch *out;
	bool is_late;
};

/* Only an index names an interface; the others say why there is none, or how many there are. */
static uint32_t interface_of(uint32_t format, uint32_t value)
{
	return format == 0 && value != INTERNAL ? value : 0;
}

static uint32_t read_interface(struct bytes *in, bool is_expanded)
{
	uint32_t format, value;

	if (is_expanded) {
		format = word(in);
		value = word(in);
	} else {
		value = word(in);
		format = value >> 30;
		value &= INTERNAL;
	}
	return interface_of(format, value);
}

static struct source_sample read_source(struct bytes *in, bool is_expanded)
{
	struct source_sample sample = {.sequence = word(in)};

	sample.type = word(in);
	if (is_expanded) {
		sample.index = word(in);
	} else {
		sample.index = sample.type & 0xffffff;
		sample.type >>= 24;
	}
	return sample;
}

/* What the records told nothing of is as in the packet's own header. */
static void complete(struct flow *f, const struct sampled *s)
{
	static const struct addr none;

	if (f->vlan_in == 0)
		f->vlan_in = s->vlan;
	f->vlan_inner = s->vlan_inner;
	if (f->mpls == 0)
		f->mpls = s->mpls;
	if (addr_equal(&f->nat_src, &none))
		f->nat_src_port = 0;
	if (addr_equal(&f->nat_dst, &none))
		f->nat_dst_port = 0;
}

static enum drop read_sample(struct work *w, struct bytes in, bool is_expanded)
{
	struct source_sample source = read_source(&in, is_expanded);
	struct sampled s = {.has_header = false};
	struct flow *f = flow_batch_room(w->out, 1);
	uint32_t rate = word(&in), count;
	bool fits;

	word(&in); /* packets that could have been sampled */
	source.drops = word(&in);
	source.is_late = w->is_late;
	if (in.is_short)
		return DROP_SET;
	source_account(w->d->sources, w->stream, &source);
	if (f == NULL)
		return DROP_MEMORY;
	*f = (struct flow){
		.exporter = w->origin->from.addr,
		.start_ms = w->origin->received_ms,
		.end_ms = w->origin->received_ms,
		.received_ms = w->origin->received_ms,
		.packets = 1,
		.domain = w->stream->key.domain,
		.sampling = MAX(rate, 1),
		.version = FLOW_SFLOW,
	};
	f->in_if = read_interface(&in, is_expanded);
	f->out_if = read_interface(&in, is_expanded);
	count = word(&in);
	fits = read_records(&in, count, f, &s) && !in.is_short;
	if (s.has_header || s.has_fields) {
		complete(f, &s);
		w->out->count++;
	} else if (fits) {
		w->d->counters.skipped++;
	}
	return fits ? DROP_NONE : DROP_SET;
}

enum { FLOW_SAMPLE = 1, FLOW_SAMPLE_EXPANDED = 3 };

/* Moves behind them. */
static void read_samples(struct work *w, struct bytes *in, uint32_t count)
{
	enum drop drop = DROP_NONE;

	while (count-- > 0 && bytes_left(in) > 0) {
		uint32_t type = word(in), len = word(in);
		struct bytes sample = bytes_cut(in, len);

		if (in->is_short) {
			w->d->counters.dropped[DROP_SET]++;
			return;
		}
		in->at += MIN(-len & 3, bytes_left(in)); /* as XDR fills up */
		if (type != FLOW_SAMPLE && type != FLOW_SAMPLE_EXPANDED) {
			w->d->counters.skipped++;
			if (w->d->samples != NULL)
				w->d->samples(w->d->options_ctx, w->origin, w->stream, type,
				              sample);
			continue;
		}
		drop = read_sample(w, sample, type == FLOW_SAMPLE_EXPANDED);
		if (drop != DROP_NONE)
			w->d->counters.dropped[drop]++;
	}
}

/* Does another datagram begin behind the samples? No sample of a type of 5 is as short. */
static bool is_glued(struct bytes rest)
{
	struct addr agent;

	return word(&rest) == VERSION && read_address(&rest, &agent) &&
	       bytes_left(&rest) >= HEADER_REST;
}

/*
 * When the agent started, by its uptime and our clock. What lies within a datagram's time under way
 * is the same start, however often the uptime has wrapped; it follows slowly, as clocks drift.
 */
static int64_t boot_of(const struct stream *s, int64_t received_ms, uint32_t uptime_ms)
{
	int64_t boot_ms = received_ms - uptime_ms;
	int32_t moved = (int32_t)(uint32_t)(boot_ms - s->run.boot_ms);

	if (s->datagrams == 0 || moved > BOOT_SLACK_MS || moved < -BOOT_SLACK_MS)
		return boot_ms;
	return s->run.boot_ms + MAX(MIN(moved, BOOT_FOLLOW_MS), -BOOT_FOLLOW_MS);
}

enum drop sflow_decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *data,
                       struct flow_batch *out)
{
	struct stream_key key = {
		.from = origin->from, .session = origin->session, .version = FLOW_SFLOW};
	struct work w = {.d = d, .origin = origin, .out = out};
	size_t before = out->count;
	struct bytes in = *data, whole = *data;
	uint32_t sequence, uptime_ms, count;
	struct habit_message m;

	data->at = data->end;
	word(&in); /* the version brought us here */
	if (!read_address(&in, &key.agent))
		return in.is_short ? DROP_SHORT : DROP_VERSION;
	key.domain = word(&in);
	sequence = word(&in);
	uptime_ms = word(&in);
	count = word(&in);
	if (in.is_short)
		return DROP_SHORT;
	w.stream = flow_stream_of(d, origin, &key);
	if (repeat_check(w.stream, whole, habit_is_next(w.stream, sequence)))
		return DROP_DUPLICATE;
	m = (struct habit_message){.sequence = sequence,
	                           .is_whole = true,
	                           .boot_ms = boot_of(w.stream, origin->received_ms, uptime_ms)};
	w.is_late = habit_account(w.stream, &m) == SEQUENCE_LATE;
	w.stream->export_ms = MAX(w.stream->export_ms, origin->received_ms);
	read_samples(&w, &in, count);
	if (!in.is_short && is_glued(in))
		data->at = in.at;
	flow_came(d, w.stream, out, before);
	return DROP_NONE;
}
