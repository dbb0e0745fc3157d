/*
 * state - what a task carries, how it is inherited and promoted, and the records made of it.
 *
 * Included by each variant's programs. Per task in task storage, so that the kernel frees it. A
 * task without an entry carries nothing: for most, a hook costs one failed lookup.
 */
#ifndef SPOOR_ORIGIN_BPF_STATE_BPF_H
#define SPOOR_ORIGIN_BPF_STATE_BPF_H

/* The kernel's types come before all that is made of them. */
/* clang-format off */
#include <vmlinux.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "origin/bpf/shared.h"
/* clang-format on */

#define AF_INET 2
#define AF_INET6 10
#define INLINE static __always_inline
#define PID_ONE 1

char LICENSE[] SEC("license") = "GPL";

struct hop { /* of an outgoing connection: what a mirrored accept inherits */
	struct origin_flow root;
	__u32 depth;
	__u32 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BPF_OUTGOING_MAX);
	__type(key, struct origin_flow);
	__type(value, struct hop);
} outgoing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BPF_RING_OCTETS);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} controls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

INLINE void count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);

	if (counter)
		(*counter)++;
}

INLINE struct control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&controls, &zero);
}

INLINE const struct bpf_rules *rules_of(const struct control *ctl)
{
	return ctl->rules_at & 1 ? &ctl->rules[1] : &ctl->rules[0];
}

INLINE bool is_elsewhere(const struct origin_source *s)
{
	return s->type >= ORIGIN_REMOTE;
}

/* --- rules ----------------------------------------------------------------------------------- */

INLINE bool rule_matches(const struct bpf_rule *row, const __u64 far[2], __u16 port, __u8 proto,
                         __u32 uid)
{
	return ((far[0] ^ row->net[0]) & row->mask[0]) == 0 &&
	       ((far[1] ^ row->net[1]) & row->mask[1]) == 0 &&
	       (row->proto == 0 || row->proto == proto) && port >= row->port_low &&
	       port <= row->port_high && uid >= row->uid_low && uid <= row->uid_high;
}

/* enum origin_action for a flow of `uid`. A function of its own to the verifier. */
__noinline int rules_action(const struct origin_flow *f, __u32 uid)
{
	struct control *ctl = control_get();
	const struct bpf_rules *rules;
	bool is_out;
	__u64 far[2];

	if (!ctl || !f)
		return ORIGIN_ACTION_NONE;
	rules = rules_of(ctl);
	is_out = f->direction == ORIGIN_OUT;
	__builtin_memcpy(far, is_out ? f->daddr : f->saddr, sizeof(far));
	for (__u32 i = 0; i < ORIGIN_RULES_MAX; i++) {
		if (i >= rules->count)
			break;
		if (rule_matches(&rules->rows[i], far, is_out ? f->dport : f->sport, f->proto, uid))
			return rules->rows[i].action;
	}
	return (int)rules->fallback;
}

INLINE bool carries(const struct task_state *s)
{
	return s && (is_elsewhere(&s->c.origin) || is_elsewhere(&s->c.last));
}

/* Is a record of this flow wanted? Counts those that are not, though they are of remote origin. */
INLINE bool is_wanted(const struct origin_flow *f, __u32 uid, bool is_carrier)
{
	int action = rules_action(f, uid);

	if (action == ORIGIN_ACTION_ALL || (action == ORIGIN_ACTION_REMOTE && is_carrier))
		return true;
	if (is_carrier)
		count(COUNTER_SUPPRESSED);
	return false;
}

/* --- a task ---------------------------------------------------------------------------------- */

INLINE struct task_state *state_own(struct task_struct *task)
{
	return bpf_task_storage_get(&tasks, task, 0, 0);
}

/* The thread's, else its group's. */
INLINE struct task_state *state_of(struct task_struct *task)
{
	struct task_state *s = state_own(task);
	struct task_struct *leader;

	if (s || task->pid == task->tgid)
		return s;
	leader = task->group_leader;
	return leader ? state_own(leader) : NULL;
}

INLINE struct task_state *state_make(struct task_struct *task)
{
	struct task_state *s = state_own(task);

	if (s)
		return s;
	s = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	count(s ? COUNTER_TASKS_BEGUN : COUNTER_LOST_TASKS);
	return s;
}

INLINE __u32 session_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->sessionid) ? task->sessionid : ORIGIN_NOBODY;
}

INLINE __u32 loginuid_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? task->loginuid.val : ORIGIN_NOBODY;
}

/* Another thread of the group copies `cred`, which the task alone changes: read for the current. */
INLINE __u32 uid_of(struct task_struct *task)
{
	const struct cred *cred = task->cred;

	return cred ? cred->uid.val : ORIGIN_NOBODY;
}

INLINE __u64 start_of(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	return leader ? leader->start_boottime : 0;
}

/* As new_encode_dev() does of the kernel's own dev_t. */
INLINE __u32 dev_encode(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

INLINE __u32 pidns_of(struct task_struct *task, struct nsproxy *ns)
{
	struct pid_namespace *pidns = ns->pid_ns_for_children;
	struct pid *pid = task->thread_pid;

	/* Who has unshared is still in the parent: only its children are not. */
	if (pidns && pid && pidns->level > pid->level)
		pidns = pidns->parent;
	return pidns ? pidns->ns.inum : 0;
}

INLINE void fill_namespaces(struct origin_process *p, struct task_struct *task)
{
	struct nsproxy *ns = task->nsproxy;
	struct net *net;
	struct mnt_namespace *mnt;

	if (!ns) /* of who is about to end */
		return;
	p->pidns = pidns_of(task, ns);
	net = ns->net_ns;
	if (net)
		p->netns = net->ns.inum;
	mnt = ns->mnt_ns;
	if (mnt)
		p->mntns = mnt->ns.inum;
}

INLINE bool fill_exe(struct origin_process *p, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : NULL;
	struct inode *inode = exe ? exe->f_inode : NULL;
	struct super_block *sb = inode ? inode->i_sb : NULL;

	if (!sb)
		return false;
	p->exe_ino = inode->i_ino;
	p->exe_dev = dev_encode(sb->s_dev);
	return true;
}

INLINE __u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgroup = set ? set->dfl_cgrp : NULL;
	struct kernfs_node *node = cgroup ? cgroup->kn : NULL;

	return node ? node->id : 0;
}

INLINE void fill_task(struct origin_record *r, struct task_struct *task, const struct control *ctl)
{
	struct origin_process *p = &r->process;
	struct task_struct *parent = task->real_parent;
	const struct cred *cred = task->cred;

	p->start_ns = start_of(task);
	p->pid = (__u32)task->tgid;
	p->tid = (__u32)task->pid;
	if (parent)
		p->ppid = (__u32)parent->tgid;
	p->cgroup = cgroup_of(task);
	if (!fill_exe(p, task))
		r->head.flags |= ORIGIN_FLAG_NO_EXE;
	if (p->start_ns < ctl->begin_boot_ns)
		r->head.flags |= ORIGIN_FLAG_PRELOAD;
	fill_namespaces(p, task);
	__builtin_memcpy(p->comm, task->comm, sizeof(p->comm));
	p->comm[sizeof(p->comm) - 1] = 0;
	if (cred) {
		struct user_namespace *userns = cred->user_ns;

		p->userns = userns ? userns->ns.inum : 0;
		r->user.uid = cred->uid.val;
		r->user.gid = cred->gid.val;
	}
	r->user.loginuid = loginuid_of(task);
	r->user.session = session_of(task);
	r->user.origin_loginuid = r->user.origin_session = ORIGIN_NOBODY;
}

INLINE void fill_sources(struct origin_record *r, struct task_state *s)
{
	if (!s)
		return;
	bpf_spin_lock(&s->lock);
	r->origin = s->c.origin;
	r->last = s->c.last;
	if (is_elsewhere(&s->c.origin)) {
		r->root = s->c.origin_root;
		r->user.origin_loginuid = s->c.origin_loginuid;
		r->user.origin_session = s->c.origin_session;
	} else {
		r->root = s->c.last_root;
	}
	if (s->c.accepts > 1)
		r->head.flags |= ORIGIN_FLAG_AMBIGUOUS;
	bpf_spin_unlock(&s->lock);
}

/* --- records --------------------------------------------------------------------------------- */

INLINE void head_begin(struct origin_record *r, __u8 kind, const struct control *ctl)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->head.length = sizeof(*r);
	r->head.major = ORIGIN_ABI_MAJOR;
	r->head.kind = kind;
	r->head.boot_ns = bpf_ktime_get_boot_ns();
	r->head.time_ns = r->head.boot_ns + ctl->wall_offset_ns;
}

INLINE void record_submit(struct origin_record *r)
{
	bool is_much = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= BPF_WAKE_OCTETS;

	bpf_ringbuf_submit(r, is_much ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Room for a record; its number is spent either way, so that a loss is a leap in the numbers. */
INLINE struct origin_record *record_reserve(struct control *ctl, __u64 *seq)
{
	struct origin_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	*seq = __sync_fetch_and_add(&ctl->seq, 1);
	return r;
}

static __noinline int lost_tell(struct control *ctl)
{
	__u64 lost, seq;
	struct origin_record *r;

	if (!ctl || ctl->lost_pending == 0)
		return 0;
	lost = __sync_lock_test_and_set(&ctl->lost_pending, 0);
	if (lost == 0)
		return 0;
	r = record_reserve(ctl, &seq);
	if (!r) { /* this one is lost too */
		__sync_fetch_and_add(&ctl->lost_pending, lost + 1);
		count(COUNTER_LOST);
		return 0;
	}
	head_begin(r, ORIGIN_KIND_LOST, ctl);
	r->head.seq = seq;
	r->tally.packets = lost;
	record_submit(r);
	return 0;
}

INLINE struct origin_record *record_begin(__u8 kind, struct control *ctl)
{
	struct origin_record *r;
	__u64 seq;

	lost_tell(ctl);
	r = record_reserve(ctl, &seq);
	if (!r) {
		__sync_fetch_and_add(&ctl->lost_pending, 1);
		count(COUNTER_LOST);
		return NULL;
	}
	head_begin(r, kind, ctl);
	r->head.seq = seq;
	return r;
}

/* A whole record of `task`; `flow` may be NULL. */
static __noinline int record_emit(__u32 kind, struct task_struct *task,
                                  const struct origin_flow *flow)
{
	struct control *ctl = control_get();
	struct origin_record *r = ctl ? record_begin((__u8)kind, ctl) : NULL;

	if (!r)
		return 0;
	fill_task(r, task, ctl);
	fill_sources(r, state_of(task));
	if (flow)
		r->flow = *flow;
	record_submit(r);
	return 1;
}

#endif
