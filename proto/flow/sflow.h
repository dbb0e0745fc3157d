/*
 * sflow - sFlow version 5 datagrams (sFlow.org, sFlow Version 5, July 2004).
 *
 *	 0   4              8         12 (or 24)   +4         +8       +12       +16
 *	 +---+--------------+---------+------------+----------+--------+---------+
 *	 | 5 | address type | agent   | sub-agent  | sequence | uptime | samples | samples ...
 *	 +---+--------------+---------+------------+----------+--------+---------+
 *
 * A sampled packet becomes a flow of one packet, of as many octets as its frame had on the wire. It
 * has no time but that of its arrival: sFlow has no clock. Its VLANs, labels and translation are
 * what the records beside it say, else its own header. The exporter is who sent the datagram, as
 *for every other format: the agent's address is only said by it. The domain is the sub-agent's
 *number.
 *
 * The sequence counts datagrams; what is missing of each source's samples: sample_source.h. Counter
 * samples, and packets that are not IP, are passed over and counted.
 */
#ifndef SPOOR_PROTO_FLOW_SFLOW_H
#define SPOOR_PROTO_FLOW_SFLOW_H

#include "base/bytes.h"
#include "proto/flow/datagram.h"

/* Decodes what is left of a datagram, and moves behind it; see flow_decode(). */
enum drop sflow_decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes *data,
                       struct flow_batch *out);

#endif
