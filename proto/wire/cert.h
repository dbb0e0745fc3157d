/*
 * cert - who a member is: its certificate, signed by a community root; and the key files.
 *
 *	body length 2 | body: MessagePack array | root's signature over the body 64
 *
 * A member's id is a digest of its key and a salt that the root chose after it saw the key: a
 * member alone cannot mine a place in the id space.
 *
 * Key files are one line of text, "KIND HEX":
 *
 *	spoor-root-key       seed of a root key                 keep secret
 *	spoor-root           public key of a root               give to every member
 *	spoor-identity-key   seed of a member's key             keep secret
 *	spoor-request        public key, name, organisation     send to the root's holder
 *	spoor-certificate    a certificate                      what comes back
 */
#ifndef SPOOR_PROTO_WIRE_CERT_H
#define SPOOR_PROTO_WIRE_CERT_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define CERT_NAME_MAX 32 /* with NUL: what people call the node, "R4" */
#define CERT_ORG_MAX 64  /* with NUL: whose it is, "Example Four" */
#define CERT_MAX 384     /* octets of an encoded certificate */
#define CERT_ROOTS_MAX 8
#define CERT_SALT_LEN 16
#define KEY_FILE_MAX 1024 /* characters of a key file */

struct cert {
	struct public_key root, member;
	uint8_t salt[CERT_SALT_LEN];
	uint64_t serial;
	char name[CERT_NAME_MAX], org[CERT_ORG_MAX];
	struct wall not_before, not_after;
};

struct cert_blob { /* as it travels */
	uint8_t octets[CERT_MAX];
	size_t len;
};

struct roots { /* whom this node trusts to say who is a member */
	struct public_key keys[CERT_ROOTS_MAX];
	size_t count;
};

struct id cert_id(const struct cert *cert);

/* Signs `cert` (its root is set to root->public). ERR_RANGE: a name is empty or not printable. */
MUST_USE enum err cert_issue(const struct key_pair *root, struct cert *cert, struct cert_blob *ret);

/*
 * Reads data[0..len) and checks it: form, trusted root, signature, and, unless now.ms is
 * INT64_MIN, that it is within its validity.
 *
 * ERR_FORMAT, ERR_VERSION   not a certificate of ours
 * ERR_ROOT                  no trusted root signed it
 * ERR_AUTH                  its signature does not verify
 * ERR_EXPIRED               before not_before or after not_after; `ret` is filled all the same
 */
MUST_USE enum err cert_open(const void *data, size_t len, const struct roots *roots,
                            struct wall now, struct cert *ret);

struct request { /* what an applicant sends to the holder of a root */
	struct public_key member;
	char name[CERT_NAME_MAX], org[CERT_ORG_MAX];
};

/* Writes "KIND HEX\n" into room[0..KEY_FILE_MAX), NUL-terminated. */
void key_file_print(const char *kind, const void *data, size_t len, char room[KEY_FILE_MAX]);

/*
 * Reads one such line. `*len` goes in as the room and comes out as what was read.
 *
 * ERR_FORMAT   not "KIND HEX"
 * ERR_LIMIT    longer than the room
 */
MUST_USE enum err key_file_parse(const char *text, const char *kind, void *room, size_t *len);

/* A request as key file data, and back; signed by the applicant's own key, so that it is his. */
MUST_USE enum err request_pack(const struct key_pair *member, const struct request *request,
                               void *room, size_t *len);
MUST_USE enum err request_open(const void *data, size_t len, struct request *ret);

#endif
