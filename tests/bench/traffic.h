/*
 * traffic - flows as the router of an enterprise exports them, for benchmarks.
 *
 * Hosts inside and servers outside are chosen by Zipf's law; every connection is exported once for
 * each direction, the answer some records after the question. Lengths and durations have heavy
 * tails. A source (not an average) of our own: no real traffic is in it. The same seed gives the
 * same flows.
 */
#ifndef SPOOR_TESTS_BENCH_TRAFFIC_H
#define SPOOR_TESTS_BENCH_TRAFFIC_H

#include "base/prng.h"
#include "proto/flow/flow.h"

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_HOSTS 6000
#define TRAFFIC_SERVERS 300000
#define TRAFFIC_WAITING 256
#define TRAFFIC_T0 INT64_C(1795348800000)

struct traffic {
	struct prng random;
	uint64_t made;
	double flows_per_s;
	struct flow waiting[TRAFFIC_WAITING]; /* answers whose time has not come */
	size_t waiting_count;
	uint32_t hosts[1 << 16], servers[1 << 16]; /* Zipf, turned around */
};

void traffic_start(struct traffic *t, uint64_t seed, double flows_per_s);
struct flow traffic_next(struct traffic *t);

/*
 * A datagram of at most `max` flows from `t`: NetFlow v5 (at most 30), or NetFlow v9 with 19 fields
 * (24 in 1464 octets). `sequence` is the caller's. Returns its length; *ret_flows how many.
 */
#define TRAFFIC_DATAGRAM_MAX 1472
size_t traffic_v5(struct traffic *t, uint32_t sequence, uint8_t room[TRAFFIC_DATAGRAM_MAX],
                  size_t *ret_flows);
size_t traffic_v9(struct traffic *t, uint32_t sequence, uint8_t room[TRAFFIC_DATAGRAM_MAX],
                  size_t *ret_flows);
/* The template of traffic_v9(), a datagram of its own. */
size_t traffic_v9_template(struct traffic *t, uint32_t sequence,
                           uint8_t room[TRAFFIC_DATAGRAM_MAX]);

#endif
