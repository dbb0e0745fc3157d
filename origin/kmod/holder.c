// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/holder.h"

#include "origin/kmod/addr.h"
#include "origin/kmod/compat.h"

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

enum fit { FIT_NONE, FIT_PORT, FIT_FLOW };

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
	s->fit = max3(s->fit, fit(sk, &from, &to), fit(sk, &to, &from));
	return s->fit == FIT_FLOW;
}

struct task_struct *holder_find(const struct origin_flow *f)
{
	struct task_struct *t, *found = NULL;
	enum fit best = FIT_NONE;

	rcu_read_lock();
	for_each_process(t) {
		struct search s = {.flow = f};

		task_lock(t);
		if (t->files)
			iterate_fd(t->files, 0, try_file, &s);
		task_unlock(t);
		if (s.fit > best) {
			best = s.fit;
			found = t;
		}
		if (best == FIT_FLOW)
			break;
	}
	if (found)
		get_task_struct(found);
	rcu_read_unlock();
	return found;
}
