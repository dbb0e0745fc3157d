/*
 * standing - what is kept of a watch across restarts, and its form on disk (node/keeper.h).
 *
 *	watch   [ version, begun ms, until ms, every ms, timeout ms, gap ms, severity, is over,
 *	          passes, asked ms, asked, answered,
 *	          exporter 16, if low, if high, src, dst, proto, is open, low ms, high ms, lost,
 *	          closed ms, intervals ]
 *	found   [ version, watch, at ms, is significant, score, p-value, query 16, member 32,
 *	          node, org,
 *	          exporter 16, if low, if high, src, dst, proto, is open, start ms, end ms,
 *	          silences ]
 *
 * MessagePack; "asked ms" may be STANDING_NEVER; the intervals as in proto/wire/intervals.h, by our
 * clock, late by between "low ms" and "high ms", which is not known; of 1000 records "lost" never
 * came. A watch is of version 3. One of version 2 says nothing of these three, nor does one of
 * version 1, which had "ahead ms" before "closed ms": by so much the intervals' clock was ahead of
 * ours. What was found is of version 1.
 */
#ifndef SPOOR_NODE_STANDING_H
#define SPOOR_NODE_STANDING_H

#include "base/bytes.h"
#include "base/err.h"
#include "correlate/connection.h"
#include "proto/wire/answer.h"
#include "proto/wire/cert.h"
#include "proto/wire/frame.h"
#include "proto/wire/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STANDING_MAX 4096 /* octets of either */
#define STANDING_NEVER INT64_MIN

struct standing {
	int64_t begun_ms, until_ms; /* wall clock */
	int64_t every_ms;           /* it is asked at least so often */
	int64_t timeout_ms, gap_ms;
	enum severity severity;
	bool is_over;
	uint64_t passes;  /* how often everybody was asked */
	int64_t asked_ms; /* the last time: when, how many others, and how many have searched */
	uint64_t asked, answered;
	unsigned lost; /* of 1000 records of the target's exporter */
};

struct discovery {     /* one connection with the rhythm, at one view of a member */
	int64_t at_ms; /* when it was told */
	bool is_significant;
	double p_value;
	struct query_id query; /* by which it was found */
	struct public_key member;
	char node[CERT_NAME_MAX], org[CERT_ORG_MAX];
	struct finding
		finding; /* ends, view, proto, life, score, silences, is_open; the rest is 0 */
};

/*
 * Octets written to `room`; the target in no more than QUERY_INTERVALS_MAX intervals. 0: its times
 * are such that they do not fit.
 */
size_t standing_pack(const struct standing *s, const struct connection *target,
                     uint8_t room[STANDING_MAX]);

/* ERR_FORMAT, ERR_VERSION. The target's intervals are put into `room`. */
MUST_USE enum err standing_read(struct bytes in, struct standing *ret,
                                struct connection *ret_target,
                                struct interval room[QUERY_INTERVALS_MAX]);

size_t standing_pack_found(uint32_t watch, const struct discovery *f, uint8_t room[STANDING_MAX]);
MUST_USE enum err standing_read_found(struct bytes in, uint32_t *ret_watch, struct discovery *ret);

/* The same for one connection at one view of one member, whatever else was said of it. */
struct id standing_found_id(uint32_t watch, const struct public_key *member,
                            const struct finding *f);

#endif
