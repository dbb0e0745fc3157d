/* SPDX-License-Identifier: GPL-2.0 */
/* addr - a socket's or packet's addresses as records have them: IPv4 as ::ffff:a.b.c.d. */
#ifndef SPOOR_ORIGIN_KMOD_ADDR_H
#define SPOOR_ORIGIN_KMOD_ADDR_H

#include "origin/uapi/origin.h"

#include <linux/in6.h>
#include <linux/string.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

static inline void addr_v4(u8 to[16], __be32 addr)
{
	*(u64 *)to = 0;
	*(__be32 *)(to + 8) = htonl(0xffff);
	*(__be32 *)(to + 12) = addr;
}

static inline void addr_v6(u8 to[16], const struct in6_addr *addr)
{
	memcpy(to, addr, 16);
}

/* Of a socket, near and far; false: neither IPv4 nor IPv6. */
static inline bool addr_of_socket(const struct sock *sk, u8 near[16], u8 far[16])
{
	bool is_v4 = sk->sk_family == AF_INET;

	if (!is_v4 && sk->sk_family != AF_INET6)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (!is_v4 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		addr_v6(near, &sk->sk_v6_rcv_saddr);
		addr_v6(far, &sk->sk_v6_daddr);
		return true;
	}
#endif
	addr_v4(near, sk->sk_rcv_saddr);
	addr_v4(far, sk->sk_daddr);
	return true;
}

/* A TCP connection as the task that holds it sees it; false: it is none. */
static inline bool addr_of_connection(const struct sock *sk, enum origin_direction direction,
				      struct origin_flow *f)
{
	bool is_in = direction == ORIGIN_IN;
	u16 near, far;

	memset(f, 0, sizeof(*f));
	if (sk->sk_type != SOCK_STREAM ||
	    (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP) ||
	    !addr_of_socket(sk, is_in ? f->daddr : f->saddr, is_in ? f->saddr : f->daddr))
		return false;
	near = ntohs(inet_sk(sk)->inet_sport);
	far = ntohs(sk->sk_dport);
	f->sport = is_in ? far : near;
	f->dport = is_in ? near : far;
	f->proto = IPPROTO_TCP;
	f->direction = direction;
	f->netns = sock_net(sk)->ns.inum;
	f->ifindex = sk->sk_bound_dev_if;
	return true;
}

#endif
