/*
 * DOC: Two providers see one and the same host: the module and the BPF programs of each variant, in
 * the daemon's own way, by provider.h. What they record of it has to be equal, but for numbers and
 * instants.
 */
#include "origin/provider.h"
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VISITOR, TARGET, SERVER, SESSION, GRANDCHILD, PEER, SERVICE, WORKER, GIVEN, HEIR, ACTORS };
enum { KMOD, BPF, BOTH };

#define RECORDS_MAX 256
#define QUIET_TRIES 20

static const struct place here = {HERE, 2222}, here6 = {HERE6, 2226}, beyond = {EVIL, 8080};
static const struct place control = {HERE, 5353};
static struct provider *providers[BOTH];
static struct origin_record records[BOTH][RECORDS_MAX];
static size_t counts[BOTH];

static void read_all(size_t which)
{
	for (int quiet = 0; quiet < QUIET_TRIES; quiet++) {
		while (counts[which] < RECORDS_MAX &&
		       provider_next(providers[which], &records[which][counts[which]]) == ERR_OK) {
			counts[which]++;
			quiet = 0;
		}
		usleep(10000);
	}
}

/* What two providers cannot have alike: their numbers, and the instant at which each looked. */
static struct origin_record plain(const struct origin_record *r)
{
	struct origin_record ret = *r;

	ret.head.seq = ret.head.time_ns = ret.head.boot_ns = 0;
	ret.origin.time_ns = ret.last.time_ns = 0;
	return ret;
}

static bool is_near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < 1000000000;
}

#define PART(name)                                                                      \
	{                                                                               \
#		name, offsetof(struct origin_record, name), sizeof(records[0][0].name) \
	}

static bool is_equal(const char *what, const struct origin_record *a, const struct origin_record *b)
{
	static const struct {
		const char *name;
		size_t at, len;
	} parts[] = {PART(head), PART(flow),  PART(origin),  PART(last),
	             PART(root), PART(tally), PART(process), PART(user)};
	struct origin_record x = plain(a), y = plain(b);
	bool ret = is_near(a->origin.time_ns, b->origin.time_ns) &&
	           is_near(a->last.time_ns, b->last.time_ns);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const uint8_t *p = (const uint8_t *)&x + parts[i].at;
		const uint8_t *q = (const uint8_t *)&y + parts[i].at;

		for (size_t k = 0; k < parts[i].len; k++) {
			if (p[k] == q[k])
				continue;
			note("%s: %s differs at %zu: %02x %02x", what, parts[i].name, k, p[k],
			     q[k]);
			ret = false;
		}
	}
	return ret;
}

static const struct origin_record *nth(size_t which, enum origin_kind kind, uint32_t pid, size_t n)
{
	for (size_t i = 0; i < counts[which]; i++) {
		const struct origin_record *r = &records[which][i];

		if (r->head.kind == kind && r->process.pid == pid && n-- == 0)
			return r;
	}
	return NULL;
}

static void compare(enum origin_kind kind, const char *name, size_t want)
{
	size_t equal = 0, all = 0;

	for (size_t actor = 0; actor < ACTORS; actor++) {
		uint32_t pid = (uint32_t)actor_pid(actor);

		for (size_t n = 0;; n++) {
			const struct origin_record *a = nth(KMOD, kind, pid, n);
			const struct origin_record *b = nth(BPF, kind, pid, n);

			if (a == NULL && b == NULL)
				break;
			all++;
			if (a == NULL || b == NULL)
				note("%s of actor %zu: only %s", name, actor,
				     a == NULL ? "bpf" : "kmod");
			else
				equal += is_equal(name, a, b);
		}
	}
	ok(equal == all && all >= want, "%zu of %zu %s records are equal", equal, all, name);
}

static void scene(void)
{
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	actor_new(TARGET);
	actor_do(TARGET, deed_enter, 0);
	actor_do(TARGET, deed_serve, (long)&beyond);
	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)&here);
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	actor_fork(SERVER, SESSION);
	actor_do(SESSION, deed_login, 1000);
	actor_fork(SESSION, GRANDCHILD);
	actor_do(GRANDCHILD, deed_become, 1000);
	actor_do(GRANDCHILD, deed_dial, (long)&beyond);
	actor_new(PEER);
	actor_do(PEER, deed_serve, (long)&here6);
	actor_do(GRANDCHILD, deed_dial, (long)&here6);
	actor_do(PEER, deed_take, 0);
	actor_do(PEER, deed_login, 1001);
	actor_do(PEER, deed_dial, (long)&beyond);
	actor_do(SESSION, deed_bind, (long)&control);
	actor_do(VISITOR, deed_aim, (long)&control);
	actor_do(VISITOR, deed_shoot, 2);
	actor_do(SESSION, deed_fetch, 2);
	actor_do(GRANDCHILD, deed_aim, (long)&beyond);
	actor_do(GRANDCHILD, deed_shoot, 3);
	actor_do(SESSION, deed_ping, (long)&beyond);
	actor_fork(SERVER, SERVICE); /* no login: what was accepted last */
	actor_do(SERVICE, deed_dial, (long)&beyond);
	actor_fork(SERVER, WORKER);
	actor_do(WORKER, deed_become, 33);
	actor_do(WORKER, deed_dial, (long)&beyond);
	actor_new(GIVEN);
}

static struct origin_record told_of(size_t which, size_t actor)
{
	struct origin_record r = {.head = {.kind = ORIGIN_KIND_NONE}};

	if (provider_getorigin(providers[which], actor_pid(actor), &r) != ERR_OK)
		note("provider %zu knows nothing of actor %zu", which, actor);
	return r;
}

/* As the daemon does with what a file started: the heir has it by inheritance. */
static void given(void)
{
	struct origin_record from = told_of(KMOD, SESSION), heirs[BOTH];
	unsigned right = 0;

	from.head.kind = ORIGIN_KIND_FILE;
	from.origin.type = ORIGIN_FILE;
	for (size_t i = 0; i < BOTH; i++) {
		struct origin_record wrong = from;

		right += provider_setorigin(providers[i], &from) == ERR_STALE &&
		         told_of(i, SESSION).origin.type == ORIGIN_REMOTE; /* it has one */
		from.process = told_of(i, GIVEN).process;
		wrong.process = from.process;
		wrong.process.start_ns++;
		right += provider_setorigin(providers[i], &wrong) == ERR_NOENT;
		wrong = from;
		wrong.origin.type = ORIGIN_REMOTE;
		right += provider_setorigin(providers[i], &wrong) == ERR_RANGE;
		right += told_of(i, GIVEN).root.proto == 0;
		right += provider_setorigin(providers[i], &from) == ERR_OK;
		from.process = told_of(i, SESSION).process;
	}
	ok(right == 5 * BOTH, "of a process an origin by way of a file is taken, and nothing else");
	actor_fork(GIVEN, HEIR);
	actor_do(HEIR, deed_dial, (long)&beyond);
	for (size_t i = 0; i < BOTH; i++)
		heirs[i] = told_of(i, HEIR);
	ok(heirs[KMOD].origin.type == ORIGIN_FILE && is_equal("heir", &heirs[KMOD], &heirs[BPF]),
	   "and its children inherit it, as both say");
}

/* Does the BPF variant say that nothing of the kind escapes it? */
static bool is_seen(enum origin_hook hook, uint32_t blindness)
{
	struct provider_health h = {.kind = ""};

	return provider_health(providers[BPF], &h) == ERR_OK && (h.stats.hooks & 1U << hook) != 0 &&
	       (h.stats.blind & blindness) == 0;
}

static void asked(void)
{
	size_t equal = 0;

	for (size_t actor = 0; actor < ACTORS; actor++) {
		struct origin_record both[BOTH] = {0};
		bool are_told = true;

		for (size_t i = 0; i < BOTH; i++)
			are_told = are_told && provider_getorigin(providers[i], actor_pid(actor),
			                                          &both[i]) == ERR_OK;
		equal += are_told && is_equal("getorigin", &both[KMOD], &both[BPF]);
	}
	ok(equal == ACTORS, "of %zu processes both say the same when asked", equal);
}

/* `variant` beside the module. False: it is not there, and that is said. */
static bool open_both(const char *variant)
{
	const char *const names[BOTH] = {"kmod", variant};
	char why[PROVIDER_WHY_MAX];

	if (access("/sys/kernel/btf/vmlinux", F_OK) != 0) {
		note("skipped: this kernel has no types for BPF programs");
		return false;
	}
	for (size_t i = 0; i < BOTH; i++) {
		enum err err = provider_open(names[i], &providers[i], why);

		if (err == ERR_NOENT && i == BPF)
			note("skipped: %s", why); /* built without libbpf */
		else
			ok(err == ERR_OK, "%s opens: %s", names[i],
			   why[0] != 0 ? why : err_text(err));
		if (err != ERR_OK)
			return false;
	}
	return true;
}

static void close_both(void)
{
	for (size_t i = 0; i < BOTH; i++) {
		provider_close(providers[i]);
		providers[i] = NULL;
		counts[i] = 0;
	}
}

/* As many hooks as the module has; and can somebody take them away unnoticed, it says so. */
static void check_trampolines(void)
{
	static const char *const switch_path = "/proc/sys/kernel/ftrace_enabled";
	struct provider_health h;
	char why[PROVIDER_WHY_MAX];

	if (provider_open("bpf", &providers[BPF], why) != ERR_OK) {
		note("skipped: %s", why);
		return;
	}
	ok(provider_health(providers[BPF], &h) == ERR_OK, "bpf tells its health");
	for (size_t i = 0; i < ORIGIN_HOOK_COUNT; i++)
		ok((h.stats.hooks & 1U << i) != 0, "bpf has hook %zu", i);
	ok((h.stats.blind & ~ORIGIN_BLIND_FTRACE) == ORIGIN_BLIND_LATE,
	   "bpf sees all but what was before it");
	ok(is_written(switch_path, "0") == ((h.stats.blind & ORIGIN_BLIND_FTRACE) != 0),
	   "whether kernel.ftrace_enabled=0 blinds it, is as it says");
	is_written(switch_path, "1");
	close_both();
}

static void differ(const char *variant)
{
	ok(load("early=0") == 0, "the module loads");
	if (open_both(variant)) {
		scene();
		given();
		read_all(KMOD);
		read_all(BPF);
		compare(ORIGIN_KIND_ACCEPT, "ACCEPT", 2);
		compare(ORIGIN_KIND_LOGIN, "LOGIN", 3);
		compare(ORIGIN_KIND_CONNECT, "CONNECT", 6);
		if (is_seen(ORIGIN_HOOK_SEND, ORIGIN_BLIND_UDP_OUT))
			compare(ORIGIN_KIND_SEND, "SEND", 2);
		if (is_seen(ORIGIN_HOOK_RECEIVE, ORIGIN_BLIND_UDP_IN))
			compare(ORIGIN_KIND_RECEIVE, "RECEIVE", 1);
		asked();
		for (size_t i = ACTORS; i-- > 0;)
			actor_end(i);
	}
	close_both();
	ok(unload() == 0, "the module unloads");
}

void suite_differ(void)
{
	make_evil();
	differ("bpf-minimal");
	differ("bpf");
	check_trampolines();
}
