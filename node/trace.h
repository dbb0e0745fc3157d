/*
 * trace - one question of ours, from "which connection is meant" to the assembled path.
 *
 *	request_trace -> lookup (worker) -> ask the overlay, search our own store (worker)
 *	              -> replies ... -> everybody has spoken, or the time is up -> report
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

struct trace {
	struct trace *next;
	struct client *client;
	struct lookup lookup; /* the target */
	struct search search; /* our own store's answer */
	int64_t timeout_ms;
	enum severity severity;
	uint32_t ticket;
	struct query query;
	struct query_blob blob;
	struct trace_reply *replies;
	size_t reply_count;
	struct trace_outcome *outcomes; /* of whoever has sent a receipt; in the end of all */
	size_t outcome_count, outcome_space;
	uint32_t *by_id;         /* which of them, in the order of ids: there may be thousands */
	bool is_asked, is_heard; /* the overlay is done */
	bool is_searched;        /* our own store is */
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
