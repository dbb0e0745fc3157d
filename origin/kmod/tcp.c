// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: An accept is seen where the new socket is grafted onto its file, by the task that takes it.
 * That is behind the wait for a connection: a task that has been waiting since before the module
 * came is seen like any other, which a probe of the accept itself would miss.
 *
 * A connection is seen as its SYN is about to go, addresses and ports chosen, in the context of the
 * task that connects.
 */
#include "origin/kmod/tcp.h"

#include "origin/kmod/activation.h"
#include "origin/kmod/addr.h"
#include "origin/kmod/count.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/link.h"
#include "origin/kmod/past.h"
#include "origin/kmod/report.h"
#include "origin/kmod/rules.h"

#include <linux/ktime.h>

static bool is_ours(void)
{
	return in_task() && !(current->flags & (PF_KTHREAD | PF_EXITING));
}

/* What a self-hop adds: how far it is to the first hop that is known, and which that is. */
static void follow(struct source *s, const struct source *via)
{
	s->shown.flags |= ORIGIN_SOURCE_SELF_HOP;
	if (!via)
		return;
	s->root = via->root;
	s->shown.flags |= via->shown.flags & ORIGIN_SOURCE_DEPTH_FULL;
	s->shown.depth = via->shown.depth;
	if (s->shown.depth == ORIGIN_DEPTH_MAX)
		s->shown.flags |= ORIGIN_SOURCE_DEPTH_FULL;
	else
		s->shown.depth++;
}

static struct source *source_of(const struct origin_flow *f, const struct link_peer *peer,
				bool is_init)
{
	struct source made = {
		.shown = {.type = ORIGIN_IMPLIED,
			  .acceptor_pid = current->tgid,
			  .acceptor_start_ns = current->group_leader->start_boottime,
			  .time_ns = ktime_get_real_ns(),
			  .flow = *f},
		.root = *f,
		.loginuid = ORIGIN_NOBODY,
		.session = ORIGIN_NOBODY,
	};

	if (is_init)
		made.shown.flags |= ORIGIN_SOURCE_ACTIVATED;
	if (peer)
		follow(&made, peer->via);
	return source_new(&made);
}

static void take(const struct origin_flow *f, const struct link_peer *peer)
{
	bool is_init = is_global_init(current);
	struct carrier_view v;
	struct source *s = source_of(f, peer, is_init);

	if (!s)
		return;
	if (is_init)
		activation_add(s);
	else
		carrier_accept(s);
	if (rules_want(f, true)) {
		rcu_read_lock();
		report_current(&v);
		v.last = s; /* PID 1, or there was no room */
		report(ORIGIN_KIND_ACCEPT, f, &v);
		rcu_read_unlock();
	}
	source_put(s);
}

/* Nothing from elsewhere: the acceptor's past decides, and by default it is nobody's business. */
static void take_local(const struct origin_flow *f)
{
	struct carrier_view v;

	carrier_accept_local();
	rcu_read_lock();
	report_current(&v);
	if (rules_want(f, carrier_is_remote(&v)))
		report(ORIGIN_KIND_ACCEPT, f, &v);
	rcu_read_unlock();
}

static void on_accept(unsigned long first, unsigned long second, unsigned long third)
{
	struct link_peer peer = {};
	struct origin_flow f;
	bool is_own;

	if (!is_ours() || !addr_of_connection((const struct sock *)first, ORIGIN_IN, &f))
		return;
	count_hit(ORIGIN_HOOK_ACCEPT);
	is_own = link_find(&f, rules_flags() & ORIGIN_RULES_HOST, &peer);
	if (peer.is_local)
		take_local(&f);
	else
		take(&f, is_own ? &peer : NULL);
	source_put(peer.via);
}

static void on_connect(unsigned long first, unsigned long second, unsigned long third)
{
	struct link_peer self = {};
	struct carrier_view v;
	struct origin_flow f;

	if (!is_ours() || !addr_of_connection((const struct sock *)first, ORIGIN_OUT, &f))
		return;
	count_hit(ORIGIN_HOOK_CONNECT);
	rcu_read_lock();
	report_current(&v);
	self.via = v.origin ?: v.last;
	self.is_local = !self.via && past_type(current) == ORIGIN_LOCAL;
	link_add(&f, &self);
	if (rules_want(&f, carrier_is_remote(&v)))
		report(ORIGIN_KIND_CONNECT, &f, &v);
	rcu_read_unlock();
}

static struct hook accept = {
	.symbol = "security_sock_graft",
	.enter = on_accept,
	.is = ORIGIN_HOOK_ACCEPT,
};

static struct hook connect = {
	.symbol = "tcp_connect",
	.enter = on_connect,
	.is = ORIGIN_HOOK_CONNECT,
};

int tcp_attach(void)
{
	return hook_attach(&accept) ?: hook_attach(&connect);
}

void tcp_detach(void)
{
	hook_detach(&connect);
	hook_detach(&accept);
}
