/* row - packing values the way people and JSON get them: times RFC 3339, addresses as text. */
#ifndef SPOOR_NODE_ROW_H
#define SPOOR_NODE_ROW_H

#include "base/addr.h"
#include "base/clock.h"
#include "correlate/connection.h"
#include "proto/flow/datagram.h"
#include "proto/flow/flow.h"
#include "proto/flow/group.h"
#include "proto/wire/answer.h"
#include "proto/wire/pack.h"
#include "proto/wire/sign.h"

/* Each writes one key and its value: count them in the map. */
void row_str(struct pack *p, const char *key, const char *value);
void row_uint(struct pack *p, const char *key, uint64_t value);
void row_int(struct pack *p, const char *key, int64_t value);
void row_real(struct pack *p, const char *key, double value);
void row_bool(struct pack *p, const char *key, bool value);
void row_nil(struct pack *p, const char *key);
void row_time(struct pack *p, const char *key, int64_t ms);
void row_addr(struct pack *p, const char *key, const struct addr *a);
void row_endpoint(struct pack *p, const char *key, const struct endpoint *e);
void row_hex(struct pack *p, const char *key, const void *data, size_t len);

/* "10.255.0.4/1", or "10.255.0.4/1-2" where packets come in by one interface and go out another. */
void row_view(struct pack *p, const char *key, const struct view *v);

/* A connection that was compared: its view and ends, when it was, and its score. */
void row_finding(struct pack *p, const struct finding *f);
#define ROW_FINDING_KEYS 8

/* "dropped": a map of counts by reason. */
void row_dropped(struct pack *p, const uint64_t dropped[DROP_COUNT_OF]);

/* A whole map: a flow as `spoor decode` writes it. */
void row_flow(struct pack *p, const struct flow *flow);
#define ROW_FLOW_MAX 640 /* octets it takes at most */

/* A whole map: what a group is, its sums, and their shares of all. */
void row_group(struct pack *p, const struct group_by *by, const struct group_table *t,
               size_t index);
#define ROW_GROUP_MAX 1024

#endif
