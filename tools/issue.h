/* issue - certificates from a root's hands; what `spoor init --sign` and `spoor member` share. */
#ifndef SPOOR_TOOLS_ISSUE_H
#define SPOOR_TOOLS_ISSUE_H

#include "base/clock.h"
#include "proto/wire/cert.h"
#include "tools/file.h"

#include <jansson.h>
#include <stdint.h>

#define ISSUE_DAYS 365 /* how long a certificate is good for, unless somebody says */
#define ISSUE_NEVER INT64_MIN
#define ISSUE_HEX_MAX 65 /* 32 octets and a NUL */

/* The end of validity that the options mean. `until_ms` ISSUE_NEVER: `days` counts (0: ISSUE_DAYS).
 */
struct wall issue_until(struct wall now, uint64_t days, int64_t until_ms);

/* Draws serial and salt and signs. On failure `reterr` says why. */
MUST_USE enum err issue_cert(const struct key_pair *root, const struct request *request,
                             struct wall now, struct wall not_after, struct cert *ret,
                             struct cert_blob *ret_blob, char reterr[FILE_REASON_MAX]);

const char *issue_hex(const void *octets, char room[ISSUE_HEX_MAX]); /* of 32 octets */

#endif
