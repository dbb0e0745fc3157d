/*
 * The bound is the largest of several hazards, so that it holds for every process that any one of
 * them bounds:
 *
 *	tail      TAIL / age: of silences and of activity whose length has a tail no lighter than a
 *	          power law of that exponent, whatever its scale. Not below that of a minute, and
 *	          after two minutes that of half a one: so long mostly timers wait, and some are
 *	          told to be late by chance
 *	rate      as often as until now
 *	habit     a length, or a time between two like edges, that has been seen before
 *	missed    two to eight times what most times between like edges were: one exporter has lost
 *	          records of all that it saw
 *	minute    a second of the minute at which it has come before
 *	cut       multiples of 30 s, as of active timeouts: where a record ended, or is missing
 *	schedule  times between like edges that are multiples of 5 min: cron and timers, whatever
 *	          second they keep, from their second run on
 *	growth    a silence twice as long as the one before, or that goes on from the last two: who
 *	          tries again, and waits longer each time
 *	calendar  the full minute, at which schedulers start, without having been seen before
 */
#include "correlate/predict.h"

#include "base/util.h"

#include <math.h>

#define TAIL 1.0
#define AGE_MIN_S 0.05
#define AGE_MAX_S 60.0
#define LONG_S 120.0
#define LONG_AGE_MAX_S 30.0
#define RATE_PRIOR 0.5    /* events, */
#define RATE_PRIOR_S 10.0 /* in this time: what is assumed before anything is seen */
#define HABIT 2.0         /* a hazard rises within the likeness, which counts alone do not see */
#define MISSED_LAST 16
#define MISSED_MAX 8
#define MISSED_NEAR_S 1.5
#define CUT_S 30.0
#define CUT_EARLY_S 0.3
#define CUT_LATE_S 2.5
#define CUT_DRIFT_S 0.25
#define SCHEDULE_S 300.0
#define SCHEDULE_NEAR_S 1.5
#define GROWTH_NEAR_S 0.3
#define GROWTH_SHARE 0.03
#define DUE_RATE 2.0    /* per second: what is due to the second, */
#define EXACT_RATE 30.0 /* and what is kept as exactly as anything is stamped */
#define CALENDAR_EARLY_S 1.5
#define CALENDAR_LATE_S 2.5

/* How near two lengths are to be called alike, and what a single likeness is then worth. */
static const struct {
	double near_s;
	double spare; /* likenesses that prove no habit */
} habits[] = {{0.03, 0}, {0.15, 0}, {0.75, 0.5}, {3.0, 1.0}, {0.006, 2}};
#define HABIT_REACH_S 3.0 /* the farthest that any calls near */
/* Of seconds of the minute only the first are asked. */
#define MINUTE_HABITS 3
#define MINUTE_REACH_S 0.75

/* Counts one that is so far from what has come true. */
static void count_alike(size_t *alike, size_t count, double apart_s)
{
	for (size_t h = 0; h < count; h++)
		alike[h] += apart_s <= habits[h].near_s;
}

static double longer_than(const double *past, size_t count, double least)
{
	size_t longer = 0;

	for (size_t i = 0; i < count; i++)
		longer += past[i] >= least;
	return (double)longer;
}

/* Lengths that the past had, against the one that has come true. */
static double habit(const double *past, size_t count, double now)
{
	size_t alike[ARRAY_LEN(habits)] = {0};
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		double apart_s = fabs(past[i] - now);

		if (apart_s <= HABIT_REACH_S)
			count_alike(alike, ARRAY_LEN(habits), apart_s);
	}
	for (size_t h = 0; h < ARRAY_LEN(habits); h++) {
		double near_s = habits[h].near_s, habit = (double)alike[h] - habits[h].spare;

		/* Few lengths are alike: mostly nothing more is to be counted. */
		if (habit > 0)
			most = MAX(most,
			           HABIT * habit /
			                   (2 * near_s * longer_than(past, count, now - near_s)));
	}
	return most;
}

static double minute_phase(double at_s)
{
	double phase = at_s - 60 * floor(at_s / 60);

	return phase;
}

static double phase_distance(double a, double b)
{
	double d = fabs(a - b);

	return MIN(d, 60 - d);
}

/* What most of the last ones were, if most were alike, some times over. */
static double missed(const double *past, size_t count, double now)
{
	size_t from = count > MISSED_LAST ? count - MISSED_LAST : 0;

	for (size_t i = from; i < count; i++) {
		double rounds;
		size_t alike = 0;

		if (now < past[i] || now > (MISSED_MAX + 1) * past[i])
			continue;
		rounds = floor(now / past[i] + 0.5);
		if (rounds < 2 || rounds > MISSED_MAX ||
		    fabs(now - rounds * past[i]) > MISSED_NEAR_S)
			continue;
		for (size_t k = from; k < count; k++)
			alike += fabs(past[k] - past[i]) <= MISSED_NEAR_S;
		if (2 * alike >= count - from && alike > 1)
			return EXACT_RATE;
	}
	return 0;
}

/* Where in the minute the earlier edges lay, and the minutes there were. */
static double minute_habit(const double *phases, size_t count, double now, double life_s)
{
	double minutes = 1 + life_s / 60, most = 0;
	size_t alike[MINUTE_HABITS] = {0};

	for (size_t i = 0; i < count; i++) {
		double apart_s = phase_distance(phases[i], now);

		if (apart_s <= MINUTE_REACH_S)
			count_alike(alike, MINUTE_HABITS, apart_s);
	}
	for (size_t h = 0; h < MINUTE_HABITS; h++) {
		if (alike[h] > 1)
			most = MAX(most, HABIT * MIN((double)alike[h] / minutes, 1) /
			                         (2 * habits[h].near_s));
	}
	return most;
}

static double calendar(double phase)
{
	bool is_due = phase <= CALENDAR_LATE_S || phase >= 60 - CALENDAR_EARLY_S;

	return is_due ? 1 / (CALENDAR_LATE_S + CALENDAR_EARLY_S) : 0;
}

/*
 * An exporter cuts what is never silent at its active timeout, and a lost record leaves a silence
 * as long as it was, in everything the lost datagram told of.
 */
static double cut(double length_s)
{
	double cuts = floor((length_s + CUT_EARLY_S) / CUT_S), over = length_s - CUT_S * cuts;

	/* Each record begins with the first packet after the one before was cut: a little later. */
	return cuts >= 1 && over <= CUT_LATE_S + MIN(CUT_DRIFT_S * cuts, CUT_LATE_S) ? DUE_RATE : 0;
}

static double tail(double age_s)
{
	double most_s = age_s < LONG_S ? AGE_MAX_S : LONG_AGE_MAX_S;

	return TAIL / MIN(MAX(age_s, AGE_MIN_S), most_s);
}

static double schedule(double between_s)
{
	double rounds = floor(between_s / SCHEDULE_S + 0.5);
	bool is_due = rounds >= 1 && fabs(between_s - SCHEDULE_S * rounds) <= SCHEDULE_NEAR_S;

	return is_due ? EXACT_RATE : 0;
}

/* Twice the last; or what the last two lead to, by as much again or as many times. */
static double growth(const double *past, size_t count, double now)
{
	double near_s = GROWTH_NEAR_S + GROWTH_SHARE * now;
	double last = count > 0 ? past[count - 1] : 0, before = count > 1 ? past[count - 2] : last;
	bool is_due = fabs(now - 2 * last) <= near_s;

	if (last > before)
		is_due |= fabs(now - (2 * last - before)) <= near_s ||
		          fabs(now - last * last / before) <= near_s;
	return is_due ? EXACT_RATE : 0;
}

struct past {
	double length[EDGES_MAX], between[EDGES_MAX], phase[EDGES_MAX];
	double risk_s; /* time in which it could have happened */
};

/* Edge k, at `at_s`, `age_s` after what could lead to it began. */
static double bound(struct past *p, size_t k, double at_s, double age_s, double between_s,
                    double minute_s, double life_s)
{
	double most = tail(age_s);

	p->phase[k] = minute_phase(at_s + minute_s);
	p->length[k] = age_s;
	p->between[k] = between_s;
	most = MAX(most, ((double)k + RATE_PRIOR) / (p->risk_s + RATE_PRIOR_S));
	most = MAX(most, habit(p->length, k, age_s));
	most = MAX(most, habit(p->between, k, between_s));
	most = MAX(most, missed(p->between, k, between_s));
	most = MAX(most, minute_habit(p->phase, k, p->phase[k], life_s));
	most = MAX(most, cut(age_s));
	most = MAX(most, schedule(between_s));
	return MAX(most, calendar(p->phase[k]));
}

void predict(const struct edges *e, struct prediction *ret)
{
	struct past leave, back;

	leave.risk_s = back.risk_s = 0;
	for (size_t k = 0; k < e->count; k++) {
		double on_s = e->leave_s[k] - (k > 0 ? e->back_s[k - 1] : e->first_s);
		double off_s = e->back_s[k] - e->leave_s[k];

		leave.risk_s += on_s;
		back.risk_s += off_s - e->gap_s;
		/* Its beginning is the first of the times that it came. */
		ret->leave[k] = bound(&leave, k, e->leave_s[k], on_s,
		                      e->leave_s[k] - (k > 0 ? e->leave_s[k - 1] : e->first_s),
		                      e->minute_s, e->leave_s[k] - e->first_s);
		ret->back[k] = bound(&back, k, e->back_s[k], off_s,
		                     e->back_s[k] - (k > 0 ? e->back_s[k - 1] : e->first_s),
		                     e->minute_s, e->back_s[k] - e->first_s);
		ret->back[k] = MAX(ret->back[k], growth(back.length, k, off_s));
	}
}
