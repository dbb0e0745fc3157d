/* link - the overlay's production driver: one UDP socket, one timer, and proto/overlay between. */
#ifndef SPOOR_NODE_LINK_H
#define SPOOR_NODE_LINK_H

#include "base/err.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <uv.h>

struct node;

struct link {
	struct node *node;
	struct overlay *overlay;
	uv_udp_t udp;
	uv_timer_t timer;
	bool is_v6;      /* the socket's family */
	bool is_open;    /* its handles are initialised */
	bool is_driving; /* acts are being carried out: feeding from within does not nest */
	char buffer[64 * 1024];
};

MUST_USE enum err link_start(struct link *l, struct node *node);
void link_stop(struct link *l);
void link_free(struct link *l);

/* Carries out what waits in the overlay's outbox. Call after every feed. */
void link_drive(struct link *l);

#endif
