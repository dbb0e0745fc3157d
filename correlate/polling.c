/*
 * One direction: when each poll of one side, the subject, comes, given its past and all of the
 * other side's, the model. How many periods it is since the last one is known first:
 *
 *	null         p(z) <= f0(z): an envelope of what the past announced
 *	alternative  f1(z): a narrow box around the model's poll, and the lag until then
 *	factor       1 - BET + BET f1(z) / f0(z), where that promises something before z is seen
 *
 * as volume.c has it. The lag is learnt from poll to poll, so that clocks need not be right. Where
 * the first poll lies is one factor more: anywhere in the model's period, says the null; not where
 * one may keep a schedule, seen by a clock that is not right. Averages over widths, ways to foresee
 * the lag, and directions are fixed beforehand.
 */
#include "correlate/polling.h"

#include "base/util.h"
#include "correlate/total.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LN10 2.302585092994046
#define FEW 16        /* are sorted sooner by hand */
#define NORMAL 1.4826 /* standard deviation over median distance */

/* What is a period. */
#define ROUNDS_MAX 4 /* of them may lie between two polls: records were lost */
#define STRAY 0.12   /* of a period: farther from the next round is none */
#define SOUND_MIN 0.8
#define WANDER_MIN 6.0    /* variances, far apart against neighbours: it is not held, for sure, */
#define WANDER_LIKELY 2.5 /* or seems not to be */
#define CLOCK_DRIFT 1e-4  /* what exporters' clocks drift */
#define STAMP_DRIFT 2e-6  /* against its own period: what rounded stamps look like */
#define SCHEDULES_REACH_S 30.0
#define BAD_DRIFT 2e-3  /* what a clock drifts that nobody has set right */
#define ALONE_LEAST 1.4 /* near 2 are intervals each by itself; below what goes on as it was, */
#define ALONE_MOST 2.5  /* and 3 are those of a phase that is held */
#define ERRORS 3.0

/* The trials. */
#define BET 0.7
#define PROMISE_MIN 2.0 /* f1 / f0 if all is as foreseen */
#define FACTOR_MAX 20.0 /* a pause of a line that both share is worth no more */
#define NARROW_SHARE .85
#define WIDE 4.0
#define RECENT 8
#define PAST_MIN 3
#define CENTRE_MIN_S 1e-3
#define FLOOR 5.0 /* over the period: nothing is less likely */
#define HABIT 2.0
#define COMMON 0.1 /* of what a poll took longer than ever: so far a server's slowness scatters */
#define CELL 0.25  /* of a period: farther from its round no poll is compared */

/* The phase. */
#define PHASE_BET 0.5
#define PHASE_MAX 100.0
static const struct {
	double share, weight; /* of the reach */
} phases[] = {{1, 0.4}, {1 / 4., 0.3}, {1 / 16., 0.3}};

/* Of no whole milliseconds, nor parts of few: on which side a stamp lies is no question of
 * rounding. */
static const struct {
	double half_s, weight;
} widths[] = {{0.0043, 0.3}, {0.0123, 0.3}, {0.0403, 0.2}, {0.1503, 0.2}};

static const double habit_near_s[] = {0.2503, 0.0603, 0.0153, 0.0043, 0.0013};
#define DECOY_FROM_DECADES 0.3                               /* nothing is to be discounted below */
static const double decoys[] = {-5, -3, -2, -1, 1, 2, 3, 5}; /* periods */

enum foresight { LAST, MEDIAN, FORESIGHTS };

/*
 * The period.
 */

static int ascending(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double middle_of(const double *sorted, size_t count)
{
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static void insert(double *sorted, size_t count, double value)
{
	for (; count > 0 && sorted[count - 1] > value; count--)
		sorted[count] = sorted[count - 1];
	sorted[count] = value;
}

static double median_of(const double *of, size_t count)
{
	double sorted[EDGES_MAX];

	if (count > FEW) {
		memcpy(sorted, of, count * sizeof(of[0]));
		qsort(sorted, count, sizeof(sorted[0]), ascending);
		return middle_of(sorted, count);
	}
	for (size_t i = 0; i < count; i++)
		insert(sorted, i, of[i]);
	return middle_of(sorted, count);
}

/* How many periods; 0: it is none of a few. */
static double rounds_of(double apart_s, double period_s)
{
	double rounds = floor(apart_s / period_s + 0.5);

	return rounds >= 1 && rounds <= ROUNDS_MAX ? rounds : 0;
}

static bool is_sound(double apart_s, double period_s)
{
	double rounds = rounds_of(apart_s, period_s);

	return rounds > 0 && fabs(apart_s - rounds * period_s) <= STRAY * period_s;
}

/* The mean of sound intervals around `period_s`, and what they are off. The share of sound ones. */
static double refine(const double *at_s, size_t count, double period_s, struct polling *ret)
{
	double off_s[EDGES_MAX], sum_s = 0, rounds = 0;
	size_t sound = 0;

	for (size_t k = 1; k < count; k++) {
		double apart_s = at_s[k] - at_s[k - 1];

		if (!is_sound(apart_s, period_s))
			continue;
		sum_s += apart_s;
		rounds += rounds_of(apart_s, period_s);
		off_s[sound++] = apart_s / rounds_of(apart_s, period_s);
	}
	if (sound == 0)
		return 0;
	ret->period_s = sum_s / rounds;
	for (size_t i = 0; i < sound; i++)
		off_s[i] = fabs(off_s[i] - ret->period_s);
	ret->jitter_s = NORMAL * median_of(off_s, sound);
	return (double)sound / (double)(count - 1);
}

/* How far it is from the nearest multiple. */
static double off_grid(double length, double step)
{
	return length - step * floor(length / step + 0.5);
}

/* Mean square of how far polls that are `apart` polls apart are from whole periods. */
static double variance_at(const double *at_s, size_t count, size_t apart, double period_s)
{
	double sum = 0;

	for (size_t k = 0; k + apart < count; k++) {
		double off_s = off_grid(at_s[k + apart] - at_s[k], period_s);

		sum += off_s * off_s;
	}
	return sum / (double)(count - apart);
}

/* Against a grid of that period the phase goes farther, the longer it is watched. */
static bool is_wandering(const double *at_s, size_t count, double period_s, double least,
                         double drift)
{
	double near = variance_at(at_s, count, 1, period_s);

	for (size_t part = 2; part <= 3; part++) {
		size_t apart = count / part;
		double clock_s = drift * (double)apart * period_s;

		if (variance_at(at_s, count, apart, period_s) > least * near + clock_s * clock_s)
			return true;
	}
	return false;
}

/* Whole seconds, near what was measured, that the phase may be held at. */
static bool is_scheduled(const double *at_s, size_t count, const struct polling *p)
{
	double reach_s = MIN(1 + 2 * p->jitter_s / sqrt((double)count), SCHEDULES_REACH_S);
	double whole_s = MAX(1, ceil(p->period_s - reach_s));

	for (; whole_s <= p->period_s + reach_s; whole_s++) {
		if (!is_wandering(at_s, count, whole_s, WANDER_MIN, CLOCK_DRIFT))
			return true;
	}
	return false;
}

/* Of each interval, how many are shorter; of equals, half. */
static void ranks_of(const double *of, size_t count, double *ret)
{
	for (size_t i = 0; i < count; i++) {
		double below = 0;

		for (size_t k = 0; k < count; k++)
			below += of[k] < of[i] ? 1 : of[k] <= of[i] ? 0.5 : 0;
		ret[i] = below;
	}
}

/*
 * By their ranks, so that what sets a clock is none of it: where a phase is held, one that is long
 * is followed by one that is short, and where a clock is made slower all are long for a while. The
 * mean square of how far neighbours are apart, by the variance.
 */
static bool is_each_by_itself(const double *of, size_t count)
{
	double rank[EDGES_MAX], apart = 0, spread = 0, middle = (double)count / 2;

	ranks_of(of, count, rank);
	for (size_t i = 0; i < count; i++) {
		double next = i + 1 < count ? rank[i + 1] - rank[i] : 0;

		apart += next * next;
		spread += (rank[i] - middle) * (rank[i] - middle);
	}
	return apart >= ALONE_LEAST * spread && apart <= ALONE_MOST * spread;
}

/* Of whole seconds, as far as can be known where the clock is not. */
static bool may_be_scheduled(const double *at_s, size_t count, const struct polling *p)
{
	double each_s[EDGES_MAX], middle_s, near_s;
	size_t sound = 0;

	for (size_t k = 1; k < count; k++) {
		double apart_s = at_s[k] - at_s[k - 1];

		if (is_sound(apart_s, p->period_s))
			each_s[sound++] = apart_s / rounds_of(apart_s, p->period_s);
	}
	middle_s = median_of(each_s, sound);
	near_s = BAD_DRIFT * middle_s + ERRORS * p->error_s;
	if (fabs(off_grid(middle_s, 1)) > near_s)
		return false;
	return p->kind != POLLING_FREE || !is_each_by_itself(each_s, sound);
}

/* The largest step that most intervals are multiples of: a clock may have been set in between. */
static double tick_of(const double *at_s, size_t count)
{
	static const double ticks_ms[] = {1000, 500, 250, 200, 125, 100, 64, 50, 40, 32,
	                                  25,   20,  16,  15,  10,  8,   5,  4,  2};

	for (size_t t = 0; t < ARRAY_LEN(ticks_ms); t++) {
		size_t fit = 0;

		for (size_t k = 1; k < count; k++) {
			double apart_ms = (at_s[k] - at_s[k - 1]) * 1e3;

			fit += fabs(off_grid(apart_ms, ticks_ms[t])) < 0.5;
		}
		if ((double)fit >= SOUND_MIN * (double)(count - 1))
			return ticks_ms[t] / 1e3;
	}
	return 1e-3;
}

/* From the first half of the intervals to the second, per poll. */
static double drift_of(const double *at_s, size_t count, double period_s)
{
	double sum_s[2] = {0, 0}, rounds[2] = {0, 0};

	for (size_t k = 1; k < count; k++) {
		double apart_s = at_s[k] - at_s[k - 1];

		if (!is_sound(apart_s, period_s))
			continue;
		sum_s[k > count / 2] += apart_s;
		rounds[k > count / 2] += rounds_of(apart_s, period_s);
	}
	if (rounds[0] < 1 || rounds[1] < 1)
		return 0;
	return (sum_s[1] / rounds[1] - sum_s[0] / rounds[0]) / ((double)count / 2);
}

void polling_of(const struct edges *e, struct polling *ret)
{
	const double *at_s = e->back_s;
	size_t count = e->count;
	double apart_s[EDGES_MAX];

	*ret = (struct polling){.kind = POLLING_NONE};
	if (count < POLLING_POLLS_MIN)
		return;
	for (size_t k = 1; k < count; k++)
		apart_s[k - 1] = at_s[k] - at_s[k - 1];
	if (refine(at_s, count, median_of(apart_s, count - 1), ret) < SOUND_MIN ||
	    refine(at_s, count, ret->period_s, ret) < SOUND_MIN)
		return;
	ret->polls = count;
	ret->drift_s = drift_of(at_s, count, ret->period_s);
	ret->tick_s = tick_of(at_s, count);
	ret->error_s = ret->jitter_s / sqrt((double)count);
	if (is_scheduled(at_s, count, ret))
		ret->kind = POLLING_SCHEDULED;
	else if (is_wandering(at_s, count, ret->period_s, WANDER_LIKELY, STAMP_DRIFT))
		ret->kind = POLLING_FREE;
	else
		ret->kind = POLLING_HELD;
	ret->may_be_scheduled = may_be_scheduled(at_s, count, ret);
}

/*
 * The envelope.
 */

struct past {                                     /* of the subject */
	double at_s[EDGES_MAX], round[EDGES_MAX]; /* polls, and how many periods since the first */
	double each_s[EDGES_MAX];                 /* intervals, by the period */
	double sorted_s[EDGES_MAX];               /* the same */
	size_t polls, intervals;
	double sum_x, sum_y, sum_xx, sum_xy; /* of rounds and times */
};

static void learn_interval(struct past *p, double each_s)
{
	insert(p->sorted_s, p->intervals, each_s);
	p->each_s[p->intervals++] = each_s;
}

static void learn_poll(struct past *p, double at_s, double rounds, bool is_interval)
{
	double last_s = p->polls > 0 ? p->at_s[p->polls - 1] : at_s;
	double round = p->polls > 0 ? p->round[p->polls - 1] + rounds : 0;

	p->sum_x += round;
	p->sum_y += at_s;
	p->sum_xx += round * round;
	p->sum_xy += round * at_s;
	p->round[p->polls] = round;
	p->at_s[p->polls++] = at_s;
	if (is_interval)
		learn_interval(p, (at_s - last_s) / rounds);
}

/* Where the phase was, the middle of the last ones, as if held. */
static double held_at(const struct past *p, double round, double each_s)
{
	size_t count = MIN(p->polls, RECENT);
	double of_s[RECENT];

	for (size_t i = 0; i < count; i++) {
		size_t k = p->polls - 1 - i;

		of_s[i] = p->at_s[k] + (round - p->round[k]) * each_s;
	}
	return median_of(of_s, count);
}

/* A straight line through all polls. */
static double line_at(const struct past *p, double round)
{
	double n = (double)p->polls, x = p->sum_x, y = p->sum_y;
	double below = n * p->sum_xx - x * x;

	if (below <= 0)
		return p->at_s[p->polls - 1];
	return y / n + (n * p->sum_xy - x * y) / below * (round - x / n);
}

#define CENTRES 7
struct foreseen {
	double centre_s[CENTRES];
	double last_s, rounds; /* since the last poll */
	double floor;
	double common_s, common_near_s; /* what a server that is slow for both would lead to */
};

/* What the past leads to: the interval goes on, or a phase is held. */
static void foresee(const struct past *p, double rounds, double period_s, struct foreseen *ret)
{
	double last_s = p->at_s[p->polls - 1], round = p->round[p->polls - 1] + rounds;
	double recent_s = 0, middle_s = middle_of(p->sorted_s, p->intervals);
	size_t recent = MIN(p->intervals, RECENT);

	for (size_t i = 0; i < recent; i++)
		recent_s += p->each_s[p->intervals - 1 - i] / (double)recent;
	*ret = (struct foreseen){
		.centre_s = {last_s + rounds * p->each_s[p->intervals - 1],
	                     last_s + rounds * middle_s, last_s + rounds * recent_s,
	                     last_s + rounds * floor(middle_s + 0.5), held_at(p, round, middle_s),
	                     held_at(p, round, floor(middle_s + 0.5)), line_at(p, round)},
		.last_s = last_s,
		.rounds = rounds,
		.floor = FLOOR / period_s,
	};
}

/* Intervals that were there before. */
static double habit(const struct past *p, double each_s)
{
	double alike[ARRAY_LEN(habit_near_s)] = {0}, most = 0;

	for (size_t i = 0; i < p->intervals; i++) {
		double apart_s = fabs(p->each_s[i] - each_s);

		for (size_t h = 0; h < ARRAY_LEN(alike) && apart_s <= habit_near_s[h]; h++)
			alike[h]++;
	}
	for (size_t h = 0; h < ARRAY_LEN(alike); h++)
		most = MAX(most, HABIT * alike[h] / (double)p->intervals / (2 * habit_near_s[h]));
	return most;
}

/* The bound on the density of the next poll at `at_s`: symmetric about a centre, or a habit. */
static double envelope(const struct past *p, const struct foreseen *f, double at_s)
{
	double most = MAX(f->floor, habit(p, (at_s - f->last_s) / f->rounds));

	for (size_t i = 0; i < CENTRES; i++)
		most = MAX(most, 1 / (2 * MAX(fabs(at_s - f->centre_s[i]), CENTRE_MIN_S)));
	return MAX(most, 1 / (2 * MAX(fabs(at_s - f->common_s), f->common_near_s)));
}

static double density(double half_s, double apart_s)
{
	double a = fabs(apart_s);

	return (a <= half_s ? NARROW_SHARE / (2 * half_s) : 0) +
	       (a <= WIDE * half_s ? (1 - NARROW_SHARE) / (2 * WIDE * half_s) : 0);
}

/*
 * One direction.
 */

struct polls {
	const double *at_s;
	size_t count;
	double moved_s; /* they are later by this */
};

static double poll_at(const struct polls *p, size_t i)
{
	return p->at_s[i] + p->moved_s;
}

/* The one that is nearest; `*at` is one that is not later than it, and does not fall. */
static double nearest(const struct polls *p, double at_s, size_t *at)
{
	while (*at + 1 < p->count &&
	       fabs(poll_at(p, *at + 1) - at_s) <= fabs(poll_at(p, *at) - at_s))
		++*at;
	return poll_at(p, *at);
}

struct lags { /* subject minus model */
	double of_s[EDGES_MAX];
	size_t count;
};

static double lag_by(const struct lags *l, enum foresight by)
{
	size_t recent = MIN(l->count, RECENT);

	return by == LAST ? l->of_s[l->count - 1] : median_of(l->of_s + l->count - recent, recent);
}

struct course {
	double ln[ARRAY_LEN(widths)][FORESIGHTS];
	double ln_phase;
	struct lags lags;
	size_t telling;
	bool is_out; /* the first lag is beyond the reach */
};

static void judge(const struct past *p, struct foreseen *f, double expected_s, double at_s,
                  double tick_s, enum foresight by, struct course *c, bool *is_telling)
{
	double foreseen_at, found_at = 0; /* of the second no more than is needed */

	f->common_s = expected_s;
	f->common_near_s = COMMON * fabs(expected_s - f->last_s - f->rounds * p->sorted_s[0]);
	foreseen_at = envelope(p, f, expected_s);
	for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
		double half_s = widths[w].half_s, most = density(half_s, 0);

		if (half_s < tick_s || most < PROMISE_MIN * foreseen_at)
			continue;
		found_at = found_at > 0 ? found_at : envelope(p, f, at_s);
		c->ln[w][by] += log(1 - BET +
		                    BET * density(half_s, at_s - expected_s) /
		                            MAX(found_at, most / FACTOR_MAX));
		*is_telling = true;
	}
}

/* A poll of the subject; `rounds` since the one before. */
static void try_poll(const struct polls *model, const struct past *p, double rounds,
                     double period_s, double at_s, double tick_s, size_t *near, struct course *c)
{
	double due_s = p->at_s[p->polls - 1] + rounds * period_s - lag_by(&c->lags, MEDIAN);
	double model_s = nearest(model, due_s, near);
	bool is_telling = false;
	struct foreseen f;

	if (fabs(model_s - due_s) > CELL * period_s)
		return;
	if (p->intervals >= PAST_MIN) {
		foresee(p, rounds, period_s, &f);
		for (enum foresight by = LAST; by < FORESIGHTS; by++)
			judge(p, &f, model_s + lag_by(&c->lags, by), at_s, tick_s, by, c,
			      &is_telling);
	}
	c->telling += is_telling;
	if (fabs(at_s - model_s) <= CELL * period_s)
		c->lags.of_s[c->lags.count++] = at_s - model_s;
}

/* The first poll that lies among the model's, none of which is missing there; its lag. */
static size_t first_poll(const struct polls *model, const struct polls *subject, double period_s,
                         double *ret_lag_s)
{
	size_t near = 0;

	for (size_t j = 0; j < subject->count; j++) {
		double at_s = poll_at(subject, j), model_s = nearest(model, at_s, &near);

		if (fabs(at_s - model_s) > (0.5 + STRAY) * period_s)
			continue;
		*ret_lag_s = at_s - model_s;
		return j;
	}
	return subject->count;
}

static double phase_factor(double lag_s, double reach_s, double period_s)
{
	double sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		double half_s = phases[i].share * reach_s;

		if (half_s > 0 && fabs(lag_s) <= half_s)
			sum += phases[i].weight * period_s / (2 * half_s);
	}
	return 1 - PHASE_BET + PHASE_BET * MIN(sum, PHASE_MAX);
}

struct duel {
	struct polls model, subject;
	double period_s, reach_s, tick_s; /* the period is the model's */
	bool has_phase;
};

static void follow(const struct duel *d, struct course *ret)
{
	struct past past = {.polls = 0};
	double lag_s = INFINITY;
	size_t near = 0, j = first_poll(&d->model, &d->subject, d->period_s, &lag_s);

	*ret = (struct course){.telling = 0};
	ret->is_out = fabs(lag_s) > d->reach_s;
	if (d->has_phase)
		ret->ln_phase = log(phase_factor(lag_s, d->reach_s, d->period_s));
	if (ret->is_out)
		return;
	ret->lags.of_s[ret->lags.count++] = lag_s;
	learn_poll(&past, poll_at(&d->subject, j++), 0, false);
	for (; j < d->subject.count; j++) {
		double at_s = poll_at(&d->subject, j), apart_s = at_s - past.at_s[past.polls - 1];
		double rounds = rounds_of(apart_s, d->period_s);
		bool is_in =
			rounds > 0 && fabs(apart_s - rounds * d->period_s) <= CELL * d->period_s;

		if (is_in)
			try_poll(&d->model, &past, rounds, d->period_s, at_s, d->tick_s, &near,
			         ret);
		learn_poll(&past, at_s, floor(MAX(1, apart_s / d->period_s + 0.5)), is_in);
	}
}

static void add_course(struct total *total, const struct course *c, double ln_share)
{
	for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
		for (size_t by = 0; by < FORESIGHTS; by++)
			total_add(total,
			          c->ln[w][by] + ln_share + log(widths[w].weight / FORESIGHTS));
	}
}

/*
 * Both.
 */

struct pair {
	const struct edges *target, *candidate;
	double target_period_s, candidate_period_s, reach_s, tick_s;
	bool has_phase;
};

static struct polls polls_of(const struct edges *e, double moved_s)
{
	return (struct polls){e->back_s, e->count, moved_s};
}

static double decades_at(const struct pair *p, double moved_s, struct course *ret_there,
                         struct course *ret_back)
{
	struct duel there = {polls_of(p->target, 0),
	                     polls_of(p->candidate, moved_s),
	                     p->target_period_s,
	                     p->reach_s,
	                     p->tick_s,
	                     p->has_phase};
	struct duel back = {there.subject, there.model, p->candidate_period_s,
	                    p->reach_s,    p->tick_s,   p->has_phase};
	struct total total = TOTAL_NOTHING;

	follow(&there, ret_there);
	follow(&back, ret_back);
	add_course(&total, ret_there, ret_there->ln_phase - log(2));
	add_course(&total, ret_back, ret_back->ln_phase - log(2));
	return total_ln(&total) / LN10;
}

/* Where it wanders as much alike when it is moved apart by some polls. */
static double best_decoy(const struct pair *p)
{
	struct pair moved = *p;
	double best = 0, period_s = (p->target_period_s + p->candidate_period_s) / 2;

	moved.has_phase = false;
	moved.reach_s = 2 * p->reach_s;
	for (size_t i = 0; i < ARRAY_LEN(decoys); i++) {
		struct course there, back;

		best = MAX(best, decades_at(&moved, decoys[i] * period_s, &there, &back));
	}
	return best;
}

static void measure(const struct lags *l, struct polling_evidence *ret)
{
	double mean_s = 0, square = 0;

	for (size_t i = 0; i < l->count; i++)
		mean_s += l->of_s[i] / (double)l->count;
	for (size_t i = 0; i < l->count; i++)
		square += (l->of_s[i] - mean_s) * (l->of_s[i] - mean_s) / (double)l->count;
	ret->lag_s = mean_s;
	ret->lag_error_s = sqrt(square);
	ret->polls = l->count;
}

static bool can_tell(const struct polling *p, double lag_s)
{
	return (p->kind == POLLING_FREE || p->kind == POLLING_HELD) && 2 * lag_s < p->period_s;
}

void polling_evidence_of(const struct poller *target, const struct poller *candidate, double lag_s,
                         struct polling_evidence *ret)
{
	const struct polling *ours = &target->polling, *theirs = &candidate->polling;
	struct pair pair = {target->edges,  candidate->edges,
	                    ours->period_s, theirs->period_s,
	                    lag_s,          MAX(ours->tick_s, theirs->tick_s),
	                    false};
	struct course there, back;

	*ret = (struct polling_evidence){.decades = -INFINITY};
	if (!can_tell(ours, lag_s) || !can_tell(theirs, lag_s))
		return;
	/* What began together was in phase from the start. So are all on one second, whatever
	 * clock they are seen by. */
	pair.has_phase = fabs(pair.target->first_s - pair.candidate->first_s) > lag_s &&
	                 !ours->may_be_scheduled && !theirs->may_be_scheduled;
	ret->decades = decades_at(&pair, 0, &there, &back);
	if (ret->decades >= DECOY_FROM_DECADES)
		ret->decades -= best_decoy(&pair);
	ret->phase_decades = MAX(there.ln_phase, back.ln_phase) / LN10;
	ret->telling = MAX(there.telling, back.telling);
	measure(&there.lags, ret);
}

const char *polling_text(enum polling_kind kind)
{
	static const char *const texts[] = {
		[POLLING_NONE] = "none",
		[POLLING_FREE] = "free-running",
		[POLLING_HELD] = "held",
		[POLLING_SCHEDULED] = "scheduled",
	};

	return (size_t)kind < ARRAY_LEN(texts) ? texts[kind] : "unknown";
}
