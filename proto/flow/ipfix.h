/*
 * ipfix - IPFIX messages (RFC 7011, section 3).
 *
 *	 0    2        4             8          12       16
 *	 +----+--------+-------------+----------+--------+
 *	 | 10 | length | export time | sequence | domain | sets ...
 *	 +----+--------+-------------+----------+--------+
 *
 * The sequence counts records of data that were sent before this message. Several messages may
 * stand in one datagram.
 */
#ifndef SPOOR_PROTO_FLOW_IPFIX_H
#define SPOOR_PROTO_FLOW_IPFIX_H

#include "base/bytes.h"
#include "proto/flow/datagram.h"

/* Decodes the first message of what is left, and moves behind it; see flow_decode(). */
enum drop ipfix_decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *data,
                       struct flow_batch *out);

#endif
