/*
 * watch - a question that stands: is this rhythm to be found anywhere, now or later?
 *
 * The node keeps the fingerprint and asks again by itself (node/pace.h), with no client and over
 * restarts, until its time is up or it is stopped. What was not known before is told once: in the
 * log, to whoever listens, in the list; the signed evidence of the question that brought it is
 * kept. One watch asks at a time, and all of them leave to others a part of what members search
 * for this node (node/spending.h).
 */
#ifndef SPOOR_NODE_WATCH_H
#define SPOOR_NODE_WATCH_H

#include "node/audience.h"
#include "node/pace.h"
#include "node/presence.h"
#include "node/pursuit.h"
#include "node/standing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;

#define WATCHES_MAX 32             /* that stand */
#define WATCHES_KEPT_MAX 64        /* with those that are over: the oldest of them makes room */
#define WATCH_FOUND_MAX 1024       /* connections that one tells */
#define WATCH_FOUND_OF_ONE_MAX 128 /* by one member: it may say what it likes, and others go on */
#define WATCH_ID_TEXT_MAX 9        /* with its NUL */

struct watch_found {
	struct id id; /* what makes it the same again */
	struct discovery found;
	bool is_told, was_known; /* of the last telling */
};

struct watch {
	struct watch *next;
	struct watches *watches;
	uint32_t id;           /* never 0 */
	struct client *client; /* waits to hear whether it stands; NULL */
	struct pursuit pursuit;
	struct pace pace;
	struct standing kept;
	struct short_ids answered; /* who has, the last time */
	struct watch_found *found;
	size_t found_count, found_space;
	bool is_full;                     /* more was found than is listed */
	bool is_leaving;                  /* it is no more, but for what is under way */
	char trouble[PURSUIT_REASON_MAX]; /* why nobody can be asked; "" */
};

struct watches {
	struct node *node;
	struct watch *list; /* the oldest first */
	struct presence presence;
	struct audience audience; /* by watch */
	uv_timer_t timer;         /* runs while there is one, or somebody listens */
	bool is_open;
	bool is_partial; /* what is kept of others was left where it is */
	size_t strays;   /* connections that were kept and are left out */
};

/* A new one, with its first question to come; `id` 0: any. NULL without memory. */
struct watch *watch_new(struct watches *all, uint32_t id, const struct standing *kept);

/* Only while nothing of it is under way. */
void watch_free(struct watch *w);

/* Writes down how it stands. */
void watch_keep(struct watch *w);

/* If everybody is asked now, members still search for whoever traces in this minute. */
bool watch_may_ask(const struct watch *w);

/* Asks everybody now. Errors: as overlay_ask(); ERR_LIMIT passes. */
MUST_USE enum err watch_ask(struct watch *w);

/* Its time is up, or it was stopped: `why`. It stays in the list. */
void watch_finish(struct watch *w, const char *why);

/* It was, and nothing is kept of it. */
void watch_remove(struct watch *w);

bool watch_stands(const struct watch *w); /* what the command line sees: it has begun */
bool watch_is_active(const struct watch *w);

struct watch *watches_find(struct watches *all, uint32_t id);
void watches_see_members(struct watches *all); /* who is here now */
void watches_run(struct watches *all);         /* there is something to attend to */

/* Takes up those that were kept. */
MUST_USE enum err watches_start(struct watches *all, struct node *node);
void watches_stop(struct watches *all);
void watches_fini(struct watches *all); /* when the loop has ended */

#endif
