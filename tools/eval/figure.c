#include "tools/eval/figure.h"

#include "base/util.h"
#include "tools/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define POINTS 64
#define PATH_ROOM 4096

static bool write_plot(const char *dir, const char *name, const struct plot *plot)
{
	char path[PATH_ROOM];
	FILE *out;
	bool is_written;

	snprintf(path, sizeof(path), "%s/%s.svg", dir, name);
	out = fopen(path, "w");
	if (out == NULL)
		return false;
	plot_write(out, plot);
	is_written = ferror(out) == 0;
	return fclose(out) == 0 && is_written;
}

/* From one in ten down to one of all that were tried. */
static size_t recall_points(const struct roc *roc, struct plot_point *ret)
{
	size_t count = 0;

	for (double k = 1; count < POINTS && pow(10, -k) * (double)roc->other_count >= 1; k += 0.25)
		ret[count++] = (struct plot_point){
			pow(10, -k), roc_recall(roc, roc_threshold(roc, pow(10, -k)))};
	return count;
}

static bool figure_recall(const char *dir, const struct scene_result *r)
{
	/* The eight that a plot has room for: the lesser overlap is left out. */
	static const size_t shown[] = {METHOD_CPF,  METHOD_MMS,     METHOD_STAT, METHOD_NDP1,
	                               METHOD_NDP2, METHOD_JACCARD, METHOD_PHI,  BY_EVIDENCE};
	struct plot_point points[ARRAY_LEN(shown)][POINTS];
	struct plot_series series[ARRAY_LEN(shown)];
	char name[128];
	struct plot plot = {
		.title = "Recall at a false rate",
		.note = r->scene->what,
		.x = {.label = "share of unrelated pairs accepted", .is_log = true},
		.y = {.label = "share of true pairs found", .min = 0, .max = 1},
		.series = series,
		.series_count = ARRAY_LEN(shown),
	};

	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		series[i] = (struct plot_series){compare_name(shown[i]), points[i],
		                                 recall_points(&r->roc[shown[i]], points[i]), true};
	snprintf(name, sizeof(name), "%s-recall", r->scene->name);
	return write_plot(dir, name, &plot);
}

static bool figure_cycles(const char *dir, const struct scene_result *r)
{
	static const int rates[] = {3, 4, 5, 6};
	static const char *const rate_names[] = {"1e-3", "1e-4", "1e-5", "1e-6"};
	const char *names[CYCLES];
	struct plot_point points[ARRAY_LEN(rates)][CYCLES];
	struct plot_series series[ARRAY_LEN(rates)];
	char name[128];
	struct plot plot = {
		.title = "Recall by the target's silences",
		.note = r->scene->what,
		.x = {.label = "silences of the target", .names = names, .name_count = CYCLES},
		.y = {.label = "share of true pairs found", .min = 0, .max = 1},
		.series = series,
		.series_count = ARRAY_LEN(rates),
	};

	for (size_t c = 0; c < CYCLES; c++)
		names[c] = study_cycles[c].name;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		double rate = pow(10, -rates[i]);

		for (size_t c = 0; c < CYCLES; c++) {
			const struct roc *roc = &r->by_cycles[c];
			bool is_known = rate * (double)roc->other_count >= 1;

			points[i][c] = (struct plot_point){
				(double)c,
				is_known ? roc_recall(roc, roc_threshold(roc, rate)) : (double)NAN};
		}
		series[i] = (struct plot_series){rate_names[i], points[i], CYCLES, true};
	}
	snprintf(name, sizeof(name), "%s-cycles", r->scene->name);
	return write_plot(dir, name, &plot);
}

bool figure_scene(const char *dir, const struct scene_result *r)
{
	return figure_recall(dir, r) && figure_cycles(dir, r);
}

/* The class, of those not drawn yet, that comes nearest to breaking the promise; `count`: none. */
static size_t worst_of(const struct class_result *results, size_t count, const bool *is_drawn)
{
	double worst = 0;
	size_t ret = count;

	for (size_t c = 0; c < count; c++) {
		const struct roc *roc = &results[c].roc[BY_EVIDENCE];
		double rate = roc_false(roc, 1) + 1e-3 * roc_false(roc, 0);

		if (!is_drawn[c] && !results[c].of->is_coupled && rate > worst) {
			worst = rate;
			ret = c;
		}
	}
	return ret;
}

bool figure_classes(const char *dir, const struct class_result *results, size_t count)
{
	struct plot_point points[PLOT_SERIES_MAX][POINTS];
	struct plot_series series[PLOT_SERIES_MAX];
	bool *is_drawn = must_alloc(count, sizeof(*is_drawn));
	size_t used = 1;
	struct plot plot = {
		.title = "What the evidence promises, and what happens",
		.note = "unrelated pairs; below the line is as promised; the seven worst classes",
		.x = {.label = "E, at least", .is_log = true, .min = 1, .max = 1e6},
		.y = {.label = "share of unrelated pairs", .is_log = true},
		.series = series,
	};

	for (size_t i = 0; i < POINTS / 4; i++)
		points[0][i] = (struct plot_point){pow(10, (double)i * 6 / 15),
		                                   pow(10, -(double)i * 6 / 15)};
	series[0] = (struct plot_series){"promised: 1/E", points[0], POINTS / 4, false};
	for (size_t c;
	     used < PLOT_SERIES_MAX && (c = worst_of(results, count, is_drawn)) < count;) {
		const struct roc *roc = &results[c].roc[BY_EVIDENCE];

		is_drawn[c] = true;
		for (size_t i = 0; i < POINTS; i++) {
			double decades = (double)i * 6 / (POINTS - 1),
			       share = roc_false(roc, decades);

			points[used][i] = (struct plot_point){pow(10, decades),
			                                      share > 0 ? share : (double)NAN};
		}
		series[used] =
			(struct plot_series){results[c].of->name, points[used], POINTS, false};
		used++;
	}
	free(is_drawn);
	plot.series_count = used;
	return write_plot(dir, "classes", &plot);
}
