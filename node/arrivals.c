#include "node/arrivals.h"

#include "node/node.h"
#include "node/socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Rooms that lie whole pages apart would all share one set of the processor's cache. */
#define STAGGER 192

#define SIDE_LEN CMSG_SPACE(sizeof(struct timespec))

struct arrival { /* what the kernel says of a datagram */
	struct iovec piece;
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) char side[SIDE_LEN];
};

struct arrivals {
	size_t count_max, count;
	struct mmsghdr *messages;
	struct arrival *arrivals;
	uint8_t *octets; /* touched, and so real, only as far as datagrams are long */
};

struct arrivals *arrivals_new(size_t count_max, size_t room)
{
	size_t stride = room + STAGGER;
	struct arrivals *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->count_max = count_max;
	a->messages = calloc(count_max, sizeof(*a->messages));
	a->arrivals = calloc(count_max, sizeof(*a->arrivals));
	a->octets = malloc(count_max * stride);
	if (a->messages == NULL || a->arrivals == NULL || a->octets == NULL) {
		arrivals_free(a);
		return NULL;
	}
	for (size_t i = 0; i < count_max; i++) {
		struct msghdr *m = &a->messages[i].msg_hdr;

		a->arrivals[i].piece = (struct iovec){a->octets + i * stride, room};
		m->msg_iov = &a->arrivals[i].piece;
		m->msg_iovlen = 1;
		m->msg_name = &a->arrivals[i].from;
		m->msg_control = a->arrivals[i].side;
	}
	return a;
}

void arrivals_free(struct arrivals *a)
{
	if (a == NULL)
		return;
	free(a->messages);
	free(a->arrivals);
	free(a->octets);
	free(a);
}

size_t arrivals_read(struct arrivals *a, int fd)
{
	int count;

	for (size_t i = 0; i < a->count_max; i++) {
		a->messages[i].msg_hdr.msg_namelen = sizeof(a->arrivals[i].from);
		a->messages[i].msg_hdr.msg_controllen = SIDE_LEN;
	}
	count = recvmmsg(fd, a->messages, (unsigned)a->count_max, MSG_DONTWAIT, NULL);
	a->count = count > 0 ? (size_t)count : 0; /* an error is read, and so cleared */
	return a->count;
}

size_t arrivals_count(const struct arrivals *a)
{
	return a->count;
}

bool arrivals_is_full(const struct arrivals *a)
{
	return a->count == a->count_max;
}

/* When the kernel had it; it always says so, for we have asked it to. */
static int64_t received_ms(struct msghdr *message)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	}
	return node_now().wall.ms;
}

struct received arrivals_at(const struct arrivals *a, size_t i)
{
	struct mmsghdr *m = &a->messages[i];
	struct received r = {
		.ms = received_ms(&m->msg_hdr),
		.data = a->arrivals[i].piece.iov_base,
		.len = m->msg_len,
		.is_cut = (m->msg_hdr.msg_flags & MSG_TRUNC) != 0,
	};

	/* The socket is of one of the two families. */
	(void)endpoint_of((const struct sockaddr *)&a->arrivals[i].from, &r.from);
	return r;
}
