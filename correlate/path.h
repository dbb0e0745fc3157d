/*
 * path - matched views put into one ordered chain of hops.
 *
 * One connection is seen many times: before and after the NAT of its client's gateway, and before
 * and after the NAT of its server's. Such views are one hop. Hops follow one another where the
 * server of one is the client of the next; where no node stands between, the address that ends one
 * and begins the next is a stone nobody covers: a gap. Time decides the rest: an upstream
 * connection begins before and ends after the one it carries.
 *
 * A host's kernel may know better: that the process which opened one connection was itself started
 * from another. Such a tie needs no rhythm, joins what hours lie between, and outranks any score;
 * where timing alone speaks for another connection, both are shown.
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
#define PATH_STRETCH_MS 250  /* less does not tell which is upstream, */
#define PATH_STRETCHES_MIN 3 /* nor does the median of fewer */
#define PATH_CLOCK_MS 100    /* one exporter stamps no better */

enum path_by { PATH_BY_TIMING, PATH_BY_VOLUME, PATH_BY_POLLING }; /* what a score is of */

/* One matched connection at one view of one node. */
struct match {
	uint32_t node; /* the caller's index of the node that saw it */
	struct view view;
	struct endpoint src, dst;
	struct interval life;
	double score; /* against the target, in decades; of the target itself, not looked at */
	uint8_t proto;
	bool is_target;
	enum path_by by;     /* its score */
	bool is_significant; /* its score is beyond what chance does to so many (score.h) */
	bool is_told; /* known by a tie alone: no timing has found it, and its score says nothing */
	bool is_translation; /* no view of its own: the ends of view `twin` on the other side of its
	                        gateway, by that one's translation table. A port 0 is not told. */
	uint32_t twin;
	int64_t lag_ms, lag_error_ms; /* behind the target; the error: one standard deviation */
	int64_t stretch_ms;           /* its activity lasts longer than the target's by this, */
	uint32_t stretches;           /* as so many stretches have it (order.h) */
	uint32_t hop; /* out: index into path.hops, PATH_NOWHERE when it is on none */
};

struct tie { /* indices into matches: the process that opened `down` came in by `up` */
	uint32_t up, down;
};

enum path_link {              /* how a hop is tied to the one after it */
	         PATH_END,    /* it is the last: the target itself */
	         PATH_ORIGIN, /* the host between has said so */
	         PATH_HOST, /* one host behind one node: its inner address ends this hop and begins
	                     the next */
	         PATH_ADDRESS, /* one address ends this hop and begins the next, and no node sees
	                          behind it on both sides */
	         PATH_TIME,    /* only their timing: at least one hop between them is unseen */
};

enum path_timing {              /* what timing alone says of a link by origin */
	           PATH_SILENT, /* nothing: it has no predecessor for that hop, or one farther up */
	           PATH_AGREES, /* it would have chosen the same */
	           PATH_AGAINST, /* it would have chosen `rival` */
};

enum path_join {                       /* what has joined the views of a hop; bits */
	         PATH_JOIN_TUPLE = 1,  /* the same ends at several views */
	         PATH_JOIN_NAT = 2,    /* a gateway's own translations: exact */
	         PATH_JOIN_TIMING = 4, /* one end is shared, the other's times agree */
};

enum path_doubt {                        /* what contradicts a hop; bits */
	          PATH_ENDS_FIRST = 1,   /* it ends before the one it carries */
	          PATH_STARTS_LATER = 2, /* and starts after it, within the slack */
	          PATH_LAGS = 4,    /* its edges come later than of the one it carries, by more than
	                             both errors and the clocks explain */
	          PATH_REFUSED = 8, /* is_refused */
	          PATH_RIVALLED = 16,  /* PATH_AGAINST */
	          PATH_UNDECIDED = 32, /* an alternative is nearly as good */
	          PATH_ELSEWHERE = 64, /* who sees the host that the next hop begins at has not
	                                  seen it come in: it has another way in, or is not of
	                                  this chain */
	          PATH_BEGINS_TOGETHER = 128, /* nothing but timing ties it to what it carries, and
	                                        both begin within the slack: one script, or one
	                                        schedule, may have started both */
	          PATH_CHANCE = 256 /* none of its views is significant, and no host has named it:
	                               of so many that were compared one agrees as well */
};

struct hop {
	struct endpoint src, dst;               /* innermost: as near to the hosts as any view is */
	struct endpoint public_src, public_dst; /* as on the wire between the gateways */
	uint32_t src_node, dst_node;            /* who sees behind that end; PATH_NOWHERE: nobody */
	struct interval life;                   /* union over its views */
	double score; /* lowest of its views that timing has found; INFINITY: none but the target */
	int64_t lag_ms, lag_error_ms; /* of the view with the best score */
	enum path_by by;              /* that score */
	int64_t stretch_ms;           /* of that view, too: longer than the target, and by what */
	uint32_t stretches;
	uint32_t views;
	unsigned joined_by; /* enum path_join */
	bool is_told;       /* no view of it was found by timing */
	enum path_link link;
	enum path_timing timing; /* of PATH_ORIGIN */
	uint32_t rival;          /* PATH_AGAINST: index into matches of one of its views */
	unsigned doubts;         /* enum path_doubt; beside the path PATH_CHANCE alone */
	double weight;           /* among its alternatives; 1: there are none */
	bool is_refused;         /* a tie names an upstream for this hop that began only after it */
};

struct gap {
	struct addr from, to; /* equal for PATH_ADDRESS: the stone; the two sides for PATH_TIME */
	uint32_t after;       /* index of the hop that ends at it */
	enum path_link link;  /* PATH_ADDRESS or PATH_TIME */
};

struct alternative {         /* what the data do not tell from a hop of the path */
	struct hop hop;      /* with its weight */
	uint32_t instead_of; /* index of that hop */
};

enum path_branch {               /* what else has the rhythm, and an end in common with the path */
	           PATH_SIBLING, /* from the host that hop `at` begins at, within a second of it:
	                          one script has started both */
	           PATH_FORK,    /* from that host, at another time: it feeds both */
	           PATH_MERGE,   /* into the host that hop `at` ends at, from another */
	           PATH_ONWARD,  /* from the target's host: what the target carried */
	           PATH_RESUMED, /* between the two hosts of hop `at`, before it or after it: the
	                            same session over again */
	           PATH_REVERSE, /* into the host that the target, the only hop, ends at; begun
	                            before it, and outliving it: what drives the target from
	                            its far end, if the driven side has opened it (a reverse
	                            shell) */
};

struct branch {
	struct hop hop;
	uint32_t at;
	enum path_branch kind;
};

enum path_why {                    /* why a match has no place on the path, nor beside it */
	        PATH_WHY_LATER,    /* it begins after what it would have to carry: the first hop */
	        PATH_WHY_OVER,     /* it is over before that begins, */
	        PATH_WHY_SHORT,    /* or before that ends, and no address ties them */
	        PATH_WHY_HOST,     /* it has a host of the path, which only one hop leads to */
	        PATH_WHY_BRANCH,   /* it goes on from a branch of the path */
	        PATH_WHY_NEARER,   /* its times say that it lies nearer to the target than that */
	        PATH_WHY_UNSEEN,   /* who sees the host that the first hop begins at has not seen it
	                              come in, and chance may have made the match, */
	        PATH_WHY_TOGETHER, /* or it begins together with that hop, within the slack: one
	                              script may have started both */
	        PATH_WHY_FULL,     /* there is no room: the path, or what is beside it, is full */
};

struct unplaced {
	struct hop hop;
	enum path_why why;
};

#define PATH_BRANCHES_MAX 32

struct path {
	struct hop hops[PATH_HOPS_MAX]; /* origin first, target last */
	size_t hop_count;
	struct gap gaps[PATH_HOPS_MAX];
	size_t gap_count;
	struct alternative alternatives[PATH_BRANCHES_MAX];
	size_t alternative_count;
	struct branch branches[PATH_BRANCHES_MAX];
	size_t branch_count;
	struct unplaced unplaced[PATH_BRANCHES_MAX]; /* the best by score, best first */
	size_t unplaced_count;
};

/*
 * Orders matches[0..count), exactly one of them the target, into `ret` and fills their `hop`. Views
 * that fit nowhere stay out (hop == PATH_NOWHERE), and so does what the target itself carried: the
 * path ends with it. `slack_ms`: how far clocks and record edges may disagree; never negative.
 *
 * A predecessor starts no later than the hop it carries. That it ends no earlier is asked only of
 * PATH_TIME, and preferred otherwise: of a connection still open the exporters have told more at
 * one gateway than at another. Where somebody sees behind the address that the hop begins at,
 * PATH_TIME is tried if that node sees where the other ends; of significant ones also if it has
 * seen it come from elsewhere to an end that nobody sees behind (a proxy; another address family);
 * and if there is none, any other that is significant, with PATH_ELSEWHERE, unless both begin
 * within the slack: then nothing says that one carries the other.
 *
 * Of several that may carry a hop by one link, the later start decides where the slack cannot
 * explain it. Else, where addresses meet, the score does; what is left within a decade of it is
 * kept as an alternative, with weights in proportion to the evidence of each. Of PATH_TIME several
 * are mostly hops of one chain: the nearest is followed, which is the later start or, where the
 * slack could explain that, in this order: the one whose activity lasts less long, by more than
 * PATH_STRETCH_MS; where one exporter has told of both, the later by more than PATH_CLOCK_MS; whose
 * edges come later, by more than twice their errors and what clocks may be off; that begins later
 * by more than its lag does, beyond their errors, since what its clock is off is in both. What is
 * nearer by any but the last than the hop that it would carry, or than the target, and begins
 * within the slack of it, is not put before it by time.
 *
 * Of a tie it is asked only that the upstream began first. What is only told of is on the path by a
 * tie or not at all. Ties between views of one connection, and of views that are not there, are
 * passed over.
 *
 * The array is not reordered, and its order does not matter as long as count <= PATH_MATCHES_MAX;
 * of more, the target and the first of the others are used. No allocation; about 120 KiB of stack.
 */
#define PATH_MATCHES_MAX 512
void path_assemble(struct match *matches, size_t count, const struct tie *ties, size_t tie_count,
                   int64_t slack_ms, struct path *ret);

/* "timing", "volume", "polling"; "unknown" for anything else. */
const char *path_by_text(enum path_by by);

/* "silent", "agrees", "against"; "unknown" for anything else. */
const char *path_timing_text(enum path_timing timing);

/* "sibling", "fork", "merge", "onward", "resumed", "reverse"; "unknown" for anything else. */
const char *path_branch_text(enum path_branch kind);

/* "later", "over", "short", "host", "branch", "nearer", "unseen", "together", "full"; "unknown" for
 * anything else. */
const char *path_why_text(enum path_why why);

/* "end", "origin", "host", "address", "time"; "unknown" for anything else. */
const char *path_link_text(enum path_link link);

#endif
