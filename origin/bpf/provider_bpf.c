/*
 * DOC: The BPF providers. Each program is tried by itself first: what the kernel refuses is left
 * out, and the stats say what is therefore not seen. Records come through a ring without a wakeup
 * each; whoever reads asks 20 times a second.
 */
#include "base/util.h"
#include "origin/bpf/shared.h"
#include "origin/provider_kind.h"
#include "origin/record.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <programs.skel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX 8192
#define SWEEP_NS UINT64_C(1000000000)
#define IDLE_MS 15000

enum way { WAY_TRACE, WAY_CGROUP, WAY_ITER, WAY_CALL };
enum variant { BPF_MINIMAL = 1, BPF_FULL = 2, BPF_BOTH = 3 };

/* What each program is for. A hook has all its programs, or is not attached. */
static const struct part {
	const char *program;
	enum variant variant; /* of which it is a part */
	enum way way;
	int hook; /* enum origin_hook; -1: none */
	bool is_needed;
	const char *kfunc; /* which it makes do without, and then sees nothing */
} parts[] = {
	{"on_fork", BPF_BOTH, WAY_TRACE, ORIGIN_HOOK_FORK, true, NULL},
	{"on_exec", BPF_BOTH, WAY_TRACE, ORIGIN_HOOK_EXEC, false, NULL},
	{"on_exit", BPF_BOTH, WAY_TRACE, ORIGIN_HOOK_EXIT, false, NULL},
	{"on_sys_exit", BPF_MINIMAL, WAY_TRACE, ORIGIN_HOOK_ACCEPT, true, NULL},
	{"on_graft", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_ACCEPT, true, NULL},
	{"on_state", BPF_MINIMAL, WAY_TRACE, ORIGIN_HOOK_CONNECT, true, NULL},
	{"on_connect", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_CONNECT, true, NULL},
	{"on_login", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_LOGIN, false, NULL},
	{"on_creds", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_SETUID, false, NULL},
	{"on_send4", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_SEND, false, NULL},
	{"on_send6", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_SEND, false, NULL},
	{"on_egress", BPF_MINIMAL, WAY_CGROUP, ORIGIN_HOOK_SEND, false, "bpf_cast_to_kern_ctx"},
	{"on_receive4", BPF_MINIMAL, WAY_CGROUP, ORIGIN_HOOK_RECEIVE, false, NULL},
	{"on_receive6", BPF_MINIMAL, WAY_CGROUP, ORIGIN_HOOK_RECEIVE, false, NULL},
	{"on_consume", BPF_FULL, WAY_TRACE, ORIGIN_HOOK_RECEIVE, false, NULL},
	{"on_dump", BPF_BOTH, WAY_ITER, -1, false, NULL},
	{"on_holders", BPF_BOTH, WAY_ITER, -1, false, NULL},
	{"on_sweep", BPF_BOTH, WAY_CALL, -1, false, NULL},
};

#define PARTS ARRAY_LEN(parts)

struct bpf {
	struct provider provider;
	struct bpf_object *object;
	struct bpf_link *links[PARTS];
	struct ring_buffer *ring;
	struct control *control; /* mapped */
	struct origin_record *queue;
	size_t count, next; /* of `queue` */
	uint64_t swept_ns;
	struct origin_rules rules;
	enum variant variant;
	uint32_t hooks;
	int cgroup;
};

static struct bpf *bpf_of(struct provider *p)
{
	return (struct bpf *)(void *)p;
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct bpf_program *program_of(const struct bpf *b, size_t part)
{
	return bpf_object__find_program_by_name(b->object, parts[part].program);
}

static int map_fd(const struct bpf *b, const char *name)
{
	return bpf_object__find_map_fd_by_name(b->object, name);
}

/*
 * Loading.
 */

static struct bpf_object *open_object(void)
{
	size_t len;
	const void *elf = programs__elf_bytes(&len);

	return bpf_object__open_mem(elf, len, NULL);
}

static int load_parts(struct bpf_object *object, uint32_t wanted)
{
	for (size_t i = 0; i < PARTS; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(object, parts[i].program),
			(wanted & 1U << i) != 0);
	return bpf_object__load(object);
}

static bool has_kfunc(const char *name)
{
	struct btf *kernel = name != NULL ? btf__load_vmlinux_btf() : NULL;
	bool ret = name == NULL || /* a kernel may have no types at all */
	           (kernel != NULL && btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0);

	btf__free(kernel);
	return ret;
}

/* The parts that the kernel takes. `ret_code` is what it said of the last that it did not. */
static uint32_t probe(enum variant variant, int *ret_code, const char **ret_refused)
{
	uint32_t taken = 0;

	for (size_t i = 0; i < PARTS; i++) {
		struct bpf_object *object;
		int code;

		if ((parts[i].variant & variant) == 0 || !has_kfunc(parts[i].kfunc))
			continue;
		object = open_object();
		code = object != NULL ? load_parts(object, 1U << i) : -errno;
		if (code == 0) {
			taken |= 1U << i;
		} else if (parts[i].is_needed) {
			*ret_code = code;
			*ret_refused = parts[i].program;
		}
		bpf_object__close(object);
	}
	return taken;
}

/* The root of the unified hierarchy, wherever it is mounted. */
static int open_cgroup(void)
{
	static const char *const paths[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct statfs fs;

		if (statfs(paths[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

static struct bpf_link *attach(const struct bpf *b, size_t part)
{
	struct bpf_program *program = program_of(b, part);

	if (parts[part].way == WAY_TRACE)
		return bpf_program__attach(program);
	return b->cgroup >= 0 ? bpf_program__attach_cgroup(program, b->cgroup) : NULL;
}

/* False, and `refused` is set, when one that is needed cannot be. */
static bool attach_all(struct bpf *b, uint32_t loaded, const char **refused)
{
	uint32_t missing = 0;

	for (size_t i = 0; i < PARTS; i++) {
		if ((parts[i].variant & b->variant) == 0 || parts[i].way == WAY_ITER ||
		    parts[i].way == WAY_CALL)
			continue;
		b->links[i] = (loaded & 1U << i) != 0 ? attach(b, i) : NULL;
		if (b->links[i] == NULL && parts[i].is_needed) {
			*refused = parts[i].program;
			return false;
		}
		if (b->links[i] != NULL)
			b->hooks |= 1U << parts[i].hook;
		else
			missing |= 1U << parts[i].hook;
	}
	b->hooks &= ~missing;
	/* Without a hook of its own it is found when the task is next looked at. */
	b->hooks |= 1U << ORIGIN_HOOK_SETUID;
	return true;
}

static void put_rule(struct bpf_rule *to, const struct origin_rule *from)
{
	uint8_t mask[16] = {0};

	for (unsigned i = 0; i < from->bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	*to = (struct bpf_rule){
		.uid_low = from->uid_low,
		.uid_high = from->uid_high,
		.port_low = from->port_low,
		.port_high = from->port_high,
		.proto = from->proto,
		.action = from->action,
	};
	memcpy(to->mask, mask, sizeof(mask));
	memcpy(to->net, from->addr, sizeof(from->addr));
	to->net[0] &= to->mask[0];
	to->net[1] &= to->mask[1];
}

static enum err bpf_rules_set(struct provider *p, const struct origin_rules *rules)
{
	struct bpf *b = bpf_of(p);
	uint32_t other = (b->control->rules_at + 1) & 1;
	struct bpf_rules *to = &b->control->rules[other];

	to->count = rules->count;
	to->fallback = rules->fallback;
	to->flags = rules->flags;
	to->idle_ms = rules->udp_idle_ms;
	for (uint32_t i = 0; i < rules->count; i++)
		put_rule(&to->rows[i], &rules->rows[i]);
	__atomic_store_n(&b->control->rules_at, other, __ATOMIC_RELEASE);
	b->rules = *rules;
	return ERR_OK;
}

static enum err bpf_rules_get(struct provider *p, struct origin_rules *ret)
{
	*ret = bpf_of(p)->rules;
	return ERR_OK;
}

/* A full queue ends the reading behind what it took. */
static int on_sample(void *ctx, void *data, size_t len)
{
	struct bpf *b = ctx;

	if (len != sizeof(b->queue[0]))
		return 0;
	memcpy(&b->queue[b->count++], data, len);
	return b->count == QUEUE_MAX ? -EAGAIN : 0;
}

static void tell_time(struct bpf *b)
{
	b->control->wall_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

/* The first record: what ran before has origin UNKNOWN. */
static void put_start(struct bpf *b)
{
	struct origin_record *r = &b->queue[b->count++];

	memset(r, 0, sizeof(*r));
	r->head = (struct origin_head){
		.length = sizeof(*r),
		.major = ORIGIN_ABI_MAJOR,
		.kind = ORIGIN_KIND_START,
		.time_ns = clock_ns(CLOCK_REALTIME),
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
	};
}

static enum err prepare(struct bpf *b)
{
	static const struct origin_rules defaults = {.udp_idle_ms = IDLE_MS};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = (sizeof(*b->control) + page - 1) / page * page;

	b->control = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(b, "controls"), 0);
	if (b->control == MAP_FAILED) {
		b->control = NULL;
		return ERR_IO;
	}
	b->queue = calloc(QUEUE_MAX, sizeof(*b->queue));
	b->ring = ring_buffer__new(map_fd(b, "ring"), on_sample, b, NULL);
	if (b->queue == NULL || b->ring == NULL)
		return ERR_NOMEM;
	tell_time(b);
	b->control->begin_boot_ns = clock_ns(CLOCK_BOOTTIME);
	b->control->seq = 1;
	put_start(b);
	return bpf_rules_set(&b->provider, &defaults);
}

static void bpf_close(struct provider *p)
{
	struct bpf *b = bpf_of(p);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < PARTS; i++)
		bpf_link__destroy(b->links[i]);
	ring_buffer__free(b->ring);
	if (b->control != NULL)
		munmap(b->control, (sizeof(*b->control) + page - 1) / page * page);
	bpf_object__close(b->object);
	if (b->cgroup >= 0)
		close(b->cgroup);
	free(b->queue);
	free(b);
}

static enum err load(struct bpf *b, char why[PROVIDER_WHY_MAX])
{
	const char *refused = NULL;
	int code = 0;
	uint32_t taken = probe(b->variant, &code, &refused);
	enum err err;

	if (refused != NULL) {
		snprintf(why, PROVIDER_WHY_MAX, "the kernel refuses its program %s: %s%s", refused,
		         strerror(-code), geteuid() != 0 ? " (it needs root)" : "");
		return code == -EPERM ? ERR_DENIED : ERR_IO;
	}
	b->object = open_object();
	if (b->object == NULL || load_parts(b->object, taken) != 0) {
		snprintf(why, PROVIDER_WHY_MAX, "its programs cannot be loaded together: %s",
		         strerror(errno));
		return ERR_IO;
	}
	err = prepare(b);
	if (err == ERR_OK && !attach_all(b, taken, &refused)) {
		snprintf(why, PROVIDER_WHY_MAX, "its program %s cannot be attached: %s", refused,
		         strerror(errno));
		err = ERR_IO;
	} else if (err != ERR_OK) {
		snprintf(why, PROVIDER_WHY_MAX, "its maps: %s", err_text(err));
	}
	return err;
}

static enum err bpf_open(const struct provider_kind *kind, const char *argument,
                         struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct bpf *b = calloc(1, sizeof(*b));
	enum err err;

	(void)argument;
	if (b == NULL) {
		snprintf(why, PROVIDER_WHY_MAX, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	libbpf_set_print(say_nothing);
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 count maps */
	b->provider.kind = kind;
	b->variant = kind == &provider_bpf_kind ? BPF_FULL : BPF_MINIMAL;
	b->cgroup = open_cgroup();
	err = load(b, why);
	if (err != ERR_OK)
		bpf_close(&b->provider);
	else
		*ret = &b->provider;
	return err;
}

/*
 * Reading.
 */

static int bpf_no_fd(const struct provider *p)
{
	(void)p;
	return -1; /* a wakeup for each record would cost more than the record */
}

/* Idle flows of datagrams are told, and the clock is set. */
static void sweep(struct bpf *b)
{
	struct bpf_program *program = bpf_object__find_program_by_name(b->object, "on_sweep");
	struct bpf_test_run_opts options = {.sz = sizeof(options)};
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);

	if (now_ns - b->swept_ns < SWEEP_NS)
		return;
	b->swept_ns = now_ns;
	tell_time(b);
	(void)bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

static enum err bpf_next(struct provider *p, struct origin_record *ret)
{
	struct bpf *b = bpf_of(p);

	if (b->next == b->count) {
		b->next = b->count = 0;
		sweep(b);
		(void)ring_buffer__consume(b->ring);
		if (b->count == 0)
			return ERR_NOENT;
	}
	*ret = b->queue[b->next++];
	return record_check(ret) == ERR_OK ? ERR_OK : ERR_FORMAT;
}

/* Reads all that an iterator says; `pid` 0: of every process. */
static enum err iterate(struct bpf *b, const char *name, pid_t pid, provider_visit *visit,
                        void *arg)
{
	struct bpf_program *program = bpf_object__find_program_by_name(b->object, name);
	union bpf_iter_link_info info = {.task = {.pid = (uint32_t)pid}};
	struct bpf_iter_attach_opts options = {
		.sz = sizeof(options), .link_info = &info, .link_info_len = sizeof(info)};
	struct bpf_link *link = bpf_program__attach_iter(program, pid > 0 ? &options : NULL);
	int fd = link != NULL ? bpf_iter_create(bpf_link__fd(link)) : -1;
	struct origin_record r;
	ssize_t len = 0;

	if (fd >= 0) {
		while ((len = read(fd, &r, sizeof(r))) == sizeof(r) ||
		       (len < 0 && errno == EAGAIN)) {
			if (len > 0 && record_check(&r) == ERR_OK)
				visit(arg, &r);
		}
		close(fd);
	}
	bpf_link__destroy(link);
	return fd >= 0 && len == 0 ? ERR_OK : ERR_IO;
}

struct first { /* of what an iterator says */
	struct origin_record *ret;
	pid_t pid; /* 0: any */
	bool is_found;
};

static void keep_first(void *arg, const struct origin_record *r)
{
	struct first *f = arg;

	if (!f->is_found && (f->pid == 0 || r->process.pid == (uint32_t)f->pid)) {
		*f->ret = *r;
		f->is_found = true;
	}
}

static enum err bpf_getorigin(struct provider *p, pid_t pid, struct origin_record *ret)
{
	struct first f = {.ret = ret, .pid = pid};
	struct bpf *b = bpf_of(p);
	enum err err;

	b->control->is_asked_all = 1;
	err = iterate(b, "on_dump", pid, keep_first, &f);
	if (err != ERR_OK) /* a kernel whose iterator takes no pid: of all, the one */
		err = iterate(b, "on_dump", 0, keep_first, &f);
	return err == ERR_OK && !f.is_found ? ERR_NOENT : err;
}

static enum err bpf_portpid(struct provider *p, const struct origin_flow *flow,
                            struct origin_record *ret)
{
	struct first f = {.ret = ret};
	struct bpf *b = bpf_of(p);
	enum err err;

	b->control->asked_flow = *flow;
	err = iterate(b, "on_holders", 0, keep_first, &f);
	return err == ERR_OK && !f.is_found ? ERR_NOENT : err;
}

/*
 * Into the task's storage, which a descriptor of the process names to the kernel. What the task
 * itself changes between the reading and the writing, some microseconds, is lost.
 */
static enum err give_origin(struct bpf *b, int pidfd, const struct origin_record *r)
{
	int fd = map_fd(b, "tasks");
	int rc = -1;

	for (int tries = 0; tries < 3 && rc != 0; tries++) { /* it may be made meanwhile */
		struct task_state state = {.reserved = 0};
		bool is_known = bpf_map_lookup_elem_flags(fd, &pidfd, &state, BPF_F_LOCK) == 0;

		if (state.c.origin.type >= ORIGIN_REMOTE)
			return ERR_STALE;
		state.c.origin = r->origin;
		state.c.origin_root = r->root;
		state.c.origin_loginuid = r->user.origin_loginuid;
		state.c.origin_session = r->user.origin_session;
		rc = bpf_map_update_elem(fd, &pidfd, &state,
		                         is_known ? BPF_EXIST | BPF_F_LOCK : BPF_NOEXIST);
	}
	return rc == 0 ? ERR_OK : ERR_IO;
}

static enum err bpf_setorigin(struct provider *p, const struct origin_record *r)
{
	int pidfd = (int)syscall(SYS_pidfd_open, r->process.pid, 0);
	struct origin_record is;
	enum err err = pidfd >= 0 ? bpf_getorigin(p, (pid_t)r->process.pid, &is) : ERR_NOENT;

	if (err == ERR_OK && is.process.start_ns != r->process.start_ns)
		err = ERR_NOENT; /* another has its pid */
	if (err == ERR_OK)
		err = give_origin(bpf_of(p), pidfd, r);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

static enum err bpf_dump(struct provider *p, provider_visit *visit, void *arg)
{
	struct bpf *b = bpf_of(p);

	b->control->is_asked_all = 0;
	return iterate(b, "on_dump", 0, visit, arg);
}

/*
 * Health.
 */

static uint64_t counter_of(const struct bpf *b, uint32_t which)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0, *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;

	if (values != NULL && bpf_map_lookup_elem(map_fd(b, "counters"), &which, values) == 0) {
		for (int i = 0; i < cpus; i++)
			sum += values[i];
	}
	free(values);
	return sum;
}

static uint64_t rest_of(uint64_t begun, uint64_t ended)
{
	return begun > ended ? begun - ended : 0;
}

/* The kernel's tags of all programs, mixed: another build has another. */
static void tell_build(const struct bpf *b, char *room, size_t len)
{
	uint64_t mixed = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < PARTS; i++) {
		struct bpf_prog_info info = {0};
		uint32_t info_len = sizeof(info);
		int fd = bpf_program__fd(program_of(b, i));

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &info_len) != 0)
			continue;
		for (size_t k = 0; k < sizeof(info.tag); k++)
			mixed = (mixed ^ info.tag[k]) * UINT64_C(0x100000001b3);
	}
	snprintf(room, len, "%016llx", (unsigned long long)mixed);
}

static const uint32_t blind_of[] = {
	[BPF_MINIMAL] = ORIGIN_BLIND_LATE | ORIGIN_BLIND_URING | ORIGIN_BLIND_UDP_IN,
	[BPF_FULL] = ORIGIN_BLIND_LATE | ORIGIN_BLIND_FTRACE, /* trampolines are not PERMANENT */
};

static enum err bpf_health(struct provider *p, struct provider_health *ret)
{
	struct bpf *b = bpf_of(p);
	struct origin_stats *s = &ret->stats;

	tell_build(b, ret->build, sizeof(ret->build));
	s->major = ORIGIN_ABI_MAJOR;
	s->minor = ORIGIN_ABI_MINOR;
	s->hooks = b->hooks;
	s->blind = blind_of[b->variant];
	s->seq = b->control->seq;
	s->lost = counter_of(b, COUNTER_LOST);
	s->lost_tasks = counter_of(b, COUNTER_LOST_TASKS);
	s->lost_flows = rest_of(counter_of(b, COUNTER_FLOWS_BEGUN),
	                        counter_of(b, COUNTER_FLOWS_ENDED) + b->control->flows_alive);
	s->tasks = rest_of(counter_of(b, COUNTER_TASKS_BEGUN), counter_of(b, COUNTER_TASKS_ENDED));
	s->suppressed = counter_of(b, COUNTER_SUPPRESSED);
	for (uint32_t i = 0; i < ORIGIN_HOOK_COUNT; i++)
		s->hits[i] = counter_of(b, COUNTER_HITS + i);
	return ERR_OK;
}

#define BPF_CALLS                                                                           \
	.open = bpf_open, .close = bpf_close, .fd = bpf_no_fd, .next = bpf_next,            \
	.getorigin = bpf_getorigin, .portpid = bpf_portpid, .dump = bpf_dump,               \
	.setorigin = bpf_setorigin, .rules_get = bpf_rules_get, .rules_set = bpf_rules_set, \
	.health = bpf_health

const struct provider_kind provider_bpf_kind = {.name = "bpf", BPF_CALLS};
const struct provider_kind provider_bpf_minimal_kind = {.name = "bpf-minimal", BPF_CALLS};
