/*
 * credentials - the files that say who this node is: its identity key, its certificate, the roots
 * it trusts, and operational keys made elsewhere.
 */
#ifndef SPOOR_NODE_CREDENTIALS_H
#define SPOOR_NODE_CREDENTIALS_H

#include "base/err.h"
#include "proto/wire/card.h"
#include "proto/wire/cert.h"
#include "proto/wire/record.h"

#include <stddef.h>

#define CREDENTIALS_REASON_MAX 768

/* Each reads the key file at `path`. On failure `reterr` says which file, and what is wrong. */
MUST_USE enum err credentials_root(const char *path, struct public_key *ret,
                                   char reterr[CREDENTIALS_REASON_MAX]);
MUST_USE enum err credentials_identity(const char *path, struct key_pair *ret,
                                       char reterr[CREDENTIALS_REASON_MAX]);

/*
 * An expired certificate is read like any other: a node that has one collects, and says that it
 * cannot ask. `identity` is whose it must be; NULL: anybody's, its operational keys will tell.
 */
MUST_USE enum err credentials_cert(const char *path, const struct roots *roots,
                                   const struct public_key *identity, struct cert *ret,
                                   struct cert_blob *ret_blob, char reterr[CREDENTIALS_REASON_MAX]);

/* Their seed and record, the form of the file alone: card_open() checks them. */
MUST_USE enum err credentials_operational(const char *path, struct seed *ret,
                                          struct record_blob *ret_blob,
                                          char reterr[CREDENTIALS_REASON_MAX]);

#endif
