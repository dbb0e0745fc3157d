#include "node/reuseport.h"

#include "base/util.h"

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Where the network's header has its source; the program sees the payload otherwise. */
#define V4_SOURCE ((uint32_t)SKF_NET_OFF + 12)
#define V6_SOURCE ((uint32_t)SKF_NET_OFF + 8)

#define GOLDEN 0x9e3779b1u /* 2^32 by the golden ratio: neighbours come far apart */

bool reuseport_mute(int fd)
{
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog program = {ARRAY_LEN(nothing), nothing};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

void reuseport_unmute(int fd)
{
	int unused = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

/* The sockets are numbered as they were bound. */
static bool choose_by_source(int fd, size_t count)
{
	/* clang-format off */
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, V4_SOURCE),
		BPF_JUMP(BPF_JMP | BPF_JA, 10, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, V6_SOURCE),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, V6_SOURCE + 4),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, V6_SOURCE + 8),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, V6_SOURCE + 12),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, GOLDEN),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (uint32_t)count),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	/* clang-format on */
	struct sock_fprog program = {ARRAY_LEN(steps), steps};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0;
}

bool reuseport_join(const int *fds, size_t count, const union socket_addr *a)
{
	socklen_t len = a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
	int on = 1;

	for (size_t i = 0; i < count; i++) {
		if (setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
		    (i > 0 && bind(fds[i], &a->any, len) != 0))
			return false;
	}
	return choose_by_source(fds[0], count);
}
