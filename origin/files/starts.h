/* starts - which process has just begun another program: the kernel's process connector. */
#ifndef SPOOR_ORIGIN_FILES_STARTS_H
#define SPOOR_ORIGIN_FILES_STARTS_H

#include "base/err.h"

#include <sys/types.h>

/* Its descriptor, readable when there is one; -1: the kernel has no connector, or it needs root. */
int starts_open(void);

/* ERR_NOENT: none now. ERR_STALE: something else, go on. ERR_LIMIT: some were lost. ERR_IO: broken.
 */
MUST_USE enum err starts_next(int fd, pid_t *ret);

#endif
