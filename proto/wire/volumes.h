/*
 * volumes - what a connection carried one way, record by record, as octets.
 *
 *	way 1 | first start 8 | length, size, step, length, size, ...
 *
 * All but the first two are LEB128.
 *
 * A length is in ms; a step leads from one start to the next. A size is no exact count: to within 1
 * in 1000, as the top ten bits of the octets and their place, so that it names no single file.
 */
#ifndef SPOOR_PROTO_WIRE_VOLUMES_H
#define SPOOR_PROTO_WIRE_VOLUMES_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/volume.h"

#include <stddef.h>
#include <stdint.h>

/* The size of so many octets, and octets of that size: of all that have it, the middle. */
uint64_t volumes_size(uint64_t octets);
uint64_t volumes_octets(uint64_t size);

/* `of` is in order of start; `way` is 0 or 1. */
void volumes_put(struct octets *out, unsigned way, const struct volume *of, size_t count);

/*
 * Reads all of `in`, at most `max` and at least one record: in order of start, none before 1970,
 * none of no octets, within VOLUME_SPAN_MAX_MS. ERR_FORMAT
 */
MUST_USE enum err volumes_get(struct bytes in, unsigned *ret_way, struct volume *of, size_t max,
                              size_t *ret_count);

#endif
