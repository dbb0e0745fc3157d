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

/* Of any candidate, whoever exports it. */
static int64_t reach_of(const struct score_limits *l, int64_t clocks_ms)
{
	return l->delay_ms + l->target.bound_ms + MAX(l->candidate.bound_ms, clocks_ms) +
	       SIEVE_ROUND_MS;
}

static void take(void *ctx, const struct edge *edges, size_t count)
{
	votes_add(ctx, edges, count);
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

static enum err find(struct votes *v, struct store *store, const struct question *q, int64_t gap_ms,
                     struct interval when, int64_t reach_ms, struct candidates *ret)
{
	struct fingerprint target = {q->on, q->on_count, q->gap_ms};
	struct interval leaving[VOTES_SILENCES_MAX], back[VOTES_SILENCES_MAX];
	struct edge_windows windows = {.at = {leaving, back}};
	size_t silences = votes_begin(v, &target, gap_ms, reach_ms, STORE_EDGE_ROUND_MS);
	size_t least = least_of(q, silences);
	enum err err;

	if (least == 0)
		return ERR_NOENT;
	windows.count[false] = votes_windows(v, false, leaving);
	windows.count[true] = votes_windows(v, true, back);
	err = store_edges_read(store, when, gap_ms, &windows, take, v, &ret->held);
	if (err != ERR_OK)
		return err;
	return votes_is_full(v) ? ERR_RANGE : pick(v, least, ret);
}

enum err candidates_find(struct store *store, const struct question *q, int64_t gap_ms,
                         struct interval when, int64_t clocks_ms, struct candidates *ret)
{
	static const size_t rooms[] = {VOTES_FEW, VOTES_MAX};
	int64_t reach_ms = reach_of(&score_defaults, clocks_ms);
	enum err err = ERR_RANGE;

	*ret = (struct candidates){.held.span = {INT64_MAX, INT64_MIN}};
	if (reach_ms > VOTES_REACH_MAX_MS)
		return ERR_NOENT;
	for (size_t i = 0; i < ARRAY_LEN(rooms) && err == ERR_RANGE; i++) {
		struct votes *v = votes_new(rooms[i]);

		if (v == NULL)
			return ERR_NOMEM;
		err = find(v, store, q, gap_ms, when, reach_ms, ret);
		votes_free(v);
	}
	return err == ERR_RANGE ? ERR_NOENT : err;
}

void candidates_free(struct candidates *c)
{
	free(c->connections);
	*c = (struct candidates){.connections = NULL};
}
