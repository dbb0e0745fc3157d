/* health - what the kernel says of itself: could its word on processes be bent? */
#ifndef SPOOR_ORIGIN_HEALTH_H
#define SPOOR_ORIGIN_HEALTH_H

#include "origin/provider.h"

/*
 * Fills in kernel, boot_id, lockdown, taint and is_ftrace_off from the files of /proc and /sys
 * below `root` ("" is the machine's own). What cannot be read stays as it is.
 */
void health_read(const char *root, struct provider_health *ret);

/* First line of `root` followed by `path`, without its newline. False: not there, or too long. */
bool health_line(const char *root, const char *path, char *room, size_t size);

#endif
