#include "tests/bench/traffic.h"

#include "base/bytes.h"
#include "base/util.h"

#include <math.h>
#include <string.h>

#define V5_FLOWS 30
#define V9_FLOWS 24
#define V9_TEMPLATE 300
#define BOOT_MS (TRAFFIC_T0 - INT64_C(86400000))

/* Of rank r as often as 1 / r^s: the sums, turned around into a table of 2^16 draws. */
static void zipf(uint32_t *table, uint32_t of, double s)
{
	double sum = 0, reached = 0;
	uint32_t rank = 0;

	for (uint32_t r = 1; r <= of; r++)
		sum += pow(r, -s);
	for (uint32_t i = 0; i < 1u << 16; i++) {
		while (rank + 1 < of && reached < (i + 0.5) / 65536 * sum)
			reached += pow(++rank, -s);
		table[i] = rank;
	}
}

/* The rare ones share a draw of the table: one of them at random. */
static uint32_t draw(struct prng *p, const uint32_t *table, uint32_t of)
{
	uint32_t i = (uint32_t)prng_below(p, 1u << 16);
	uint32_t low = table[i], high = i + 1 < 1u << 16 ? table[i + 1] : of - 1;

	return low + (uint32_t)prng_below(p, (uint64_t)high - low + 1);
}

void traffic_start(struct traffic *t, uint64_t seed, double flows_per_s)
{
	memset(t, 0, sizeof(*t));
	t->random.state = seed;
	t->flows_per_s = flows_per_s;
	zipf(t->hosts, TRAFFIC_HOSTS, 0.9);
	zipf(t->servers, TRAFFIC_SERVERS, 1.0);
}

static uint64_t heavy(struct prng *p, double least, double shape, double most)
{
	double value = least * pow(1 - prng_unit(p), -1 / shape);

	return (uint64_t)(value < most ? value : most);
}

static int64_t now_of(const struct traffic *t)
{
	return TRAFFIC_T0 + (int64_t)((double)t->made * 1000 / t->flows_per_s);
}

static void question(struct traffic *t, struct flow *f)
{
	static const uint16_t ports[16] = {443, 443, 443, 443, 443, 443, 443, 80,
	                                   80,  53,  53,  53,  123, 993, 22,  445};
	struct prng *p = &t->random;
	uint32_t host = draw(p, t->hosts, TRAFFIC_HOSTS);
	uint32_t server = draw(p, t->servers, TRAFFIC_SERVERS) * UINT32_C(2654435761);
	uint64_t mean = 60 + prng_below(p, 400);

	*f = (struct flow){
		.src = addr_from_v4((const uint8_t[4]){10, (uint8_t)(host % 3),
	                                               (uint8_t)(host >> 8), (uint8_t)host}),
		.dst = addr_from_v4((const uint8_t[4]){(uint8_t)(20 + (server >> 24) % 180),
	                                               (uint8_t)(server >> 16),
	                                               (uint8_t)(server >> 8), (uint8_t)server}),
		.exporter = addr_from_v4((const uint8_t[4]){10, 255, 0, 1}),
		.src_port = (uint16_t)(32768 + prng_below(p, 28232)),
		.dst_port = ports[prng_below(p, ARRAY_LEN(ports))],
		.in_if = 1 + host % 4,
		.out_if = 10 + (server & 1),
		.sampling = 1,
		.version = 5,
	};
	f->proto = f->dst_port == 53 || f->dst_port == 123 ? 17 : FLOW_TCP;
	f->packets = f->proto == 17 ? 1 : heavy(p, 4, 1.1, 1e6);
	f->octets = f->packets * mean + prng_below(p, f->packets + 20);
	f->tcp_flags = f->proto == FLOW_TCP ? 0x1b : 0;
	f->start_ms = f->packets == 1 ? 0 : (int64_t)heavy(p, 30, 0.8, 1800000);
}

static void answer(struct traffic *t, struct flow *f)
{
	struct flow q = *f;

	f->src = q.dst;
	f->dst = q.src;
	f->src_port = q.dst_port;
	f->dst_port = q.src_port;
	f->in_if = q.out_if;
	f->out_if = q.in_if;
	f->packets = q.packets == 1 ? 1 : q.packets / 2 + prng_below(&t->random, q.packets + 2);
	f->packets = MAX(f->packets, 1);
	f->octets = f->packets * (80 + prng_below(&t->random, 1380));
	f->start_ms = q.start_ms - (int64_t)prng_below(&t->random, 4);
	f->start_ms = MAX(f->start_ms, 0);
}

/* `start_ms` of what waits is its duration yet. It ended up to 15 s ago: an idle timeout. */
struct flow traffic_next(struct traffic *t)
{
	struct prng *p = &t->random;
	int64_t now = now_of(t);
	struct flow f;

	if (t->waiting_count > 16 &&
	    (t->waiting_count == TRAFFIC_WAITING || prng_below(p, 2) == 0)) {
		size_t i = prng_below(p, 8);

		f = t->waiting[i];
		t->waiting_count--;
		memmove(&t->waiting[i], &t->waiting[i + 1],
		        (t->waiting_count - i) * sizeof(t->waiting[0]));
	} else {
		question(t, &f);
		t->waiting[t->waiting_count] = f;
		answer(t, &t->waiting[t->waiting_count++]);
	}
	t->made++;
	f.received_ms = now;
	f.end_ms = now - (f.tcp_flags != 0 ? (int64_t)prng_below(p, 1500)
	                                   : 15000 + (int64_t)prng_below(p, 1000));
	f.start_ms = f.end_ms - f.start_ms;
	return f;
}

static uint32_t v4_of(const struct addr *a)
{
	struct bytes in = bytes_of(a->octets + 12, 4);

	return (uint32_t)bytes_uint(&in, 4);
}

static void put_v5(struct octets *o, const struct flow *f)
{
	octets_uint(o, v4_of(&f->src), 4);
	octets_uint(o, v4_of(&f->dst), 4);
	octets_uint(o, 0, 4);
	octets_uint(o, f->in_if, 2);
	octets_uint(o, f->out_if, 2);
	octets_uint(o, f->packets, 4);
	octets_uint(o, f->octets, 4);
	octets_uint(o, (uint64_t)(f->start_ms - BOOT_MS), 4);
	octets_uint(o, (uint64_t)(f->end_ms - BOOT_MS), 4);
	octets_uint(o, f->src_port, 2);
	octets_uint(o, f->dst_port, 2);
	octets_uint(o, 0, 1);
	octets_uint(o, f->tcp_flags, 1);
	octets_uint(o, f->proto, 1);
	octets_uint(o, 0, 1); /* type of service */
	octets_uint(o, 0, 8); /* systems, masks, padding */
}

size_t traffic_v5(struct traffic *t, uint32_t sequence, uint8_t room[TRAFFIC_DATAGRAM_MAX],
                  size_t *ret_flows)
{
	struct octets o = octets_of(room, TRAFFIC_DATAGRAM_MAX);
	int64_t now = now_of(t);

	octets_uint(&o, 5, 2);
	octets_uint(&o, V5_FLOWS, 2);
	octets_uint(&o, (uint64_t)(now - BOOT_MS), 4);
	octets_uint(&o, (uint64_t)now / 1000, 4);
	octets_uint(&o, (uint64_t)now % 1000 * 1000000, 4);
	octets_uint(&o, sequence, 4);
	octets_uint(&o, 0, 4);
	for (size_t i = 0; i < V5_FLOWS; i++) {
		struct flow f = traffic_next(t);

		put_v5(&o, &f);
	}
	*ret_flows = V5_FLOWS;
	return octets_len(&o);
}

/* 19 fields, as a router's: id, octets, and where the value comes from. */
static const struct field {
	uint8_t id, len;
} fields[] = {
	{8, 4},  {12, 4}, {15, 4}, {10, 4}, {14, 4}, {2, 4},  {1, 4}, {22, 4}, {21, 4}, {7, 2},
	{11, 2}, {6, 1},  {4, 1},  {5, 1},  {16, 4}, {17, 4}, {9, 1}, {13, 1}, {61, 1},
};

static uint64_t value_of(const struct flow *f, unsigned id)
{
	switch (id) {
	case 8:
		return v4_of(&f->src);
	case 12:
		return v4_of(&f->dst);
	case 10:
		return f->in_if;
	case 14:
		return f->out_if;
	case 2:
		return f->packets;
	case 1:
		return f->octets;
	case 22:
		return (uint64_t)(f->start_ms - BOOT_MS);
	case 21:
		return (uint64_t)(f->end_ms - BOOT_MS);
	case 7:
		return f->src_port;
	case 11:
		return f->dst_port;
	case 6:
		return f->tcp_flags;
	case 4:
		return f->proto;
	default:
		return 0;
	}
}

static void v9_header(struct traffic *t, struct octets *o, size_t count, uint32_t sequence)
{
	int64_t now = now_of(t);

	octets_uint(o, 9, 2);
	octets_uint(o, count, 2);
	octets_uint(o, (uint64_t)(now - BOOT_MS), 4);
	octets_uint(o, (uint64_t)now / 1000, 4);
	octets_uint(o, sequence, 4);
	octets_uint(o, 7, 4);
}

size_t traffic_v9_template(struct traffic *t, uint32_t sequence, uint8_t room[TRAFFIC_DATAGRAM_MAX])
{
	struct octets o = octets_of(room, TRAFFIC_DATAGRAM_MAX);

	v9_header(t, &o, 1, sequence);
	octets_uint(&o, 0, 2);
	octets_uint(&o, 8 + 4 * ARRAY_LEN(fields), 2);
	octets_uint(&o, V9_TEMPLATE, 2);
	octets_uint(&o, ARRAY_LEN(fields), 2);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		octets_uint(&o, fields[i].id, 2);
		octets_uint(&o, fields[i].len, 2);
	}
	return octets_len(&o);
}

size_t traffic_v9(struct traffic *t, uint32_t sequence, uint8_t room[TRAFFIC_DATAGRAM_MAX],
                  size_t *ret_flows)
{
	struct octets o = octets_of(room, TRAFFIC_DATAGRAM_MAX);
	size_t len = 4;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		len += V9_FLOWS * (size_t)fields[i].len;
	v9_header(t, &o, V9_FLOWS, sequence);
	octets_uint(&o, V9_TEMPLATE, 2);
	octets_uint(&o, (len + 3) / 4 * 4, 2);
	for (size_t i = 0; i < V9_FLOWS; i++) {
		struct flow f = traffic_next(t);

		for (size_t j = 0; j < ARRAY_LEN(fields); j++)
			octets_uint(&o, value_of(&f, fields[j].id), fields[j].len);
	}
	while (len++ % 4 != 0)
		octets_uint(&o, 0, 1);
	*ret_flows = V9_FLOWS;
	return octets_len(&o);
}
