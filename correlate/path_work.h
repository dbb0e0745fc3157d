/* path_work - what path.c and path_chain.c share: the views and groups of one path in the making.
 */
#ifndef SPOOR_CORRELATE_PATH_WORK_H
#define SPOOR_CORRELATE_PATH_WORK_H

#include "base/addr.h"
#include "correlate/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_NONE UINT16_MAX /* no view, no group */

_Static_assert(PATH_MATCHES_MAX < PATH_NONE, "an index of a view fits 16 bits");

enum path_side { PATH_SRC, PATH_DST };

struct path_seen {
	struct match *match; /* the caller's */
	bool is_private[2];  /* by enum path_side */
	uint16_t parent;     /* union-find: itself at a root */
	uint16_t group;      /* index into path_work.groups, once settled */
};

struct path_group {
	struct hop hop;
	bool is_on_path;
};

struct path_work {
	struct match *matches; /* the caller's; `hop` of each is its group, PATH_NOWHERE: unused */
	size_t match_count;
	const struct tie *ties;
	size_t tie_count, ties_refused;
	struct path_seen seen[PATH_MATCHES_MAX];
	size_t seen_count;
	struct path_group groups[PATH_MATCHES_MAX];
	size_t group_count;
	uint16_t chain[PATH_HOPS_MAX]; /* groups, target first */
	size_t chain_count;
	int64_t slack_ms;
};

static inline const struct endpoint *path_end_of(const struct match *m, enum path_side side)
{
	return side == PATH_SRC ? &m->src : &m->dst;
}

/* Fills `chain`, and in the hops on it all that tells how they are tied. */
void path_chain(struct path_work *w, uint16_t target);

#endif
