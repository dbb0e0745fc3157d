/*
 * names - what people call hosts: a file in the manner of hosts(5), "ADDR NAME [ALIAS...]".
 */
#ifndef SPOOR_TOOLS_NAMES_H
#define SPOOR_TOOLS_NAMES_H

#include "base/addr.h"
#include "base/err.h"

#include <stddef.h>

#define NAMES_REASON_MAX 256

struct names; /* NULL: no names at all */

/* Reads the file at `path`. On failure `reterr` names the line. ERR_IO, ERR_FORMAT, ERR_NOMEM. */
MUST_USE enum err names_read(const char *path, struct names **ret, char reterr[NAMES_REASON_MAX]);

/* The name of the address that `text` begins with ("192.0.2.1:22"), or NULL; borrowed. */
const char *names_find(const struct names *n, const char *text);

void names_free(struct names *n); /* NULL is fine */

#endif
