#include "correlate/score.h"

#include "base/util.h"
#include "correlate/combine.h"
#include "correlate/method.h"
#include "correlate/order.h"
#include "correlate/sieve.h"
#include "correlate/span.h"

#include <math.h>

const struct score_limits score_defaults = {
	.life_min_ms = 30000,
	.share_min = 0.5,
	.silences_min = 2,
	.match_min = 3,
	.different_max = -1,
	.delay_ms = 1500,
	.target = {.bound_ms = 1000, .loss = 0.05},
	.candidate = {.bound_ms = 1000, .loss = 0.05},
};

#define VOLUME_LAG_ERROR_MS 2000 /* lags are searched up to 4 s, and none is told */
#define LAG_MAX_S 60.0           /* clocks that are known no better are not known */

/* The gap at which both are compared. */
static int64_t pair_gap_ms(const struct fingerprint *a, const struct fingerprint *b)
{
	int64_t gap_ms = MAX(MAX(a->gap_ms, b->gap_ms), 0);

	gap_ms = fingerprint_fit(a->on, a->count, gap_ms, EDGES_MAX + 1);
	return fingerprint_fit(b->on, b->count, gap_ms, EDGES_MAX + 1);
}

static double lag_s(const struct score_limits *l)
{
	double sum =
		(double)l->delay_ms + (double)l->target.bound_ms + (double)l->candidate.bound_ms;

	return MAX(0, MIN(sum / 1e3, LAG_MAX_S));
}

/* One origin for both, whoever is asked for: where they can first have anything in common. */
static void sides_of(const struct fingerprint *target, const struct fingerprint *candidate,
                     const struct score_limits *limits, struct side *a, struct side *b)
{
	int64_t gap_ms = pair_gap_ms(target, candidate);
	int64_t origin_ms = MAX(target->on[0].start_ms, candidate->on[0].start_ms);

	edges_of(target, gap_ms, origin_ms, limits->target.offset_ms, &a->edges);
	edges_of(candidate, gap_ms, origin_ms, limits->candidate.offset_ms, &b->edges);
	a->loss = limits->target.loss;
	b->loss = limits->candidate.loss;
}

/* Silences with both their ends inside the common life. */
static uint32_t silences_in(const struct edges *e, double from_s, double to_s)
{
	uint32_t count = 0;

	for (size_t k = 0; k < e->count; k++)
		count += e->leave_s[k] >= from_s && e->back_s[k] <= to_s;
	return count;
}

static int64_t ms_of(double s)
{
	double ms = MAX(0, s) * 1e3 + 0.5;

	return (int64_t)ms;
}

/* A part that agrees beyond chance is enough: the rest may be lost, or behind a clock that jumped.
 */
static enum verdict judge(const struct agreement *a, int64_t target_ms, const struct combined *of,
                          const struct score_limits *limits)
{
	double least_ms = a->score >= limits->match_min ? 0 : limits->share_min * (double)target_ms;

	if (a->common_ms < limits->life_min_ms || (double)a->common_ms < least_ms)
		return VERDICT_TOO_SHORT;
	if (a->silences < limits->silences_min)
		return VERDICT_UNDECIDABLE;
	if (a->score >= limits->match_min)
		return of->is_by_polls ? VERDICT_POLLING : VERDICT_MATCH;
	return of->is_polling ? VERDICT_PERIODIC : VERDICT_INCONCLUSIVE;
}

/*
 * What no loss of records explains, and without the decoys: half of a connection behind a clock
 * that has jumped agrees with itself elsewhere.
 */
static bool is_different(const struct agreement *a, const struct side *target,
                         const struct side *candidate, const struct score_limits *limits)
{
	return (a->verdict == VERDICT_INCONCLUSIVE || a->verdict == VERDICT_PERIODIC) &&
	       a->silences_decades + a->repeated <= limits->different_max &&
	       evidence_against(target, candidate, lag_s(limits)) <= limits->different_max;
}

struct agreement score_pair(const struct fingerprint *target, const struct fingerprint *candidate,
                            const struct score_limits *limits)
{
	struct agreement ret = {0};
	struct combined combined;
	struct side a, b;
	double from_s, to_s, slack_s = lag_s(limits);
	struct order order;

	CHECK(target->count > 0);
	CHECK(candidate->count > 0);
	sides_of(target, candidate, limits, &a, &b);
	side_predict(&a);
	side_predict(&b);
	combine(&a, &b, slack_s, &combined);
	from_s = MAX(a.edges.first_s, b.edges.first_s);
	to_s = MIN(a.edges.last_s, b.edges.last_s);
	ret.score = MAX(-SCORE_MAX, MIN(combined.decades, SCORE_MAX));
	ret.repeated = combined.silences.plain_decades - combined.silences.decades;
	ret.silences_decades = combined.silences.decades;
	ret.polling_decades = combined.polls.decades;
	ret.cpf = methods[METHOD_CPF].score(target, candidate);
	ret.common_ms = ms_of(to_s - from_s);
	ret.lag_ms = combined.lag_s < 0 ? -ms_of(-combined.lag_s) : ms_of(combined.lag_s);
	ret.lag_error_ms = ms_of(combined.lag_error_s);
	order = order_of(&a.edges, &b.edges, combined.silences.lag_s, slack_s);
	ret.stretch_ms = order.stretch_s > 0 ? -ms_of(order.stretch_s) : ms_of(-order.stretch_s);
	ret.stretches = (uint32_t)order.compared;
	ret.silences = silences_in(&a.edges, from_s - slack_s, to_s + slack_s);
	ret.verdict = judge(&ret, ms_of(a.edges.last_s - a.edges.first_s), &combined, limits);
	if (is_different(&ret, &a, &b, limits))
		ret.verdict = VERDICT_DIFFERENT;
	return ret;
}

bool score_is_worthwhile(const struct fingerprint *target, const struct fingerprint *candidate,
                         const struct score_limits *limits)
{
	struct side a, b;

	sides_of(target, candidate, limits, &a, &b);
	return sieve_votes(&a.edges, &b.edges, lag_s(limits)) >= sieve_least(a.edges.count);
}

struct span_s {
	double from, to;
};

static struct span_s life_of(const struct volume_side *side)
{
	struct span_s life = {INFINITY, -INFINITY};

	for (size_t way = 0; way < VOLUME_WAYS; way++) {
		for (size_t i = 0; i < side->way[way].count; i++) {
			life.from = MIN(life.from, side->way[way].legs[i].from_s);
			life.to = MAX(life.to, side->way[way].legs[i].to_s);
		}
	}
	return life;
}

struct agreement score_volumes(const struct volume_side *target,
                               const struct volume_side *candidate,
                               const struct score_limits *limits)
{
	struct span_s ours = life_of(target), theirs = life_of(candidate);
	struct agreement ret = {.verdict = VERDICT_UNDECIDABLE,
	                        .lag_error_ms = VOLUME_LAG_ERROR_MS};
	struct volume_evidence evidence;

	ret.common_ms = ms_of(MIN(ours.to, theirs.to) - MAX(ours.from, theirs.from));
	if (ret.common_ms < limits->life_min_ms ||
	    (double)ret.common_ms < limits->share_min * (ours.to - ours.from) * 1e3) {
		ret.verdict = VERDICT_TOO_SHORT;
		return ret;
	}
	volume_evidence_of(target, candidate, &evidence);
	ret.silences = (uint32_t)evidence.records;
	if (evidence.verdict != VOLUME_TELLS)
		return ret;
	ret.score = MAX(-SCORE_MAX, MIN(evidence.decades - log10(2), SCORE_MAX));
	ret.verdict = ret.score >= limits->match_min ? VERDICT_VOLUME : VERDICT_INCONCLUSIVE;
	return ret;
}

void score_polling(const struct fingerprint *target, struct polling *ret)
{
	struct edges edges;

	CHECK(target->count > 0);
	edges_of(target, pair_gap_ms(target, target), target->on[0].start_ms, 0, &edges);
	polling_of(&edges, ret);
}

bool verdict_is_match(enum verdict verdict)
{
	return verdict == VERDICT_MATCH || verdict == VERDICT_VOLUME || verdict == VERDICT_POLLING;
}

double score_p_value(double decades, uint64_t searched)
{
	return MIN(1, (double)MAX(searched, 1) * pow(10, -decades));
}

size_t score_discoveries(const double *decades, size_t count, uint64_t searched, double rate)
{
	double least = log10((double)MAX(searched, 1) / rate);
	size_t ret = 0;

	for (size_t j = 0; j < count; j++) {
		if (decades[j] >= least - log10((double)(j + 1)))
			ret = j + 1;
	}
	return ret;
}

static const struct {
	const char *text, *need;
} verdicts[] = {
	[VERDICT_MATCH] = {"match", NULL},
	[VERDICT_DIFFERENT] = {"different", NULL},
	[VERDICT_TOO_SHORT] = {"too short", "a longer time in common"},
	[VERDICT_UNDECIDABLE] = {"undecidable", "a longer window, with more silences"},
	[VERDICT_INCONCLUSIVE] = {"inconclusive",
                                  "a longer window, or what a host reports of its processes"},
	[VERDICT_VOLUME] = {"match by volume",
                            "what a host reports of its processes: two who share "
                            "a line evenly, or watch one stream, look alike"},
	[VERDICT_POLLING] = {"match by polling",
                             "what a host reports of its processes: two that one server "
                             "keeps in step look alike"},
	[VERDICT_PERIODIC] = {"periodic",
                              "a change of its rhythm, or what a host reports of its processes"},
};

const char *verdict_text(enum verdict verdict)
{
	return (size_t)verdict < ARRAY_LEN(verdicts) ? verdicts[verdict].text : "unknown";
}

const char *verdict_need(enum verdict verdict)
{
	return (size_t)verdict < ARRAY_LEN(verdicts) ? verdicts[verdict].need : NULL;
}
