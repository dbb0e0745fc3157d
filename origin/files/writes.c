#include "origin/files/writes.h"

#include "base/util.h"
#include "origin/files/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#define FOLDERS_MAX 2048
#define HANDLE_MAX 128
#define EVENTS (FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_MOVED_TO | FAN_EVENT_ON_CHILD)

struct folder { /* an event names its folder by the kernel's handle of it */
	const struct place *place;
	char *path;
	int type;
	unsigned len;
	unsigned char octets[HANDLE_MAX];
};

struct writes {
	int fd;
	struct folder *folders; /* FOLDERS_MAX */
	size_t count;
	uint64_t lost;
	alignas(struct fanotify_event_metadata) char room[16384];
	const struct fanotify_event_metadata *at; /* in `room` */
	ssize_t left;
};

enum err writes_open(struct writes **ret, char why[WRITES_WHY_MAX])
{
	struct writes *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return ERR_NOMEM;
	w->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME,
	                      O_RDONLY | O_CLOEXEC);
	w->folders = calloc(FOLDERS_MAX, sizeof(*w->folders));
	if (w->fd < 0 || w->folders == NULL) {
		snprintf(why, WRITES_WHY_MAX, "fanotify: %s", strerror(errno));
		writes_close(w);
		return ERR_DENIED;
	}
	*ret = w;
	return ERR_OK;
}

void writes_close(struct writes *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		close(w->fd);
	for (size_t i = 0; i < w->count; i++)
		free(w->folders[i].path);
	free(w->folders);
	free(w);
}

static bool read_handle(struct folder *f, const char *path)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + HANDLE_MAX];
	} h = {.handle.handle_bytes = HANDLE_MAX};
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount, 0) != 0)
		return false;
	f->type = h.handle.handle_type;
	f->len = h.handle.handle_bytes;
	memcpy(f->octets, h.handle.f_handle, f->len);
	return true;
}

static bool is_same(const struct folder *a, const struct folder *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

static void watch(void *arg, const char *path, const struct place *place)
{
	struct writes *w = arg;
	struct folder made = {.place = place};

	if (w->count == FOLDERS_MAX || !read_handle(&made, path))
		return;
	for (size_t i = 0; i < w->count; i++) {
		if (w->folders[i].place == place && is_same(&w->folders[i], &made) &&
		    strcmp(w->folders[i].path, path) == 0)
			return;
	}
	if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, EVENTS, AT_FDCWD, path) != 0)
		return;
	made.path = strdup(path);
	if (made.path != NULL)
		w->folders[w->count++] = made;
}

size_t writes_watch(struct writes *w)
{
	places_each(watch, w);
	return w->count;
}

int writes_fd(const struct writes *w)
{
	return w->fd;
}

uint64_t writes_lost(const struct writes *w)
{
	return w->lost;
}

/* The file that an event is about, if it counts in its place. */
static bool find_path(const struct writes *w, const struct fanotify_event_metadata *e,
                      char ret_path[WRITES_PATH_MAX])
{
	const struct fanotify_event_info_fid *info = (const void *)(e + 1);
	const struct file_handle *handle = (const void *)info->handle;
	struct folder of = {.type = handle->handle_type, .len = handle->handle_bytes};
	const char *name = (const char *)handle->f_handle + handle->handle_bytes;

	if (e->event_len < sizeof(*e) + sizeof(*info) + sizeof(*handle) ||
	    info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME || of.len > HANDLE_MAX)
		return false;
	memcpy(of.octets, handle->f_handle, of.len);
	for (size_t i = 0; i < w->count; i++) {
		const struct folder *f = &w->folders[i];

		if (is_same(f, &of) && places_has(f->place, name))
			return snprintf(ret_path, WRITES_PATH_MAX, "%s/%s", f->path, name) <
			       WRITES_PATH_MAX;
	}
	return false;
}

/* More of them from the kernel. */
static enum err fill(struct writes *w)
{
	if (w->left > 0 && FAN_EVENT_OK(w->at, w->left))
		return ERR_OK;
	w->left = read(w->fd, w->room, sizeof(w->room));
	if (w->left < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_NOENT : ERR_IO;
	w->at = (const void *)w->room;
	return FAN_EVENT_OK(w->at, w->left) ? ERR_OK : ERR_IO;
}

enum err writes_next(struct writes *w, pid_t *ret_pid, char ret_path[WRITES_PATH_MAX])
{
	enum err err;

	while ((err = fill(w)) == ERR_OK) {
		const struct fanotify_event_metadata *e = w->at;

		w->at = FAN_EVENT_NEXT(w->at, w->left);
		w->lost += (e->mask & FAN_Q_OVERFLOW) != 0;
		if (e->vers != FANOTIFY_METADATA_VERSION)
			return ERR_IO;
		*ret_pid = e->pid;
		if ((e->mask & (FAN_Q_OVERFLOW | FAN_ONDIR)) == 0 && e->pid != getpid() &&
		    find_path(w, e, ret_path))
			return ERR_OK;
	}
	return err;
}
