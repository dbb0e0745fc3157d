/*
 * netflow5 - NetFlow version 5 datagrams.
 *
 *	 0   2       4        8           12           16              20     21   22         24
 *	 +---+-------+--------+-----------+------------+---------------+------+----+----------+
 *	 | 5 | count | uptime | unix secs | unix nsecs | flow sequence | type | id | sampling |
 *	 +---+-------+--------+-----------+------------+---------------+------+----+----------+
 *	 | count records of 48 octets ...
 *
 * (Cisco, NetFlow Export Datagram Formats, table B-3 and B-4.) Record times are the exporter's
 * uptime; the header ties uptime to the wall clock. The difference is signed: a record may end
 * a little after the header was stamped, and uptime wraps every 49.7 days.
 */
#ifndef SPOOR_PROTO_FLOW_NETFLOW5_H
#define SPOOR_PROTO_FLOW_NETFLOW5_H

#include "base/bytes.h"
#include "proto/flow/datagram.h"

/* Decodes what is left of a datagram, and moves behind it; see flow_decode(). */
enum drop netflow5_decode(struct flow_decoder *d, const struct flow_origin *origin,
                          struct bytes *data, struct flow_batch *out);

#endif
