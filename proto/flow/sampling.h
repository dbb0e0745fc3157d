/*
 * sampling - of how many packets an exporter looks at one: what its options records say of all of a
 * domain, of a sampler, or of an interface, and what of that holds for a record.
 *
 * Bounded: STREAM_SAMPLERS samplers and interfaces of a stream. Of one for which there was no room,
 * and of a sampler that was never told of, it is not known, which is counted.
 */
#ifndef SPOOR_PROTO_FLOW_SAMPLING_H
#define SPOOR_PROTO_FLOW_SAMPLING_H

#include "proto/flow/element.h"
#include "proto/flow/samplers.h"
#include "proto/flow/stream.h"

#include <stdint.h>

/* Takes what an options record says; nothing, if it says nothing of sampling. */
void sampling_learn(struct sampler_table *t, struct stream *s, const struct values *v);

/*
 * Of the record: what it says itself, else its sampler's, as its domain says or another of the
 * exporter's, its interface's, its domain's. 1: nothing was told; then `*unknown` is counted up if
 * the record names who should have been.
 */
uint32_t sampling_of(const struct sampler_table *t, const struct stream *s, const struct values *v,
                     uint64_t *unknown);

#endif
