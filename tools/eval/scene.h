/* scene - the circumstances of a measurement: exporters, clocks, networks, adversaries. */
#ifndef SPOOR_TOOLS_EVAL_SCENE_H
#define SPOOR_TOOLS_EVAL_SCENE_H

#include "base/prng.h"
#include "tools/eval/exporter.h"
#include "tools/eval/hand.h"
#include "tools/eval/stranger.h"

#include <stdbool.h>
#include <stddef.h>

struct scene {
	const char *name;
	const char *what;
	double minutes;
	double target_idle_s, target_active_s, other_idle_s, other_active_s;
	double loss;
	bool is_bursty;
	double clock_s; /* either clock is off by up to this */
	/* Of the target's side, where that is another; 0: it is not. */
	double target_loss, target_clock_s;
	int64_t tick_ms;
	double delay_s;     /* a stone delays each key by up to this */
	double chaff_s;     /* mean time between chaff packets on the last hop; 0: none */
	double keepalive_s; /* on the last hop, in half of the sessions; 0: none */
	bool is_merged;     /* the stone mixes somebody else's keys into the last hop */
	double paused_s;    /* the stone rests that long now and then, 1 in 20 keys */
	unsigned sampling;
	double step_s;     /* the candidate's clock jumps by this in the middle */
	bool is_restarted; /* its exporter restarts in the middle */
};

extern const struct scene scenes[];
extern const size_t scene_count;

const struct scene *scene_find(const char *name);

struct exporter scene_target_exporter(const struct scene *s, struct prng *p);
struct exporter scene_other_exporter(const struct scene *s, struct prng *p);

/* What is known of a side: how far its clock may be off, and the share of its records that is lost.
 */
struct scene_side {
	double clock_s, loss;
};
struct scene_side scene_target_side(const struct scene *s);
struct scene_side scene_other_side(const struct scene *s);

/* The last hop of a chain as its exporter tells it, and an earlier hop as another one does. */
bool scene_chain(const struct scene *s, struct prng *p, struct trace *target, struct trace *other);

/* Two neighbouring hops of a chain of logins by hand, or all at once through proxies. */
bool scene_neighbours(const struct scene *s, struct prng *p, int is_proxied, struct trace *up,
                      struct trace *down);

/* All hops of one. */
bool scene_hops(const struct scene *s, struct prng *p, int is_proxied,
                struct trace hops[CHAIN_HOPS]);

#endif
