#include "node/lanes.h"

#include "base/util.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FOREVER (-1)

struct lane {
	struct lanes *lanes;
	int fd, wake; /* wake: an eventfd, for who sleeps for want of a batch, and at the end */
	uv_thread_t thread;
	size_t since_rest; /* datagrams: the thread's */
	struct arrivals *batches[LANES_BATCHES];
	/* Batches so far; they wrap. The thread alone fills, the loop alone empties. */
	_Atomic uint32_t filled, emptied;
	size_t at; /* in the batch that is being emptied: the loop paused in the middle of it */
};

struct lanes {
	uv_async_t async;
	received_fn *fn;
	void *ctx;
	bool is_paused;
	_Atomic bool is_stopping;
	size_t count, started;
	struct lane of[];
};

/* --- the thread --- */

/* Until the loop wakes it, or the socket has something, if that is asked, or so long. */
static void rest(const struct lane *l, bool is_reading, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = l->wake, .events = POLLIN},
		{.fd = is_reading ? l->fd : -1, .events = POLLIN},
	};
	uint64_t calls;

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) > 0 && fds[0].revents != 0)
		(void)!read(l->wake, &calls, sizeof(calls));
}

static void fill(struct lane *l, struct arrivals *batch)
{
	size_t count = arrivals_read(batch, l->fd);
	bool is_more = arrivals_is_full(batch), is_thick;

	l->since_rest += count;
	is_thick = l->since_rest >= ARRIVALS_THICK;
	if (count > 0) {
		atomic_fetch_add(&l->filled, 1); /* from here on it is the loop's */
		(void)uv_async_send(&l->lanes->async);
	}
	if (is_more)
		return;
	l->since_rest = 0;
	rest(l, !is_thick, is_thick ? ARRIVALS_MOMENT_MS : FOREVER);
}

static void run(void *arg)
{
	struct lane *l = arg;

	while (!atomic_load(&l->lanes->is_stopping)) {
		uint32_t filled = atomic_load(&l->filled);

		if (filled - atomic_load(&l->emptied) == LANES_BATCHES)
			rest(l, false, FOREVER);
		else
			fill(l, l->batches[filled % LANES_BATCHES]);
	}
}

/* --- the loop --- */

static void wake(const struct lane *l)
{
	uint64_t once = 1;

	(void)!write(l->wake, &once, sizeof(once));
}

/* Had it none left, it may sleep. If it fills its last one only now, it sees this one empty. */
static void give_back(struct lane *l)
{
	uint32_t emptied = atomic_fetch_add(&l->emptied, 1);

	l->at = 0;
	if (atomic_load(&l->filled) - emptied == LANES_BATCHES)
		wake(l);
}

/* No more than was there, so that others on the loop have their turn. */
static void empty(struct lane *l)
{
	struct lanes *lanes = l->lanes;
	uint32_t filled = atomic_load(&l->filled);

	while (atomic_load(&l->emptied) != filled) {
		struct arrivals *batch = l->batches[atomic_load(&l->emptied) % LANES_BATCHES];
		size_t count = arrivals_count(batch);

		while (l->at < count && !lanes->is_paused) {
			struct received r = arrivals_at(batch, l->at++);

			lanes->fn(lanes->ctx, &r);
		}
		if (l->at < count)
			return;
		give_back(l);
	}
}

static void on_filled(uv_async_t *async)
{
	struct lanes *l = async->data;

	for (size_t i = 0; i < l->count; i++)
		empty(&l->of[i]);
}

void lanes_pause(struct lanes *l, bool is_paused)
{
	l->is_paused = is_paused;
	if (!is_paused)
		(void)uv_async_send(&l->async); /* for what came meanwhile */
}

static void give_up(struct lanes *l)
{
	for (size_t i = 0; i < l->count; i++) {
		for (size_t j = 0; j < LANES_BATCHES; j++)
			arrivals_free(l->of[i].batches[j]);
		if (l->of[i].wake >= 0)
			close(l->of[i].wake);
	}
	free(l);
}

static void on_closed(uv_handle_t *handle)
{
	give_up(handle->data);
}

static void end_threads(struct lanes *l)
{
	atomic_store(&l->is_stopping, true);
	for (size_t i = 0; i < l->started; i++) {
		wake(&l->of[i]);
		(void)uv_thread_join(&l->of[i].thread);
	}
}

void lanes_stop(struct lanes *l)
{
	end_threads(l);
	l->is_paused = false;
	on_filled(&l->async);
	uv_close((uv_handle_t *)&l->async, on_closed);
}

static bool prepare(struct lane *l, size_t together, size_t room)
{
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (size_t i = 0; i < LANES_BATCHES; i++) {
		l->batches[i] = arrivals_new(together, room);
		if (l->batches[i] == NULL)
			return false;
	}
	return l->wake >= 0;
}

struct lanes *lanes_start(uv_loop_t *loop, const int *fds, size_t count, size_t together,
                          size_t room, received_fn *fn, void *ctx)
{
	struct lanes *l = calloc(1, sizeof(*l) + count * sizeof(l->of[0]));
	bool is_ready = true;

	if (l == NULL)
		return NULL;
	l->fn = fn;
	l->ctx = ctx;
	for (; l->count < count && is_ready; l->count++) {
		l->of[l->count].lanes = l;
		l->of[l->count].fd = fds[l->count];
		is_ready = prepare(&l->of[l->count], together, room);
	}
	if (!is_ready || uv_async_init(loop, &l->async, on_filled) != 0) {
		give_up(l);
		return NULL;
	}
	l->async.data = l;
	while (l->started < count &&
	       uv_thread_create(&l->of[l->started].thread, run, &l->of[l->started]) == 0)
		l->started++;
	if (l->started < count) {
		lanes_stop(l);
		return NULL;
	}
	return l;
}
