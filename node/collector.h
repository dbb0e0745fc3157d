/*
 * collector - export datagrams in, flows into the store.
 *
 * Datagrams come from the UDP sockets and, through collector_feed(), from `spoor import`: the same
 * way in for both. A full block is sealed at once, an open one every seal_every, on a worker.
 */
#ifndef SPOOR_NODE_COLLECTOR_H
#define SPOOR_NODE_COLLECTOR_H

#include "base/err.h"
#include "node/conf.h"
#include "node/connections.h"
#include "node/job.h"
#include "node/receiver.h"
#include "proto/flow/admission.h"
#include "proto/flow/datagram.h"
#include "proto/flow/translation_table.h"

#include <stdbool.h>
#include <uv.h>

struct node;

/* Calls back, once, when the next seal is over. */
struct collector_waiter {
	void (*fn)(struct collector_waiter *w, enum err err);
	struct collector_waiter *next;
};

struct collector {
	struct node *node;
	struct flow_decoder *decoder;
	struct translation_table *translations; /* of all exporters */
	struct admission *admission;            /* of what comes from the network */
	struct arrivals *room;                  /* for what the loop itself reads */
	struct receiver receivers[CONF_LISTEN_MAX];
	size_t receiver_count;
	struct connections connections;
	uv_timer_t seal_timer;
	struct job seal_job;
	enum err sealed; /* of the last seal */
	bool is_sealing;
	struct collector_waiter *waiters, *next_waiters; /* for this seal, for the one after */
	struct flow_batch batch; /* of the datagram at hand; while paused, what waits for room */
	bool is_paused;          /* nothing is read: the store is sealing what it has */
	bool is_stopping;        /* so once what waits is stored nothing more comes */
	uint64_t pauses;
	uint64_t unstored;   /* flows of UDP datagrams lost because the store took no more */
	bool is_full_logged; /* said once, until there is room again */
	bool is_drop_logged; /* likewise, until a while passes without */
};

MUST_USE enum err collector_start(struct collector *c, struct node *node);
void collector_stop(struct collector *c); /* closes its handles */
void collector_free(struct collector *c);

/*
 * Decodes one datagram, stores its flows, and takes in what it says of translations. *drop says
 * what became of it.
 *
 * ERR_BUSY, ERR_FULL   the store took not all of its flows; `out` holds the others, to be given to
 *                      collector_store() later
 */
MUST_USE enum err collector_feed(struct collector *c, const struct flow_origin *origin,
                                 const void *data, size_t len, struct flow_batch *out,
                                 enum drop *ret_drop);

/*
 * The same for what comes from the network. While the store seals what it has, no more is read:
 * what the kernel has no room for either is then missing from its exporter's sequence. What a full
 * store does not take is counted as unstored.
 */
void collector_take(struct collector *c, const struct flow_origin *origin, const void *data,
                    size_t len);

/* The files of a session are all read. Returns how many flows that gave, which are stored. */
size_t collector_end_files(struct collector *c, uint32_t session);

/* Takes from the front of `flows` what the store takes; what is left stays in there. */
MUST_USE enum err collector_store(struct collector *c, struct flow_batch *flows);

/* Starts a seal, or one more after the running one, and calls `w` back after it. */
void collector_seal(struct collector *c, struct collector_waiter *w);

#endif
