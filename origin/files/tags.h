/*
 * tags - the mark on a file that a process of remote origin wrote: that process's record, in an
 * extended attribute which root alone can change and which outlives us.
 */
#ifndef SPOOR_ORIGIN_FILES_TAGS_H
#define SPOOR_ORIGIN_FILES_TAGS_H

#include "base/err.h"
#include "origin/files/places.h"
#include "origin/uapi/origin.h"

#include <stddef.h>
#include <stdint.h>

#define TAGS_ATTRIBUTE "security.spoor_origin"
#define TAGS_MAX 8192
#define TAGS_FOLDER_MAX 512 /* of one folder: nobody fills up all by filling his own */
#define TAGS_PATH_MAX 1024

struct tag {
	enum places_use use;
	char path[TAGS_PATH_MAX];
	uint32_t uid; /* the file's owner */
	struct origin_record writer;
};

struct tags {
	struct tag *rows;
	size_t count, room;
	uint64_t unread; /* that are there, and had no room at the last reading */
};

/*
 * `folder` is a descriptor, `name` stands there; a link is not followed. `writer` is of remote
 * origin, or its last accept is. ERR_IO: the file system keeps none, or it is gone.
 */
MUST_USE enum err tags_put(int folder, const char *name, const struct origin_record *writer);

/* ERR_NOENT: there is none. ERR_FORMAT: one that we did not write. */
MUST_USE enum err tags_get(int folder, const char *name, struct origin_record *ret_writer);

/* Reads all that stand in the places. ERR_NOMEM: not all. */
MUST_USE enum err tags_read(struct tags *t);
void tags_free(struct tags *t);

#endif
