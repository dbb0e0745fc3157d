/*
 * pursuit - one connection, and every question about it: found in the store, looked at again as it
 * goes on, and asked about as often as its owner says.
 *
 *	pursuit_start   lookup (worker)                                         -> found
 *	pursuit_look    lookup (worker)                                         -> looked
 *	pursuit_ask     a pass: ask the overlay, search our own store (worker)  -> heard ...
 *	                everybody has spoken, or the time is up; then another
 *	                round for what a host has named, or that was all        -> told
 *
 * The owner is a trace, which has a client (trace.h), or a watch, which needs none (watch.h).
 */
#ifndef SPOOR_NODE_PURSUIT_H
#define SPOOR_NODE_PURSUIT_H

#include "node/follow.h"
#include "node/round.h"
#include "node/search.h"
#include "node/spending.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct pursuit;
struct sheet;

/*
 * A host may know that a connection came in by another, to which timing has no thread: then that
 * one's rhythm is asked for, too, as often as there is such a connection and time left.
 */
#define PURSUIT_ROUNDS_MAX 8
#define PURSUIT_SILENCES_MIN FOLLOW_SILENCES_MIN
#define PURSUIT_LOOK_MS 5000 /* between two looks at a target that goes on */
#define PURSUIT_TIMEOUT_MS 30000
#define PURSUIT_REASON_MAX 640

/* What an owner is told, on the loop; it may end the pursuit in each but `heard`. */
struct pursuit_owner {
	void (*found)(struct pursuit *p);  /* target.err says whether */
	void (*looked)(struct pursuit *p); /* the target is as it is now, as far as it is held */
	void (*heard)(struct pursuit *p, const struct round *r); /* an answer is in; may be NULL */
	/* The sheet is the owner's to free; NULL without memory. */
	void (*told)(struct pursuit *p, struct sheet *sheet);
};

struct pursuit {
	struct pursuit *next;
	struct node *node;
	const struct pursuit_owner *owner;
	struct lookup target; /* as it was found last */
	struct lookup look;
	bool is_looking; /* that, or the first, is under way */
	struct mono look_at;
	enum severity severity;
	int64_t timeout_ms;
	struct mono deadline;
	bool is_asking; /* the last of `rounds` is under way */
	struct round *rounds[PURSUIT_ROUNDS_MAX];
	size_t round_count;
	struct round *before[PURSUIT_ROUNDS_MAX]; /* while asking: of the pass before */
	size_t before_count;
	size_t pass; /* from 1; 0: nobody was asked yet */
};

struct pursuits {
	struct pursuit *list;
	struct spending spending; /* the questions of all of them */
};

/* Looks for the target. `p` is all zero but for owner, severity, timeout_ms, which are set. */
void pursuit_start(struct pursuit *p, struct node *node, const struct ctl_request *request,
                   int64_t gap_ms);

/* Takes up one whose target is known: target.best, .on, .gap_ms and .lost are set. */
void pursuit_resume(struct pursuit *p, struct node *node);

/* Lets go of everything; only while nothing is under way, or the loop has ended. */
void pursuit_end(struct pursuit *p);

/*
 * Begins the next pass, with the target as it is. On failure the pass before stands. Errors: as
 * overlay_ask().
 */
MUST_USE enum err pursuit_ask(struct pursuit *p);

/*
 * The answers that are on their way are waited for no more; the pass before stands. False: a worker
 * still reads for it, and it goes on.
 */
bool pursuit_break_off(struct pursuit *p);

/* Forgets what the last pass brought: the next one begins with nothing. */
void pursuit_forget(struct pursuit *p);

void pursuit_look(struct pursuit *p);

/* A look is due, and nothing else is under way. */
bool pursuit_wants_look(const struct pursuit *p, struct mono now);

/* Timing could tell something of it; that, or volumes. */
bool pursuit_has_silences(const struct pursuit *p);
bool pursuit_is_decidable(const struct pursuit *p);

/* The target as the last look has it. */
struct followed pursuit_target(const struct pursuit *p);

/* Why nobody can be asked, for people, and the exit code that it has. */
enum ctl_code pursuit_refusal(const struct node *node, enum err err, char ret[PURSUIT_REASON_MAX]);

/* The same when the target was not found. */
enum ctl_code pursuit_not_found(const struct pursuit *p, char ret[PURSUIT_REASON_MAX]);

/* Why our own store was not searched, or not all of it, in any round of the last pass; NULL: it
 * was. */
const char *pursuit_unsearched(const struct pursuit *p);

/* What is said of a target with too few silences: how it was asked about instead, or why not. */
const char *pursuit_untimed(const struct pursuit *p, char ret[PURSUIT_REASON_MAX]);

/* From the overlay: a member's verified receipt, its verified answer, and the end. */
void pursuits_receipt(struct pursuits *all, const struct act *act);
void pursuits_reply(struct pursuits *all, const struct act *act);
void pursuits_finish(struct pursuits *all, const struct act *act);

#endif
