/* storecheck - spoord --check-store and --repair-store: what store/check.h finds, for people. */
#ifndef SPOOR_NODE_STORECHECK_H
#define SPOOR_NODE_STORECHECK_H

#include "node/conf.h"

#include <stdbool.h>

/* Prints what is there and what is wrong. 0: whole, or mended; 1: damaged; else CTL_INTERNAL. */
int storecheck_run(const struct conf *conf, bool is_repair);

#endif
