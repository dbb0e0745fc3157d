/* watchctl - what the command line asks of watches (node/requests.h), and how one begins. */
#ifndef SPOOR_NODE_WATCHCTL_H
#define SPOOR_NODE_WATCHCTL_H

#include "node/watch.h"

/* A watch that a client has asked for has its target, or has none: the client is told. */
void watchctl_found(struct pursuit *p);

#endif
