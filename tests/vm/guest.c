#include "tests/vm/guest.h"

#include "origin/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SEEN_MAX 16384
#define QUIET_MS 60

static unsigned asserted, failed;
static int evil_netns = -1;
volatile struct board *board;

void ok(bool is_true, const char *text, ...)
{
	va_list list;

	failed += !is_true;
	printf("%sok %u - ", is_true ? "" : "not ", ++asserted);
	va_start(list, text);
	vprintf(text, list);
	va_end(list);
	putchar('\n');
}

void note(const char *text, ...)
{
	va_list list;

	printf("# ");
	va_start(list, text);
	vprintf(text, list);
	va_end(list);
	putchar('\n');
}

unsigned failures(void)
{
	return failed;
}

/* The port is QEMU's: it ends with (status << 1) | 1. */
static _Noreturn void end(unsigned char status)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	usleep(20000); /* QEMU's end of the line */
	ioperm(0xf4, 1, 1);
	outb(status, 0xf4);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void die(const char *what)
{
	printf("not ok - %s: %s\n", what, strerror(errno));
	fflush(stdout);
	if (getpid() == 1)
		end(2);
	_exit(2);
}

int load(const char *parameters)
{
	int fd = open("/spoor_origin.ko", O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, parameters, 0) < 0 ? errno : 0;

	close(fd);
	return err;
}

int unload(void)
{
	return syscall(SYS_delete_module, "spoor_origin", O_NONBLOCK) < 0 ? errno : 0;
}

int device(void)
{
	int fd = open(ORIGIN_DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die(ORIGIN_DEVICE);
	return fd;
}

struct origin_stats stats(int fd)
{
	struct origin_stats ret = {0};

	if (ioctl(fd, ORIGIN_IOC_STATS, &ret) < 0)
		die("ORIGIN_IOC_STATS");
	return ret;
}

int getorigin(int fd, pid_t pid, struct origin_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->process.pid = (uint32_t)pid;
	if (ioctl(fd, ORIGIN_IOC_GETORIGIN, ret) < 0)
		return errno;
	return record_check(ret) == ERR_OK ? 0 : EBADMSG;
}

static void account(struct seen *s, const struct origin_record *r)
{
	enum err err = record_check(r);

	if (err != ERR_OK) {
		note("record %llu of kind %u: error %d", (unsigned long long)r->head.seq,
		     r->head.kind, (int)err);
		s->refused++;
	}
	if (r->head.kind == ORIGIN_KIND_LOST)
		s->gaps -= r->tally.packets;
	s->gaps += r->head.seq - s->next;
	s->next = r->head.seq + 1;
}

void collect(int fd, struct seen *s)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	s->count = 0;
	if (s->records == NULL)
		s->records = calloc(SEEN_MAX, sizeof(*s->records));
	while (poll(&p, 1, QUIET_MS) > 0 && s->count < SEEN_MAX) {
		ssize_t got = read(fd, s->records + s->count,
		                   (SEEN_MAX - s->count) * sizeof(*s->records));

		if (got < 0 && errno != EAGAIN)
			die("read");
		for (; got > 0; got -= (ssize_t)sizeof(*s->records))
			account(s, &s->records[s->count++]);
	}
}

const struct origin_record *find(const struct seen *s, enum origin_kind kind, pid_t pid, size_t nth)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct origin_record *r = &s->records[i];

		if (r->head.kind != kind || (pid != 0 && r->process.pid != (uint32_t)pid))
			continue;
		if (nth-- == 0)
			return r;
	}
	return NULL;
}

size_t count(const struct seen *s, enum origin_kind kind, pid_t pid)
{
	size_t ret = 0;

	while (find(s, kind, pid, ret) != NULL)
		ret++;
	return ret;
}

static socklen_t address(struct sockaddr_storage *ret, const char *addr, uint16_t port)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, addr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	memset(ret, 0, sizeof(*ret));
	inet_pton(AF_INET6, addr, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

int bound(int type, const char *addr, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = address(&at, addr, port);
	int fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&at, len) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 128) < 0)
		die("listen");
	return fd;
}

bool aimed(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = address(&at, addr, port);

	return connect(fd, (struct sockaddr *)&at, len) == 0;
}

int opened(int type, const char *addr, uint16_t port)
{
	int family = strchr(addr, ':') == NULL ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (!aimed(fd, addr, port)) {
		close(fd);
		return -1;
	}
	return fd;
}

uint16_t port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		die("getsockname");
	return ntohs(((struct sockaddr_in *)(void *)&at)->sin_port); /* in6's is at its place */
}

bool is_addr(const uint8_t addr[16], const char *text)
{
	uint8_t want[16] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET, text, want + 12) != 1)
		inet_pton(AF_INET6, text, want);
	return memcmp(addr, want, 16) == 0;
}

bool is_flow(const struct origin_flow *f, const char *from, long sport, const char *to, long dport)
{
	return is_addr(f->saddr, from) && is_addr(f->daddr, to) && f->sport == sport &&
	       f->dport == dport;
}

bool wait_for(size_t i, uint32_t value)
{
	for (int tries = 0; tries < 10000; tries++) {
		if (board->value[i] == value)
			return true;
		usleep(1000);
	}
	return false;
}

pid_t run(void (*what)(void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	what(arg);
	fflush(stdout);
	_exit(0);
}

int finish(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void shell(const char *line)
{
	if (system(line) != 0) // NOLINT(cert-env33-c): the guest's own
		die(line);
}

void enter_evil(void)
{
	if (setns(evil_netns, CLONE_NEWNET) < 0)
		die("setns");
}

bool is_written(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ret = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return ret;
}

void make_evil(void)
{
	if (evil_netns >= 0)
		return;
	/* by its path: the guest's shell has an ip of its own, which knows no namespaces */
	shell("mkdir -p /run/netns; /bin/ip netns add evil");
	shell("/bin/ip link add here type veth peer name evil netns evil");
	shell("/bin/ip addr add 10.9.0.2/24 dev here; /bin/ip addr add fd09::2/64 dev here nodad");
	shell("/bin/ip link set here up; /bin/ip -n evil link set lo up");
	shell("/bin/ip -n evil addr add 10.9.0.1/24 dev evil");
	shell("/bin/ip -n evil addr add 10.9.0.3/24 dev evil");
	shell("/bin/ip -n evil addr add fd09::1/64 dev evil nodad; /bin/ip -n evil link set evil "
	      "up");
	evil_netns = open("/run/netns/evil", O_RDONLY | O_CLOEXEC);
}

/* Where the kernel looks for leaks itself: what it finds of the module's is a failure. */
static void look_for_leaks(void)
{
	static char text[65536];
	int fd = open("/sys/kernel/debug/kmemleak", O_RDWR | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return;
	for (int scans = 0; scans < 2; scans++) {
		sleep(6); /* what is younger than five seconds is not told */
		(void)!write(fd, "scan", 4);
	}
	len = read(fd, text, sizeof(text) - 1);
	ok(len >= 0 && strstr(text, "spoor_origin") == NULL, "the kernel finds no leak");
	if (strstr(text, "spoor_origin") != NULL)
		puts(text);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} suites[] = {
		{"smoke", suite_smoke},
		{"datagram", suite_datagram},
		{"activation", suite_activation},
		{"limits", suite_limits},
		{"blocked", suite_blocked},
		{"differ", suite_differ},
		{"daemon", suite_daemon},
		{"pinned", suite_pinned},
		{"load", suite_load},
		{"overhead", suite_overhead},
	};

	if (argc == 3 && strcmp(argv[1], "hold") == 0) /* a program that PID 1 starts */
		return usleep((useconds_t)atoi(argv[2]) * 1000), 0;
	setenv("PATH", "/bin", 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	             0);
	for (int i = 1; i < argc; i++) {
		for (size_t k = 0; k < sizeof(suites) / sizeof(suites[0]); k++) {
			if (strcmp(argv[i], suites[k].name) == 0)
				suites[k].run();
		}
	}
	look_for_leaks();
	printf("1..%u\n", asserted);
	end(failed != 0 || asserted == 0);
}
