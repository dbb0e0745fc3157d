/*
 * keeper - what the overlay must know again after a restart, on its way to the store.
 *
 *	card      of a member, by its id: certificate and record as card.h packs them
 *	window    numbers of an origin's queries that were answered, or are not for us to answer, by
 *	          its id: highest 8, before 8; as long as the overlay remembers them and the origin
 *	          is a member
 *	page      of a root's list, by a digest of root and page
 *	number    up to which our own queries' numbers may be used: 8
 *	clock     history of an exporter's clock (proto/flow/clocks.h)
 *	keys      the operational seed and record in use (keys.c)
 *	watch     a standing question, by its number: 4 (standing.h)
 *	found     what one has found, by standing_found_id()
 *
 * Notes are written in the order they were put, many in one transaction, by a worker.
 */
#ifndef SPOOR_NODE_KEEPER_H
#define SPOOR_NODE_KEEPER_H

#include "base/err.h"
#include "node/job.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stdint.h>

struct node;

enum keeper_kind { /* as they are on disk */
	           KEEPER_CARD = 'c',
	           KEEPER_CLOCK = 't',
	           KEEPER_EXPORTER = 'e', /* proto/flow/memory.h */
	           KEEPER_FOUND = 'f',
	           KEEPER_KEYS = 'k',
	           KEEPER_NUMBER = 'n',
	           KEEPER_PAGE = 'p',
	           KEEPER_POSITION = 's',    /* proto/flow/position.h; put by node/positions.c */
	           KEEPER_TRANSLATION = 'm', /* translation_pack(), by its slot: 4 */
	           KEEPER_WATCH = 'q',
	           KEEPER_WINDOW = 'w',
};

struct kept; /* a note that waits */

struct keeper {
	struct job job; /* first */
	struct node *node;
	struct kept *first, **last; /* waiting; the first `writing` are with the worker */
	size_t count, writing;
	enum err err; /* of the last transaction */
};

void keeper_start(struct keeper *k, struct node *node);
void keeper_free(struct keeper *k); /* when the loop has ended */

/* Copies data[0..len). `key` NULL: the kind has but one. No octets: the note is removed. */
void keeper_put(struct keeper *k, enum keeper_kind kind, const struct id *key, const void *data,
                size_t len);

/* Carries out REMEMBER, NOTICE and WINDOW. */
void keeper_act(struct keeper *k, const struct act *act);

/* Feeds `overlay` what was kept: pages say whose cards still count, and cards whose windows. */
MUST_USE enum err keeper_recall(struct keeper *k, struct overlay *overlay);

/* The number that our queries go on from; the one kept, or a later one. */
MUST_USE enum err keeper_number(struct keeper *k, uint64_t *ret);

/*
 * The number up to which they may go from now on: on disk when this returns, before any of them
 * leaves. It waits for the disk, once in many questions; a failure is logged.
 */
void keeper_number_put(struct keeper *k, uint64_t number);

#endif
