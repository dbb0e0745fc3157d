#include "tools/eval/schedule.h"

#include "base/util.h"
#include "tools/eval/draw.h"

#define BUSY_EVERY_S 0.5
#define JITTER_S 0.2 /* of what is started to the second */

void schedule_busy(struct times *t, double from_s, double length_s)
{
	for (double at = 0; at < length_s; at += BUSY_EVERY_S)
		times_add(t, from_s + at);
	times_add(t, from_s + length_s);
}

/* Runs of one timer. */
struct timer {
	double first_s, period_s, late_s; /* each by up to that much */
	double busy_s, busy_spread;
};

static void add_timer(struct prng *p, const struct timer *timer, double to_s, struct times *ret)
{
	times_clear(ret);
	for (double at = timer->first_s - timer->period_s; at < to_s; at += timer->period_s) {
		double late_s = draw_between(p, 0, timer->late_s);

		schedule_busy(ret, at + late_s,
		              draw_lognormal(p, timer->busy_s, timer->busy_spread));
	}
	times_sort(ret);
}

static void two_timers(struct prng *p, double period_s, double span_s, double duration_s,
                       struct times *one, struct times *other)
{
	struct times *const of[] = {one, other};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		struct timer timer = {.first_s = draw_between(p, 0, span_s),
		                      .period_s = period_s,
		                      .late_s = JITTER_S,
		                      .busy_s = draw_lognormal(p, 2, 1),
		                      .busy_spread = 0.3};

		add_timer(p, &timer, duration_s, of[i]);
	}
}

SCHEDULE(cron15)
{
	(void)s;
	two_timers(p, 900, 30, duration_s, one, other);
}

SCHEDULE(cron30)
{
	(void)s;
	two_timers(p, 1800, 30, duration_s, one, other);
}

SCHEDULE(cron60)
{
	(void)s;
	two_timers(p, 3600, 30, duration_s, one, other);
}

SCHEDULE(cron_same)
{
	struct timer timer = {.first_s = draw_between(p, 4, 25),
	                      .period_s = 1800,
	                      .late_s = JITTER_S,
	                      .busy_s = draw_lognormal(p, 2, 1),
	                      .busy_spread = 0.3};
	(void)s;

	add_timer(p, &timer, duration_s, one);
	timer.first_s += draw_between(p, -0.2, 0.2);
	timer.busy_s *= draw_lognormal(p, 1, 0.2);
	add_timer(p, &timer, duration_s, other);
}

SCHEDULE(timer)
{
	static const double periods_s[] = {700, 1000, 1024, 1200, 1543, 1800, 2000};
	double period_s = draw_one_of(p, periods_s, ARRAY_LEN(periods_s));

	(void)s;
	two_timers(p, period_s, period_s, duration_s, one, other);
}

SCHEDULE(delayed)
{
	static const double periods_s[] = {300, 420, 900, 1800}, late_s[] = {8, 12, 20, 30, 60};
	struct timer timer = {.period_s = draw_one_of(p, periods_s, ARRAY_LEN(periods_s)),
	                      .late_s = draw_one_of(p, late_s, ARRAY_LEN(late_s)),
	                      .busy_s = 1,
	                      .busy_spread = 0.3};
	(void)s;

	add_timer(p, &timer, duration_s, one);
	add_timer(p, &timer, duration_s, other);
}

SCHEDULE(timetable)
{
	double ours_s = draw_between(p, 3, 8), theirs_s = draw_between(p, 3, 8);
	(void)s;

	times_clear(one);
	times_clear(other);
	for (double at = 0; at < duration_s; at += 300 * (1 + draw_whole(p, 4))) {
		schedule_busy(one, at + ours_s + draw_between(p, 0, 0.1), 1);
		schedule_busy(other, at + theirs_s + draw_between(p, 0, 0.1), 1);
	}
	times_sort(one);
	times_sort(other);
}

/* Each wait is so many times the one before, and so much longer. */
struct growth {
	double first_s, times, more_s;
};

static void add_backoff(struct prng *p, const struct growth *g, double to_s, struct times *ret)
{
	double wait_s = g->first_s;

	times_clear(ret);
	for (double at = draw_between(p, 0, 600); at < to_s;
	     wait_s = wait_s * g->times + g->more_s) {
		schedule_busy(ret, at, 0.2);
		at += wait_s * (1 + 0.01 * draw_normal(p));
	}
	times_sort(ret);
}

SCHEDULE(backoff)
{
	static const double bases_s[] = {1, 2, 5, 10};
	struct growth g = {draw_one_of(p, bases_s, ARRAY_LEN(bases_s)), 2, 0};

	(void)s;
	add_backoff(p, &g, duration_s, one);
	add_backoff(p, &g, duration_s, other);
}

SCHEDULE(retry)
{
	static const double times[] = {1, 1.3, 1.5, 1.6, 3};
	struct growth g = {draw_between(p, 2, 20), draw_one_of(p, times, ARRAY_LEN(times)), 0};

	(void)s;
	if (g.times <= 1)
		g.more_s = g.first_s;
	add_backoff(p, &g, duration_s, one);
	add_backoff(p, &g, duration_s, other);
}
