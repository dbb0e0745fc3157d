/*
 * told - what an exporter tells of itself: an options record of NetFlow v9 or IPFIX, as JSON.
 *
 *	{"options":{"samplingInterval":100},"scope":{"interface":3},"exporter":"192.0.2.1",
 *	 "domain":0,"version":9,"received":"..."}
 *
 * Elements are named as IANA names them; one that has no name here is "enterprise:id", its value
 * its octets. Of an element that comes twice the first stands.
 */
#ifndef SPOOR_TOOLS_TOLD_H
#define SPOOR_TOOLS_TOLD_H

#include "proto/flow/datagram.h"

#include <jansson.h>

/* `record` is whole, and laid out as `t` says. NULL when out of memory. */
json_t *told_of(const struct flow_origin *origin, const struct stream *s, const struct template *t,
                struct bytes record);

#endif
