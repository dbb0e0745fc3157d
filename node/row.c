#include "node/row.h"

#include "base/timestamp.h"

#include <stdio.h>

void row_str(struct pack *p, const char *key, const char *value)
{
	pack_str(p, key);
	pack_str(p, value);
}

void row_uint(struct pack *p, const char *key, uint64_t value)
{
	pack_str(p, key);
	pack_uint(p, value);
}

void row_int(struct pack *p, const char *key, int64_t value)
{
	pack_str(p, key);
	pack_int(p, value);
}

void row_real(struct pack *p, const char *key, double value)
{
	pack_str(p, key);
	pack_real(p, value);
}

void row_bool(struct pack *p, const char *key, bool value)
{
	pack_str(p, key);
	pack_bool(p, value);
}

void row_nil(struct pack *p, const char *key)
{
	pack_str(p, key);
	pack_nil(p);
}

void row_time(struct pack *p, const char *key, int64_t ms)
{
	char text[TIMESTAMP_TEXT_MAX];

	row_str(p, key, timestamp_print(ms, text));
}

void row_addr(struct pack *p, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	row_str(p, key, addr_print(a, text));
}

void row_endpoint(struct pack *p, const char *key, const struct endpoint *e)
{
	char text[ENDPOINT_TEXT_MAX];

	row_str(p, key, endpoint_print(e, text));
}

void row_hex(struct pack *p, const char *key, const void *data, size_t len)
{
	const uint8_t *at = data;
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < len && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", at[i]);
	row_str(p, key, text);
}

void row_view(struct pack *p, const char *key, const struct view *v)
{
	char addr[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 24];

	addr_print(&v->exporter, addr);
	if (v->if_low == v->if_high)
		snprintf(text, sizeof(text), "%s/%u", addr, v->if_low);
	else
		snprintf(text, sizeof(text), "%s/%u-%u", addr, v->if_low, v->if_high);
	row_str(p, key, text);
}

void row_finding(struct pack *p, const struct finding *f)
{
	struct view view = {f->exporter, f->if_low, f->if_high};

	row_view(p, "view", &view);
	row_endpoint(p, "src", &f->src);
	row_endpoint(p, "dst", &f->dst);
	row_uint(p, "proto", f->proto);
	row_time(p, "start", f->life.start_ms);
	row_time(p, "end", f->life.end_ms);
	row_bool(p, "is_open", f->is_open);
	row_real(p, "score", f->score);
}

void row_dropped(struct pack *p, const uint64_t dropped[DROP_COUNT_OF])
{
	pack_str(p, "dropped");
	pack_map(p, DROP_COUNT_OF - 1);
	for (int drop = DROP_NONE + 1; drop < DROP_COUNT_OF; drop++)
		row_uint(p, drop_key((enum drop)drop), dropped[drop]);
}

static const struct addr none;

/* How many of row_extras() a flow has. */
static uint32_t extras_of(const struct flow *f)
{
	return 2u * !addr_equal(&f->nat_src, &none) + 2u * !addr_equal(&f->nat_dst, &none) +
	       (f->vlan_in != 0) + (f->vlan_out != 0) + (f->vlan_inner != 0) + (f->mpls != 0) +
	       (f->version == FLOW_SFLOW) + flow_is_sampled(f);
}

static void row_number(struct pack *p, const char *key, uint32_t value)
{
	if (value != 0)
		row_uint(p, key, value);
}

/* As tools/line.c writes them. */
static void row_extras(struct pack *p, const struct flow *f)
{
	if (!addr_equal(&f->nat_src, &none)) {
		row_addr(p, "nat_src", &f->nat_src);
		row_uint(p, "nat_src_port", f->nat_src_port);
	}
	if (!addr_equal(&f->nat_dst, &none)) {
		row_addr(p, "nat_dst", &f->nat_dst);
		row_uint(p, "nat_dst_port", f->nat_dst_port);
	}
	row_number(p, "vlan_in", f->vlan_in);
	row_number(p, "vlan_out", f->vlan_out);
	row_number(p, "vlan_inner", f->vlan_inner);
	row_number(p, "mpls", f->mpls);
	if (f->version == FLOW_SFLOW)
		row_str(p, "format", "sflow");
	if (flow_is_sampled(f))
		row_bool(p, "sampled", true);
}

void row_flow(struct pack *p, const struct flow *flow)
{
	pack_map(p, 18 + extras_of(flow));
	row_addr(p, "src", &flow->src);
	row_addr(p, "dst", &flow->dst);
	row_uint(p, "src_port", flow->src_port);
	row_uint(p, "dst_port", flow->dst_port);
	row_uint(p, "proto", flow->proto);
	row_time(p, "start", flow->start_ms);
	row_time(p, "end", flow->end_ms);
	row_uint(p, "bytes", flow->octets);
	row_uint(p, "packets", flow->packets);
	row_uint(p, "tcp_flags", flow->tcp_flags);
	row_uint(p, "tos", flow->tos);
	row_uint(p, "in_if", flow->in_if);
	row_uint(p, "out_if", flow->out_if);
	row_addr(p, "exporter", &flow->exporter);
	row_uint(p, "domain", flow->domain);
	row_uint(p, "version", flow_version(flow));
	row_uint(p, "sampling", flow->sampling);
	row_time(p, "received", flow->received_ms);
	row_extras(p, flow);
}

static double percent(uint64_t part, uint64_t all)
{
	return all == 0 ? 0 : 100 * (double)part / (double)all;
}

/* "10.0.0.0/24" where the group is all of a net. */
static void row_part(struct pack *p, const struct group_part *part, const struct addr *a,
                     uint64_t number)
{
	const char *key = field_rows[part->field].name;
	struct prefix net;
	char text[PREFIX_TEXT_MAX];

	if (!field_is_addr(part->field)) {
		if (part->field == FIELD_VERSION && number == FLOW_SFLOW)
			row_str(p, key, "sflow");
		else
			row_uint(p, key, number);
		return;
	}
	if (addr_equal(a, &none)) {
		row_nil(p, key); /* no translation, or an exporter that is not known */
		return;
	}
	net = (struct prefix){*a, addr_is_v4(a) ? (uint8_t)(96 + part->bits4) : part->bits6};
	if (net.bits == 128)
		row_addr(p, key, a);
	else
		row_str(p, key, prefix_print(&net, text));
}

void row_group(struct pack *p, const struct group_by *by, const struct group_table *t, size_t index)
{
	const struct group_sum *s = group_sum_at(t, index), *total = group_total(t);

	pack_map(p, by->count + 8 + (s->sampled > 0) + (s->missed > 0));
	for (size_t i = 0; i < by->count; i++) {
		struct addr addr = {{0}};
		uint64_t number = 0;

		group_part_at(t, index, i, &addr, &number);
		row_part(p, &by->parts[i], &addr, number);
	}
	row_uint(p, "flows", s->flows);
	row_uint(p, "packets", s->packets);
	row_uint(p, "bytes", s->octets);
	row_time(p, "start", s->start_ms);
	row_time(p, "end", s->end_ms);
	row_real(p, "flows_percent", percent(s->flows, total->flows));
	row_real(p, "packets_percent", percent(s->packets, total->packets));
	row_real(p, "bytes_percent", percent(s->octets, total->octets));
	if (s->sampled > 0)
		row_uint(p, "sampled", s->sampled);
	if (s->missed > 0)
		row_uint(p, "missed", s->missed);
}
