/*
 * DOC: The paper's second experiment (section 5): someone logs in from evil and starts a daemon; a
 * datagram from its master tells it to flood. What is recorded says both: from where the control
 * came, and from where the process was started. The flood is a few datagrams to our own hosts.
 */
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VISITOR, CONTROLLER, SERVER, DAEMON, LOCAL };

#define VICTIMS 3
#define SHOTS 50
#define IDLE_MS 300

static const struct place here = {HERE, 2222}, control = {HERE, 27444}, control6 = {HERE6, 27446},
			  master = {MASTER, 31335},
			  victims[VICTIMS] = {{EVIL, 7}, {EVIL, 9}, {EVIL6, 7}};
static struct seen seen;
static int fd;
static long visitor_port;

static bool is_from_visitor(const struct origin_record *r)
{
	return r->origin.type == ORIGIN_REMOTE &&
	       is_flow(&r->origin.flow, EVIL, visitor_port, HERE, here.port);
}

static const struct origin_record *find_flow(enum origin_kind kind, const char *from, long sport,
                                             const struct place *to)
{
	for (size_t i = 0; i < seen.count; i++) {
		const struct origin_record *r = &seen.records[i];

		if (r->head.kind == kind && is_flow(&r->flow, from, sport, to->addr, to->port) &&
		    r->process.pid == (uint32_t)actor_pid(DAEMON))
			return r;
	}
	return NULL;
}

static void start_daemon(void)
{
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	for (size_t i = 0; i < VICTIMS; i++) /* so that no "unreachable" comes back */
		actor_do(VISITOR, deed_bind, (long)&victims[i]);
	actor_new(CONTROLLER);
	actor_do(CONTROLLER, deed_enter, 0);
	actor_do(CONTROLLER, deed_bind, (long)&master);
	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)&here);
	visitor_port = actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	actor_do(SERVER, deed_login, 1000);
	actor_fork(SERVER, DAEMON);
	actor_end(SERVER); /* the login is over when the daemon is used */
}

static void controlled(void)
{
	const struct origin_record *r;
	long port;

	actor_do(DAEMON, deed_bind, (long)&control);
	port = actor_do(CONTROLLER, deed_point, (long)&control);
	actor_do(CONTROLLER, deed_shoot, 2);
	actor_do(DAEMON, deed_fetch, 2);
	collect(fd, &seen);
	r = find_flow(ORIGIN_KIND_RECEIVE, MASTER, port, &control);
	ok(r != NULL && r->flow.proto == IPPROTO_UDP && r->flow.direction == ORIGIN_IN,
	   "the control datagram came from its master");
	ok(r != NULL && is_from_visitor(r), "the process was started from evil");
	ok(count(&seen, ORIGIN_KIND_RECEIVE, actor_pid(DAEMON)) == 1,
	   "a flow of datagrams begins once");
}

static void flooded(void)
{
	long ports[VICTIMS];
	size_t ended = 0;

	for (size_t i = 0; i < VICTIMS; i++) {
		ports[i] = actor_do(DAEMON, deed_aim, (long)&victims[i]);
		actor_do(DAEMON, deed_shoot, SHOTS);
	}
	collect(fd, &seen);
	for (size_t i = 0; i < VICTIMS; i++) {
		const char *from = i == 2 ? HERE6 : HERE;
		const struct origin_record *r =
			find_flow(ORIGIN_KIND_SEND, from, ports[i], &victims[i]);

		ok(r != NULL && is_from_visitor(r) && r->flow.proto == IPPROTO_UDP,
		   "the flood of %s port %u has its origin too", victims[i].addr, victims[i].port);
	}
	usleep(3 * IDLE_MS * 1000);
	collect(fd, &seen);
	for (size_t i = 0; i < VICTIMS; i++) {
		const struct origin_record *r = find_flow(
			ORIGIN_KIND_FLOW_END, i == 2 ? HERE6 : HERE, ports[i], &victims[i]);

		ended += r != NULL && r->tally.packets == SHOTS &&
		         r->tally.octets == SHOTS * DEED_OCTETS && r->tally.begin_ns != 0;
	}
	ok(ended == VICTIMS, "%zu of %d floods end with their counters", ended, VICTIMS);
	ok(find_flow(ORIGIN_KIND_SEND, HERE, ports[0], &victims[0]) == NULL,
	   "there is one record as a flow begins and one as it ends, not one a datagram");
}

static void other_protocols(void)
{
	const struct place target = {EVIL, 0};
	const struct origin_record *r;

	actor_do(DAEMON, deed_ping, (long)&victims[0]);
	collect(fd, &seen);
	r = find_flow(ORIGIN_KIND_SEND, HERE, 0, &target);
	ok(r != NULL && r->flow.proto == IPPROTO_ICMP && is_from_visitor(r),
	   "what a raw socket sends is seen, by protocol and address");
}

static void received6(void)
{
	const struct origin_record *r;
	long port;

	actor_do(DAEMON, deed_bind, (long)&control6);
	port = actor_do(CONTROLLER, deed_aim, (long)&control6);
	actor_do(CONTROLLER, deed_shoot, 1);
	actor_do(DAEMON, deed_fetch, 1);
	collect(fd, &seen);
	r = find_flow(ORIGIN_KIND_RECEIVE, EVIL6, port, &control6);
	ok(r != NULL && is_from_visitor(r), "and control by IPv6");
}

static void quiet(void)
{
	uint64_t before = stats(fd).seq;

	actor_new(LOCAL);
	actor_do(LOCAL, deed_aim, (long)&victims[0]);
	actor_do(LOCAL, deed_shoot, SHOTS);
	collect(fd, &seen);
	ok(count(&seen, ORIGIN_KIND_SEND, actor_pid(LOCAL)) == 0 && stats(fd).seq >= before,
	   "datagrams of local processes are not recorded");
	actor_end(LOCAL);
}

static void ended(void)
{
	long port = actor_do(DAEMON, deed_aim, (long)&victims[1]);
	const struct origin_record *r;
	pid_t pid = actor_pid(DAEMON);

	actor_do(DAEMON, deed_shoot, 7);
	actor_end(DAEMON);
	usleep(200000);
	collect(fd, &seen);
	r = find(&seen, ORIGIN_KIND_FLOW_END, pid, 0);
	for (size_t i = 1; r != NULL && r->flow.sport != port; i++)
		r = find(&seen, ORIGIN_KIND_FLOW_END, pid, i);
	ok(r != NULL && r->tally.packets == 7, "flows of a process that has ended are told soon");
}

void suite_datagram(void)
{
	struct origin_rules rules;

	make_evil();
	ok(load("early=1") == 0, "the module loads");
	fd = device();
	ioctl(fd, ORIGIN_IOC_RULES_GET, &rules);
	rules.udp_idle_ms = IDLE_MS;
	ok(ioctl(fd, ORIGIN_IOC_RULES_SET, &rules) == 0, "flows end after %d ms", IDLE_MS);
	start_daemon();
	controlled();
	flooded();
	other_protocols();
	received6();
	quiet();
	rules.udp_idle_ms = 60000;
	ioctl(fd, ORIGIN_IOC_RULES_SET, &rules);
	ended();
	ok(seen.refused == 0 && seen.gaps == 0, "every record is whole, and none is missing");
	actor_end(CONTROLLER);
	actor_end(VISITOR);
	close(fd);
	ok(unload() == 0, "the module unloads");
}
