/*
 * search - reading the store on a worker: which connections move like this one, and which one is
 * meant.
 *
 * Two passes. The first asks the log of edges which connections fell silent and came back when the
 * question's did, reads those, and scores them. The second reads further back for the best of them
 * alone: their true beginnings order the path. A question by volume has no edges to ask the log
 * for: its first pass reads all records of the time of its own that carried
 * enough.
 *
 * All times are this node's, of questions, of what is found, and of what a person asks for; flows
 * are brought to it as they are read (skews.h).
 */
#ifndef SPOOR_NODE_SEARCH_H
#define SPOOR_NODE_SEARCH_H

#include "base/err.h"
#include "correlate/connection.h"
#include "correlate/fingerprint.h"
#include "correlate/score.h"
#include "correlate/volume.h"
#include "node/gather.h"
#include "node/job.h"
#include "node/losses.h"
#include "node/nearest.h"
#include "node/skews.h"
#include "proto/wire/answer.h"
#include "proto/wire/ctl.h"
#include "proto/wire/query.h"
#include "proto/wire/testimony.h"

struct node;
struct store;

#define SEARCH_BEFORE_MS 3600000 /* how long an upstream connection may be older */
#define SEARCH_AFTER_MS 600000   /* and outlive it */
#define SEARCH_SCORE_MIN 0.5     /* decades; findings below are not worth a line */

enum search_extent {               /* how much of what the store holds of that time was looked at */
	             SEARCH_WHOLE, /* all */
	             SEARCH_CUT,   /* the deadline came first */
	             SEARCH_LACKING, /* the log's candidates, and it lacks many; there are too many
	                                flows for all */
};

/* What is said of it to people; NULL for SEARCH_WHOLE. */
const char *search_extent_text(enum search_extent extent);

struct search_effort {
	bool is_exhaustive; /* every connection of that time is looked at */
	uint64_t flows_max; /* where the log lacks many edges, all of at most so many are read */
	const struct deadline *deadline;
};

struct search_side {    /* whose store it is */
	int64_t gap_ms; /* it compares at no lesser one: its exporters' idle timeout */
	const struct skews *skews;
	const struct losses *losses;
};

struct search {
	struct job job; /* first */
	struct node *node;
	struct question question;
	int64_t own_gap_ms;
	struct skews skews; /* of this node's exporters */
	struct losses losses;
	struct mono until;
	enum err err; /* ERR_LIMIT: more flows in the window than a search may hold */
	enum search_extent extent;
	uint64_t spent_ms;    /* of a worker */
	struct answer answer; /* nothing, if it failed; its testimony is in: */
	uint8_t testimony[TESTIMONY_MAX];
	size_t shown; /* of a host's record, in parts; 0: no host is asked */
	void (*done)(struct search *search);
};

/*
 * What `store` has for a question, to `ret`, which is empty before. If that is not to be
 * exhaustive, those alone are looked at whose edges make a match possible, which comes to the same,
 * wherever the store has the edges of all flows; where the log cannot tell, as when an exporter's
 * clock was set in that time, everything is looked at.
 *
 * It ends with the deadline, but for a block, the comparison of a pair, or the sorting of what was
 * read: `ret` has then what was found in what was read by then, and its window. Its flows and
 * connections are those that were judged, by the log or one by one: what was found is the best of
 * so many, however few of the candidates could be read. That nothing was found where the extent is
 * not whole says nothing.
 *
 * ERR_LIMIT   more flows in the window, or more to compare by volume, than a search may hold
 * ERR_NOMEM, and what reading the store may meet
 */
MUST_USE enum err search_store(struct store *store, const struct question *q,
                               const struct search_side *side, const struct search_effort *effort,
                               struct answer *ret, enum search_extent *ret_extent);

/* It is over at `until`. `search` is the caller's until `done`, on the loop. */
void search_start(struct search *search, struct node *node, const struct question *question,
                  size_t shown, struct mono until, void (*done)(struct search *search));

struct lookup {         /* which connection does a person mean? */
	struct job job; /* first */
	struct node *node;
	struct ctl_request request; /* target, peer, since, until, proto */
	struct skews skews;         /* of this node's exporters, while it is under way */
	struct losses losses;
	int64_t gap_ms;
	struct mono nearest_until;
	enum err err;                  /* ERR_NOENT: none; ERR_LIMIT */
	struct connection best;        /* best.on is `on` */
	unsigned lost;                 /* of 1000 records of its exporter */
	struct interval *on;           /* freed by lookup_fini() */
	struct volume_side carried;    /* by it, from its own first packet on */
	enum volume_verdict by_volume; /* what that could tell of it, where its silences are few, */
	size_t way;                    /* one way alone: this one */
	struct ctl_request best_only;
	size_t others;          /* further 5-tuples that fit */
	bool is_translated;     /* what was asked for is an outside end: `request` has the inside */
	struct interval held;   /* what the store holds at all; empty: start > end */
	struct nearest nearest; /* of what was asked for in vain */
	void (*done)(struct lookup *lookup);
};

/* In vain, it looks for what is nearest; no longer than until then: {0} is not at all. */
void lookup_start(struct lookup *lookup, struct node *node, const struct ctl_request *request,
                  int64_t gap_ms, struct mono nearest_until, void (*done)(struct lookup *lookup));
void lookup_fini(struct lookup *lookup);

#endif
