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
	bool *is_used;       /* of each place: beside them, since most are empty, and far apart */
	struct stream streams[];
};

struct stream_table *stream_table_new(size_t streams_max, uint64_t seed,
                                      void (*forget)(void *ctx, struct stream *s), void *ctx)
{
	struct ways ways = ways_for(streams_max, seed);
	struct stream_table *t = calloc(1, sizeof(*t) + ways_places(&ways) * sizeof(t->streams[0]));

	if (t == NULL)
		return NULL;
	t->ways = ways;
	t->kin = calloc(ways_places(&ways), sizeof(*t->kin));
	t->is_used = calloc(ways_places(&ways), sizeof(*t->is_used));
	if (t->kin == NULL || t->is_used == NULL) {
		stream_table_free(t);
		return NULL;
	}
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

static bool *use_of(const struct stream_table *t, const struct stream *s)
{
	return &t->is_used[s - t->streams];
}

static void forget(const struct stream_table *t, struct stream *s)
{
	if (t->forget != NULL)
		t->forget(t->ctx, s);
	unlink_kin(t, s);
	*use_of(t, s) = false;
}

void stream_table_free(struct stream_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; t->is_used != NULL && i < ways_places(&t->ways); i++) {
		if (t->is_used[i])
			forget(t, &t->streams[i]);
	}
	free(t->is_used);
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

/* Of two that are used. */
static bool goes_before(const struct stream *a, const struct stream *b)
{
	if ((a->leader == NULL) != (b->leader == NULL))
		return a->leader != NULL; /* nothing is lost with it */
	if (stream_is_proven(a) != stream_is_proven(b))
		return stream_is_proven(b);
	return a->seen_ms < b->seen_ms;
}

struct stream *stream_of(struct stream_table *t, const struct stream_key *key)
{
	struct stream *set, *place;

	if (t->last != NULL && *use_of(t, t->last) && key_equal(&t->last->key, key))
		return t->last;
	set = place = t->streams + ways_set(&t->ways, hash(t, key, key->from.port));
	for (struct stream *s = set; s < set + WAYS; s++) {
		if (*use_of(t, s) && key_equal(&s->key, key))
			return t->last = s;
		if (*use_of(t, place) && (!*use_of(t, s) || goes_before(s, place)))
			place = s;
	}
	if (*use_of(t, place))
		forget(t, place);
	memset(place, 0, sizeof(*place));
	place->key = *key;
	*use_of(t, place) = true;
	place->serial = ++t->serial;
	place->next_kin = *kin_list(t, key);
	*kin_list(t, key) = place;
	return t->last = place;
}

void stream_forget_session(struct stream_table *t, uint32_t session)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->is_used[i] && t->streams[i].key.session == session)
			forget(t, &t->streams[i]);
	}
}

struct stream *stream_spare(struct stream_table *t, const struct stream *but)
{
	struct stream *worst = NULL;

	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		struct stream *s = &t->streams[i];

		if (t->is_used[i] && s != but && s->templates != NULL &&
		    (worst == NULL || goes_before(s, worst)))
			worst = s;
	}
	return worst;
}

void stream_each(const struct stream_table *t, stream_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->is_used[i])
			fn(ctx, &t->streams[i]);
	}
}

void stream_each_mutable(struct stream_table *t, void (*fn)(void *ctx, struct stream *s), void *ctx)
{
	for (size_t i = 0; i < ways_places(&t->ways); i++) {
		if (t->is_used[i])
			fn(ctx, &t->streams[i]);
	}
}
