/* SPDX-License-Identifier: GPL-2.0 */
/* count - what happened and what was lost, per CPU: never shared, never locked. */
#ifndef SPOOR_ORIGIN_KMOD_COUNT_H
#define SPOOR_ORIGIN_KMOD_COUNT_H

#include "origin/uapi/origin.h"

#include <linux/percpu.h>

struct count {
	u64 hits[ORIGIN_HOOK_COUNT];
	u64 suppressed;
	u64 lost_tasks;
	u64 lost_flows;
};

DECLARE_PER_CPU(struct count, count_cpu);

#define count_hit(hook) this_cpu_inc(count_cpu.hits[hook])
#define count_one(what) this_cpu_inc(count_cpu.what)

/* Fills what is counted here. */
void count_sum(struct origin_stats *ret);

/* When the first inheritance was lost, nanoseconds since boot; 0: none was. */
u64 count_trail_lost(void);
void count_lost_task(void);

#endif
