/*
 * One direction: the edges of one side, the model, moved by a lag, raise the intensity of the
 * other side's edges, the process, each by one spike:
 *
 *	intensity     ___ bound ______/\_____________________/\______
 *	                              ^ model's edge + lag    ^
 *	process       ...off..........| edge: factor 1 + spike / bound
 *	                                                 ...off, no edge: factor exp(-spike's area)
 *
 * The factors are those of a change of measure between two point processes, so that their product
 * has an expectation of at most 1 if the process follows an intensity below the bound. A spike
 * counts while the process could have an edge of that kind at all: of coming back, while it has
 * been silent for longer than the gap; of leaving, while it is active. One that has brought its
 * edge is spent. The averages over lags, widths and halves of the connection are fixed before the
 * data are seen, so that they leave the expectation alone.
 */
#include "correlate/evidence.h"

#include "base/util.h"
#include "correlate/total.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define WIDE 4.0 /* an outlier lies within this many widths */
#define NARROW_SHARE .85
#define BACK_HIT 0.8658  /* a silence's end has a partner, unless that one's record was lost */
#define LEAVE_HIT 0.7184 /* its beginning: acknowledgements, echoes, keepalives move it */
#define HIT_MIN 0.2
#define LAGS_MAX 512
#define SPARSE_BELOW_S 0.5     /* narrower: only lags at which edges do meet are tried */
#define DECOY_FROM_DECADES 0.3 /* nothing is to be discounted below */
#define LOSS_MOST 0.77         /* of either side: so much lost is not told from silence */
#define LN10 2.302585092994046

/* How far the edges of a true pair scatter, and how much farther than the clocks it may lag. */
static const struct width {
	double half_s, beyond_s, weight;
} widths[] = {{0.1, 0, 0.30}, {0.3, 0, 0.30}, {0.8, 0, 0.25}, {2.5, 2, 0.10}, {5, 7, 0.05}};

enum half { WHOLE, FIRST, SECOND, HALVES };
static const double half_weights[] = {[WHOLE] = 0.6, [FIRST] = 0.2, [SECOND] = 0.2};

/*
 * What a spike looks like: a narrow box on a wide one. Heights have the chance to hit in them; what
 * is left of it when nothing has been hit is `missed`.
 */
struct spike {
	double narrow_s, wide_s, narrow_height, wide_height, missed;
};

static struct spike spike_of(double half_s, double hit)
{
	return (struct spike){half_s, WIDE * half_s, hit * NARROW_SHARE / (2 * half_s),
	                      hit * (1 - NARROW_SHARE) / (2 * WIDE * half_s), 1 - hit};
}

/* When the process could have an edge: from[k]..to[k], at whose end it has one, if k < fires. */
struct process {
	const double *from, *to, *bound;
	size_t count, fires;
	double from_add_s;
};

/* Per second, that it brings its edge at `u` from its middle. */
static double density(const struct spike *s, double u)
{
	double a = fabs(u);

	return (a <= s->wide_s ? s->wide_height : 0) + (a <= s->narrow_s ? s->narrow_height : 0);
}

static double clamped(double u, double most)
{
	return MAX(-most, MIN(u, most));
}

/* The chance that it has not brought its edge before `u`. */
static double unspent(const struct spike *s, double u)
{
	return 1 - s->narrow_height * (clamped(u, s->narrow_s) + s->narrow_s) -
	       s->wide_height * (clamped(u, s->wide_s) + s->wide_s);
}

struct cursor {      /* over a process, for spikes in ascending order */
	size_t at;   /* the first span that does not end before the spike */
	size_t free; /* the first edge no earlier spike has brought */
};

/* A product of many, as a quotient: one division for all of them. */
struct product {
	double over, under, ln; /* over / under * exp(ln) */
};

#define PRODUCT_ONE ((struct product){1, 1, 0})
#define PRODUCT_MOST 1e100

static void product_fold(struct product *p)
{
	p->ln += log(p->over / p->under);
	p->over = p->under = 1;
}

static double product_ln(const struct product *p)
{
	return p->ln + log(p->over / p->under);
}

static void multiply(const struct spike *s, const struct process *p, double centre,
                     struct cursor *c, struct product *ret)
{
	while (c->at < p->count && p->to[c->at] < centre - s->wide_s)
		c->at++;
	for (size_t k = c->at; k < p->count; k++) {
		double from = p->from[k] + p->from_add_s - centre, to = p->to[k] - centre;

		if (from > s->wide_s)
			return;
		if (from > -s->wide_s)
			ret->under *= unspent(s, from);
		if (to > s->wide_s) { /* and whatever comes later begins later */
			ret->over *= s->missed;
			return;
		}
		if (k < p->fires && k >= c->free) {
			c->free = k + 1;
			ret->over *= unspent(s, to) * p->bound[k] + density(s, to);
			ret->under *= p->bound[k];
			return;
		}
		ret->over *= unspent(s, to);
	}
}

/* What spikes at at_s[0..count) + lag give, of each half. */
static void trial(const struct spike *s, const struct process *p, const double *at_s, size_t count,
                  double lag_s, struct product *first, struct product *second)
{
	struct cursor c = {0, 0};

	for (size_t j = 0; j < count; j++) {
		struct product *half = j < count / 2 ? first : second;

		multiply(s, p, at_s[j] + lag_s, &c, half);
		if (MAX(half->over, half->under) > PRODUCT_MOST ||
		    MIN(half->over, half->under) < 1 / PRODUCT_MOST)
			product_fold(half);
	}
}

struct lags { /* what the evidence says of the lag: its moments, by weight */
	double top, weight, sum, squares;
};

static void note_lag(struct lags *l, double ln, double lag_s)
{
	double scale;

	if (ln > l->top) {
		scale = exp(l->top - ln);
		l->weight *= scale;
		l->sum *= scale;
		l->squares *= scale;
		l->top = ln;
	}
	if (ln < l->top - TOTAL_DIGITS)
		return;
	scale = exp(ln - l->top);
	l->weight += scale;
	l->sum += scale * lag_s;
	l->squares += scale * lag_s * lag_s;
}

/* The processes of one side; risk of leaving lasts through its final activity, which has no end. */
struct processes {
	double on_from[EDGES_MAX + 1], on_to[EDGES_MAX + 1];
	struct process leave, back;
};

static void processes_of(const struct side *side, struct processes *ret)
{
	const struct edges *e = &side->edges;

	for (size_t k = 0; k <= e->count; k++) {
		ret->on_from[k] = k > 0 ? e->back_s[k - 1] : e->first_s;
		ret->on_to[k] = k < e->count ? e->leave_s[k] : e->last_s;
	}
	ret->leave = (struct process){ret->on_from, ret->on_to, side->prediction.leave,
	                              e->count + 1, e->count,   0};
	ret->back = (struct process){e->leave_s, e->back_s, side->prediction.back,
	                             e->count,   e->count,  e->gap_s};
}

/* How many edges of like kind lie at about each lag of a grid: what a narrow spike could bring. */
struct grid {
	double first_s, step_s; /* of its lags */
	size_t count;
	uint16_t near[LAGS_MAX + 1];
};

static void count_near(const double *model_s, size_t model_count, const double *process_s,
                       size_t process_count, double wide_s, struct grid *g)
{
	double last_s = g->first_s + g->step_s * (double)(g->count - 1);
	size_t first = 0;

	for (size_t j = 0; j < model_count; j++) {
		while (first < process_count && process_s[first] < model_s[j] + g->first_s - wide_s)
			first++;
		for (size_t k = first;
		     k < process_count && process_s[k] <= model_s[j] + last_s + wide_s; k++) {
			double apart_s = process_s[k] - model_s[j] - g->first_s;
			double from = (apart_s - wide_s) / g->step_s;
			double to = (apart_s + wide_s) / g->step_s;
			size_t i = from > 0 ? (size_t)from : 0;

			if ((double)i < from)
				i++;
			for (; i < g->count && (double)i <= to; i++)
				g->near[i]++;
		}
	}
}

/* The share of the fullest that a lag must reach to be tried. */
static unsigned least_near(const struct grid *g)
{
	unsigned most = 0;

	for (size_t i = 0; i < g->count; i++)
		most = MAX(most, g->near[i]);
	return MAX(most / 3, 2);
}

struct direction {
	const struct edges *model, *edges; /* of the process */
	const struct processes *process;
	double loss; /* of the process alone: what the model lacks asks for nothing */
	double centre_s, reach_s;
	double sign; /* -1: lags are turned, this being the reverse */
};

static double hit_of(double hit, double loss)
{
	return MAX(hit * (1 - loss), HIT_MIN);
}

/* All lags of one width, or only where there is something to be found: the others count as 0. */
static void try_width(const struct direction *d, const struct width *width,
                      struct total totals[HALVES], struct lags *lags)
{
	const struct edges *m = d->model;
	double half_s = width->half_s, reach_s = d->reach_s + width->beyond_s;
	double steps = floor(MIN(reach_s / half_s, LAGS_MAX / 2.0));
	double step_s = steps > 0 ? reach_s / steps : 1;
	double share = log(width->weight / (2 * steps + 1));
	struct spike back = spike_of(half_s, hit_of(BACK_HIT, d->loss));
	struct spike leave = spike_of(1.5 * half_s + 0.2, hit_of(LEAVE_HIT, d->loss));
	struct grid grid = {.first_s = d->sign * d->centre_s - steps * step_s,
	                    .step_s = step_s,
	                    .count = (size_t)(2 * steps + 1)};
	unsigned least = 0;

	if (half_s < SPARSE_BELOW_S) {
		count_near(m->back_s, m->count, d->edges->back_s, d->edges->count, back.wide_s,
		           &grid);
		least = least_near(&grid);
	}
	for (size_t i = 0; i < grid.count; i++) {
		double lag_s = grid.first_s + (double)i * step_s, ln[HALVES];
		struct product first = PRODUCT_ONE, second = PRODUCT_ONE;

		if (grid.near[i] < least)
			continue;
		trial(&back, &d->process->back, m->back_s, m->count, lag_s, &first, &second);
		trial(&leave, &d->process->leave, m->leave_s, m->count, lag_s, &first, &second);
		ln[FIRST] = product_ln(&first);
		ln[SECOND] = product_ln(&second);
		ln[WHOLE] = ln[FIRST] + ln[SECOND];
		for (int h = WHOLE; h < HALVES; h++) {
			total_add(&totals[h], ln[h] + share);
			if (lags != NULL)
				note_lag(lags, ln[h] + share + log(half_weights[h]),
				         d->sign * lag_s);
		}
	}
}

static void direction(const struct direction *d, struct total totals[HALVES], struct lags *lags)
{
	for (size_t w = 0; w < ARRAY_LEN(widths); w++)
		try_width(d, &widths[w], totals, lags);
}

struct duel {
	const struct side *target, *candidate;
	struct processes of_target, of_candidate;
	double loss_least, reach_s;
};

struct decades { /* log10 E of each half by itself */
	double of[HALVES];
};

/* Their average by weight. */
static double all_of(const struct decades *e)
{
	struct total total = TOTAL_NOTHING;

	for (int h = WHOLE; h < HALVES; h++)
		total_add(&total, e->of[h] * LN10 + log(half_weights[h]));
	return total_ln(&total) / LN10;
}

static struct decades decades_at(const struct duel *d, double centre_s, struct lags *lags)
{
	const struct direction there = {&d->target->edges,
	                                &d->candidate->edges,
	                                &d->of_candidate,
	                                MAX(d->candidate->loss, d->loss_least),
	                                centre_s,
	                                d->reach_s,
	                                1};
	const struct direction back = {&d->candidate->edges,
	                               &d->target->edges,
	                               &d->of_target,
	                               MAX(d->target->loss, d->loss_least),
	                               centre_s,
	                               d->reach_s,
	                               -1};
	struct total totals[HALVES] = {TOTAL_NOTHING, TOTAL_NOTHING, TOTAL_NOTHING};
	struct decades ret;

	direction(&there, totals, lags);
	direction(&back, totals, lags);
	for (int h = WHOLE; h < HALVES; h++)
		ret.of[h] = (total_ln(&totals[h]) - log(2)) / LN10;
	return ret;
}

/*
 * Decoys: where the pair agrees best when it is moved apart by more than any lag could explain, and
 * by what jobs usually repeat after.
 */
#define DECOYS 6
#define DECOY_REACH_S 900
#define BUCKETS (2 * DECOY_REACH_S + 1) /* of a second */
static const double usual_s[] = {-600, -300, -120, -60, 60, 120, 300, 600};

/* Nearer than this, the widest spikes of a decoy's lags still meet the true ones. */
static double decoy_near_s(const struct duel *d)
{
	const struct width *widest = &widths[ARRAY_LEN(widths) - 1];

	return 2 * (d->reach_s + widest->beyond_s) + WIDE * widest->half_s;
}

static void count_differences(const struct duel *d, uint16_t buckets[BUCKETS])
{
	const struct edges *a = &d->target->edges, *b = &d->candidate->edges;
	size_t first = 0;

	for (size_t i = 0; i < a->count; i++) {
		while (first < b->count && b->back_s[first] < a->back_s[i] - DECOY_REACH_S)
			first++;
		for (size_t k = first; k < b->count; k++) {
			double apart = b->back_s[k] - a->back_s[i];

			if (apart > DECOY_REACH_S)
				break;
			if (fabs(apart) > decoy_near_s(d) + 1)
				buckets[(size_t)(apart + DECOY_REACH_S)]++;
		}
	}
}

/* The fullest pair of neighbours, which is emptied; its middle. 0 when none has two. */
static double take_fullest(uint16_t buckets[BUCKETS])
{
	size_t best = 0;
	unsigned most = 1;

	for (size_t i = 0; i + 1 < BUCKETS; i++) {
		unsigned sum = (unsigned)buckets[i] + buckets[i + 1];

		if (sum > most) {
			most = sum;
			best = i;
		}
	}
	if (most < 2)
		return 0;
	buckets[best] = buckets[best + 1] = 0;
	return (double)best + 1 - DECOY_REACH_S;
}

static void try_decoy(const struct duel *d, double centre_s, struct decades *best)
{
	struct decades got;

	if (fabs(centre_s) <= decoy_near_s(d))
		return;
	got = decades_at(d, centre_s, NULL);
	for (int h = WHOLE; h < HALVES; h++)
		best->of[h] = MAX(best->of[h], got.of[h]);
}

/* Of each half by itself; nothing below 0. */
static struct decades best_decoys(const struct duel *d)
{
	uint16_t buckets[BUCKETS] = {0};
	struct decades best = {{0}};

	count_differences(d, buckets);
	for (int i = 0; i < DECOYS; i++) {
		double centre_s = take_fullest(buckets);

		if (centre_s != 0)
			try_decoy(d, centre_s, &best);
	}
	for (size_t i = 0; i < ARRAY_LEN(usual_s); i++)
		try_decoy(d, usual_s[i], &best);
	return best;
}

/* Which of two decoys that are equally full is tried must not depend on who is whose target. */
static bool is_after(const struct edges *a, const struct edges *b)
{
	if (a->first_s != b->first_s)
		return a->first_s > b->first_s;
	if (a->last_s != b->last_s || a->count != b->count)
		return a->last_s != b->last_s ? a->last_s > b->last_s : a->count > b->count;
	for (size_t k = 0; k < a->count; k++) {
		if (a->leave_s[k] != b->leave_s[k])
			return a->leave_s[k] > b->leave_s[k];
		if (a->back_s[k] != b->back_s[k])
			return a->back_s[k] > b->back_s[k];
	}
	return false;
}

void side_predict(struct side *side)
{
	predict(&side->edges, &side->prediction);
}

/* Returns whether they are turned round. */
static bool begin(const struct side *target, const struct side *candidate, double lag_s,
                  struct duel *ret)
{
	bool is_turned = is_after(&target->edges, &candidate->edges);

	ret->target = is_turned ? candidate : target;
	ret->candidate = is_turned ? target : candidate;
	ret->loss_least = 0;
	ret->reach_s = lag_s;
	processes_of(ret->target, &ret->of_target);
	processes_of(ret->candidate, &ret->of_candidate);
	return is_turned;
}

/*
 * What repeats itself agrees nearly as well elsewhere. Where it does not half as well, that is what
 * chance does to a few edges, and it is a matter of chance which decoy another true edge meets. Of
 * each half by itself: behind a clock that has jumped one agrees in place, and the other elsewhere.
 */
static void discount(struct decades *e, const struct decades *decoys)
{
	for (int h = WHOLE; h < HALVES; h++) {
		if (decoys->of[h] > 0)
			e->of[h] -= MAX(2 * decoys->of[h] - e->of[h], 0);
	}
}

void evidence_of(const struct side *target, const struct side *candidate, double lag_s,
                 struct evidence *ret)
{
	struct duel duel;
	bool is_turned = begin(target, candidate, lag_s, &duel);
	struct lags lags = {.top = -INFINITY};
	struct decades e = decades_at(&duel, 0, &lags);
	double variance;

	*ret = (struct evidence){.plain_decades = all_of(&e)};
	if (ret->plain_decades >= DECOY_FROM_DECADES) {
		struct decades decoys = best_decoys(&duel);

		discount(&e, &decoys);
		ret->decoy_decades = decoys.of[WHOLE];
	}
	ret->decades = all_of(&e);
	ret->lag_s = lags.sum / lags.weight;
	variance = lags.squares / lags.weight - ret->lag_s * ret->lag_s;
	if (is_turned)
		ret->lag_s = -ret->lag_s;
	ret->lag_error_s = sqrt(MAX(variance, 0));
}

double evidence_against(const struct side *target, const struct side *candidate, double lag_s)
{
	struct duel duel;
	struct decades e;

	begin(target, candidate, lag_s, &duel);
	duel.loss_least = LOSS_MOST;
	e = decades_at(&duel, 0, NULL);
	return MIN(all_of(&e), 0);
}
