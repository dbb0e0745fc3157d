/* SPDX-License-Identifier: GPL-2.0 */
/*
 * source - somewhere that processes came from: made once, never changed, shared by all that carry
 * it, freed an RCU grace period after the last of them let it go.
 *
 * A source is flat. What a self-hop adds (depth, root) is copied in when it is made; a chain of
 * pointers would grow with every hop.
 */
#ifndef SPOOR_ORIGIN_KMOD_SOURCE_H
#define SPOOR_ORIGIN_KMOD_SOURCE_H

#include "origin/uapi/origin.h"

#include <linux/rcupdate.h>
#include <linux/refcount.h>

struct source {
	struct origin_source shown; /* as a record shows it */
	struct origin_flow root;
	u32 loginuid; /* when it became an origin; else ORIGIN_NOBODY */
	u32 session;
	refcount_t refs;
	struct rcu_head rcu;
};

/* A copy of `from` with one reference; NULL, and counted, when there is no room. Any context. */
struct source *source_new(const struct source *from);

/* Under RCU. NULL stays NULL, and so does one that is being freed. */
struct source *source_get(struct source *s);
void source_put(struct source *s); /* NULL is let be */

u64 source_alive(void);
u64 source_max(void);

#endif
