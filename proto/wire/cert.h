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
 *	spoor-request        public key, names, prefixes        send to the root's holder
 *	spoor-certificate    a certificate                      what comes back
 *	spoor-operational-key  seed of short-lived keys, record   keep secret (record.h)
 *	spoor-notices        a page of a root's list            give to everybody (notice.h)
 *
 * A certificate says where its member may be reached: inside its prefixes and nowhere else. A
 * member cannot point others at a stranger's address.
 */
#ifndef SPOOR_PROTO_WIRE_CERT_H
#define SPOOR_PROTO_WIRE_CERT_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERT_NAME_MAX 32 /* with NUL: what people call the node, "R4" */
#define CERT_ORG_MAX 64  /* with NUL: whose it is, "Example Four" */
#define CERT_MAX 384     /* octets of an encoded certificate */
#define CERT_PREFIXES_MAX 4
#define CERT_ROOTS_MAX 16
#define CERT_SALT_LEN 16
#define KEY_FILE_MAX 2048 /* characters of a key file, or of a line of spoor-notices */

enum cert_role { /* what its holder may do; bits */
	         CERT_ROLE_ASK = 1,
	         CERT_ROLE_ANSWER = 2,
	         CERT_ROLES_MEMBER = CERT_ROLE_ASK | CERT_ROLE_ANSWER,
	         CERT_ROLE_HOST = 4, /* alone: no member, but a host of one (evidence.h) */
};

struct cert {
	struct public_key root, member;
	uint8_t salt[CERT_SALT_LEN];
	uint64_t serial;
	char name[CERT_NAME_MAX], org[CERT_ORG_MAX];
	struct wall not_before, not_after;
	struct prefix prefixes[CERT_PREFIXES_MAX]; /* at least one */
	size_t prefix_count;
	uint32_t roles; /* of enum cert_role; at least one */
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

/* Is `a` inside one of its prefixes? */
bool cert_allows(const struct cert *cert, const struct addr *a);

bool roots_have(const struct roots *roots, const struct public_key *root);

/*
 * Signs `cert` (its root is set to root->public).
 *
 * ERR_RANGE   a name is empty or not printable; no prefix, too many or an unsound one; no role or
 *             an unknown one
 */
MUST_USE enum err cert_issue(const struct key_pair *root, struct cert *cert, struct cert_blob *ret);

/*
 * Reads data[0..len) and checks it: form, trusted root, signature, and, unless now.ms is
 * INT64_MIN, that it is within its validity.
 *
 * ERR_FORMAT, ERR_VERSION   not a certificate of ours, or one of another version
 * ERR_ROOT                  no trusted root signed it
 * ERR_AUTH                  its signature does not verify
 * ERR_EXPIRED               before not_before or after not_after; `ret` is filled all the same
 */
MUST_USE enum err cert_open(const void *data, size_t len, const struct roots *roots,
                            struct wall now, struct cert *ret);

struct request { /* what an applicant sends to the holder of a root */
	struct public_key member;
	char name[CERT_NAME_MAX], org[CERT_ORG_MAX];
	struct prefix prefixes[CERT_PREFIXES_MAX]; /* where it wants to be reached; at least one */
	size_t prefix_count;
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

/*
 * A request as key file data, and back; signed by the applicant's own key, so that it is his.
 *
 * ERR_RANGE                 request_pack(): as cert_issue()
 * ERR_LIMIT                 request_pack(): longer than the room
 * ERR_FORMAT, ERR_VERSION   request_open(): not a request of ours, or one of another version
 * ERR_AUTH                  request_open(): not signed by the key it names
 */
MUST_USE enum err request_pack(const struct key_pair *member, const struct request *request,
                               void *room, size_t *len);
MUST_USE enum err request_open(const void *data, size_t len, struct request *ret);

#endif
