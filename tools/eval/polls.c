#include "tools/eval/polls.h"

#include "base/util.h"
#include "correlate/polling.h"
#include "correlate/score.h"
#include "tools/eval/draw.h"
#include "tools/eval/exporter.h"

#include <math.h>
#include <stdio.h>

#define DECADES 6
#define LOSS 0.02
#define STEPS_S 0.7 /* by up to so much a clock is set */

struct counted {
	size_t reached[DECADES + 1];  /* E >= 10^k */
	size_t silences[DECADES + 1]; /* by silences alone */
	size_t told;                  /* polls could tell something */
	double polls, decades;
};

static double either_way(struct prng *p, double size)
{
	return draw_is(p, 0.5) ? size : -size;
}

static void upset_clock(enum poller_clock clock, struct prng *p, double duration_s,
                        struct exporter *x)
{
	if (clock == POLLER_CLOCK_GOOD)
		return;
	if (clock == POLLER_CLOCK_SET) {
		x->step_s = either_way(p, draw_between(p, 1, 30));
		x->step_at_s = duration_s * draw_between(p, 0.25, 0.75);
		return;
	}
	x->drift = either_way(p, exp(draw_between(p, log(1e-4), log(2e-3))));
	if (clock != POLLER_CLOCK_DRIFTS)
		x->steer_s = draw_between(p, 120, 1200);
	x->is_slewed = clock == POLLER_CLOCK_SLEWED;
}

static void exporters_of(const struct poller_class *of, struct prng *p, double duration_s,
                         double idle_s, struct exporter *x, struct exporter *y)
{
	*x = (struct exporter){
		.idle_s = idle_s,
		.active_s = 60,
		.loss = of->loss > 0 ? of->loss : LOSS,
		.offset_s = draw_between(p, -1, 1),
		.drift = draw_between(p, -20e-6, 20e-6),
		.tick_ms = of->tick_ms,
	};
	upset_clock(of->clock, p, duration_s, x);
	*y = *x;
	if (of->is_one_exporter) {
		x->is_bursty = y->is_bursty = true;
		x->weather = y->weather = prng_next(p);
		return;
	}
	y->active_s = 1800;
	y->offset_s = draw_between(p, -1, 1);
	y->drift = draw_between(p, -20e-6, 20e-6);
}

/* A clock that is set: as if all packets from then on had come later. */
static void set_clock(const struct poller_class *of, struct prng *p, double duration_s,
                      struct times *one, struct times *other)
{
	for (unsigned i = 0; i < of->steps; i++) {
		double at_s = draw_between(p, 0, duration_s), by_s = draw_between(p, 0, STEPS_S);

		for (size_t k = 0; k < one->count; k++)
			one->at_s[k] += one->at_s[k] >= at_s ? by_s : 0;
		for (size_t k = 0; k < other->count; k++)
			other->at_s[k] += other->at_s[k] >= at_s ? by_s : 0;
	}
}

static void count(const struct agreement *a, struct counted *c)
{
	for (int k = 1; k <= DECADES; k++) {
		c->reached[k] += a->score >= k;
		c->silences[k] += a->silences_decades >= k;
	}
	c->told += isfinite(a->polling_decades);
	c->polls += a->silences;
	c->decades += a->score;
}

static void fill(json_t *row, const char *what, const size_t *reached, double all)
{
	for (int k = 1; k <= DECADES; k++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_E%d", what, k);
		json_object_set_new(row, key, json_real((double)reached[k] / all));
	}
}

static json_t *row_of(const struct poller_class *of, const struct counted *c, size_t pairs,
                      double minutes)
{
	static const char *const kinds[] = {"unrelated", "coupled", "relay"};
	double all = (double)pairs;
	json_t *row = json_object();

	json_object_set_new(row, "class", json_string(of->name));
	json_object_set_new(row, "what", json_string(of->what));
	json_object_set_new(row, "kind", json_string(kinds[of->kind]));
	json_object_set_new(row, "minutes", json_real(minutes));
	json_object_set_new(row, "pairs", json_integer((json_int_t)pairs));
	json_object_set_new(row, "polls", json_real(c->polls / all));
	json_object_set_new(row, "told", json_real((double)c->told / all));
	json_object_set_new(row, "decades", json_real(c->decades / all));
	fill(row, "reach", c->reached, all);
	fill(row, "silences", c->silences, all);
	return row;
}

json_t *polls_row(const struct poller_class *of, uint64_t seed, size_t pairs, double minutes,
                  double idle_s)
{
	struct times one = {0}, other = {0};
	struct trace a = {0}, b = {0};
	struct counted c = {.told = 0};
	struct prng p = {seed};

	for (size_t i = 0; i < pairs;) {
		struct exporter x, y;
		struct agreement got;

		exporters_of(of, &p, minutes * 60, idle_s, &x, &y);
		times_clear(&one);
		times_clear(&other);
		of->pair(of, &p, minutes * 60, &one, &other);
		set_clock(of, &p, minutes * 60, &one, &other);
		times_sort(&one);
		times_sort(&other);
		if (!exporter_export(&x, &p, &one, &a) || !exporter_export(&y, &p, &other, &b))
			continue;
		got = score_pair(&(struct fingerprint){a.on, a.count, a.gap_ms},
		                 &(struct fingerprint){b.on, b.count, b.gap_ms}, &score_defaults);
		count(&got, &c);
		i++;
	}
	times_free(&one);
	times_free(&other);
	trace_free(&a);
	trace_free(&b);
	return row_of(of, &c, pairs, minutes);
}
