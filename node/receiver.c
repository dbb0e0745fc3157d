#include "node/receiver.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define BATCHES_AT_ONCE 16 /* then others on the loop have their turn */

/*
 * When datagrams come thick, waking for each few of them costs more than reading them: who has just
 * read so many looks again only a moment later. When they came is the kernel's to say.
 */
#define THICK 8
#define MOMENT_MS 2

/* Rooms that lie whole pages apart would all share one set of the processor's cache. */
#define STAGGER 192

#define SIDE_LEN CMSG_SPACE(sizeof(struct timespec))

struct receiver_batch {
	size_t room, stride;
	struct mmsghdr messages[BATCH];
	struct iovec pieces[BATCH];
	struct sockaddr_storage from[BATCH];
	_Alignas(struct cmsghdr) char side[BATCH][SIDE_LEN];
	uint8_t *octets;
};

struct receiver_batch *receiver_batch_new(size_t room)
{
	size_t stride = room + STAGGER;
	struct receiver_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->octets = malloc(BATCH * stride);
	if (b->octets == NULL) {
		free(b);
		return NULL;
	}
	b->room = room;
	b->stride = stride;
	for (size_t i = 0; i < BATCH; i++) {
		b->pieces[i] = (struct iovec){b->octets + i * stride, room};
		b->messages[i].msg_hdr.msg_iov = &b->pieces[i];
		b->messages[i].msg_hdr.msg_iovlen = 1;
		b->messages[i].msg_hdr.msg_name = &b->from[i];
		b->messages[i].msg_hdr.msg_control = b->side[i];
	}
	return b;
}

void receiver_batch_free(struct receiver_batch *b)
{
	if (b == NULL)
		return;
	free(b->octets);
	free(b);
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

static void take(struct receiver *r, size_t i)
{
	struct mmsghdr *m = &r->batch->messages[i];
	struct received received = {
		.data = r->batch->octets + i * r->batch->stride,
		.len = m->msg_len,
		.is_cut = (m->msg_hdr.msg_flags & MSG_TRUNC) != 0,
	};

	r->datagrams++;
	r->octets += m->msg_len;
	if (!endpoint_of((const struct sockaddr *)&r->batch->from[i], &received.from))
		return;
	received.ms = received_ms(&m->msg_hdr);
	r->fn(r->ctx, &received);
}

/* False: nothing more is there. */
static bool read_batch(struct receiver *r)
{
	struct receiver_batch *b = r->batch;
	int count;

	for (size_t i = 0; i < BATCH; i++) {
		b->messages[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
		b->messages[i].msg_hdr.msg_controllen = SIDE_LEN;
	}
	count = recvmmsg(r->fd, b->messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		take(r, (size_t)i);
	return count == BATCH;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_moment(uv_timer_t *timer)
{
	struct receiver *r = timer->data;

	if (!r->is_paused)
		(void)uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct receiver *r = poll->data;
	uint64_t before = r->datagrams;
	bool is_more = true;

	(void)status, (void)events; /* an error is read, and so cleared, as a datagram is */
	for (int i = 0; i < BATCHES_AT_ONCE && !r->is_paused && is_more; i++)
		is_more = read_batch(r);
	if (is_more || r->is_paused || r->datagrams - before < THICK)
		return;
	(void)uv_poll_stop(poll);
	uv_timer_start(&r->moment, on_moment, MOMENT_MS, 0);
}

void receiver_pause(struct receiver *r, bool is_paused)
{
	if (!r->is_open || r->is_paused == is_paused)
		return;
	r->is_paused = is_paused;
	uv_timer_stop(&r->moment);
	if (is_paused)
		(void)uv_poll_stop(&r->poll);
	else
		(void)uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

uint64_t receiver_count_drops(struct receiver *r)
{
	uint32_t info[SK_MEMINFO_VARS] = {0}, since;
	socklen_t len = sizeof(info);

	/* The same count as SO_RXQ_OVFL's, but up to date when no datagram follows the drop. */
	if (!r->is_open || getsockopt(r->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
		return 0;
	since = info[SK_MEMINFO_DROPS] - r->dropped_seen;
	r->dropped_seen = info[SK_MEMINFO_DROPS];
	r->dropped += since;
	return since;
}

/* The kernel counts twice what is asked for: its own bookkeeping is in it. */
static void widen(struct receiver *r, uint64_t buffer)
{
	int wanted = (int)MIN(buffer, (uint64_t)INT32_MAX / 2), given = 0;
	socklen_t len = sizeof(given);
	char text[ENDPOINT_TEXT_MAX];

	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0)
		(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
	(void)getsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &given, &len);
	r->buffer = (uint64_t)given / 2;
	if (given / 2 < wanted)
		log_line("collector",
		         "the kernel gives %s a receive buffer of %d octets, not %d: raise "
		         "net.core.rmem_max",
		         endpoint_print(&r->at, text), given / 2, wanted);
}

static enum err open_socket(struct receiver *r)
{
	union socket_addr a = socket_addr_of(&r->at, false);
	socklen_t len = a.any.sa_family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
	char text[ENDPOINT_TEXT_MAX];
	int on = 1;

	r->fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd >= 0 && bind(r->fd, &a.any, len) == 0 &&
	    setsockopt(r->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0)
		return ERR_OK;
	log_line("collector", "cannot listen on %s: %s", endpoint_print(&r->at, text),
	         strerror(errno));
	if (r->fd >= 0)
		close(r->fd);
	return ERR_IO;
}

enum err receiver_open(struct receiver *r, uv_loop_t *loop, const struct endpoint *at,
                       uint64_t buffer, struct receiver_batch *batch, receiver_fn *fn, void *ctx)
{
	enum err err;

	*r = (struct receiver){.at = *at, .batch = batch, .fn = fn, .ctx = ctx};
	err = open_socket(r);
	if (err != ERR_OK)
		return err;
	widen(r, buffer);
	if (uv_poll_init(loop, &r->poll, r->fd) != 0) {
		close(r->fd);
		return ERR_IO;
	}
	uv_timer_init(loop, &r->moment);
	r->moment.data = r;
	r->poll.data = r;
	r->is_open = true;
	return uv_poll_start(&r->poll, UV_READABLE, on_readable) == 0 ? ERR_OK : ERR_IO;
}

static void on_closed(uv_handle_t *handle)
{
	struct receiver *r = handle->data;

	close(r->fd);
}

void receiver_close(struct receiver *r)
{
	if (!r->is_open)
		return;
	(void)receiver_count_drops(r);
	r->is_open = false;
	uv_close((uv_handle_t *)&r->moment, NULL);
	uv_close((uv_handle_t *)&r->poll, on_closed);
}
