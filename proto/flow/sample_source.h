/*
 * sample_source - the places where sFlow agents take samples: an interface each, mostly. Each
 * counts the samples it took, and the packets it would have sampled but could not; from both is
 * known what is missing of it, to the sample.
 *
 * The table is bounded, for all streams together: when a source does not fit, one of its set makes
 * way: one of a stream that has not proved itself, if there is such, else the longest unseen.
 */
#ifndef SPOOR_PROTO_FLOW_SAMPLE_SOURCE_H
#define SPOOR_PROTO_FLOW_SAMPLE_SOURCE_H

#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_table;

/* Of streams of one table, which outlives it. NULL when out of memory. */
struct source_table *source_table_new(size_t sources_max, uint64_t seed);
void source_table_free(struct source_table *t); /* NULL is fine */

struct source_sample { /* what a sample says of its source */
	uint32_t type, index;
	uint32_t sequence; /* counts the source's samples */
	uint32_t drops;    /* packets not sampled for want of resources, since the agent started */
	bool is_late;      /* its datagram came after a later one */
};

/*
 * Accounts for a sample in its stream: samples_lost, and drops. After a stream's restart its
 * sources begin anew.
 */
void source_account(struct source_table *t, struct stream *s, const struct source_sample *sample);

/*
 * The latest sample of each of the stream's sources, of `max` at most; how many. Accounted for by
 * another table, it goes on there.
 */
size_t source_latest(const struct stream *s, struct source_sample *ret, size_t max);

#endif
