/*
 * position - how far an exporter's sequence has come, as octets that outlive the decoder.
 *
 * Kept together with the flows that it speaks of (store_mark()), it lets the next start say what is
 * missing in between: what had come and was not durable yet, and what came to nobody.
 */
#ifndef SPOOR_PROTO_FLOW_POSITION_H
#define SPOOR_PROTO_FLOW_POSITION_H

#include "base/err.h"
#include "proto/flow/datagram.h"
#include "proto/flow/memory.h"

#define POSITION_SOURCES 64 /* of an sFlow agent: of more, those that were heard of last */
#define POSITION_MAX (128 + 16 * POSITION_SOURCES)
#define POSITION_IPFIX_AGE_MS INT64_C(3600000) /* which never says that it has started again */

/* Has the stream a position that can be kept? */
bool position_is_kept(const struct stream *s);

/* The entry under memory_key(s, 0); its length. */
size_t position_pack(const struct stream *s, uint8_t room[POSITION_MAX]);

/* Takes an entry in. ERR_FORMAT: not one of ours; ERR_STALE: too old at `now_ms`. */
MUST_USE enum err position_recall(struct flow_decoder *d, const uint8_t key[MEMORY_KEY],
                                  struct bytes value, int64_t now_ms);

#endif
