/*
 * claims - what hosts are said to say of an answer's findings, proved or refused.
 *
 * That a statement holds means: a host, whose certificate a root that the answering member named
 * has signed, has this record in its log. Whether the host told the truth, its health says as far
 * as it can be known (docs/ORIGIN.md).
 */
#ifndef SPOOR_NODE_CLAIMS_H
#define SPOOR_NODE_CLAIMS_H

#include "origin/record.h"
#include "proto/wire/answer.h"
#include "proto/wire/testimony.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claim {
	uint32_t finding; /* of the answer */
	bool is_incoming; /* the host took the connection; else it opened it */
	enum err err;     /* ERR_OK: it holds, and the rest is filled */
	struct card host;
	struct checkpoint checkpoint;
	uint64_t number; /* of the entry */
	struct origin_record record;
	size_t shown;      /* parts of it */
	bool has_upstream; /* a connection that the member's routers saw... */
	struct upstream upstream;
};

/* Reads all of an answer's statements into ret[0..TESTIMONY_STATEMENTS_MAX). Returns how many. */
size_t claims_read(const struct answer *answer, struct claim ret[TESTIMONY_STATEMENTS_MAX]);

/*
 * Where the process that opened the claim's connection came from: its origin, or the last accept
 * that an origin would be made of. NULL: from nowhere else, or it is not known.
 */
const struct origin_source *claims_source(const struct claim *c);

#endif
