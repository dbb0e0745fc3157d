#include "origin/files/tags.h"

#include "base/util.h"
#include "origin/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ROOM_MIN 64

/* There are no calls for attributes that take a folder's descriptor: this names it to those. */
static void name_it(int folder, const char *name, char room[TAGS_PATH_MAX])
{
	snprintf(room, TAGS_PATH_MAX, "/proc/self/fd/%d/%s", folder, name);
}

enum err tags_put(int folder, const char *name, const struct origin_record *writer)
{
	uint8_t room[RECORD_OCTETS];
	char path[TAGS_PATH_MAX];

	record_pack(writer, room);
	name_it(folder, name, path);
	return lsetxattr(path, TAGS_ATTRIBUTE, room, sizeof(room), 0) == 0 ? ERR_OK : ERR_IO;
}

enum err tags_get(int folder, const char *name, struct origin_record *ret_writer)
{
	uint8_t room[RECORD_OCTETS + 1];
	char path[TAGS_PATH_MAX];
	ssize_t len;

	name_it(folder, name, path);
	len = lgetxattr(path, TAGS_ATTRIBUTE, room, sizeof(room));
	if (len < 0)
		return errno == ERANGE ? ERR_FORMAT : ERR_NOENT;
	if (record_unpack(room, (size_t)len, ret_writer) != ERR_OK || ret_writer->root.proto == 0)
		return ERR_FORMAT; /* from nowhere else */
	return ERR_OK;
}

static bool grow(struct tags *t)
{
	size_t room = MIN(MAX(2 * t->room, ROOM_MIN), TAGS_MAX);
	struct tag *rows = t->room < TAGS_MAX ? realloc(t->rows, room * sizeof(*rows)) : NULL;

	if (rows == NULL)
		return false;
	t->rows = rows;
	t->room = room;
	return true;
}

struct reading { /* of a folder */
	struct tags *tags;
	const struct place *place;
	const char *path;
	int folder;
	size_t count;
};

static void read_file(struct reading *r, const char *name)
{
	struct tags *t = r->tags;
	struct origin_record writer;
	struct tag *tag;
	struct stat st;

	if (!places_has(r->place, name) || tags_get(r->folder, name, &writer) != ERR_OK ||
	    fstatat(r->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (r->count == TAGS_FOLDER_MAX || (t->count == t->room && !grow(t))) {
		t->unread++;
		return;
	}
	tag = &t->rows[t->count];
	if (snprintf(tag->path, sizeof(tag->path), "%s/%s", r->path, name) >= TAGS_PATH_MAX)
		return;
	tag->use = r->place->use;
	tag->uid = st.st_uid;
	tag->writer = writer;
	t->count++;
	r->count++;
}

static void read_folder(void *arg, const char *path, const struct place *place)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct reading r = {.tags = arg, .place = place, .path = path, .folder = fd};
	DIR *dir = NULL;

	if (fd < 0)
		return;
	if (place->name != NULL && place->use != PLACES_FOLDER)
		read_file(&r, place->name); /* however many others there are */
	else if (place->name == NULL)
		dir = fdopendir(fd);
	for (const struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;)
		read_file(&r, e->d_name);
	if (dir != NULL)
		closedir(dir);
	else
		close(fd);
}

enum err tags_read(struct tags *t)
{
	t->count = 0;
	t->unread = 0;
	places_each(read_folder, t);
	return t->unread > 0 ? ERR_NOMEM : ERR_OK;
}

void tags_free(struct tags *t)
{
	free(t->rows);
	*t = (struct tags){.rows = NULL};
}
