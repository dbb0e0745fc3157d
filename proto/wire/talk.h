/*
 * talk - a host and its gateway's node, authenticated both ways over one TCP connection.
 *
 *	host                                   gateway
 *	KNOCK, with its card      ------------>  of a root for hosts; certificate, record, signature
 *	                          <------------  WELCOME, sealed to the host, with the node's card
 *	is that the node I was told of?
 *	INIT, with its id         ------------>  is that who knocked?
 *	                          <------------  RESPONSE
 *	records (channel.h)       <----------->
 *
 * The datagrams of knock.h and hand.h, each behind its length in 2 octets, then the records of a
 * channel. Who does not know a root for hosts gets silence, and so does he who says a KNOCK of
 * another time. The gateway's node believes the host only when its first record has come: an INIT
 * may be a replay.
 *
 * Sans IO: octets in, octets out. After an error but ERR_SHORT the talk is over. wipe() it.
 */
#ifndef SPOOR_PROTO_WIRE_TALK_H
#define SPOOR_PROTO_WIRE_TALK_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/card.h"
#include "proto/wire/channel.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"

#include <stddef.h>
#include <stdint.h>

#define TALK_GREETING_MAX (2 + KNOCK_LEN) /* the longest there is before the channel */
#define TALK_SKEW_MS 60000                /* how far a host's clock may be off the node's */

enum talk_state {
	TALK_KNOCKED,   /* host: a WELCOME is due */
	TALK_CALLED,    /* host: a RESPONSE is due */
	TALK_LISTENING, /* gateway: a KNOCK is due */
	TALK_WELCOMED,  /* gateway: an INIT is due */
	TALK_ANSWERED,  /* gateway: the first record is due */
	TALK_OPEN,
};

struct talk_self { /* borrowed for the length of a call */
	const struct card *card;
	const struct key_pair *operational;
	const struct box_key *kx_secret;
	const struct roots *roots;       /* host: of the node's certificate; gateway: for hosts */
	const struct public_key *wanted; /* host: the node's identity; gateway: unused */
	void (*random)(void *ctx, void *room, size_t len);
	void *random_ctx;
	struct wall now;
};

struct talk {
	enum talk_state state;
	struct nonce nonce;
	struct hand hand;
	struct card peer; /* from TALK_CALLED, or TALK_WELCOMED, on */
	struct channel channel;
	size_t have; /* octets of a greeting that is coming in */
	uint8_t greeting[TALK_GREETING_MAX];
};

/* The host begins: writes its KNOCK to `out`, which has TALK_GREETING_MAX of room. ERR_LIMIT */
MUST_USE enum err talk_knock(struct talk *t, const struct talk_self *self, struct octets *out);

/* The gateway begins: it waits. */
void talk_listen(struct talk *t);

/*
 * Takes octets as they come, from *in, which moves; call it again while that holds more. What is to
 * be sent is added to `out`, which has TALK_GREETING_MAX of room at every call. ERR_OK: a record is
 * there, borrowed from `t` until the next call. A host that has just become TALK_OPEN is to seal
 * one.
 *
 * ERR_SHORT     no record now
 * ERR_FORMAT, ERR_VERSION   not what is due in this state
 * ERR_ROOT, ERR_EXPIRED     the peer's certificate is signed by none of the roots, or out of date
 * ERR_DENIED    the peer is no host, not the node that was wanted, or outside its own prefixes
 * ERR_STALE     a KNOCK of another time, or a WELCOME to another KNOCK
 * ERR_AUTH      a signature, seal or mac does not hold
 */
MUST_USE enum err talk_feed(struct talk *t, const struct talk_self *self, struct bytes *in,
                            struct octets *out, struct bytes *ret);

/*
 * Writes a record of `len` octets, at most CHANNEL_PLAIN_MAX, into room[0..len + CHANNEL_OVERHEAD).
 * Returns its length; 0 when `plain` is too long. Only when TALK_OPEN.
 */
size_t talk_seal(struct talk *t, const void *plain, size_t len, uint8_t *room);

#endif
