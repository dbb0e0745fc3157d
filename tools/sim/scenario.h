/*
 * scenario - a story that somebody wrote down: what goes wrong when, and what must hold all the
 * same.
 *
 * A YAML file; docs/SIMULATOR.md describes every key, scenarios/ has examples. The usual run of
 * spoor-sim is a scenario too, made of its options (story.c).
 */
#ifndef SPOOR_TOOLS_SIM_SCENARIO_H
#define SPOOR_TOOLS_SIM_SCENARIO_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_EVENTS_MAX 64
#define SCENARIO_EXPECTS_MAX 16
#define SCENARIO_CUTS_MAX 8
#define SCENARIO_NAME_MAX 64
#define SCENARIO_SHOWS_MAX 256
#define SCENARIO_LIAR_MAX 16
#define SCENARIO_REASON_MAX 512
#define SCENARIO_NODES_MAX 20000

enum scenario_verb {
	SCENARIO_START,
	SCENARIO_CRASH,
	SCENARIO_RESTART,
	SCENARIO_CUT,
	SCENARIO_HEAL,
	SCENARIO_LOSS,
	SCENARIO_LIAR,
	SCENARIO_JUMP,
	SCENARIO_SUSPEND,
	SCENARIO_REVOKE,
	SCENARIO_ASK,
	SCENARIO_VERB_END,
};

enum who_kind {
	WHO_RANGE,  /* first..last */
	WHO_RANDOM, /* one of the honest that are up */
	WHO_SHARE,  /* so many of them, drawn when it happens */
	WHO_DOWN,   /* everybody who is down */
};

struct who {
	enum who_kind kind;
	uint32_t first, last;
	double share;
};

struct scenario_event {
	uint64_t at_ms;
	enum scenario_verb verb;
	struct who who;
	double share;    /* LOSS */
	int64_t by_ms;   /* JUMP: of the wall clock */
	uint64_t for_ms; /* SUSPEND; ASK: time to answer; CUT: 0: until healed */
	uint32_t first;  /* CUT: nodes below it, and the rest */
	uint32_t told;   /* REVOKE: the node that is handed the notice */
	bool is_one_way, is_urgent, has_disk;
	char liar[SCENARIO_LIAR_MAX]; /* LIAR: its kind */
};

enum expect_kind {
	EXPECT_HEARD, /* the least share of those reachable that heard a query within `within_ms` */
	EXPECT_EVERYONE,  /* the same of all that lived, cut off or not, from the healing on */
	EXPECT_VICTIMS,   /* the same of the liars' victims, of all queries together */
	EXPECT_RECEIPTS,  /* share whose receipt came */
	EXPECT_ANSWERED,  /* share of the planted whose answer came */
	EXPECT_FOUND,     /* share of the planted connections that were found */
	EXPECT_COPIES,    /* at most so many copies of a query to each node */
	EXPECT_EQUAL,     /* all directories are equal, so long after the last event */
	EXPECT_REVOKED,   /* that share (all) know of the revocation, so long after it or after the
	                     healing */
	EXPECT_FORGOTTEN, /* nobody counts the crashed as live, so long after the crash */
	EXPECT_KIND_END,
};

struct scenario_expect {
	enum expect_kind kind;
	double share, most; /* share: 1 when it was not said */
	uint64_t within_ms; /* 0: at any time */
};

struct scenario {
	char name[SCENARIO_NAME_MAX];
	char shows[SCENARIO_SHOWS_MAX];
	uint32_t nodes;
	double loss, byzantine, dead, nat;
	char liar[SCENARIO_LIAR_MAX]; /* "": drop */
	bool is_warm;
	uint64_t until_ms; /* of the part with faults; then everything heals */
	struct scenario_event events[SCENARIO_EVENTS_MAX]; /* in the order of their times */
	size_t event_count;
	struct scenario_expect expects[SCENARIO_EXPECTS_MAX];
	size_t expect_count;
};

/* On failure `reterr` says what is wrong as "FILE:LINE: ...". ERR_IO, ERR_FORMAT, ERR_RANGE,
 * ERR_LIMIT. */
MUST_USE enum err scenario_read(const char *path, struct scenario *ret,
                                char reterr[SCENARIO_REASON_MAX]);

const char *scenario_verb_text(enum scenario_verb verb);
const char *expect_kind_text(enum expect_kind kind);

#endif
