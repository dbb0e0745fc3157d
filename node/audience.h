/*
 * audience - clients that are told rows as they come, each of one topic or of all.
 *
 * One that reads too slowly misses some, and is told how many: {"kind": "missed", "records": n}.
 */
#ifndef SPOOR_NODE_AUDIENCE_H
#define SPOOR_NODE_AUDIENCE_H

#include "base/err.h"
#include "node/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener;

struct audience {
	struct listener *first;
};

#define AUDIENCE_ALL 0  /* topics */
#define AUDIENCE_MAX 12 /* they stay for days, and others want to ask the node, too */

/* Holds `client`. ERR_LIMIT, ERR_NOMEM */
MUST_USE enum err audience_join(struct audience *a, struct client *client, uint32_t topic);

/* Sends the packed row[0..len) to those who listen to `topic`, or to all. */
void audience_tell(struct audience *a, uint32_t topic, const void *row, size_t len);

/*
 * Lets go of those who have gone, and of those for whom `is_over` (NULL: nobody) holds: it has sent
 * them their end.
 */
void audience_tend(struct audience *a,
                   bool (*is_over)(void *ctx, struct client *client, uint32_t topic), void *ctx);

/* Ends a client that could not join. */
void audience_refuse(struct client *client, enum err err);

/* Lets go of everybody. */
void audience_dismiss(struct audience *a);

#endif
