/* socket - between libuv's addresses and ours. */
#ifndef SPOOR_NODE_SOCKET_H
#define SPOOR_NODE_SOCKET_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <uv.h>

/* libuv cuts what it is given into pieces of 64 KiB, one for each datagram: recvmmsg(2). */
#define SOCKET_BUFFER_LEN ((size_t)20 * 64 * 1024)

union socket_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* `as_v6`: for a socket of that family, to which IPv4 is ::ffff:a.b.c.d. */
union socket_addr socket_addr_of(const struct endpoint *e, bool as_v6);

/* False when it is of neither family. */
bool endpoint_of(const struct sockaddr *from, struct endpoint *ret);

/* Binds `udp` to `e`, `flags` as uv_udp_bind()'s, with a large receive buffer. `what` is for the
 * log line on failure. */
MUST_USE enum err socket_bind(uv_udp_t *udp, const struct endpoint *e, unsigned flags,
                              const char *what);

#endif
