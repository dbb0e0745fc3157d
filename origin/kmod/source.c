// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/source.h"

#include "origin/kmod/count.h"

#include <linux/moduleparam.h>
#include <linux/slab.h>

static uint sources_max = 16384;
module_param(sources_max, uint, 0444);
MODULE_PARM_DESC(sources_max, "distinct origins kept at most");

static atomic_t alive = ATOMIC_INIT(0);

u64 source_alive(void)
{
	return atomic_read(&alive);
}

u64 source_max(void)
{
	return sources_max;
}

struct source *source_new(const struct source *from)
{
	struct source *s = NULL;

	if (atomic_inc_return(&alive) <= sources_max)
		s = kmalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	if (!s) {
		atomic_dec(&alive);
		count_lost_task();
		return NULL;
	}
	*s = *from;
	refcount_set(&s->refs, 1);
	return s;
}

struct source *source_get(struct source *s)
{
	return s && refcount_inc_not_zero(&s->refs) ? s : NULL;
}

void source_put(struct source *s)
{
	if (!s || !refcount_dec_and_test(&s->refs))
		return;
	atomic_dec(&alive);
	kfree_rcu(s, rcu);
}
