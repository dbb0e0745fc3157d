/*
 * lanes - sockets that are each read by a thread of its own, and handed to the loop in batches, in
 * the order in which the kernel had them.
 *
 * A lane has two batches: the thread fills one while the loop empties the other. When both are full
 * it reads no more, and the kernel keeps what it has room for. Nobody waits by looking again: the
 * thread sleeps in poll(2), the loop in its own.
 */
#ifndef SPOOR_NODE_LANES_H
#define SPOOR_NODE_LANES_H

#include "node/arrivals.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define LANES_BATCHES 2 /* of a lane */

struct lanes;

/*
 * Starts a lane for each of `fds`, which stay the caller's, with batches of `together` datagrams of
 * up to `room` octets. `fn` is called on the loop. NULL when out of memory, threads or descriptors.
 */
struct lanes *lanes_start(uv_loop_t *loop, const int *fds, size_t count, size_t together,
                          size_t room, received_fn *fn, void *ctx);

/* While they are paused nothing is handed over, and soon nothing is read. */
void lanes_pause(struct lanes *l, bool is_paused);

/*
 * Ends the threads, hands over what they had read, also while paused, and gives everything back
 * when the loop next runs. The descriptors are not used any more.
 */
void lanes_stop(struct lanes *l);

#endif
