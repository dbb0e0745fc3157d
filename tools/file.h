/*
 * file - small files: keys, certificates, configuration.
 *
 * Nothing is ever overwritten but by file_replace(): a file that is there already is ERR_LOCKED.
 */
#ifndef SPOOR_TOOLS_FILE_H
#define SPOOR_TOOLS_FILE_H

#include "base/err.h"
#include "proto/wire/cert.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>

#define FILE_PATH_MAX 1024
#define FILE_REASON_MAX 1280

enum file_mode { FILE_PUBLIC = 0644, FILE_SECRET = 0600 };

/* DIR/NAME. ERR_LIMIT when that is too long. */
MUST_USE enum err file_path(const char *dir, const char *name, char room[FILE_PATH_MAX],
                            char reterr[FILE_REASON_MAX]);

/* Makes `dir` (0700), unless it is there. ERR_IO. */
MUST_USE enum err file_make_dir(const char *dir, char reterr[FILE_REASON_MAX]);

bool file_exists(const char *path);

/*
 * Creates the file at `path` with `text`, all of it or no file.
 *
 * ERR_LOCKED   it is there already
 * ERR_IO       it cannot be written
 */
MUST_USE enum err file_write(const char *path, enum file_mode mode, const char *text,
                             char reterr[FILE_REASON_MAX]);

/* The same in the place of what is there: the old file or the new one, whatever happens. */
MUST_USE enum err file_replace(const char *path, enum file_mode mode, const char *text,
                               char reterr[FILE_REASON_MAX]);

/* Reads a key file of `kind` (see proto/wire/cert.h); `*len` goes in as room, comes out as read. */
MUST_USE enum err file_read_key(const char *path, const char *kind, void *room, size_t *len,
                                char reterr[FILE_REASON_MAX]);

/* The same, of one of `count` kinds; `*ret_kind` says which. */
MUST_USE enum err file_read_any(const char *path, const char *const *kinds, size_t count,
                                void *room, size_t *len, const char **ret_kind,
                                char reterr[FILE_REASON_MAX]);

/* Writes one. */
MUST_USE enum err file_write_key(const char *path, enum file_mode mode, const char *kind,
                                 const void *data, size_t len, char reterr[FILE_REASON_MAX]);

/* The public key of a root. */
MUST_USE enum err file_read_root(const char *path, struct public_key *ret,
                                 char reterr[FILE_REASON_MAX]);

/* The key pair that a secret key file ("spoor-root-key", "spoor-identity-key") is the seed of. */
MUST_USE enum err file_read_pair(const char *path, const char *kind, struct key_pair *ret,
                                 char reterr[FILE_REASON_MAX]);

/* Octets nobody can foretell, from the system. */
MUST_USE enum err file_random(void *room, size_t len, char reterr[FILE_REASON_MAX]);

#endif
