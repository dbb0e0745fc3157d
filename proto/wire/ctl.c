#include "proto/wire/ctl.h"

#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const commands[] = {
	[CTL_STATUS] = "status",
	[CTL_PEERS] = "peers",
	[CTL_FLOWS] = "flows",
	[CTL_TRANSLATIONS] = "translations",
	[CTL_TRACE] = "trace",
	[CTL_WATCH] = "watch",
	[CTL_WATCH_LIST] = "watch-list",
	[CTL_WATCH_STOP] = "watch-stop",
	[CTL_WATCH_TELL] = "watch-tell",
	[CTL_IMPORT] = "import",
	[CTL_SEAL] = "seal",
	[CTL_STOP] = "stop",
	[CTL_ORIGIN] = "origin",
	[CTL_ORIGIN_LIST] = "origin-list",
	[CTL_ORIGIN_WATCH] = "origin-watch",
	[CTL_ORIGIN_STATUS] = "origin-status",
};

enum kind { KIND_ENDPOINT, KIND_TIME, KIND_STR, KIND_COUNT, KIND_SPAN, KIND_BIN };

/* clang-format off */
#define MEMBER(m) offsetof(struct ctl_request, m), sizeof(((struct ctl_request *)0)->m)

static const struct argument {
	const char *name;
	enum kind kind;
	size_t offset, size;
} arguments[] = {
	{"target",   KIND_ENDPOINT, MEMBER(target)},
	{"peer",     KIND_ENDPOINT, MEMBER(peer)},
	{"since",    KIND_TIME,     MEMBER(since_ms)},
	{"until",    KIND_TIME,     MEMBER(until_ms)},
	{"filter",   KIND_STR,      MEMBER(filter)},
	{"by",       KIND_STR,      MEMBER(by)},
	{"sort",     KIND_STR,      MEMBER(sort)},
	{"severity", KIND_STR,      MEMBER(severity)},
	{"node",     KIND_STR,      MEMBER(node)},
	{"id",       KIND_STR,      MEMBER(id)},
	{"limit",    KIND_COUNT,    MEMBER(limit)},
	{"proto",    KIND_COUNT,    MEMBER(proto)},
	{"pid",      KIND_COUNT,    MEMBER(pid)},
	{"timeout",  KIND_SPAN,     MEMBER(timeout_ms)},
	{"gap",      KIND_SPAN,     MEMBER(gap_ms)},
	{"every",    KIND_SPAN,     MEMBER(every_ms)},
	{"for",      KIND_SPAN,     MEMBER(for_ms)},
	{"batch",    KIND_BIN,      MEMBER(batch)},
};
/* clang-format on */

#define NAME_MAX_LEN 64

struct ctl_request ctl_request_of(enum ctl_command command)
{
	struct ctl_request r = {.command = command};

	r.since_ms = INT64_MIN;
	r.until_ms = INT64_MAX;
	return r;
}

static void read_argument(struct unpack *u, const struct argument *a, struct ctl_request *request)
{
	void *member = (uint8_t *)request + a->offset;
	struct endpoint endpoint;
	struct bytes bin;
	uint64_t count;
	int64_t ms;

	switch (a->kind) {
	case KIND_ENDPOINT:
		endpoint = unpack_endpoint(u);
		memcpy(member, &endpoint, sizeof(endpoint));
		break;
	case KIND_TIME:
		ms = unpack_int(u);
		memcpy(member, &ms, sizeof(ms));
		break;
	case KIND_SPAN:
		ms = (int64_t)unpack_uint(u, INT64_MAX / 4);
		memcpy(member, &ms, sizeof(ms));
		break;
	case KIND_COUNT:
		count = unpack_uint(u, UINT64_MAX);
		memcpy(member, &count, sizeof(count));
		break;
	case KIND_STR:
		unpack_str(u, member, a->size);
		break;
	case KIND_BIN:
		bin = unpack_bin(u);
		memcpy(member, &bin, sizeof(bin));
		break;
	}
}

static const struct argument *argument_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		if (strcmp(arguments[i].name, name) == 0)
			return &arguments[i];
	}
	return NULL;
}

static enum err command_of(const char *name, enum ctl_command *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i], name) == 0) {
			*ret = (enum ctl_command)i;
			return ERR_OK;
		}
	}
	return ERR_NOENT;
}

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, CTL_REASON_MAX, format, args);
	va_end(args);
	return err;
}

enum err ctl_parse(const void *data, size_t len, struct ctl_request *ret,
                   char reterr[CTL_REASON_MAX])
{
	struct ctl_request request = ctl_request_of(CTL_STATUS);
	struct unpack u = unpack_of(data, len);
	size_t count = unpack_map(&u);
	bool has_command = false;
	uint64_t version = 0;

	for (size_t i = 0; i < count && !u.is_wrong; i++) {
		char name[NAME_MAX_LEN], text[NAME_MAX_LEN];
		const struct argument *a;

		unpack_str(&u, name, sizeof(name));
		if (u.is_wrong)
			return refuse(reterr, ERR_FORMAT,
			              "the name of an argument is no short text");
		a = argument_find(name);
		if (a != NULL) {
			read_argument(&u, a, &request);
		} else if (strcmp(name, "v") == 0) {
			version = unpack_uint(&u, UINT64_MAX);
		} else if (strcmp(name, "cmd") == 0) {
			unpack_str(&u, text, sizeof(text));
			if (!u.is_wrong && command_of(text, &request.command) != ERR_OK)
				return refuse(reterr, ERR_NOENT, "no such command: %s", text);
			has_command = true;
		} else {
			return refuse(reterr, ERR_FORMAT, "unknown argument: %s", name);
		}
		if (u.is_wrong)
			return refuse(reterr, ERR_FORMAT, "argument %s has no valid value", name);
	}
	if (!unpack_done(&u) || !has_command)
		return refuse(reterr, ERR_FORMAT, "request is not a map with a command");
	if (version != CTL_VERSION)
		return refuse(reterr, ERR_VERSION,
		              "the command line speaks control protocol %llu, this node %d",
		              (unsigned long long)version, CTL_VERSION);
	*ret = request;
	return ERR_OK;
}

static bool is_neutral(const struct argument *a, const struct ctl_request *r,
                       const struct ctl_request *neutral)
{
	const uint8_t *member = (const uint8_t *)r + a->offset;
	struct bytes bin;

	if (a->kind == KIND_STR)
		return member[0] == '\0';
	if (a->kind == KIND_BIN) {
		memcpy(&bin, member, sizeof(bin));
		return bytes_left(&bin) == 0;
	}
	return memcmp(member, (const uint8_t *)neutral + a->offset, a->size) == 0;
}

static void write_argument(struct pack *p, const struct argument *a, const void *member)
{
	struct bytes bin;
	int64_t number;

	pack_str(p, a->name);
	switch (a->kind) {
	case KIND_ENDPOINT:
		pack_endpoint(p, member);
		break;
	case KIND_TIME:
	case KIND_SPAN:
		memcpy(&number, member, sizeof(number));
		pack_int(p, number);
		break;
	case KIND_COUNT:
		memcpy(&number, member, sizeof(number));
		pack_uint(p, (uint64_t)number);
		break;
	case KIND_STR:
		pack_str(p, member);
		break;
	case KIND_BIN:
		memcpy(&bin, member, sizeof(bin));
		pack_bin(p, bin.at, bytes_left(&bin));
		break;
	}
}

void ctl_pack(struct pack *p, const struct ctl_request *request)
{
	struct ctl_request neutral = ctl_request_of(request->command);
	size_t count = 2;

	for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
		count += is_neutral(&arguments[i], request, &neutral) ? 0 : 1;
	pack_map(p, count);
	pack_str(p, "v");
	pack_uint(p, CTL_VERSION);
	pack_str(p, "cmd");
	pack_str(p, commands[request->command]);
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		const struct argument *a = &arguments[i];

		if (!is_neutral(a, request, &neutral))
			write_argument(p, a, (const uint8_t *)request + a->offset);
	}
}

#define BATCH_HEADER 28

bool ctl_batch_put(struct octets *out, const struct ctl_datagram *datagram)
{
	size_t len = bytes_left(&datagram->data);

	if (len > UINT16_MAX || octets_room(out) < BATCH_HEADER + len)
		return false;
	octets_uint(out, (uint64_t)datagram->received_ms, 8);
	octets_put(out, datagram->from.addr.octets, sizeof(datagram->from.addr.octets));
	octets_uint(out, datagram->from.port, 2);
	octets_uint(out, len, 2);
	octets_put(out, datagram->data.at, len);
	return true;
}

bool ctl_batch_next(struct bytes *in, struct ctl_datagram *ret)
{
	struct ctl_datagram d;

	if (bytes_left(in) == 0)
		return false;
	d.received_ms = (int64_t)bytes_uint(in, 8);
	bytes_copy(in, d.from.addr.octets, sizeof(d.from.addr.octets));
	d.from.port = (uint16_t)bytes_uint(in, 2);
	d.data = bytes_cut(in, (size_t)bytes_uint(in, 2));
	if (in->is_short)
		return false;
	*ret = d;
	return true;
}
