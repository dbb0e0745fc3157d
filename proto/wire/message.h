/*
 * message - the overlay's datagrams: one signed envelope around a body.
 *
 *	 0      2         3      4           36                        len - 64
 *	 +------+---------+------+-----------+-------------------------+-----------+
 *	 | "sp" | version | kind | sender id | body: MessagePack array | signature |
 *	 +------+---------+------+-----------+-------------------------+-----------+
 *
 * Nothing unsigned is believed: the signature, of the member whose id stands before the body,
 * covers all that precedes it. A datagram never exceeds MESSAGE_MAX octets and is never
 * fragmented.
 *
 * Bodies are read in place: everything in a struct body is borrowed from the datagram.
 */
#ifndef SPOOR_PROTO_WIRE_MESSAGE_H
#define SPOOR_PROTO_WIRE_MESSAGE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/cert.h"
#include "proto/wire/sign.h"

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 1232 /* the IPv6 minimum MTU less IPv6 and UDP headers */
#define MESSAGE_OVERHEAD 100
#define MESSAGE_NONCE NONCE_LEN
#define MESSAGE_CARDS_MAX 8   /* members named in one MEMBERS */
#define MESSAGE_CHUNK_MAX 960 /* octets of an answer in one ANSWER */

/*
 * HELLO     who I am; is somebody there? Padded, so that no WELCOME is longer; else it is none
 * WELCOME   I am; your nonce back, and one of mine; the address I see you at
 * CONFIRM   your nonce back: now you know that I am where I say
 * ASK       which members do you know, after this id?
 * MEMBERS   some of them; is there more?
 * QUERY     a question, signed by its origin (query.h)
 * RECEIPT   what became of a query, or of one part of an answer
 * ANSWER    one part of a sealed answer (answer.h)
 */
enum message_kind {
	MESSAGE_HELLO = 1,
	MESSAGE_WELCOME,
	MESSAGE_CONFIRM,
	MESSAGE_ASK,
	MESSAGE_MEMBERS,
	MESSAGE_QUERY,
	MESSAGE_RECEIPT,
	MESSAGE_ANSWER,
	MESSAGE_KIND_END,
};

enum receipt_status {
	RECEIPT_WORKING,  /* the query is being searched for */
	RECEIPT_PART,     /* part `part` of the answer has arrived */
	RECEIPT_REFUSED,  /* policy says no */
	RECEIPT_BUSY,     /* too many searches; ask later */
	RECEIPT_UNWANTED, /* the query is expired, or its origin's certificate is */
	RECEIPT_STATUS_END,
};

struct query_id {
	uint8_t octets[16];
};

struct card { /* one member as another knows it */
	struct endpoint endpoint;
	struct bytes cert;
};

struct body {
	struct nonce nonce, echo; /* HELLO, WELCOME, CONFIRM */
	struct bytes cert;        /* HELLO, WELCOME */
	struct endpoint observed; /* WELCOME */
	struct id after;          /* ASK, MEMBERS */
	bool has_more;            /* MEMBERS */
	struct card cards[MESSAGE_CARDS_MAX];
	size_t card_count;          /* MEMBERS */
	struct bytes query;         /* QUERY */
	struct query_id query_id;   /* RECEIPT, ANSWER */
	enum receipt_status status; /* RECEIPT */
	uint32_t part, parts;       /* RECEIPT (part), ANSWER */
	struct bytes chunk;         /* ANSWER */
};

struct message {
	enum message_kind kind;
	struct id sender;
	struct bytes signed_part; /* what the signature covers */
	struct signature signature;
	struct body body;
};

/*
 * Writes a datagram into room[0..MESSAGE_MAX). Only the members of `body` that its kind has are
 * read. Returns its length; 0 when it does not fit.
 */
size_t message_pack(enum message_kind kind, const struct body *body, const struct id *sender,
                    const struct key_pair *pair, uint8_t room[MESSAGE_MAX]);

/*
 * Reads a datagram, not its signature: for that one needs the sender's key.
 *
 * ERR_FORMAT    not one of ours
 * ERR_VERSION   of another version of the protocol
 */
MUST_USE enum err message_open(const void *data, size_t len, struct message *ret);

/* ERR_AUTH when `key` did not sign it. */
MUST_USE enum err message_verify(const struct message *m, const struct public_key *key);

/* "hello", "welcome", ...; static */
const char *message_kind_text(enum message_kind kind);

#endif
