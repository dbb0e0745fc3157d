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
#define TAGS_MAX 1024
#define TAGS_PATH_MAX 1024

struct tag {
	enum places_use use;
	char path[TAGS_PATH_MAX];
	uint32_t uid; /* the file's owner */
	struct origin_record writer;
};

struct tags {
	struct tag *rows; /* TAGS_MAX */
	size_t count;
};

/* `writer` is of remote origin, or its last accept is. ERR_IO: the file system keeps none, or it is
 * gone. */
MUST_USE enum err tags_put(const char *path, const struct origin_record *writer);

/* ERR_NOENT: there is none. ERR_FORMAT: one that we did not write. */
MUST_USE enum err tags_get(const char *path, struct origin_record *ret_writer);

/* Reads all that stand in the places. ERR_NOMEM */
MUST_USE enum err tags_read(struct tags *t);
void tags_free(struct tags *t);

#endif
