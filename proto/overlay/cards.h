/*
 * cards - cards whose signatures have been checked, each kept once however many hold it.
 *
 * Whether a signature holds depends on nothing but the octets: what was checked once need not be
 * checked again. Whether its root is trusted, whether it was revoked or has expired is every
 * overlay's own matter. A node has one pool for its one overlay; the simulator has one for all.
 */
#ifndef SPOOR_PROTO_OVERLAY_CARDS_H
#define SPOOR_PROTO_OVERLAY_CARDS_H

#include "proto/wire/card.h"

#include <stddef.h>
#include <stdint.h>

struct cards;

struct held_card {
	struct card card;
	uint64_t print; /* of its octets: what SUMS adds and HAVE names */
	uint32_t holders;
	uint32_t next; /* in its hash chain */
};

/* Room for `max` different cards; NULL when out of memory. */
struct cards *cards_new(size_t max);
void cards_free(struct cards *c); /* NULL is fine */

/* The card of just these octets, if it is held; borrowed, not counted. NULL: check it first. */
const struct held_card *cards_find(const struct cards *c, struct bytes cert, struct bytes record);

/* Keeps a card that card_open() has found good. Counts a holder. NULL when the pool is full. */
const struct held_card *cards_keep(struct cards *c, const struct card *card);
const struct held_card *cards_share(const struct held_card *h); /* one more holder */
void cards_drop(struct cards *c, const struct held_card *h);    /* one less; the last forgets it */

#endif
