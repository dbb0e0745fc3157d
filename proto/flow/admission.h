/*
 * admission - who may send datagrams, and how many, asked before anything is decoded.
 *
 * Each sender's address has a token bucket (RFC 2697's, of datagrams). The table of buckets is
 * bounded as that of streams is: when an address does not fit, one of its set makes way: one that
 * has not proved itself, if there is such, the longest unseen. Which addresses share a set depends
 * on a seed, so that nobody can choose whom to put out.
 */
#ifndef SPOOR_PROTO_FLOW_ADMISSION_H
#define SPOOR_PROTO_FLOW_ADMISSION_H

#include "base/addr.h"
#include "proto/flow/datagram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMISSION_ALLOW_MAX 64
#define ADMISSION_RATE_MAX 10000000

struct admission_rules {
	struct prefix allow[ADMISSION_ALLOW_MAX];
	size_t allow_count;   /* 0: everybody may */
	uint32_t rate, burst; /* datagrams a second, and at once; a rate of 0: any number */
};

struct admission;

/* Room for about `addrs_max` senders at once. NULL when out of memory. */
struct admission *admission_new(const struct admission_rules *rules, size_t addrs_max,
                                uint64_t seed);
void admission_free(struct admission *a); /* NULL is fine */

/* Is it on the list, or is there none? */
bool admission_allows(const struct admission *a, const struct addr *from);

/* DROP_NONE: it may; else DROP_NOT_ALLOWED or DROP_RATE. */
enum drop admission_ask(struct admission *a, const struct addr *from, int64_t now_ms);

#endif
