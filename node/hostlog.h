/*
 * hostlog - a host's log of what its kernel says of processes: chained, signed, kept in the store
 * (proto/wire/evidence.h), and asked for evidence.
 *
 *	record -> waiting --worker, 4 times a second--> entries in the store
 *
 * Every EVIDENCE_SPAN entries, and at the end of each batch, an entry carries a checkpoint, and the
 * card by whose key it is signed. What does not fit while the disk is slow is counted as lost, and
 * the next checkpoint says so.
 */
#ifndef SPOOR_NODE_HOSTLOG_H
#define SPOOR_NODE_HOSTLOG_H

#include "base/err.h"
#include "node/job.h"
#include "origin/uapi/origin.h"
#include "proto/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct hostlog;

#define HOSTLOG_WAITING_MAX 16384

struct hostlog_end { /* of the chain */
	uint64_t count;
	struct id head;
};

struct batch; /* with the worker */

struct hostlog {
	struct node *node;
	uv_timer_t timer;
	bool is_open;
	struct hostlog_end end;        /* on disk */
	struct origin_record *waiting; /* HOSTLOG_WAITING_MAX */
	size_t waiting_count;
	struct batch *batch; /* under way, or NULL */
	struct asked *asked; /* wait for the batch */
	uint64_t lost;       /* for want of room here */
	struct mono expired; /* when that was last looked at */
	enum err err;        /* of the last batch: told when it changes */
	void (*health)(struct node *node, struct health *ret);
};

/*
 * `health` is called on the loop for every batch. Errors are logged: ERR_CORRUPT when the log is
 * not the one that its end tells of.
 */
MUST_USE enum err hostlog_start(struct hostlog *l, struct node *node,
                                void (*health)(struct node *node, struct health *ret));
void hostlog_stop(struct hostlog *l); /* what waits is written first */
void hostlog_free(struct hostlog *l); /* when the loop has ended */

/* Takes a copy; its entry will be on disk soon. */
void hostlog_take(struct hostlog *l, const struct origin_record *r);

/*
 * Looks for the connection that `q`, an ASK, means, in what was taken before this call. `told`
 * comes on the loop, now or later, with a TOLD.
 */
typedef void hostlog_told(void *ctx, const struct inquiry *told);
void hostlog_ask(struct hostlog *l, const struct inquiry *q, hostlog_told *told, void *ctx);

/* Signs one now: of what is on disk. */
void hostlog_checkpoint(struct hostlog *l, struct checkpoint_blob *ret);

#endif
