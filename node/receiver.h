/*
 * receiver - a UDP socket that is read as fast as it fills: many datagrams a system call, each with
 * the time at which the kernel had it, and what the kernel dropped for want of room counted.
 *
 * libuv's own UDP handle gives neither time nor drops; its loop waits for the descriptor here.
 */
#ifndef SPOOR_NODE_RECEIVER_H
#define SPOOR_NODE_RECEIVER_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define RECEIVER_ROOM 65536 /* no UDP datagram is longer */

struct received {
	struct endpoint from;
	int64_t ms;          /* when the kernel had it */
	const uint8_t *data; /* borrowed */
	size_t len;
	bool is_cut; /* it was longer than the room */
};

typedef void receiver_fn(void *ctx, const struct received *r);

struct receiver_batch; /* room for what one call reads; receivers of one loop share it */

struct receiver {
	uv_poll_t poll;
	uv_timer_t moment; /* until it is looked again */
	bool is_open, is_paused;
	int fd;
	struct endpoint at;
	struct receiver_batch *batch;
	receiver_fn *fn;
	void *ctx;
	uint64_t datagrams, octets;
	uint64_t dropped;      /* by the kernel: the buffer was full */
	uint32_t dropped_seen; /* the kernel's own count, which wraps */
	uint64_t buffer;       /* octets the kernel gives it */
};

/* Room for datagrams of up to `room` octets. NULL when out of memory. */
struct receiver_batch *receiver_batch_new(size_t room);
void receiver_batch_free(struct receiver_batch *b); /* NULL is fine */

/*
 * Listens at `at`, with a buffer of about `buffer` octets: beyond the system's limit for root, up
 * to it for others, who are told. `fn` is called with every datagram.
 *
 * ERR_IO   logged
 */
MUST_USE enum err receiver_open(struct receiver *r, uv_loop_t *loop, const struct endpoint *at,
                                uint64_t buffer, struct receiver_batch *batch, receiver_fn *fn,
                                void *ctx);

/* Brings `dropped` up to date; what was dropped since the last call. */
uint64_t receiver_count_drops(struct receiver *r);

/* While it is paused nothing is read: the kernel keeps what it has room for. */
void receiver_pause(struct receiver *r, bool is_paused);

void receiver_close(struct receiver *r); /* also of one that never opened */

#endif
