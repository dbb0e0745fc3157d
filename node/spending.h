/*
 * spending - how many searches this node has asked every member for in the last minute.
 *
 * Pure. Members do no more than SPENDING_MAX of them for one who asks (docs/OVERLAY.md, Vigilance),
 * and count one of low severity twice. What nobody waits for leaves some to those who do.
 */
#ifndef SPOOR_NODE_SPENDING_H
#define SPOOR_NODE_SPENDING_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

#define SPENDING_MAX 6
#define SPENDING_WINDOW_MS 60000

struct spending {
	struct mono until[SPENDING_MAX]; /* each counts until then; ms 0: none */
	size_t next;
};

/* Everybody is asked now. */
void spending_note(struct spending *s, struct mono now, bool is_low);

/* There would be `left` searches left in this minute if everybody were asked now. */
bool spending_allows(const struct spending *s, struct mono now, bool is_low, size_t left);

#endif
