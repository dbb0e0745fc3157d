/*
 * trace - one question of ours, from "which connection is meant" to the assembled path.
 *
 *	request_trace -> lookup (worker) -> round: ask the overlay, search our own store (worker)
 *	              -> replies ... -> everybody has spoken, or the time is up
 *	              -> another round for what a host has named, or the report
 */
#ifndef SPOOR_NODE_TRACE_H
#define SPOOR_NODE_TRACE_H

#include "node/search.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct client;

struct trace_reply { /* what one member found */
	struct cert cert;
	struct answer answer;
	uint8_t *evidence; /* its signed statement */
	size_t evidence_len;
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
	struct trace *trace;
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

/*
 * A host may know that a connection came in by another, to which timing has no thread: then that
 * one's rhythm is asked for, too, as often as there is such a connection and time left.
 */
#define TRACE_ROUNDS_MAX 8
#define TRACE_SILENCES_MIN 2 /* below, nothing can be told by timing: nobody is asked */

struct trace {
	struct trace *next;
	struct client *client;
	struct lookup lookup; /* the target */
	int64_t timeout_ms;
	struct mono deadline;
	enum severity severity;
	struct round *rounds[TRACE_ROUNDS_MAX]; /* the last is under way */
	size_t round_count;
};

struct traces {
	struct trace *list;
	size_t count;
};

#define TRACES_MAX 8

/* From the overlay: a member's verified receipt, its verified answer, and the end. */
void trace_receipt(struct traces *traces, const struct act *act);
void trace_reply(struct traces *traces, const struct act *act);
void trace_finish(struct traces *traces, const struct act *act);

/* Lets go of what is still under way, when the loop has ended. */
void traces_fini(struct traces *traces);

#endif
