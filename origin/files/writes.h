/*
 * writes - who writes, moves or links a file into one of the places: fanotify.
 *
 * A file is named by its folder, held open, and its name there: a path could lead elsewhere by the
 * time it is looked at. Not for several threads.
 */
#ifndef SPOOR_ORIGIN_FILES_WRITES_H
#define SPOOR_ORIGIN_FILES_WRITES_H

#include "base/err.h"
#include "origin/files/places.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WRITES_NAME_MAX 256
#define WRITES_PATH_MAX 1024
#define WRITES_WHY_MAX 256

struct writes;

struct write {
	pid_t pid;
	int folder;                 /* descriptor; the caller closes it */
	bool is_folder;             /* that is what `name` is: it has just come */
	char name[WRITES_NAME_MAX]; /* there */
	char path[WRITES_PATH_MAX]; /* for people */
};

struct writes_counts {
	size_t folders; /* that are watched */
	size_t refused; /* that the kernel, or their file system, does not let be watched */
	uint64_t lost;  /* times that the kernel's queue was full */
};

/* ERR_DENIED: it takes CAP_SYS_ADMIN, and Linux 5.9. ERR_NOMEM. `why` is set. */
MUST_USE enum err writes_open(struct writes **ret, char why[WRITES_WHY_MAX]);
void writes_close(struct writes *w); /* NULL is let be */

/* Watches each place that is there by now, and no other. */
void writes_watch(struct writes *w);

int writes_fd(const struct writes *w); /* readable when there is one */

/*
 * One that is not our own. ERR_NOENT: none now. ERR_STALE: one that is nobody's business, go on.
 * ERR_IO: broken.
 */
MUST_USE enum err writes_next(struct writes *w, struct write *ret);

void writes_counts(const struct writes *w, struct writes_counts *ret);

#endif
