/*
 * repeat - a datagram that a network doubled, by its octets: no number alone says that it is one.
 *
 * Of each of the latest STREAM_REPEATS a digest is kept, of its length, head and tail: headers have
 * a number and a time, and no two are the same. Where numbers do not go on two might be; then
 * another of all octets is kept beside it.
 */
#ifndef SPOOR_PROTO_FLOW_REPEAT_H
#define SPOOR_PROTO_FLOW_REPEAT_H

#include "base/bytes.h"
#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stdint.h>

uint64_t repeat_digest(struct bytes message, bool is_whole);

/*
 * Has it come before? Else it is remembered. `is_next`: its number is the one expected, and none
 * of those before can have it; it is not looked for then.
 */
bool repeat_check(struct stream *s, struct bytes message, bool is_next);

#endif
