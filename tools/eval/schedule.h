/* schedule - pairs of connections that timers start: cron, timers told to be late, back-off. */
#ifndef SPOOR_TOOLS_EVAL_SCHEDULE_H
#define SPOOR_TOOLS_EVAL_SCHEDULE_H

#include "base/prng.h"
#include "tools/eval/times.h"

/* Each as stranger_class.pair is, over [0, duration_s); none of them needs the shared scripts. */
struct strangers;
#define SCHEDULE(name)                                                                     \
	void schedule_##name(const struct strangers *s, struct prng *p, double duration_s, \
	                     struct times *one, struct times *other)

SCHEDULE(cron15);    /* every 15 min, each on a second of its own in the first half minute */
SCHEDULE(cron30);    /* every 30 min */
SCHEDULE(cron60);    /* every hour */
SCHEDULE(cron_same); /* every 30 min, both on one second but for 0.2 s */
SCHEDULE(timer);     /* one period of 12 to 34 min, any phase */
SCHEDULE(delayed);   /* one period on one minute, each run up to 8 to 60 s late by chance */
SCHEDULE(timetable); /* 5 to 20 min apart at whole ones, each late by its own 3 to 8 s */
SCHEDULE(backoff);   /* waits that double, one base, begun anywhere in 10 min */
SCHEDULE(retry);     /* that grow by the first, or 1.3 to 3 times, begun likewise */

/* Something lasts that long from then on: a packet each half second. */
void schedule_busy(struct times *t, double from_s, double length_s);

#endif
