#include "proto/flow/element.h"

#include "base/util.h"
#include "proto/flow/packet_header.h"

#include <string.h>

#define V4_LEN 4
#define CLOCK_MIN UINT64_C(31536000000)   /* 1971, in ms */
#define UPTIME_MAX UINT64_C(946684800000) /* 30 years in ms, and as a clock 2000 */
#define NTP_UNIX INT64_C(2208988800)      /* 1970 as seconds since 1900 */
#define UNIX_MAX UINT64_C(7258118400)     /* 2200, in s */
#define USEC_MIN UINT64_C(31536000000000)
#define NSEC_MAX (UINT64_C(4102444800) * 1000000000) /* 2100; since 1970 as NTP: 2000 */

enum { DURATION_MILLI, DURATION_MICRO };

/*
 * Of more than eight octets the low ones. A value is whole: there is nothing to check. Where it
 * lies comes in registers; as a struct it went by way of the stack, in each field of each record.
 */
static uint64_t number_of_any_width(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	while (len-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* The widths that most have, in one step. */
static inline uint64_t number(const uint8_t *at, size_t len)
{
	switch (len) {
	case 1:
		return at[0];
	case 2:
		return (uint64_t)at[0] << 8 | at[1];
	case 4:
		return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
	default:
		return number_of_any_width(at, len);
	}
}

/* Of an element that comes twice, the first that says something. */
static void read_plain(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = number(at, len);
	char *to = (char *)v + e->offset;
	uint64_t eight;
	uint32_t four;
	uint16_t two;

	switch (e->width) {
	case sizeof(uint8_t):
		if (*to == 0)
			*to = (char)value;
		return;
	case sizeof(two):
		memcpy(&two, to, sizeof(two));
		two = two == 0 ? (uint16_t)value : two;
		memcpy(to, &two, sizeof(two));
		return;
	case sizeof(eight):
		memcpy(&eight, to, sizeof(eight));
		eight = eight == 0 ? value : eight;
		memcpy(to, &eight, sizeof(eight));
		return;
	default:
		memcpy(&four, to, sizeof(four));
		four = four == 0 ? (uint32_t)MIN(value, UINT32_MAX) : four;
		memcpy(to, &four, sizeof(four));
	}
}

/* Flags may come two octets wide: the low one has those that are asked for. */
static void read_flags(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	v->tcp_flags |= (uint8_t)number(at, len);
}

/* Of two of the same side the first that says something. */
static void read_addr(struct addr *to, bool *has, const uint8_t *at, size_t len)
{
	struct addr read;

	if (len == V4_LEN && !*has) { /* as it mostly is */
		*to = addr_of_v4((uint32_t)number(at, len));
		*has = true;
		return;
	}
	if (len == V4_LEN)
		read = addr_of_v4((uint32_t)number(at, len));
	else if (len == sizeof(read))
		memcpy(&read, at, sizeof(read));
	else
		return;
	if (*has && (element_is_nowhere(&read) || !element_is_nowhere(to)))
		return;
	*has = true;
	*to = read;
}

static void read_src(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	read_addr(&v->src, &v->has_src, at, len);
}

static void read_dst(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	read_addr(&v->dst, &v->has_dst, at, len);
}

/*
 * NTP's 64 bits, in milliseconds since 1970. Some write microseconds or nanoseconds since 1970
 * instead, or count NTP's seconds from then (python-ipfix): what in NTP's terms is 1913, 1930 and
 * 2008 at most, so that the size of the number tells.
 */
static uint64_t ntp_ms(uint64_t ntp)
{
	int64_t seconds = (int64_t)(ntp >> 32) - NTP_UNIX;

	if (seconds < 0 && ntp >= NSEC_MAX)
		seconds += NTP_UNIX;
	if (seconds >= 0)
		return (uint64_t)seconds * 1000 + ((ntp & UINT32_MAX) * 1000 >> 32);
	if (ntp >= USEC_MIN && ntp < UNIX_MAX * 1000000)
		return ntp / 1000;
	return ntp >= USEC_MIN * 1000 ? ntp / 1000000 : 0;
}

/* What stands where NTP has a fraction; of times that have none, more than nanoseconds may be. */
static uint32_t ntp_low(const uint8_t *at, size_t len)
{
	uint64_t ntp = number(at, len);

	return len == sizeof(ntp) && ntp >= NSEC_MAX ? (uint32_t)ntp : UINT32_MAX;
}

/* Others write two numbers of 64 bits: seconds since 1970, and microseconds. */
static uint64_t seconds_and_usec_ms(const uint8_t *at)
{
	uint64_t seconds = number_of_any_width(at, sizeof(seconds));
	uint64_t usec = number_of_any_width(at + sizeof(seconds), sizeof(usec));

	return seconds < UNIX_MAX && usec < 1000000 ? seconds * 1000 + usec / 1000 : 0;
}

static uint64_t time_of(const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = number(at, len);

	if (e->kind == TIME_NTP && len == 2 * sizeof(value))
		return seconds_and_usec_ms(at);
	if (e->kind == TIME_UPTIME && value > UINT32_MAX && (value & UINT32_MAX) == 0)
		value >>= 32; /* four octets of it, filled up behind to eight */
	return e->kind == TIME_NTP ? ntp_ms(value) : e->kind == TIME_SECOND ? value * 1000 : value;
}

/*
 * A clock of before 1971 was not filled in (zeros), or with something else (ipt_NETFLOW's events);
 * uptime may begin with nothing.
 */
static bool is_told(const struct element *e, uint64_t value)
{
	return value >= CLOCK_MIN || e->kind == TIME_UPTIME || e->kind == TIME_BEFORE;
}

/* Nothing is up for thirty years: an uptime of as much, in eight octets, is the clock's. */
static unsigned kind_of(const struct element *e, uint64_t value)
{
	return e->kind == TIME_UPTIME && value >= UPTIME_MAX ? TIME_MILLI : e->kind;
}

static void read_start(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = time_of(e, at, len);
	unsigned kind = kind_of(e, value);

	if (!is_told(e, value) || (v->has_start & 1u << kind) != 0)
		return;
	v->start[kind] = value;
	if (kind == TIME_NTP)
		v->start_low = ntp_low(at, len);
	v->has_start |= (uint8_t)(1u << kind);
}

static void read_end(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = time_of(e, at, len);
	unsigned kind = kind_of(e, value);

	if (!is_told(e, value) || (v->has_end & 1u << kind) != 0)
		return;
	v->end[kind] = value;
	if (kind == TIME_NTP)
		v->end_low = ntp_low(at, len);
	v->has_end |= (uint8_t)(1u << kind);
}

static void read_event(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = time_of(e, at, len);

	if (!is_told(e, value))
		return;
	if (v->has_event) { /* of two the first is the event (JunOS) */
		v->since_ms = v->since_ms == 0 ? value : v->since_ms;
		return;
	}
	v->event_ms = value;
	v->has_event = true;
}

static void read_duration(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	v->duration_ms = number(at, len) / (e->kind == DURATION_MICRO ? 1000 : 1);
	v->has_duration = true;
}

static void read_back_after(struct values *v, const struct element *e, const uint8_t *at,
                            size_t len)
{
	(void)e;
	v->back_after_ms = number(at, len);
}

static void read_init(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	v->init_ms = MIN(number(at, len), INT64_MAX / 4);
	v->has_init = v->init_ms != 0;
}

static void read_sampler(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	v->sampler = (uint32_t)number(at, len);
	v->has_sampler = true;
}

static void read_interval(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	uint64_t value = number(at, len);

	(void)e;
	if (value == 0)
		return;
	v->interval = (uint32_t)MIN(value, UINT32_MAX);
	v->has_interval = true;
}

/* IEEE 754, of either width: one packet in 1/p. */
static void read_probability(struct values *v, const struct element *e, const uint8_t *at,
                             size_t len)
{
	uint64_t bits = number(at, len);
	double p = 0;

	(void)e;
	if (len == sizeof(float)) {
		uint32_t half = (uint32_t)bits;
		float narrow;

		memcpy(&narrow, &half, sizeof(narrow));
		p = (double)narrow;
	} else if (len == sizeof(double)) {
		memcpy(&p, &bits, sizeof(p));
	}
	if (!(p > 1.0 / UINT32_MAX && p <= 1))
		return;
	v->interval = (uint32_t)(1 / p + 0.5);
	v->has_interval = true;
}

/* Type and code, which flows have where others have the destination port. */
static void read_icmp(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	v->icmp |= (uint32_t)number(at, len) << e->kind & 0xffff;
	v->has_icmp = true;
}

static void read_nat_src(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	bool has = true;

	(void)e;
	read_addr(&v->nat_src, &has, at, len);
}

static void read_nat_dst(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	bool has = true;

	(void)e;
	read_addr(&v->nat_dst, &has, at, len);
}

/* "LSN-Host@10.0.0.1": whose address `src` is. */
static void read_subscriber(struct values *v, const struct element *e, const uint8_t *at,
                            size_t len)
{
	char text[ADDR_TEXT_MAX] = "";
	const uint8_t *end = at + len;

	(void)e;
	for (const uint8_t *c = at; c < end; c++)
		at = *c == '@' ? c + 1 : at;
	memcpy(text, at, MIN((size_t)(end - at), sizeof(text) - 1));
	if (addr_parse(text, &v->inside) != ERR_OK)
		v->inside = (struct addr){{0}};
}

/* 20 bits of label; in three octets, or with its time to live in four (RFC 3032). */
static void read_label(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	if (v->mpls == 0 && (len == 3 || len == 4))
		v->mpls = (uint32_t)(number(at, len) >> (len == 3 ? 4 : 12));
}

static void read_frame(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	if (bytes_left(&v->frame) > 0)
		return;
	v->frame = bytes_of(at, len);
	v->layer = e->kind;
}

static void read_list(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	if (bytes_left(&v->list) == 0)
		v->list = bytes_of(at, len);
}

static void read_flow_id(struct values *v, const struct element *e, const uint8_t *at, size_t len)
{
	(void)e;
	v->flow_id = number(at, len);
}

#define MAKERS_PLAIN(enterprise, id, field)                                 \
	{                                                                   \
		enterprise, id, read_plain, offsetof(struct values, field), \
			sizeof(((struct values *)0)->field), 0              \
	}
#define PLAIN(id, field) MAKERS_PLAIN(ELEMENT_IANA, id, field)
#define MAKERS(enterprise, id, read)          \
	{                                     \
		enterprise, id, read, 0, 0, 0 \
	}
#define ROW(id, read, kind)                        \
	{                                          \
		ELEMENT_IANA, id, read, 0, 0, kind \
	}

/* clang-format off */
static const struct element elements[] = { /* by enterprise, then id */
	PLAIN(1,   octets[COUNT_DELTA]),
	PLAIN(2,   packets[COUNT_DELTA]),
	PLAIN(4, proto),
	PLAIN(5, tos),
	ROW(6,   read_flags, 0),
	PLAIN(7, src_port),
	ROW(8,   read_src, 0),
	PLAIN(10, in_if),
	PLAIN(11, dst_port),
	ROW(12,  read_dst, 0),
	PLAIN(14, out_if),
	ROW(21,  read_end, TIME_UPTIME),
	ROW(22,  read_start, TIME_UPTIME),
	PLAIN(23,  octets[COUNT_POST]),
	PLAIN(24,  packets[COUNT_POST]),
	ROW(27,  read_src, 0),
	ROW(28,  read_dst, 0),
	ROW(32,  read_icmp, 0),
	ROW(34,  read_interval, 0),
	ROW(48,  read_sampler, 0),
	ROW(50,  read_interval, 0),
	PLAIN(58, vlan_in),
	PLAIN(59, vlan_out),
	ROW(70,  read_label, 0),
	PLAIN(85,  octets[COUNT_TOTAL]),
	PLAIN(86,  packets[COUNT_TOTAL]),
	ROW(104, read_frame, PACKET_ETHERNET), /* what 315 was before */
	ROW(139, read_icmp, 0),
	ROW(148, read_flow_id, 0),
	ROW(150, read_start, TIME_SECOND),
	ROW(151, read_end, TIME_SECOND),
	ROW(152, read_start, TIME_MILLI),
	ROW(153, read_end, TIME_MILLI),
	ROW(154, read_start, TIME_NTP),
	ROW(155, read_end, TIME_NTP),
	ROW(156, read_start, TIME_NTP),
	ROW(157, read_end, TIME_NTP),
	ROW(158, read_start, TIME_BEFORE),
	ROW(159, read_end, TIME_BEFORE),
	ROW(160, read_init, 0),
	ROW(161, read_duration, DURATION_MILLI),
	ROW(162, read_duration, DURATION_MICRO),
	PLAIN(171, octets[COUNT_POST]),
	PLAIN(172, packets[COUNT_POST]),
	ROW(176, read_icmp, 8),
	ROW(177, read_icmp, 0),
	ROW(178, read_icmp, 8),
	ROW(179, read_icmp, 0),
	PLAIN(180, src_port), /* of UDP, and of TCP */
	PLAIN(181, dst_port),
	PLAIN(182, src_port),
	PLAIN(183, dst_port),
	ROW(225, read_nat_src, 0),
	ROW(226, read_nat_dst, 0),
	PLAIN(227, nat_src_port),
	PLAIN(228, nat_dst_port),
	PLAIN(230, nat_event),
	PLAIN(231, octets[COUNT_INITIATOR]),
	PLAIN(232, octets[COUNT_RESPONDER]),
	PLAIN(233, firewall_event),
	PLAIN(243, vlan_in),
	PLAIN(245, vlan_inner),
	PLAIN(254, vlan_out),
	PLAIN(255, vlan_inner),
	ROW(258, read_event, TIME_MILLI),
	ROW(281, read_nat_src, 0),
	ROW(282, read_nat_dst, 0),
	ROW(293, read_list, 0),
	PLAIN(298, packets[COUNT_INITIATOR]),
	PLAIN(299, packets[COUNT_RESPONDER]),
	ROW(302, read_sampler, 0),
	ROW(305, read_interval, 0),
	PLAIN(306, space),
	PLAIN(309, sample_size),
	PLAIN(310, sample_population),
	ROW(311, read_probability, 0),
	PLAIN(312, frame_len),
	ROW(313, read_frame, PACKET_IP),
	ROW(315, read_frame, PACKET_ETHERNET),
	ROW(322, read_event, TIME_SECOND),
	ROW(323, read_event, TIME_MILLI),
	ROW(324, read_event, TIME_NTP),
	ROW(325, read_event, TIME_NTP),
	PLAIN(352, octets[COUNT_FRAME]),
	PLAIN(353, octets[COUNT_FRAME]),
	PLAIN(361, block_first),
	PLAIN(362, block_last),
	PLAIN(363, block_step),
	PLAIN(364, block_count),
	ROW(366, read_src, 0), /* of a wireless station */
	ROW(40001, read_nat_src, 0), /* as ASAs had them before they were IANA's */
	ROW(40002, read_nat_dst, 0),
	PLAIN(40003, nat_src_port),
	PLAIN(40004, nat_dst_port),
	PLAIN(40005, firewall_event),
	ROW(45004, read_src, 0), /* v9 has no enterprises: Cisco's, with the high bit */
	ROW(45005, read_dst, 0),
	ROW(45006, read_src, 0),
	ROW(45007, read_dst, 0),
	PLAIN(45008, src_port),
	PLAIN(45009, dst_port),
	MAKERS(ELEMENT_CISCO, 12236, read_src), /* the client and the server of a connection */
	MAKERS(ELEMENT_CISCO, 12237, read_dst),
	MAKERS(ELEMENT_CISCO, 12238, read_src),
	MAKERS(ELEMENT_CISCO, 12239, read_dst),
	MAKERS_PLAIN(ELEMENT_CISCO, 12240, src_port),
	MAKERS_PLAIN(ELEMENT_CISCO, 12241, dst_port),
	MAKERS(ELEMENT_NOKIA, 93, read_subscriber),
	MAKERS_PLAIN(ELEMENT_IXIA, 176, octets[COUNT_RESPONDER]),
	MAKERS_PLAIN(ELEMENT_IXIA, 177, packets[COUNT_RESPONDER]),
	MAKERS(ELEMENT_YAF, 14, read_flags), /* of the first packet, and of all others */
	MAKERS(ELEMENT_YAF, 15, read_flags),
	MAKERS(ELEMENT_YAF, 21, read_back_after),
};
/* clang-format on */

enum element_copy element_copy(const struct element *e, size_t len)
{
	static const struct {
		uint8_t len, width;
		enum element_copy copy;
	} copies[] = {{1, 1, ELEMENT_1}, {2, 2, ELEMENT_2},      {4, 4, ELEMENT_4},
	              {8, 8, ELEMENT_8}, {2, 4, ELEMENT_2_TO_4}, {4, 8, ELEMENT_4_TO_8}};

	for (size_t i = 0; e->read == read_plain && i < ARRAY_LEN(copies); i++) {
		if (copies[i].len == len && copies[i].width == e->width)
			return copies[i].copy;
	}
	return ELEMENT_READ;
}

const struct element *element_of(uint32_t enterprise, uint16_t id)
{
	size_t low = 0, high = ARRAY_LEN(elements);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct element *e = &elements[mid];

		if (e->enterprise == enterprise && e->id == id)
			return e;
		if (e->enterprise < enterprise || (e->enterprise == enterprise && e->id < id))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
