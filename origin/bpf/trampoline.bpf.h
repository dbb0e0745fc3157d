/*
 * trampoline - the hooks of the kernel module, for kernels that offer BPF trampolines: an accept as
 * its socket is grafted, behind the wait for it and whoever asked; a connection as its SYN is about
 * to go; a login as it is written; a datagram as its receiver takes it.
 */
#ifndef SPOOR_ORIGIN_BPF_TRAMPOLINE_BPF_H
#define SPOOR_ORIGIN_BPF_TRAMPOLINE_BPF_H

#include "origin/bpf/datagram.bpf.h"

#define TASK_EXITING 0x00000004 /* PF_ */
#define TASK_KERNEL 0x00200000

INLINE bool is_ours(const struct task_struct *task)
{
	return !(task->flags & (TASK_EXITING | TASK_KERNEL));
}

/* The connection of `sk`; false: it is none. */
INLINE bool connection_of(const struct sock *sk, struct origin_flow *f, __u8 direction)
{
	if (proto_of(sk->sk_protocol) != PROTO_TCP || !flow_of_sock(sk, f, direction))
		return false;
	f->proto = PROTO_TCP;
	return f->sport != 0 && f->dport != 0;
}

/* --- connections ----------------------------------------------------------------------------- */

SEC("fentry/security_sock_graft")
int BPF_PROG(on_graft, struct sock *sk, struct socket *parent)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct origin_flow flow;

	if (!is_ours(task) || !connection_of(sk, &flow, ORIGIN_IN))
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_ACCEPT);
	accept_take(task, &flow);
	return 0;
}

SEC("fentry/tcp_connect")
int BPF_PROG(on_connect, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct control *ctl = control_get();
	struct origin_flow flow, key;
	struct task_state *s;
	struct hop hop;

	if (!ctl || !is_ours(task) || !connection_of(sk, &flow, ORIGIN_OUT))
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_CONNECT);
	login_check(task);
	s = state_of(task);
	if (carries(s)) {
		hop_of(&hop, s);
		outgoing_key(&key, &flow, ctl);
		bpf_map_update_elem(&outgoing, &key, &hop, BPF_ANY);
	}
	if (is_wanted(&flow, uid_of(task), carries(s)))
		record_emit(ORIGIN_KIND_CONNECT, task, &flow);
	return 0;
}

/* --- login ----------------------------------------------------------------------------------- */

/* (loginuid), and what came of it: not by BPF_PROG, which takes no structures. */
SEC("fexit/audit_set_loginuid")
int on_login(__u64 *ctx)
{
	if ((int)ctx[1] != 0)
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_LOGIN);
	login_check(bpf_get_current_task_btf());
	return 0;
}

SEC("fexit/commit_creds")
int BPF_PROG(on_creds, struct cred *new)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *s = state_of(task);

	if (!s || s->c.uid != 0 || uid_of(task) == 0)
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_SETUID);
	login_check(task);
	return 0;
}

/* --- datagrams ------------------------------------------------------------------------------- */

/* Addresses, protocol and ports of an IP packet; 0: it is none that is wanted, else octets of
 * headers. */
INLINE __u32 read_headers(const struct sk_buff *skb, bool is_v4, struct origin_flow *f)
{
	const void *at = skb->head + skb->network_header;
	struct ports ports;
	struct ipv6hdr v6;
	struct iphdr v4;
	__u32 len = sizeof(v6);

	if (is_v4) {
		if (bpf_probe_read_kernel(&v4, sizeof(v4), at))
			return 0;
		flow_of_v4(f, &v4);
		len = v4.ihl * 4U;
	} else {
		if (bpf_probe_read_kernel(&v6, sizeof(v6), at))
			return 0;
		flow_of_v6(f, &v6);
	}
	if (f->proto != PROTO_UDP)
		return is_datagram(f->proto) ? len : 0;
	if (bpf_probe_read_kernel(&ports, sizeof(ports), at + len))
		return 0;
	f->sport = bpf_ntohs(ports.source);
	f->dport = bpf_ntohs(ports.dest);
	return len + sizeof(struct udphdr);
}

/*
 * Packets are also sent by interrupts, in the middle of whatever task runs: but not those of a
 * socket that a process holds. The kernel's own sockets have no file.
 */
INLINE int send(const struct net *net, const struct sock *sk, const struct sk_buff *skb, bool is_v4)
{
	const struct socket *socket = sk ? sk->sk_socket : NULL;
	struct task_struct *task = bpf_get_current_task_btf();
	struct origin_flow flow = {0};
	const struct dst_entry *dst;
	__u32 len;

	if (!socket || !socket->file || !is_ours(task) || proto_of(sk->sk_protocol) == PROTO_TCP)
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_SEND);
	len = read_headers(skb, is_v4, &flow);
	if (len == 0)
		return 0;
	dst = (const struct dst_entry *)(skb->_skb_refdst & ~1UL);
	flow.direction = ORIGIN_OUT;
	flow.ifindex = (__u32)BPF_CORE_READ(dst, dev, ifindex);
	flow.netns = net->ns.inum;
	datagram(task, &flow, skb->len > len ? skb->len - len : 0);
	return 0;
}

SEC("fentry/__ip_local_out")
int BPF_PROG(on_send4, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return send(net, sk, skb, true);
}

SEC("fentry/__ip6_local_out")
int BPF_PROG(on_send6, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return send(net, sk, skb, false);
}

/* Of a datagram that is only peeked at, `octets` are negative. */
SEC("fentry/skb_consume_udp")
int BPF_PROG(on_consume, struct sock *sk, struct sk_buff *skb, int octets)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct origin_flow flow = {0};

	if (octets < 0 || !is_ours(task))
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_RECEIVE);
	if (read_headers(skb, skb->protocol == bpf_htons(PACKET_IP), &flow) == 0)
		return 0;
	flow.direction = ORIGIN_IN;
	flow.ifindex = (__u32)skb->skb_iif;
	flow.netns = sk->__sk_common.skc_net.net->ns.inum;
	datagram(task, &flow, (__u32)octets);
	return 0;
}

#endif
