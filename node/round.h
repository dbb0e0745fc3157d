/* round - one question to everybody, and all that came of it. */
#ifndef SPOOR_NODE_ROUND_H
#define SPOOR_NODE_ROUND_H

#include "node/search.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pursuit;

struct trace_reply { /* what one member found */
	struct cert cert;
	struct answer answer;
	uint8_t *evidence; /* its signed statement */
	size_t evidence_len;
	unsigned age; /* 0: to this question; else to the same as it was asked so many times before
	               */
};

struct trace_outcome { /* what became of the question at one member */
	struct card card;
	enum target_state state;
	bool has_receipt;
	struct receipt receipt;           /* the last of them: */
	struct receipt_blob receipt_blob; /* a signed statement, too */
};

struct ends { /* of a connection */
	struct endpoint src, dst;
};

struct round { /* one question, and all that came of it */
	struct pursuit *pursuit;
	struct ends
		about; /* the connection whose rhythm it is: the target's, then further upstream */
	struct search search; /* our own store's answer */
	uint32_t ticket;
	struct query query;
	struct query_blob blob;
	struct trace_reply *replies;
	size_t reply_count;
	struct trace_outcome *outcomes; /* of whoever has sent a receipt; in the end of all */
	size_t outcome_count, outcome_space;
	uint32_t *by_id;  /* which of them, in the order of ids: there may be thousands */
	bool is_heard;    /* the overlay is done */
	bool is_searched; /* our own store is */
};

void round_free(struct round *r);

/* Keeps a member's answer; without memory it is as if it had not come. */
void round_add_reply(struct round *r, const struct overlay_reply *reply);

/* What becomes of the question at that member, to be filled in; NULL without memory. */
struct trace_outcome *round_outcome(struct round *r, const struct card *card);

struct share {                  /* of a question's coverage: what one node looked at */
	struct interval window; /* empty: start > end */
	uint64_t flows, lost, connections;
};

/* Its signed receipt says it; its answer, too, should that have come alone. */
struct share round_share(const struct round *r, const struct trace_outcome *o);
struct share round_own_share(const struct round *r);

/* How many members have become that, and how many have searched, with a match or without. */
size_t round_count_state(const struct round *r, enum target_state state);
size_t round_answered(const struct round *r);

/*
 * The same was asked `before`, when less of the rhythm was known. What a member found then and does
 * not find now stays found: its records of the latest silences may not be there yet. What it finds
 * both times counts as it is now, once: the later fingerprint contains the earlier one. `self` is
 * this node's certificate, for what its own store said.
 */
void round_keep(struct round *r, const struct round *before, const struct cert *self);

/* Who answered first is chance: members by name, a kept answer behind a newer one. No
 * round_outcome() after it. */
void round_sort(struct round *r);

#endif
