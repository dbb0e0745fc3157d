/*
 * DOC: Process 1 accepts for others, as systemd does by Accept=yes: the one it starts for a
 * connection has it as its last accept, and nobody that it starts later.
 */
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VISITOR };

static const struct place here = {HERE, 2300};

/* A program that holds `conn`, or nothing, as a child of process 1; ended by finish(). */
static pid_t start(int conn)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (conn >= 0)
		fcntl(conn, F_SETFD, 0);
	execl("/bin/guest", "guest", "hold", "20000", (char *)NULL);
	_exit(127);
}

static struct origin_record ask(int fd, pid_t pid)
{
	struct origin_record r;

	for (int tries = 0; tries < 1000; tries++) {
		/* exec changes the name from "guest": that of process 1 is "guest" too */
		if (getorigin(fd, pid, &r) == 0 && r.process.exe_ino != 0 &&
		    r.last.type != ORIGIN_UNKNOWN)
			break;
		usleep(200);
	}
	return r;
}

void suite_activation(void)
{
	int fd, listener, first, second;
	struct origin_record r;
	long ports[2];
	pid_t served[2], later;

	make_evil();
	ok(load("early=1") == 0, "the module loads");
	fd = device();
	listener = bound(SOCK_STREAM, here.addr, here.port);
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	ports[0] = actor_do(VISITOR, deed_dial, (long)&here);
	first = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ports[1] = actor_do(VISITOR, deed_dial, (long)&here);
	second = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ok(first >= 0 && second >= 0, "process 1 accepts two connections");
	ok(getorigin(fd, 1, &r) == 0 && r.last.type == ORIGIN_UNKNOWN, "and keeps neither");
	served[1] = start(second); /* in the other order */
	served[0] = start(first);
	for (size_t i = 0; i < 2; i++) {
		r = ask(fd, served[i]);
		ok(is_flow(&r.last.flow, EVIL, ports[i], HERE, here.port) &&
		           (r.last.flags & ORIGIN_SOURCE_ACTIVATED) != 0,
		   "what it starts for connection %zu came in by that one", i + 1);
	}
	later = start(-1);
	usleep(200000);
	ok(getorigin(fd, later, &r) == 0 && r.last.type == ORIGIN_UNKNOWN &&
	           r.origin.type == ORIGIN_LOCAL,
	   "what it starts later has nothing to do with either");
	for (size_t i = 0; i < 2; i++) {
		kill(served[i], SIGKILL);
		finish(served[i]);
	}
	kill(later, SIGKILL);
	finish(later);
	actor_end(VISITOR);
	close(listener);
	close(first);
	close(second);
	close(fd);
	ok(unload() == 0, "the module unloads");
}
