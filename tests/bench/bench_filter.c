/*
 * bench_filter - what a filter costs on each flow: of flows that are mostly not meant, and of an
 * address that is busy. One JSON object a line.
 *
 *   bench_filter [SECONDS]     how long each row is measured; 1 by default
 */
#include "base/util.h"
#include "proto/flow/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FLOWS (1u << 12) /* what a search has at hand is in a cache, but not the nearest */

static const char *const filters[] = {
	"any",
	"src ip 10.0.3.7",
	"ip 10.0.3.7",
	"ip 10.0.3.7 and port 22",
	"proto tcp and dst port 443",
	"net 10.0.0.0/16 and bytes > 1k",
	"port in [22 80 443 8080 8443]",
	"src ip in [10.0.3.7 10.0.9.1 10.1.4.4 192.0.2.0/24]",
	"proto udp and not (net 10.0.0.0/8 or port 53)",
	"flags S and not flags AFRPU and packets < 4",
	"bps > 1m",
};

static uint32_t seed = 7;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static struct addr draw_addr(void)
{
	return addr_from_v4(
		(uint8_t[]){10, (uint8_t)draw(4), (uint8_t)draw(16), (uint8_t)draw(64)});
}

static struct flow draw_flow(void)
{
	static const uint16_t ports[] = {22, 53, 80, 443, 443, 443, 8080, 3389};
	uint32_t life = draw(60000);

	return (struct flow){
		.src = draw_addr(),
		.dst = draw_addr(),
		.start_ms = INT64_C(1795348800000),
		.end_ms = INT64_C(1795348800000) + life,
		.octets = 40 + draw(5000),
		.packets = 1 + draw(10),
		.src_port = (uint16_t)(32768 + draw(28000)),
		.dst_port = ports[draw(8)],
		.proto = draw(4) == 0 ? 17 : FLOW_TCP,
		.tcp_flags = (uint8_t)draw(64),
		.version = 5,
	};
}

/* CPU time, not wall time: the row is of this core, however busy the machine is. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void measure(const char *text, const struct flow *flows, double limit_s)
{
	char reason[FILTER_REASON_MAX];
	struct filter filter;
	double start, took;
	size_t looked = 0, matched = 0;

	CHECK(filter_parse(text, &filter, reason) == ERR_OK);
	start = now_s();
	do {
		for (size_t i = 0; i < FLOWS; i++)
			matched += filter_matches(&filter, &flows[i]);
		looked += FLOWS;
		took = now_s() - start;
	} while (took < limit_s);
	printf("{\"bench\":\"filter\",\"filter\":\"%s\",\"ns_per_flow\":%.2f,\"share\":%.4f}\n",
	       text, took * 1e9 / (double)looked, (double)matched / (double)looked);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct flow flows[FLOWS];
	double limit_s = argc > 1 ? atof(argv[1]) : 1;

	for (size_t i = 0; i < FLOWS; i++)
		flows[i] = draw_flow();
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		measure(filters[i], flows, limit_s);
	return 0;
}
