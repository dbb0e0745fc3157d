#include "tools/eval/study.h"

#include "base/util.h"
#include "correlate/score.h"
#include "tools/eval/draw.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct cycles study_cycles[CYCLES] = {
	{0, 1, "0-1"}, {2, 2, "2"},       {3, 4, "3-4"},
	{5, 9, "5-9"}, {10, 17, "10-17"}, {18, SIZE_MAX, "18+"},
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t cycles_of(size_t silences)
{
	size_t i = 0;

	while (silences > study_cycles[i].to)
		i++;
	return i;
}

static int64_t pair_gap_ms(const struct trace *a, const struct trace *b)
{
	return MAX(a->gap_ms, b->gap_ms);
}

/* What the correlator is told of the two sides. */
struct told {
	struct scene_side target, other;
};

static struct scene_side assumed(const struct score_clock *c)
{
	return (struct scene_side){.clock_s = (double)c->bound_ms / 1e3, .loss = c->loss};
}

static struct told told_of(const struct scene *scene, bool is_told)
{
	if (is_told)
		return (struct told){scene_target_side(scene), scene_other_side(scene)};
	return (struct told){assumed(&score_defaults.target), assumed(&score_defaults.candidate)};
}

static double lag_s(const struct told *t)
{
	return (double)score_defaults.delay_ms / 1e3 + t->target.clock_s + t->other.clock_s;
}

/* Everything that is held against all targets. */
static struct prepared *crowd(const struct scene *scene, struct prng *p, size_t count, double loss)
{
	struct prepared *ret = must_alloc(count, sizeof(*ret));
	struct strangers strangers;
	struct times times = {0};
	struct trace trace = {0};
	int64_t gap_ms = (int64_t)(1e3 * MAX(scene->target_idle_s, scene->other_idle_s));

	strangers_init(&strangers, p);
	for (size_t i = 0; i < count;) {
		struct exporter x = scene_other_exporter(scene, p);

		stranger_background(&strangers, p, scene->minutes * 60, &times);
		if (exporter_export(&x, p, &times, &trace))
			prepare(&trace, gap_ms, loss, &ret[i++]);
	}
	times_free(&times);
	trace_free(&trace);
	return ret;
}

static void note(struct scene_result *r, size_t cycles, const struct comparison *c, bool is_same)
{
	for (size_t m = 0; m < COMPARED; m++)
		(is_same ? roc_same : roc_other)(&r->roc[m], c->scores[m]);
	(is_same ? roc_same : roc_other)(&r->by_cycles[cycles], c->scores[BY_EVIDENCE]);
}

static void study_target(const struct study *study, struct prng *p, struct prepared *others,
                         struct scene_result *r)
{
	const struct scene *scene = r->scene;
	struct told told = told_of(scene, study->is_told);
	struct trace target = {0}, same = {0};
	struct prepared ours, theirs;
	struct comparison c;
	size_t cycles;

	while (!scene_chain(scene, p, &target, &same))
		;
	prepare(&target, pair_gap_ms(&target, &same), told.target.loss, &ours);
	prepare(&same, pair_gap_ms(&target, &same), told.other.loss, &theirs);
	cycles = cycles_of(ours.side.edges.count);
	r->median_cycles += (double)ours.side.edges.count;
	compare(&ours, &theirs, lag_s(&told), study->has_all, &c);
	note(r, cycles, &c, true);
	for (size_t i = 0; i < study->strangers; i++) {
		compare(&ours, &others[i], lag_s(&told), study->has_all, &c);
		r->scored += isfinite(c.scores[BY_EVIDENCE]);
		note(r, cycles, &c, false);
	}
	prepared_free(&ours);
	prepared_free(&theirs);
	trace_free(&target);
	trace_free(&same);
}

struct scene_result study_scene(const struct scene *scene, uint64_t seed, const struct study *study)
{
	struct prng p = {seed};
	struct scene_result r = {.scene = scene, .has_all = study->has_all};
	struct told told = told_of(scene, study->is_told);
	struct prepared *others = crowd(scene, &p, study->strangers, told.other.loss);
	double start_s = now_s();

	for (size_t m = 0; m < COMPARED; m++)
		r.roc[m] = compare_roc(m);
	for (size_t i = 0; i < CYCLES; i++)
		r.by_cycles[i] = compare_roc(BY_EVIDENCE);
	for (size_t t = 0; t < study->targets; t++)
		study_target(study, &p, others, &r);
	r.median_cycles /= (double)study->targets;
	r.spent_s = now_s() - start_s;
	for (size_t i = 0; i < study->strangers; i++)
		prepared_free(&others[i]);
	free(others);
	return r;
}

void scene_result_free(struct scene_result *r)
{
	for (size_t m = 0; m < COMPARED; m++)
		roc_free(&r->roc[m]);
	for (size_t i = 0; i < CYCLES; i++)
		roc_free(&r->by_cycles[i]);
}

struct class_result study_class(const struct stranger_class *of, uint64_t seed,
                                const struct class_study *study)
{
	struct scene scene = {.minutes = MAX(study->minutes, of->minutes_min),
	                      .target_idle_s = study->idle_s,
	                      .target_active_s = 60,
	                      .other_idle_s = study->idle_s,
	                      .other_active_s = 1800,
	                      .loss = 0.02,
	                      .clock_s = 1,
	                      .tick_ms = 1};
	struct class_result r = {.of = of,
	                         .pairs = study->pairs,
	                         .minutes = scene.minutes,
	                         .plain = compare_roc(BY_EVIDENCE)};
	const struct told told = {study->said, study->said};
	struct prng p = {seed};
	struct strangers strangers;
	struct times one = {0}, other = {0};
	struct trace a = {0}, b = {0};

	for (size_t m = 0; m < COMPARED; m++)
		r.roc[m] = compare_roc(m);
	strangers_init(&strangers, &p);
	for (size_t i = 0; i < study->pairs;) {
		struct exporter x = scene_target_exporter(&scene, &p);
		struct exporter y = scene_other_exporter(&scene, &p);
		struct prepared ours, theirs;
		struct comparison c = {.evidence = {.plain_decades = -INFINITY}};

		if (of->has_shared_loss) {
			x.loss = y.loss = 0.2;
			x.is_bursty = y.is_bursty = true;
			x.weather = y.weather = prng_next(&p);
			y.active_s = x.active_s;
			y.offset_s = x.offset_s;
		}
		if (of->is_one_exporter)
			y = x;
		of->pair(&strangers, &p, scene.minutes * 60, &one, &other);
		if (!exporter_export(&x, &p, &one, &a) || !exporter_export(&y, &p, &other, &b))
			continue;
		prepare(&a, pair_gap_ms(&a, &b), told.target.loss, &ours);
		prepare(&b, pair_gap_ms(&a, &b), told.other.loss, &theirs);
		compare(&ours, &theirs, lag_s(&told), true, &c);
		for (size_t m = 0; m < COMPARED; m++)
			roc_other(&r.roc[m], c.scores[m]);
		roc_other(&r.plain, c.evidence.plain_decades);
		prepared_free(&ours);
		prepared_free(&theirs);
		i++;
	}
	times_free(&one);
	times_free(&other);
	trace_free(&a);
	trace_free(&b);
	return r;
}

void class_result_free(struct class_result *r)
{
	for (size_t m = 0; m < COMPARED; m++)
		roc_free(&r->roc[m]);
	roc_free(&r->plain);
}
