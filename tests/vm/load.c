/*
 * DOC: Under load: loaded and unloaded while connections come and go, and a session that forks
 * thousands of processes.
 */
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VISITOR, SERVER, BOMB };

#define ROUNDS 100
#define BOMBS 5000
#define BUSY 3

static const struct place here = {HERE, 2222};

/* Connects, accepts, forks, sends datagrams and gives up uid 0, for ever. */
static void be_busy(void *arg)
{
	uint16_t port = (uint16_t)(7000 + *(const int *)arg);
	int listener = bound(SOCK_STREAM, "127.0.0.1", port);
	int receiver = bound(SOCK_DGRAM, "127.0.0.1", port);
	int sender = opened(SOCK_DGRAM, "127.0.0.1", port);

	(void)receiver;
	for (;;) {
		int out = opened(SOCK_STREAM, "127.0.0.1", port);
		int in = accept(listener, NULL, NULL);
		pid_t pid = fork();

		if (pid == 0) {
			if (setuid(33) == 0)
				(void)!send(sender, "x", 1, 0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		close(out);
		close(in);
		board->value[*(const int *)arg]++;
	}
}

static void reloaded(void)
{
	int numbers[BUSY], failed = 0, odd = 0, fd;
	uint32_t before[BUSY], moved = 0;
	pid_t busy[BUSY];

	for (int i = 0; i < BUSY; i++) {
		numbers[i] = i;
		before[i] = board->value[i];
		busy[i] = run(be_busy, &numbers[i]);
	}
	for (int i = 0; i < ROUNDS; i++) {
		failed += load(i % 2 == 0 ? "early=1" : "early=0 kprobes=1 ring_records=16") != 0;
		usleep(20000);
		fd = device();
		odd += stats(fd).hits[ORIGIN_HOOK_FORK] == 0;
		close(fd);
		failed += unload() != 0;
	}
	for (int i = 0; i < BUSY; i++) {
		moved += board->value[i] - before[i] > 10;
		kill(busy[i], SIGKILL);
		finish(busy[i]);
	}
	ok(failed == 0, "%d times loaded and unloaded under load", ROUNDS);
	ok(moved == BUSY && odd == 0, "while connections went on, and were seen");
}

static long explode(long count)
{
	long made = 0;

	setpgid(0, 0);
	while (made < count) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0)
			return -errno;
		made++;
	}
	return made;
}

static size_t listed(int fd)
{
	static struct origin_record room[64];
	struct origin_dump d = {.records = (uintptr_t)room};
	size_t ret = 0;

	while (d.cursor != ~UINT64_C(0)) {
		d.count = 64;
		if (ioctl(fd, ORIGIN_IOC_DUMP, &d) < 0)
			die("ORIGIN_IOC_DUMP");
		for (uint32_t i = 0; i < d.count; i++)
			ret += room[i].origin.type == ORIGIN_REMOTE;
	}
	return ret;
}

/* Killed processes are counted as gone before they let go of the files that they inherited. */
static void reap_all(void)
{
	for (int tries = 0; tries < 20000 && waitpid(-1, NULL, WNOHANG) >= 0; tries++)
		usleep(1000);
}

static void bombed(void)
{
	struct origin_stats s;
	long made;
	int fd;

	ok(load("early=1") == 0, "the module loads");
	fd = device();
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)&here);
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	actor_fork(SERVER, BOMB);
	actor_do(BOMB, deed_login, 1000);
	made = actor_do(BOMB, explode, BOMBS);
	ok(made == BOMBS, "a session forks %ld processes", made);
	s = stats(fd);
	ok(s.lost_tasks == 0 && listed(fd) == BOMBS + 1, "each has its origin");
	ok(s.sources <= 3, "all share one: %llu are there", (unsigned long long)s.sources);
	kill(-actor_pid(BOMB), SIGKILL);
	for (int tries = 0; tries < 20000 && stats(fd).tasks > 1; tries++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(1000);
	}
	actor_end(SERVER);
	actor_end(VISITOR);
	s = stats(fd);
	ok(s.tasks == 0 && s.sources == 0, "when they are gone nothing is left");
	close(fd);
	reap_all();
	ok(unload() == 0, "the module unloads");
}

void suite_load(void)
{
	make_evil();
	reloaded();
	bombed();
}
