/*
 * DOC: The nine properties that the paper wants (section 3), one after the other: a visitor from
 * another host logs in, and what the session does from then on is known by where it came from.
 */
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VISITOR, TARGET, TARGET6, SERVER, SESSION, GRANDCHILD, SERVICE, PEER };

static const struct place here = {HERE, 2222}, here6 = {HERE6, 2226}, beyond = {EVIL, 8080},
			  beyond6 = {EVIL6, 8086};
static struct seen seen;
static int fd;

static bool is_none(const struct origin_source *s)
{
	static const struct origin_source none;

	return memcmp((const uint8_t *)s + 1, (const uint8_t *)&none + 1, sizeof(none) - 1) == 0;
}

/* A visitor from evil has come by TCP, and logged in; the session has a child. Its port. */
static long come_in(const struct place *at)
{
	long port;

	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)at);
	port = actor_do(VISITOR, deed_dial, (long)at);
	ok(port > 0 && actor_do(SERVER, deed_take, 0) == port, "a visitor from %s comes in",
	   strchr(at->addr, ':') == NULL ? EVIL : EVIL6);
	actor_fork(SERVER, SESSION);
	actor_do(SESSION, deed_login, 1000);
	actor_fork(SESSION, GRANDCHILD);
	return port;
}

static void go_away(void)
{
	actor_do(VISITOR, deed_hang_up, 0);
	actor_end(GRANDCHILD);
	actor_end(SESSION);
	actor_end(SERVER);
}

static void logged_in(const char *from, const struct place *to, const struct place *on)
{
	long port = come_in(to), out;
	const struct origin_record *r;
	struct origin_record own;

	collect(fd, &seen);
	r = find(&seen, ORIGIN_KIND_ACCEPT, actor_pid(SERVER), 0);
	ok(r != NULL && is_flow(&r->flow, from, port, to->addr, to->port) &&
	           r->flow.direction == ORIGIN_IN && r->last.type == ORIGIN_IMPLIED,
	   "property 3: its connection is recorded as it comes in");
	r = find(&seen, ORIGIN_KIND_LOGIN, actor_pid(SESSION), 0);
	ok(r != NULL && r->origin.type == ORIGIN_REMOTE && is_none(&r->last) &&
	           r->user.origin_loginuid == 1000 && r->user.loginuid == 1000,
	   "the login makes it the session's origin");
	ok(getorigin(fd, actor_pid(SESSION), &own) == 0 && own.origin.type == ORIGIN_REMOTE &&
	           getorigin(fd, getpid(), &own) == 0 && own.origin.type == ORIGIN_LOCAL,
	   "property 1: the session is remote, process 1 is local");
	getorigin(fd, actor_pid(SESSION), &own);
	ok(is_flow(&own.origin.flow, from, port, to->addr, to->port) &&
	           own.origin.acceptor_pid == (uint32_t)actor_pid(SERVER) &&
	           own.origin.time_ns > 1600000000000000000 &&
	           memcmp(&own.root, &own.origin.flow, sizeof(own.root)) == 0,
	   "property 2: where it came from is kept, and when, and who took it");
	actor_do(GRANDCHILD, deed_become, 1000);
	out = actor_do(GRANDCHILD, deed_dial, (long)on);
	collect(fd, &seen);
	r = find(&seen, ORIGIN_KIND_CONNECT, actor_pid(GRANDCHILD), 0);
	ok(r != NULL && is_flow(&r->flow, to->addr, out, on->addr, on->port) && r->user.uid == 1000,
	   "property 4: a connection that goes out is recorded");
	ok(r != NULL && r->origin.type == ORIGIN_REMOTE &&
	           is_flow(&r->origin.flow, from, port, to->addr, to->port),
	   "property 6: two forks and another uid on, with the visitor as its origin");
	go_away();
}

static void executed(void)
{
	struct origin_record own;
	long port = come_in(&here), pid = actor_do(GRANDCHILD, deed_hold, 3000);

	for (int tries = 0; tries < 1000; tries++) {
		if (getorigin(fd, (pid_t)pid, &own) == 0 && strcmp(own.process.comm, "guest") == 0)
			break;
		usleep(1000);
	}
	ok(own.origin.type == ORIGIN_REMOTE &&
	           is_flow(&own.origin.flow, EVIL, port, HERE, here.port),
	   "a program that the session starts has its origin too");
	actor_kill((pid_t)pid);
	go_away();
}

/* The session opens a connection to a server of this very host, and logs in there. */
static void hopped(void)
{
	long port = come_in(&here), second;
	struct origin_record own;

	actor_new(PEER);
	actor_do(PEER, deed_serve, (long)&here6);
	second = actor_do(GRANDCHILD, deed_dial, (long)&here6);
	actor_do(PEER, deed_take, 0);
	actor_do(PEER, deed_login, 1001);
	ok(getorigin(fd, actor_pid(PEER), &own) == 0 && own.origin.type == ORIGIN_REMOTE &&
	           is_flow(&own.origin.flow, HERE6, second, HERE6, here6.port) &&
	           (own.origin.flags & ORIGIN_SOURCE_SELF_HOP) != 0,
	   "a login over a connection of the host to itself is a hop");
	ok(own.origin.depth == 1 && is_flow(&own.root, EVIL, port, HERE, here.port),
	   "whose root is still the visitor, one hop further");
	actor_end(PEER);
	go_away();
}

/* No login: an exploited service, and one that gives up uid 0 by itself. */
static void implied(void)
{
	const struct origin_record *r;
	long port;

	actor_new(SERVICE);
	actor_do(SERVICE, deed_serve, (long)&here);
	port = actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVICE, deed_take, 0);
	actor_fork(SERVICE, SESSION);
	actor_do(SESSION, deed_dial, (long)&beyond);
	actor_fork(SERVICE, GRANDCHILD);
	actor_do(GRANDCHILD, deed_become, 33);
	actor_do(GRANDCHILD, deed_dial, (long)&beyond);
	collect(fd, &seen);
	r = find(&seen, ORIGIN_KIND_CONNECT, actor_pid(SESSION), 0);
	ok(r != NULL && r->origin.type == ORIGIN_LOCAL && r->last.type == ORIGIN_IMPLIED &&
	           is_flow(&r->last.flow, EVIL, port, HERE, here.port),
	   "without a login, what was accepted last is told");
	r = find(&seen, ORIGIN_KIND_CONNECT, actor_pid(GRANDCHILD), 0);
	ok(r != NULL && r->origin.type == ORIGIN_IMPLIED &&
	           r->origin.flags == ORIGIN_SOURCE_SETUID &&
	           is_flow(&r->origin.flow, EVIL, port, HERE, here.port),
	   "and is the implied origin of who gives up uid 0");
	actor_end(GRANDCHILD);
	actor_end(SESSION);
	actor_end(SERVICE);
	actor_do(VISITOR, deed_hang_up, 0);
}

static void local(void)
{
	actor_new(SERVICE);
	actor_new(PEER);
	actor_do(SERVICE, deed_serve, (long)&here);
	actor_do(PEER, deed_dial, (long)&here);
	actor_do(SERVICE, deed_take, 0);
	actor_do(PEER, deed_hang_up, 0);
	actor_do(PEER, deed_dial, (long)&beyond);
	collect(fd, &seen);
	ok(count(&seen, ORIGIN_KIND_ACCEPT, actor_pid(SERVICE)) == 0 &&
	           count(&seen, ORIGIN_KIND_CONNECT, actor_pid(PEER)) == 0,
	   "what local processes do, with each other too, is not recorded");
	actor_end(PEER);
	actor_end(SERVICE);
}

static void ruled(void)
{
	struct origin_rules before, rules = {
					    .count = 1,
					    .fallback = ORIGIN_ACTION_ALL,
					    .udp_idle_ms = 1000,
					    .rows = {{.bits = 0,
	                                              .proto = IPPROTO_TCP,
	                                              .action = ORIGIN_ACTION_NONE,
	                                              .port_low = beyond.port,
	                                              .port_high = beyond.port,
	                                              .uid_high = ORIGIN_NOBODY}},
				    };
	struct origin_record own;

	ok(ioctl(fd, ORIGIN_IOC_RULES_GET, &before) == 0 &&
	           ioctl(fd, ORIGIN_IOC_RULES_SET, &rules) == 0,
	   "property 8: rules can be set");
	come_in(&here);
	actor_do(GRANDCHILD, deed_dial, (long)&beyond);
	actor_do(SESSION, deed_dial, (long)&beyond6);
	actor_new(PEER);
	actor_do(PEER, deed_dial, (long)&beyond6);
	collect(fd, &seen);
	ok(count(&seen, ORIGIN_KIND_CONNECT, actor_pid(GRANDCHILD)) == 0 &&
	           count(&seen, ORIGIN_KIND_CONNECT, actor_pid(SESSION)) == 1 &&
	           count(&seen, ORIGIN_KIND_CONNECT, actor_pid(PEER)) == 1,
	   "one port is left out, and local processes are let in");
	ok(getorigin(fd, actor_pid(GRANDCHILD), &own) == 0 && own.origin.type == ORIGIN_REMOTE,
	   "inheritance does not depend on rules");
	ioctl(fd, ORIGIN_IOC_RULES_SET, &before);
	actor_end(PEER);
	go_away();
}

/* The records of a dump, by pid of `want`; all that there are, as the return value. */
static size_t dumped(pid_t want, size_t *found)
{
	static struct origin_record room[4];
	struct origin_dump d = {.records = (uintptr_t)room};
	size_t all = 0;

	*found = 0;
	while (d.cursor != ~UINT64_C(0)) {
		d.count = sizeof(room) / sizeof(room[0]);
		if (ioctl(fd, ORIGIN_IOC_DUMP, &d) < 0)
			die("ORIGIN_IOC_DUMP");
		for (uint32_t i = 0; i < d.count; i++) {
			*found += room[i].process.pid == (uint32_t)want &&
			          room[i].origin.type == ORIGIN_REMOTE;
			all++;
		}
	}
	return all;
}

/* Who has the connection from `near` to `far` open? */
static pid_t holder(const uint8_t near[16], long sport, const uint8_t far[16], uint16_t dport,
                    uint8_t direction)
{
	struct origin_portpid p = {
		.flow = {.proto = IPPROTO_TCP,
	                 .sport = (uint16_t)sport,
	                 .dport = dport,
	                 .direction = direction},
	};

	memcpy(p.flow.saddr, near, 16);
	memcpy(p.flow.daddr, far, 16);
	return ioctl(fd, ORIGIN_IOC_PORTPID, &p) == 0 ? (pid_t)p.record.process.pid : -errno;
}

static void listed(void)
{
	static const uint8_t own[16] = {[10] = 0xff, [11] = 0xff, 10, 9, 0, 2};
	static const uint8_t evil[16] = {[10] = 0xff, [11] = 0xff, 10, 9, 0, 1};
	size_t all, found;
	long out, port = come_in(&here);

	all = dumped(actor_pid(GRANDCHILD), &found);
	/* the server, the session and its child */
	ok(all == 3 && found == 1, "property 9: %zu processes carry something, each told once",
	   all);
	out = actor_do(GRANDCHILD, deed_dial, (long)&beyond);
	ok(holder(own, out, evil, beyond.port, ORIGIN_OUT) == actor_pid(GRANDCHILD) &&
	           holder(own, out, evil, beyond.port, ORIGIN_IN) == -ESRCH,
	   "who has a connection open can be asked; its other end, not accepted, is nobody's");
	ok(holder(evil, port, own, here.port, ORIGIN_IN) == actor_pid(SESSION),
	   "of a server and its session, who both hold it, the session is told");
	go_away();
	ok(dumped(1, &found) == 0, "when they have ended there is nobody left");
	ok(stats(fd).tasks == 0, "and the table is empty");
}

/* As an ordinary user: 0 if it may not open the device, and may not ask of others. */
static void as_user(void *arg)
{
	struct origin_record r;

	(void)arg;
	deed_become(1234);
	if (open(ORIGIN_DEVICE, O_RDONLY) >= 0 || errno != EACCES ||
	    getorigin(fd, 1, &r) != EPERM || getorigin(fd, getpid(), &r) != 0 ||
	    ioctl(fd, ORIGIN_IOC_STATS, &r) == 0)
		_exit(1);
}

static void guarded(void)
{
	struct stat st;

	ok(stat(ORIGIN_DEVICE, &st) == 0 && (st.st_mode & 07777) == 0400 && st.st_uid == 0 &&
	           finish(run(as_user, NULL)) == 0,
	   "property 5: only root reads records, and others learn of their own processes alone");
}

void suite_smoke(void)
{
	struct origin_stats s;

	make_evil();
	ok(load("early=1") == 0, "property 7: the module loads into Debian's own kernel");
	fd = device();
	s = stats(fd);
	ok(s.hooks == (1U << ORIGIN_HOOK_COUNT) - 1 && s.blind == 0, "with all its hooks");
	actor_new(TARGET);
	actor_do(TARGET, deed_enter, 0);
	actor_do(TARGET, deed_serve, (long)&beyond);
	actor_new(TARGET6);
	actor_do(TARGET6, deed_enter, 0);
	actor_do(TARGET6, deed_serve, (long)&beyond6);
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	logged_in(EVIL, &here, &beyond);
	logged_in(EVIL6, &here6, &beyond6);
	executed();
	hopped();
	implied();
	local();
	ruled();
	listed();
	guarded();
	ok(seen.refused == 0 && seen.gaps == 0, "every record is whole, and none is missing");
	actor_end(VISITOR);
	actor_end(TARGET6);
	actor_end(TARGET);
	close(fd);
	ok(unload() == 0, "the module unloads");
}
