/*
 * The table is made of buckets of five, a pair of cache lines each. Most records are of connections
 * without any silence, so what counts is how many lines are fetched for one, and that they are on
 * their way before they are needed.
 */
#include "correlate/gaps.h"

#include "base/interval.h"
#include "base/util.h"

#include <string.h>

#define WAYS 5
#define LINE 64
#define BUCKET_LEN ((size_t)2 * LINE)
#define MIX_1 UINT64_C(0x9e3779b97f4a7c15)
#define MIX_2 UINT64_C(0xbf58476d1ce4e5b9)

#define AGE_SHIFT 11 /* ages count 2048 ms, */
#define AGE_LOW ((1 << AGE_SHIFT) - 1)
#define AT_MAX (INT64_C(1) << (31 + AGE_SHIFT)) /* and leave a bit: */
#define IS_CLOSED 1u
#define CLOSED_AGES (GAPS_LATE_MS >> AGE_SHIFT << 1) /* who said good-bye counts as older */

/* What `before` says when it is not the length of the interval before. */
#define BEFORE_NONE UINT32_MAX       /* the last interval is the first */
#define BEFORE_LOST (UINT32_MAX - 1) /* there was one */
#define LENGTH_MAX (UINT32_MAX - 2)

struct entry {
	uint32_t low;    /* bits of the last interval's end that its age has not */
	uint32_t on;     /* length of the last interval, */
	uint32_t off;    /* of the silence before it, */
	uint32_t before; /* and of the interval before that */
};

struct bucket {
	uint32_t tags[WAYS];
	uint32_t ages[WAYS]; /* 0: free */
	struct entry entries[WAYS];
	uint64_t unused;
};

_Static_assert(sizeof(struct bucket) == BUCKET_LEN, "a bucket is two lines");
_Static_assert(BUCKET_LEN / WAYS < GAPS_OCTETS, "GAPS_OCTETS");

struct noted { /* of a record */
	struct interval on;
	uint64_t key;
	uint32_t connection;
	bool is_closing;
};

#define LENGTHS 176 /* of silences, four to a doubling */

struct lately {                     /* since it was judged last whether much is missed */
	uint32_t silences[LENGTHS]; /* that were seen */
	uint32_t forgotten, young;
	int64_t ages_ms; /* of those forgotten, their sum */
};

struct gaps {
	struct lately lately;
	struct noted noted[GAPS_RUN];
	size_t noted_count;
	uint32_t bucket_count;
	int64_t gap_ms;
	struct gaps_stats stats;
	_Alignas(BUCKET_LEN) struct bucket buckets[]; /* bucket_count */
};

static size_t buckets_for(size_t connections)
{
	return MAX((connections + WAYS - 1) / WAYS, (size_t)1);
}

size_t gaps_octets(size_t connections)
{
	return sizeof(struct gaps) + buckets_for(connections) * BUCKET_LEN;
}

struct gaps *gaps_new(void *room, size_t connections, int64_t gap_ms)
{
	struct gaps *g = room;

	CHECK(buckets_for(connections) <= UINT32_MAX);
	g->bucket_count = (uint32_t)buckets_for(connections);
	g->gap_ms = MAX(gap_ms, 0);
	return g;
}

struct gaps_stats gaps_stats(const struct gaps *g)
{
	return g->stats;
}

static uint64_t word_of(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Of a connection at a view; both directions alike. */
static uint64_t key_of(const struct flow *f, uint64_t connection)
{
	uint64_t ifs = (uint64_t)MIN(f->in_if, f->out_if) << 32 | MAX(f->in_if, f->out_if);
	uint64_t view = (word_of(f->exporter.octets + 8) ^ ifs * MIX_2) * MIX_1 +
	                word_of(f->exporter.octets);
	uint64_t key = (connection ^ view ^ view >> 29) * MIX_2;

	return key ^ key >> 32;
}

/* --- one connection --- */

struct state {
	int64_t start_ms, end_ms;               /* the last interval */
	int64_t before_start_ms, before_end_ms; /* if has_before */
	bool has_before, is_first;
};

static struct state unpack(uint32_t age, const struct entry *e)
{
	struct state s = {.is_first = e->before == BEFORE_NONE};

	s.end_ms = (int64_t)(age >> 1) << AGE_SHIFT | e->low;
	s.start_ms = s.end_ms - e->on;
	s.has_before = e->before <= LENGTH_MAX;
	s.before_end_ms = s.start_ms - e->off;
	s.before_start_ms = s.before_end_ms - e->before;
	return s;
}

static uint32_t length(int64_t from_ms, int64_t to_ms)
{
	return (uint32_t)MIN(to_ms - from_ms, (int64_t)LENGTH_MAX);
}

static void pack(const struct state *s, uint32_t *age, struct entry *e)
{
	*age = (uint32_t)(s->end_ms >> AGE_SHIFT) << 1 | (*age & IS_CLOSED);
	e->low = (uint32_t)(s->end_ms & AGE_LOW);
	e->on = length(s->start_ms, s->end_ms);
	e->off = 0;
	e->before = s->is_first ? BEFORE_NONE : BEFORE_LOST;
	if (s->has_before && s->start_ms - s->before_end_ms <= (int64_t)LENGTH_MAX) {
		e->off = length(s->before_end_ms, s->start_ms);
		e->before = length(s->before_start_ms, s->before_end_ms);
	}
}

struct sink {
	struct edge *at;
	uint32_t connection;
};

static void give(struct sink *to, int64_t at_ms, bool is_back)
{
	*to->at++ = (struct edge){.at_ms = at_ms, .connection = to->connection, .is_back = is_back};
}

/* A record that begins before the last interval and meets it. */
static void reach_back(struct state *s, struct interval r, int64_t gap_ms, struct sink *to)
{
	if (s->has_before && r.start_ms - s->before_end_ms <= gap_ms) { /* there was no silence */
		s->start_ms = s->before_start_ms;
		s->has_before = false;
		s->is_first = false;
		if (r.start_ms >= s->start_ms)
			return;
	}
	s->start_ms = r.start_ms;
	if (!s->is_first)
		give(to, r.start_ms, true);
}

/* A record that ends before the last interval, with a silence between. */
static void fill_in(struct state *s, struct interval r, int64_t gap_ms, struct sink *to)
{
	if (!s->has_before) {
		give(to, r.end_ms, false);
		give(to, s->start_ms, true);
		if (!s->is_first)
			give(to, r.start_ms, true);
	} else if (s->before_start_ms - r.end_ms > gap_ms) { /* older than all we know */
		give(to, r.start_ms, true);
		give(to, r.end_ms, false);
		give(to, s->before_start_ms, true);
		return;
	} else if (r.start_ms - s->before_end_ms > gap_ms) {
		give(to, r.start_ms, true);
		give(to, r.end_ms, false);
	} else {
		if (r.end_ms > s->before_end_ms)
			give(to, r.end_ms, false);
		if (r.start_ms < s->before_start_ms)
			give(to, r.start_ms, true);
		s->before_start_ms = MIN(s->before_start_ms, r.start_ms);
		s->before_end_ms = MAX(s->before_end_ms, r.end_ms);
		return;
	}
	s->before_start_ms = r.start_ms;
	s->before_end_ms = r.end_ms;
	s->has_before = true;
	s->is_first = false;
}

static void come_back(struct state *s, struct interval r, struct sink *to)
{
	give(to, s->end_ms, false);
	give(to, r.start_ms, true);
	*s = (struct state){.start_ms = r.start_ms,
	                    .end_ms = r.end_ms,
	                    .before_start_ms = s->start_ms,
	                    .before_end_ms = s->end_ms,
	                    .has_before = true};
}

static void take(struct state *s, struct interval r, int64_t gap_ms, struct sink *to)
{
	if (r.start_ms - s->end_ms > gap_ms) {
		come_back(s, r, to);
	} else if (s->start_ms - r.end_ms > gap_ms) {
		fill_in(s, r, gap_ms, to);
	} else {
		if (r.start_ms < s->start_ms)
			reach_back(s, r, gap_ms, to);
		s->end_ms = MAX(s->end_ms, r.end_ms);
	}
}

/* --- what is missed --- */

static size_t length_of(int64_t ms)
{
	uint64_t least = (uint64_t)MAX(ms, (int64_t)4);
	unsigned top = 63 - (unsigned)__builtin_clzll(least);

	return MIN(4 * top + (least >> (top - 2) & 3), (size_t)LENGTHS - 1);
}

/* More than one silence of GAPS_LACK; or most are forgotten before they could be silent. */
static bool is_much_missed(const struct lately *l)
{
	size_t near = length_of(l->ages_ms / l->forgotten / 2);
	uint64_t seen = 0, late = 0, missed;

	for (size_t i = 0; i < LENGTHS; i++) {
		seen += l->silences[i];
		late += i > near ? l->silences[i] : 0;
	}
	missed = MIN(late, l->forgotten);
	return missed * GAPS_LACK > seen + missed || l->young * 2 > l->forgotten;
}

/* A connection that could have gone on, last active so long ago. */
static void note_forgotten(struct gaps *g, int64_t age_ms)
{
	struct lately *l = &g->lately;

	if (age_ms >= GAPS_LATE_MS)
		return;
	g->stats.forgotten++;
	l->ages_ms += MAX(age_ms, (int64_t)0);
	l->young += age_ms < 2 * g->gap_ms;
	if (++l->forgotten < GAPS_FORGOTTEN)
		return;
	g->stats.lacks += is_much_missed(l);
	*l = (struct lately){.forgotten = 0};
}

/* --- the table --- */

/* By the bits that are not in the tag; their part of 2^32 is the bucket's of all. */
static struct bucket *bucket_of(struct gaps *g, uint64_t key)
{
	return &g->buckets[(key & UINT32_MAX) * g->bucket_count >> 32];
}

static int find(const struct bucket *b, uint32_t tag)
{
	for (int i = 0; i < WAYS; i++) {
		if (b->tags[i] == tag && b->ages[i] != 0)
			return i;
	}
	return -1;
}

/* A free place, or whose connection is the first to forget. */
static int choose(struct gaps *g, const struct bucket *b, int64_t now_ms)
{
	int64_t least = INT64_MAX;
	int ret = 0;

	for (int i = 0; i < WAYS; i++) {
		int64_t rank = (int64_t)b->ages[i] -
		               (int64_t)(b->ages[i] & IS_CLOSED) * (int64_t)CLOSED_AGES;

		if (rank < least) {
			least = rank;
			ret = i;
		}
	}
	if (b->ages[ret] != 0 && (b->ages[ret] & IS_CLOSED) == 0)
		note_forgotten(g, now_ms - ((int64_t)(b->ages[ret] >> 1) << AGE_SHIFT));
	return ret;
}

static bool is_fit(struct interval r)
{
	return r.start_ms > AGE_LOW && r.end_ms < AT_MAX && r.start_ms <= r.end_ms;
}

bool gaps_note(struct gaps *g, const struct flow *f, uint64_t connection)
{
	struct interval on = {f->start_ms, f->end_ms};
	struct noted *n = &g->noted[g->noted_count];
	const char *bucket;

	CHECK(g->noted_count < GAPS_RUN);
	if (!is_fit(on)) {
		g->stats.unfit++;
		return false;
	}
	*n = (struct noted){.on = on,
	                    .key = key_of(f, connection),
	                    .connection = (uint32_t)(connection >> 32),
	                    .is_closing = (f->tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_RST)) != 0};
	bucket = (const char *)bucket_of(g, n->key);
	for (size_t line = 0; line < BUCKET_LEN; line += LINE)
		__builtin_prefetch(bucket + line, 1);
	return ++g->noted_count == GAPS_RUN;
}

static void take_one(struct gaps *g, const struct noted *n, struct sink *to)
{
	struct bucket *b = bucket_of(g, n->key);
	uint32_t tag = (uint32_t)(n->key >> 32);
	struct state s;
	int i = find(b, tag);

	if (i >= 0) {
		s = unpack(b->ages[i], &b->entries[i]);
		if (n->on.start_ms - s.end_ms > g->gap_ms)
			g->lately.silences[length_of(n->on.start_ms - s.end_ms)]++;
		take(&s, n->on, g->gap_ms, to);
	} else {
		i = choose(g, b, n->on.end_ms);
		b->tags[i] = tag;
		b->ages[i] = 0;
		s = (struct state){
			.start_ms = n->on.start_ms, .end_ms = n->on.end_ms, .is_first = true};
	}
	if (n->is_closing)
		b->ages[i] |= IS_CLOSED;
	pack(&s, &b->ages[i], &b->entries[i]);
}

size_t gaps_take(struct gaps *g, struct edge ret[GAPS_EDGES])
{
	struct sink to = {.at = ret};
	size_t given;

	for (size_t i = 0; i < g->noted_count; i++) {
		to.connection = g->noted[i].connection;
		take_one(g, &g->noted[i], &to);
	}
	g->noted_count = 0;
	given = (size_t)(to.at - ret);
	g->stats.edges += given;
	return given;
}
