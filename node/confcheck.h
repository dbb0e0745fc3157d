/* confcheck - what is told to people of a configuration that is wrong. */
#ifndef SPOOR_NODE_CONFCHECK_H
#define SPOOR_NODE_CONFCHECK_H

#include "base/addr.h"

#include <stddef.h>

/*
 * The line of `key`, "store.map_size", in the YAML file at `path`; where only its section stands in
 * a line of its own, that one's. 0: neither does.
 */
unsigned confcheck_line(const char *path, const char *key);

/* Adds the line to a reason of `room` octets that begins with a key: "store.path: ...". */
void confcheck_tell_line(const char *path, char *reason, size_t room);

/* One that listens where another does; NULL: none. */
const struct endpoint *confcheck_repeated(const struct endpoint *rows, size_t count);

#endif
