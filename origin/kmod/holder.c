// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/holder.h"

#include "origin/kmod/addr.h"
#include "origin/kmod/carrier.h"
#include "origin/kmod/compat.h"

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

enum fit { FIT_NONE, FIT_PORT, FIT_FLOW_IN, FIT_FLOW };

struct end {
	const u8 *addr;
	u16 port;
};

struct search {
	const struct origin_flow *flow;
	enum fit fit; /* of the task at hand */
};

static bool is_any(const u8 addr[16])
{
	static const u8 v6[16], v4[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, v6, 16) || !memcmp(addr, v4, 16);
}

static bool is_end(const u8 addr[16], u16 port, const struct end *e)
{
	return port == e->port && !memcmp(addr, e->addr, 16);
}

static enum fit fit(const struct sock *sk, const struct end *near, const struct end *far)
{
	u8 own[16], peer[16];

	if (!addr_of_socket(sk, own, peer) || inet_sk(sk)->inet_num != near->port)
		return FIT_NONE;
	if (is_end(own, near->port, near) && is_end(peer, ntohs(sk->sk_dport), far))
		return FIT_FLOW;
	if (sk->sk_protocol != IPPROTO_UDP || sk->sk_dport)
		return FIT_NONE;
	return is_any(own) || !memcmp(own, near->addr, 16) ? FIT_PORT : FIT_NONE;
}

static int try_file(const void *arg, struct file *file, unsigned int fd)
{
	struct search *s = (struct search *)arg;
	const struct origin_flow *f = s->flow;
	struct end from = {f->saddr, f->sport}, to = {f->daddr, f->dport};
	struct socket *socket = compat_sock_from_file(file);
	const struct sock *sk = socket ? READ_ONCE(socket->sk) : NULL;

	if (!sk || (f->netns && sock_net(sk)->ns.inum != f->netns) ||
	    (sk->sk_protocol != f->proto &&
	     !(sk->sk_protocol == IPPROTO_MPTCP && f->proto == IPPROTO_TCP)))
		return 0;
	if (f->direction != ORIGIN_IN)
		s->fit = max(s->fit, fit(sk, &from, &to));
	if (f->direction != ORIGIN_OUT)
		s->fit = max(s->fit, min(fit(sk, &to, &from), FIT_FLOW_IN));
	return s->fit == FIT_FLOW;
}

/* Of several that hold a connection, a server and its session, who came from elsewhere. */
static u32 rank(struct task_struct *t, enum fit fit)
{
	struct carrier_view v;

	if (fit == FIT_NONE)
		return 0;
	carrier_view(t, &v);
	return fit * 4 + (v.origin ? 2 : 0) + (v.last ? 1 : 0);
}

struct task_struct *holder_find(const struct origin_flow *f)
{
	struct task_struct *t, *found = NULL;
	u32 best = 0;

	rcu_read_lock();
	for_each_process(t) {
		struct search s = {.flow = f};

		task_lock(t);
		if (t->files)
			iterate_fd(t->files, 0, try_file, &s);
		task_unlock(t);
		if (rank(t, s.fit) > best) {
			best = rank(t, s.fit);
			found = t;
		}
	}
	if (found)
		get_task_struct(found);
	rcu_read_unlock();
	return found;
}
