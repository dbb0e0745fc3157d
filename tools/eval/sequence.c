#include "tools/eval/sequence.h"

#include "base/util.h"
#include "correlate/order.h"
#include "correlate/path.h"
#include "tools/eval/compare.h"
#include "tools/eval/hand.h"
#include "tools/eval/study.h"

#include <math.h>
#include <stdlib.h>

static const struct {
	const char *name;
	int is_proxied;
	double minutes, clock_s;
} ways[] = {
	{"logins by hand", 0, 10, 0.05}, {"logins by hand", 0, 10, 1}, {"logins by hand", 0, 30, 1},
	{"logins by hand", 0, 30, 5},    {"ProxyJump", 1, 10, 0.05},   {"ProxyJump", 1, 10, 1},
	{"ProxyJump", 1, 30, 1},         {"ProxyJump", 1, 30, 5},
};

#define SLACK_S 2.0 /* of paths */

struct tally {
	size_t pairs, by_start, by_stretch, by_both, sure, sure_right;
	size_t paths, by_path_start, by_path;
};

static void count(struct tally *t, const struct order *o)
{
	t->pairs++;
	t->by_start += o->lead_s > 0;
	t->by_stretch += o->stretch_s > 0;
	t->by_both += o->log_odds > 0;
	if (fabs(o->stretch_s) > 0.25) {
		t->sure++;
		t->sure_right += o->stretch_s > 0;
	}
}

static struct scene scene_of(size_t way)
{
	return (struct scene){.minutes = ways[way].minutes,
	                      .target_idle_s = 15,
	                      .target_active_s = 1800,
	                      .other_idle_s = 15,
	                      .other_active_s = 1800,
	                      .loss = 0.02,
	                      .clock_s = ways[way].clock_s,
	                      .tick_ms = 1};
}

/* By how much a hop lasts longer than the last, the target, as a node that answers finds it. */
static struct order against(struct prepared *target, struct prepared *hop, double clock_s)
{
	struct comparison c = {.evidence.lag_s = 0};

	compare(target, hop, 1.5 + 2 * clock_s, false, &c);
	return order_of(&hop->side.edges, &target->side.edges, -c.evidence.lag_s, 2 * clock_s);
}

/* Which of the first two hops a path would put first: correlate/path_chain.c. */
static void try_path(struct prng *p, size_t way, struct tally *t)
{
	struct scene scene = scene_of(way);
	struct trace hops[CHAIN_HOPS] = {0};
	struct prepared of[CHAIN_HOPS];

	if (scene_hops(&scene, p, ways[way].is_proxied, hops)) {
		struct order first, second;
		double lead_s, longer_s;
		bool is_told;

		for (size_t i = 0; i < CHAIN_HOPS; i++)
			prepare(&hops[i], hops[i].gap_ms, scene.loss, &of[i]);
		first = against(&of[2], &of[0], ways[way].clock_s);
		second = against(&of[2], &of[1], ways[way].clock_s);
		lead_s = of[1].side.edges.first_s - of[0].side.edges.first_s;
		longer_s = first.stretch_s - second.stretch_s;
		is_told = fabs(lead_s) <= SLACK_S && first.compared >= PATH_STRETCHES_MIN &&
		          second.compared >= PATH_STRETCHES_MIN &&
		          fabs(longer_s) > PATH_STRETCH_MS / 1e3;
		t->paths++;
		t->by_path_start += lead_s > 0;
		t->by_path += is_told ? longer_s > 0 : lead_s > 0;
		for (size_t i = 0; i < CHAIN_HOPS; i++)
			prepared_free(&of[i]);
	}
	for (size_t i = 0; i < CHAIN_HOPS; i++)
		trace_free(&hops[i]);
}

/* Neighbouring hops `up` and `up + 1` of one chain. */
static void try_pair(struct prng *p, size_t way, struct tally *t)
{
	struct scene scene = scene_of(way);
	struct trace up = {0}, down = {0};
	struct prepared a, b;
	struct comparison c = {.evidence.lag_s = 0};
	struct order order;

	if (!scene_neighbours(&scene, p, ways[way].is_proxied, &up, &down)) {
		trace_free(&up);
		trace_free(&down);
		return;
	}
	prepare(&up, up.gap_ms, scene.loss, &a);
	prepare(&down, down.gap_ms, scene.loss, &b);
	compare(&a, &b, 1.5 + 2 * ways[way].clock_s, false, &c);
	order = order_of(&a.side.edges, &b.side.edges, c.evidence.lag_s, 2 * ways[way].clock_s);
	count(t, &order);
	prepared_free(&a);
	prepared_free(&b);
	trace_free(&up);
	trace_free(&down);
}

json_t *sequence_study(uint64_t seed, size_t chains)
{
	json_t *rows = json_array();
	struct prng p = {seed}, of_paths = {seed};

	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct tally t = {0};
		double all;

		for (size_t i = 0; i < chains; i++)
			try_pair(&p, w, &t);
		for (size_t i = 0; i < chains; i++)
			try_path(&of_paths, w, &t);
		all = (double)MAX(t.pairs, 1);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:f, s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
		                  "chain", ways[w].name, "minutes", ways[w].minutes, "clock_s",
		                  ways[w].clock_s, "pairs", (json_int_t)t.pairs, "by_start",
		                  (double)t.by_start / all, "by_stretch",
		                  (double)t.by_stretch / all, "by_both", (double)t.by_both / all,
		                  "sure_share", (double)t.sure / all, "sure_right",
		                  (double)t.sure_right / (double)MAX(t.sure, 1), "path_start",
		                  (double)t.by_path_start / (double)MAX(t.paths, 1), "path",
		                  (double)t.by_path / (double)MAX(t.paths, 1)));
	}
	return rows;
}
