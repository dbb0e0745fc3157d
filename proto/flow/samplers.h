/*
 * samplers - what an exporter says of its samplers, whichever domain it says it in: some tell it in
 * one of their domains alone, and in flows of all the others name the sampler (IOS XE).
 *
 * Of one of which two domains say different things no third is told; to forge an address is cheap,
 * so that against streams that have proved themselves others say nothing. Bounded: the exporter
 * that said nothing for longest makes way, first of those that have not, and says it again.
 */
#ifndef SPOOR_PROTO_FLOW_SAMPLERS_H
#define SPOOR_PROTO_FLOW_SAMPLERS_H

#include "proto/flow/stream.h"

#include <stddef.h>
#include <stdint.h>

struct sampler_table;

/* NULL when out of memory. */
struct sampler_table *sampler_table_new(size_t samplers_max, uint64_t seed);
void sampler_table_free(struct sampler_table *t); /* NULL is fine */

/* The stream's domain says that `id` looks at one packet in `interval`. */
void samplers_learn(struct sampler_table *t, const struct stream *s, uint32_t id,
                    uint32_t interval);

/* What the others of the stream's exporter say of it; 0: nothing, or not the same. */
uint32_t samplers_find(const struct sampler_table *t, const struct stream *s, uint32_t id);

#endif
