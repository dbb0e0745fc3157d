/*
 * trust - whom a node believes, now: its own roots, those that they endorse, and what all of these
 * have revoked.
 *
 * There is no manager. A node pins some roots itself; every page (notice.h) may come from anybody,
 * since its root has signed it. The rules:
 *
 *	accepted  pinned, or endorsed by 2 of the pinned roots (by 1 where 1 is pinned) that are
 *	          not retired; an endorsement ends at its not_after, or when a newer whole list
 *	          lacks it
 *	retired   by itself, or by as many pinned others; for ever, whatever later lists say
 *	revoked   named by the root that signed the certificate; for ever
 *
 * A page takes effect at once, before the rest of its list is there. Pages of an older list are
 * refused, so nobody can undo what a root has said by repeating what it said before. Somebody who
 * stole a root's key can outrun its owner with a higher number: then the others retire it.
 *
 * Nothing here reads a clock or allocates after trust_new(); full tables refuse. What must survive
 * a restart is the pages: apply those of pinned roots first, and the others find their roots known.
 */
#ifndef SPOOR_PROTO_WIRE_TRUST_H
#define SPOOR_PROTO_WIRE_TRUST_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/cert.h"
#include "proto/wire/notice.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUST_ROOTS_MAX (2 * CERT_ROOTS_MAX) /* whose lists are kept; also of those that lapsed */
#define TRUST_CLAIMS_MAX 32                  /* endorsements and retirements by one pinned root */

struct trust;

struct trust_limits { /* hard bounds; all memory is taken by trust_new() */
	uint32_t revoked_max;
	uint16_t pages_max;
};

extern const struct trust_limits trust_limits_default;

struct trust_head { /* the newest list of a root that is known, whole or not */
	struct public_key root;
	uint64_t number;
	struct wall issued; /* days ago: somebody may withhold newer ones */
};

struct trust_counts {
	uint32_t roots; /* whose lists are kept, the pinned ones with or without */
	uint32_t pages;
	uint32_t revoked;
};

/*
 * `pinned` is copied; it must hold a root. `hash` keeps hostile keys from piling up in the table.
 * NULL when there is no memory.
 */
struct trust *trust_new(const struct roots *pinned, const struct trust_limits *limits,
                        const struct hash_key *hash);
void trust_free(struct trust *t);

/*
 * Takes a page from anybody.
 *
 * ERR_FORMAT, ERR_VERSION   not a page of ours
 * ERR_ROOT                  of a root that is not accepted
 * ERR_STALE                 known, of an older list, or of one that contradicts the list's others
 * ERR_AUTH                  its signature does not verify
 * ERR_LIMIT                 a table is full; nothing of the page has taken effect
 */
MUST_USE enum err trust_apply(struct trust *t, struct wall now, const void *data, size_t len);

/* The roots accepted at `now`, the pinned first. Borrowed until the next call with this `t`. */
const struct roots *trust_roots(struct trust *t, struct wall now);

/* Was the certificate revoked, or the root that signed it retired? */
bool trust_is_revoked(const struct trust *t, const struct cert *cert);

/* For each root whose list is known; returns how many. */
size_t trust_heads(const struct trust *t, struct trust_head ret[TRUST_ROOTS_MAX]);

/*
 * Is there a page to ask for, of somebody who has `theirs`? The first that is missing here, not
 * before page `from`. Of a list newer than ours it is page 0, which says how many there are.
 */
bool trust_next_missing(struct trust *t, struct wall now, const struct trust_head *theirs,
                        uint16_t from, uint16_t *ret_page);

/* A page of the newest list of `root`; NULL when it is not there. Borrowed until trust_apply(). */
const struct notice_blob *trust_page(const struct trust *t, const struct public_key *root,
                                     uint16_t page);

struct trust_counts trust_count(const struct trust *t);

#endif
