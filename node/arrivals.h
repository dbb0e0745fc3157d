/*
 * arrivals - datagrams as one system call reads them (recvmmsg), each with its sender and the time
 * at which the kernel had it. The room is made once.
 */
#ifndef SPOOR_NODE_ARRIVALS_H
#define SPOOR_NODE_ARRIVALS_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When datagrams come thick, waking for each few of them costs more than reading them: who has just
 * read so many looks again only a moment later. When they came is the kernel's to say.
 */
#define ARRIVALS_THICK 8
#define ARRIVALS_MOMENT_MS 2

#define ARRIVALS_ROOM 65536 /* no UDP datagram is longer */

struct received {
	struct endpoint from;
	int64_t ms;          /* when the kernel had it */
	const uint8_t *data; /* borrowed */
	size_t len;
	bool is_cut; /* it was longer than the room */
};

typedef void received_fn(void *ctx, const struct received *r);

struct arrivals;

/* Room for `count_max` datagrams of up to `room` octets. NULL when out of memory. */
struct arrivals *arrivals_new(size_t count_max, size_t room);
void arrivals_free(struct arrivals *a); /* NULL is fine */

/* Reads what `fd` has, as far as there is room, in place of what was read before; how many. */
size_t arrivals_read(struct arrivals *a, int fd);

size_t arrivals_count(const struct arrivals *a); /* what was read */
bool arrivals_is_full(const struct arrivals *a); /* so more may be there */

/* One of them, valid until the next read. */
struct received arrivals_at(const struct arrivals *a, size_t i);

#endif
