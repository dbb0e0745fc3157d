/* SPDX-License-Identifier: GPL-2.0 */
/*
 * carrier - the processes that carry an origin or a last accept, and only those: what is not in
 * this table came from nowhere else. A fork of an ordinary process costs one failed lookup.
 *
 * An origin belongs to a process. So does a last accept; but the thread that accepted keeps its
 * own, and other threads fall back on the process's newest. Keys are addresses: of a signal_struct
 * for a process (it outlives exec by another thread), of a task_struct for a thread.
 */
#ifndef SPOOR_ORIGIN_KMOD_CARRIER_H
#define SPOOR_ORIGIN_KMOD_CARRIER_H

#include "origin/kmod/source.h"

#include <linux/sched.h>

struct carrier_view { /* valid under the RCU lock in which it was made */
	struct source *origin;
	struct source *last;
	bool is_ambiguous;
	bool has_login; /* its audit session is another than at its last accept */
};

/* Has it to do with anything from elsewhere? */
static inline bool carrier_is_remote(const struct carrier_view *v)
{
	return v->origin || v->last;
}

int carrier_init(void);
void carrier_free(void); /* when no hook can run any more */

/* What `t` carries; nothing: false, and `ret` is all zero. */
bool carrier_view(struct task_struct *t, struct carrier_view *ret);

/* current accepted: `s` is its last accept from now on. */
void carrier_accept(struct source *s);

/*
 * current accepted from a process of this host that came from nowhere else. What it accepted before
 * is over, unless nothing has been forked for it yet: then which of the two counts is open.
 */
void carrier_accept_local(void);

/*
 * The last accept of current becomes its origin, of `type` and with `flags` beside its own. False
 * if there is none.
 */
bool carrier_promote(enum origin_type type, u16 flags);

/*
 * `s` becomes the origin of the process of `t`. -EEXIST: it has one; -ESRCH: it has ended; -ENOMEM:
 * there is no room.
 */
int carrier_give(struct task_struct *t, struct source *s);

/* `v` is what the parent, current, carries. */
void carrier_fork(struct task_struct *child, const struct carrier_view *v);
void carrier_exit(struct task_struct *t);

struct carrier_id {
	u32 pid;
	u64 start_ns;
};

/* Some processes that carry, from `*cursor` on; moves it, to ~0 behind the last. */
u32 carrier_list(u64 *cursor, struct carrier_id *ids, u32 room);

u64 carrier_alive(void);
u64 carrier_max(void);

#endif
