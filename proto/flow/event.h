/* event - a record of a template, read as what it says of a translation. */
#ifndef SPOOR_PROTO_FLOW_EVENT_H
#define SPOOR_PROTO_FLOW_EVENT_H

#include "proto/flow/record.h"
#include "proto/flow/translation.h"

/*
 * False: it says nothing of one: no event that makes or ends a translation, or none of an address.
 * An event of a time that cannot be is one of the export's.
 */
bool event_read(const struct record_context *c, const struct values *v, struct translation *ret);

/* The first and the last of a block of ports that the record tells; false: it tells of none. */
bool event_block(const struct values *v, uint16_t *ret_first, uint16_t *ret_last);

#endif
