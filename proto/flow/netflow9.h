/*
 * netflow9 - NetFlow version 9 messages (RFC 3954).
 *
 *	 0   2       4        8           12         16          20
 *	 +---+-------+--------+-----------+----------+-----------+
 *	 | 9 | count | uptime | unix secs | sequence | source id | sets ...
 *	 +---+-------+--------+-----------+----------+-----------+
 *
 * The export time is cut to whole seconds, and uptime is not: of what headers say of the exporter's
 * start, the latest is the least wrong. By it records have their times within milliseconds.
 *
 * The sequence counts datagrams. `count` is not relied on: some count records, some sets.
 */
#ifndef SPOOR_PROTO_FLOW_NETFLOW9_H
#define SPOOR_PROTO_FLOW_NETFLOW9_H

#include "base/bytes.h"
#include "proto/flow/datagram.h"

/* Decodes what is left of a datagram, and moves behind it; see flow_decode(). */
enum drop netflow9_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out);

#endif
