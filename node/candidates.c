#include "node/candidates.h"

#include "base/util.h"
#include "correlate/score.h"
#include "correlate/sieve.h"
#include "correlate/votes.h"

#include <stdlib.h>

#define VOTES_FEW (256u << 10)   /* as usual: memory that malloc() still has from the last time */
#define VOTES_MAX (8u << 20)     /* 8 octets each */
#define CANDIDATES_MAX 16384     /* of more, everything may as well be read */
#define SILENCE_MAX_MS 172800000 /* the log has the beginnings of no much longer ones */
#define SIEVE_ROUND_MS 500       /* the sieve's first bin lies around its shortest lag */

_Static_assert(VOTES_BITS == STORE_EDGE_BITS, "a vote is for what the log calls a connection");

/*
 * What the sieve asks for, less what the log may not have: of each of these silences a candidate's
 * edges at both its ends. 0: nothing is left.
 */
static size_t least_of(const struct question *q, size_t silences)
{
	size_t least = sieve_least(silences), unlogged = 0;

	for (size_t i = 1; i < q->on_count; i++)
		unlogged += q->on[i].start_ms - SILENCE_MAX_MS > q->on[i - 1].end_ms ? 2 : 0;
	return least > unlogged ? least - unlogged : 0;
}

/* Of any candidate of the band. */
static int64_t reach_of(const struct question *q, const struct skew_band *band)
{
	return score_defaults.delay_ms + q->bound_ms + band->within_ms + SIEVE_ROUND_MS;
}

/* What is looked for, by our clock. */
struct sought {
	struct store *store;
	const struct question *question;
	int64_t gap_ms;
	struct interval when;
	struct skew_band bands[SKEWS_BANDS_MAX];
	size_t band_count;
	int64_t reach_ms; /* of the one that reaches farthest */
};

/* Can the log tell? */
static bool is_logged(const struct sought *s)
{
	for (size_t i = 0; i < s->band_count; i++) {
		if (s->bands[i].ahead_ms + s->bands[i].within_ms > STORE_EDGE_AHEAD_MS)
			return false;
	}
	return s->reach_ms <= VOTES_REACH_MAX_MS;
}

struct counting {
	struct votes *votes;
	int64_t ahead_ms; /* the clocks of the edges */
};

static void take(void *ctx, const struct edge *edges, size_t count)
{
	const struct counting *c = ctx;
	struct edge by_ours[256];

	if (c->ahead_ms == 0) {
		votes_add(c->votes, edges, count);
		return;
	}
	while (count > 0) {
		size_t some = MIN(count, ARRAY_LEN(by_ours));

		for (size_t i = 0; i < some; i++) {
			by_ours[i] = edges[i];
			by_ours[i].at_ms -= c->ahead_ms;
		}
		votes_add(c->votes, by_ours, some);
		edges += some;
		count -= some;
	}
}

static size_t windows_of(const struct votes *v, bool is_back, int64_t ahead_ms,
                         struct interval ret[VOTES_SILENCES_MAX])
{
	size_t count = votes_windows(v, is_back, ret);

	for (size_t i = 0; i < count; i++) {
		ret[i].start_ms += ahead_ms;
		ret[i].end_ms += ahead_ms;
	}
	return count;
}

/*
 * All bands together: the bounds become wider. The windows of two bands have most blocks in common,
 * where exporters of both told their flows at once: of these the band that has most has about all.
 * No flow is told twice, and so no more connections were there than flows.
 */
static void add_held(struct store_held *sum, const struct store_held *held, int64_t ahead_ms)
{
	if (held->span.start_ms <= held->span.end_ms) {
		sum->span.start_ms = MIN(sum->span.start_ms, held->span.start_ms - ahead_ms);
		sum->span.end_ms = MAX(sum->span.end_ms, held->span.end_ms - ahead_ms);
	}
	sum->flows = MAX(sum->flows, held->flows);
	sum->connections += held->connections;
	sum->is_lacking |= held->is_lacking;
}

static enum err read_band(struct votes *v, const struct sought *s, const struct skew_band *band,
                          struct store_held *sum)
{
	struct interval leaving[VOTES_SILENCES_MAX], back[VOTES_SILENCES_MAX];
	struct edge_windows windows = {.at = {leaving, back}};
	struct counting counting = {v, band->ahead_ms};
	struct store_held held;
	enum err err;

	windows.count[false] = windows_of(v, false, band->ahead_ms, leaving);
	windows.count[true] = windows_of(v, true, band->ahead_ms, back);
	err = store_edges_read(s->store, skew_band_when(band, s->when), s->gap_ms, &windows, take,
	                       &counting, &held);
	if (err == ERR_OK || err == ERR_NOENT)
		add_held(sum, &held, band->ahead_ms);
	return err;
}

static enum err pick(struct votes *v, size_t least, struct candidates *ret)
{
	ret->connections = malloc(CANDIDATES_MAX * sizeof(*ret->connections));
	if (ret->connections == NULL)
		return ERR_NOMEM;
	ret->count = votes_pick(v, least, ret->connections, CANDIDATES_MAX);
	if (ret->count <= CANDIDATES_MAX)
		return ERR_OK;
	candidates_free(ret);
	return ERR_NOENT;
}

static enum err find(struct votes *v, const struct sought *s, struct candidates *ret)
{
	const struct question *q = s->question;
	struct fingerprint target = {q->on, q->on_count, q->gap_ms};
	size_t silences = votes_begin(v, &target, s->gap_ms, s->reach_ms, STORE_EDGE_ROUND_MS);
	size_t least = least_of(q, silences);

	if (least == 0)
		return ERR_NOENT;
	ret->held = (struct store_held){.span = {INT64_MAX, INT64_MIN}};
	for (size_t i = 0; i < s->band_count; i++) {
		enum err err = read_band(v, s, &s->bands[i], &ret->held);

		if (err != ERR_OK)
			return err;
	}
	ret->held.connections = MIN(ret->held.connections, ret->held.flows);
	return votes_is_full(v) ? ERR_RANGE : pick(v, least, ret);
}

enum err candidates_find(struct store *store, const struct question *q, int64_t gap_ms,
                         struct interval when, const struct skews *skews, struct candidates *ret)
{
	static const size_t rooms[] = {VOTES_FEW, VOTES_MAX};
	struct sought s = {store, q, gap_ms, when, .band_count = 0};
	enum err err = ERR_RANGE;

	*ret = (struct candidates){.held.span = {INT64_MAX, INT64_MIN}};
	s.band_count = skews_bands(skews, when, s.bands);
	for (size_t i = 0; i < s.band_count; i++)
		s.reach_ms = MAX(s.reach_ms, reach_of(q, &s.bands[i]));
	if (skews_were_set(skews, when) || !is_logged(&s))
		return ERR_NOENT;
	for (size_t i = 0; i < ARRAY_LEN(rooms) && err == ERR_RANGE; i++) {
		struct votes *v = votes_new(rooms[i]);

		if (v == NULL)
			return ERR_NOMEM;
		err = find(v, &s, ret);
		votes_free(v);
	}
	return err == ERR_RANGE ? ERR_NOENT : err;
}

void candidates_free(struct candidates *c)
{
	free(c->connections);
	*c = (struct candidates){.connections = NULL};
}
