#include "tools/line.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <string.h>

#define MINUTE_MS 60000
#define MINUTE_LEN 17 /* of "2026-11-22T01:05:" */
#define YEAR_10000_MS INT64_C(253402300800000)

/*
 * At most 34 members: names, quotes and commas take under 470 octets, five addresses at most 45
 * each, three times 24, two counters 20, six numbers 10, nine ports and tags 5, six small
 * numbers 3.
 */

static char *put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

static char *put_number(char *at, uint64_t value)
{
	char digits[20];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return put(at, digits + first, sizeof(digits) - first);
}

static char *put_octet(char *at, uint8_t value)
{
	if (value >= 100)
		*at++ = (char)('0' + value / 100);
	if (value >= 10)
		*at++ = (char)('0' + value / 10 % 10);
	*at++ = (char)('0' + value % 10);
	return at;
}

static char *put_addr(char *at, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_v4(a)) {
		addr_print(a, text);
		return put(at, text, strlen(text));
	}
	for (size_t i = 12; i < 16; i++) {
		if (i > 12)
			*at++ = '.';
		at = put_octet(at, a->octets[i]);
	}
	return at;
}

/* Everything of a time before its seconds. */
static const char *minute_of(int64_t ms, struct line_clock *clock)
{
	int64_t number = ms / MINUTE_MS;
	size_t slot = (size_t)number % LINE_MINUTES;
	char text[TIMESTAMP_TEXT_MAX];

	if (clock->minutes[slot].number != number) {
		clock->minutes[slot].number = number;
		memcpy(clock->minutes[slot].text, timestamp_print(ms, text), MINUTE_LEN);
	}
	return clock->minutes[slot].text;
}

static char *put_time(char *at, int64_t ms, struct line_clock *clock)
{
	char text[TIMESTAMP_TEXT_MAX];
	unsigned rest;

	if (ms < MINUTE_MS || ms >= YEAR_10000_MS) {
		timestamp_print(ms, text);
		return put(at, text, strlen(text));
	}
	at = put(at, minute_of(ms, clock), MINUTE_LEN);
	rest = (unsigned)(ms % MINUTE_MS);
	*at++ = (char)('0' + rest / 10000);
	*at++ = (char)('0' + rest / 1000 % 10);
	*at++ = '.';
	*at++ = (char)('0' + rest / 100 % 10);
	*at++ = (char)('0' + rest / 10 % 10);
	*at++ = (char)('0' + rest % 10);
	return PUT(at, "Z");
}

static char *put_exporter(char *at, const struct addr *a)
{
	static const struct addr unknown;

	if (addr_equal(a, &unknown))
		return PUT(at, "null");
	return PUT(put_addr(PUT(at, "\""), a), "\"");
}

static char *put_end(char *at, const struct addr *a, uint16_t port, const char *side)
{
	static const struct addr none;

	if (addr_equal(a, &none))
		return at;
	at = PUT(put(PUT(at, ",\"nat_"), side, 3), "\":\"");
	at = put_addr(at, a);
	at = PUT(put(PUT(at, "\",\"nat_"), side, 3), "_port\":");
	return put_number(at, port);
}

/* What only some flows have. */
static char *put_extras(char *at, const struct flow *flow)
{
	at = put_end(at, &flow->nat_src, flow->nat_src_port, "src");
	at = put_end(at, &flow->nat_dst, flow->nat_dst_port, "dst");
	if (flow->vlan_in != 0)
		at = put_number(PUT(at, ",\"vlan_in\":"), flow->vlan_in);
	if (flow->vlan_out != 0)
		at = put_number(PUT(at, ",\"vlan_out\":"), flow->vlan_out);
	if (flow->vlan_inner != 0)
		at = put_number(PUT(at, ",\"vlan_inner\":"), flow->vlan_inner);
	if (flow->mpls != 0)
		at = put_number(PUT(at, ",\"mpls\":"), flow->mpls);
	if (flow->version == FLOW_SFLOW)
		at = PUT(at, ",\"format\":\"sflow\"");
	return flow_is_sampled(flow) ? PUT(at, ",\"sampled\":true") : at;
}

/* What was done, by IANA's numbers, and to which ports. */
static char *put_said(char *at, const struct flow_said *said)
{
	if (said->nat_event != 0)
		at = put_number(PUT(at, ",\"nat_event\":"), said->nat_event);
	if (said->firewall_event != 0)
		at = put_number(PUT(at, ",\"firewall_event\":"), said->firewall_event);
	if (!said->is_block)
		return at;
	at = put_number(PUT(at, ",\"nat_port_first\":"), said->port_first);
	return put_number(PUT(at, ",\"nat_port_last\":"), said->port_last);
}

size_t line_of(const struct flow *flow, const struct flow_said *said, struct line_clock *clock,
               char room[LINE_MAX_LEN])
{
	char *at = room;

	at = put_addr(PUT(at, "{\"src\":\""), &flow->src);
	at = put_addr(PUT(at, "\",\"dst\":\""), &flow->dst);
	at = put_number(PUT(at, "\",\"src_port\":"), flow->src_port);
	at = put_number(PUT(at, ",\"dst_port\":"), flow->dst_port);
	at = put_number(PUT(at, ",\"proto\":"), flow->proto);
	at = put_time(PUT(at, ",\"start\":\""), flow->start_ms, clock);
	at = put_time(PUT(at, "\",\"end\":\""), flow->end_ms, clock);
	at = put_number(PUT(at, "\",\"bytes\":"), flow->octets);
	at = put_number(PUT(at, ",\"packets\":"), flow->packets);
	at = put_number(PUT(at, ",\"tcp_flags\":"), flow->tcp_flags);
	at = put_number(PUT(at, ",\"tos\":"), flow->tos);
	at = put_number(PUT(at, ",\"in_if\":"), flow->in_if);
	at = put_number(PUT(at, ",\"out_if\":"), flow->out_if);
	at = put_exporter(PUT(at, ",\"exporter\":"), &flow->exporter);
	at = put_number(PUT(at, ",\"domain\":"), flow->domain);
	at = put_number(PUT(at, ",\"version\":"), flow_version(flow));
	at = put_number(PUT(at, ",\"sampling\":"), flow->sampling);
	at = put_time(PUT(at, ",\"received\":\""), flow->received_ms, clock);
	at = put_extras(PUT(at, "\""), flow);
	at = said == NULL ? at : put_said(at, said);
	at = PUT(at, "}");
	return (size_t)(at - room);
}
