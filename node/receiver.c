#include "node/receiver.h"

#include "base/util.h"
#include "node/log.h"
#include "node/reuseport.h"
#include "node/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCHES_AT_ONCE 16 /* then others on the loop have their turn */

static void take(void *ctx, const struct received *received)
{
	struct receiver *r = ctx;

	r->datagrams++;
	r->octets += received->len;
	r->options.fn(r->options.ctx, received);
}

/* --- one socket, read by the loop --- */

/* False: nothing more is there. */
static bool read_batch(struct receiver *r)
{
	struct arrivals *batch = r->options.batch;
	size_t count = arrivals_read(batch, r->fds[0]);

	for (size_t i = 0; i < count; i++) {
		struct received received = arrivals_at(batch, i);

		take(r, &received);
	}
	return arrivals_is_full(batch);
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
	if (is_more || r->is_paused || r->datagrams - before < ARRIVALS_THICK)
		return;
	(void)uv_poll_stop(poll);
	uv_timer_start(&r->moment, on_moment, ARRIVALS_MOMENT_MS, 0);
}

static void pause_poll(struct receiver *r)
{
	uv_timer_stop(&r->moment);
	if (r->is_paused)
		(void)uv_poll_stop(&r->poll);
	else
		(void)uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

static enum err start_poll(struct receiver *r, uv_loop_t *loop)
{
	if (uv_poll_init(loop, &r->poll, r->fds[0]) != 0)
		return ERR_IO;
	uv_timer_init(loop, &r->moment);
	r->moment.data = r;
	r->poll.data = r;
	r->is_open = true;
	return uv_poll_start(&r->poll, UV_READABLE, on_readable) == 0 ? ERR_OK : ERR_IO;
}

/* --- sockets --- */

void receiver_pause(struct receiver *r, bool is_paused)
{
	if (!r->is_open || r->is_paused == is_paused)
		return;
	r->is_paused = is_paused;
	if (r->lanes != NULL)
		lanes_pause(r->lanes, is_paused);
	else
		pause_poll(r);
}

uint64_t receiver_count_drops(struct receiver *r)
{
	uint64_t since = 0;

	for (size_t i = 0; i < r->fd_count; i++) {
		uint32_t info[SK_MEMINFO_VARS] = {0}, *seen = &r->dropped_seen[i];
		socklen_t len = sizeof(info);

		/* The same count as SO_RXQ_OVFL's, but up to date when no datagram follows the
		 * drop. */
		if (getsockopt(r->fds[i], SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
			continue;
		since += info[SK_MEMINFO_DROPS] - *seen;
		*seen = info[SK_MEMINFO_DROPS];
	}
	r->dropped += since;
	return since;
}

/* The kernel counts twice what is asked for: its own bookkeeping is in it. */
static void widen(struct receiver *r)
{
	int wanted = (int)MIN(r->options.buffer, (uint64_t)INT32_MAX / 2), given = 0;
	socklen_t len = sizeof(given);
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < r->fd_count; i++) {
		if (setsockopt(r->fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &wanted, len) != 0)
			(void)setsockopt(r->fds[i], SOL_SOCKET, SO_RCVBUF, &wanted, len);
		(void)getsockopt(r->fds[i], SOL_SOCKET, SO_RCVBUF, &given, &len);
	}
	r->buffer = (uint64_t)given / 2;
	if (given / 2 < wanted)
		log_line("collector",
		         "the kernel gives %s a receive buffer of %d octets, not %d: raise "
		         "net.core.rmem_max",
		         endpoint_print(&r->options.at, text), given / 2, wanted);
}

static bool add_socket(struct receiver *r, int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return false;
	r->fds[r->fd_count++] = fd;
	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
	       (r->options.sockets == 1 || reuseport_mute(fd));
}

static bool open_first(struct receiver *r)
{
	union socket_addr a = socket_addr_of(&r->options.at, false);
	socklen_t len = a.any.sa_family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);

	return add_socket(r, a.any.sa_family) && bind(r->fds[0], &a.any, len) == 0;
}

/* Where the first one is: a port of 0 was the system's to choose. */
static bool open_others(struct receiver *r)
{
	union socket_addr a;
	socklen_t len = sizeof(a);

	if (r->options.sockets == 1)
		return true;
	if (getsockname(r->fds[0], &a.any, &len) != 0)
		return false;
	while (r->fd_count < r->options.sockets) {
		if (!add_socket(r, a.any.sa_family))
			return false;
	}
	return reuseport_join(r->fds, r->fd_count, &a);
}

static enum err open_all(struct receiver *r)
{
	char text[ENDPOINT_TEXT_MAX];

	if (!open_first(r)) {
		log_line("collector", "cannot listen on %s: %s",
		         endpoint_print(&r->options.at, text), strerror(errno));
		return ERR_IO;
	}
	if (!open_others(r)) {
		log_line("collector",
		         "cannot listen on %s with %zu sockets: %s (exports.sockets: 1 would do)",
		         endpoint_print(&r->options.at, text), r->options.sockets, strerror(errno));
		return ERR_IO;
	}
	widen(r);
	return ERR_OK;
}

static enum err start_lanes(struct receiver *r, uv_loop_t *loop)
{
	const struct receiver_options *o = &r->options;

	r->lanes = lanes_start(loop, r->fds, r->fd_count, o->together, o->room, take, r);
	if (r->lanes == NULL) {
		log_line("collector", "no memory or threads for %zu sockets", o->sockets);
		return ERR_IO;
	}
	r->is_open = true;
	for (size_t i = 0; i < r->fd_count; i++)
		reuseport_unmute(r->fds[i]);
	/* What the kernel has dropped until now found no buffer full. */
	(void)receiver_count_drops(r);
	r->dropped = 0;
	return ERR_OK;
}

static void close_sockets(struct receiver *r)
{
	while (r->fd_count > 0)
		close(r->fds[--r->fd_count]);
}

enum err receiver_open(struct receiver *r, uv_loop_t *loop, const struct receiver_options *options)
{
	enum err err;

	*r = (struct receiver){.options = *options};
	err = open_all(r);
	if (err == ERR_OK)
		err = options->sockets > 1 ? start_lanes(r, loop) : start_poll(r, loop);
	if (!r->is_open)
		close_sockets(r);
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	close_sockets(handle->data);
}

void receiver_close(struct receiver *r)
{
	if (!r->is_open)
		return;
	(void)receiver_count_drops(r);
	r->is_open = false;
	if (r->lanes != NULL) {
		lanes_stop(r->lanes);
		close_sockets(r);
		return;
	}
	uv_close((uv_handle_t *)&r->moment, NULL);
	uv_close((uv_handle_t *)&r->poll, on_closed);
}
