/*
 * path - matched views put into one ordered chain of hops.
 *
 * One connection is seen many times: before and after the NAT of its client's gateway, and before
 * and after the NAT of its server's. Such views are one hop. Hops follow one another where the
 * server of one is the client of the next; where no node stands between, the address that ends one
 * and begins the next is a stone nobody covers: a gap. Time decides the rest: an upstream
 * connection begins before and ends after the one it carries.
 *
 * A host may know more: by which connection the process came in that opened another. Its statement
 * is a tie. It needs no likeness in time and outranks all that timing says; where timing speaks for
 * another connection, that is kept beside it.
 *
 *	10.1.0.10 ->[NAT]-> 198.51.100.1 ----> 203.0.113.2 ->[NAT]-> 10.2.0.10      one hop, 4 views
 *	   src                public_src        public_dst              dst
 */
#ifndef SPOOR_CORRELATE_PATH_H
#define SPOOR_CORRELATE_PATH_H

#include "base/addr.h"
#include "base/interval.h"
#include "correlate/connection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_HOPS_MAX 32
#define PATH_NOWHERE UINT32_MAX

/* One matched connection at one view of one node. */
struct match {
	uint32_t node; /* the caller's index of the node that saw it */
	struct view view;
	struct endpoint src, dst;
	struct interval life;
	double score; /* against the target */
	uint8_t proto;
	bool is_target;
	bool is_told; /* a tie names it; timing did not match it, and `score` counts for nothing */
	uint32_t hop; /* out: index into path.hops, PATH_NOWHERE when it is on none */
};

/* The process that opened `down` came in by `up`, says its host. Indexes into matches[]. */
struct tie {
	uint32_t up, down;
};

enum path_link {              /* how a hop is tied to the one after it, the surest first */
	         PATH_END,    /* it is the last: the target itself */
	         PATH_ORIGIN, /* a tie: the host between them says so */
	         PATH_HOST, /* one host behind one node: its inner address ends this hop and begins
	                       the next */
	         PATH_ADDRESS, /* one address ends this hop and begins the next, and no node sees
	                          behind it on both sides */
	         PATH_TIME,    /* only their timing: at least one hop between them is unseen */
};

struct hop {
	struct endpoint src, dst;               /* innermost: as near to the hosts as any view is */
	struct endpoint public_src, public_dst; /* as on the wire between the gateways */
	uint32_t src_node, dst_node;            /* who sees behind that end; PATH_NOWHERE: nobody */
	struct interval life;                   /* union over its views */
	double score;                           /* lowest of its views that are not told */
	uint32_t views;
	enum path_link link;
	bool is_told;  /* all its views are: it has no score */
	bool is_timed; /* without ties, too, it would come before the next one */
	/*
	 * A view of each, as an index into matches[]; PATH_NOWHERE: there is none. PATH_ORIGIN:
	 * what would come before the next one without ties and has no place on the path, and what
	 * another tie puts there. Of any link: what a tie puts before this one, though it cannot
	 * be.
	 */
	uint32_t rival, other, refused;
};

struct gap {
	struct addr from, to; /* equal for PATH_ADDRESS: the stone; the two sides for PATH_TIME */
	uint32_t after;       /* index of the hop that ends at it */
	enum path_link link;  /* PATH_ADDRESS or PATH_TIME */
};

struct path {
	struct hop hops[PATH_HOPS_MAX]; /* origin first, target last */
	size_t hop_count;
	struct gap gaps[PATH_HOPS_MAX];
	size_t gap_count;
	size_t ties_refused; /* of those that name what comes before a hop of the path */
};

/*
 * Orders matches[0..count), exactly one of them the target, into `ret` and fills their `hop`. Views
 * that fit nowhere stay out (hop == PATH_NOWHERE), and so does what the target itself carried: the
 * path ends with it. `slack_ms`: how far clocks and record edges may disagree; never negative.
 *
 * A predecessor starts no later than the hop it carries. That it ends no earlier is asked only of
 * PATH_TIME, and preferred otherwise: of a connection still open the exporters have told more at
 * one gateway than at another. PATH_TIME is only tried where nobody sees behind the address that
 * the hop begins at, or where both ends are behind the same node.
 *
 * A tie holds between the hops that its views are part of. All it asks is that the upstream one
 * begins no later than the other, give or take the slack, and is not on the path already; else it
 * is refused. Of several upstream hops for one the path takes that which timing would take too,
 * else the first by the order that timing uses, and names the next best as `other`. A tie of one
 * hop with itself, or of a view that is not used, says nothing. What is told comes before a hop by
 * a tie only; before it comes whatever fits. Its life is best given from its beginning as the host
 * tells it to the last that anybody knows of it: views that do not meet in time are two hops.
 *
 * The arrays are not reordered, and their order does not matter as long as count <=
 * PATH_MATCHES_MAX; of more, the target and the first of the others are used. `ties` may be NULL
 * when there are none. No allocation; about 80 KiB of stack.
 */
#define PATH_MATCHES_MAX 512
void path_assemble(struct match *matches, size_t count, const struct tie *ties, size_t tie_count,
                   int64_t slack_ms, struct path *ret);

/* "end", "origin", "host", "address", "time"; "unknown" for anything else. */
const char *path_link_text(enum path_link link);

#endif
