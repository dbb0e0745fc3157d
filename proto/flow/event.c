#include "proto/flow/event.h"

#include "base/util.h"

#define FUTURE_MS 60000
#define PORTS_ALL 65535

/* RFC 8158, section 5.5 (natEvent): what else it lists is neither made nor given up. */
static const uint8_t nat_events[] = {
	[1] = TRANSLATION_CREATE,    [2] = TRANSLATION_DELETE,   [4] = TRANSLATION_CREATE,
	[5] = TRANSLATION_DELETE,    [6] = TRANSLATION_CREATE,   [7] = TRANSLATION_DELETE,
	[8] = TRANSLATION_CREATE,    [9] = TRANSLATION_DELETE,   [10] = TRANSLATION_CREATE,
	[11] = TRANSLATION_DELETE,   [14] = TRANSLATION_CREATE,  [15] = TRANSLATION_DELETE,
	[16] = TRANSLATION_ALLOCATE, [17] = TRANSLATION_RELEASE,
};

/* IANA, firewallEvent: created, deleted. */
static const uint8_t firewall_events[] = {[1] = TRANSLATION_CREATE, [2] = TRANSLATION_DELETE};

static bool is_told(const struct addr *a)
{
	return !element_is_nowhere(a);
}

static bool has_block(const struct values *v)
{
	return v->block_first != 0 || v->block_last != 0 || v->block_count != 0;
}

/* Nokia says no event: of what begins the start is told, of what ends the end. */
static unsigned implied(const struct values *v)
{
	bool is_nokias = is_told(&v->inside) || has_block(v);

	if (!is_nokias || (v->has_start != 0) == (v->has_end != 0))
		return 0;
	return v->has_start != 0 ? TRANSLATION_CREATE : TRANSLATION_DELETE;
}

static unsigned event_of(const struct values *v)
{
	unsigned event = 0;

	if (v->nat_event < ARRAY_LEN(nat_events))
		event = nat_events[v->nat_event];
	if (event == 0 && v->nat_event == 0 && v->firewall_event < ARRAY_LEN(firewall_events))
		event = firewall_events[v->firewall_event];
	if (event == 0 && v->nat_event == 0 && v->firewall_event == 0)
		event = implied(v);
	return event;
}

bool event_block(const struct values *v, uint16_t *ret_first, uint16_t *ret_last)
{
	unsigned step = MAX(v->block_step, 1), first = v->block_first, last = v->block_last;

	if (!has_block(v))
		return false;
	if (last == 0 && v->block_count != 0)
		last = first + (v->block_count - 1u) * step;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)MAX(MIN(last, PORTS_ALL), first);
	return true;
}

/* The block's ports: of a whole address all, of a Nokia's session the one that is outside. */
static void set_block(struct translation *t, const struct values *v)
{
	if (!event_block(v, &t->first, &t->last)) {
		t->first = is_told(&v->inside) ? v->src_port : 0;
		t->last = is_told(&v->inside) ? v->src_port : PORTS_ALL;
	}
	t->event = translation_is_end(t) ? TRANSLATION_RELEASE : TRANSLATION_ALLOCATE;
	t->src.port = t->nat_src.port = 0;
}

/* Some fill in zeros, of either family, where they have nothing to tell. */
static struct endpoint end_of(const struct addr *addr, uint16_t port)
{
	return is_told(addr) ? (struct endpoint){*addr, port} : (struct endpoint){.port = 0};
}

/* Where no port is told behind the translation, it is what it was. */
static struct endpoint behind(const struct addr *addr, uint16_t port, uint16_t port_before)
{
	return end_of(addr, port != 0 ? port : port_before);
}

static int64_t time_of(const struct record_context *c, const struct values *v, bool is_end)
{
	const uint64_t *times = is_end ? v->end : v->start;
	uint8_t has = is_end ? v->has_end : v->has_start;
	uint64_t at_ms = v->has_event                     ? v->event_ms
	                 : (has & 1u << TIME_MILLI) != 0  ? times[TIME_MILLI]
	                 : (has & 1u << TIME_SECOND) != 0 ? times[TIME_SECOND]
	                                                  : 0;
	int64_t latest = MAX(c->export_ms, c->origin->received_ms) + FUTURE_MS;

	return at_ms == 0 || at_ms > (uint64_t)latest ? c->export_ms : (int64_t)at_ms;
}

/* When what ends here began: it is told in its own right, or as the flow's start. */
static int64_t since_of(const struct values *v, int64_t at_ms)
{
	uint64_t since = v->since_ms != 0                         ? v->since_ms
	                 : (v->has_start & 1u << TIME_MILLI) != 0 ? v->start[TIME_MILLI]
	                                                          : 0;

	return since > (uint64_t)at_ms ? 0 : (int64_t)since;
}

bool event_read(const struct record_context *c, const struct values *v, struct translation *ret)
{
	struct translation t = {
		.src = end_of(&v->src, v->src_port),
		.dst = end_of(&v->dst, v->dst_port),
		.exporter = c->origin->from.addr,
		.received_ms = c->origin->received_ms,
		.domain = c->stream->key.domain,
		.proto = v->proto,
		.event = (uint8_t)event_of(v),
	};

	bool is_whole; /* an address, with all its ports */

	if (t.event == 0)
		return false;
	t.nat_src = behind(&v->nat_src, v->nat_src_port, v->src_port);
	t.nat_dst = behind(&v->nat_dst, v->nat_dst_port, v->dst_port);
	if (is_told(&v->inside) && !is_told(&v->nat_src)) { /* whose source is behind already */
		t.nat_src = t.src;
		t.src = (struct endpoint){v->inside, 0};
	}
	t.at_ms = time_of(c, v, translation_is_end(&t));
	t.since_ms = translation_is_end(&t) ? since_of(v, t.at_ms) : 0;
	if ((!is_told(&t.src.addr) || !is_told(&t.nat_src.addr)) &&
	    (!is_told(&t.dst.addr) || !is_told(&t.nat_dst.addr)))
		return false;
	is_whole =
		is_told(&v->nat_src) && v->src_port == 0 && v->nat_src_port == 0 && v->proto == 0;
	if (translation_is_block(&t) || has_block(v) || is_told(&v->inside) || is_whole)
		set_block(&t, v);
	*ret = t;
	return true;
}
