/*
 * top - the highest of many ranks, in memory for those alone.
 *
 * A heap whose lowest is first. It keeps ranks; what is ranked lies in an array of the caller's, of
 * as many places, and `slot` says which is whose.
 */
#ifndef SPOOR_PROTO_FLOW_TOP_H
#define SPOOR_PROTO_FLOW_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top_item {
	uint64_t rank;
	uint64_t turn; /* when it was offered: of equals the earlier is higher */
	uint32_t slot;
};

struct top {
	struct top_item *items;
	size_t count, space;
	uint64_t turns;
};

/* Room for `space` of them, at least one; NULL without memory. */
struct top *top_new(size_t space);
void top_free(struct top *t); /* NULL is fine */

/* Is `rank` among the highest so far? If so, what has it goes to `*ret_slot`. */
bool top_offer(struct top *t, uint64_t rank, uint32_t *ret_slot);

/* Highest first; nothing may be offered from then on. */
void top_sort(struct top *t);

#endif
