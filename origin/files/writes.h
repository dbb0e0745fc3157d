/*
 * writes - who writes, moves or links a file into one of the places: fanotify.
 *
 * A folder that appears later is found at the next writes_watch(). Not for several threads.
 */
#ifndef SPOOR_ORIGIN_FILES_WRITES_H
#define SPOOR_ORIGIN_FILES_WRITES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WRITES_PATH_MAX 1024
#define WRITES_WHY_MAX 256

struct writes;

/* ERR_DENIED: it takes CAP_SYS_ADMIN, and Linux 5.9. ERR_NOMEM. `why` is set. */
MUST_USE enum err writes_open(struct writes **ret, char why[WRITES_WHY_MAX]);
void writes_close(struct writes *w); /* NULL is let be */

/* Watches each place that is there by now; returns how many folders are watched. */
size_t writes_watch(struct writes *w);

int writes_fd(const struct writes *w); /* readable when there is one */

/* One that is not our own. ERR_NOENT: none now. ERR_IO: broken. */
MUST_USE enum err writes_next(struct writes *w, pid_t *ret_pid, char ret_path[WRITES_PATH_MAX]);

uint64_t writes_lost(const struct writes *w); /* times that the kernel's queue was full */

#endif
