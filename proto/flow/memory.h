/*
 * memory - what a decoder knows of its exporters, as octets that outlive it: templates, and what
 * options said of sampling and of the exporter's start. One entry each, found by its key.
 */
#ifndef SPOOR_PROTO_FLOW_MEMORY_H
#define SPOOR_PROTO_FLOW_MEMORY_H

#include "base/err.h"
#include "proto/flow/datagram.h"

#define MEMORY_KEY 32
#define MEMORY_MAX (16 + TEMPLATE_FIELDS_MAX * 8)
#define MEMORY_AGE_MS (INT64_C(30) * 86400000) /* since it came: older ones are not recalled */

void memory_key(const struct stream *s, uint16_t id, uint8_t ret[MEMORY_KEY]);
struct stream_key memory_key_read(const uint8_t key[MEMORY_KEY], uint16_t *ret_id);

/* The entry of flow_keep_fn's arguments; its length, 0 when it is to be removed. */
size_t memory_pack(const struct stream *s, uint16_t id, const struct template *t,
                   uint8_t room[MEMORY_MAX]);

/*
 * Takes an entry in. ERR_FORMAT: not one of ours; ERR_STALE: too old at `now_ms`; and as
 * template_define().
 */
MUST_USE enum err memory_recall(struct flow_decoder *d, const uint8_t key[MEMORY_KEY],
                                struct bytes value, int64_t now_ms);

#endif
