/*
 * record - a member's short-lived keys and addresses, signed by its long-lived identity key.
 *
 *	body length 2 | body: MessagePack array | identity key's signature over the body 64
 *
 * The identity key can stay offline: a node works with the keys of its record, and who steals them
 * has them for a week at most. A record says nothing about its member; it counts only beside the
 * certificate that names the identity key (card.h).
 */
#ifndef SPOOR_PROTO_WIRE_RECORD_H
#define SPOOR_PROTO_WIRE_RECORD_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/cert.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define RECORD_MAX 256         /* octets of an encoded record */
#define RECORD_ENDPOINTS_MAX 2 /* one of each family */
#define RECORD_DAYS 7          /* how long a record is good for, unless somebody says */
/* A week, and an hour before it for clocks that are behind. */
#define RECORD_LIFE_MAX_MS ((int64_t)(RECORD_DAYS * 24 + 1) * 3600000)

struct record {
	struct public_key sign; /* its datagrams, queries and answers are signed by this */
	struct box_key kx;      /* X25519: sessions */
	uint64_t seq;           /* of two records of one identity the higher one counts */
	struct wall not_before, not_after;
	struct endpoint endpoints[RECORD_ENDPOINTS_MAX];
	size_t endpoint_count; /* 0: reached only through sessions that it opened itself */
};

struct record_blob { /* as it travels */
	uint8_t octets[RECORD_MAX];
	size_t len;
};

/* A file of kind spoor-operational-key, for a node whose identity key is elsewhere: seed, record.
 */
#define RECORD_FILE_MAX (sizeof(struct seed) + RECORD_MAX)

/* The short-lived keys that a seed means: what `sign` and `kx` of its record are. */
void record_keys(const struct seed *seed, struct key_pair *ret_sign, struct box_key *ret_kx,
                 struct box_key *ret_kx_secret);

/*
 * Signs `record`.
 *
 * ERR_RANGE   it would be valid for longer than RECORD_LIFE_MAX_MS, or never; an endpoint is not
 *             unicast, has no port, or is the second of its family
 */
MUST_USE enum err record_issue(const struct key_pair *identity, const struct record *record,
                               struct record_blob *ret);

/*
 * Reads data[0..len) and checks it against the certificate of its member; validity is not checked
 * when now.ms is INT64_MIN.
 *
 * ERR_FORMAT, ERR_VERSION   not a record of ours, or one that record_issue() would not sign
 * ERR_AUTH                  not signed by the key that the certificate names
 * ERR_DENIED                an endpoint lies outside the certificate's prefixes
 * ERR_EXPIRED               before not_before or after not_after; `ret` is filled all the same
 */
MUST_USE enum err record_open(const void *data, size_t len, const struct cert *cert,
                              struct wall now, struct record *ret);

#endif
