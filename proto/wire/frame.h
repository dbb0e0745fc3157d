/*
 * frame - what members say to each other inside a session: one frame in each datagram.
 *
 *	kind 1 | body
 *
 * A frame has no signature of its own: the session it comes in says who speaks. What has to be
 * believed later, or by others (queries, receipts, answers, cards, notices), carries its own.
 * Bodies are read in place: every struct bytes is borrowed from the frame.
 */
#ifndef SPOOR_PROTO_WIRE_FRAME_H
#define SPOOR_PROTO_WIRE_FRAME_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 1200      /* a datagram of 1232 less what DATA adds */
#define FRAME_RANGES 128    /* ranges of the id space that SUMS compares: by its first 7 bits */
#define FRAME_PRINTS_MAX 96 /* members that one HAVE names */
#define FRAME_IDS_MAX 128   /* of a DIGEST, a WANT or a GET */
#define FRAME_CARDS_MAX 4   /* in one CARDS */
#define FRAME_NODES_MAX 20  /* in one NODES */
#define FRAME_HEADS_MAX 8   /* roots whose lists a PING names */
#define FRAME_PART_MAX 1024 /* octets of an answer in one PART */

/*
 *	PING      are you there? my clock, my directory's sum, the lists I know
 *	PONG      the same back, and where I see you
 *	FIND      whom do you know near this id?
 *	NODES     some of them
 *	SUMS      a sum over each range of my directory
 *	HAVE      what I have of a range in which we differ
 *	GET       give me the cards of these
 *	CARDS     cards
 *	LACK      give me this page of a root's list
 *	NOTICE    a page
 *	QUERY     a question, on its way to everybody
 *	QACK      it arrived
 *	DIGEST    the questions I hold, or none: I am here
 *	WANT      give me these
 *	RECEIPT   what became of your question here, signed
 *	REPLY     and the answer, sealed
 *	OFFER     the answer is too long: come and get it
 *	RACK      receipt, reply or offer arrived
 *	FETCH     a part of what was offered, if no stream opens
 *	PART      it
 */
enum frame_kind {
	FRAME_PING = 1,
	FRAME_PONG,
	FRAME_FIND,
	FRAME_NODES,
	FRAME_SUMS,
	FRAME_HAVE,
	FRAME_GET,
	FRAME_CARDS,
	FRAME_LACK,
	FRAME_NOTICE,
	FRAME_QUERY,
	FRAME_QACK,
	FRAME_DIGEST,
	FRAME_WANT,
	FRAME_RECEIPT,
	FRAME_REPLY,
	FRAME_OFFER,
	FRAME_RACK,
	FRAME_FETCH,
	FRAME_PART,
	FRAME_KIND_END,
};

struct query_id {
	uint8_t octets[16];
};

struct short_id { /* the first octets of an id, enough to tell those of one community apart */
	uint8_t octets[8];
};

struct frame_head { /* how far a root's list is known */
	struct short_id root;
	uint64_t number;
};

struct frame_state {              /* of whoever sends a PING or PONG */
	uint64_t nonce;           /* PONG: the PING's, back */
	struct wall wall;         /* its clock */
	uint64_t sum;             /* over its whole directory */
	struct endpoint observed; /* PONG: where the PING came from; PING: all zero */
	struct frame_head heads[FRAME_HEADS_MAX];
	size_t head_count;
};

struct frame_print { /* a member, and which of its cards */
	struct short_id id;
	uint32_t print;
};

struct frame_node { /* a member and where it lives, as the sender has proved */
	struct id id;
	struct endpoint endpoint;
};

struct frame {
	enum frame_kind kind;
	struct frame_state state; /* PING, PONG */
	struct id target;         /* FIND; NODES: what was asked */
	struct frame_node nodes[FRAME_NODES_MAX];
	size_t node_count;
	uint64_t sums[FRAME_RANGES]; /* SUMS */
	uint8_t range;               /* HAVE */
	bool has_more;               /* HAVE: not all of the range is named */
	struct frame_print prints[FRAME_PRINTS_MAX];
	size_t print_count;
	struct short_id ids[FRAME_IDS_MAX]; /* GET: members; DIGEST, WANT: queries */
	size_t id_count;
	struct bytes cards[FRAME_CARDS_MAX][2]; /* CARDS: certificate and record of each */
	size_t card_count;
	struct public_key root;   /* LACK */
	uint64_t number;          /* LACK */
	uint8_t page;             /* LACK */
	struct bytes blob;        /* NOTICE, QUERY, RECEIPT, REPLY; PART */
	uint8_t hops;             /* QUERY: relays it has passed */
	struct query_id query_id; /* QACK, RACK, REPLY, OFFER, FETCH, PART */
	enum frame_kind about;    /* RACK: what arrived */
	uint32_t len;             /* OFFER: octets of the sealed answer */
	struct id digest;         /* OFFER: of them */
	struct nonce token;       /* OFFER: opens the stream */
	uint32_t offset;          /* FETCH, PART */
};

/* Writes `frame` into room[0..FRAME_MAX). Returns its length; 0 when it does not fit. */
size_t frame_pack(const struct frame *frame, uint8_t room[FRAME_MAX]);

/* ERR_FORMAT when it is not one of ours. `ret` is then undefined. */
MUST_USE enum err frame_open(const void *data, size_t len, struct frame *ret);

const char *frame_kind_text(enum frame_kind kind); /* "ping" ...; static */
struct short_id short_id_of(const void *id);       /* of an id, a query_id or a key */
bool short_id_equal(struct short_id a, struct short_id b);

#endif
