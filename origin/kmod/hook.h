/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hook - ways into a kernel that is not patched.
 *
 * At a function's entry: by ftrace, PERMANENT, so that kernel.ftrace_enabled=0 is refused while we
 * are here instead of blinding us; by a kprobe where the kernel has no such ftrace, or when asked
 * to, and then the module says that it can be blinded.
 */
#ifndef SPOOR_ORIGIN_KMOD_HOOK_H
#define SPOOR_ORIGIN_KMOD_HOOK_H

#include "origin/uapi/origin.h"

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/tracepoint.h>

struct hook {
	const char *symbol;
	void (*enter)(unsigned long first, unsigned long second, unsigned long third);
	enum origin_hook is;
	bool by_ftrace, by_kprobe; /* attached */
	struct ftrace_ops ops;
	struct kprobe probe;
};

int hook_attach(struct hook *h);
void hook_detach(struct hook *h); /* when it returns, none runs any more; unattached is let be */

struct hook_point {
	const char *name;
	void *probe;
	enum origin_hook is;
	struct tracepoint *point;
};

int hook_point_attach(struct hook_point *p);
void hook_point_detach(struct hook_point *p); /* callers wait, once for all, by hook_wait() */
void hook_wait(void);

/* For hooks by other means. */
void hook_is_on(enum origin_hook hook);
u32 hook_all(void);   /* bit per hook that is on */
u32 hook_blind(void); /* ORIGIN_BLIND_... */

#endif
