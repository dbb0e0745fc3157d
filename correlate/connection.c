/*
 * Who opened a connection. A flow record does not say; both directions often carry equal times.
 * The first rule that applies decides:
 *
 *	1. exactly one port is below 1024: that side is the server
 *	2. the first records of the two directions start at different times: the earlier sent first,
 *	   and is the client
 *	3. the ports differ: the lower one is the server
 *	4. only one direction was seen: its sender is the client
 *	5. `low` is the client
 *
 * One direction alone never comes under rule 2: of a server's answers, seen without the questions,
 * the port says more than that they were sent. Rule 2 looks at what was given: where the window of
 * a query cuts off the first records, the first of the window count.
 */
#include "correlate/connection.h"

#include "base/util.h"
#include "correlate/fingerprint.h"

#include <stdlib.h>

#define PORTS_RESERVED 1024 /* below: given to servers (RFC 6335) */
#define PROTO_ICMP 1
#define PROTO_ICMPV6 58

static int endpoint_cmp(const struct endpoint *a, const struct endpoint *b)
{
	int cmp = addr_cmp(&a->addr, &b->addr);

	return cmp != 0 ? cmp : (a->port > b->port) - (a->port < b->port);
}

int view_cmp(const struct view *a, const struct view *b)
{
	int cmp = addr_cmp(&a->exporter, &b->exporter);

	if (cmp == 0)
		cmp = (a->if_low > b->if_low) - (a->if_low < b->if_low);
	if (cmp == 0)
		cmp = (a->if_high > b->if_high) - (a->if_high < b->if_high);
	return cmp;
}

struct sighting sighting_of(const struct flow *flow)
{
	/* NetFlow puts type and code of ICMP into a port; the two directions would not meet. */
	bool has_ports = flow->proto != PROTO_ICMP && flow->proto != PROTO_ICMPV6;
	struct endpoint src = {flow->src, has_ports ? flow->src_port : 0};
	struct endpoint dst = {flow->dst, has_ports ? flow->dst_port : 0};
	bool is_upward = endpoint_cmp(&src, &dst) <= 0;

	return (struct sighting){
		.view = {.exporter = flow->exporter,
	                 .if_low = MIN(flow->in_if, flow->out_if),
	                 .if_high = MAX(flow->in_if, flow->out_if)},
		.low = is_upward ? src : dst,
		.high = is_upward ? dst : src,
		.on = {flow->start_ms, flow->end_ms},
		.octets = flow->octets,
		.packets = flow->packets,
		.proto = flow->proto,
		.tcp_flags = flow->tcp_flags,
		.is_upward = is_upward,
		.is_sampled = flow_is_sampled(flow),
	};
}

/* 0 for two records of one connection. */
static int connection_cmp(const struct sighting *a, const struct sighting *b)
{
	int cmp = view_cmp(&a->view, &b->view);

	if (cmp == 0)
		cmp = endpoint_cmp(&a->low, &b->low);
	if (cmp == 0)
		cmp = endpoint_cmp(&a->high, &b->high);
	return cmp != 0 ? cmp : (int)a->proto - (int)b->proto;
}

static int sighting_cmp(const void *left, const void *right)
{
	const struct sighting *a = left, *b = right;
	int cmp = connection_cmp(a, b);

	return cmp != 0 ? cmp
	                : (a->on.start_ms > b->on.start_ms) - (a->on.start_ms < b->on.start_ms);
}

/* The first record of one direction, or NULL. */
static const struct sighting *first_sent(const struct sighting *rows, size_t count, bool is_upward)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].is_upward == is_upward)
			return &rows[i];
	}
	return NULL;
}

/* Did `low` open it? The rules at the head of this file. */
static bool is_opened_by_low(const struct sighting *rows, size_t count)
{
	const struct sighting *up = first_sent(rows, count, true);
	const struct sighting *down = first_sent(rows, count, false);
	uint16_t low = rows[0].low.port, high = rows[0].high.port;

	if ((low < PORTS_RESERVED) != (high < PORTS_RESERVED))
		return low > high;
	if (up != NULL && down != NULL && up->on.start_ms != down->on.start_ms)
		return up->on.start_ms < down->on.start_ms;
	if (low != high)
		return low > high;
	return up != NULL;
}

/* All records of one connection, by start, into one value; `room` holds its intervals. */
static struct connection join(const struct sighting *rows, size_t count, int64_t gap_ms,
                              struct interval *room)
{
	bool is_by_low = is_opened_by_low(rows, count);
	struct connection c = {
		.view = rows[0].view,
		.src = is_by_low ? rows[0].low : rows[0].high,
		.dst = is_by_low ? rows[0].high : rows[0].low,
		.proto = rows[0].proto,
		.records = (uint32_t)count,
		.low_ms = rows[0].low_ms,
		.high_ms = rows[0].high_ms,
		.rows = rows,
		.gap_ms = gap_ms,
		.on = room,
	};

	for (size_t i = 0; i < count; i++) {
		room[i] = rows[i].on;
		c.octets += rows[i].octets;
		c.packets += rows[i].packets;
		c.tcp_flags |= rows[i].tcp_flags;
		c.low_ms = MIN(c.low_ms, rows[i].low_ms);
		c.high_ms = MAX(c.high_ms, rows[i].high_ms);
	}
	c.on_count = fingerprint_close(room, count, gap_ms);
	return c;
}

struct interval connection_life(const struct connection *c)
{
	return (struct interval){c->on[0].start_ms, c->on[c->on_count - 1].end_ms};
}

int64_t connection_late_ms(const struct connection *c)
{
	return (c->low_ms + c->high_ms) / 2;
}

struct interval connection_life_by_middle(const struct connection *c)
{
	int64_t late_ms = connection_late_ms(c);

	return interval_moved(connection_life(c), -late_ms, -late_ms);
}

bool connection_is_open(const struct connection *c)
{
	return (c->tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_RST)) == 0;
}

void connection_each(struct sighting *rows, size_t count, int64_t gap_ms, struct interval *room,
                     connection_fn *fn, void *ctx)
{
	size_t next;

	if (count > 0)
		qsort(rows, count, sizeof(rows[0]), sighting_cmp);
	for (size_t at = 0; at < count; at = next) {
		struct connection c;

		for (next = at + 1; next < count; next++) {
			if (connection_cmp(&rows[at], &rows[next]) != 0)
				break;
		}
		c = join(rows + at, next - at, gap_ms, room);
		fn(ctx, &c);
	}
}
