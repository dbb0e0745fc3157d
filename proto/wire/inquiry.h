/*
 * inquiry - what a gateway's node and a host of its organisation say to each other (talk.h).
 *
 *	ASK    gateway -> host   which process opened, or took, this connection?
 *	TOLD   host -> gateway   evidence (evidence.h), or why there is none
 *	ALIVE  host -> gateway   its newest checkpoint, every few seconds: log and health
 *
 * Each is a MessagePack array that begins with its kind.
 */
#ifndef SPOOR_PROTO_WIRE_INQUIRY_H
#define SPOOR_PROTO_WIRE_INQUIRY_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/interval.h"
#include "proto/wire/evidence.h"
#include "proto/wire/pack.h"

#include <stddef.h>
#include <stdint.h>

#define INQUIRY_MAX (64 + EVIDENCE_MAX)

enum inquiry_kind { INQUIRY_ASK, INQUIRY_TOLD, INQUIRY_ALIVE, INQUIRY_KIND_END };

enum inquiry_state {
	INQUIRY_FOUND,
	INQUIRY_NOTHING, /* the log has no such connection */
	INQUIRY_REFUSED, /* the host's policy shows nothing */
	INQUIRY_FAILED,  /* the log could not be read */
	INQUIRY_STATE_END
};

struct inquiry {
	enum inquiry_kind kind;
	uint32_t number; /* the gateway's, of ASK and TOLD */
	/* ASK */
	struct endpoint src, dst;
	uint8_t proto;
	bool is_incoming;         /* the host is at dst, and took it */
	struct interval life;     /* as the routers saw it */
	size_t shown;             /* parts of the record that may be shown: 1..EVIDENCE_PARTS */
	enum inquiry_state state; /* TOLD */
	struct bytes octets;      /* evidence of TOLD, checkpoint of ALIVE; borrowed */
};

void inquiry_pack(struct pack *p, const struct inquiry *q);

/* ERR_FORMAT: none of these */
MUST_USE enum err inquiry_open(struct bytes in, struct inquiry *ret);

#endif
