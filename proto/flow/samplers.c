#include "proto/flow/samplers.h"

#include "proto/flow/ways.h"

#include <stdbool.h>
#include <stdlib.h>

struct told {
	uint32_t domain, interval; /* 0: nothing */
	bool is_proven;            /* who told it was */
};

struct sampler {
	struct addr exporter;
	uint32_t session, id;
	uint16_t version;
	struct told first, other; /* the latest that was told in another domain */
	uint64_t used;            /* 0: free */
};

struct sampler_table {
	struct ways ways;
	uint64_t records;
	struct sampler samplers[];
};

struct sampler_table *sampler_table_new(size_t samplers_max, uint64_t seed)
{
	struct ways ways = ways_for(samplers_max, seed);
	struct sampler_table *t =
		calloc(1, sizeof(*t) + ways_places(&ways) * sizeof(t->samplers[0]));

	if (t != NULL)
		t->ways = ways;
	return t;
}

void sampler_table_free(struct sampler_table *t)
{
	free(t);
}

static size_t set_of(const struct sampler_table *t, const struct stream *s, uint32_t id)
{
	uint64_t of = (uint64_t)s->key.session << 32 | id;
	uint64_t hash = ways_mix_addr(t->ways.seed, &s->key.from.addr);

	return ways_set(&t->ways, ways_mix(ways_mix(hash, of), s->key.version));
}

static bool is_of(const struct sampler *row, const struct stream *s, uint32_t id)
{
	return row->used > 0 && row->id == id && row->session == s->key.session &&
	       row->version == s->key.version && addr_equal(&row->exporter, &s->key.from.addr);
}

static bool is_proven(const struct sampler *row)
{
	return row->first.is_proven || row->other.is_proven;
}

static bool goes_before(const struct sampler *a, const struct sampler *b)
{
	if (is_proven(a) != is_proven(b))
		return is_proven(b);
	return a->used < b->used;
}

/* NULL: all that could make way are of those who have proved themselves, and this one has not. */
static struct sampler *row_of(struct sampler_table *t, const struct stream *s, uint32_t id)
{
	struct sampler *set = t->samplers + set_of(t, s, id), *oldest = set;

	for (struct sampler *row = set; row < set + WAYS; row++) {
		if (is_of(row, s, id))
			return row;
		if (goes_before(row, oldest))
			oldest = row;
	}
	if (is_proven(oldest) && !stream_is_proven(s))
		return NULL;
	*oldest = (struct sampler){
		.exporter = s->key.from.addr,
		.session = s->key.session,
		.id = id,
		.version = s->key.version,
		.first.domain = s->key.domain,
	};
	return oldest;
}

void samplers_learn(struct sampler_table *t, const struct stream *s, uint32_t id, uint32_t interval)
{
	struct sampler *row = row_of(t, s, id);
	bool is_proven = stream_is_proven(s);
	struct told *told;

	if (row == NULL)
		return;
	told = row->first.domain == s->key.domain ? &row->first : &row->other;
	if (is_proven && !row->first.is_proven)
		told = &row->first;
	if (told->is_proven && !is_proven)
		return;
	*told = (struct told){s->key.domain, interval, is_proven};
	row->used = ++t->records;
}

/* Against one of who has proved himself the other's word, who has not, is nothing. */
static uint32_t agreed(const struct told *first, const struct told *other)
{
	bool is_told = other->interval != 0 && other->is_proven == first->is_proven;

	return is_told && other->interval != first->interval ? 0 : first->interval;
}

uint32_t samplers_find(const struct sampler_table *t, const struct stream *s, uint32_t id)
{
	const struct sampler *set = t->samplers + set_of(t, s, id);

	for (const struct sampler *row = set; row < set + WAYS; row++) {
		if (is_of(row, s, id))
			return agreed(&row->first, &row->other);
	}
	return 0;
}
