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

#define SLACK_MS 2000 /* of paths */

struct tally {
	size_t pairs, by_start, by_stretch, by_both, sure, sure_right;
	size_t paths, by_path_start, by_path; /* of chains of three: the first two in order */
	size_t whole;                         /* all three on the path */
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

/* A hop's times, as an edge is told them: on the clock of its exporter. */
static int64_t ms_of(double s)
{
	return llrint(s * 1e3);
}

/* A hop as the node that sees it answers; each hop has a node, an exporter and hosts of its own. */
static struct match match_of(struct prepared *target, struct prepared *hop, uint8_t at,
                             double clock_s)
{
	struct comparison c = {.evidence.lag_s = 0};
	struct order order;

	compare(target, hop, 1.5 + 2 * clock_s, false, &c);
	order = order_of(&hop->side.edges, &target->side.edges, -c.evidence.lag_s, 2 * clock_s);
	return (struct match){
		.node = at,
		.view.exporter = addr_from_v4((const uint8_t[4]){10, 255, 0, at}),
		.src = {addr_from_v4((const uint8_t[4]){192, 0, 2, at}), 50000},
		.dst = {addr_from_v4((const uint8_t[4]){198, 51, 100, at}), 22},
		.life = {ms_of(hop->side.edges.first_s), ms_of(hop->side.edges.last_s)},
		.score = MAX(0, c.scores[BY_EVIDENCE]),
		.proto = 6,
		.lag_ms = ms_of(c.evidence.lag_s),
		.lag_error_ms = ms_of(c.evidence.lag_error_s),
		.stretch_ms = ms_of(order.stretch_s),
		.stretches = (uint32_t)order.compared,
	};
}

static void count_path(struct tally *t, struct prepared of[CHAIN_HOPS], double clock_s)
{
	struct match matches[CHAIN_HOPS];
	struct path path;

	for (uint8_t i = 0; i < CHAIN_HOPS; i++)
		matches[i] = match_of(&of[CHAIN_HOPS - 1], &of[i], i, clock_s);
	matches[CHAIN_HOPS - 1].is_target = true;
	path_assemble(matches, CHAIN_HOPS, NULL, 0, SLACK_MS, &path);
	t->paths++;
	t->by_path_start += matches[0].life.start_ms < matches[1].life.start_ms;
	if (matches[0].hop != PATH_NOWHERE && matches[1].hop != PATH_NOWHERE) {
		t->whole++;
		t->by_path += matches[0].hop < matches[1].hop;
	}
}

/* Which of the first two hops a path puts first. */
static void try_path(struct prng *p, size_t way, struct tally *t)
{
	struct scene scene = scene_of(way);
	struct trace hops[CHAIN_HOPS] = {0};
	struct prepared of[CHAIN_HOPS];

	if (scene_hops(&scene, p, ways[way].is_proxied, hops)) {
		for (size_t i = 0; i < CHAIN_HOPS; i++)
			prepare(&hops[i], hops[i].gap_ms, scene.loss, &of[i]);
		count_path(t, of, ways[way].clock_s);
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
			json_pack("{s:s, s:f, s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
		                  "chain", ways[w].name, "minutes", ways[w].minutes, "clock_s",
		                  ways[w].clock_s, "pairs", (json_int_t)t.pairs, "by_start",
		                  (double)t.by_start / all, "by_stretch",
		                  (double)t.by_stretch / all, "by_both", (double)t.by_both / all,
		                  "sure_share", (double)t.sure / all, "sure_right",
		                  (double)t.sure_right / (double)MAX(t.sure, 1), "path_start",
		                  (double)t.by_path_start / (double)MAX(t.paths, 1), "path",
		                  (double)t.by_path / (double)MAX(t.whole, 1), "whole",
		                  (double)t.whole / (double)MAX(t.paths, 1)));
	}
	return rows;
}
