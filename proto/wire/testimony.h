/*
 * testimony - what hosts say about connections that an answer has found: part of the answer.
 *
 * A statement goes with one finding and the end of it at which the host is. Beside its evidence
 * (evidence.h) stand the root by which the answering member knows its hosts, and, where the
 * process had a remote origin that the member's routers have seen, that upstream connection with
 * its rhythm: by it a trace goes on where timing alone has no thread to follow.
 *
 *	testimony   [ statement, ... ]
 *	statement   [ finding, end, root 32, evidence, upstream or nil ]
 *	upstream    [ exporter 16, if low, if high, src, dst, proto, is open, start ms, end ms, gap
 *ms, intervals ]
 */
#ifndef SPOOR_PROTO_WIRE_TESTIMONY_H
#define SPOOR_PROTO_WIRE_TESTIMONY_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/evidence.h"
#include "proto/wire/pack.h"
#include "proto/wire/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TESTIMONY_STATEMENTS_MAX 4
#define TESTIMONY_MAX 9216

struct upstream { /* a connection as one view of the member's has it */
	struct addr exporter;
	uint32_t if_low, if_high;
	struct endpoint src, dst;
	bool is_open;
	struct interval life;
	struct question rhythm; /* its proto, gap and intervals */
};

struct statement {
	uint32_t finding; /* its place in the answer's */
	bool is_incoming; /* the host is at dst and took the connection; else at src, and opened it
	                   */
	struct public_key root;
	struct bytes evidence; /* borrowed */
	bool has_upstream;
	struct upstream upstream;
};

struct testimony { /* reads one after the other */
	struct unpack in;
	size_t left;
};

/* Begins to write `count` statements; each then with testimony_put(). */
void testimony_begin(struct pack *p, size_t count);
void testimony_put(struct pack *p, const struct statement *s);

/*
 * ERR_FORMAT: not a testimony, or one of too many statements. Empty octets: none, and no error.
 */
MUST_USE enum err testimony_open(struct bytes in, struct testimony *ret);

/* ERR_NOENT: no more. ERR_FORMAT; nothing follows then. */
MUST_USE enum err testimony_next(struct testimony *t, struct statement *ret);

#endif
