/*
 * wish - which flows a reader wants, said so that the store need not read the others.
 *
 * `when` alone is binding for every reader. `whom` and `connections` are alternatives: every flow
 * that is wanted is of one of them. `is_wanted` judges a flow of which `members` are filled in, the
 * others of any value; so it can be asked before the rest is decoded.
 */
#ifndef SPOOR_STORE_WISH_H
#define SPOOR_STORE_WISH_H

#include "base/interval.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct whom { /* a host, or one connection in either direction */
	struct addr a, b;
	uint16_t a_port, b_port;
	uint8_t proto;
	bool is_connection; /* else `a` alone counts */
};

struct wish {
	struct interval when;
	const struct whom *whom;     /* borrowed */
	size_t whom_count;           /* 0, and none of these: anybody */
	const uint32_t *connections; /* borrowed; as edges (edges.h) have them, ascending */
	size_t connection_count;
	bool (*is_wanted)(void *ctx, const struct flow *flow); /* NULL: all are */
	void *ctx;
	uint64_t members;           /* wish_member() of each that is_wanted() looks at */
	bool (*is_over)(void *ctx); /* between two blocks: no more is read; NULL: all is */
	void *over_ctx;
};

/*
 * The bit of the member of struct flow at `offset`. Ends, protocol and times are always filled in:
 * their bit is 0.
 */
uint64_t wish_member(size_t offset);

static inline bool wish_has_alternatives(const struct wish *w)
{
	return w->whom_count > 0 || w->connection_count > 0;
}

/* Is the flow of one of `whom`? */
bool wish_is_of(const struct wish *w, const struct flow *f);

#endif
