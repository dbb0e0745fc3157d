/*
 * DOC: The kernel module by its device. What it answers is checked like everything from outside:
 * the module may be another build than ours.
 */
#include "origin/health.h"
#include "origin/provider_kind.h"
#include "origin/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BATCH 64 /* records read at once */
#define DUMP_BATCH 64
#define SRCVERSION "/sys/module/spoor_origin/srcversion"

struct device {
	struct provider provider;
	int fd;
	size_t count, next; /* of `room` */
	struct origin_record room[BATCH];
};

static struct device *device_of(struct provider *p)
{
	return (struct device *)(void *)p;
}

static enum err err_of(int number)
{
	static const struct {
		int number;
		enum err err;
	} rows[] = {
		{ENOENT, ERR_NOENT},   {ENODEV, ERR_NOENT},  {ENXIO, ERR_NOENT},
		{ESRCH, ERR_NOENT},    {EACCES, ERR_DENIED}, {EPERM, ERR_DENIED},
		{ENOTTY, ERR_VERSION}, {EINVAL, ERR_RANGE},  {ENOMEM, ERR_NOMEM},
		{EEXIST, ERR_STALE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].number == number)
			return rows[i].err;
	}
	return ERR_IO;
}

static enum err ask(const struct device *d, unsigned long request, void *arg)
{
	return ioctl(d->fd, request, arg) < 0 ? err_of(errno) : ERR_OK;
}

static void device_close(struct provider *p)
{
	close(device_of(p)->fd);
	free(device_of(p));
}

/* Why `path` could not be opened, in words that help. */
static const char *hint(enum err err)
{
	return err == ERR_NOENT    ? "not there: load the module (modprobe spoor_origin)"
	       : err == ERR_DENIED ? "the kernel refuses: it needs root"
	                           : strerror(errno);
}

static enum err device_open(const struct provider_kind *kind, const char *path,
                            struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	const char *name = path[0] != '\0' ? path : ORIGIN_DEVICE;
	struct origin_stats stats = {0};
	struct device *d;
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	enum err err = fd < 0 ? err_of(errno) : ERR_OK;

	if (err != ERR_OK) {
		snprintf(why, PROVIDER_WHY_MAX, "%.300s: %s", name, hint(err));
		return err;
	}
	if (ioctl(fd, ORIGIN_IOC_STATS, &stats) < 0 || stats.major != ORIGIN_ABI_MAJOR) {
		close(fd);
		snprintf(why, PROVIDER_WHY_MAX, "%.300s: its ABI is %u, and %u is spoken here",
		         name, stats.major, ORIGIN_ABI_MAJOR);
		return ERR_VERSION;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL) {
		close(fd);
		snprintf(why, PROVIDER_WHY_MAX, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	d->provider.kind = kind;
	d->fd = fd;
	*ret = &d->provider;
	return ERR_OK;
}

static int device_fd(const struct provider *p)
{
	return ((const struct device *)(const void *)p)->fd;
}

static enum err device_next(struct provider *p, struct origin_record *ret)
{
	struct device *d = device_of(p);

	if (d->next == d->count) {
		ssize_t got = read(d->fd, d->room, sizeof(d->room));

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return ERR_NOENT;
		if (got < 0 || (size_t)got % sizeof(d->room[0]) != 0)
			return ERR_IO;
		d->next = 0;
		d->count = (size_t)got / sizeof(d->room[0]);
		if (d->count == 0)
			return ERR_NOENT;
	}
	*ret = d->room[d->next++];
	return record_check(ret) == ERR_OK ? ERR_OK : ERR_FORMAT;
}

static enum err answer(const struct origin_record *r, struct origin_record *ret)
{
	if (record_check(r) != ERR_OK || r->head.kind != ORIGIN_KIND_TASK)
		return ERR_FORMAT;
	*ret = *r;
	return ERR_OK;
}

static enum err device_getorigin(struct provider *p, pid_t pid, struct origin_record *ret)
{
	struct origin_record r = {.process = {.pid = (uint32_t)pid}};
	enum err err = ask(device_of(p), ORIGIN_IOC_GETORIGIN, &r);

	return err != ERR_OK ? err : answer(&r, ret);
}

static enum err device_portpid(struct provider *p, const struct origin_flow *flow,
                               struct origin_record *ret)
{
	struct origin_portpid question = {.flow = *flow};
	enum err err = ask(device_of(p), ORIGIN_IOC_PORTPID, &question);

	return err != ERR_OK ? err : answer(&question.record, ret);
}

static enum err device_dump(struct provider *p, provider_visit *visit, void *arg)
{
	struct origin_record room[DUMP_BATCH];
	struct origin_dump dump = {0};

	while (dump.cursor != ~UINT64_C(0)) {
		uint64_t before = dump.cursor;
		enum err err;

		dump.records = (uintptr_t)room;
		dump.count = DUMP_BATCH;
		err = ask(device_of(p), ORIGIN_IOC_DUMP, &dump);
		if (err != ERR_OK)
			return err;
		if (dump.count > DUMP_BATCH || (dump.count == 0 && dump.cursor == before))
			return ERR_IO; /* it would go on for ever */
		for (uint32_t i = 0; i < dump.count; i++) {
			struct origin_record task;

			if (answer(&room[i], &task) == ERR_OK)
				visit(arg, &task);
		}
	}
	return ERR_OK;
}

static enum err device_setorigin(struct provider *p, const struct origin_record *r)
{
	struct origin_record copy = *r;

	return ask(device_of(p), ORIGIN_IOC_SETORIGIN, &copy);
}

static enum err device_rules_get(struct provider *p, struct origin_rules *ret)
{
	return ask(device_of(p), ORIGIN_IOC_RULES_GET, ret);
}

static enum err device_rules_set(struct provider *p, const struct origin_rules *rules)
{
	struct origin_rules copy = *rules;

	return ask(device_of(p), ORIGIN_IOC_RULES_SET, &copy);
}

static enum err device_health(struct provider *p, struct provider_health *ret)
{
	char line[sizeof(ret->build)];

	if (health_line("", SRCVERSION, line, sizeof(line)))
		snprintf(ret->build, sizeof(ret->build), "%s", line);
	return ask(device_of(p), ORIGIN_IOC_STATS, &ret->stats);
}

const struct provider_kind provider_device_kind = {
	.name = "kmod",
	.open = device_open,
	.close = device_close,
	.fd = device_fd,
	.next = device_next,
	.getorigin = device_getorigin,
	.portpid = device_portpid,
	.dump = device_dump,
	.setorigin = device_setorigin,
	.rules_get = device_rules_get,
	.rules_set = device_rules_set,
	.health = device_health,
};
