// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: The hot path. What goes out is seen by netfilter behind all filters, in the sender's own
 * context, so that no port has to be looked up for its process; what comes in, when its receiver
 * takes it. A process that carries nothing is let go before its packet is even looked at, unless a
 * rule wants it.
 */
#include "origin/kmod/datagram.h"

#include "origin/kmod/addr.h"
#include "origin/kmod/count.h"
#include "origin/kmod/flow.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/report.h"
#include "origin/kmod/rules.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>
#include <net/net_namespace.h>

/* Ports and payload of what stands at `at`, for UDP. Anything else has no ports here. */
static u32 parse_transport(const struct sk_buff *skb, u32 at, struct origin_flow *f)
{
	struct udphdr room;
	const struct udphdr *udp;

	if (f->proto != IPPROTO_UDP && f->proto != IPPROTO_UDPLITE)
		return skb->len - at;
	udp = skb_header_pointer(skb, at, sizeof(room), &room);
	if (!udp)
		return 0;
	f->sport = ntohs(udp->source);
	f->dport = ntohs(udp->dest);
	return skb->len - at - sizeof(room);
}

/* A packet to be sent, from its IP header on. Octets of payload, or a negative error. */
static s64 parse(const struct sk_buff *skb, bool is_v4, struct origin_flow *f)
{
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} room;
	const void *header =
		skb_header_pointer(skb, 0, is_v4 ? sizeof(room.v4) : sizeof(room.v6), &room);
	const struct iphdr *v4 = header;
	const struct ipv6hdr *v6 = header;
	int at = sizeof(*v6);
	__be16 fragment;

	if (!header)
		return -EINVAL;
	if (is_v4) {
		addr_v4(f->saddr, v4->saddr);
		addr_v4(f->daddr, v4->daddr);
		f->proto = v4->protocol;
		at = v4->ihl * 4;
	} else {
		addr_v6(f->saddr, &v6->saddr);
		addr_v6(f->daddr, &v6->daddr);
		f->proto = v6->nexthdr;
		if (f->proto != IPPROTO_UDP)
			at = ipv6_skip_exthdr(skb, at, &f->proto, &fragment);
	}
	if (at < 0 || at > skb->len || !f->proto)
		return -EINVAL;
	return parse_transport(skb, at, f);
}

static unsigned int on_send(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct sock *sk = state->sk;
	struct origin_flow f = {};
	struct carrier_view v;
	s64 octets;

	/* TCP has its own hook; a packet that is not current's own is nobody's. */
	if ((sk && (!sk_fullsock(sk) || sk->sk_type == SOCK_STREAM)) || !in_task() ||
	    current->flags & (PF_KTHREAD | PF_EXITING))
		return NF_ACCEPT;
	count_hit(ORIGIN_HOOK_SEND);
	rcu_read_lock();
	if (!report_current(&v) && !rules_want_locals())
		goto out;
	octets = parse(skb, state->pf == NFPROTO_IPV4, &f);
	if (octets < 0)
		goto out;
	f.direction = ORIGIN_OUT;
	f.netns = state->net->ns.inum;
	f.ifindex = state->out ? state->out->ifindex : 0;
	flow_datagram(ORIGIN_KIND_SEND, &f, octets, &v);
out:
	rcu_read_unlock();
	return NF_ACCEPT;
}

static void fill_received(const struct sock *sk, const struct sk_buff *skb, struct origin_flow *f)
{
	const struct udphdr *udp = udp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IP)) {
		addr_v4(f->saddr, ip_hdr(skb)->saddr);
		addr_v4(f->daddr, ip_hdr(skb)->daddr);
	} else {
		addr_v6(f->saddr, &ipv6_hdr(skb)->saddr);
		addr_v6(f->daddr, &ipv6_hdr(skb)->daddr);
	}
	f->sport = ntohs(udp->source);
	f->dport = ntohs(udp->dest);
	f->proto = IPPROTO_UDP;
	f->direction = ORIGIN_IN;
	f->netns = sock_net(sk)->ns.inum;
	f->ifindex = skb->skb_iif;
}

/* (sk, skb, octets); of a datagram that is only peeked at, octets are negative. */
static void on_receive(unsigned long first, unsigned long second, unsigned long third)
{
	int octets = (int)third;
	struct origin_flow f = {};
	struct carrier_view v;

	if (octets < 0 || !in_task() || current->flags & (PF_KTHREAD | PF_EXITING))
		return;
	count_hit(ORIGIN_HOOK_RECEIVE);
	rcu_read_lock();
	if (report_current(&v) || rules_want_locals()) {
		fill_received((const struct sock *)first, (const struct sk_buff *)second, &f);
		flow_datagram(ORIGIN_KIND_RECEIVE, &f, octets, &v);
	}
	rcu_read_unlock();
}

static const struct nf_hook_ops sends[] = {
	{.hook = on_send,
	 .pf = NFPROTO_IPV4,
	 .hooknum = NF_INET_LOCAL_OUT,
	 .priority = NF_IP_PRI_LAST},
	{.hook = on_send,
	 .pf = NFPROTO_IPV6,
	 .hooknum = NF_INET_LOCAL_OUT,
	 .priority = NF_IP6_PRI_LAST},
};

static int __net_init enter_net(struct net *net)
{
	return nf_register_net_hooks(net, sends, ARRAY_SIZE(sends));
}

static void __net_exit leave_net(struct net *net)
{
	nf_unregister_net_hooks(net, sends, ARRAY_SIZE(sends));
}

static struct pernet_operations nets = {.init = enter_net, .exit = leave_net};

static struct hook receive = {
	.symbol = "skb_consume_udp",
	.enter = on_receive,
	.is = ORIGIN_HOOK_RECEIVE,
};

static bool has_nets;

int datagram_attach(void)
{
	int err = register_pernet_subsys(&nets);

	if (err)
		return err;
	has_nets = true;
	hook_is_on(ORIGIN_HOOK_SEND);
	return hook_attach(&receive);
}

void datagram_detach(void)
{
	hook_detach(&receive);
	if (has_nets)
		unregister_pernet_subsys(&nets);
}
