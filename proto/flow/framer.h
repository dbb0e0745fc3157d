/*
 * framer - messages of IPFIX out of a stream of octets (RFC 7011, section 10.4.3): they follow each
 * other, each as long as its header says.
 */
#ifndef SPOOR_PROTO_FLOW_FRAMER_H
#define SPOOR_PROTO_FLOW_FRAMER_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define FRAMER_MESSAGE_MAX 65535

struct framer { /* zeroed to begin with */
	size_t len,
		complete; /* octets of the message at hand; how many it has, once that is known */
	uint8_t message[FRAMER_MESSAGE_MAX];
};

/*
 * Takes from `in` what the message at hand lacks, at most.
 *
 * ERR_OK      it is whole: `*ret`, borrowed until the next call
 * ERR_SHORT   all of `in` is taken, and more must come
 * ERR_FORMAT  this is no message of IPFIX, and nobody knows where the next begins; for good
 */
MUST_USE enum err framer_take(struct framer *f, struct bytes *in, struct bytes *ret);

#endif
