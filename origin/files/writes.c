#include "origin/files/writes.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#define FOLDERS_MAX 4096
#define HANDLE_MAX 128
/* To open a file for writing and close it again is not to write it: no FAN_CLOSE_WRITE. */
#define EVENTS (FAN_CREATE | FAN_MODIFY | FAN_MOVED_TO | FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define EVENTS_OF_FOLDER (FAN_CREATE | FAN_MOVED_TO | FAN_ONDIR)

struct handle { /* the kernel's name of a folder, which an event gives */
	int type;
	unsigned len;
	unsigned char octets[HANDLE_MAX];
};

struct folder {
	const struct place *place;
	char *path;
	struct handle handle;
	bool is_there; /* it was at the last look */
};

struct writes {
	int fd;
	struct folder *folders; /* FOLDERS_MAX */
	struct writes_counts counts;
	alignas(struct fanotify_event_metadata) char room[16384];
	size_t at, len; /* in `room`; an event is as long as its name: the next may be misaligned */
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
	for (size_t i = 0; i < w->counts.folders; i++)
		free(w->folders[i].path);
	free(w->folders);
	free(w);
}

/* --- folders --- */

static bool read_handle(int folder, struct handle *ret)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + HANDLE_MAX];
	} h = {.handle.handle_bytes = HANDLE_MAX};
	int mount;

	if (name_to_handle_at(folder, "", &h.handle, &mount, AT_EMPTY_PATH) != 0)
		return false;
	ret->type = h.handle.handle_type;
	ret->len = h.handle.handle_bytes;
	memcpy(ret->octets, h.handle.f_handle, ret->len);
	return true;
}

static bool is_same(const struct handle *a, const struct handle *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* The folder itself: a link in its place is not followed. -1: it is not there. */
static int open_folder(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static struct folder *find(struct writes *w, const char *path, const struct place *place)
{
	for (size_t i = 0; i < w->counts.folders; i++) {
		if (w->folders[i].place == place && strcmp(w->folders[i].path, path) == 0)
			return &w->folders[i];
	}
	return NULL;
}

static bool mark(const struct writes *w, int folder, const struct place *place)
{
	uint64_t events = place->use == PLACES_FOLDER ? EVENTS_OF_FOLDER : EVENTS;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	return fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, events, AT_FDCWD, path) == 0;
}

static void add(struct writes *w, const char *path, const struct place *place,
                const struct handle *handle)
{
	struct folder *f = &w->folders[w->counts.folders];

	f->path = strdup(path);
	if (f->path == NULL)
		return;
	f->place = place;
	f->handle = *handle;
	f->is_there = true;
	w->counts.folders++;
}

static void watch(void *arg, const char *path, const struct place *place)
{
	struct writes *w = arg;
	struct folder *known = find(w, path, place);
	int folder = open_folder(path);
	struct handle handle;

	if (folder < 0)
		return;
	if (!read_handle(folder, &handle)) {
		w->counts.refused++;
	} else if (known != NULL && is_same(&known->handle, &handle)) {
		known->is_there = true;
	} else if (w->counts.folders == FOLDERS_MAX || !mark(w, folder, place)) {
		w->counts.refused++;
	} else if (known != NULL) {
		known->handle = handle;
		known->is_there = true;
	} else {
		add(w, path, place, &handle);
	}
	close(folder);
}

void writes_watch(struct writes *w)
{
	size_t kept = 0;

	w->counts.refused = 0;
	for (size_t i = 0; i < w->counts.folders; i++)
		w->folders[i].is_there = false;
	places_each(watch, w);
	for (size_t i = 0; i < w->counts.folders; i++) {
		if (w->folders[i].is_there)
			w->folders[kept++] = w->folders[i];
		else
			free(w->folders[i].path);
	}
	w->counts.folders = kept;
}

int writes_fd(const struct writes *w)
{
	return w->fd;
}

void writes_counts(const struct writes *w, struct writes_counts *ret)
{
	*ret = w->counts;
}

/* --- events --- */

/* Is what stands at the path still the folder that the event means? Then it is left open. */
static bool hold(const struct folder *f, const struct handle *handle, struct write *ret)
{
	struct handle is;

	ret->folder = open_folder(f->path);
	if (ret->folder < 0)
		return false;
	if (read_handle(ret->folder, &is) && is_same(&is, handle))
		return true;
	close(ret->folder);
	return false;
}

/* False: it does not count in its place, or its place is not there any more. */
static bool find_write(const struct writes *w, const struct fanotify_event_metadata *e,
                       const char *behind, struct write *ret)
{
	const struct fanotify_event_info_fid *info = (const void *)behind;
	const struct file_handle *from = (const void *)info->handle;
	struct handle handle = {.len = 0};
	const char *name;

	if (e->event_len < sizeof(*e) + sizeof(*info) + sizeof(*from) ||
	    info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME || from->handle_bytes > HANDLE_MAX)
		return false;
	name = (const char *)from->f_handle + from->handle_bytes;
	handle.type = from->handle_type;
	handle.len = from->handle_bytes;
	memcpy(handle.octets, from->f_handle, handle.len);
	ret->pid = e->pid;
	ret->is_folder = (e->mask & FAN_ONDIR) != 0;
	for (size_t i = 0; i < w->counts.folders; i++) {
		const struct folder *f = &w->folders[i];

		if (!is_same(&f->handle, &handle) || !places_has(f->place, name) ||
		    (f->place->use == PLACES_FOLDER && !ret->is_folder))
			continue;
		if (snprintf(ret->name, sizeof(ret->name), "%s", name) < WRITES_NAME_MAX &&
		    snprintf(ret->path, sizeof(ret->path), "%s/%s", f->path, name) <
		            WRITES_PATH_MAX &&
		    hold(f, &handle, ret))
			return true;
	}
	return false;
}

/* The next event's head, of which all is there; more of them from the kernel. */
static enum err read_head(struct writes *w, struct fanotify_event_metadata *ret)
{
	if (w->at == w->len) {
		ssize_t len = read(w->fd, w->room, sizeof(w->room));

		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? ERR_NOENT : ERR_IO;
		w->at = 0;
		w->len = (size_t)len;
	}
	if (w->len - w->at < sizeof(*ret))
		return ERR_IO;
	memcpy(ret, w->room + w->at, sizeof(*ret));
	return ret->vers == FANOTIFY_METADATA_VERSION && ret->event_len >= sizeof(*ret) &&
	                       ret->event_len <= w->len - w->at
	               ? ERR_OK
	               : ERR_IO;
}

enum err writes_next(struct writes *w, struct write *ret)
{
	struct fanotify_event_metadata e;
	enum err err = read_head(w, &e);
	const char *behind = w->room + w->at + sizeof(e);

	if (err != ERR_OK)
		return err;
	w->at += e.event_len;
	w->counts.lost += (e.mask & FAN_Q_OVERFLOW) != 0;
	return (e.mask & FAN_Q_OVERFLOW) == 0 && e.pid != getpid() && find_write(w, &e, behind, ret)
	               ? ERR_OK
	               : ERR_STALE;
}
