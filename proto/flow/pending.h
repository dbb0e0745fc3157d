/*
 * pending - sets of records that wait for their template. The ring is bounded, in sets and octets,
 * for each stream and in all; what it has no room for any more is lost, and counted as `untold`.
 */
#ifndef SPOOR_PROTO_FLOW_PENDING_H
#define SPOOR_PROTO_FLOW_PENDING_H

#include "proto/flow/record.h"

#define PENDING_SETS_MAX 512
#define PENDING_STREAM_MAX 64
#define PENDING_STREAM_OCTETS (128u << 10)
#define PENDING_OCTETS_MAX (2u << 20)

struct pending;

struct pending *pending_new(void); /* NULL when out of memory */
void pending_free(struct pending *p);

/*
 * Copies `set`; one of no octet is none. Returns how many sets were lost for it, itself among them
 * if it found no room, each counted as its stream's `untold`.
 */
size_t pending_put(struct pending *p, const struct record_context *c, uint16_t id,
                   struct bytes set);

/* Would the next set of the stream put out none of it, nor be refused? */
bool pending_has_room(const struct pending *p, const struct stream *s, size_t len);

/* Calls back with each set of the stream and id, oldest first, and lets it go. */
typedef void pending_fn(void *ctx, const struct record_context *c, struct bytes set);
void pending_take(struct pending *p, struct stream *s, uint16_t id, pending_fn *fn, void *ctx);

/* How many sets of a session's datagrams wait still (struct flow_origin; 0: the network's). */
size_t pending_of_session(const struct pending *p, uint32_t session);

/* The i-th that waits, oldest first; false: there are not so many. */
bool pending_at(const struct pending *p, size_t i, struct stream **ret_stream, uint16_t *ret_id);

size_t pending_count(const struct pending *p, const struct stream *s);

/* The stream is no more. Returns how many sets are lost with it. */
size_t pending_forget(struct pending *p, const struct stream *s);

#endif
