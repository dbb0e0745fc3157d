// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/inherit.h"

#include "origin/kmod/activation.h"
#include "origin/kmod/compat.h"
#include "origin/kmod/count.h"
#include "origin/kmod/flow.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/report.h"
#include "origin/kmod/rules.h"

#include <linux/binfmts.h>

static void on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct carrier_view v;

	count_hit(ORIGIN_HOOK_FORK);
	if (child->signal == parent->signal) /* a thread */
		return;
	rcu_read_lock();
	if (report_current(&v) && carrier_is_remote(&v))
		carrier_fork(child, &v);
	rcu_read_unlock();
}

/* EXEC and EXIT records are for processes from elsewhere, and only when wanted. */
static void tell(enum origin_kind kind)
{
	struct carrier_view v;

	if (!(rules_flags() & ORIGIN_RULES_EXEC))
		return;
	rcu_read_lock();
	if (report_current(&v) && carrier_is_remote(&v))
		report(kind, NULL, &v);
	rcu_read_unlock();
}

static void on_exec(void *data, struct task_struct *t, pid_t old, struct linux_binprm *bprm)
{
	struct source *s = NULL;
	bool is_child_of_init;

	count_hit(ORIGIN_HOOK_EXEC);
	rcu_read_lock();
	is_child_of_init = is_global_init(rcu_dereference(t->real_parent));
	rcu_read_unlock();
	if (is_child_of_init)
		s = activation_take();
	if (s) {
		carrier_accept(s);
		source_put(s);
	}
	tell(ORIGIN_KIND_EXEC);
}

static void on_exit(COMPAT_EXIT_PROTO)
{
	count_hit(ORIGIN_HOOK_EXIT);
	if (!atomic_read(&t->signal->live)) {
		tell(ORIGIN_KIND_EXIT);
		flow_owner_gone();
	}
	carrier_exit(t);
}

static struct hook_point points[] = {
	{.name = "sched_process_fork", .probe = on_fork, .is = ORIGIN_HOOK_FORK},
	{.name = "sched_process_exec", .probe = on_exec, .is = ORIGIN_HOOK_EXEC},
	{.name = "sched_process_exit", .probe = on_exit, .is = ORIGIN_HOOK_EXIT},
};

int inherit_attach(void)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(points) && !err; i++)
		err = hook_point_attach(&points[i]);
	return err;
}

void inherit_detach(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		hook_point_detach(&points[i]);
}
