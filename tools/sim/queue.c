#include "tools/sim/parts.h"

#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void swap(struct event *a, struct event *b)
{
	struct event c = *a;

	*a = *b;
	*b = c;
}

void queue_put(struct queue *q, struct event event)
{
	size_t i = q->count;

	if (q->count == q->room) {
		q->room = MAX(1024, 2 * q->room);
		q->events = must(realloc(q->events, q->room * sizeof(*q->events)));
	}
	event.number = ++q->last_number;
	q->events[q->count++] = event;
	for (; i > 0 && is_before(&q->events[i], &q->events[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->events[i], &q->events[(i - 1) / 2]);
}

bool queue_take(struct queue *q, uint64_t until_ms, struct event *ret)
{
	struct event *events = q->events;

	if (q->count == 0 || events[0].at_ms > until_ms)
		return false;
	*ret = events[0];
	events[0] = events[--q->count];
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < q->count; child++) {
			if (is_before(&events[child], &events[least]))
				least = child;
		}
		if (least == i)
			return true;
		swap(&events[i], &events[least]);
		i = least;
	}
}

void queue_free(struct queue *q)
{
	for (size_t i = 0; i < q->count; i++) {
		free(q->events[i].data);
		free(q->events[i].answer);
	}
	free(q->events);
}
