#include "tools/eval/scene.h"

#include "base/util.h"
#include "tools/eval/draw.h"
#include "tools/eval/hand.h"

#include <stdlib.h>
#include <string.h>

#define DRIFT 20e-6
#define SIDES(target_idle, target_active, other_idle, other_active)         \
	.target_idle_s = (target_idle), .target_active_s = (target_active), \
	.other_idle_s = (other_idle), .other_active_s = (other_active)
#define USUAL SIDES(15, 1800, 15, 1800), .clock_s = 1, .tick_ms = 1
#define USUAL_EXACT SIDES(15, 1800, 15, 1800), .clock_s = 0.02, .tick_ms = 1
#define BASE USUAL, .minutes = 30, .loss = 0.02

/* clang-format off */
const struct scene scenes[] = {
	{"base", "30 min, idle 15 s, active 1800 s, loss 2 %, clocks +-1 s", BASE},
	{"field", "20 min, loss 3 %, active 60 against 1800 s",
	 SIDES(15, 60, 15, 1800), .minutes = 20, .loss = 0.03, .clock_s = 1, .tick_ms = 1},
	{"mix", "30 min, loss 5 % in bursts, idle 1/15, active 60/1800 s, stamps of whole seconds",
	 SIDES(1, 60, 15, 1800), .minutes = 30, .loss = 0.05, .is_bursty = true, .clock_s = 1,
	 .tick_ms = 1000},
	{"idles", "45 min, loss 5 %, idle 30/15, active 60/1800 s",
	 SIDES(30, 60, 15, 1800), .minutes = 45, .loss = 0.05, .clock_s = 1, .tick_ms = 1},
	{"five", "5 min, else as base", USUAL, .minutes = 5, .loss = 0.02},
	{"ten", "10 min", USUAL, .minutes = 10, .loss = 0.02},
	{"hour", "60 min", USUAL, .minutes = 60, .loss = 0.02},
	{"loss20", "40 min, loss 20 %", USUAL, .minutes = 40, .loss = 0.2},
	{"burst20", "40 min, loss 20 % by whole datagrams", USUAL, .minutes = 40, .loss = 0.2,
	 .is_bursty = true},
	{"half", "30 min, half of the records missing", USUAL, .minutes = 30, .loss = 0.5},
	{"idle30", "30 min, idle 30 s on both sides",
	 SIDES(30, 1800, 30, 1800), .minutes = 30, .loss = 0.02, .clock_s = 1, .tick_ms = 1},
	{"idle5", "30 min, idle 5 s on both sides",
	 SIDES(5, 1800, 5, 1800), .minutes = 30, .loss = 0.02, .clock_s = 1, .tick_ms = 1},
	{"seconds", "base, stamps of whole seconds",
	 SIDES(15, 1800, 15, 1800), .minutes = 30, .loss = 0.02, .clock_s = 1, .tick_ms = 1000},
	{"delay1", "base, each key delayed by up to 1 s", BASE, .delay_s = 1},
	{"delay5", "base, by up to 5 s", BASE, .delay_s = 5},
	{"delay10", "base, by up to 10 s", BASE, .delay_s = 10},
	{"chaff50", "base, a chaff packet every 50 s", BASE, .chaff_s = 50},
	{"chaff20", "base, every 20 s", BASE, .chaff_s = 20},
	{"chaff5", "base, every 5 s", BASE, .chaff_s = 5},
	{"alive60", "base, keepalive of 60 s in half of the last hops", BASE, .keepalive_s = 60},
	{"alive30", "base, of 30 s", BASE, .keepalive_s = 30},
	{"merged", "base, another person's keys mixed into the last hop", BASE, .is_merged = true},
	{"paused", "base, the stone holds 1 key in 20 for up to 20 s", BASE, .paused_s = 20},
	{"sampled", "base, one packet in ten", BASE, .sampling = 10},
	{"stepped", "base, one clock jumps by an hour in the middle", BASE, .step_s = 3600},
	{"restart", "base, one exporter restarts in the middle", BASE, .is_restarted = true},
	{"sharp", "5 min, nothing lost, clocks +-20 ms", USUAL_EXACT, .minutes = 5},
	{"torn", "10 min, the target's side loses 20 %, the other nothing, clocks +-20 ms",
	 USUAL_EXACT, .minutes = 10, .target_loss = 0.2},
	{"torn-half", "30 min, the target's side loses half", USUAL_EXACT, .minutes = 30,
	 .target_loss = 0.5},
	{"clock3", "10 min, the target's clock +-3 s, nothing lost, the other clock +-20 ms",
	 USUAL_EXACT, .minutes = 10, .target_clock_s = 3},
	{"clock10", "10 min, the target's clock +-10 s", USUAL_EXACT, .minutes = 10,
	 .target_clock_s = 10},
};
/* clang-format on */
const size_t scene_count = ARRAY_LEN(scenes);

const struct scene *scene_find(const char *name)
{
	for (size_t i = 0; i < scene_count; i++) {
		if (strcmp(scenes[i].name, name) == 0)
			return &scenes[i];
	}
	return NULL;
}

struct scene_side scene_target_side(const struct scene *s)
{
	return (struct scene_side){
		.clock_s = s->target_clock_s > 0 ? s->target_clock_s : s->clock_s,
		.loss = s->target_loss > 0 ? s->target_loss : s->loss,
	};
}

struct scene_side scene_other_side(const struct scene *s)
{
	return (struct scene_side){s->clock_s, s->loss};
}

static struct exporter exporter(const struct scene *s, struct scene_side side, struct prng *p,
                                double idle_s, double active_s)
{
	return (struct exporter){
		.idle_s = idle_s,
		.active_s = active_s,
		.loss = side.loss,
		.is_bursty = s->is_bursty,
		.offset_s = draw_between(p, -side.clock_s, side.clock_s),
		.drift = draw_between(p, -DRIFT, DRIFT),
		.tick_ms = s->tick_ms,
		.sampling = s->sampling,
	};
}

struct exporter scene_target_exporter(const struct scene *s, struct prng *p)
{
	return exporter(s, scene_target_side(s), p, s->target_idle_s, s->target_active_s);
}

struct exporter scene_other_exporter(const struct scene *s, struct prng *p)
{
	struct exporter x = exporter(s, scene_other_side(s), p, s->other_idle_s, s->other_active_s);

	if (s->step_s != 0) {
		x.step_s = s->step_s;
		x.step_at_s = s->minutes * 30;
	}
	if (s->is_restarted)
		x.restart_s = s->minutes * 30;
	return x;
}

/* What the adversary or the client adds to the last hop. */
static void disguise(const struct scene *s, struct prng *p, struct times *t)
{
	double end_s = s->minutes * 60;

	if (s->chaff_s > 0) {
		for (double at = draw_exponential(p, s->chaff_s); at < end_s;
		     at += draw_exponential(p, s->chaff_s))
			times_add(t, at);
	}
	if (s->keepalive_s > 0 && draw_is(p, 0.5)) {
		for (double at = draw_between(p, 0, s->keepalive_s); at < end_s;
		     at += s->keepalive_s)
			times_add(t, at);
	}
	if (s->is_merged) {
		struct hand hand = hand_draw(p);
		struct strokes strokes = {0};

		hand_play(p, &hand, draw_between(p, 0, 60), end_s, &strokes);
		for (size_t i = 0; i < strokes.count; i++)
			times_add(t, strokes.of[i].at_s);
		strokes_free(&strokes);
	}
	times_sort(t);
}

/* Now and then everything waits: what is held is not let go before what was held earlier. */
static void pause_keys(const struct scene *s, struct prng *p, size_t count, double *held_s)
{
	double last_s = -INFINITY;

	for (size_t i = 0; i < count && s->paused_s > 0; i++) {
		if (draw_is(p, 0.05))
			held_s[i] += draw_between(p, 0, s->paused_s);
		held_s[i] = last_s = MAX(held_s[i], last_s);
	}
}

bool scene_chain(const struct scene *s, struct prng *p, struct trace *target, struct trace *other)
{
	struct chain chain = chain_draw(p, s->minutes * 60, draw_is(p, 0.3));
	struct hand hand = hand_draw(p);
	struct exporter near = scene_target_exporter(s, p), far = scene_other_exporter(s, p);
	struct strokes strokes = {0};
	struct times times = {0};
	size_t hop = prng_below(p, CHAIN_HOPS - 1);
	double *held_s;
	bool is_seen;

	chain.delay_s = s->delay_s;
	hand_play(p, &hand, chain.start_s[0] + 0.5, chain.end_s[0], &strokes);
	held_s = chain_hold(p, &chain, &strokes);
	pause_keys(s, p, strokes.count, held_s);
	chain_packets(p, &chain, &strokes, CHAIN_HOPS - 1, held_s, &times);
	disguise(s, p, &times);
	is_seen = exporter_export(&near, p, &times, target);
	chain_packets(p, &chain, &strokes, hop, held_s, &times);
	is_seen = exporter_export(&far, p, &times, other) && is_seen;
	free(held_s);
	strokes_free(&strokes);
	times_free(&times);
	return is_seen;
}

/* Hops first ... first + count - 1 of one chain, each as its exporter tells it. */
static bool export_hops(struct prng *p, const struct chain *chain, const struct hand *hand,
                        size_t first, size_t count, const struct exporter *exporters,
                        struct trace *const *ret)
{
	struct strokes strokes = {0};
	struct times times = {0};
	double *held_s;
	bool is_seen = true;

	hand_play(p, hand, chain->start_s[0] + 0.5, chain->end_s[0], &strokes);
	held_s = chain_hold(p, chain, &strokes);
	for (size_t i = 0; i < count; i++) {
		chain_packets(p, chain, &strokes, first + i, held_s, &times);
		is_seen = exporter_export(&exporters[i], p, &times, ret[i]) && is_seen;
	}
	free(held_s);
	strokes_free(&strokes);
	times_free(&times);
	return is_seen;
}

bool scene_neighbours(const struct scene *s, struct prng *p, int is_proxied, struct trace *up,
                      struct trace *down)
{
	struct chain chain = chain_draw(p, s->minutes * 60, is_proxied);
	struct hand hand = hand_draw(p);
	struct exporter near = scene_target_exporter(s, p), far = scene_other_exporter(s, p);

	return export_hops(p, &chain, &hand, prng_below(p, CHAIN_HOPS - 1), 2,
	                   (const struct exporter[]){far, near}, (struct trace *const[]){up, down});
}

bool scene_hops(const struct scene *s, struct prng *p, int is_proxied,
                struct trace hops[CHAIN_HOPS])
{
	struct chain chain = chain_draw(p, s->minutes * 60, is_proxied);
	struct hand hand = hand_draw(p);
	struct exporter exporters[CHAIN_HOPS];
	struct trace *ret[CHAIN_HOPS];

	for (size_t i = 0; i < CHAIN_HOPS; i++) {
		exporters[i] = scene_other_exporter(s, p);
		ret[i] = &hops[i];
	}
	return export_hops(p, &chain, &hand, 0, CHAIN_HOPS, exporters, ret);
}
