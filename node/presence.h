/*
 * presence - since when each member is here: who has joined, or can be reached again.
 *
 * A question that stands is put to who was not there when it went out. The driver looks at all
 * members now and then: between presence_begin() and presence_end() it names each, in the order of
 * their ids. And it tells who has answered a question and who was silent: one that the overlay has
 * not missed yet is here again when it has been heard since. One that is heard, and yet says
 * nothing to PRESENCE_VAIN questions in a row, is waited for no more.
 */
#ifndef SPOOR_NODE_PRESENCE_H
#define SPOOR_NODE_PRESENCE_H

#include "base/clock.h"
#include "proto/wire/frame.h"

#include <stdbool.h>
#include <stddef.h>

#define PRESENCE_VAIN 3

struct present {
	struct short_id who;
	bool is_live;
	struct mono at;     /* of its being named first, or live where it was not before */
	struct mono silent; /* when it had said nothing to a question; ms 0: it has spoken */
	unsigned vain;      /* so many questions in a row */
};

struct presence {
	struct present *list, *coming; /* in the order of `who`; the one that is being made */
	size_t count, coming_count, space, at;
};

struct short_ids { /* in order */
	struct short_id *list;
	size_t count;
};

/* For up to `members` of them; false without memory: then nothing has changed. */
bool presence_begin(struct presence *p, size_t members);
void presence_see(struct presence *p, struct short_id who, bool is_live, struct mono heard,
                  struct mono now);
void presence_end(struct presence *p);
void presence_free(struct presence *p);

/* To a question that is over `who` has said nothing, or has answered. */
void presence_note(struct presence *p, struct short_id who, bool has_answered, struct mono now);

/* Somebody has come after `since` who is not among `known`. */
bool presence_any(const struct presence *p, struct mono since, const struct short_ids *known);

/* Puts ids[0..count) in order. */
void short_ids_sort(struct short_id *ids, size_t count);

#endif
