// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/count.h"

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/ktime.h>

DEFINE_PER_CPU(struct count, count_cpu);

static atomic64_t trail_lost = ATOMIC64_INIT(0);

void count_lost_task(void)
{
	count_one(lost_tasks);
	atomic64_cmpxchg(&trail_lost, 0, ktime_get_boottime_ns());
}

u64 count_trail_lost(void)
{
	return atomic64_read(&trail_lost);
}

void count_sum(struct origin_stats *ret)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		const struct count *c = per_cpu_ptr(&count_cpu, cpu);

		for (i = 0; i < ORIGIN_HOOK_COUNT; i++)
			ret->hits[i] += READ_ONCE(c->hits[i]);
		ret->suppressed += READ_ONCE(c->suppressed);
		ret->lost_tasks += READ_ONCE(c->lost_tasks);
		ret->lost_flows += READ_ONCE(c->lost_flows);
	}
}
