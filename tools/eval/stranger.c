#include "tools/eval/stranger.h"

#include "base/util.h"
#include "tools/eval/draw.h"
#include "tools/eval/hand.h"
#include "tools/eval/schedule.h"

#include <stdlib.h>

#define ROUNDS 64

static const double periods_s[] = {20, 25, 30, 40, 45, 60, 90, 120, 180, 300, 600};
static const double minutes_s[] = {60, 60, 60, 120, 180, 300};

void strangers_init(struct strangers *s, struct prng *p)
{
	for (size_t i = 0; i < SCRIPTS; i++) {
		for (size_t k = 0; k < ROUNDS; k++) {
			s->pause_s[i][k] = draw_lognormal(p, 30, 0.8);
			s->busy_s[i][k] = draw_lognormal(p, 1.5, 1);
		}
	}
}

static void add_human(struct prng *p, double from_s, double to_s, struct times *ret)
{
	struct chain chain = {.jitter_s = draw_between(p, 0.001, 0.02)};
	struct hand hand = hand_draw(p);
	struct strokes strokes = {0};
	double *held_s;

	for (size_t h = 0; h < CHAIN_HOPS; h++) {
		chain.start_s[h] = from_s;
		chain.end_s[h] = to_s;
		chain.link_s[h] = draw_between(p, 0.01, 0.3);
		chain.ack_s[h] = 0.04;
	}
	hand_play(p, &hand, from_s, to_s, &strokes);
	held_s = chain_hold(p, &chain, &strokes);
	chain_packets(p, &chain, &strokes, CHAIN_HOPS - 1, held_s, ret);
	free(held_s);
	strokes_free(&strokes);
}

/* Runs of one job: where it begins, how often, how long it takes, how many are left out. */
struct job {
	double first_s, period_s, busy_s, busy_spread, jitter_s, skipped;
};

static void add_job(struct prng *p, const struct job *job, double to_s, struct times *ret)
{
	times_clear(ret);
	for (double at = job->first_s; at < to_s; at += job->period_s) {
		if (draw_is(p, job->skipped))
			continue;
		schedule_busy(ret, at + draw_between(p, 0, job->jitter_s),
		              draw_lognormal(p, job->busy_s, job->busy_spread));
	}
	times_sort(ret);
}

static struct job job_draw(struct prng *p, double period_s)
{
	static const double jitters_s[] = {0.02, 0.2, 1};

	return (struct job){
		.first_s = draw_between(p, -period_s, 0),
		.period_s = period_s,
		.busy_s = draw_lognormal(p, 0.7, 1),
		.busy_spread = 0.1,
		.jitter_s = draw_one_of(p, jitters_s, ARRAY_LEN(jitters_s)),
	};
}

static void add_script(const struct strangers *s, struct prng *p, size_t script, double from_s,
                       double to_s, struct times *ret)
{
	double at = from_s;

	times_clear(ret);
	for (size_t k = 0; at < to_s; k++) {
		double busy_s = s->busy_s[script][k % ROUNDS] * (1 + 0.01 * draw_normal(p));

		schedule_busy(ret, at, busy_s);
		at += busy_s + s->pause_s[script][k % ROUNDS] * (1 + 0.01 * draw_normal(p));
	}
	times_sort(ret);
}

static void add_bulk(struct prng *p, double from_s, double to_s, struct times *ret)
{
	times_clear(ret);
	for (double at = from_s; at < to_s;) {
		double until = at + draw_exponential(p, 400);

		schedule_busy(ret, at, MIN(until, to_s) - at);
		at = until + draw_exponential(p, 20); /* stalled */
	}
	times_sort(ret);
}

void stranger_background(const struct strangers *s, struct prng *p, double duration_s,
                         struct times *ret)
{
	double kind = prng_unit(p);
	double from_s = draw_is(p, 0.3) ? draw_between(p, -60, 60) : -draw_between(p, 0, 900);
	double to_s = duration_s + draw_between(p, 0, 300);

	if (kind < 0.65) {
		add_human(p, from_s, to_s, ret);
	} else if (kind < 0.80) {
		struct job job = job_draw(p, draw_one_of(p, periods_s, ARRAY_LEN(periods_s)));

		if (draw_is(p, 0.5))
			job.first_s = -900;
		add_job(p, &job, to_s, ret);
	} else if (kind < 0.95) {
		add_script(s, p, prng_below(p, SCRIPTS), from_s, to_s, ret);
	} else {
		add_bulk(p, from_s, to_s, ret);
	}
}

/*
 * Classes of pairs.
 */
#define PAIR                                                                             \
	const struct strangers *s, struct prng *p, double duration_s, struct times *one, \
		struct times *other

static void humans(PAIR)
{
	(void)s;
	add_human(p, -draw_between(p, 0, 60), duration_s, one);
	add_human(p, -draw_between(p, 0, 60), duration_s, other);
}

static void human_and_job(PAIR)
{
	struct job job = job_draw(p, draw_one_of(p, periods_s, ARRAY_LEN(periods_s)));

	(void)s;
	add_human(p, -draw_between(p, 0, 60), duration_s, one);
	add_job(p, &job, duration_s, other);
}

static void two_jobs(struct prng *p, const double *of, size_t count, bool is_aligned,
                     double skipped, double duration_s, struct times *one, struct times *other)
{
	double period_s = draw_one_of(p, of, count);
	struct job a = job_draw(p, period_s), b = job_draw(p, period_s);

	if (is_aligned)
		a.first_s = b.first_s = 0;
	if (skipped > 0) {
		a.skipped = draw_between(p, skipped, 1 - skipped);
		b.skipped = draw_between(p, skipped, 1 - skipped);
	}
	add_job(p, &a, duration_s, one);
	add_job(p, &b, duration_s, other);
}

static void periodic(PAIR)
{
	(void)s;
	two_jobs(p, periods_s, ARRAY_LEN(periods_s), false, 0, duration_s, one, other);
}

static void aligned(PAIR)
{
	(void)s;
	two_jobs(p, minutes_s, ARRAY_LEN(minutes_s), true, 0, duration_s, one, other);
}

static void aligned_skipping(PAIR)
{
	(void)s;
	two_jobs(p, minutes_s, ARRAY_LEN(minutes_s), true, 0.3, duration_s, one, other);
}

static void trap(PAIR)
{
	static const double forty_s[] = {40};

	(void)s;
	two_jobs(p, forty_s, 1, true, 0, duration_s, one, other);
}

static void scripted(PAIR)
{
	size_t script = prng_below(p, SCRIPTS);

	add_script(s, p, script, 0, duration_s, one);
	add_script(s, p, script, draw_between(p, 30, 600) * (draw_is(p, 0.5) ? 1 : -1), duration_s,
	           other);
}

static void copy_moved(const struct times *from, double by_s, struct times *ret)
{
	times_clear(ret);
	for (size_t i = 0; i < from->count; i++)
		times_add(ret, from->at_s[i] + by_s);
}

static void replayed(PAIR)
{
	(void)s;
	add_human(p, 0, duration_s, one);
	copy_moved(one, draw_between(p, 60, 600), other);
}

static void polling(PAIR)
{
	static const double every_s[] = {16, 20, 30, 60};
	double period_s = draw_one_of(p, every_s, ARRAY_LEN(every_s));
	struct job a = job_draw(p, period_s), b = job_draw(p, period_s);

	(void)s;
	a.busy_s = b.busy_s = 0.05;
	a.busy_spread = b.busy_spread = 0.5;
	add_job(p, &a, duration_s, one);
	add_job(p, &b, duration_s, other);
}

static void bulk(PAIR)
{
	(void)s;
	add_bulk(p, -draw_between(p, 0, 60), duration_s, one);
	add_bulk(p, -draw_between(p, 0, 60), duration_s, other);
}

static void kept_alive(PAIR)
{
	static const double every_s[] = {30, 60};
	double period_s = draw_one_of(p, every_s, 2);

	(void)s;
	add_human(p, 0, duration_s, one);
	add_human(p, 0, duration_s, other);
	for (double at = draw_between(p, 0, period_s); at < duration_s; at += period_s)
		times_add(one, at);
	for (double at = draw_between(p, 0, period_s); at < duration_s; at += period_s)
		times_add(other, at);
	times_sort(one);
	times_sort(other);
}

/* Every moment of one, moved by up to `by_s` either way: in lock-step, whatever the cause. */
static void in_step(struct prng *p, double by_s, double duration_s, struct times *one,
                    struct times *other)
{
	double moved_s = 0, last_s = -INFINITY;

	add_human(p, 0, duration_s, one);
	times_clear(other);
	for (size_t i = 0; i < one->count; i++) {
		if (one->at_s[i] - last_s > 5)
			moved_s = draw_between(p, -by_s, by_s);
		last_s = one->at_s[i];
		times_add(other, last_s + moved_s);
	}
	times_sort(other);
}

/* What would have crossed the line comes when it is back, after a wait of the sender's own. */
static void cut_line(struct prng *p, double from_s, double to_s, struct times *t)
{
	double wait_s = draw_between(p, 0.1, 3);

	for (size_t i = 0; i < t->count; i++) {
		if (t->at_s[i] >= from_s && t->at_s[i] < to_s)
			t->at_s[i] = to_s + wait_s;
	}
	times_sort(t);
}

static void outage(PAIR)
{
	(void)s;
	add_human(p, 0, duration_s, one);
	add_human(p, 0, duration_s, other);
	for (int i = 0; i < 2; i++) {
		double from_s = draw_between(p, 60, duration_s - 120);
		double to_s = from_s + draw_between(p, 20, 60);

		cut_line(p, from_s, to_s, one);
		cut_line(p, from_s, to_s, other);
	}
}

static void unseen(double from_s, double to_s, struct times *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->at_s[i] < from_s || t->at_s[i] >= to_s)
			t->at_s[kept++] = t->at_s[i];
	}
	t->count = kept;
}

static void away(PAIR, double times)
{
	bulk(s, p, duration_s, one, other);
	for (double i = 0; i < times; i++) {
		double from_s = draw_between(p, 60, MAX(60, duration_s - 180));
		double to_s = from_s + draw_between(p, 20, 120);

		unseen(from_s, to_s, one);
		unseen(from_s, to_s, other);
	}
}

static void away_once(PAIR)
{
	away(s, p, duration_s, one, other, 1);
}

static void away_thrice(PAIR)
{
	away(s, p, duration_s, one, other, 3);
}

static void imitated(PAIR)
{
	(void)s;
	in_step(p, 10, duration_s, one, other);
}

static void in_lockstep(PAIR)
{
	(void)s;
	in_step(p, 1, duration_s, one, other);
}

static void siblings(PAIR)
{
	size_t script = prng_below(p, SCRIPTS);

	add_script(s, p, script, 0, duration_s, one);
	add_script(s, p, script, draw_between(p, -1, 1), duration_s, other);
}

static void script_anywhere(PAIR)
{
	size_t script = prng_below(p, SCRIPTS);

	add_script(s, p, script, 0, duration_s, one);
	add_script(s, p, script, draw_between(p, -600, 600), duration_s, other);
}

static void script_by_cron(PAIR)
{
	size_t script = prng_below(p, SCRIPTS);

	add_script(s, p, script, 60 * draw_whole(p, 10) + prng_unit(p), duration_s, one);
	add_script(s, p, script, 60 * draw_whole(p, 10) + prng_unit(p), duration_s, other);
}

const struct stranger_class stranger_classes[] = {
	{"human", "two people", .pair = humans},
	{"human-job", "somebody, and a periodic job", .pair = human_and_job},
	{"periodic", "jobs of one period, any phase", .pair = periodic},
	{"minute", "jobs of one period, on the full minute", .pair = aligned},
	{"minute-skip", "the same, each leaving out 30 to 70 %", .pair = aligned_skipping},
	{"trap", "jobs every 40 s in equal phase", .pair = trap},
	{"script", "one script, started 30 to 600 s apart, never within 30 s", .pair = scripted},
	{"replay", "one person's rhythm, 60 to 600 s later, never within 60 s", .pair = replayed},
	{"polling", "polls of one period", .pair = polling},
	{"bulk", "two transfers with stalls", .pair = bulk},
	{"keepalive", "two people, keepalives of one period", .pair = kept_alive},
	{"lossy-human", "two people at one exporter that loses datagrams", .has_shared_loss = true,
         .pair = humans},
	{"lossy-bulk", "two transfers there", .has_shared_loss = true, .pair = bulk},
	{"cron15", "every 15 min, each on a second of its own in :00 to :30", .minutes_min = 30,
         .pair = schedule_cron15},
	{"cron30", "the same, every 30 min", .minutes_min = 120, .pair = schedule_cron30},
	{"cron60", "the same, every hour", .minutes_min = 240, .pair = schedule_cron60},
	{"cron-same", "every 30 min, both on one second of :04 to :25", .minutes_min = 120,
         .pair = schedule_cron_same},
	{"timer", "one period of 700 to 2000 s, any phase", .minutes_min = 120,
         .pair = schedule_timer},
	{"delayed", "every 5, 7, 15 or 30 min, late by up to 8 to 60 s by chance",
         .minutes_min = 120, .pair = schedule_delayed},
	{"timetable", "5 to 20 min apart, each late by its own 3 to 8 s", .minutes_min = 60,
         .pair = schedule_timetable},
	{"backoff", "waits that double, one base, begun anywhere in 10 min", .minutes_min = 60,
         .pair = schedule_backoff},
	{"retry", "waits that grow by the first, or 1.3 to 3 times, begun likewise",
         .minutes_min = 60, .pair = schedule_retry},
	{"imitated", "every burst imitated within 10 s", .is_coupled = true, .pair = imitated},
	{"outage", "two people, and a line of both that is cut twice", .is_coupled = true,
         .pair = outage},
	{"away-1", "two transfers, and what sees both sees nothing for 20 to 120 s, once",
         .is_one_exporter = true, .is_coupled = true, .pair = away_once},
	{"away-3", "the same, three times", .is_one_exporter = true, .is_coupled = true,
         .pair = away_thrice},
	{"lockstep", "every burst within 1 s", .is_coupled = true, .pair = in_lockstep},
	{"sibling", "one script, started within 1 s", .is_coupled = true, .pair = siblings},
	{"script-any", "one script, started up to 600 s apart, or together", .is_coupled = true,
         .pair = script_anywhere},
	{"script-cron", "one script, started by cron in one of the same ten minutes",
         .is_coupled = true, .pair = script_by_cron},
};
const size_t stranger_class_count = ARRAY_LEN(stranger_classes);
