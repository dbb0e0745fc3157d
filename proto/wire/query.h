/*
 * query - "who was behind this connection?", as it travels: a fingerprint, signed by its origin.
 *
 *	body length 2 | body: MessagePack array | origin's signature over the body 64
 *
 * A query holds no address of the connection: only when it was active and, where that tells
 * nothing, how much it carried. It carries its origin's card (certificate and record), so that
 * whoever hears it can check it and knows whom to answer; a number, its expiry and a one-time key,
 * to which answers are sealed. Nothing but the count of its hops stands outside the signature, and
 * what does is believed only for counting.
 */
#ifndef SPOOR_PROTO_WIRE_QUERY_H
#define SPOOR_PROTO_WIRE_QUERY_H

#include "base/clock.h"
#include "base/err.h"
#include "base/interval.h"
#include "base/volume.h"
#include "proto/wire/card.h"
#include "proto/wire/frame.h"
#include "proto/wire/intervals.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_INTERVALS_MAX 128
#define QUERY_VOLUMES_MAX 96
#define QUERY_MAX (FRAME_MAX - 2) /* octets of an encoded query */
#define QUERY_LIFE_MAX_MS 120000  /* expires no later after being issued */
#define QUERY_BOUND_MAX_MS 15000  /* who knows a clock less well knows nothing of it */
#define QUERY_LOST_MAX 999        /* of what is all lost nobody can ask */

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_END };

struct question {                                /* what is asked */
	struct interval on[QUERY_INTERVALS_MAX]; /* by the asking node's clock */
	size_t on_count;                         /* at least 1 */
	int64_t gap_ms;                          /* silences up to this long count as ON */
	/* Of the exporter that told of it, as far as the asking node knows: */
	int64_t bound_ms; /* all these times may be off by as much as this, either way */
	unsigned lost;    /* of 1000 of its records so many never came */
	uint8_t proto;    /* only connections of this protocol; 0: any */
	enum severity severity;
	/* Of a connection that silences do not tell; else there are none: */
	struct volume volumes[QUERY_VOLUMES_MAX]; /* by start, by the same clock */
	size_t volume_count;
	unsigned way; /* 0: what was sent by who opened the connection; 1: what was answered */
};

struct query {
	struct query_id id;        /* digest of all its octets */
	struct bytes cert, record; /* the origin's card; borrowed from the encoded query */
	uint64_t number;           /* the origin's, from 1; never used twice */
	struct nonce nonce;
	struct wall issued, expires;
	bool is_direct; /* the origin sends it to everybody itself: nobody passes it on */
	struct box_key reply_to;
	struct question question;
};

struct query_blob {
	uint8_t octets[QUERY_MAX];
	size_t len;
};

/*
 * Signs and encodes; sets query->id. `card` is the origin's own, `operational` the key its record
 * names.
 *
 * ERR_LIMIT   the fingerprint takes too many octets: coarsen it and try again
 */
MUST_USE enum err query_pack(struct query *query, const struct card *card,
                             const struct key_pair *operational, struct query_blob *ret);

/* Reads its form alone. ERR_FORMAT, ERR_VERSION: not a query of ours. `ret` borrows from `data`. */
MUST_USE enum err query_open(const void *data, size_t len, struct query *ret);

/* ERR_AUTH when the key of its origin's record did not sign it. */
MUST_USE enum err query_verify(const void *data, size_t len, const struct public_key *operational);

/* ERR_STALE when it has expired, is not issued yet, or lives too long; `skew_ms` is allowed. */
MUST_USE enum err query_check_time(const struct query *query, struct wall now, int64_t skew_ms);

/* The id of an encoded query, read or not. */
struct query_id query_id_of(const void *data, size_t len);

/* "low" ...; SEVERITY_END when it is none. */
enum severity severity_of(const char *text);
const char *severity_text(enum severity severity);

#endif
