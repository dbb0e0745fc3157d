/*
 * Both fingerprints are closed at the larger of the two gaps. From then on it does not matter where
 * either exporter cut its records: closing leaves the same intervals that the packets themselves
 * would leave (docs/CORRELATION.md). Then both are clipped to the time in which both live, since an
 * upstream connection begins earlier and ends later than the one it carries, and what it did alone
 * says nothing about the pair.
 *
 *	target          ####......####....##
 *	candidate  ##...........###.......####
 *	                |<----- common ----->|
 *
 * Overlap of ON time alone favours the talkative: a candidate that is never silent would score the
 * share of time the target is ON. Overlap of silence alone favours the silent in the same way. The
 * score is the lesser of the two.
 *
 * An interval from start to end is ON in every millisecond from the first to the last of them, so
 * an instant is 1 ms long.
 */
#include "correlate/score.h"

#include "base/util.h"
#include "correlate/span.h"

#include <stdlib.h>
#include <string.h>

/* Starts further apart than this are not one event that a stone passed on. */
#define LAG_NEAR_MS 5000

const struct score_limits score_defaults = {
	.life_min_ms = 30000,
	.share_min = 0.5,
	.silences_min = 2,
	.match_min = 0.7,
};

struct spans {
	struct interval *on;
	size_t count;
};

static struct spans close_at(const struct fingerprint *f, int64_t gap_ms, struct interval *room)
{
	memcpy(room, f->on, f->count * sizeof(room[0]));
	return (struct spans){room, fingerprint_close(room, f->count, gap_ms)};
}

static struct interval life_of(const struct spans *s)
{
	return (struct interval){s->on[0].start_ms, s->on[s->count - 1].end_ms};
}

/* Duration number `at` of ON1, OFF1, ON2, ... */
static double duration_ms(const struct interval *on, size_t at)
{
	on += at / 2;
	return (double)(at % 2 == 0 ? span_ms(on[0].start_ms, on[0].end_ms)
	                            : span_ms(on[0].end_ms, on[1].start_ms));
}

/*
 * Over the fingerprints as they came, not closed any further and not clipped, as the paper does.
 * The shorter list is padded with zeros: what only one of them has counts against the pair.
 */
static double cpf(const struct fingerprint *a, const struct fingerprint *b)
{
	size_t a_count = 2 * a->count - 1, b_count = 2 * b->count - 1;
	double least = 0, most = 0;

	for (size_t i = 0; i < MAX(a_count, b_count); i++) {
		double x = i < a_count ? duration_ms(a->on, i) : 0;
		double y = i < b_count ? duration_ms(b->on, i) : 0;

		least += MIN(x, y);
		most += MAX(x, y);
	}
	return most > 0 ? least / most : 1;
}

static int start_cmp(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	return (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms);
}

/* How much later `at_ms` is than the nearest of two starts, either of which may be NULL. */
static int64_t lag_behind(const struct interval *before, const struct interval *after,
                          int64_t at_ms)
{
	int64_t since_ms = before == NULL ? INT64_MAX : span_ms(before->start_ms, at_ms);
	int64_t until_ms = after == NULL ? INT64_MAX : span_ms(at_ms, after->start_ms);

	return since_ms <= until_ms ? since_ms : -until_ms;
}

/*
 * The median lag of the candidate's intervals behind the target's nearest. Gathers the lags where
 * the candidate's intervals were, which are gone afterwards.
 */
static int64_t lag_of(const struct spans *target, struct spans *candidate)
{
	size_t next = 0, count = 0; /* `next`: the first of the target's that starts later */

	for (size_t i = 0; i < candidate->count; i++) {
		int64_t at_ms = candidate->on[i].start_ms, lag_ms;

		while (next < target->count && target->on[next].start_ms <= at_ms)
			next++;
		lag_ms = lag_behind(next > 0 ? &target->on[next - 1] : NULL,
		                    next < target->count ? &target->on[next] : NULL, at_ms);
		if (lag_ms >= -LAG_NEAR_MS && lag_ms <= LAG_NEAR_MS)
			candidate->on[count++].start_ms = lag_ms;
	}
	if (count == 0)
		return 0;
	qsort(candidate->on, count, sizeof(candidate->on[0]), start_cmp);
	return (candidate->on[(count - 1) / 2].start_ms + candidate->on[count / 2].start_ms) / 2;
}

/* Milliseconds in which all three are ON; an instant is one. */
static double shared_ms(struct interval a, struct interval b, struct interval window)
{
	int64_t from_ms = MAX(MAX(a.start_ms, b.start_ms), window.start_ms);
	int64_t to_ms = MIN(MIN(a.end_ms, b.end_ms), window.end_ms);
	int64_t span = span_ms(from_ms, to_ms);

	return from_ms > to_ms ? 0 : (double)span + 1;
}

static double on_ms(const struct spans *s, struct interval window)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += shared_ms(s->on[i], window, window);
	return sum;
}

static double both_ms(const struct spans *a, const struct spans *b, struct interval window)
{
	double sum = 0;

	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		sum += shared_ms(a->on[i], b->on[j], window);
		if (a->on[i].end_ms < b->on[j].end_ms)
			i++;
		else
			j++;
	}
	return sum;
}

/* The lesser overlap: of ON time, and of the silence that is left of `whole`. */
static double overlap(double both, double either, double whole)
{
	double on = either > 0 ? both / either : 0;
	double off = whole > both ? (whole - either) / (whole - both) : 1;

	return MIN(on, off);
}

/* Silences with both their ends inside the window. */
static uint32_t silences_in(const struct spans *s, struct interval window)
{
	uint32_t count = 0;

	for (size_t i = 0; i + 1 < s->count; i++)
		count += s->on[i].end_ms >= window.start_ms &&
		         s->on[i + 1].start_ms <= window.end_ms;
	return count;
}

static enum verdict judge(const struct agreement *a, int64_t target_ms,
                          const struct score_limits *limits)
{
	if (a->common_ms < limits->life_min_ms ||
	    (double)a->common_ms < limits->share_min * (double)target_ms)
		return VERDICT_TOO_SHORT;
	if (a->silences < limits->silences_min)
		return VERDICT_UNDECIDABLE;
	return a->score >= limits->match_min ? VERDICT_MATCH : VERDICT_DIFFERENT;
}

struct agreement score_pair(const struct fingerprint *target, const struct fingerprint *candidate,
                            const struct score_limits *limits, struct interval *room)
{
	int64_t gap_ms = MAX(target->gap_ms, candidate->gap_ms);
	struct agreement ret = {0};
	struct interval ours, theirs, common;
	struct spans a, b;

	CHECK(target->count > 0);
	CHECK(candidate->count > 0);
	a = close_at(target, gap_ms, room);
	b = close_at(candidate, gap_ms, room + target->count);
	ours = life_of(&a);
	theirs = life_of(&b);
	common.start_ms = MAX(ours.start_ms, theirs.start_ms);
	common.end_ms = MIN(ours.end_ms, theirs.end_ms);

	ret.cpf = cpf(target, candidate);
	if (interval_overlaps(ours, theirs)) {
		double both = both_ms(&a, &b, common);
		double either = on_ms(&a, common) + on_ms(&b, common) - both;

		ret.common_ms = span_ms(common.start_ms, common.end_ms);
		ret.score = overlap(both, either, (double)ret.common_ms + 1);
		ret.silences = silences_in(&a, common);
	}
	ret.lag_ms = lag_of(&a, &b);
	ret.verdict = judge(&ret, span_ms(ours.start_ms, ours.end_ms), limits);
	return ret;
}

const char *verdict_text(enum verdict verdict)
{
	static const char *const texts[] = {
		[VERDICT_MATCH] = "match",
		[VERDICT_DIFFERENT] = "different",
		[VERDICT_TOO_SHORT] = "too short",
		[VERDICT_UNDECIDABLE] = "undecidable",
	};

	return (size_t)verdict < ARRAY_LEN(texts) ? texts[verdict] : "unknown";
}
