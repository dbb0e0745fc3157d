/*
 * trace - one question of ours, from "which connection is meant" to the assembled path.
 *
 *	request_trace -> lookup (worker) -> round: ask the overlay, search our own store (worker)
 *	              -> replies ... -> everybody has spoken, or the time is up
 *	              -> another round for what a host has named, or the report
 *
 * A trace that is followed rests then, looks at its target now and then, and does it all again when
 * that is worth a question (node/follow.h), until the connection has ended or nobody listens.
 */
#ifndef SPOOR_NODE_TRACE_H
#define SPOOR_NODE_TRACE_H

#include "node/conf.h"
#include "node/follow.h"
#include "node/round.h"
#include "node/search.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct client;

/*
 * A host may know that a connection came in by another, to which timing has no thread: then that
 * one's rhythm is asked for, too, as often as there is such a connection and time left.
 */
#define TRACE_ROUNDS_MAX 8
#define TRACE_SILENCES_MIN FOLLOW_SILENCES_MIN

enum trace_state {
	TRACE_LOOKING, /* for the target */
	TRACE_ASKING,  /* the last of `rounds` is under way */
	TRACE_RESTING, /* reported; the target goes on */
};

struct trace {
	struct trace *next;
	struct client *client;
	struct lookup lookup; /* the target */
	int64_t timeout_ms;
	struct mono deadline;
	enum severity severity;
	enum trace_state state;
	struct round *rounds[TRACE_ROUNDS_MAX];
	size_t round_count;
	size_t pass;   /* which report is being made, from 1 */
	bool is_final; /* there is none after it */
	char bundle[CONF_PATH_MAX];
	/* Of a trace that is followed: */
	struct follow follow;
	struct lookup look; /* at the target as it is now */
	bool is_looking;    /* that is under way */
	struct mono look_at;
	struct round *before[TRACE_ROUNDS_MAX]; /* the rounds of the report before */
	size_t before_count;
};

struct traces {
	struct trace *list;
	size_t count;
	uv_timer_t timer; /* runs while one is followed */
	bool is_open;
};

#define TRACES_MAX 8

void traces_start(struct traces *traces, struct node *node);
void traces_stop(struct traces *traces);

/* From the overlay: a member's verified receipt, its verified answer, and the end. */
void trace_receipt(struct traces *traces, const struct act *act);
void trace_reply(struct traces *traces, const struct act *act);
void trace_finish(struct traces *traces, const struct act *act);

/* Lets go of what is still under way, when the loop has ended. */
void traces_fini(struct traces *traces);

#endif
