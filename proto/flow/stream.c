#include "proto/flow/stream.h"

#include "proto/flow/ways.h"

#include <stdlib.h>
#include <string.h>

#define PROVEN_DATAGRAMS 16
#define PROVEN_MS 10000

struct stream_table {
	struct ways ways;
	uint64_t serial;
	void (*forget)(void *ctx, struct stream *s);
	void *ctx;
	struct stream *last; /* asked for; NULL: none. Datagrams of one exporter come together */
	struct stream **kin; /* a list for each hash of a key without its port */
	struct stream streams[];
};

struct stream_table *stream_table_new(size_t streams_max, uint64_t seed,
                                      void (*forget)(void *ctx, struct stream *s), void *ctx)
{
	struct ways ways = ways_for(streams_max, seed);
	struct stream_table *t = calloc(1, sizeof(*t) + ways_places(&ways) * sizeof(t->streams[0]));

	if (t == NULL)
		return NULL;
	t->kin = calloc(ways_places(&ways), sizeof(*t->kin));
	if (t->kin == NULL) {
		free(t);
		return NULL;
	}
	t->ways = ways;
	t->forget = forget;
	t->ctx = ctx;
	return t;
}

static uint64_t hash(const struct stream_table *t, const struct stream_key *key, uint16_t port)
{
	uint64_t tail = (uint64_t)key->domain << 32 | (uint64_t)key->version << 16 | port;
	uint64_t h = ways_mix_addr(t->ways.seed, &key->from.addr);

	h = ways_mix_addr(h, &key->agent);
	return ways_mix(ways_mix(h, tail), key->session);
}

static struct stream **kin_list(const struct stream_table *t, const struct stream_key *key)
{
	return &t->kin[hash(t, key, 0) & (ways_places(&t->ways) - 1)];
}

static void unlink_kin(const struct stream_table *t, const struct stream *s)
{
	struct stream **link = kin_list(t, &s->key);

	for (struct stream *r = *link; r != NULL; r = r->next_kin) {
		if (r->leader == s)
			r->leader = NULL;
	}
	while (*link != s)
		link = &(*link)->next_kin;
	*link = s->next_kin;
}

static void forget(const struct stream_table *t, struct stream *s)
{
	if (!s->is_used)
		return;
	if (t->forget != NULL)
		t->forget(t->ctx, s);
	unlink_kin(t, s);
	s->is_used = false;
}

void stream_table_free(struct stream_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < ways_places(&t->ways); i++)
		forget(t, &t->streams[i]);
	free(t->kin);
	free(t);
}

struct stream *stream_kin(const struct stream_table *t, const struct stream_key *key)
{
	return *kin_list(t, key);
}

bool stream_is_kin(const struct stream *a, const struct stream *b)
{
	return a->key.domain == b->key.domain && a->key.version == b->key.version &&
	       a->key.session == b->key.session && addr_equal(&a->key.from.addr, &b->key.from.addr);
}

static bool key_equal(const struct stream_key *a, const struct stream_key *b)
{
	return a->domain == b->domain && a->version == b->version && a->session == b->session &&
	       endpoint_equal(&a->from, &b->from) && addr_equal(&a->agent, &b->agent);
}

void stream_arrive(struct stream *s, uint64_t number, int64_t received_ms)
{
	bool is_same = s->arrivals > 0 && s->arrived == number;

	if (s->arrivals == 0) {
		s->first_ms = received_ms;
		s->counted_ms = s->is_recalled ? s->seen_ms : received_ms;
	}
	s->seen_ms = received_ms;
	if (is_same)
		return; /* of one datagram with many messages */
	s->arrivals++;
	s->arrived = number;
}

bool stream_is_proven(const struct stream *s)
{
	return s->is_recalled || s->is_connected ||
	       (s->arrivals >= PROVEN_DATAGRAMS && s->seen_ms - s->first_ms >= PROVEN_MS);
}

static bool goes_before(const struct stream *a, const struct stream *b)
{
	if (!a->is_used || !b->is_used)
		return b->is_used;
	if ((a->leader == NULL) != (b->leader == NULL))
		return a->leader != NULL; /* nothing is lost with it */
	if (stream_is_proven(a) != stream_is_proven(b))
		return stream_is_proven(b);
	return a->seen_ms < b->seen_ms;
}

struct stream *stream_of(struct stream_table *t, const struct stream_key *key)
{
	struct stream *set, *oldest;

	if (t->last != NULL && t->last->is_used && key_equal(&t->last->key, key))
		return t->last;
	set = oldest = t->streams + ways_set(&t->ways, hash(t, key, key->from.port));
	for (struct stream *s = set; s < set + WAYS; s++) {
		if (s->is_used && key_equal(&s->key, key))
			return t->last = s;
		if (goes_before(s, oldest))
			oldest = s;
	}
	forget(t, oldest);
	memset(oldest, 0, sizeof(*oldest));
	oldest->key = *key;
	oldest->is_used = true;
	oldest->serial = ++t->serial;
	oldest->next_kin = *kin_list(t, key);
	*kin_list(t, key) = oldest;
	return t->last = oldest;
}

void stream_forget_session(struct stream_table *t, uint32_t session)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->streams[i].key.session == session)
			forget(t, &t->streams[i]);
	}
}

struct stream *stream_spare(struct stream_table *t, const struct stream *but)
{
	struct stream *worst = NULL;

	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		struct stream *s = &t->streams[i];

		if (s->is_used && s != but && s->templates != NULL &&
		    (worst == NULL || goes_before(s, worst)))
			worst = s;
	}
	return worst;
}

void stream_each(const struct stream_table *t, stream_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->streams[i].is_used)
			fn(ctx, &t->streams[i]);
	}
}

void stream_each_mutable(struct stream_table *t, void (*fn)(void *ctx, struct stream *s), void *ctx)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->streams[i].is_used)
			fn(ctx, &t->streams[i]);
	}
}
