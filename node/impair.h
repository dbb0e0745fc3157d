/*
 * impair - what is sent arrives late, or not at all: for laboratories on one machine, where the
 * kernel has no such thing. `spoord --dev-impair delay=30ms,jitter=10ms,loss=0.05`.
 */
#ifndef SPOOR_NODE_IMPAIR_H
#define SPOOR_NODE_IMPAIR_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct impair { /* all zero: nothing is done */
	int64_t delay_ms, jitter_ms;
	double loss; /* of 1 */
};

/* Reads the option's text. ERR_FORMAT. */
MUST_USE enum err impair_parse(const char *text, struct impair *ret);
bool impair_is_on(const struct impair *impair);

/* Sends data[0..len) to `to` with `send`, after a while drawn at random, or drops it. */
typedef void impair_send_fn(void *ctx, const struct endpoint *to, const void *data, size_t len);
struct impaired; /* datagrams on their way */
void impair_send(const struct impair *impair, struct impaired **list, uv_loop_t *loop,
                 impair_send_fn *send, void *ctx, const struct endpoint *to, const void *data,
                 size_t len);
void impair_stop(struct impaired *list); /* what is on its way is lost */

#endif
