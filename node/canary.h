/*
 * canary - a connection of the host to itself every few seconds. That its record comes proves that
 * the provider's hooks still fire; when it does not, every checkpoint says so.
 */
#ifndef SPOOR_NODE_CANARY_H
#define SPOOR_NODE_CANARY_H

#include "origin/provider.h"
#include "proto/wire/evidence.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct node;

#define CANARY_MS 5000

struct canary {
	struct node *node;
	uv_tcp_t listener;
	uv_timer_t timer;
	uint16_t port;
	bool is_open;  /* its handles are */
	bool is_armed; /* the provider has been told to record it */
	uint64_t sent, seen;
	int64_t seen_ms; /* 0: never */
};

/* False, and said why in the log, when it cannot listen. */
bool canary_start(struct canary *c, struct node *node);
void canary_stop(struct canary *c);

/* Has `provider` record the canary, and, with `records_all`, tasks of local origin too. */
void canary_arm(struct canary *c, struct provider *provider, bool records_all);

/* Is it the canary's? Then it has been counted, and is nobody else's business. */
bool canary_is(struct canary *c, const struct origin_record *r);

void canary_health(const struct canary *c, struct health *ret);

#endif
