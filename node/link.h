/*
 * link - the overlay's production driver: the system's clock and randomness, the ports, and
 * proto/overlay between.
 */
#ifndef SPOOR_NODE_LINK_H
#define SPOOR_NODE_LINK_H

#include "base/err.h"
#include "node/ports.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;

struct link {
	struct node *node;
	struct overlay *overlay;
	struct cards *cards;
	struct ports ports;
	uv_timer_t timer;
	uint64_t slept_ms; /* of all time that the machine has been suspended */
	bool is_open;      /* its handles are initialised */
	bool is_driving;   /* acts are being carried out: feeding from within does not nest */
};

/* Errors are logged. */
MUST_USE enum err link_start(struct link *l, struct node *node);
void link_stop(struct link *l);
void link_free(struct link *l);

/* Feeds a datagram, and carries out what follows at once; the timer is set by link_drive(). */
void link_datagram(struct link *l, const struct endpoint *from, const void *data, size_t len);

/* Carries out what waits in the overlay's outbox. Call after every feed. */
void link_drive(struct link *l);

#endif
