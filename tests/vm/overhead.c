/*
 * What the module costs, in instructions: QEMU's icount makes the guest's clock count them, one a
 * nanosecond. Each figure is the mean of the repetitions; "none" is the kernel without the module.
 */
#include "tests/vm/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORKS 400
#define CONNECTS 1000
#define DATAGRAMS 4000
#define WARM 50

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static int listener = -1;

static void connect_once(void)
{
	int out = opened(SOCK_STREAM, "127.0.0.1", 7000), in = accept(listener, NULL, NULL);
	struct linger reset = {.l_onoff = 1};

	setsockopt(out, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* no TIME_WAIT */
	close(out);
	close(in);
}

static int sender = -1, receiver = -1;

static void datagram_once(void)
{
	char room[64] = {0};

	if (send(sender, room, sizeof(room), 0) < 0 || recv(receiver, room, sizeof(room), 0) < 0)
		die("datagram");
}

static const struct work {
	const char *name;
	void (*once)(void);
	unsigned times;
} works[] = {
	{"fork+exit+wait", fork_once, FORKS},
	{"udp send+recv", datagram_once, DATAGRAMS},
	{"connect+accept+close", connect_once, CONNECTS}, /* last: it leaves a last accept */
};
enum { FORK, UDP, CONNECT, WORKS };

static volatile double (*results)[WORKS];

static void measure(void *arg)
{
	size_t row = *(const size_t *)arg;

	listener = bound(SOCK_STREAM, "127.0.0.1", 7000);
	receiver = bound(SOCK_DGRAM, "127.0.0.1", 7001);
	sender = opened(SOCK_DGRAM, "127.0.0.1", 7001);
	for (size_t w = 0; w < WORKS; w++) {
		uint64_t begin;

		for (unsigned i = 0; i < WARM; i++)
			works[w].once();
		begin = now_ns();
		for (unsigned i = 0; i < works[w].times; i++)
			works[w].once();
		results[row][w] = (double)(now_ns() - begin) / works[w].times;
	}
}

static void visit(void *arg)
{
	(void)arg;
	enter_evil();
	if (opened(SOCK_STREAM, HERE, 7100) < 0)
		die("connect");
}

/* As after a login from elsewhere: measure() runs in a process of remote origin. */
static void measure_remote(void *arg)
{
	int s = bound(SOCK_STREAM, HERE, 7100), in;
	pid_t visitor = run(visit, NULL);

	in = accept(s, NULL, NULL);
	finish(visitor);
	close(in);
	close(s);
	write_file("/proc/self/loginuid", "1000");
	measure(arg);
}

static void drain(void *arg)
{
	static struct origin_record room[256];
	int fd = open(ORIGIN_DEVICE, O_RDONLY);

	(void)arg;
	board->value[0] = 1;
	for (;;) {
		if (read(fd, room, sizeof(room)) < 0 && errno != EINTR)
			die("read");
	}
}

enum { NONE, NONE_AGAIN, LOCAL, REMOTE, ROWS };

/* Against the mean of two runs without the module: they differ by up to 0.7 %. */
static double percent_of(size_t row, size_t work)
{
	double base = (results[NONE][work] + results[NONE_AGAIN][work]) / 2;

	return 100 * (results[row][work] - base) / base;
}

static void print(const char *kernel, const char *what, size_t row)
{
	for (size_t i = 0; i < WORKS; i++)
		printf("{\"bench\":\"origin_overhead\",\"module\":\"%s\",\"task\":\"%s\","
		       "\"work\":\"%s\",\"instructions\":%.0f,\"percent\":%.2f}\n",
		       kernel, what, works[i].name, results[row][i], percent_of(row, i));
}

static void limit(size_t row, size_t work, double percent, const char *what)
{
	double is = percent_of(row, work);

	ok(is <= percent, "%s: %+.2f %%, at most %+.0f %%", what, is, percent);
}

#define WAITS 50

/* From the end of connect() until poll() says that its record is there: mean and worst, in ms. */
static void wait_for_records(int fd, double *mean, double *worst)
{
	static struct origin_record room[64];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	double all = 0;

	*worst = 0;
	for (size_t i = 0; i < WAITS; i++) {
		uint64_t begin;
		double took;
		int out;

		while (read(fd, room, sizeof(room)) > 0)
			;
		out = opened(SOCK_STREAM, "127.0.0.1", 7000);
		begin = now_ns();
		if (poll(&p, 1, 1000) != 1)
			die("no record came");
		took = (double)(now_ns() - begin) / 1e6;
		*worst = took > *worst ? took : *worst;
		all += took;
		close(out);
	}
	*mean = all / WAITS;
}

static void latency(void)
{
	struct origin_rules rules;
	double mean, worst;
	int fd;

	if (load("early=1") != 0)
		die("load");
	fd = device();
	ioctl(fd, ORIGIN_IOC_RULES_GET, &rules);
	rules.fallback = ORIGIN_ACTION_ALL;
	ioctl(fd, ORIGIN_IOC_RULES_SET, &rules);
	listener = bound(SOCK_STREAM, "127.0.0.1", 7000);
	wait_for_records(fd, &mean, &worst);
	close(listener);
	close(fd);
	unload();
	printf("{\"bench\":\"origin_latency\",\"provider\":\"kmod\",\"mean_ms\":%.1f,"
	       "\"worst_ms\":%.1f}\n",
	       mean, worst);
	ok(worst < 100, "a record can be read %.1f ms after its connection, at the worst", worst);
}

void suite_overhead(void)
{
	size_t row;
	pid_t reader;

	results = mmap(NULL, ROWS * sizeof(*results), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_evil();
	for (row = NONE; row <= NONE_AGAIN; row++)
		finish(run(measure, &row));
	if (load("early=1") != 0)
		die("load");
	board->value[0] = 0;
	reader = run(drain, NULL);
	wait_for(0, 1);
	row = LOCAL;
	finish(run(measure, &row));
	row = REMOTE;
	finish(run(measure_remote, &row));
	{
		int fd = device();
		struct origin_stats s = stats(fd);

		note("%llu records, %llu lost", (unsigned long long)s.seq,
		     (unsigned long long)s.lost);
		ok(s.lost == 0, "the reader kept up");
		close(fd);
	}
	kill(reader, SIGKILL);
	finish(reader);
	ok(unload() == 0, "the module unloads");
	print("none", "any", NONE);
	print("none, again", "any", NONE_AGAIN);
	print("loaded, read", "local", LOCAL);
	print("loaded, read", "remote", REMOTE);
	limit(LOCAL, FORK, 1, "fork+exit+wait, local");
	limit(REMOTE, FORK, 2, "fork+exit+wait, remote");
	limit(LOCAL, CONNECT, 5, "connect+accept+close, local");
	limit(REMOTE, CONNECT, 10, "connect+accept+close, remote");
	limit(LOCAL, UDP, 10, "udp send+recv, local");
	limit(REMOTE, UDP, 20, "udp send+recv, remote");
	latency();
}
