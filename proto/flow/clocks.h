/*
 * clocks - the histories of exporters' clocks, found by what flows say of their exporter: its
 * address, the format's version and the domain. Bounded: the one that was noted longest ago makes
 * way.
 *
 * Where several processes share all three, one of them is followed as long as it sends.
 */
#ifndef SPOOR_PROTO_FLOW_CLOCKS_H
#define SPOOR_PROTO_FLOW_CLOCKS_H

#include "base/addr.h"
#include "proto/flow/clock_model.h"
#include "proto/flow/stream.h"

#define CLOCKS_MAX 512
#define CLOCKS_KEY 32

struct clock_key {
	struct addr exporter;
	uint32_t domain;
	uint16_t version;
};

struct clocks;

struct clocks *clocks_new(void);    /* NULL when out of memory */
void clocks_free(struct clocks *c); /* NULL is fine */

/* Borrowed until the next call that adds. NULL: not known. */
const struct clock_history *clocks_find(const struct clocks *c, const struct clock_key *key);

/* Adds what `s` knows of its clock. The history, when it is worth keeping again; else NULL. */
const struct clock_history *clocks_note(struct clocks *c, const struct stream *s);

struct clock_key clocks_key_of(const struct stream *s);

typedef void clocks_fn(void *ctx, const struct clock_key *key, const struct clock_history *h);

/* Calls `fn` with every history, in no order. */
void clocks_each(const struct clocks *c, clocks_fn *fn, void *ctx);

/* As a history is kept over restarts: its key, and clock_history_pack() of it. */
void clocks_key_pack(const struct clock_key *key, uint8_t ret[CLOCKS_KEY]);
struct clock_key clocks_key_read(const uint8_t packed[CLOCKS_KEY]);

/* ERR_FORMAT, ERR_LIMIT: there is no room. */
MUST_USE enum err clocks_recall(struct clocks *c, const uint8_t key[CLOCKS_KEY],
                                struct bytes value);

#endif
