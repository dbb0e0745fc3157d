/* watchfound - what a watch has found: taken from a pass once, kept, and told. */
#ifndef SPOOR_NODE_WATCHFOUND_H
#define SPOOR_NODE_WATCHFOUND_H

#include "node/watch.h"
#include "store/store.h"

struct sheet;

/*
 * Takes what is news of a pass: what was not known, and what was known but could not be told from
 * chance. Then its evidence is written, and everybody is told. Whether there was any.
 */
bool watchfound_take(struct watch *w, const struct sheet *sheet);

/* One that was kept: a store_note_fn of KEEPER_FOUND; ctx is the struct watches. */
void watchfound_recall(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len);

/* When all that was kept is there: the first first. */
void watchfound_sort(struct watch *w);

#endif
