#include "tools/sim/report.h"

#include "base/util.h"
#include "tools/plot.h"
#include "tools/sim/job.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOT_RUN SIZE_MAX

struct contender {
	const char *label, *rule;
	bool is_urgent;
};

/* clang-format off */
static const struct contender contenders[] = {
	{"spoor",         STORY_RULE,  false},
	{"spoor, urgent", STORY_RULE,  true},
	{"gossip",        "gossip",    false},
	{"kadcast",       "kadcast",   false},
	{"el-ansary",     "el-ansary", false},
};

static const struct level {
	const char *label;
	double loss, byzantine, dead;
} levels[] = {
	{"none",         0.00, 0.00, 0.00},
	{"5 / 10 / 5",   0.05, 0.10, 0.05},
	{"5 / 20 / 10",  0.05, 0.20, 0.10},
	{"10 / 30 / 10", 0.10, 0.30, 0.10},
};
/* clang-format on */

#define CLEAN 0
#define USUAL 2 /* the faults of the plots over N */
#define LEVEL_NOTE "% of datagrams lost / of nodes that take a query and drop it / dead"

static const struct extent {
	double sizes[6];
	size_t size_count, middle; /* the size at which all levels are run */
} full = {{16, 64, 256, 1000, 4000, 10000}, 6, 3}, quick = {{16, 64}, 2, 1};

struct grid {
	const struct extent *extent;
	struct job *jobs;
	size_t job_count, done;
	size_t cells[6][ARRAY_LEN(levels)][ARRAY_LEN(contenders)]; /* indexes of jobs, or NOT_RUN */
	const char *dir;
	char *reterr;
};

static struct job *cell(const struct grid *g, size_t size, size_t level, size_t contender)
{
	size_t i = g->cells[size][level][contender];

	return i == NOT_RUN || !g->jobs[i].is_done ? NULL : &g->jobs[i];
}

static void plan_cell(struct grid *g, const struct story *base, size_t size, size_t level,
                      size_t contender)
{
	struct story *story = &g->jobs[g->job_count].story;

	*story = *base;
	story->nodes = (uint64_t)g->extent->sizes[size];
	story->loss = levels[level].loss;
	story->byzantine = levels[level].byzantine;
	story->dead = levels[level].dead;
	story->rule = contenders[contender].rule;
	story->is_urgent = contenders[contender].is_urgent;
	story->narrative = NULL;
	g->cells[size][level][contender] = g->job_count++;
}

static void plan(struct grid *g, const struct story *base)
{
	for (size_t s = 0; s < g->extent->size_count; s++) {
		for (size_t l = 0; l < ARRAY_LEN(levels); l++) {
			bool is_run = l == CLEAN || l == USUAL || s == g->extent->middle;

			for (size_t c = 0; c < ARRAY_LEN(contenders); c++) {
				g->cells[s][l][c] = NOT_RUN;
				if (is_run)
					plan_cell(g, base, s, l, c);
			}
		}
	}
}

static void tell(void *ctx, const struct job *job)
{
	struct grid *g = ctx;

	fprintf(stderr, "%3zu/%zu  ", ++g->done, g->job_count);
	story_command(stderr, &job->story);
	fprintf(stderr, job->is_done ? "  %.1f s\n" : "  failed\n", job->result.cpu_s);
}

static FILE *open_in(struct grid *g, const char *name)
{
	char path[PATH_MAX];
	FILE *f = NULL;

	if (snprintf(path, sizeof(path), "%s/%s", g->dir, name) < (int)sizeof(path))
		f = fopen(path, "w");
	if (f == NULL)
		snprintf(g->reterr, REPORT_REASON_MAX, "cannot write %.150s/%s: %s", g->dir, name,
		         strerror(errno));
	return f;
}

static bool close_in(struct grid *g, const char *name, FILE *f)
{
	bool is_fine = ferror(f) == 0;

	is_fine = fclose(f) == 0 && is_fine;
	if (!is_fine)
		snprintf(g->reterr, REPORT_REASON_MAX, "cannot write %.150s/%s: %s", g->dir, name,
		         strerror(errno));
	return is_fine;
}

static double coverage_of(const struct result *r)
{
	return 100 * r->coverage_6s;
}

static double copies_of(const struct result *r)
{
	return r->copies_per_node;
}

static double p99_of(const struct result *r)
{
	return (double)r->delay_p99_ms;
}

/* One series for each contender, over the sizes or over the levels. */
struct chart {
	const char *file, *title, *note, *y_label;
	double (*value)(const struct result *r);
	bool is_over_levels;
	size_t level; /* over sizes: of which faults */
	double max;   /* of y; 0: as it comes */
};

/* clang-format off */
static const struct chart charts[] = {
	{"coverage-nodes.svg", "Who has heard a question within 6 s, by size",
	 "5 % of datagrams lost, 20 % of nodes drop what they take, 10 % dead",
	 "% of honest nodes, mean", coverage_of, false, USUAL, 102},
	{"coverage-faults.svg", "Who has heard a question within 6 s, by faults",
	 LEVEL_NOTE, "% of honest nodes, mean", coverage_of, true, 0, 102},
	{"copies-nodes.svg", "What it costs",
	 "no faults; copies of a question that each node receives", "copies", copies_of, false, CLEAN, 0},
	{"copies-faults.svg", "What it costs, by faults",
	 LEVEL_NOTE, "copies to each honest node", copies_of, true, 0, 0},
	{"delay-nodes.svg", "How long it takes 99 % of those who hear, by size",
	 "5 % of datagrams lost, 20 % of nodes drop what they take, 10 % dead",
	 "ms", p99_of, false, USUAL, 0},
};
/* clang-format on */

static bool draw_chart(struct grid *g, const struct chart *chart)
{
	struct plot_point points[ARRAY_LEN(contenders)][6];
	struct plot_series series[ARRAY_LEN(contenders)];
	const char *names[ARRAY_LEN(levels)];
	size_t count = chart->is_over_levels ? ARRAY_LEN(levels) : g->extent->size_count;
	struct plot plot = {
		.title = chart->title,
		.note = chart->note,
		.x = {.label = chart->is_over_levels ? "faults" : "nodes",
	              .is_log = !chart->is_over_levels,
	              .ticks = chart->is_over_levels ? NULL : g->extent->sizes,
	              .tick_count = g->extent->size_count},
		.y = {.label = chart->y_label, .max = chart->max},
		.series = series,
		.series_count = ARRAY_LEN(contenders),
	};
	FILE *f = open_in(g, chart->file);

	for (size_t l = 0; l < ARRAY_LEN(levels); l++)
		names[l] = levels[l].label;
	plot.x.names = chart->is_over_levels ? names : NULL;
	plot.x.name_count = ARRAY_LEN(levels);
	for (size_t c = 0; c < ARRAY_LEN(contenders); c++) {
		for (size_t i = 0; i < count; i++) {
			size_t size = chart->is_over_levels ? g->extent->middle : i;
			const struct job *job =
				cell(g, size, chart->is_over_levels ? i : chart->level, c);

			points[c][i].x = chart->is_over_levels ? (double)i : g->extent->sizes[i];
			points[c][i].y = job == NULL ? RESULT_NONE : chart->value(&job->result);
		}
		series[c] = (struct plot_series){contenders[c].label, points[c], count, true};
	}
	if (f == NULL)
		return false;
	plot_write(f, &plot);
	return close_in(g, chart->file, f);
}

static bool draw_cdf(struct grid *g)
{
	static const char file[] = "delay.svg";
	struct plot_point points[ARRAY_LEN(contenders)][RESULT_CDF];
	struct plot_series series[ARRAY_LEN(contenders)];
	char title[128];
	struct plot plot = {
		.title = title,
		.note = "5 % of datagrams lost, 20 % of nodes drop what they take, 10 % dead",
		.x = {.label = "ms after it was asked", .min = 20, .max = 10000, .is_log = true},
		.y = {.label = "% of honest nodes", .max = 102},
		.series = series,
		.series_count = ARRAY_LEN(contenders),
	};
	FILE *f = open_in(g, file);

	snprintf(title, sizeof(title), "How soon a question is heard, %.0f nodes",
	         g->extent->sizes[g->extent->middle]);
	for (size_t c = 0; c < ARRAY_LEN(contenders); c++) {
		const struct job *job = cell(g, g->extent->middle, USUAL, c);

		for (size_t i = 0; i < RESULT_CDF; i++) {
			points[c][i] = (struct plot_point){RESULT_NONE, (double)i};
			if (job != NULL && job->result.cdf_ms[i] > 0)
				points[c][i].x = job->result.cdf_ms[i];
		}
		series[c] = (struct plot_series){contenders[c].label, points[c], RESULT_CDF, false};
	}
	if (f == NULL)
		return false;
	plot_write(f, &plot);
	return close_in(g, file, f);
}

static void write_row(FILE *f, const struct job *job, const char *label, const char *level)
{
	const struct result *r = &job->result;

	fprintf(f, "| %" PRIu64 " | %s | %s ", job->story.nodes, level, label);
	if (!job->is_done) {
		fputs("| failed | | | | | | | |\n", f);
		return;
	}
	fprintf(f, "| %.3f %% | %.3f %% | %.3f %% ", 100 * r->coverage_3s, 100 * r->coverage_6s,
	        100 * r->coverage_min);
	fprintf(f, "| %.2f | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | ", r->copies_per_node,
	        r->delay_p50_ms, r->delay_p99_ms, r->hops_p99);
	if (isnan(r->answered_mean))
		fputs("- | ", f);
	else
		fprintf(f, "%.2f %% | ", 100 * r->answered_mean);
	fprintf(f, "%.1f s, %" PRIu64 " MiB | %" PRIu64 " |\n", r->cpu_s, r->peak_rss_kb / 1024,
	        r->violations);
}

static bool write_table(struct grid *g, const struct story *base, bool is_quick)
{
	FILE *f = open_in(g, "report.md");

	if (f == NULL)
		return false;
	fprintf(f,
	        "# How questions spread\n\n"
	        "Made by `spoor-sim --report DIR%s --seed %" PRIu64 " --queries %" PRIu64
	        "`, revision %s.\n\n",
	        is_quick ? " --quick" : "", base->seed, base->queries, SPOOR_COMMIT);
	fputs("`spoor` is the overlay itself. `gossip`, `kadcast` and `el-ansary` are models of "
	      "other "
	      "rules on the same links, with the same dead and the same liars; their tables are "
	      "ideal. ",
	      f);
	fputs("Faults: " LEVEL_NOTE ". Shares are of the honest that live.\n\n", f);
	for (size_t i = 0; i < ARRAY_LEN(charts); i++)
		fprintf(f, "![%s](%s)\n\n", charts[i].title, charts[i].file);
	fputs("![How soon a question is heard](delay.svg)\n\n", f);
	fputs("| N | faults | rule | within 3 s | within 6 s | least | copies | p50 ms | p99 ms | "
	      "hops p99 | answered | cost | violations |\n"
	      "|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
	      f);
	for (size_t s = 0; s < g->extent->size_count; s++) {
		for (size_t l = 0; l < ARRAY_LEN(levels); l++) {
			for (size_t c = 0; c < ARRAY_LEN(contenders); c++) {
				size_t i = g->cells[s][l][c];

				if (i != NOT_RUN)
					write_row(f, &g->jobs[i], contenders[c].label,
					          levels[l].label);
			}
		}
	}
	return close_in(g, "report.md", f);
}

static bool write_lines(struct grid *g)
{
	FILE *f = open_in(g, "results.jsonl");

	if (f == NULL)
		return false;
	for (size_t i = 0; i < g->job_count; i++) {
		if (g->jobs[i].is_done)
			result_json(f, &g->jobs[i].story, &g->jobs[i].result, true);
	}
	return close_in(g, "results.jsonl", f);
}

static bool write_all(struct grid *g, const struct story *base, bool is_quick)
{
	for (size_t i = 0; i < ARRAY_LEN(charts); i++) {
		if (!draw_chart(g, &charts[i]))
			return false;
	}
	return draw_cdf(g) && write_lines(g) && write_table(g, base, is_quick);
}

bool report_run(const struct story *base, const char *dir, bool is_quick,
                char reterr[REPORT_REASON_MAX])
{
	struct grid g = {.extent = is_quick ? &quick : &full, .dir = dir, .reterr = reterr};
	bool is_fine;

	if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
		snprintf(reterr, REPORT_REASON_MAX, "cannot make %.150s: %s", dir, strerror(errno));
		return false;
	}
	snprintf(reterr, REPORT_REASON_MAX, "no memory or no processes");
	g.jobs = calloc(6 * ARRAY_LEN(levels) * ARRAY_LEN(contenders), sizeof(*g.jobs));
	if (g.jobs == NULL)
		return false;
	plan(&g, base);
	is_fine = job_run(g.jobs, g.job_count, tell, &g) && write_all(&g, base, is_quick);
	free(g.jobs);
	return is_fine;
}
