#include "proto/flow/sample_source.h"

#include "proto/flow/ways.h"

#include <stdlib.h>

#define WINDOW 64            /* latest samples that are told apart: bits of `seen` */
#define AHEAD_MAX (1u << 24) /* further on, a source began anew */

struct source {
	struct stream *stream;          /* NULL: free */
	struct source *sibling, **link; /* the stream's next one; what points here */
	uint64_t serial; /* that the stream had: with another one it is another's place */
	uint32_t type, index;
	uint32_t next;  /* sequence number expected */
	uint32_t drops; /* as the source said last */
	uint32_t epoch; /* the stream's restarts then */
	uint64_t seen;  /* bit n: the sample n + 1 before `next` came */
	uint64_t used;  /* when, in samples of the table */
};

struct source_table {
	struct ways ways;
	uint64_t samples;
	struct source sources[];
};

struct source_table *source_table_new(size_t sources_max, uint64_t seed)
{
	struct ways ways = ways_for(sources_max, seed);
	struct source_table *t = calloc(1, sizeof(*t) + ways_places(&ways) * sizeof(t->sources[0]));

	if (t != NULL)
		t->ways = ways;
	return t;
}

void source_table_free(struct source_table *t)
{
	free(t);
}

static uint64_t hash(const struct source_table *t, const struct stream *s,
                     const struct source_sample *sample)
{
	uint64_t of = (uint64_t)sample->type << 32 | sample->index;

	return ways_mix(ways_mix(t->ways.seed, s->serial), of);
}

static bool is_held(const struct source *source)
{
	return source->stream != NULL && source->stream->serial == source->serial;
}

static bool goes_before(const struct source *a, const struct source *b)
{
	if (!is_held(a) || !is_held(b))
		return is_held(b);
	if (stream_is_proven(a->stream) != stream_is_proven(b->stream))
		return stream_is_proven(b->stream);
	return a->used < b->used;
}

static void begin(struct source *source, const struct source_sample *sample)
{
	source->next = sample->sequence + 1;
	source->drops = sample->drops;
	source->epoch = (uint32_t)source->stream->restarts;
	source->seen = UINT64_MAX; /* what was before is not missing */
}

/* At once, however many there are: strangers send samples, too. */
static void unlink_source(struct source *source)
{
	*source->link = source->sibling;
	if (source->sibling != NULL)
		source->sibling->link = source->link;
}

static void link_source(struct source *source)
{
	struct stream *s = source->stream;

	source->sibling = s->sources;
	source->link = &s->sources;
	if (source->sibling != NULL)
		source->sibling->link = &source->sibling;
	s->sources = source;
}

static struct source *source_of(struct source_table *t, struct stream *s,
                                const struct source_sample *sample)
{
	struct source *set = t->sources + ways_set(&t->ways, hash(t, s, sample));
	struct source *oldest = set;

	t->samples++;
	for (struct source *at = set; at < set + WAYS; at++) {
		if (at->stream == s && at->serial == s->serial && at->type == sample->type &&
		    at->index == sample->index) {
			at->used = t->samples;
			return at;
		}
		if (goes_before(at, oldest))
			oldest = at;
	}
	if (is_held(oldest))
		unlink_source(oldest);
	*oldest = (struct source){
		.stream = s,
		.serial = s->serial,
		.type = sample->type,
		.index = sample->index,
		.used = t->samples,
	};
	link_source(oldest);
	begin(oldest, sample);
	oldest->next--; /* this sample is the one expected */
	return oldest;
}

/* One that is behind: of the latest it is known whether it came before. */
static void take_late(struct source *source, const struct source_sample *sample)
{
	uint32_t behind = source->next - sample->sequence; /* at least 1 */
	uint64_t bit;

	if (behind > WINDOW) {
		if (!sample->is_late)
			begin(source, sample);
		return;
	}
	bit = UINT64_C(1) << (behind - 1);
	if ((source->seen & bit) != 0)
		return;
	source->seen |= bit;
	source->stream->samples_lost--;
}

void source_account(struct source_table *t, struct stream *s, const struct source_sample *sample)
{
	struct source *source = source_of(t, s, sample);
	uint32_t ahead = sample->sequence - source->next, dropped;

	if (source->epoch != (uint32_t)s->restarts || (ahead > AHEAD_MAX && ahead <= INT32_MAX)) {
		begin(source, sample);
		return;
	}
	if (ahead > INT32_MAX) {
		take_late(source, sample);
		return;
	}
	s->samples_lost += ahead;
	source->seen = ahead + 1 < WINDOW ? source->seen << (ahead + 1) | 1 : 1;
	source->next = sample->sequence + 1;
	dropped = sample->drops - source->drops;
	if (dropped <= INT32_MAX) /* less than before: the source has begun to count anew */
		s->drops += dropped;
	source->drops = sample->drops;
}

size_t source_latest(const struct stream *s, struct source_sample *ret, size_t max)
{
	size_t count = 0;

	for (const struct source *at = s->sources; at != NULL && count < max; at = at->sibling) {
		if (at->epoch != (uint32_t)s->restarts)
			continue; /* it has not begun anew yet */
		ret[count++] = (struct source_sample){
			.type = at->type,
			.index = at->index,
			.sequence = at->next - 1,
			.drops = at->drops,
		};
	}
	return count;
}
