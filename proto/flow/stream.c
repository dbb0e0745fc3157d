#include "proto/flow/stream.h"

#include "proto/flow/ways.h"

#include <stdlib.h>
#include <string.h>

/* A datagram this far behind is a sequence that began anew, not one that was delayed. */
#define BEHIND_MAX 65536
#define BOOT_SLACK_MS 1000

#define PROVEN_DATAGRAMS 16
#define PROVEN_MS 10000

struct stream_table {
	struct ways ways;
	uint64_t serial;
	void (*forget)(void *ctx, struct stream *s);
	void *ctx;
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

uint64_t stream_lost_flows(const struct stream *s)
{
	if (s->key.version != 9)
		return s->lost;
	return s->datagrams == 0
	               ? 0
	               : (uint64_t)((double)s->lost * (double)s->flows / (double)s->datagrams +
	                            0.5);
}

static bool key_equal(const struct stream_key *a, const struct stream_key *b)
{
	return a->domain == b->domain && a->version == b->version && a->session == b->session &&
	       endpoint_equal(&a->from, &b->from) && addr_equal(&a->agent, &b->agent);
}

void stream_arrive(struct stream *s, uint64_t number, int64_t received_ms)
{
	s->seen_ms = received_ms;
	if (s->arrivals == 0)
		s->first_ms = received_ms;
	if (s->arrivals > 0 && s->arrived == number)
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
	struct stream *set = t->streams + ways_set(&t->ways, hash(t, key, key->from.port));
	struct stream *oldest = set;

	for (struct stream *s = set; s < set + WAYS; s++) {
		if (s->is_used && key_equal(&s->key, key))
			return s;
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
	return oldest;
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

/* In a free place; where there is none, the gap that lies furthest back is forgotten. */
static void remember(struct stream *s, uint32_t start, uint32_t end)
{
	struct stream_gap *place = s->gaps;

	for (struct stream_gap *g = s->gaps; g < s->gaps + STREAM_GAPS; g++) {
		if (g->start == g->end) {
			place = g;
			break;
		}
		if (s->next - g->start > s->next - place->start)
			place = g;
	}
	*place = (struct stream_gap){start, end};
}

/* Takes [start, start + count) out of a remembered gap; false when no gap holds all of it. */
static bool fill(struct stream *s, uint32_t start, uint32_t count)
{
	for (size_t i = 0; i < STREAM_GAPS; i++) {
		struct stream_gap *gap = &s->gaps[i];
		uint32_t room = gap->end - gap->start, skip = start - gap->start;
		uint32_t end = gap->end;

		if (room == 0 || skip >= room || count > room - skip)
			continue;
		gap->end = start;
		if (end != start + count && skip == 0)
			*gap = (struct stream_gap){start + count, end};
		else if (end != start + count)
			remember(s, start + count, end);
		return true;
	}
	return false;
}

static enum sequence restart(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	memset(s->gaps, 0, sizeof(s->gaps));
	s->restarts++;
	s->boot_ms = boot_ms;
	s->next = seq + count;
	return SEQUENCE_RESTART;
}

enum sequence stream_account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	uint32_t ahead = seq - s->next, behind = s->next - seq;

	if (s->datagrams++ == 0)
		ahead = 0;
	if (ahead != 0 && boot_ms > s->boot_ms + BOOT_SLACK_MS)
		return restart(s, seq, count, boot_ms);
	if (ahead <= INT32_MAX) {
		if (ahead != 0)
			remember(s, s->next, seq);
		s->lost += ahead;
		s->boot_ms = boot_ms;
		s->next = seq + count;
		return ahead == 0 ? SEQUENCE_NEXT : SEQUENCE_GAP;
	}
	if (fill(s, seq, count)) {
		s->lost -= count;
		s->late++;
		return SEQUENCE_LATE;
	}
	if (behind > BEHIND_MAX)
		return restart(s, seq, count, boot_ms);
	s->duplicates++;
	return SEQUENCE_DUPLICATE;
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
