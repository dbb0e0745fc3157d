/*
 * host - spoord on a server inside the enterprise: what its kernel says of processes goes into a
 * log, and the gateway's node is told of it when it asks.
 *
 *	provider -> host -> hostlog -> store          every record
 *	gateway's node -> gateway -> hostlog          its questions
 *	canary -> kernel -> provider -> host          do the hooks still fire?
 *	files written, processes started -> hostfiles -> provider, hostlog
 */
#ifndef SPOOR_NODE_HOST_H
#define SPOOR_NODE_HOST_H

#include "node/audience.h"
#include "node/canary.h"
#include "node/gateway.h"
#include "node/hostfiles.h"
#include "node/hostlog.h"
#include "origin/provider.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct node;

struct host {
	struct node *node;
	struct provider *provider; /* NULL while it is broken */
	uv_poll_t poll;
	uv_timer_t timer; /* reads where there is nothing to poll, and opens it again */
	bool has_poll, has_timer;
	struct hostlog log;
	struct gateway gateway;
	struct canary canary;
	struct hostfiles files;
	struct audience audience; /* of `spoor origin watch` */
	uint64_t records, malformed;
};

/* Errors are logged. */
MUST_USE enum err host_start(struct host *h, struct node *node);
void host_stop(struct host *h);
void host_free(struct host *h); /* when the loop has ended */

/* The provider's health now, and the canary's. */
void host_health(struct node *node, struct health *ret);

#endif
