/* origins - what the command line asks a host of its processes: `spoor origin ...`. */
#ifndef SPOOR_NODE_ORIGINS_H
#define SPOOR_NODE_ORIGINS_H

#include "origin/uapi/origin.h"

struct host;

/* A record has come: whoever watches is told. */
void origins_seen(struct host *h, const struct origin_record *r);

#endif
