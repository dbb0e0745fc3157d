/*
 * match - which file a process was started by, as far as the process itself shows it: its unit (by
 * its control group), its program, or a cron or at daemon among its ancestors and its user: what
 * those start by which table can only be likely.
 */
#ifndef SPOOR_ORIGIN_FILES_MATCH_H
#define SPOOR_ORIGIN_FILES_MATCH_H

#include "origin/files/tags.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The tag of the file that started the process; NULL: none did. `proc` is where processes are
 * shown, "/proc". `ret_is_likely`: it is one of several that may have.
 */
const struct tag *match_started(const struct tags *t, const char *proc, pid_t pid,
                                bool *ret_is_likely);

/* The tag of the keys by which `uid` may log in; NULL: there is none. */
const struct tag *match_keys(const struct tags *t, uint32_t uid);

#endif
