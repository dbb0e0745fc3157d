/*
 * keys - who this node is now: its certificate, and the short-lived keys that it works with.
 *
 * The identity key signs a record of operational keys, good for RECORD_DAYS, and nothing else.
 * Where it is on this machine the node makes them itself, keeps them across restarts, and makes the
 * next when half their time is over, or nobody answers to them. Where it is not, somebody brings a
 * file (`operational` in spoord.yaml, spoor keygen operational). Certificate and file are read
 * again when they change: what is new is used, and told to everybody, without a restart.
 */
#ifndef SPOOR_NODE_KEYS_H
#define SPOOR_NODE_KEYS_H

#include "base/err.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <time.h>
#include <uv.h>

struct node;

struct keys {
	struct node *node;
	struct overlay_self self;
	uv_timer_t timer;
	bool is_open;
	struct timespec cert_changed, file_changed; /* when the files in use were written */
	unsigned warned_days; /* of the certificate's end: the last of the steps told */
	enum err last;        /* of making the next keys: told when it changes */
	unsigned alone_looks; /* in a row, at which nobody lived though somebody should */
	bool has_met;         /* somebody lived, since the start */
	struct mono next_try; /* when loneliness may be a reason for new keys */
	bool is_warned;       /* of the record's end, where somebody else must bring the next */
};

/* Finds or makes them. Errors are logged. */
MUST_USE enum err keys_start(struct keys *k, struct node *node);
void keys_watch(struct keys *k); /* from now on: needs the link */
void keys_stop(struct keys *k);
void keys_free(struct keys *k); /* wipes */

/* A line on what ends soon, or has ended; NULL when all is well. Writes into `room`. */
#define KEYS_WARNING_MAX 160
const char *keys_warning(const struct keys *k, struct wall now, char room[KEYS_WARNING_MAX]);

#endif
