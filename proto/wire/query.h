/*
 * query - "who was behind this connection?", as it travels: a fingerprint, signed by its origin.
 *
 *	body length 2 | body: MessagePack array | origin's signature over the body 64
 *
 * A query holds no address: only when the connection was active. It carries its origin's
 * certificate, a nonce, its expiry and a one-time key; answers are sealed to that key.
 */
#ifndef SPOOR_PROTO_WIRE_QUERY_H
#define SPOOR_PROTO_WIRE_QUERY_H

#include "base/clock.h"
#include "base/err.h"
#include "base/interval.h"
#include "proto/wire/cert.h"
#include "proto/wire/message.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define QUERY_INTERVALS_MAX 128
#define QUERY_MAX (MESSAGE_MAX - MESSAGE_OVERHEAD - 8) /* octets of an encoded query */
#define QUERY_LIFE_MAX_MS 120000                       /* expires no later after being issued */
#define QUERY_SPAN_MAX_MS (UINT64_C(400) * 86400000)   /* from its first instant to its last */

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_END };

struct question { /* what is asked */
	struct interval on[QUERY_INTERVALS_MAX];
	size_t on_count; /* at least 1 */
	int64_t gap_ms;  /* silences up to this long count as ON */
	uint8_t proto;   /* only connections of this protocol; 0: any */
	enum severity severity;
};

struct query {
	struct query_id id; /* digest of all its octets */
	struct cert origin;
	struct nonce nonce;
	struct wall issued, expires;
	struct box_key reply_to;
	struct question question;
};

struct query_blob {
	uint8_t octets[QUERY_MAX];
	size_t len;
};

/*
 * Signs and encodes; sets query->id. `cert` is the origin's own.
 *
 * ERR_LIMIT   the fingerprint takes too many octets: coarsen it and try again
 */
MUST_USE enum err query_pack(struct query *query, const struct cert_blob *cert,
                             const struct key_pair *origin, struct query_blob *ret);

/*
 * Reads and checks: form, certificate by `roots`, signature, and that `now` is not past its expiry
 * (nor its origin's), `skew_ms` allowed.
 *
 * ERR_FORMAT, ERR_VERSION   not a query of ours
 * ERR_ROOT, ERR_AUTH        not a member's, or not signed by it
 * ERR_EXPIRED               its origin's certificate is not valid now; `ret` is filled
 * ERR_STALE                 it has expired, or lives longer than allowed; `ret` is filled
 */
MUST_USE enum err query_open(const void *data, size_t len, const struct roots *roots,
                             struct wall now, int64_t skew_ms, struct query *ret);

/* The id of an encoded query, read or not. */
struct query_id query_id_of(const void *data, size_t len);

/* "low" ...; SEVERITY_END when it is none. */
enum severity severity_of(const char *text);

#endif
