/*
 * sheet - everything that has been said of a target, put together: who said it, the claims of hosts
 * that hold, and the path.
 */
#ifndef SPOOR_NODE_SHEET_H
#define SPOOR_NODE_SHEET_H

#include "correlate/path.h"
#include "node/claims.h"
#include "node/pursuit.h"

#include <stddef.h>
#include <stdint.h>

struct node;

#define SHEET_SELF 0 /* index of this node; others follow */
#define SHEET_NONE SIZE_MAX
#define SHEET_CLAIMS_MAX 512                  /* that are proved: each costs a few signatures */
#define SHEET_COMPARED_MAX (INT64_C(1) << 40) /* connections by one node, whatever it says */

/* One connection at one view of one node, and the question by whose rhythm it was found. */
struct line {
	const struct finding *finding;
	uint32_t node;
	size_t question; /* the pursuit's round: 0 is the target's own */
	unsigned age;    /* of the answer (round.h) */
	size_t match;    /* in matches; SHEET_NONE when it is no match */
	size_t claim;    /* in claims; SHEET_NONE */
};

struct sheet {
	const struct node *node;
	const struct pursuit *pursuit;
	const struct cert **certs; /* by index of node */
	size_t node_count;
	struct line *lines; /* best first */
	size_t line_count;
	struct claim *claims;
	size_t claim_count;
	size_t target_claim; /* of the target itself; SHEET_NONE */
	size_t forged;       /* claims that do not hold */
	struct match matches[PATH_MATCHES_MAX];
	size_t match_count;
	struct tie ties[PATH_MATCHES_MAX];
	const struct claim *tied[PATH_MATCHES_MAX]; /* what each tie is by */
	size_t tie_count;
	struct path path;
	/*
	 * Every connection that was compared for this pass and those before, at any node: what
	 * chance has had to try. Each pass is a try more. What others say of theirs is bounded by
	 * their flows and SHEET_COMPARED_MAX each, and the sum ends at UINT64_MAX.
	 */
	uint64_t searched;
	size_t significant; /* so many of the best lines may be believed at once */
};

bool line_is_match(const struct line *l);

/* NULL without memory. sheet_free() takes NULL. */
struct sheet *sheet_make(const struct node *node, const struct pursuit *pursuit);
void sheet_free(struct sheet *s);

/*
 * The connection to ask everybody about next: the path begins with it because a host has said so,
 * no question was about its rhythm yet, and timing can tell it. NULL: there is none. Of exporters
 * of its own this node knows how well their times are known, and what of them was lost; of others
 * that is assumed.
 */
const struct upstream *sheet_next(const struct sheet *s, struct score_clock *ret_clock);

#endif
