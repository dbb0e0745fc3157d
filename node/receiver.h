/*
 * receiver - a UDP address that is read as fast as it fills: many datagrams a system call, each
 * with the time at which the kernel had it, and what the kernel dropped for want of room counted.
 *
 * One socket is read by the loop itself, several by a thread each (lanes.h), to which exporters are
 * pinned by their address (reuseport.h). libuv's own UDP handle gives neither time nor drops.
 */
#ifndef SPOOR_NODE_RECEIVER_H
#define SPOOR_NODE_RECEIVER_H

#include "base/addr.h"
#include "base/err.h"
#include "node/arrivals.h"
#include "node/lanes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define RECEIVER_SOCKETS_MAX 16 /* of all receivers of a node */

struct receiver_options {
	struct endpoint at;
	uint64_t buffer; /* octets, of each socket: beyond the system's limit for root, up to it for
	                  * others, who are told */
	size_t sockets;
	struct arrivals *batch; /* one socket: what the loop reads into; its receivers share it */
	size_t together, room;  /* several: datagrams of one batch of a lane, octets of each */
	received_fn *fn;        /* called on the loop with every datagram */
	void *ctx;
};

struct receiver {
	struct receiver_options options;
	uv_poll_t poll;
	uv_timer_t moment;   /* until it is looked again */
	struct lanes *lanes; /* NULL: the loop reads the one socket */
	bool is_open, is_paused;
	int fds[RECEIVER_SOCKETS_MAX];
	uint32_t dropped_seen[RECEIVER_SOCKETS_MAX]; /* the kernel's own counts, which wrap */
	size_t fd_count;
	uint64_t datagrams, octets;
	uint64_t dropped; /* by the kernel: a buffer was full */
	uint64_t buffer;  /* octets the kernel gives each socket */
};

/*
 * Listens.
 *
 * ERR_IO   logged
 */
MUST_USE enum err receiver_open(struct receiver *r, uv_loop_t *loop,
                                const struct receiver_options *options);

/* Brings `dropped` up to date; what was dropped since the last call. */
uint64_t receiver_count_drops(struct receiver *r);

/* While it is paused nothing is handed over: the kernel keeps what it has room for. */
void receiver_pause(struct receiver *r, bool is_paused);

/* What lanes have read is handed over before. Also of one that never opened. */
void receiver_close(struct receiver *r);

#endif
