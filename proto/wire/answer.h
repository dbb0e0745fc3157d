/*
 * answer - what one node found for a query: signed by it, sealed to the query's one-time key.
 *
 *	sealed( body length 4 | body: MessagePack | signature 64 )
 *
 * The signature, by the operational key of the responder's record, covers the query's id and
 * one-time key, the responder's id and the body, so that an answer and its responder's card prove
 * who said what to which question, to anybody who is shown them later.
 */
#ifndef SPOOR_PROTO_WIRE_ANSWER_H
#define SPOOR_PROTO_WIRE_ANSWER_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/interval.h"
#include "proto/wire/query.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_FINDINGS_MAX 64
#define ANSWER_DECADES_MAX 1e5 /* no score is farther from 0 */
#define ANSWER_MAX 15360       /* octets of an encoded, sealed answer */

struct finding { /* one connection that was compared */
	struct addr exporter;
	uint32_t if_low, if_high;
	struct endpoint src, dst;
	uint8_t proto;
	uint8_t verdict; /* enum verdict of correlate/score.h, opaque here */
	bool is_open;
	struct interval life;
	double score; /* evidence, in decades */
	double cpf;   /* 0..1 */
	uint32_t silences;
	int64_t common_ms, lag_ms, lag_error_ms; /* the error: one standard deviation */
	int64_t stretch_ms; /* its activity lasts longer than the question's by this, median */
	uint32_t stretches; /* of so many that both have */
	struct endpoint nat_src, nat_dst; /* the ends on the other side of the gateway, as its
	                                   translations have them; all zero: the same there, or
	                                   not told; port 0: of an address alone */
};

struct answer {
	struct interval window; /* of flows held that overlaps the query; empty: start > end */
	uint64_t flows;         /* judged for this query: read, or by a log of all of them */
	uint64_t lost;          /* flows known to be missing from the exports */
	uint64_t connections;   /* judged likewise */
	struct finding findings[ANSWER_FINDINGS_MAX]; /* best first */
	size_t finding_count;
	struct bytes testimony; /* of hosts (testimony.h); borrowed: when opened, from the plain */
};

/* Encodes and signs into room[0..*len): evidence as answer_check() reads it. ERR_LIMIT: no room. */
MUST_USE enum err answer_sign(const struct answer *answer, const struct query *query,
                              const struct id *responder, const struct key_pair *operational,
                              void *room, size_t *len);

/* The same, sealed to the query's key with `seed`. */
MUST_USE enum err answer_pack(const struct answer *answer, const struct query *query,
                              const struct id *responder, const struct key_pair *operational,
                              const struct seed *seed, void *room, size_t *len);

/*
 * Opens in place what `responder` sent. `ret_plain` is what was sealed, borrowed from `sealed`: the
 * evidence, which answer_check() reads again.
 *
 * ERR_AUTH                   not sealed to us, or not signed by whom it should be
 * ERR_FORMAT                 not an answer of ours
 * ERR_VERSION                one of another version, whose signature was not looked at
 */
MUST_USE enum err answer_open(uint8_t *sealed, size_t len, const struct query *query,
                              const struct box_key *secret, const struct id *responder,
                              const struct public_key *operational, struct answer *ret,
                              struct bytes *ret_plain);

/* The same for evidence already opened. */
MUST_USE enum err answer_check(struct bytes plain, const struct query *query,
                               const struct id *responder, const struct public_key *operational,
                               struct answer *ret);

#endif
