#include "origin/record.h"

#include "base/util.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(struct origin_record) == RECORD_OCTETS, "one layout in memory and outside");
_Static_assert(RECORD_HOP == offsetof(struct origin_record, process), "head to tally");
_Static_assert(RECORD_HOP + RECORD_PROCESS == offsetof(struct origin_record, user), "then process");
_Static_assert(RECORD_HOP + RECORD_PROCESS + RECORD_USER == RECORD_OCTETS, "all of it");

/* Every number of a record; what is not here is octets, and has no order. */
#define NUMBER(field) \
	{offsetof(struct origin_record, field), sizeof(((struct origin_record *)0)->field)},
#define FLOW(flow)         \
	NUMBER(flow.sport) \
	NUMBER(flow.dport) NUMBER(flow.reserved) NUMBER(flow.netns) NUMBER(flow.ifindex)
#define SOURCE(source)              \
	NUMBER(source.flags)        \
	NUMBER(source.acceptor_pid) \
	NUMBER(source.acceptor_start_ns) NUMBER(source.time_ns) FLOW(source.flow)

/* clang-format off */
static const struct {
	size_t offset, size;
} numbers[] = {
	NUMBER(head.length) NUMBER(head.flags) NUMBER(head.seq) NUMBER(head.time_ns)
	NUMBER(head.boot_ns)
	FLOW(flow)
	SOURCE(origin)
	SOURCE(last)
	FLOW(root)
	NUMBER(tally.packets) NUMBER(tally.octets) NUMBER(tally.begin_ns)
	NUMBER(process.start_ns) NUMBER(process.cgroup) NUMBER(process.exe_ino)
	NUMBER(process.exe_dev) NUMBER(process.pid) NUMBER(process.tid) NUMBER(process.ppid)
	NUMBER(process.pidns) NUMBER(process.netns) NUMBER(process.mntns) NUMBER(process.userns)
	NUMBER(user.uid) NUMBER(user.gid) NUMBER(user.loginuid) NUMBER(user.session)
	NUMBER(user.origin_loginuid) NUMBER(user.origin_session)
};
/* clang-format on */

#define TCP 6
#define UDP 17

/* What each kind says at least. Direction NONE: any, or no flow at all if `has_flow` is false. */
static const struct kind {
	const char *name;
	uint8_t direction; /* enum origin_direction */
	uint8_t proto;     /* 0: any */
	bool has_flow, has_process, has_tally;
	bool is_remote; /* its origin, or its last accept, is somewhere else */
} kinds[ORIGIN_KIND_COUNT] = {
	[ORIGIN_KIND_START] = {.name = "start"},
	[ORIGIN_KIND_LOST] = {.name = "lost", .has_tally = true},
	[ORIGIN_KIND_ACCEPT] = {.name = "accept",
                                .direction = ORIGIN_IN,
                                .proto = TCP,
                                .has_flow = true,
                                .has_process = true,
                                .is_remote = true},
	[ORIGIN_KIND_LOGIN] = {.name = "login", .has_process = true},
	[ORIGIN_KIND_CONNECT] = {.name = "connect",
                                 .direction = ORIGIN_OUT,
                                 .proto = TCP,
                                 .has_flow = true,
                                 .has_process = true},
	[ORIGIN_KIND_SEND] = {.name = "send",
                              .direction = ORIGIN_OUT,
                              .has_flow = true,
                              .has_process = true},
	[ORIGIN_KIND_RECEIVE] = {.name = "receive",
                                 .direction = ORIGIN_IN,
                                 .proto = UDP,
                                 .has_flow = true,
                                 .has_process = true},
	[ORIGIN_KIND_FLOW_END] = {.name = "flow-end",
                                  .has_flow = true,
                                  .has_process = true,
                                  .has_tally = true},
	[ORIGIN_KIND_EXEC] = {.name = "exec", .has_process = true, .is_remote = true},
	[ORIGIN_KIND_EXIT] = {.name = "exit", .has_process = true, .is_remote = true},
	[ORIGIN_KIND_TASK] = {.name = "task", .has_process = true},
	[ORIGIN_KIND_FILE] = {.name = "file", .has_process = true, .is_remote = true},
};

static const char *const types[ORIGIN_TYPE_COUNT] = {
	[ORIGIN_UNKNOWN] = "unknown", [ORIGIN_LOCAL] = "local", [ORIGIN_REMOTE] = "remote",
	[ORIGIN_IMPLIED] = "implied", [ORIGIN_FILE] = "file",
};

const char *record_kind_name(unsigned kind)
{
	return kind < ARRAY_LEN(kinds) && kinds[kind].name != NULL ? kinds[kind].name : "unknown";
}

const char *record_type_name(unsigned type)
{
	return type < ARRAY_LEN(types) ? types[type] : "unknown";
}

struct endpoint record_sender(const struct origin_flow *f)
{
	struct endpoint e = {.port = f->sport};

	memcpy(e.addr.octets, f->saddr, sizeof(e.addr.octets));
	return e;
}

struct endpoint record_receiver(const struct origin_flow *f)
{
	struct endpoint e = {.port = f->dport};

	memcpy(e.addr.octets, f->daddr, sizeof(e.addr.octets));
	return e;
}

static bool is_zero(const void *octets, size_t len)
{
	const uint8_t *at = octets;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= at[i];
	return any == 0;
}

static enum err check_flow(const struct origin_flow *f)
{
	if (f->direction > ORIGIN_OUT)
		return ERR_RANGE;
	if (f->reserved != 0)
		return ERR_FORMAT;
	if (f->proto == 0) /* no flow, and then nothing of one */
		return is_zero(f, sizeof(*f)) ? ERR_OK : ERR_FORMAT;
	return f->direction == ORIGIN_DIRECTION_NONE ? ERR_RANGE : ERR_OK;
}

bool record_is_elsewhere(const struct origin_source *s)
{
	return s->type >= ORIGIN_REMOTE;
}

static enum err check_source(const struct origin_source *s)
{
	if (s->type >= ORIGIN_TYPE_COUNT)
		return ERR_RANGE;
	if (!record_is_elsewhere(s))
		return is_zero((const uint8_t *)s + 1, sizeof(*s) - 1) ? ERR_OK : ERR_FORMAT;
	/* A place elsewhere is the far end of something that came in. */
	if (s->flow.proto == 0 || s->flow.direction != ORIGIN_IN)
		return ERR_FORMAT;
	return check_flow(&s->flow);
}

/* Of what a policy held back, `shows_process` false, nothing is known. */
static enum err check_kind(const struct origin_record *r, const struct kind *kind,
                           bool shows_process)
{
	bool is_remote = record_is_elsewhere(&r->origin) || record_is_elsewhere(&r->last);

	if (kind->has_flow != (r->flow.proto != 0))
		return ERR_FORMAT;
	if (kind->direction != ORIGIN_DIRECTION_NONE && kind->direction != r->flow.direction)
		return ERR_RANGE;
	if (kind->proto != 0 && kind->proto != r->flow.proto)
		return ERR_RANGE;
	if (shows_process && kind->has_process != (r->process.pid != 0))
		return ERR_FORMAT;
	if (!kind->has_process && (is_remote || !is_zero(&r->process, sizeof(r->process))))
		return ERR_FORMAT;
	if (!kind->has_tally && !is_zero(&r->tally, sizeof(r->tally)))
		return ERR_FORMAT;
	if (kind->is_remote && !is_remote)
		return ERR_FORMAT;
	/* The first hop is known exactly if there is an origin. */
	return is_remote == (r->root.proto != 0) ? ERR_OK : ERR_FORMAT;
}

static enum err check(const struct origin_record *r, bool shows_process)
{
	enum err parts[4];

	if (r->head.length != RECORD_OCTETS)
		return ERR_SHORT;
	if (r->head.major != ORIGIN_ABI_MAJOR || r->head.kind == ORIGIN_KIND_NONE ||
	    r->head.kind >= ORIGIN_KIND_COUNT)
		return ERR_VERSION;
	parts[0] = check_flow(&r->flow);
	parts[1] = check_source(&r->origin);
	parts[2] = check_source(&r->last);
	parts[3] = check_flow(&r->root);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i] != ERR_OK)
			return parts[i];
	}
	if (r->process.comm[sizeof(r->process.comm) - 1] != '\0' ||
	    !is_zero(r->reserved, sizeof(r->reserved)))
		return ERR_FORMAT;
	return check_kind(r, &kinds[r->head.kind], shows_process);
}

enum err record_check(const struct origin_record *r)
{
	return check(r, true);
}

/* A number of 2, 4 or 8 octets, in the host's order. */
static uint64_t load(const void *from, size_t size)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	if (size == sizeof(two))
		return memcpy(&two, from, size), two;
	if (size == sizeof(four))
		return memcpy(&four, from, size), four;
	return memcpy(&eight, from, size), eight;
}

static void save(void *to, size_t size, uint64_t value)
{
	uint16_t two = (uint16_t)value;
	uint32_t four = (uint32_t)value;

	if (size == sizeof(two))
		memcpy(to, &two, size);
	else if (size == sizeof(four))
		memcpy(to, &four, size);
	else
		memcpy(to, &value, size);
}

void record_pack(const struct origin_record *r, uint8_t room[RECORD_OCTETS])
{
	memcpy(room, r, RECORD_OCTETS);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t value = load(room + numbers[i].offset, numbers[i].size);

		for (size_t k = 0; k < numbers[i].size; k++, value >>= 8)
			room[numbers[i].offset + k] = (uint8_t)value;
	}
}

enum err record_unpack_shown(const void *octets, size_t len, struct origin_record *ret)
{
	uint8_t from[RECORD_OCTETS] = {0};

	if (len != RECORD_OCTETS && len != RECORD_HOP && len != RECORD_HOP + RECORD_PROCESS)
		return ERR_SHORT;
	memcpy(from, octets, len);
	memcpy(ret, from, RECORD_OCTETS);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t value = 0;

		for (size_t k = numbers[i].size; k-- > 0;)
			value = value << 8 | from[numbers[i].offset + k];
		save((uint8_t *)ret + numbers[i].offset, numbers[i].size, value);
	}
	return check(ret, len > RECORD_HOP);
}

enum err record_unpack(const void *octets, size_t len, struct origin_record *ret)
{
	return len == RECORD_OCTETS ? record_unpack_shown(octets, len, ret) : ERR_SHORT;
}
