#include "proto/flow/top.h"

#include "base/util.h"

#include <stdlib.h>

struct top *top_new(size_t space)
{
	struct top *t = calloc(1, sizeof(*t));

	CHECK(space > 0);
	if (t == NULL)
		return NULL;
	t->space = space;
	t->items = calloc(space, sizeof(*t->items));
	if (t->items == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void top_free(struct top *t)
{
	if (t == NULL)
		return;
	free(t->items);
	free(t);
}

static bool is_lower(const struct top_item *a, const struct top_item *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->turn > b->turn;
}

static void swap(struct top_item *a, struct top_item *b)
{
	struct top_item kept = *a;

	*a = *b;
	*b = kept;
}

/* Moves items[at] away from the root until nothing below it, of `count`, is lower. */
static void sink(struct top_item *items, size_t count, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < count && is_lower(&items[child + 1], &items[child]))
			child++;
		if (child >= count || !is_lower(&items[child], &items[at]))
			return;
		swap(&items[child], &items[at]);
		at = child;
	}
}

static void rise(struct top_item *items, size_t at)
{
	while (at > 0 && is_lower(&items[at], &items[(at - 1) / 2])) {
		swap(&items[at], &items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

bool top_offer(struct top *t, uint64_t rank, uint32_t *ret_slot)
{
	struct top_item item = {.rank = rank, .turn = t->turns++};

	if (t->count < t->space) {
		item.slot = (uint32_t)t->count;
		t->items[t->count] = item;
		rise(t->items, t->count++);
	} else {
		if (!is_lower(&t->items[0], &item))
			return false;
		item.slot = t->items[0].slot;
		t->items[0] = item;
		sink(t->items, t->count, 0);
	}
	*ret_slot = item.slot;
	return true;
}

void top_sort(struct top *t)
{
	/* The lowest goes to the end, again and again: the highest is left in front. */
	for (size_t count = t->count; count > 1; count--) {
		swap(&t->items[0], &t->items[count - 1]);
		sink(t->items, count - 1, 0);
	}
}
