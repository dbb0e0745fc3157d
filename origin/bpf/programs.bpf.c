/*
 * The programs of both variants; the loader takes those of its own. What follows here makes do with
 * tracepoints and cgroup hooks, for kernels that refuse trampolines. What trampoline.bpf.h sees is
 * found one step later: an accept when its system call returns, a connection when it opens, a login
 * at the next fork, exec or flow.
 */
#include "origin/bpf/trampoline.bpf.h"

#define NR_ACCEPT 43 /* x86-64 */
#define NR_ACCEPT4 288
#define NR_ACCEPT4_IA32 364
#define NR_SOCKETCALL_IA32 102
#define NR_X32 0x40000000
#define STATUS_COMPAT 2 /* TS_COMPAT */
#define MODE_FORMAT 0170000
#define MODE_SOCKET 0140000

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak; /* Linux 6.2 */

/* --- accept ---------------------------------------------------------------------------------- */

#define READ_MEMBER(sk, member) BPF_CORE_READ(sk, __sk_common.member)

INLINE bool flow_read(const struct sock *sk, struct origin_flow *f)
{
	__u16 family = READ_MEMBER(sk, skc_family);

	__builtin_memset(f, 0, sizeof(*f));
	if (family == AF_INET) {
		put_v4(f->saddr, READ_MEMBER(sk, skc_daddr));
		put_v4(f->daddr, READ_MEMBER(sk, skc_rcv_saddr));
	} else if (family == AF_INET6) {
		bpf_core_read(f->saddr, 16, &sk->__sk_common.skc_v6_daddr);
		bpf_core_read(f->daddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	} else {
		return false;
	}
	f->sport = bpf_ntohs(READ_MEMBER(sk, skc_dport));
	f->dport = READ_MEMBER(sk, skc_num);
	f->direction = ORIGIN_IN;
	f->proto = PROTO_TCP;
	f->ifindex = (__u32)READ_MEMBER(sk, skc_bound_dev_if);
	f->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return true;
}

INLINE bool is_accept(struct task_struct *task, const struct pt_regs *regs)
{
	__u32 nr = (__u32)regs->orig_ax & ~(__u32)NR_X32;

	if (task->thread_info.status & STATUS_COMPAT)
		return nr == NR_ACCEPT4_IA32 || nr == NR_SOCKETCALL_IA32;
	return nr == NR_ACCEPT || nr == NR_ACCEPT4;
}

/* The socket behind a descriptor of the current task; NULL: it is none (any more). */
INLINE struct sock *sock_of_fd(struct task_struct *task, unsigned long fd)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;

	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & MODE_FORMAT) != MODE_SOCKET)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct origin_flow flow;
	struct sock *sk;
	__u16 protocol;

	if (ret < 0 || !is_accept(task, regs))
		return 0;
	sk = sock_of_fd(task, (unsigned long)ret);
	if (!sk)
		return 0;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (proto_of(protocol) != PROTO_TCP || !flow_read(sk, &flow))
		return 0;
	/* A 32-bit socketcall returns descriptors of many kinds: a peer makes it an accept. */
	if (flow.sport == 0 || flow.dport == 0)
		return 0;
	count(COUNTER_HITS + ORIGIN_HOOK_ACCEPT);
	accept_take(task, &flow);
	return 0;
}

/* --- connect --------------------------------------------------------------------------------- */

struct stash { /* of a connection that is being opened */
	struct origin_record record;
	struct hop hop;
	__u32 is_wanted, is_carrier;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stash);
} stashes SEC(".maps");

/* In connect()'s own context; the near port is not known yet. */
static __noinline int connect_begin(struct sock *sk, struct task_struct *task)
{
	struct control *ctl = control_get();
	struct task_state *s;
	struct origin_flow flow;
	struct stash *stash;
	bool is_carrier, is_told;

	if (!ctl || !flow_of_sock(sk, &flow, ORIGIN_OUT))
		return 0;
	flow.proto = PROTO_TCP;
	login_check(task);
	s = state_of(task);
	is_carrier = carries(s);
	is_told = is_wanted(&flow, uid_of(task), is_carrier);
	if (!is_carrier && !is_told)
		return 0;
	stash = bpf_sk_storage_get(&stashes, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!stash) {
		count(COUNTER_LOST);
		return 0;
	}
	head_begin(&stash->record, ORIGIN_KIND_CONNECT, ctl);
	fill_task(&stash->record, task, ctl);
	fill_sources(&stash->record, s);
	stash->is_wanted = is_told;
	stash->is_carrier = is_carrier;
	if (is_carrier && s)
		hop_of(&stash->hop, s);
	return 0;
}

/* It opened, or failed: who is running now has nothing to do with it. */
static __noinline int connect_end(struct sock *sk)
{
	struct stash *stash = bpf_sk_storage_get(&stashes, sk, 0, 0);
	struct control *ctl = control_get();
	struct origin_flow flow, key;
	struct origin_record *r;
	struct origin_head head;

	if (!stash || !ctl || !flow_of_sock(sk, &flow, ORIGIN_OUT))
		return 0;
	flow.proto = PROTO_TCP;
	/* A socket that closes has given its number back, and still has its port. */
	flow.sport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (stash->is_carrier) {
		outgoing_key(&key, &flow, ctl);
		bpf_map_update_elem(&outgoing, &key, &stash->hop, BPF_ANY);
	}
	r = stash->is_wanted ? record_begin(ORIGIN_KIND_CONNECT, ctl) : NULL;
	if (r) {
		head = r->head;
		head.flags = stash->record.head.flags;
		__builtin_memcpy(r, &stash->record, sizeof(*r));
		r->head = head;
		r->flow = flow;
		record_submit(r);
	}
	bpf_sk_storage_delete(&stashes, sk);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int before, int after)
{
	if (proto_of(sk->sk_protocol) != PROTO_TCP)
		return 0;
	if (after == BPF_TCP_SYN_SENT) {
		count(COUNTER_HITS + ORIGIN_HOOK_CONNECT);
		connect_begin(sk, bpf_get_current_task_btf());
	} else if (before == BPF_TCP_SYN_SENT) {
		connect_end(sk);
	}
	return 0;
}

/* --- datagrams ------------------------------------------------------------------------------- */

/*
 * Packets are also sent by interrupts, in the middle of whatever task runs: but not those of a
 * socket that a process holds, TCP aside. The kernel's own sockets have no file.
 */
INLINE bool is_held(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx ? bpf_cast_to_kern_ctx(ctx) : NULL;
	struct sock *sk = skb ? skb->sk : NULL;
	struct socket *socket = sk ? sk->sk_socket : NULL;

	return socket && socket->file;
}

INLINE void flow_finish(struct origin_flow *f, struct task_struct *task, __u8 direction)
{
	struct nsproxy *ns = task->nsproxy;
	struct net *net = ns ? ns->net_ns : NULL;

	f->direction = direction;
	f->netns = net ? net->ns.inum : 0;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct origin_flow flow = {0};
	struct ports ports = {0};
	struct task_struct *task;
	__u32 header;

	if (skb->protocol == bpf_htons(PACKET_IP)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || !is_datagram(ip.protocol))
			return 1;
		flow_of_v4(&flow, &ip);
		header = ip.ihl * 4U;
	} else if (skb->protocol == bpf_htons(PACKET_IPV6)) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || !is_datagram(ip.nexthdr))
			return 1;
		flow_of_v6(&flow, &ip);
		header = sizeof(ip);
	} else {
		return 1;
	}
	if (!is_held(skb))
		return 1;
	if (flow.proto == PROTO_UDP) {
		if (bpf_skb_load_bytes(skb, header, &ports, sizeof(ports)))
			return 1;
		flow.sport = bpf_ntohs(ports.source);
		flow.dport = bpf_ntohs(ports.dest);
		header += sizeof(struct udphdr);
	}
	count(COUNTER_HITS + ORIGIN_HOOK_SEND);
	task = bpf_get_current_task_btf();
	flow_finish(&flow, task, ORIGIN_OUT);
	flow.ifindex = skb->ifindex;
	datagram(task, &flow, skb->len > header ? skb->len - header : 0);
	return 1; /* let it pass */
}

INLINE int receive(struct bpf_sock_addr *ctx, struct origin_flow *flow)
{
	struct bpf_sock *sk = ctx->sk;
	struct task_struct *task;

	if (!sk || ctx->protocol != PROTO_UDP)
		return 1;
	count(COUNTER_HITS + ORIGIN_HOOK_RECEIVE);
	task = bpf_get_current_task_btf();
	flow->proto = PROTO_UDP;
	flow->sport = bpf_ntohs((__be16)ctx->user_port);
	flow->dport = (__u16)sk->src_port;
	flow_finish(flow, task, ORIGIN_IN);
	datagram(task, flow, 0);
	return 1;
}

SEC("cgroup/recvmsg4")
int on_receive4(struct bpf_sock_addr *ctx)
{
	struct origin_flow flow = {0};

	put_v4(flow.saddr, ctx->user_ip4);
	put_v4(flow.daddr, ctx->sk ? ctx->sk->src_ip4 : 0);
	return receive(ctx, &flow);
}

SEC("cgroup/recvmsg6")
int on_receive6(struct bpf_sock_addr *ctx)
{
	struct origin_flow flow = {0};
	union words from, to = {0};
	struct bpf_sock *sk = ctx->sk;

	from.words[0] = ctx->user_ip6[0];
	from.words[1] = ctx->user_ip6[1];
	from.words[2] = ctx->user_ip6[2];
	from.words[3] = ctx->user_ip6[3];
	if (sk) {
		to.words[0] = sk->src_ip6[0];
		to.words[1] = sk->src_ip6[1];
		to.words[2] = sk->src_ip6[2];
		to.words[3] = sk->src_ip6[3];
	}
	__builtin_memcpy(flow.saddr, from.octets, 16);
	__builtin_memcpy(flow.daddr, to.octets, 16);
	return receive(ctx, &flow);
}
