#include "origin/files/tags.h"

#include "origin/record.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum err tags_put(const char *path, const struct origin_record *writer)
{
	uint8_t room[RECORD_OCTETS];

	record_pack(writer, room);
	return lsetxattr(path, TAGS_ATTRIBUTE, room, sizeof(room), 0) == 0 ? ERR_OK : ERR_IO;
}

enum err tags_get(const char *path, struct origin_record *ret_writer)
{
	uint8_t room[RECORD_OCTETS + 1];
	ssize_t len = lgetxattr(path, TAGS_ATTRIBUTE, room, sizeof(room));

	if (len < 0)
		return errno == ERANGE ? ERR_FORMAT : ERR_NOENT;
	if (record_unpack(room, (size_t)len, ret_writer) != ERR_OK || ret_writer->root.proto == 0)
		return ERR_FORMAT; /* from nowhere else */
	return ERR_OK;
}

static void read_file(struct tags *t, const char *folder, const struct place *place,
                      const char *name)
{
	struct tag *tag = &t->rows[t->count];
	struct stat st;

	if (t->count == TAGS_MAX || name[0] == '.' || !places_has(place, name) ||
	    snprintf(tag->path, sizeof(tag->path), "%s/%s", folder, name) >= TAGS_PATH_MAX ||
	    tags_get(tag->path, &tag->writer) != ERR_OK || lstat(tag->path, &st) != 0)
		return;
	tag->use = place->use;
	tag->uid = st.st_uid;
	t->count++;
}

static void read_folder(void *arg, const char *folder, const struct place *place)
{
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return;
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		read_file(arg, folder, place, e->d_name);
	closedir(dir);
}

enum err tags_read(struct tags *t)
{
	if (t->rows == NULL)
		t->rows = calloc(TAGS_MAX, sizeof(*t->rows));
	if (t->rows == NULL)
		return ERR_NOMEM;
	t->count = 0;
	places_each(read_folder, t);
	return ERR_OK;
}

void tags_free(struct tags *t)
{
	free(t->rows);
	t->rows = NULL;
	t->count = 0;
}
