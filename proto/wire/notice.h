/*
 * notice - what a root says to everybody, one page of it: whom it revokes, which other roots it
 * endorses, which it retires.
 *
 *	body length 2 | body: MessagePack array | root's signature over the body 64
 *
 * All that a root says is one list, numbered anew each time it is changed or signed again, and cut
 * into pages that each travel in one datagram and stand for themselves: a page can be believed and
 * obeyed before the others are there. A list that was signed lately is proof that nothing is
 * withheld.
 */
#ifndef SPOOR_PROTO_WIRE_NOTICE_H
#define SPOOR_PROTO_WIRE_NOTICE_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define NOTICE_MAX 1000       /* octets of an encoded page */
#define NOTICE_PAGES_MAX 100  /* pages of a list */
#define NOTICE_ENTRIES_MAX 19 /* of a page; that many always fit */

enum notice_kind {                     /* as they are on the wire */
	           NOTICE_REVOKE = 1,  /* a certificate that this root signed is void */
	           NOTICE_ENDORSE = 2, /* another root is to be believed, too */
	           NOTICE_RETIRE =
	                   3, /* a root, maybe this one, is to be believed no longer, for ever */
};

struct notice_entry {
	enum notice_kind kind;
	struct public_key key; /* REVOKE: the member's identity key; else a root's */
	uint64_t serial;       /* REVOKE: of the certificate; 0: all that this root gave that key */
	struct wall not_after; /* ENDORSE: until when */
};

struct notice_head {
	struct public_key root;
	uint64_t number;      /* of the list; from 1 */
	uint16_t page, pages; /* from 0; how many the list has */
	struct wall issued;   /* the same on all pages of a list */
};

struct notice {
	struct notice_head head;
	struct notice_entry entries[NOTICE_ENTRIES_MAX];
	size_t entry_count; /* 0 is fine: a root that has nothing to say, and says so */
};

struct notice_blob { /* as it travels */
	uint8_t octets[NOTICE_MAX];
	size_t len;
};

/*
 * Signs `notice` (its root is set to root->public).
 *
 * ERR_RANGE   number 0, page not below pages, too many pages or entries, an unknown kind
 */
MUST_USE enum err notice_issue(const struct key_pair *root, struct notice *notice,
                               struct notice_blob *ret);

/*
 * Reads who is said to have signed data[0..len), and where in the list it belongs; neither form
 * nor signature is checked further. ERR_FORMAT, ERR_VERSION.
 */
MUST_USE enum err notice_peek(const void *data, size_t len, struct notice_head *ret);

/*
 * Reads data[0..len) and checks that it is signed by the root it names; whether that root is one of
 * ours is for trust.h to say.
 *
 * ERR_FORMAT, ERR_VERSION   not a page of ours
 * ERR_AUTH                  its signature does not verify
 */
MUST_USE enum err notice_open(const void *data, size_t len, struct notice *ret);

#endif
