#include "tests/vm/actor.h"

#include "tests/vm/guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 300 /* for one deed, on an emulated processor that others use as well */

struct order {
	long (*deed)(long arg);
	long arg;
};

static struct {
	int near, far;
	pid_t pid;
} actors[ACTORS_MAX];

static void channels_open(void)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_S};
	static bool are_open;
	int pair[2];

	for (size_t i = 0; i < ACTORS_MAX && !are_open; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			die("socketpair");
		/* Others have the far end too, so that it does not close with an actor that dies.
		 */
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		actors[i].near = pair[0];
		actors[i].far = pair[1];
	}
	are_open = true;
}

static _Noreturn void act(size_t i)
{
	struct order order;
	long ret;

	signal(SIGCHLD, SIG_IGN);
	while (read(actors[i].far, &order, sizeof(order)) == (ssize_t)sizeof(order) &&
	       order.deed != NULL) {
		ret = order.deed(order.arg);
		if (write(actors[i].far, &ret, sizeof(ret)) != (ssize_t)sizeof(ret))
			break;
	}
	_exit(0);
}

static long fork_as(long i)
{
	pid_t pid = fork();

	if (pid == 0)
		act((size_t)i);
	return pid < 0 ? -errno : pid;
}

pid_t actor_new(size_t i)
{
	channels_open();
	fflush(stdout);
	actors[i].pid = (pid_t)fork_as((long)i);
	return actors[i].pid;
}

long actor_do(size_t i, long (*deed)(long arg), long arg)
{
	struct order order = {deed, arg};
	long ret = 0;

	if (write(actors[i].near, &order, sizeof(order)) != (ssize_t)sizeof(order) ||
	    read(actors[i].near, &ret, sizeof(ret)) != (ssize_t)sizeof(ret))
		die("an actor");
	return ret;
}

pid_t actor_fork(size_t from, size_t i)
{
	actors[i].pid = (pid_t)actor_do(from, fork_as, (long)i);
	return actors[i].pid;
}

pid_t actor_pid(size_t i)
{
	return actors[i].pid;
}

/* Whose child it is depends on who of its ancestors still lives. */
static void await_end(pid_t pid)
{
	for (int tries = 0; tries < 5000 && kill(pid, 0) == 0; tries++) {
		waitpid(pid, NULL, WNOHANG);
		usleep(1000);
	}
}

void actor_end(size_t i)
{
	struct order last = {0};

	if (actors[i].pid <= 0)
		return;
	(void)!write(actors[i].near, &last, sizeof(last));
	await_end(actors[i].pid);
	actors[i].pid = 0;
}

void actor_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	await_end(pid);
}
