/*
 * DOC: A file of records, as record_pack() writes them: for tests, replays, and for a machine whose
 * companion writes elsewhere. It is read on as it grows; a half record at its end waits for its
 * other half. What is asked of processes is answered from what the records said (seen.h).
 */
#include "origin/provider_kind.h"
#include "origin/record.h"
#include "origin/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN_MAX 4096
#define BATCH 64 /* records read at once */

struct file {
	struct provider provider;
	int fd;
	off_t at; /* how far it was read */
	struct seen *seen;
	struct origin_stats stats;
	size_t len, begin; /* of what is in `room`, and how far it was taken */
	uint8_t room[BATCH * RECORD_OCTETS];
};

static struct file *file_of(struct provider *p)
{
	return (struct file *)(void *)p;
}

static enum err refuse(char why[PROVIDER_WHY_MAX], enum err err, const char *path, const char *what)
{
	snprintf(why, PROVIDER_WHY_MAX, "%.300s: %s", path, what);
	return err;
}

static enum err err_of(int number)
{
	return number == ENOENT || number == ENOTDIR ? ERR_NOENT
	       : number == EACCES || number == EPERM ? ERR_DENIED
	       : number == ENOMEM                    ? ERR_NOMEM
	                                             : ERR_IO;
}

static void file_close(struct provider *p)
{
	struct file *f = file_of(p);

	seen_free(f->seen);
	close(f->fd);
	free(f);
}

static enum err file_open(const struct provider_kind *kind, const char *path, struct provider **ret,
                          char why[PROVIDER_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	struct file *f;

	if (fd < 0)
		return refuse(why, err_of(errno), path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(why, ERR_IO, path, "not a regular file");
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL || seen_new(SEEN_MAX, &f->seen) != ERR_OK) {
		free(f);
		close(fd);
		return refuse(why, ERR_NOMEM, path, err_text(ERR_NOMEM));
	}
	f->provider.kind = kind;
	f->fd = fd;
	f->stats = (struct origin_stats){.major = ORIGIN_ABI_MAJOR,
	                                 .minor = ORIGIN_ABI_MINOR,
	                                 .tasks_max = SEEN_MAX,
	                                 .blind = ORIGIN_BLIND_LATE};
	*ret = &f->provider;
	return ERR_OK;
}

static int file_fd(const struct provider *p)
{
	(void)p;
	return -1; /* a regular file is always readable */
}

/* Brings one whole record to the front of what is left in `room`, or says that there is none. */
static enum err fill(struct file *f)
{
	struct stat st;
	ssize_t got;

	if (f->len - f->begin >= RECORD_OCTETS)
		return ERR_OK;
	memmove(f->room, f->room + f->begin, f->len - f->begin);
	f->len -= f->begin;
	f->begin = 0;
	got = pread(f->fd, f->room + f->len, sizeof(f->room) - f->len, f->at);
	if (got < 0)
		return ERR_IO;
	f->at += got;
	f->len += (size_t)got;
	if (f->len >= RECORD_OCTETS)
		return ERR_OK;
	/* Shorter than it was: what is read next would not be what was written next. */
	return fstat(f->fd, &st) == 0 && st.st_size >= f->at ? ERR_NOENT : ERR_IO;
}

static enum err file_next(struct provider *p, struct origin_record *ret)
{
	struct file *f = file_of(p);
	enum err err = fill(f);

	if (err != ERR_OK)
		return err;
	err = record_unpack(f->room + f->begin, RECORD_OCTETS, ret);
	f->begin += RECORD_OCTETS;
	if (err != ERR_OK)
		return ERR_FORMAT;
	f->stats.seq = ret->head.seq + 1;
	if (ret->head.kind == ORIGIN_KIND_LOST)
		f->stats.lost += ret->tally.packets;
	seen_put(f->seen, ret);
	return ERR_OK;
}

static enum err file_getorigin(struct provider *p, pid_t pid, struct origin_record *ret)
{
	return seen_getorigin(file_of(p)->seen, pid, ret);
}

static enum err file_portpid(struct provider *p, const struct origin_flow *flow,
                             struct origin_record *ret)
{
	return seen_portpid(file_of(p)->seen, flow, ret);
}

static enum err file_dump(struct provider *p, provider_visit *visit, void *arg)
{
	seen_dump(file_of(p)->seen, visit, arg);
	return ERR_OK;
}

static enum err file_health(struct provider *p, struct provider_health *ret)
{
	struct file *f = file_of(p);

	ret->stats = f->stats;
	ret->stats.tasks = seen_tasks(f->seen);
	return ERR_OK;
}

const struct provider_kind provider_file_kind = {
	.name = "file",
	.prefix = "file:",
	.open = file_open,
	.close = file_close,
	.fd = file_fd,
	.next = file_next,
	.getorigin = file_getorigin,
	.portpid = file_portpid,
	.dump = file_dump,
	.health = file_health,
};
