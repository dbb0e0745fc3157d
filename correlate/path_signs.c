/*
 * Which of two hops of one chain is nearer to the target, where their starts lie within the slack.
 *
 * What a clock is off moves the start of a hop and its lag alike: one taken off the other, that is
 * gone. What is left is the start before the hop's first key, and the key needs less time from hop
 * to hop than a login does.
 *
 *	                     hop 1, its clock 2 s ahead          hop 2
 *	starts                    12.0                            10.5
 *	its edges' lag            +1.9                             0.0
 *	start - lag               10.1                <           10.5    hop 1 is upstream
 */
#include "correlate/path_work.h"
#include "correlate/span.h"

#include <math.h>

/* Where a group stands in time, by one of its views. */
struct standing {
	const struct match *view; /* NULL: timing tells nothing of it */
	double lag_ms, error_ms;
};

/* The target's own lag is none. */
static struct standing standing_by(const struct match *m)
{
	if (m == NULL || m->is_target)
		return (struct standing){.view = m};
	return (struct standing){m, (double)m->lag_ms, (double)m->lag_error_ms};
}

static const struct match *best_view(const struct group *g)
{
	return g->target != NULL ? g->target : g->lag_of;
}

static bool is_one_clock(const struct match *a, const struct match *b)
{
	return a->node == b->node && addr_equal(&a->view.exporter, &b->view.exporter);
}

/* The view of group `g`, found by timing, that the exporter of `m` has told; NULL: none. */
static const struct match *view_by_clock_of(const struct work *w, uint16_t g, const struct match *m)
{
	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *other = w->seen[i].match;

		if (w->seen[i].group == g && !other->is_told && !other->is_translation &&
		    is_one_clock(other, m))
			return other;
	}
	return NULL;
}

/* By what one exporter has told of both, if there is one; else by what tells best. */
static void stand(const struct work *w, uint16_t a_group, uint16_t b_group, struct standing *a,
                  struct standing *b)
{
	*a = standing_by(best_view(&w->groups[a_group]));
	*b = standing_by(best_view(&w->groups[b_group]));
	for (size_t i = 0; i < w->seen_count; i++) {
		const struct match *m = w->seen[i].match, *other;

		if (w->seen[i].group != a_group || m->is_told || m->is_translation)
			continue;
		other = view_by_clock_of(w, b_group, m);
		if (other != NULL) {
			*a = standing_by(m);
			*b = standing_by(other);
			return;
		}
	}
}

static double joint(double a, double b)
{
	return sqrt(a * a + b * b);
}

static int sign(double x, double least)
{
	return (x > least) - (x < -least);
}

static double start_apart_ms(const struct match *a, const struct match *b)
{
	return a->life.start_ms < b->life.start_ms
	               ? -span_real_ms(a->life.start_ms, b->life.start_ms)
	               : span_real_ms(b->life.start_ms, a->life.start_ms);
}

/* By how much the edges of `a` have to come later than those of `b` to be sure of it. */
static double lag_least_ms(const struct standing *a, const struct standing *b, int64_t slack_ms)
{
	return 2 * joint(a->error_ms, b->error_ms) +
	       (is_one_clock(a->view, b->view) ? PATH_CLOCK_MS : (double)slack_ms);
}

bool path_is_lagging(const struct work *w, uint16_t up, uint16_t down)
{
	struct standing a, b;

	stand(w, up, down, &a, &b);
	return a.view != NULL && b.view != NULL &&
	       a.lag_ms - b.lag_ms > lag_least_ms(&a, &b, w->slack_ms);
}

/* By their stretches beside the target's; its own is none. */
static int by_stretch(const struct group *a, const struct group *b)
{
	const struct group *of[] = {a, b};
	double longer_ms[2] = {0, 0};

	for (size_t i = 0; i < 2; i++) {
		if (of[i]->target != NULL)
			continue;
		if (of[i]->hop.stretches < PATH_STRETCHES_MIN)
			return 0;
		longer_ms[i] = (double)of[i]->hop.stretch_ms;
	}
	return sign(longer_ms[1] - longer_ms[0], PATH_STRETCH_MS);
}

/* By what no clock's error within its bounds makes. */
static int sure_sign(const struct work *w, uint16_t a_group, uint16_t b_group,
                     const struct standing *a, const struct standing *b)
{
	int ret = by_stretch(&w->groups[a_group], &w->groups[b_group]);

	if (ret != 0 || a->view == NULL || b->view == NULL)
		return ret;
	if (is_one_clock(a->view, b->view))
		ret = sign(start_apart_ms(a->view, b->view), PATH_CLOCK_MS);
	return ret != 0 ? ret : sign(a->lag_ms - b->lag_ms, lag_least_ms(a, b, w->slack_ms));
}

bool path_is_nearer(const struct work *w, uint16_t a_group, uint16_t b_group)
{
	struct standing a, b;

	stand(w, a_group, b_group, &a, &b);
	return sure_sign(w, a_group, b_group, &a, &b) > 0;
}

int path_signs(const struct work *w, uint16_t a_group, uint16_t b_group)
{
	struct standing a, b;
	int ret;

	stand(w, a_group, b_group, &a, &b);
	ret = sure_sign(w, a_group, b_group, &a, &b);
	if (ret != 0 || a.view == NULL || b.view == NULL || is_one_clock(a.view, b.view))
		return ret;
	return sign(start_apart_ms(a.view, b.view) - (a.lag_ms - b.lag_ms),
	            joint(a.error_ms, b.error_ms));
}
