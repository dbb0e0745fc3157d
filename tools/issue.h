/* issue - certificates from a root's hands; what `spoor init --sign` and `spoor member` share. */
#ifndef SPOOR_TOOLS_ISSUE_H
#define SPOOR_TOOLS_ISSUE_H

#include "base/clock.h"
#include "proto/wire/cert.h"
#include "tools/file.h"
#include "tools/options.h"

#include <jansson.h>
#include <stdint.h>

#define ISSUE_DAYS 365 /* how long a certificate is good for, unless somebody says */
#define ISSUE_NEVER INT64_MIN
#define ISSUE_DAYS_MAX 36500
#define ISSUE_HEX_MAX 65 /* 32 octets and a NUL */
#define ISSUE_ROLES 3

extern const struct issue_role {
	const char *name;
	enum cert_role role;
} issue_roles[ISSUE_ROLES];

/* The end of validity that the options mean. `until_ms` ISSUE_NEVER: `days` counts (0: ISSUE_DAYS).
 */
struct wall issue_until(struct wall now, uint64_t days, int64_t until_ms);

/* Draws serial and salt and signs. On failure `reterr` says why. */
MUST_USE enum err issue_cert(const struct key_pair *root, const struct request *request,
                             uint32_t roles, struct wall now, struct wall not_after,
                             struct cert *ret, struct cert_blob *ret_blob,
                             char reterr[FILE_REASON_MAX]);

/* The same for who has a certificate: key, salt, names and roles of `cert` stay as they are. */
MUST_USE enum err issue_again(const struct key_pair *root, struct wall now, struct wall not_after,
                              struct cert *cert, struct cert_blob *ret_blob,
                              char reterr[FILE_REASON_MAX]);

/*
 * Reads a certificate that `root` has signed; of any age, since only who issued it renews or
 * revokes it. An exit code; unless CTL_FOUND, it has been said why.
 */
int issue_read_cert(const char *path, const struct public_key *root, struct cert *ret);

/* Adds what --prefix options say. ERR_FORMAT, ERR_LIMIT. */
MUST_USE enum err issue_prefixes(const struct option_list *list, struct prefix *prefixes,
                                 size_t *count, char reterr[FILE_REASON_MAX]);

/* What --role options say together; 0: there are none. */
uint32_t issue_roles_of(const struct option_list *list);

/* For the `check` of such options. */
bool issue_is_prefix(const char *text);
bool issue_is_role(const char *text);

const char *issue_hex(const void *octets, char room[ISSUE_HEX_MAX]); /* of 32 octets */

#endif
