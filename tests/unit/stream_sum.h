/* stream_sum - what a decoder has counted of all its streams, for tests. */
#ifndef SPOOR_TESTS_UNIT_STREAM_SUM_H
#define SPOOR_TESTS_UNIT_STREAM_SUM_H

#include "proto/flow/datagram.h"

struct sum {
	uint64_t streams, flows, lost, late, duplicates, restarts;
};

/* A port that is another's stream is none of its own. */
static inline void add_stream(void *ctx, const struct stream *s)
{
	struct sum *sum = ctx;

	sum->streams += s->leader == NULL;
	sum->flows += s->flows;
	sum->lost += s->lost;
	sum->late += s->late;
	sum->duplicates += s->duplicates;
	sum->restarts += s->restarts;
}

static inline struct sum sum_of(const struct flow_decoder *d)
{
	struct sum sum = {0};

	stream_each(d->streams, add_stream, &sum);
	return sum;
}

#endif
