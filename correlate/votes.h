/*
 * votes - which connections fell silent and came back with the target, by the edges alone.
 *
 *	edges near the target's  -->  votes of their connections, by lag  -->  candidates
 *
 * Whatever score a pair has comes from edges that agree under one lag. So each edge that lies
 * within reach of one of the target's, of like kind, votes for its connection; and a connection
 * with fewer than `least` votes within any two seconds of lag is worth no look at its flows.
 */
#ifndef SPOOR_CORRELATE_VOTES_H
#define SPOOR_CORRELATE_VOTES_H

#include "base/edge.h"
#include "base/interval.h"
#include "correlate/fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOTES_SILENCES_MAX 256
#define VOTES_REACH_MAX_MS 31000
#define VOTES_LAG_MS 2000 /* votes count together whose lags are within this */
#define VOTES_BITS 24     /* of a connection's hash */

struct votes;

/* Room for so many votes. NULL: no memory. */
struct votes *votes_new(size_t votes);
void votes_free(struct votes *v); /* NULL is fine */

/*
 * Begins with a target, closed at `gap_ms` or the least wider one that leaves VOTES_SILENCES_MAX
 * silences. The edges that follow are to be less than `round_ms` too early; lags reach up to
 * `reach_ms`, at most VOTES_REACH_MAX_MS. Returns how many silences there are.
 */
size_t votes_begin(struct votes *v, const struct fingerprint *target, int64_t gap_ms,
                   int64_t reach_ms, int64_t round_ms);

/* When a kind of edges is of interest: ascending, apart; at most VOTES_SILENCES_MAX. */
size_t votes_windows(const struct votes *v, bool is_back, struct interval ret[VOTES_SILENCES_MAX]);

/* Takes edges, in any order; those outside the windows change nothing. */
void votes_add(struct votes *v, const struct edge *edges, size_t count);

/*
 * The connections that have at least `least` (>= 1) votes, ascending: the first `max` of them.
 * Returns how many there are. The votes are then used up.
 */
size_t votes_pick(struct votes *v, size_t least, uint32_t *ret, size_t max);

/* There were more votes than room: the candidates are not all there are. */
bool votes_is_full(const struct votes *v);

#endif
