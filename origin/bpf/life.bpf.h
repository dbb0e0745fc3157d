/*
 * life - what every variant does alike: fork copies, exec and exit are told, an accept becomes the
 * last one, a login promotes it; and the programs that answer questions.
 */
#ifndef SPOOR_ORIGIN_BPF_LIFE_BPF_H
#define SPOOR_ORIGIN_BPF_LIFE_BPF_H

#include "origin/bpf/flow.bpf.h"
#include "origin/bpf/state.bpf.h"

/* --- login ----------------------------------------------------------------------------------- */

INLINE void promote(struct carried *c, __u8 type, __u16 flags)
{
	c->origin = c->last;
	c->origin.type = type;
	c->origin.flags |= flags | (c->accepts > 1 ? ORIGIN_SOURCE_AMBIGUOUS : 0);
	c->origin_root = c->last_root;
	c->origin_loginuid = ORIGIN_NOBODY;
	c->origin_session = ORIGIN_NOBODY;
	__builtin_memset(&c->last, 0, sizeof(c->last));
	__builtin_memset(&c->last_root, 0, sizeof(c->last_root));
}

/*
 * Has the task logged in since it was last looked at, or given up uid 0? Asked wherever it matters:
 * before it is inherited, and before it is told.
 */
static __noinline int login_check(struct task_struct *task)
{
	struct task_state *s = state_of(task);
	__u32 session, uid, loginuid;
	bool is_login, is_setuid, is_promoted = false;

	if (!s)
		return 0;
	session = session_of(task);
	loginuid = loginuid_of(task);
	uid = uid_of(task);
	if (session == s->c.session && uid == s->c.uid)
		return 0;
	bpf_spin_lock(&s->lock);
	is_login = session != s->c.session && session != ORIGIN_NOBODY;
	/* A change of uid confirms less than a login does: it never replaces one. */
	is_setuid = s->c.uid == 0 && uid != 0 && s->c.origin.type != ORIGIN_REMOTE;
	s->c.session = session;
	s->c.uid = uid;
	if (is_elsewhere(&s->c.last) && (is_login || is_setuid)) {
		promote(&s->c, is_login ? ORIGIN_REMOTE : ORIGIN_IMPLIED,
		        is_login ? 0 : ORIGIN_SOURCE_SETUID);
		s->c.origin_loginuid = loginuid;
		s->c.origin_session = session;
		is_promoted = true;
	}
	bpf_spin_unlock(&s->lock);
	if (is_promoted && is_wanted(&s->c.origin.flow, uid, true))
		record_emit(ORIGIN_KIND_LOGIN, task, NULL);
	return 0;
}

/* --- accept ---------------------------------------------------------------------------------- */

INLINE void source_begin(struct origin_source *last, struct task_struct *task,
                         const struct origin_flow *flow, const struct control *ctl)
{
	__builtin_memset(last, 0, sizeof(*last));
	last->type = ORIGIN_IMPLIED;
	last->acceptor_pid = (__u32)task->tgid;
	last->acceptor_start_ns = start_of(task);
	last->time_ns = bpf_ktime_get_boot_ns() + ctl->wall_offset_ns;
	last->flow = *flow;
}

/* The connection's key among the outgoing: as it was opened, in its namespace or in any. */
INLINE void outgoing_key(struct origin_flow *key, const struct origin_flow *flow,
                         const struct control *ctl)
{
	*key = *flow;
	key->direction = ORIGIN_DIRECTION_NONE;
	key->ifindex = 0;
	if (rules_of(ctl)->flags & ORIGIN_RULES_HOST)
		key->netns = 0;
}

INLINE void state_accept(struct task_state *s, struct task_struct *task,
                         const struct origin_source *last, const struct origin_flow *root)
{
	__u32 session = session_of(task), uid = uid_of(task);

	bpf_spin_lock(&s->lock);
	s->c.last = *last;
	s->c.last_root = *root;
	s->c.accepts++;
	s->c.session = session;
	s->c.uid = uid;
	bpf_spin_unlock(&s->lock);
}

static __noinline int accept_store(struct task_struct *task, const struct origin_source *last,
                                   const struct origin_flow *root)
{
	struct task_struct *leader = task->group_leader;
	struct task_state *s = state_make(task);

	if (s)
		state_accept(s, task, last, root);
	/* For threads that did not accept themselves, yet may fork or connect. */
	if (task->pid != task->tgid && leader) {
		s = state_make(leader);
		if (s)
			state_accept(s, task, last, root);
	}
	return 0;
}

static __noinline int accept_take(struct task_struct *task, const struct origin_flow *flow)
{
	struct control *ctl = control_get();
	struct origin_flow root = *flow, key;
	struct origin_source last;
	const struct hop *hop;

	if (!ctl)
		return 0;
	login_check(task); /* of the accept before this one */
	source_begin(&last, task, flow, ctl);
	outgoing_key(&key, flow, ctl);
	hop = bpf_map_lookup_elem(&outgoing, &key);
	if (hop) {
		root = hop->root;
		last.depth = (__u8)hop->depth;
		last.flags = (__u16)hop->flags;
	}
	accept_store(task, &last, &root);
	if (is_wanted(flow, uid_of(task), true))
		record_emit(ORIGIN_KIND_ACCEPT, task, flow);
	return 0;
}

/* --- connect --------------------------------------------------------------------------------- */

/* What an accept of this connection on this very host would inherit. */
INLINE void hop_of(struct hop *hop, struct task_state *s)
{
	const struct carried *c = &s->c;
	__u32 depth;

	bpf_spin_lock(&s->lock);
	if (is_elsewhere(&c->origin)) {
		hop->root = c->origin_root;
		depth = c->origin.depth;
	} else {
		hop->root = c->last_root;
		depth = c->last.depth;
	}
	bpf_spin_unlock(&s->lock);
	hop->flags = ORIGIN_SOURCE_SELF_HOP;
	hop->depth = depth + 1;
	if (hop->depth > ORIGIN_DEPTH_MAX) {
		hop->depth = ORIGIN_DEPTH_MAX;
		hop->flags |= ORIGIN_SOURCE_DEPTH_FULL;
	}
}

/* --- fork, exec, exit ------------------------------------------------------------------------ */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	bool is_first = parent->tgid == PID_ONE;
	struct task_state *s, *to;

	count(COUNTER_HITS + ORIGIN_HOOK_FORK);
	if (!state_of(parent))
		return 0;
	login_check(parent);
	s = state_of(parent);
	if (!carries(s))
		return 0;
	to = state_make(child); /* which nobody else knows yet */
	bpf_spin_lock(&s->lock);
	if (to)
		to->c = s->c; /* not by way of the stack, which has no room on Linux 6.1 */
	s->c.accepts = 0;
	if (is_first) { /* the socket went to this child: the next one has nothing to do with it */
		__builtin_memset(&s->c.last, 0, sizeof(s->c.last));
		__builtin_memset(&s->c.last_root, 0, sizeof(s->c.last_root));
	}
	bpf_spin_unlock(&s->lock);
	if (!to)
		return 0;
	if (is_elsewhere(&to->c.last)) {
		to->c.last.flags |= (to->c.accepts > 1 ? ORIGIN_SOURCE_AMBIGUOUS : 0) |
		                    (is_first ? ORIGIN_SOURCE_ACTIVATED : 0);
	}
	to->c.accepts = 0;
	return 0;
}

INLINE bool are_execs_wanted(void)
{
	struct control *ctl = control_get();

	return ctl && (rules_of(ctl)->flags & ORIGIN_RULES_EXEC);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	count(COUNTER_HITS + ORIGIN_HOOK_EXEC);
	login_check(task);
	if (carries(state_of(task)) && are_execs_wanted())
		record_emit(ORIGIN_KIND_EXEC, task, NULL);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_state *s = state_own(task);

	count(COUNTER_HITS + ORIGIN_HOOK_EXIT);
	if (s)
		count(COUNTER_TASKS_ENDED);
	/* The last thread's exit is the process's. */
	if (signal && signal->live.counter == 0 && carries(state_of(task)) && are_execs_wanted())
		record_emit(ORIGIN_KIND_EXIT, task, NULL);
	return 0;
}

/* --- answers --------------------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct origin_record);
} answers SEC(".maps");

static __noinline int answer(struct seq_file *seq, struct task_struct *task)
{
	struct control *ctl = control_get();
	__u32 zero = 0;
	struct origin_record *r = bpf_map_lookup_elem(&answers, &zero);

	if (!ctl || !r)
		return 0;
	head_begin(r, ORIGIN_KIND_TASK, ctl);
	fill_task(r, task, ctl);
	fill_sources(r, state_own(task));
	bpf_seq_write(seq, r, sizeof(*r));
	return 0;
}

SEC("iter/task")
int on_dump(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct control *ctl = control_get();

	if (!ctl || !task || task->pid != task->tgid)
		return 0;
	if (ctl->is_asked_all || carries(state_own(task)))
		answer(ctx->meta->seq, task);
	return 0;
}

SEC("iter/task_file")
int on_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct control *ctl = control_get();
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!ctl || !task || !file || task->pid != task->tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	sk = socket ? socket->sk : NULL;
	if (sk && sock_holds(sk, &ctl->asked_flow))
		answer(ctx->meta->seq, task);
	return 0;
}

#endif
