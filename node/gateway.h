/*
 * gateway - a host's way to its gateway's node: connected as long as there is one to connect to,
 * and asked by it.
 */
#ifndef SPOOR_NODE_GATEWAY_H
#define SPOOR_NODE_GATEWAY_H

#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct hostline;

struct gateway {
	struct node *node;
	struct hostline *line; /* NULL between two tries */
	uv_timer_t timer;      /* the next try; while open, the next ALIVE */
	bool is_open;          /* the timer is */
	unsigned tries;        /* in vain, since it was last open */
	enum err err;          /* of the last try: told when it changes */
	uint64_t asked, told;  /* inquiries, and those with evidence */
};

void gateway_start(struct gateway *g, struct node *node);
void gateway_stop(struct gateway *g);

/* This host has other keys now: the node is to know them. */
void gateway_again(struct gateway *g);

/* Is the node there, and has it proved itself? */
bool gateway_is_connected(const struct gateway *g);

#endif
