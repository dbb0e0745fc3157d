/*
 * path_work - what path.c and the files behind it share, and no one else sees.
 *
 *	path_gather.c   the views of one connection become one group; a group becomes a hop
 *	path_chain.c    from the target's hop backwards, one predecessor at a time
 *	path_signs.c    which of two is nearer to the target, where their starts do not tell
 *	path_beside.c   what is told beside the path
 */
#ifndef SPOOR_CORRELATE_PATH_WORK_H
#define SPOOR_CORRELATE_PATH_WORK_H

#include "correlate/path.h"
#include "correlate/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_NONE UINT16_MAX /* no group, no view */

_Static_assert(PATH_MATCHES_MAX < PATH_NONE, "an index of a view fits 16 bits");

enum side { SIDE_SRC, SIDE_DST };

struct seen {
	struct match *match; /* the caller's */
	bool is_private[2];  /* by enum side */
	uint16_t parent;     /* union-find: itself at a root */
	uint16_t group;      /* index into work.groups, once settled */
	bool is_told;        /* its gateway has told its other side */
	unsigned joined_by;  /* enum path_join, so far as it is by this one */
};

struct group {
	struct hop hop;
	uint16_t rival;             /* of PATH_AGAINST: a group */
	const struct match *lag_of; /* the view whose lag is the hop's; NULL: of no timing */
	const struct match *target; /* the view that was asked about; NULL: it is another's */
	bool is_on_path;
	bool is_beside;      /* a branch of a host of the path, or it goes on from one */
	bool is_significant; /* one of its views is */
};

struct group_tie {
	uint16_t up, down;
};

struct choice { /* group `other` would do as well as `chosen` */
	uint16_t chosen, other;
};

struct work {
	struct seen seen[PATH_MATCHES_MAX];
	size_t seen_count;
	struct group groups[PATH_MATCHES_MAX];
	size_t group_count;
	uint16_t chain[PATH_HOPS_MAX]; /* groups, target first */
	size_t chain_count;
	struct group_tie ties[PATH_MATCHES_MAX];
	size_t tie_count;
	struct choice choices[PATH_BRANCHES_MAX];
	size_t choice_count;
	int64_t slack_ms;
};

static inline const struct endpoint *end_of(const struct match *m, enum side side)
{
	return side == SIDE_SRC ? &m->src : &m->dst;
}

/* By ends and protocol, then life, then node and view: whatever the order in which they came. */
int path_gather_order(const void *left, const void *right);

/* Unites the views of one connection. They are in that order; `matches` is the caller's array. */
void path_gather(struct work *w, const struct match *matches);

/* Makes a hop of each group. Returns the target's. */
uint16_t path_settle(struct work *w);

/* Follows the ties and the other links back from `target`. `matches` is the caller's array. */
void path_chain(struct work *w, uint16_t target, const struct match *matches);

/* Why group `g`, which is not on the path, cannot be upstream of group `down`, where it ends. */
enum path_why path_why_not(const struct work *w, uint16_t g, uint16_t down);

/* path_signs.c. Do the edges of `a` come later than those of `b`, beyond errors and clocks? */
bool path_is_lagging(const struct work *w, uint16_t a, uint16_t b);

/* Is `a` surely nearer to the target than `b`, by what no clock's error makes? */
bool path_is_nearer(const struct work *w, uint16_t a, uint16_t b);

/*
 * Of two whose starts lie within the slack: above 0 where `a` is nearer to the target than `b`,
 * below 0 where it is farther, 0 where nothing tells.
 */
int path_signs(const struct work *w, uint16_t a, uint16_t b);

/* One end of a hop, as far as it tells one host from another. */
struct path_host {
	const struct addr *inner, *outer;
	uint32_t node;
};

static inline struct path_host path_client(const struct hop *h)
{
	return (struct path_host){&h->src.addr, &h->public_src.addr, h->src_node};
}

static inline struct path_host path_server(const struct hop *h)
{
	return (struct path_host){&h->dst.addr, &h->public_dst.addr, h->dst_node};
}

bool path_may_be_same(struct path_host a, struct path_host b);

static inline bool path_is_beginning_near(const struct hop *a, const struct hop *b, int64_t near_ms)
{
	return span_ms(a->life.start_ms, b->life.start_ms) <= near_ms &&
	       span_ms(b->life.start_ms, a->life.start_ms) <= near_ms;
}

/* When the chain is written out: alternatives, doubts, branches. */
void path_beside(struct work *w, struct path *ret);

#endif
