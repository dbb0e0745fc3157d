/*
 * A calendar: one list of events for each of the next 65,536 ms, and a heap for what is further
 * off. Of one ms, events come out as they went in. When a ms comes within the calendar's span, what
 * the heap holds for it enters its list before anything else can.
 */
#include "tools/sim/parts.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER (SIM_DATAGRAM_MAX + 8)

struct buffer {
	union {
		struct buffer *next; /* when nobody uses it */
		uint8_t octets[BUFFER];
	};
};

/*
 * A datagram lies at the end of its buffer, so that reading past it is reading past the allocation,
 * which the sanitizer sees. Longer ones, pieces of streams, have an allocation of their own.
 */
uint8_t *queue_buffer(struct queue *q, const void *data, size_t len)
{
	struct buffer *b = q->buffers;
	uint8_t *at;

	if (len > BUFFER) {
		at = must(malloc(len));
	} else {
		if (b != NULL)
			q->buffers = b->next;
		else
			b = must(malloc(sizeof(*b)));
		at = b->octets + BUFFER - len;
	}
	if (len > 0)
		memcpy(at, data, len);
	return at;
}

void queue_release(struct queue *q, uint8_t *data, size_t len)
{
	struct buffer *b;

	if (data == NULL)
		return;
	if (len > BUFFER) {
		free(data);
		return;
	}
	b = (struct buffer *)(void *)(data + len - BUFFER);
	b->next = q->buffers;
	q->buffers = b;
}

static uint32_t take_slot(struct queue *q)
{
	uint32_t slot = q->free_slot;

	if (slot != 0) {
		q->free_slot = q->events[slot].next;
		return slot;
	}
	if (q->used + 1 >= q->room) {
		q->room = MAX(1024, 2 * q->room);
		q->events = must(realloc(q->events, q->room * sizeof(*q->events)));
	}
	return ++q->used; /* 0 is nobody */
}

static void append(struct queue *q, uint32_t slot)
{
	struct queue_list *list = &q->lists[q->events[slot].at_ms % QUEUE_SPAN_MS];

	q->events[slot].next = 0;
	if (list->first == 0)
		list->first = slot;
	else
		q->events[list->last].next = slot;
	list->last = slot;
}

static bool is_before(const struct queue_far *a, const struct queue_far *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void swap(struct queue_far *a, struct queue_far *b)
{
	struct queue_far c = *a;

	*a = *b;
	*b = c;
}

static void heap_put(struct queue *q, uint32_t slot)
{
	size_t i = q->far_count;

	if (q->far_count == q->far_room) {
		q->far_room = MAX(1024, 2 * q->far_room);
		q->far = must(realloc(q->far, q->far_room * sizeof(*q->far)));
	}
	q->far[q->far_count++] = (struct queue_far){q->events[slot].at_ms, ++q->last_number, slot};
	for (; i > 0 && is_before(&q->far[i], &q->far[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->far[i], &q->far[(i - 1) / 2]);
}

static uint32_t heap_take(struct queue *q)
{
	struct queue_far *far = q->far;
	uint32_t slot = far[0].slot;

	far[0] = far[--q->far_count];
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < q->far_count;
		     child++) {
			if (is_before(&far[child], &far[least]))
				least = child;
		}
		if (least == i)
			return slot;
		swap(&far[i], &far[least]);
		i = least;
	}
}

void queue_init(struct queue *q)
{
	*q = (struct queue){.lists = must(calloc(QUEUE_SPAN_MS, sizeof(*q->lists)))};
}

void queue_put(struct queue *q, struct event event)
{
	uint32_t slot = take_slot(q);

	event.at_ms = MAX(event.at_ms, q->at_ms);
	q->events[slot] = event;
	if (event.at_ms - q->at_ms < QUEUE_SPAN_MS)
		append(q, slot);
	else
		heap_put(q, slot);
}

bool queue_take(struct queue *q, uint64_t until_ms, struct event *ret)
{
	while (q->at_ms <= until_ms) {
		struct queue_list *list = &q->lists[q->at_ms % QUEUE_SPAN_MS];
		uint32_t slot = list->first;

		if (slot != 0) {
			*ret = q->events[slot];
			list->first = ret->next;
			q->events[slot].next = q->free_slot;
			q->free_slot = slot;
			return true;
		}
		if (q->at_ms == until_ms)
			return false;
		q->at_ms++;
		while (q->far_count > 0 && q->far[0].at_ms - q->at_ms < QUEUE_SPAN_MS)
			append(q, heap_take(q));
	}
	return false;
}

static void drop(struct queue *q, struct event *event)
{
	queue_release(q, event->data, event->len);
	free(event->answer);
}

void queue_free(struct queue *q)
{
	for (size_t i = 0; q->lists != NULL && i < QUEUE_SPAN_MS; i++) {
		for (uint32_t slot = q->lists[i].first; slot != 0; slot = q->events[slot].next)
			drop(q, &q->events[slot]);
	}
	for (size_t i = 0; i < q->far_count; i++)
		drop(q, &q->events[q->far[i].slot]);
	while (q->buffers != NULL) {
		struct buffer *b = q->buffers;

		q->buffers = b->next;
		free(b);
	}
	free(q->events);
	free(q->lists);
	free(q->far);
}
