// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/control.h"

#include "origin/kmod/carrier.h"
#include "origin/kmod/count.h"
#include "origin/kmod/holder.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/past.h"
#include "origin/kmod/report.h"
#include "origin/kmod/ring.h"
#include "origin/kmod/rules.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define DUMP_AT_ONCE 32U /* on the stack */

static bool is_pinned;

void control_is_pinned(void)
{
	is_pinned = true;
}

static bool is_own(const struct task_struct *t)
{
	bool ret;

	rcu_read_lock();
	ret = uid_eq(__task_cred(t)->uid, current_uid());
	rcu_read_unlock();
	return ret;
}

static long getorigin(void __user *arg)
{
	struct origin_record r;
	struct task_struct *t;
	long ret = 0;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	rcu_read_lock();
	t = pid_task(find_vpid(r.process.pid), PIDTYPE_TGID);
	if (t)
		get_task_struct(t);
	rcu_read_unlock();
	if (!t)
		return -ESRCH;
	if (!is_own(t) && !capable(CAP_SYS_ADMIN))
		ret = -EPERM;
	else
		report_task(&r, t);
	put_task_struct(t);
	return ret ?: copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long portpid(void __user *arg)
{
	struct origin_portpid p;
	struct task_struct *t;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	if (p.flow.direction > ORIGIN_OUT || p.flow.reserved || !p.flow.proto)
		return -EINVAL;
	t = holder_find(&p.flow);
	if (!t)
		return -ESRCH;
	report_task(&p.record, t);
	put_task_struct(t);
	return copy_to_user(arg, &p, sizeof(p)) ? -EFAULT : 0;
}

static struct task_struct *find_started(const struct origin_process *p)
{
	struct task_struct *t;

	rcu_read_lock();
	t = pid_task(find_vpid(p->pid), PIDTYPE_TGID);
	if (t && t->start_boottime == p->start_ns)
		get_task_struct(t);
	else
		t = NULL;
	rcu_read_unlock();
	return t;
}

static bool is_of_file(const struct origin_record *r)
{
	return r->origin.type == ORIGIN_FILE && r->origin.flow.proto &&
	       r->origin.flow.direction == ORIGIN_IN && !r->origin.flow.reserved && r->root.proto &&
	       r->root.direction == ORIGIN_IN && !r->root.reserved;
}

static long give_origin(const struct origin_record *r)
{
	struct source made = {
		.shown = r->origin,
		.root = r->root,
		.loginuid = r->user.origin_loginuid,
		.session = r->user.origin_session,
	};
	struct task_struct *t = find_started(&r->process);
	struct source *s = t ? source_new(&made) : NULL;
	long ret = !t ? -ESRCH : !s ? -ENOMEM : carrier_give(t, s);

	source_put(s);
	if (t)
		put_task_struct(t);
	return ret;
}

static long set_origin(void __user *arg)
{
	struct origin_record *r = memdup_user(arg, sizeof(*r));
	long ret;

	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = is_of_file(r) ? give_origin(r) : -EINVAL;
	kfree(r);
	return ret;
}

static struct task_struct *find_same(const struct carrier_id *id)
{
	struct task_struct *t;

	rcu_read_lock();
	t = pid_task(find_pid_ns(id->pid, &init_pid_ns), PIDTYPE_TGID);
	if (t && t->start_boottime == id->start_ns)
		get_task_struct(t);
	else
		t = NULL;
	rcu_read_unlock();
	return t;
}

static long copy_tasks(struct origin_record __user *to, const struct carrier_id *ids, u32 *count)
{
	struct origin_record r;
	u32 i, written = 0;

	for (i = 0; i < *count; i++) {
		struct task_struct *t = find_same(&ids[i]);

		if (!t) /* it has ended since */
			continue;
		report_task(&r, t);
		put_task_struct(t);
		if (copy_to_user(&to[written++], &r, sizeof(r)))
			return -EFAULT;
	}
	*count = written;
	return 0;
}

static long dump(void __user *arg)
{
	struct carrier_id ids[DUMP_AT_ONCE];
	struct origin_dump d;
	long err = 0;

	if (copy_from_user(&d, arg, sizeof(d)))
		return -EFAULT;
	if (!d.count || d.reserved)
		return -EINVAL;
	d.count = min(d.count, DUMP_AT_ONCE);
	/* Those of a round may all have ended: zero records mean the end only with the cursor. */
	if (d.cursor == ~0ULL)
		d.count = 0;
	else
		d.count = carrier_list(&d.cursor, ids, d.count);
	err = copy_tasks(u64_to_user_ptr(d.records), ids, &d.count);
	return err ?: copy_to_user(arg, &d, sizeof(d)) ? -EFAULT : 0;
}

static long get_rules(void __user *arg)
{
	struct origin_rules *r = kmalloc(sizeof(*r), GFP_KERNEL);
	long ret = 0;

	if (!r)
		return -ENOMEM;
	rules_get(r);
	if (copy_to_user(arg, r, sizeof(*r)))
		ret = -EFAULT;
	kfree(r);
	return ret;
}

static long set_rules(void __user *arg)
{
	struct origin_rules *r = memdup_user(arg, sizeof(*r));
	long ret;

	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = rules_set(r);
	kfree(r);
	return ret;
}

static long get_stats(void __user *arg)
{
	struct origin_stats s = {
		.major = ORIGIN_ABI_MAJOR,
		.minor = ORIGIN_ABI_MINOR,
		.hooks = hook_all(),
		.blind = hook_blind() | (past_is_late() ? ORIGIN_BLIND_LATE : 0),
		.is_pinned = is_pinned,
		.seq = ring_seq(),
		.lost = ring_lost(),
		.tasks = carrier_alive(),
		.tasks_max = carrier_max(),
		.sources = source_alive(),
		.sources_max = source_max(),
	};

	count_sum(&s);
	return copy_to_user(arg, &s, sizeof(s)) ? -EFAULT : 0;
}

static const struct {
	unsigned int request;
	long (*answer)(void __user *arg);
	bool is_for_all; /* it decides itself */
} calls[] = {
	{.request = ORIGIN_IOC_GETORIGIN, .answer = getorigin, .is_for_all = true},
	{.request = ORIGIN_IOC_PORTPID, .answer = portpid},
	{.request = ORIGIN_IOC_DUMP, .answer = dump},
	{.request = ORIGIN_IOC_RULES_GET, .answer = get_rules},
	{.request = ORIGIN_IOC_RULES_SET, .answer = set_rules},
	{.request = ORIGIN_IOC_STATS, .answer = get_stats},
	{.request = ORIGIN_IOC_SETORIGIN, .answer = set_origin},
};

static long spoor_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].request != request)
			continue;
		if (!calls[i].is_for_all && !capable(CAP_SYS_ADMIN))
			return -EPERM;
		return calls[i].answer((void __user *)arg);
	}
	return -ENOTTY;
}

static ssize_t spoor_read(struct file *file, char __user *to, size_t len, loff_t *at)
{
	return ring_read(file, to, len);
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.read = spoor_read,
	.poll = ring_poll,
	.unlocked_ioctl = spoor_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "spoor_origin",
	.fops = &operations,
	.mode = 0400,
};

int control_add(void)
{
	return misc_register(&device);
}

void control_remove(void)
{
	misc_deregister(&device);
}
