/*
 * receipt - what became of a query at one member, signed by it: coverage is a statement, not a
 * guess, and silence is visible.
 *
 *	body length 2 | body: MessagePack array | signature of the operational key 64
 */
#ifndef SPOOR_PROTO_WIRE_RECEIPT_H
#define SPOOR_PROTO_WIRE_RECEIPT_H

#include "base/interval.h"
#include "proto/wire/frame.h"
#include "proto/wire/sign.h"

#define RECEIPT_MAX 288

enum verdict_kind {
	RECEIPT_NONE,    /* searched; nothing like it */
	RECEIPT_MATCH,   /* searched; an answer comes along */
	RECEIPT_REFUSED, /* policy says no */
	RECEIPT_BUSY, /* too many searches, over budget, or too much to search; ask again later */
	RECEIPT_KIND_END,
};

struct receipt {
	struct query_id query_id;
	struct id responder;
	enum verdict_kind kind;
	struct wall at;
	struct interval window; /* of flows held that overlaps the query; empty: start > end */
	uint64_t flows, lost, connections; /* read; known to be missing; compared */
	uint32_t retry_after_ms;           /* BUSY */
};

struct receipt_blob {
	uint8_t octets[RECEIPT_MAX];
	size_t len;
};

void receipt_sign(const struct receipt *receipt, const struct key_pair *operational,
                  struct receipt_blob *ret);

/*
 * ERR_FORMAT, ERR_VERSION   not a receipt of ours
 * ERR_AUTH                  `operational` did not sign it; `ret` is filled all the same
 */
MUST_USE enum err receipt_open(const void *data, size_t len, const struct public_key *operational,
                               struct receipt *ret);

const char *receipt_kind_text(enum verdict_kind kind); /* "none" ... */

#endif
