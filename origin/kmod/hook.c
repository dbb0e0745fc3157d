// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) "spoor_origin: " fmt

#include "origin/kmod/hook.h"

#include "origin/kmod/compat.h"

#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/string.h>

static bool kprobes;
module_param(kprobes, bool, 0444);
MODULE_PARM_DESC(kprobes, "enter functions by kprobes although the kernel has ftrace");

static u32 on;
static u32 blind;

void hook_is_on(enum origin_hook hook)
{
	on |= 1U << hook;
}

u32 hook_all(void)
{
	return on;
}

u32 hook_blind(void)
{
	return blind;
}

#if COMPAT_FTRACE
static void notrace by_ftrace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct compat_ftrace_regs *regs)
{
	struct hook *h = container_of(ops, struct hook, ops);

	h->enter(compat_ftrace_argument(regs, 0), compat_ftrace_argument(regs, 1),
		 compat_ftrace_argument(regs, 2));
}

static int attach_ftrace(struct hook *h)
{
	int err;

	h->ops.func = by_ftrace;
	h->ops.flags = COMPAT_FTRACE_FLAGS | FTRACE_OPS_FL_PERMANENT;
	err = ftrace_set_filter(&h->ops, (unsigned char *)h->symbol, strlen(h->symbol), 0);
	if (!err)
		err = register_ftrace_function(&h->ops);
	if (err == -EBUSY)
		pr_err("function tracing is off: kernel.ftrace_enabled must be 1\n");
	if (err)
		ftrace_free_filter(&h->ops);
	return err;
}

static void detach_ftrace(struct hook *h)
{
	unregister_ftrace_function(&h->ops);
	ftrace_free_filter(&h->ops);
}
#else
static int attach_ftrace(struct hook *h)
{
	return -EOPNOTSUPP;
}

static void detach_ftrace(struct hook *h) {}
#endif

static int by_kprobe(struct kprobe *probe, struct pt_regs *regs)
{
	struct hook *h = container_of(probe, struct hook, probe);

	h->enter(regs_get_kernel_argument(regs, 0), regs_get_kernel_argument(regs, 1),
		 regs_get_kernel_argument(regs, 2));
	return 0;
}

static int attach_kprobe(struct hook *h)
{
	h->probe.symbol_name = h->symbol;
	h->probe.pre_handler = by_kprobe;
	return register_kprobe(&h->probe);
}

int hook_attach(struct hook *h)
{
	bool is_ftrace = COMPAT_FTRACE && !kprobes;
	int err = is_ftrace ? attach_ftrace(h) : attach_kprobe(h);

	if (err) {
		pr_err("cannot enter %s: error %d\n", h->symbol, -err);
		return err;
	}
	if (!is_ftrace)
		blind |= ORIGIN_BLIND_FTRACE;
	h->by_ftrace = is_ftrace;
	h->by_kprobe = !is_ftrace;
	hook_is_on(h->is);
	return 0;
}

void hook_detach(struct hook *h)
{
	if (h->by_kprobe)
		unregister_kprobe(&h->probe);
	if (h->by_ftrace)
		detach_ftrace(h);
	h->by_kprobe = false;
	h->by_ftrace = false;
}

static void compare(struct tracepoint *point, void *arg)
{
	struct hook_point *p = arg;

	if (!strcmp(point->name, p->name))
		p->point = point;
}

/* The kernel's tracepoints are not exported by name, but they can be walked. */
int hook_point_attach(struct hook_point *p)
{
	int err = -ENOENT;

	for_each_kernel_tracepoint(compare, p)
		;
	if (p->point)
		err = tracepoint_probe_register(p->point, p->probe, NULL);
	if (err) {
		pr_err("cannot attach to %s: error %d\n", p->name, -err);
		p->point = NULL;
		return err;
	}
	hook_is_on(p->is);
	return 0;
}

void hook_point_detach(struct hook_point *p)
{
	if (p->point)
		tracepoint_probe_unregister(p->point, p->probe, NULL);
	p->point = NULL;
}

void hook_wait(void)
{
	tracepoint_synchronize_unregister();
}
