/*
 * play - lets happen to a simulated community what a story or scenario says, and looks on.
 *
 * Private to this folder: story.c holds the thread, this carries it out.
 */
#ifndef SPOOR_TOOLS_SIM_PLAY_H
#define SPOOR_TOOLS_SIM_PLAY_H

#include "tools/sim/cast.h"
#include "tools/sim/story.h"

struct play {
	const struct story *story;
	struct sim *sim;
	struct cast cast;
	struct prng prng;
	uint64_t changed_ms;   /* when something last happened, questions apart */
	uint64_t recovered_ms; /* when something was last mended: a cut, a node */
	uint64_t revoked_ms;
	uint32_t revoked;       /* the last one; SIM_NOWHERE: nobody */
	uint64_t *crashed_ms;   /* of each node that is down; UINT64_MAX of the others; owned */
	uint64_t equal_ms;      /* since when it has been so; UINT64_MAX: it is not */
	uint64_t know_ms[101];  /* of the revocation: since when so many of 100 do */
	uint64_t forgetting_ms; /* the longest that a dead node stayed live for somebody */
	bool is_unforgotten;    /* and some still are */
};

/* The caller has set `story` and `sim`. Sets liars and victims. False when out of memory. */
bool play_init(struct play *play);
void play_fini(struct play *play); /* the simulator is the caller's */

/* Everybody comes up within so long, those excepted whom the scenario starts. */
void play_start(struct play *play, uint64_t within_ms);

void play_dead(struct play *play);      /* the cast's dead die */
uint32_t play_asker(struct play *play); /* honest, up, no victim */

/* The index for sim_query(); SIZE_MAX when its own node refuses. */
size_t play_ask(struct play *play, uint32_t node, bool is_urgent, uint64_t timeout_ms);

/* Until the scenario's end, healing included, and on until its expectations are decided. */
void play_scenario(struct play *play);

/* What the scenario expects of the first `queries`, held against what was seen. */
void play_claims(struct play *play, size_t queries, struct result *ret);

#endif
