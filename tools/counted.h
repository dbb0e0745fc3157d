/*
 * counted - what an sFlow agent counts (sFlow version 5, section 5.3), and what it tells of packets
 * that were discarded (sFlow Dropped Packet Notification Structures), as JSON:
 *
 *	{"counters":{"ifIndex":3,"ifInOctets":3910,...},"source_type":0,"source_index":3,
 *	 "sequence":2,"exporter":"192.0.2.1","agent":"192.0.2.1","domain":0,"version":5,
 *	 "format":"sflow","received":"..."}
 *
 * Members are named as the standard names them, of the counters of interfaces and Ethernet; others
 * are named "enterprise:format", and are their octets. Of a notice the member is "discarded".
 */
#ifndef SPOOR_TOOLS_COUNTED_H
#define SPOOR_TOOLS_COUNTED_H

#include "proto/flow/datagram.h"

#include <jansson.h>

/* `type` is the sample's. NULL: it is of another kind, or out of memory. */
json_t *counted_of(const struct flow_origin *origin, const struct stream *s, uint32_t type,
                   struct bytes sample);

#endif
