/*
 * A vote is a word: hash, and lag in quarters of a second, nearly. Most connections have one or two
 * by chance. So first votes are only counted, in a table by some bits of the hash; what is left
 * where there are enough is sorted, and looked at by lag.
 */
#include "correlate/votes.h"

#include "base/util.h"
#include "correlate/span.h"

#include <stdlib.h>
#include <string.h>

#define BIN_SHIFT 8
#define BIN_MS (1 << BIN_SHIFT)
#define BINS 256
#define ROUND_MAX_MS 100
#define BINS_A_VOTE                               \
	((VOTES_LAG_MS + ROUND_MAX_MS) / BIN_MS + \
	 2) /* however the two seconds lie, and are rounded */
#define BIN_BITS (32 - VOTES_BITS)
#define SLOT_BITS_MIN 12
#define COUNT_MAX UINT8_MAX
#define PASS_BITS 11
#define PASS_MASK ((1u << PASS_BITS) - 1)

_Static_assert((2 * VOTES_REACH_MAX_MS + ROUND_MAX_MS) / BIN_MS < BINS, "lags have bins");

struct target_edges {
	int64_t at_ms[VOTES_SILENCES_MAX]; /* ascending */
	size_t near;                       /* where the last one looked for was */
};

struct votes {
	struct target_edges edges[2]; /* by is_back */
	size_t silences;
	int64_t reach_ms, round_ms;
	uint32_t *votes, *spare; /* each as large as `room` */
	size_t count, room;
	uint8_t *slots; /* slot_bits_for(room) */
	bool is_full;
};

/* Twice as many slots as votes, if there are that many hashes. */
static unsigned slot_bits_for(size_t votes)
{
	unsigned bits = SLOT_BITS_MIN;

	while (bits < VOTES_BITS && (size_t)1 << bits < 2 * votes)
		bits++;
	return bits;
}

struct votes *votes_new(size_t votes)
{
	struct votes *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->votes = malloc(MAX(votes, 1) * sizeof(*v->votes));
	v->spare = malloc(MAX(votes, 1) * sizeof(*v->spare));
	v->slots = malloc((size_t)1 << slot_bits_for(votes));
	v->room = votes;
	if (v->votes == NULL || v->spare == NULL || v->slots == NULL) {
		votes_free(v);
		return NULL;
	}
	return v;
}

void votes_free(struct votes *v)
{
	if (v == NULL)
		return;
	free(v->votes);
	free(v->spare);
	free(v->slots);
	free(v);
}

/* So that what is added to it overflows nowhere. */
static int64_t sane(int64_t at_ms)
{
	return MAX(INT64_MIN / 4, MIN(at_ms, INT64_MAX / 4));
}

size_t votes_begin(struct votes *v, const struct fingerprint *target, int64_t gap_ms,
                   int64_t reach_ms, int64_t round_ms)
{
	int64_t wide_ms =
		fingerprint_fit(target->on, target->count, gap_ms, VOTES_SILENCES_MAX + 1);
	int64_t end_ms = target->on[0].end_ms;

	v->silences = v->count = 0;
	v->edges[0].near = v->edges[1].near = 0;
	v->reach_ms = MIN(MAX(reach_ms, 0), VOTES_REACH_MAX_MS);
	v->round_ms = MIN(MAX(round_ms, 0), ROUND_MAX_MS);
	v->is_full = false;
	for (size_t i = 1; i < target->count; i++) {
		if (span_ms(end_ms, target->on[i].start_ms) > wide_ms) {
			v->edges[0].at_ms[v->silences] = sane(end_ms);
			v->edges[1].at_ms[v->silences++] = sane(target->on[i].start_ms);
		}
		end_ms = MAX(end_ms, target->on[i].end_ms);
	}
	return v->silences;
}

size_t votes_windows(const struct votes *v, bool is_back, struct interval ret[VOTES_SILENCES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < v->silences; i++) {
		int64_t at_ms = v->edges[is_back].at_ms[i];
		struct interval w = {at_ms - v->reach_ms - v->round_ms, at_ms + v->reach_ms};

		if (count > 0 && ret[count - 1].end_ms >= w.start_ms)
			ret[count - 1].end_ms = w.end_ms;
		else
			ret[count++] = w;
	}
	return count;
}

static void vote(struct votes *v, const struct edge *e)
{
	struct target_edges *t = &v->edges[e->is_back];
	int64_t from_ms = e->at_ms - v->reach_ms, to_ms = e->at_ms + v->reach_ms + v->round_ms;
	size_t near = t->near;

	while (near > 0 && t->at_ms[near - 1] >= from_ms)
		near--;
	while (near < v->silences && t->at_ms[near] < from_ms)
		near++;
	t->near = near;
	for (; near < v->silences && t->at_ms[near] <= to_ms; near++) {
		uint32_t bin = (uint32_t)((to_ms - t->at_ms[near]) >> BIN_SHIFT);

		if (v->count == v->room) {
			v->is_full = true;
			return;
		}
		v->votes[v->count++] = e->connection >> BIN_BITS << BIN_BITS | bin;
	}
}

void votes_add(struct votes *v, const struct edge *edges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vote(v, &edges[i]);
}

bool votes_is_full(const struct votes *v)
{
	return v->is_full;
}

/* Leaves out votes of connections that have too few, whatever their lags. */
static void thin_out(struct votes *v, size_t least)
{
	unsigned bits = slot_bits_for(v->count);
	size_t kept = 0;

	memset(v->slots, 0, (size_t)1 << bits);
	for (size_t i = 0; i < v->count; i++) {
		uint8_t *slot = &v->slots[v->votes[i] >> (32 - bits)];

		*slot = (uint8_t)(*slot + (*slot < COUNT_MAX));
	}
	for (size_t i = 0; i < v->count; i++) {
		v->votes[kept] = v->votes[i];
		kept += v->slots[v->votes[i] >> (32 - bits)] >= MIN(least, COUNT_MAX);
	}
	v->count = kept;
}

/* In three passes. */
static void sort(struct votes *v)
{
	for (unsigned shift = 0; shift < 32; shift += PASS_BITS) {
		size_t ends[1 << PASS_BITS] = {0}, before = 0;
		uint32_t *sorted = v->spare;

		for (size_t i = 0; i < v->count; i++)
			ends[v->votes[i] >> shift & PASS_MASK]++;
		for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
			size_t some = ends[i];

			ends[i] = before;
			before += some;
		}
		for (size_t i = 0; i < v->count; i++)
			sorted[ends[v->votes[i] >> shift & PASS_MASK]++] = v->votes[i];
		v->spare = v->votes;
		v->votes = sorted;
	}
}

/* The most of one connection's sorted votes whose lags lie near each other. */
static size_t most_of(const uint32_t *votes, size_t count)
{
	size_t most = 0, from = 0;

	for (size_t i = 0; i < count; i++) {
		while (votes[i] - votes[from] >= BINS_A_VOTE)
			from++;
		most = MAX(most, i + 1 - from);
	}
	return most;
}

size_t votes_pick(struct votes *v, size_t least, uint32_t *ret, size_t max)
{
	size_t picked = 0, to;

	CHECK(least >= 1);
	thin_out(v, least);
	sort(v);
	for (size_t from = 0; from < v->count; from = to) {
		uint32_t hash = v->votes[from] >> BIN_BITS;

		for (to = from; to < v->count && v->votes[to] >> BIN_BITS == hash;)
			to++;
		if (most_of(v->votes + from, to - from) < least)
			continue;
		if (picked < max)
			ret[picked] = hash << BIN_BITS;
		picked++;
	}
	v->count = 0;
	return picked;
}
