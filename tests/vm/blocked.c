/*
 * Threads that wait in accept() since before the module was loaded: each accept that ends is seen,
 * by the thread that made it.
 */
#include "tests/vm/guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 64
#define PORT 7200

static int listener = -1;
static atomic_uint waiting;

static void *wait_in_accept(void *arg)
{
	(void)arg;
	atomic_fetch_add(&waiting, 1);
	if (accept(listener, NULL, NULL) < 0)
		die("accept");
	for (;;)
		pause();
}

static void serve(void *arg)
{
	pthread_t thread;

	(void)arg;
	listener = bound(SOCK_STREAM, "0.0.0.0", PORT);
	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&thread, NULL, wait_in_accept, NULL) != 0)
			die("pthread_create");
	}
	while (atomic_load(&waiting) < THREADS)
		usleep(1000);
	usleep(50000); /* the last of them has still to enter */
	board->value[0] = 1;
	for (;;)
		pause();
}

static void visit(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < THREADS; i++) {
		if (opened(SOCK_STREAM, "127.0.0.1", PORT) < 0)
			die("connect");
	}
	board->value[1] = 1;
	pause();
}

void suite_blocked(void)
{
	struct seen s = {0};
	size_t accepts, threads = 0;
	pid_t server, visitor;
	int fd;

	board->value[0] = board->value[1] = 0;
	server = run(serve, NULL);
	ok(wait_for(0, 1), "%d threads wait in accept before the module is loaded", THREADS);
	ok(load("early=0") == 0, "the module loads");
	fd = device();
	visitor = run(visit, NULL);
	ok(wait_for(1, 1), "%d connections come in", THREADS);
	collect(fd, &s);
	accepts = count(&s, ORIGIN_KIND_ACCEPT, server);
	ok(accepts == THREADS, "%zu of %d accepts are seen", accepts, THREADS);
	for (size_t i = 0; i < accepts; i++) {
		const struct origin_record *r = find(&s, ORIGIN_KIND_ACCEPT, server, i);
		bool is_new = true;

		for (size_t k = 0; k < i; k++)
			is_new = is_new && find(&s, ORIGIN_KIND_ACCEPT, server, k)->process.tid !=
			                           r->process.tid;
		threads += is_new && (r->head.flags & ORIGIN_FLAG_PRELOAD) != 0 &&
		           r->origin.type == ORIGIN_UNKNOWN;
	}
	ok(threads == THREADS, "each by its thread, of a process older than the module");
	ok(s.refused == 0 && s.gaps == 0, "the records are whole");
	close(fd);
	kill(server, SIGKILL);
	kill(visitor, SIGKILL);
	finish(server);
	finish(visitor);
	ok(unload() == 0, "the module unloads");
}
