/* flow - connections and datagrams as struct origin_flow, from sockets and from headers. */
#ifndef SPOOR_ORIGIN_BPF_FLOW_BPF_H
#define SPOOR_ORIGIN_BPF_FLOW_BPF_H

#include "origin/bpf/state.bpf.h"

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_MPTCP 262
#define TYPE_STREAM 1

union words { /* an address, four octets at a time: 0, 0, ::ffff, IPv4 */
	__u8 octets[16];
	__u32 words[4];
};

INLINE void put_v4(__u8 room[16], __u32 addr_be)
{
	union words w = {.words = {0, 0, bpf_htonl(0xffff), addr_be}};

	__builtin_memcpy(room, w.octets, 16);
}

/*
 * NAME(sk, f, direction): `f` becomes the flow of the socket `sk`, whose near end is the task's.
 * False: not IP. GET(sk, member) reads a member of the socket's common part.
 */
#define DEFINE_FLOW_OF(name, GET)                                                             \
	INLINE bool name(const struct sock *sk, struct origin_flow *f, __u8 direction)        \
	{                                                                                     \
		__u16 family = GET(sk, skc_family);                                           \
		__u16 near_port = GET(sk, skc_num), far_port = bpf_ntohs(GET(sk, skc_dport)); \
		__u8 *near = direction == ORIGIN_OUT ? f->saddr : f->daddr;                   \
		__u8 *far = direction == ORIGIN_OUT ? f->daddr : f->saddr;                    \
                                                                                              \
		__builtin_memset(f, 0, sizeof(*f));                                           \
		if (family == AF_INET) {                                                      \
			put_v4(near, GET(sk, skc_rcv_saddr));                                 \
			put_v4(far, GET(sk, skc_daddr));                                      \
		} else if (family == AF_INET6) {                                              \
			union words n, d;                                                     \
                                                                                              \
			for (int i = 0; i < 4; i++) {                                         \
				n.words[i] = GET(sk, skc_v6_rcv_saddr.in6_u.u6_addr32[i]);    \
				d.words[i] = GET(sk, skc_v6_daddr.in6_u.u6_addr32[i]);        \
			}                                                                     \
			__builtin_memcpy(near, n.octets, 16);                                 \
			__builtin_memcpy(far, d.octets, 16);                                  \
		} else {                                                                      \
			return false;                                                         \
		}                                                                             \
		f->sport = direction == ORIGIN_OUT ? near_port : far_port;                    \
		f->dport = direction == ORIGIN_OUT ? far_port : near_port;                    \
		f->direction = direction;                                                     \
		f->ifindex = (__u32)GET(sk, skc_bound_dev_if);                                \
		f->netns = GET(sk, skc_net.net) ? GET(sk, skc_net.net->ns.inum) : 0;          \
		return true;                                                                  \
	}

#define MEMBER(sk, member) ((sk)->__sk_common.member)
DEFINE_FLOW_OF(flow_of_sock, MEMBER)

INLINE __u8 proto_of(__u16 sk_protocol)
{
	return sk_protocol == PROTO_MPTCP ? PROTO_TCP : (__u8)sk_protocol;
}

INLINE bool addr_equal(const __u8 a[16], const __u8 b[16])
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* Nothing, ::, or ::ffff:0.0.0.0. */
INLINE bool addr_is_any(const __u8 a[16])
{
	const __u64 *x = (const void *)a;

	return x[0] == 0 && (x[1] == 0 || x[1] == bpf_cpu_to_be64(0xffff00000000ULL));
}

/* Does `sk` hold the end of `asked` that its direction says, or either? */
INLINE bool sock_holds_end(const struct sock *sk, const struct origin_flow *asked, __u8 direction)
{
	struct origin_flow f;
	bool is_udp;

	if (!flow_of_sock(sk, &f, direction))
		return false;
	if (proto_of(sk->sk_protocol) != asked->proto)
		return false;
	if (asked->netns != 0 && asked->netns != f.netns)
		return false;
	if (f.sport == asked->sport && f.dport == asked->dport &&
	    addr_equal(f.saddr, asked->saddr) && addr_equal(f.daddr, asked->daddr))
		return true;
	/* A socket for datagrams may have no far end, and any near address. */
	is_udp = asked->proto == PROTO_UDP;
	if (!is_udp)
		return false;
	if (direction == ORIGIN_OUT)
		return f.sport == asked->sport && f.dport == 0 &&
		       (addr_equal(f.saddr, asked->saddr) || addr_is_any(f.saddr));
	return f.dport == asked->dport && f.sport == 0 &&
	       (addr_equal(f.daddr, asked->daddr) || addr_is_any(f.daddr));
}

static __noinline int sock_holds(const struct sock *sk, const struct origin_flow *asked)
{
	__u8 direction = asked->direction;

	if (direction != ORIGIN_IN && sock_holds_end(sk, asked, ORIGIN_OUT))
		return 1;
	return direction != ORIGIN_OUT && sock_holds_end(sk, asked, ORIGIN_IN);
}

#endif
