/* watchrow - watches, and what they have found, as rows for people and scripts. */
#ifndef SPOOR_NODE_WATCHROW_H
#define SPOOR_NODE_WATCHROW_H

#include "node/watch.h"
#include "proto/wire/pack.h"

#define WATCHROW_FOUND_MAX 2048 /* octets */

/* How much room watchrow_put() needs. */
size_t watchrow_max(const struct watch *w);

/* All of a watch, and what it has found. */
void watchrow_put(struct pack *p, const struct watch *w);

/* How many there are in each state, and what they have found, as the map `watches`. */
void watchrow_counts(struct pack *p, const struct watches *all);

/* One connection that was found, as news: `kind` is "found" or "significant". */
void watchrow_found(struct pack *p, const struct watch *w, const char *kind,
                    const struct discovery *f);

/* The watch is over. */
void watchrow_ended(struct pack *p, const struct watch *w);

const char *watchrow_id(uint32_t id, char room[WATCH_ID_TEXT_MAX]);

#endif
