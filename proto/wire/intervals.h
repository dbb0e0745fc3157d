/*
 * intervals - a fingerprint's ON intervals as octets.
 *
 *	first start 8 | length, silence, length, ...      ms; all but the first as LEB128
 */
#ifndef SPOOR_PROTO_WIRE_INTERVALS_H
#define SPOOR_PROTO_WIRE_INTERVALS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/interval.h"

#include <stddef.h>
#include <stdint.h>

#define INTERVALS_SPAN_MAX_MS (UINT64_C(400) * 86400000) /* from the first instant to the last */

/* `on` is in order and disjoint. */
void intervals_put(struct octets *out, const struct interval *on, size_t count);

/*
 * Reads all of `in`, at most `max` and at least one: ordered, disjoint, each silence above
 * `gap_ms`. ERR_FORMAT
 */
MUST_USE enum err intervals_get(struct bytes in, int64_t gap_ms, struct interval *on, size_t max,
                                size_t *ret_count);

#endif
