#include "origin/files/starts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROOM (4 << 20) /* of the kernel's, for events that we have not read yet */
#define WHAT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg) + offsetof(struct proc_event, what))

/* A header, a message in it, and in that what is wanted. */
static bool subscribe(int fd)
{
	enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	struct cn_msg message = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(op)};
	struct nlmsghdr head = {.nlmsg_len = NLMSG_LENGTH(sizeof(message) + sizeof(op)),
	                        .nlmsg_type = NLMSG_DONE};
	struct iovec parts[] = {
		{&head, NLMSG_HDRLEN}, {&message, sizeof(message)}, {&op, sizeof(op)}};
	ssize_t len = writev(fd, parts, sizeof(parts) / sizeof(parts[0]));

	return len == (ssize_t)head.nlmsg_len;
}

/* Of all that processes do, what begins a program; the rest costs the kernel this and no more. */
static bool want_exec(int fd)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(rows) / sizeof(rows[0]), .filter = rows};
	int room = ROOM;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

int starts_open(void)
{
	struct sockaddr_nl us = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	int fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0)
		return -1;
	if (want_exec(fd) && bind(fd, (const struct sockaddr *)&us, sizeof(us)) == 0 &&
	    subscribe(fd))
		return fd;
	close(fd);
	return -1;
}

enum err starts_next(int fd, pid_t *ret)
{
	alignas(struct nlmsghdr) char room[1024];
	const struct cn_msg *message = (const void *)(room + NLMSG_HDRLEN);
	struct proc_event event; /* it stands misaligned there */
	struct sockaddr_nl from = {.nl_pid = 0};
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(fd, room, sizeof(room), 0, (struct sockaddr *)&from, &from_len);

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_NOENT
		       : errno == ENOBUFS                ? ERR_LIMIT
		                                         : ERR_IO;
	if (from.nl_pid != 0 || /* not the kernel's */
	    (size_t)len < NLMSG_HDRLEN + sizeof(*message) + sizeof(event))
		return ERR_STALE;
	memcpy(&event, message + 1, sizeof(event));
	if (event.what != PROC_EVENT_EXEC)
		return ERR_STALE;
	*ret = event.event_data.exec.process_tgid;
	return ERR_OK;
}
