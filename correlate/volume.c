/*
 * One way of one direction: the octets of each record of one side, the subject, given those of its
 * past and all of the other side's, the model. In logarithms, where an overhead is a sum:
 *
 *	null         p(z) <= f0(z): an envelope of what the past announced (predict.h)
 *	alternative  f1(z): a narrow box around what the model carried, and the overhead until then
 *	factor       1 - BET + BET f1(z) / f0(z), where that promises something before z is seen
 *
 * The factors have an expectation of at most 1 under every law below the envelope, and so has their
 * product, whatever the overhead's estimate; BET bounds what a lost record can cost. The averages
 * over lags, widths, halves, ways and directions are fixed beforehand.
 */
#include "correlate/volume.h"

#include "base/util.h"
#include "correlate/span.h"
#include "correlate/total.h"

#include <math.h>
#include <stdlib.h>

#define SPAN_MAX_S (VOLUME_SPAN_MAX_MS / 1e3)
#define NEAR_S 10.0
#define OCTETS_MAX 1.8e19 /* more does not fit a count */
#define LENGTH_MIN_S 5.0  /* shorter, what the clocks leave open is too large a share */
#define COVERED_MIN 0.95  /* of a record's time, by records of the model: else one was lost */
#define OVERHEAD_MAX 0.3  /* natural logarithm; more was not passed on as it was */
#define PAST_MIN 2        /* records before the first that is compared */
#define BET 0.7
#define PROMISE_MIN 2.0 /* f1 / f0 if all is as foreseen */
#define NARROW_SHARE .85
#define WIDE 4.0
#define RECENT 8 /* records that the overhead is learnt from */
#define DECOY_FROM_DECADES 0.3
#define LN10 2.302585092994046

/* The envelope. */
#define FLOOR 0.5       /* nothing is less likely, where it is not known to be likelier */
#define CENTRE_MIN 2e-3 /* how exact an expectation can be */
#define COMMON_MIN 0.05 /* and a bottleneck's that both share: shares of it scatter */
#define HABIT 2.0
#define LIKE 0.1
#define EXPECTATIONS 9

#define HABITS 4
static const double habit_near[HABITS] = {0.1, 0.03, 0.01, 0.003};

/* How far a true pair's logarithms scatter, half a box. */
static const struct {
	double half, weight;
} widths[] = {{0.002, 0.3}, {0.005, 0.4}, {0.012, 0.3}};

static const double lags_s[] = {-4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4};

/* So many records of the subject are taken as one: where cuts lie apart, only longer spans tell. */
static const struct {
	size_t records;
	double weight;
} spans[] = {{1, 0.6}, {3, 0.2}, {6, 0.2}};
static const double decoys_s[] = {-600, -300, -120, -60, 60, 120, 300, 600};

enum half { WHOLE, FIRST, SECOND, HALVES };
static const double half_weights[] = {[WHOLE] = 0.6, [FIRST] = 0.2, [SECOND] = 0.2};

/* Who opened a connection is sometimes guessed wrong. */
static const double way_weights[VOLUME_WAYS][VOLUME_WAYS] = {{0.4, 0.1}, {0.1, 0.4}};

/*
 * Records to legs.
 */

static int by_time(const void *left, const void *right)
{
	const struct volume *a = left, *b = right;
	int cmp = (a->on.start_ms > b->on.start_ms) - (a->on.start_ms < b->on.start_ms);

	if (cmp == 0)
		cmp = (a->on.end_ms > b->on.end_ms) - (a->on.end_ms < b->on.end_ms);
	return cmp != 0 ? cmp : (a->octets > b->octets) - (a->octets < b->octets);
}

static double since_s(int64_t at_ms, int64_t origin_ms, int64_t late_ms)
{
	double ms = span_real_ms(origin_ms, at_ms) - span_real_ms(at_ms, origin_ms);

	return (ms - (double)late_ms) / 1e3;
}

static bool leg_of(const struct volume *v, int64_t origin_ms, int64_t late_ms,
                   struct volume_leg *ret)
{
	ret->from_s = since_s(v->on.start_ms, origin_ms, late_ms);
	ret->to_s = since_s(v->on.end_ms, origin_ms, late_ms);
	ret->octets = (double)v->octets;
	return v->octets > 0 && ret->from_s <= ret->to_s && ret->from_s >= -SPAN_MAX_S &&
	       ret->to_s <= SPAN_MAX_S;
}

/* What does not fit is left out: the first ones tell enough. */
static void fill(struct volume_way *way, const struct volume *v, int64_t origin_ms, int64_t late_ms)
{
	if (way->count < VOLUME_LEGS_MAX && leg_of(v, origin_ms, late_ms, &way->legs[way->count]))
		way->count++;
}

void volume_way_of(struct volume *records, size_t count, int64_t origin_ms, struct volume_way *ret)
{
	ret->count = 0;
	if (count > 0)
		qsort(records, count, sizeof(records[0]), by_time);
	for (size_t i = 0; i < count; i++)
		fill(ret, &records[i], origin_ms, 0);
}

static size_t way_of(const struct connection *c, const struct sighting *row)
{
	bool is_by_low = endpoint_equal(&c->src, &row->low);

	return row->is_upward == is_by_low ? VOLUME_SENT : VOLUME_ANSWERED;
}

/* Or less than NEAR_S outside, which lags still reach. */
static bool is_within(struct interval on, struct interval when, int64_t late_ms)
{
	double before_s = since_s(on.end_ms, when.start_ms, late_ms);
	double after_s = since_s(on.start_ms, when.end_ms, late_ms);

	return before_s >= -NEAR_S && after_s <= NEAR_S;
}

void volume_side_of(const struct connection *c, struct interval when, struct volume_side *ret)
{
	int64_t late_ms = connection_late_ms(c);

	ret->is_sampled = false;
	for (size_t way = 0; way < VOLUME_WAYS; way++)
		ret->way[way].count = 0;
	for (size_t i = 0; i < c->records; i++) {
		const struct sighting *row = &c->rows[i];

		if (!is_within(row->on, when, late_ms))
			continue;
		ret->is_sampled = ret->is_sampled || row->is_sampled;
		fill(&ret->way[way_of(c, row)], &(struct volume){row->on, row->octets},
		     when.start_ms, late_ms);
	}
}

double volume_octets(const struct volume_way *way)
{
	double sum = 0;

	for (size_t i = 0; i < way->count; i++)
		sum += way->legs[i].octets;
	return sum;
}

size_t volume_heavier(const struct volume_side *side)
{
	return volume_octets(&side->way[VOLUME_ANSWERED]) > volume_octets(&side->way[VOLUME_SENT])
	               ? VOLUME_ANSWERED
	               : VOLUME_SENT;
}

static int64_t moment(double at_s, int64_t origin_ms)
{
	double ms = floor(at_s * 1e3 + 0.5);

	return origin_ms + (int64_t)ms;
}

size_t volume_records(const struct volume_way *way, int64_t origin_ms, size_t max,
                      struct volume *ret)
{
	size_t count = MIN(way->count, max);

	for (size_t i = 0; i < count; i++) {
		const struct volume_leg *leg = &way->legs[i];

		ret[i].on = (struct interval){moment(leg->from_s, origin_ms),
		                              moment(leg->to_s, origin_ms)};
		ret[i].octets = leg->octets < OCTETS_MAX ? (uint64_t)leg->octets : UINT64_MAX;
	}
	return count;
}

/*
 * What the model carried meanwhile.
 */

static double length_s(const struct volume_leg *leg)
{
	return leg->to_s - leg->from_s;
}

/*
 * The model's octets between two moments, at an even pace within each record; 0: not covered. From
 * call to call `from_s` does not fall: `first` is of the records that are not over then.
 */
static double carried(const struct volume_way *model, double from_s, double to_s, size_t *first)
{
	double octets = 0, covered_s = 0;

	while (*first < model->count && model->legs[*first].to_s <= from_s)
		++*first;
	for (size_t i = *first; i < model->count; i++) {
		const struct volume_leg *leg = &model->legs[i];
		double common_s = MIN(leg->to_s, to_s) - MAX(leg->from_s, from_s);

		if (leg->from_s > to_s)
			break;
		if (common_s <= 0)
			continue;
		covered_s += common_s;
		octets += leg->octets * common_s / length_s(leg);
	}
	return covered_s >= COVERED_MIN * (to_s - from_s) ? octets : 0;
}

/*
 * The envelope.
 */

struct past { /* of the subject; logarithms */
	double rate[VOLUME_LEGS_MAX], octets[VOLUME_LEGS_MAX];
	size_t count;
};

static double centre(double apart, double least)
{
	return 1 / (2 * MAX(fabs(apart), least));
}

static double mean_of(const double *of, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += of[i];
	return sum / (double)count;
}

/*
 * What the past leads to: the last, its slope, its curve, means. All are linear in the last values,
 * as what is smooth, or drawn back to a mean, goes on.
 */
static size_t expectations(const double *past, size_t count, double ret[EXPECTATIONS])
{
	const double *end = past + count;
	double slope = end[-1] - end[-2];
	double curve = count >= 3 ? slope - (end[-2] - end[-3]) : 0;
	size_t far = MIN(count, 5), n = 0;

	ret[n++] = end[-1];
	ret[n++] = end[-1] + slope;
	ret[n++] = end[-1] + (end[-1] - end[-(ptrdiff_t)far]) / (double)(far - 1);
	ret[n++] = mean_of(end - 2, 2);
	ret[n++] = mean_of(end - far, far);
	ret[n++] = mean_of(past, count);
	ret[n++] = end[-1] + slope + curve;
	ret[n++] = end[-1] + slope + curve / 2;
	if (count >= 4)
		ret[n++] = end[-1] + slope + 2 * curve - (end[-2] - 2 * end[-3] + end[-4]);
	return n;
}

/* Any law that is symmetric about one of these, and falls off from there. */
static double foreseen(const double *past, size_t count, double now)
{
	double of[EXPECTATIONS], most = 0;
	size_t n = expectations(past, count, of);

	for (size_t i = 0; i < n; i++)
		most = MAX(most, centre(now - of[i], CENTRE_MIN));
	return most;
}

/* What was there before, and what came after the like of the last. */
static double habit(const double *past, size_t count, double now)
{
	double alike[HABITS] = {0}, follows[HABITS] = {0}, followed = 0, most = 0;

	for (size_t i = 0; i < count; i++) {
		double apart = fabs(past[i] - now);
		bool is_after = i > 0 && fabs(past[i - 1] - past[count - 1]) <= LIKE;

		followed += is_after;
		for (size_t h = 0; h < HABITS && apart <= habit_near[h]; h++) {
			alike[h]++;
			follows[h] += is_after;
		}
	}
	for (size_t h = 0; h < HABITS; h++) {
		double share = alike[h] / (double)count;

		if (followed > 0)
			share = MAX(share, follows[h] / followed);
		most = MAX(most, HABIT * share / (2 * habit_near[h]));
	}
	return most;
}

struct trial { /* one record of the subject */
	double log_octets, log_length;
	double expected; /* octets, logarithm, with the overhead */
	double common;   /* the same, from its last record and what the model's rate did since */
};

/*
 * The bound on the density of the record's octets, in logarithms, at z; or, if it is above
 * `enough`, any number above that.
 */
static double envelope(const struct past *p, const struct trial *t, double z, double enough)
{
	double rate = z - t->log_length, most = FLOOR;

	most = MAX(most, foreseen(p->rate, p->count, rate));
	most = MAX(most, foreseen(p->octets, p->count, z));
	if (most > enough)
		return most;
	most = MAX(most, habit(p->rate, p->count, rate));
	most = MAX(most, habit(p->octets, p->count, z));
	most = MAX(most, centre(z - t->expected, COMMON_MIN));
	return MAX(most, centre(z - t->common, COMMON_MIN));
}

/* A narrow box on a wide one; its area is 1. */
static double density(double half, double apart)
{
	double a = fabs(apart);

	return (a <= half ? NARROW_SHARE / (2 * half) : 0) +
	       (a <= WIDE * half ? (1 - NARROW_SHARE) / (2 * WIDE * half) : 0);
}

/*
 * One way, one direction, one lag.
 */

struct overhead { /* logarithms of subject over model, the last ones */
	double of[RECENT];
	size_t count;
};

static int ascending(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median_of(const struct overhead *o)
{
	double sorted[RECENT];
	size_t count = MIN(o->count, RECENT);

	for (size_t i = 0; i < count; i++)
		sorted[i] = o->of[i];
	qsort(sorted, count, sizeof(sorted[0]), ascending);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static void learn(struct overhead *o, double seen)
{
	o->of[o->count++ % RECENT] = seen;
}

struct course {
	double ln[ARRAY_LEN(widths)][HALVES];
	double promised; /* what the best width would have come to, had all been as foreseen */
	size_t records, telling;
};

static double factor_of(double alternative, double bound)
{
	return log(1 - BET + BET * alternative / bound);
}

/* What one record adds. */
static void judge(const struct past *p, const struct trial *t, bool is_first, struct course *c)
{
	double foreseen_at = envelope(p, t, t->expected, density(widths[0].half, 0) / PROMISE_MIN);
	double apart = t->log_octets - t->expected, found_at = 1, promised = 0;

	/* The narrowest promises most; and where no box reaches, no bound is asked for. */
	if (density(widths[0].half, 0) < PROMISE_MIN * foreseen_at)
		return;
	if (density(widths[ARRAY_LEN(widths) - 1].half, apart) > 0)
		found_at = envelope(p, t, t->log_octets, INFINITY);
	for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
		double half = widths[w].half, factor;

		if (density(half, 0) < PROMISE_MIN * foreseen_at)
			continue;
		promised = MAX(promised, factor_of(density(half, 0), foreseen_at));
		factor = factor_of(density(half, apart), found_at);
		c->ln[w][WHOLE] += factor;
		c->ln[w][is_first ? FIRST : SECOND] += factor;
	}
	c->promised += promised;
	c->telling += promised > 0;
}

static void follow(const struct volume_way *model, const struct volume_way *subject, double lag_s,
                   struct course *ret)
{
	struct past past = {.count = 0};
	struct overhead overhead = {.count = 0};
	size_t first = 0;
	double model_before = 0; /* its rate over the subject's last record */

	*ret = (struct course){.records = 0};
	for (size_t k = 0; k < subject->count; k++) {
		const struct volume_leg *leg = &subject->legs[k];
		struct trial t = {.log_octets = log(leg->octets)};
		double meanwhile;

		if (leg->octets < VOLUME_OCTETS_MIN || length_s(leg) < LENGTH_MIN_S)
			continue;
		t.log_length = log(length_s(leg));
		meanwhile = carried(model, leg->from_s - lag_s, leg->to_s - lag_s, &first);
		if (meanwhile >= VOLUME_OCTETS_MIN) {
			double model_rate = log(meanwhile) - t.log_length;

			ret->records++;
			if (past.count >= PAST_MIN && overhead.count > 0 &&
			    fabs(median_of(&overhead)) <= OVERHEAD_MAX) {
				t.expected = log(meanwhile) + median_of(&overhead);
				t.common = past.rate[past.count - 1] + t.log_length + model_rate -
				           model_before;
				judge(&past, &t, k < subject->count / 2, ret);
			}
			learn(&overhead, t.log_octets - log(meanwhile));
			model_before = model_rate;
		}
		past.rate[past.count] = t.log_octets - t.log_length;
		past.octets[past.count++] = t.log_octets;
	}
}

/*
 * The averages.
 */

static void extend(struct volume_leg *leg, const struct volume_leg *by)
{
	leg->to_s = MAX(leg->to_s, by->to_s);
	leg->octets += by->octets;
}

/* Every `records` neighbours as one. */
static void join(const struct volume_way *from, size_t records, struct volume_way *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < from->count; i++) {
		if (i % records == 0)
			ret->legs[ret->count++] = from->legs[i];
		else
			extend(&ret->legs[ret->count - 1], &from->legs[i]);
	}
}

struct contest {
	const struct volume_side *model, *subject;
	double centre_s;
	struct total total;
	double promised;
	size_t records, telling;
};

static void add_course(struct contest *t, const struct course *c, double share)
{
	for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
		for (int h = WHOLE; h < HALVES; h++)
			total_add(&t->total,
			          c->ln[w][h] + log(share * widths[w].weight * half_weights[h]));
	}
	t->promised = MAX(t->promised, c->promised);
	t->records = MAX(t->records, c->records);
	t->telling = MAX(t->telling, c->telling);
}

static void add_direction(struct contest *t)
{
	for (size_t way = 0; way < VOLUME_WAYS; way++) {
		for (size_t n = 0; n < ARRAY_LEN(spans); n++) {
			struct volume_way subject;

			join(&t->subject->way[way], spans[n].records, &subject);
			for (size_t i = 0; i < VOLUME_WAYS * ARRAY_LEN(lags_s); i++) {
				size_t from = i % VOLUME_WAYS;
				struct course c;

				follow(&t->model->way[from], &subject,
				       t->centre_s + lags_s[i / VOLUME_WAYS], &c);
				add_course(t, &c,
				           way_weights[from][way] * spans[n].weight /
				                   (2 * ARRAY_LEN(lags_s)));
			}
		}
	}
}

static double decades_at(const struct volume_side *a, const struct volume_side *b, double centre_s,
                         struct volume_evidence *ret)
{
	struct contest t = {a, b, centre_s, TOTAL_NOTHING, 0, 0, 0};

	add_direction(&t);
	t.model = b;
	t.subject = a;
	t.centre_s = -centre_s;
	add_direction(&t);
	ret->promised = t.promised / LN10;
	ret->records = t.records;
	ret->telling = t.telling;
	return total_ln(&t.total) / LN10;
}

/* Where the pair agrees best when it is moved apart: what repeats itself is discounted. */
static double best_decoy(const struct volume_side *a, const struct volume_side *b)
{
	double best = 0;

	for (size_t i = 0; i < ARRAY_LEN(decoys_s); i++) {
		struct volume_evidence unused = {.records = 0};

		best = MAX(best, decades_at(a, b, decoys_s[i], &unused));
	}
	return best;
}

void volume_evidence_of(const struct volume_side *target, const struct volume_side *candidate,
                        struct volume_evidence *ret)
{
	double decades;

	*ret = (struct volume_evidence){.verdict = VOLUME_SAMPLED};
	if (target->is_sampled || candidate->is_sampled)
		return;
	decades = decades_at(target, candidate, 0, ret);
	ret->verdict = ret->records < VOLUME_RECORDS_MIN    ? VOLUME_FEW
	               : ret->promised < VOLUME_PROMISE_MIN ? VOLUME_STEADY
	                                                    : VOLUME_TELLS;
	if (ret->verdict != VOLUME_TELLS)
		return;
	ret->decades = decades;
	if (decades >= DECOY_FROM_DECADES)
		ret->decades -= best_decoy(target, candidate);
}

static enum volume_verdict verdict_of(const struct volume_side *side, size_t way)
{
	struct volume_side alone = {.is_sampled = side->is_sampled};
	struct volume_evidence own;

	alone.way[way] = side->way[way];
	volume_evidence_of(&alone, &alone, &own);
	return own.verdict;
}

enum volume_verdict volume_to_ask(const struct volume_side *side, size_t *ret_way)
{
	size_t heavier = volume_heavier(side), other = VOLUME_WAYS - 1 - heavier;
	enum volume_verdict verdict = verdict_of(side, heavier);

	*ret_way = heavier;
	if (verdict == VOLUME_TELLS || verdict_of(side, other) != VOLUME_TELLS)
		return verdict;
	*ret_way = other;
	return VOLUME_TELLS;
}

static const struct {
	const char *text, *need;
} verdicts[] = {
	[VOLUME_TELLS] = {"by volume", NULL},
	[VOLUME_FEW] = {"too few records",
                        "a shorter active timeout, or what a host reports of its processes"},
	[VOLUME_STEADY] = {"a steady rate", "what a host reports of its processes"},
	[VOLUME_SAMPLED] = {"sampled", "an exporter that counts every packet"},
};

const char *volume_text(enum volume_verdict verdict)
{
	return (size_t)verdict < ARRAY_LEN(verdicts) ? verdicts[verdict].text : "unknown";
}

const char *volume_need(enum volume_verdict verdict)
{
	return (size_t)verdict < ARRAY_LEN(verdicts) ? verdicts[verdict].need : NULL;
}
