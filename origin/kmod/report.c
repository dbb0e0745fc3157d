// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/report.h"

#include "origin/kmod/past.h"
#include "origin/kmod/ring.h"

#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mm_types.h>
#include <linux/namei.h>
#include <linux/ns_common.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

/*
 * struct mnt_namespace is private to fs/. Its first member has been an ns_common since 5.11; that
 * this is so here is proved once, by asking procfs for our own.
 */
static bool can_see_mntns;

static u32 mntns_of(const struct nsproxy *ns)
{
	return can_see_mntns ? ((const struct ns_common *)ns->mnt_ns)->inum : 0;
}

void report_init(void)
{
	struct path path;

	if (kern_path("/proc/self/ns/mnt", LOOKUP_FOLLOW, &path))
		return;
	can_see_mntns = true;
	can_see_mntns = mntns_of(current->nsproxy) == d_inode(path.dentry)->i_ino;
	path_put(&path);
}

static u32 exe_of(struct origin_process *p, struct task_struct *t)
{
	struct file *exe;

	exe = t->mm && !(t->flags & PF_KTHREAD) ? rcu_dereference(t->mm->exe_file) : NULL;
	if (exe && file_inode(exe)) {
		p->exe_ino = file_inode(exe)->i_ino;
		p->exe_dev = new_encode_dev(file_inode(exe)->i_sb->s_dev);
	}
	return p->exe_ino ? 0 : ORIGIN_FLAG_NO_EXE;
}

static void fill_namespaces(struct origin_process *p, struct task_struct *t)
{
	struct pid_namespace *pidns = task_active_pid_ns(t);

	if (t->nsproxy) {
		p->netns = t->nsproxy->net_ns->ns.inum;
		p->mntns = mntns_of(t->nsproxy);
	}
	if (pidns)
		p->pidns = pidns->ns.inum;
}

static u32 fill_process(struct origin_process *p, struct task_struct *t)
{
	p->start_ns = t->group_leader->start_boottime;
	p->cgroup = cgroup_id(task_dfl_cgroup(t));
	p->pid = t->tgid;
	p->tid = t->pid;
	p->ppid = rcu_dereference(t->real_parent)->tgid;
	memcpy(p->comm, t->comm, sizeof(p->comm));
	p->comm[sizeof(p->comm) - 1] = '\0';
	fill_namespaces(p, t);
	return exe_of(p, t);
}

static void fill_user(struct origin_user *u, struct task_struct *t)
{
	const struct cred *cred = __task_cred(t);

	u->uid = from_kuid(&init_user_ns, cred->uid);
	u->gid = from_kgid(&init_user_ns, cred->gid);
	u->loginuid = from_kuid(&init_user_ns, audit_get_loginuid(t));
	u->session = audit_get_sessionid(t);
	u->origin_loginuid = ORIGIN_NOBODY;
	u->origin_session = ORIGIN_NOBODY;
}

static void fill_sources(struct origin_record *r, struct task_struct *t,
			 const struct carrier_view *v)
{
	if (v->origin) {
		r->origin = v->origin->shown;
		r->user.origin_loginuid = v->origin->loginuid;
		r->user.origin_session = v->origin->session;
	} else {
		r->origin.type = past_type(t);
	}
	if (v->last)
		r->last = v->last->shown;
	if (v->origin || v->last)
		r->root = (v->origin ?: v->last)->root;
	if (v->is_ambiguous)
		r->head.flags |= ORIGIN_FLAG_AMBIGUOUS;
}

void report_fill(struct origin_record *r, struct task_struct *t, const struct carrier_view *v)
{
	r->head.flags |= fill_process(&r->process, t);
	r->process.userns = __task_cred(t)->user_ns->ns.inum;
	fill_user(&r->user, t);
	fill_sources(r, t, v);
	if (past_has(t))
		r->head.flags |= ORIGIN_FLAG_PRELOAD;
}

struct said {
	const struct origin_flow *flow;
	const struct carrier_view *view;
	const struct cred *cred; /* that it takes now; NULL: as it is */
};

static void say(struct origin_record *r, const void *arg)
{
	const struct said *s = arg;

	if (s->flow)
		r->flow = *s->flow;
	report_fill(r, current, s->view);
	if (s->cred) {
		r->user.uid = from_kuid(&init_user_ns, s->cred->uid);
		r->user.gid = from_kgid(&init_user_ns, s->cred->gid);
	}
}

void report(enum origin_kind kind, const struct origin_flow *f, const struct carrier_view *v)
{
	struct said s = {.flow = f, .view = v};

	rcu_read_lock();
	ring_put(kind, say, &s);
	rcu_read_unlock();
}

void report_login(const struct cred *cred)
{
	struct carrier_view v;
	struct said s = {.view = &v, .cred = cred};

	rcu_read_lock();
	carrier_view(current, &v);
	ring_put(ORIGIN_KIND_LOGIN, say, &s);
	rcu_read_unlock();
}

bool report_current(struct carrier_view *ret)
{
	if (!carrier_view(current, ret))
		return false;
	if (likely(!ret->has_login || !ret->last) || !carrier_promote(ORIGIN_REMOTE, 0))
		return true;
	carrier_view(current, ret);
	report(ORIGIN_KIND_LOGIN, NULL, ret);
	return true;
}

void report_task(struct origin_record *ret, struct task_struct *t)
{
	struct carrier_view v;

	ring_head(ret, ORIGIN_KIND_TASK);
	rcu_read_lock();
	carrier_view(t, &v);
	task_lock(t);
	report_fill(ret, t, &v);
	task_unlock(t);
	rcu_read_unlock();
}
