/*
 * notices - the roots' lists that the operator put on this machine: read at start, and again every
 * few seconds, so that a revocation takes effect without a restart and goes round from here.
 */
#ifndef SPOOR_NODE_NOTICES_H
#define SPOOR_NODE_NOTICES_H

#include "base/err.h"
#include "node/conf.h"

#include <stdbool.h>
#include <uv.h>

struct node;

struct notices {
	struct node *node;
	uv_timer_t timer;
	bool is_open;
	enum err last[CONF_NOTICES_MAX]; /* of each file: told when it changes */
};

void notices_start(struct notices *n, struct node *node);
void notices_stop(struct notices *n);

#endif
