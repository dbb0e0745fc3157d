/*
 * DOC: What the device is asked that makes no sense is refused, and nothing changes; what does not
 * fit is counted; and nobody switches the hooks off unseen.
 */
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VISITOR, SERVER, SESSION, GIVEN, HEIR };

#define CHILDREN 20

static const struct place here = {HERE, 2222}, beyond = {EVIL, 8080};
static struct seen seen;
static int fd;

static bool is_refused(unsigned long request, void *arg, int with)
{
	return ioctl(fd, request, arg) < 0 && errno == with;
}

static void questions(void)
{
	struct origin_record r = {0};
	struct origin_portpid p = {0};
	struct origin_dump d = {0};
	char small[sizeof(r) - 1];

	ok(getorigin(fd, 0, &r) == ESRCH && getorigin(fd, -1, &r) == ESRCH &&
	           getorigin(fd, 4000000, &r) == ESRCH,
	   "of a process that is not there it says so");
	ok(is_refused(ORIGIN_IOC_PORTPID, &p, EINVAL), "a flow without a protocol is refused");
	p.flow.proto = 6;
	ok(is_refused(ORIGIN_IOC_PORTPID, &p, ESRCH), "a flow that nobody has is nobody's");
	p.flow.direction = 3;
	ok(is_refused(ORIGIN_IOC_PORTPID, &p, EINVAL), "a direction that is none is refused");
	ok(is_refused(ORIGIN_IOC_DUMP, &d, EINVAL), "a dump without room is refused");
	d.count = 1;
	d.cursor = ~UINT64_C(1);
	ok(ioctl(fd, ORIGIN_IOC_DUMP, &d) == 0 && d.count == 0 && d.cursor == ~UINT64_C(0),
	   "a cursor from nowhere is the end");
	ok(is_refused(ORIGIN_IOC_STATS, NULL, EFAULT) &&
	           is_refused(ORIGIN_IOC_GETORIGIN, NULL, EFAULT) &&
	           is_refused(ORIGIN_IOC_RULES_SET, (void *)1, EFAULT),
	   "an address that is not the caller's is refused");
	ok(is_refused(_IO('o', 99), NULL, ENOTTY), "so is a question that there is not");
	ok(read(fd, small, sizeof(small)) < 0 && errno == EINVAL,
	   "and a read with no room for a record");
}

static void origins(void)
{
	const struct origin_flow way = {.proto = 6, .direction = ORIGIN_IN};
	const struct origin_record right = {
		.process = {.pid = 1, .start_ns = 1},
		.origin = {.type = ORIGIN_FILE, .flow = way},
		.root = way,
	};
	struct origin_record bad[] = {right, right, right, right, right};
	size_t refused = 0, count = sizeof(bad) / sizeof(bad[0]);
	struct origin_record nobody = right;

	bad[0].origin.type = ORIGIN_REMOTE;
	bad[1].origin.flow.proto = 0;
	bad[2].origin.flow.direction = ORIGIN_OUT;
	bad[3].origin.flow.reserved = 1;
	bad[4].root.proto = 0;
	for (size_t i = 0; i < count; i++)
		refused += is_refused(ORIGIN_IOC_SETORIGIN, &bad[i], EINVAL);
	ok(refused == count, "%zu of %zu malformed origins are refused", refused, count);
	ok(is_refused(ORIGIN_IOC_SETORIGIN, &nobody, ESRCH),
	   "and one for a process that began at another time");
}

/* Given, inherited, not given twice; and taken along by who ends. */
static void given(void)
{
	const struct origin_flow way = {.proto = 6, .direction = ORIGIN_IN};
	struct origin_record r = {.process = {.pid = 0}}, heir = r;

	actor_new(GIVEN);
	if (getorigin(fd, actor_pid(GIVEN), &r) != 0)
		die("getorigin");
	r.origin = (struct origin_source){.type = ORIGIN_FILE, .flow = way};
	r.root = way;
	ok(ioctl(fd, ORIGIN_IOC_SETORIGIN, &r) == 0, "a process takes an origin by way of a file");
	ok(is_refused(ORIGIN_IOC_SETORIGIN, &r, EEXIST), "and no second");
	actor_fork(GIVEN, HEIR);
	ok(getorigin(fd, actor_pid(HEIR), &heir) == 0 && heir.origin.type == ORIGIN_FILE,
	   "its child inherits it");
	actor_end(HEIR);
	actor_end(GIVEN);
	ok(is_refused(ORIGIN_IOC_SETORIGIN, &r, ESRCH), "and who has ended takes none");
}

static void rules(void)
{
	struct origin_rules before, after;
	struct {
		const char *what;
		struct origin_rules rules;
	} bad[] = {
		{"more rows than there are", {.count = ORIGIN_RULES_MAX + 1}},
		{"an action that is none", {.fallback = ORIGIN_ACTION_COUNT}},
		{"a flag that is none", {.flags = 4}},
		{"a row with 129 bits", {.count = 1, .rows = {{.bits = 129}}}},
		{"a row with no action", {.count = 1, .rows = {{.action = 9}}}},
		{"ports from high to low", {.count = 1, .rows = {{.port_low = 1}}}},
		{"uids from high to low", {.count = 1, .rows = {{.uid_low = 1}}}},
		{"a row that is reserved", {.count = 1, .rows = {{.reserved = 1}}}},
		{"no time to be idle", {0}},
	};
	size_t refused = 0, count = sizeof(bad) / sizeof(bad[0]);

	ioctl(fd, ORIGIN_IOC_RULES_GET, &before);
	for (size_t i = 0; i < count; i++) {
		bad[i].rules.udp_idle_ms = i + 1 < count ? 1000 : 0;
		if (is_refused(ORIGIN_IOC_RULES_SET, &bad[i].rules, EINVAL))
			refused++;
		else
			note("taken: %s", bad[i].what);
	}
	ioctl(fd, ORIGIN_IOC_RULES_GET, &after);
	ok(refused == count && memcmp(&before, &after, sizeof(before)) == 0,
	   "%zu of %zu malformed rules are refused, and change nothing", refused, count);
}

static void switched_off(void)
{
	struct origin_stats before;

	ok(!is_written("/proc/sys/kernel/ftrace_enabled", "0"),
	   "kernel.ftrace_enabled=0 is refused while the module is there");
	is_written("/sys/kernel/debug/kprobes/enabled", "0");
	before = stats(fd);
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	actor_fork(SERVER, SESSION);
	actor_do(SESSION, deed_login, 1000);
	actor_do(SESSION, deed_dial, (long)&beyond);
	collect(fd, &seen);
	ok(count(&seen, ORIGIN_KIND_ACCEPT, actor_pid(SERVER)) == 1 &&
	           stats(fd).hits[ORIGIN_HOOK_CONNECT] > before.hits[ORIGIN_HOOK_CONNECT],
	   "with kprobes off, accepts and connections are seen all the same");
	ok(count(&seen, ORIGIN_KIND_LOGIN, actor_pid(SESSION)) == 1,
	   "and the login is, at the next flow");
	is_written("/sys/kernel/debug/kprobes/enabled", "1");
	actor_end(SESSION);
}

static void start(void)
{
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	actor_do(VISITOR, deed_serve, (long)&beyond);
	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)&here);
}

static void stop(void)
{
	actor_end(SERVER);
	actor_end(VISITOR);
	close(fd);
	ok(unload() == 0, "the module unloads");
	seen.next = 0;
	seen.gaps = 0;
}

/* More processes than the table has room for. */
static void crowded(void)
{
	struct origin_record r;
	struct origin_stats s;

	ok(load("early=1 tasks_max=8 sources_max=4") == 0, "it loads with room for 8 processes");
	fd = device();
	start();
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	for (size_t i = 0; i < CHILDREN; i++)
		actor_fork(SERVER, SESSION + i);
	s = stats(fd);
	ok(s.tasks == 8 && s.tasks_max == 8 && s.lost_tasks == CHILDREN - 7,
	   "of %d children, %llu inherit nothing for want of room, and are counted", CHILDREN,
	   (unsigned long long)s.lost_tasks);
	ok(getorigin(fd, actor_pid(SESSION + CHILDREN - 1), &r) == 0 &&
	           r.origin.type == ORIGIN_UNKNOWN,
	   "the last of them is unknown, not local");
	for (size_t i = 0; i < CHILDREN; i++)
		actor_end(SESSION + i);
	for (size_t i = 0; i < 10; i++) {
		actor_do(VISITOR, deed_dial, (long)&here);
		actor_do(SERVER, deed_take, 0);
		actor_fork(SERVER, SESSION + i);
	}
	s = stats(fd);
	ok(s.sources <= 4 && s.sources_max == 4, "nor are there more origins than is allowed");
	for (size_t i = 0; i < 10; i++)
		actor_end(SESSION + i);
	stop();
}

/* Nobody reads. */
static void overflowed(void)
{
	const struct origin_record *lost = NULL;
	struct origin_stats s;
	uint64_t told = 0;

	ok(load("early=1 ring_records=16") == 0, "it loads with a ring of 16 records");
	fd = device();
	start();
	for (size_t i = 0; i < 50; i++) {
		actor_do(VISITOR, deed_dial, (long)&here);
		actor_do(SERVER, deed_take, 0);
	}
	s = stats(fd);
	ok(s.lost > 30, "with nobody to read %llu records are lost, and nobody waits",
	   (unsigned long long)s.lost);
	collect(fd, &seen);
	for (size_t i = 0; (lost = find(&seen, ORIGIN_KIND_LOST, 0, i)) != NULL; i++)
		told += lost->tally.packets;
	ok(told == s.lost, "LOST records tell of %llu", (unsigned long long)told);
	ok(seen.refused == 0 && seen.gaps == 0, "every other number is there");
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	collect(fd, &seen);
	ok(count(&seen, ORIGIN_KIND_ACCEPT, 0) == 1, "then it goes on");
	stop();
}

void suite_limits(void)
{
	make_evil();
	ok(load("early=1 tasks_max=x") == EINVAL, "a parameter that is no number is refused");
	ok(load("early=1") == 0, "the module loads");
	fd = device();
	start();
	ok(unload() != 0, "while its device is open it cannot be unloaded");
	questions();
	origins();
	given();
	rules();
	switched_off();
	stop();
	crowded();
	overflowed();
}

/* The last of all suites: it cannot be unloaded again. */
void suite_pinned(void)
{
	ok(load("pin=1") == 0, "it loads pinned");
	fd = device();
	ok(stats(fd).is_pinned == 1 && close(fd) == 0 && unload() != 0, "and stays");
}
