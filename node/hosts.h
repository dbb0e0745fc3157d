/*
 * hosts - the gateway's end: which hosts of this organisation are connected, and what they say.
 *
 * A host answers for the addresses in its certificate, which one of hosts.roots has signed.
 */
#ifndef SPOOR_NODE_HOSTS_H
#define SPOOR_NODE_HOSTS_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct peer_host; /* one that is connected */

#define HOSTS_MAX 1024
#define HOSTS_UNPROVEN_MAX 64 /* that have not greeted yet */
#define HOSTS_WAIT_MS 2000    /* for what a host is asked */

struct hosts_counters {
	uint64_t refused; /* connections that were none of a host's, or one too many */
	uint64_t asked, told, nothing, withheld, failed;
	uint64_t unproven; /* evidence that did not hold */
};

struct hosts {
	struct node *node;
	uv_tcp_t listener;
	uv_timer_t timer; /* ends what waits too long */
	bool is_open;
	struct peer_host *list;
	size_t count, unproven;
	struct question_out *waiting;
	uint32_t last_number;
	struct hosts_counters counters;
};

/* Errors are logged. */
MUST_USE enum err hosts_start(struct hosts *h, struct node *node);
void hosts_stop(struct hosts *h);

/* Does a connected host answer for `a`? */
bool hosts_has(const struct hosts *h, const struct addr *a);

/*
 * Asks the host at `at`; `told` comes on the loop, later: with evidence that has been checked
 * (state FOUND, borrowed for the call), or with why there is none.
 */
typedef void hosts_told(void *ctx, enum inquiry_state state, const struct evidence *evidence,
                        struct bytes octets);
void hosts_ask(struct hosts *h, const struct addr *at, const struct inquiry *q, hosts_told *told,
               void *ctx);

/* Each that is connected: whose it is, since when, and its newest checkpoint. */
typedef void hosts_visit(void *ctx, const struct card *card, const struct endpoint *from,
                         struct wall since, const struct checkpoint *newest);
void hosts_each(const struct hosts *h, hosts_visit *visit, void *ctx);

#endif
