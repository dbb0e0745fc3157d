/*
 * notices - a root's numbered list as a file of kind spoor-notices: a line for each page, all of
 * one number, each signed.
 */
#ifndef SPOOR_TOOLS_NOTICES_H
#define SPOOR_TOOLS_NOTICES_H

#include "base/clock.h"
#include "proto/wire/notice.h"
#include "tools/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTICES_MAX ((size_t)NOTICE_PAGES_MAX * NOTICE_ENTRIES_MAX) /* entries of a list */

struct notices {
	struct public_key root;
	uint64_t number; /* 0: a list that was never signed */
	struct wall issued;
	size_t pages;
	struct notice_entry entries[NOTICES_MAX];
	size_t count;
};

/* Does the file at `path` begin as such a list does? */
bool notices_are_in(const char *path);

/*
 * Reads and verifies all pages; `ret` may be changed on failure.
 *
 * ERR_NOENT    there is no such file
 * ERR_FORMAT   not such a list, or one that lacks pages
 * ERR_AUTH     a page's signature does not verify
 * ERR_IO       it cannot be read
 */
MUST_USE enum err notices_read(const char *path, struct notices *ret, char reterr[FILE_REASON_MAX]);

/* Adds an entry, or puts it in the place of what the list says of the same. ERR_LIMIT. */
MUST_USE enum err notices_add(struct notices *n, const struct notice_entry *entry);

/* Signs the list, under its next number, and writes it in the place of what is at `path`. */
MUST_USE enum err notices_write(struct notices *n, const struct key_pair *root, struct wall now,
                                const char *path, char reterr[FILE_REASON_MAX]);

#endif
