#include "tools/eval/poller.h"

#include "base/util.h"
#include "tools/eval/draw.h"

#include <math.h>
#include <stdlib.h>

/* How one polls: what it waits for, and how long a poll takes. */
struct law {
	double wait_s, jitter;
	double work_s, work_sigma; /* log-normal */
	double tick_s;             /* waits end at multiples of this; 0: anywhere */
	double retry, retry_s;     /* that share takes so much longer, or twice that */
	bool is_held;              /* on a grid of wait_s, late by the work of its own */
	const struct line *server; /* what a poll takes is its share of that; NULL: seconds */
};

/* What a line, or a server, adds at a time: what two share if they share it. */
struct line {
	double every_s;
	double *late_s; /* owned; NULL: nothing */
	size_t count;
};

static const double popular_s[] = {20, 30, 30, 60, 60, 60, 60, 120, 300};

static struct line line_draw(struct prng *p, double duration_s, double median_s, double span_s)
{
	struct line line = {.every_s = 0.5, .count = (size_t)(duration_s / 0.5) + 2};
	double keep = exp(-line.every_s / span_s), at = draw_normal(p);

	line.late_s = must_alloc(line.count, sizeof(double));
	for (size_t i = 0; i < line.count; i++) {
		line.late_s[i] = median_s * exp(at);
		at = keep * at + sqrt(1 - keep * keep) * draw_normal(p);
	}
	return line;
}

static double line_late(const struct line *line, double at_s)
{
	size_t at = (size_t)(MAX(at_s, 0) / line->every_s);

	return line->late_s == NULL ? 0 : line->late_s[MIN(at, line->count - 1)];
}

static void add_poll(struct times *t, double at_s, double work_s, double late_s)
{
	times_add(t, at_s + late_s);
	times_add(t, at_s + late_s + work_s / 2);
	times_add(t, at_s + late_s + work_s);
}

static double work_of(struct prng *p, const struct law *law, double at_s)
{
	double own_s = draw_lognormal(p, law->work_s, law->work_sigma);

	return law->server == NULL ? own_s : own_s * line_late(law->server, at_s);
}

/* Its first poll is at `from_s`; what came before 0 nobody has seen. */
static void add_polls(struct prng *p, const struct law *law, const struct line *line, double from_s,
                      double to_s, struct times *ret)
{
	double due_s = from_s, at_s = from_s;

	while (at_s < to_s) {
		double work_s = work_of(p, law, at_s);

		if (draw_is(p, law->retry))
			work_s += law->retry_s * (1 + draw_whole(p, 2));
		if (at_s >= 0)
			add_poll(ret, at_s, work_s, line_late(line, at_s));
		if (law->is_held) {
			due_s += law->wait_s;
			at_s = due_s + draw_lognormal(p, law->work_s, law->work_sigma);
			continue;
		}
		at_s += law->wait_s * (1 + law->jitter * (2 * prng_unit(p) - 1)) + work_s;
		if (law->tick_s > 0)
			at_s = ceil(at_s / law->tick_s) * law->tick_s;
	}
}

/* Any phase, and not begun together: the other is older by up to a quarter of an hour. */
static void any_phase(struct prng *p, const struct law *a, const struct law *b,
                      const struct line *line, double duration_s, struct times *one,
                      struct times *other)
{
	double before_s = draw_between(p, 5, 900);

	add_polls(p, a, line, draw_between(p, 0, a->wait_s), duration_s, one);
	times_add(other, -before_s);
	add_polls(p, b, line, draw_between(p, 0, b->wait_s), duration_s, other);
}

#define PAIR(name)                                                                         \
	static void name(const struct poller_class *of, struct prng *p, double duration_s, \
	                 struct times *one, struct times *other)

static const struct line no_line;

static struct law law_draw(struct prng *p, double wait_s)
{
	return (struct law){.wait_s = wait_s,
	                    .work_s = draw_lognormal(p, 0.15, 0.8),
	                    .work_sigma = draw_between(p, 0.1, 1)};
}

PAIR(own_periods)
{
	struct law a = law_draw(p, draw_lognormal(p, 60, 0.7) + 16);
	struct law b = law_draw(p, draw_lognormal(p, 60, 0.7) + 16);

	(void)of;
	any_phase(p, &a, &b, &no_line, duration_s, one, other);
}

PAIR(popular)
{
	double wait_s = draw_one_of(p, popular_s, ARRAY_LEN(popular_s));
	struct law a = law_draw(p, wait_s), b = law_draw(p, wait_s);

	(void)of;
	any_phase(p, &a, &b, &no_line, duration_s, one, other);
}

PAIR(one_software)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

PAIR(constant)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	law.work_s = 0.02;
	law.work_sigma = 0.05;
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

PAIR(jittery)
{
	struct law law = law_draw(p, draw_one_of(p, popular_s, ARRAY_LEN(popular_s)));
	static const double jitters[] = {0.001, 0.01, 0.05, 0.1};

	(void)of;
	law.jitter = draw_one_of(p, jitters, ARRAY_LEN(jitters));
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

PAIR(held)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	law.is_held = true;
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

PAIR(coarse)
{
	static const double ticks_s[] = {0.0156, 0.1, 1};
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	law.tick_s = draw_one_of(p, ticks_s, ARRAY_LEN(ticks_s));
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

PAIR(retrying)
{
	static const double retries_s[] = {0.2, 1, 3};
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	law.work_sigma = 0.1;
	law.retry = draw_between(p, 0.02, 0.3);
	law.retry_s = draw_one_of(p, retries_s, ARRAY_LEN(retries_s));
	any_phase(p, &law, &law, &no_line, duration_s, one, other);
}

/* On seconds of the minute: `second_s` for both. */
static void on_the_clock(struct prng *p, double second_s, double duration_s, struct times *one,
                         struct times *other)
{
	double wait_s = draw_one_of(p, popular_s, ARRAY_LEN(popular_s));
	struct law a = law_draw(p, wait_s), b = law_draw(p, wait_s);

	a.is_held = b.is_held = true;
	add_polls(p, &a, &no_line, second_s, duration_s, one);
	times_add(other, -draw_between(p, 5, 900));
	add_polls(p, &b, &no_line, second_s, duration_s, other);
}

PAIR(calendar)
{
	(void)of;
	on_the_clock(p, 0, duration_s, one, other);
}

PAIR(disciplined)
{
	(void)of;
	on_the_clock(p, draw_between(p, 3, 55), duration_s, one, other);
}

/* Half of them start at once: nothing but the clock moves them then. */
PAIR(jobs)
{
	double wait_s = draw_one_of(p, popular_s, ARRAY_LEN(popular_s));
	double second_s = draw_between(p, 0, 60);
	struct law a = law_draw(p, wait_s), b = law_draw(p, wait_s);

	(void)of;
	a.is_held = b.is_held = true;
	if (draw_is(p, 0.5))
		a.work_s = b.work_s = 0.01;
	add_polls(p, &a, &no_line, second_s, duration_s, one);
	times_add(other, -draw_between(p, 5, 900));
	add_polls(p, &b, &no_line, second_s, duration_s, other);
}

PAIR(one_line)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));
	struct line line =
		line_draw(p, duration_s, draw_between(p, 0.01, 0.1), draw_between(p, 1, 30));

	(void)of;
	any_phase(p, &law, &law, &line, duration_s, one, other);
	free(line.late_s);
}

/* What a poll takes is the server's doing: from 50 ms to 1 s, for as long as a minute. */
static struct law law_of_server(const struct poller_class *of, struct prng *p, double duration_s,
                                struct line *server)
{
	*server = line_draw(p, duration_s, draw_between(p, 0.05, 0.3), draw_between(p, 1, 60));
	return (struct law){.wait_s = draw_between(p, 20, 120),
	                    .work_s = 1,
	                    .work_sigma = of->scatter,
	                    .server = server};
}

PAIR(one_server)
{
	struct line server;
	struct law law = law_of_server(of, p, duration_s, &server);

	any_phase(p, &law, &law, &no_line, duration_s, one, other);
	free(server.late_s);
}

/* Both at once, `before_s` before anything is seen. */
static void in_phase(struct prng *p, const struct law *law, const struct line *line,
                     double before_s, double duration_s, struct times *one, struct times *other)
{
	add_polls(p, law, line, -before_s, duration_s, one);
	times_add(other, -draw_between(p, 5, 900));
	add_polls(p, law, line, draw_between(p, -2, 2) - before_s, duration_s, other);
}

PAIR(boot)
{
	struct law law = law_draw(p, draw_one_of(p, popular_s, ARRAY_LEN(popular_s)));

	(void)of;
	in_phase(p, &law, &no_line, draw_between(p, 0, 7200), duration_s, one, other);
}

PAIR(boot_constant)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));

	(void)of;
	law.work_s = 0.02;
	law.work_sigma = 0.05;
	in_phase(p, &law, &no_line, draw_between(p, 0, 7200), duration_s, one, other);
}

PAIR(boot_line)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));
	struct line line =
		line_draw(p, duration_s, draw_between(p, 0.01, 0.1), draw_between(p, 1, 30));

	(void)of;
	in_phase(p, &law, &line, 0, duration_s, one, other);
	free(line.late_s);
}

PAIR(boot_server)
{
	struct line server;
	struct law law = law_of_server(of, p, duration_s, &server);

	in_phase(p, &law, &no_line, 0, duration_s, one, other);
	free(server.late_s);
}

/* A server's heartbeat for all who are connected, each by a way of its own. */
PAIR(one_beat)
{
	struct law law = law_draw(p, draw_between(p, 20, 120));
	double way_s = draw_between(p, -0.1, 0.1);

	(void)of;
	add_polls(p, &law, &no_line, 0, duration_s, one);
	times_add(other, -draw_between(p, 5, 900));
	for (size_t i = 0; i < one->count; i++)
		times_add(other, one->at_s[i] + way_s + draw_exponential(p, 0.005));
}

/* A minute after each answer the next poll; `one` is the farther from who polls. */
PAIR(relay)
{
	struct law law = law_draw(p, 60);
	double link_s = draw_between(p, 0.01, 0.5);

	law.jitter = of->jitter;
	add_polls(p, &law, &no_line, draw_between(p, 2, 60), duration_s, one);
	times_add(other, -draw_between(p, 5, 90)); /* the login */
	for (size_t i = 0; i < one->count; i++)
		times_add(other, one->at_s[i] - link_s -
		                         (i % 3 == 0 ? draw_exponential(p, of->relay_s) : 0));
	times_sort(other);
}

PAIR(relay_even)
{
	struct law law = {.wait_s = 61.3, .work_s = 0.02, .work_sigma = 0.05};
	double link_s = draw_between(p, 0.01, 0.5);

	add_polls(p, &law, &no_line, draw_between(p, 2, 60), duration_s, one);
	times_add(other, -draw_between(p, 5, 90));
	for (size_t i = 0; i < one->count; i++)
		times_add(other, one->at_s[i] - link_s - draw_exponential(p, of->relay_s));
	times_sort(other);
}

const struct poller_class poller_classes[] = {
	{"own-periods", "each its own period", .pair = own_periods},
	{"popular", "one popular wait, each its own server", .pair = popular},
	{"one-software", "one wait, answers alike", .pair = one_software},
	{"constant", "one wait, answers at once", .pair = constant},
	{"jittery", "one wait, and 0.1 to 10 % more or less by chance", .pair = jittery},
	{"held", "one period, held to a phase of its own", .pair = held},
	{"coarse", "waits end at ticks of 1/64, 0.1 or 1 s", .pair = coarse},
	{"retrying", "some polls take 0.2, 1 or 3 s longer", .pair = retrying},
	{"stamped-seconds", "exporters stamp whole seconds", .tick_ms = 1000, .pair = one_software},
	{"stamped-16ms", "exporters stamp multiples of 16 ms", .tick_ms = 16, .pair = one_software},
	{"calendar", "20 s to 5 min, on the full minute", .pair = calendar},
	{"disciplined", "the same, both on one second of their own", .pair = disciplined},
	{"lost-together", "one exporter that loses a fifth", .loss = 0.2, .is_one_exporter = true,
         .pair = one_software},
	{"clock-set", "one exporter, whose clock is set three times", .is_one_exporter = true,
         .steps = 3, .pair = one_software},
	{"jobs", "both on one second, half of them to within 10 ms; one exporter",
         .is_one_exporter = true, .pair = jobs},
	{"jobs-set", "the same, whose clock is set by 1 to 30 s", .is_one_exporter = true,
         .clock = POLLER_CLOCK_SET, .pair = jobs},
	{"jobs-drift", "or drifts by 100 to 2000 ppm", .is_one_exporter = true,
         .clock = POLLER_CLOCK_DRIFTS, .pair = jobs},
	{"jobs-steered", "and is set right every 2 to 20 min", .is_one_exporter = true,
         .clock = POLLER_CLOCK_STEERED, .pair = jobs},
	{"jobs-slewed", "or is made slower for half of that", .is_one_exporter = true,
         .clock = POLLER_CLOCK_SLEWED, .pair = jobs},
	{"polls-set", "one wait, answers alike, one exporter, whose clock is set by 1 to 30 s",
         .is_one_exporter = true, .clock = POLLER_CLOCK_SET, .pair = one_software},
	{"polls-drift", "the same, whose clock drifts by 100 to 2000 ppm", .is_one_exporter = true,
         .clock = POLLER_CLOCK_DRIFTS, .pair = one_software},
	{"polls-steered", "and is set right every 2 to 20 min", .is_one_exporter = true,
         .clock = POLLER_CLOCK_STEERED, .pair = one_software},
	{"polls-slewed", "or is made slower for half of that", .is_one_exporter = true,
         .clock = POLLER_CLOCK_SLEWED, .pair = one_software},
	{"one-server", "one server, which is slow at times, for each by what scatters by 30 %",
         .scatter = 0.3, .pair = one_server},
	{"one-server-10", "the same, by 10 %", .scatter = 0.1, .pair = one_server},
	{"one-server-3", "the same, by 3 %", .scatter = 0.03, .pair = one_server},
	{"one-server-1", "one server, for both by what scatters by 1 %", .kind = POLLER_COUPLED,
         .scatter = 0.01, .pair = one_server},
	{"one-line", "one line, which is slow at times", .kind = POLLER_COUPLED,
         .is_one_exporter = true, .pair = one_line},
	{"boot", "a popular wait, begun within 2 s up to 2 h before", .kind = POLLER_COUPLED,
         .pair = boot},
	{"boot-constant", "the same, of waits that hardly differ", .kind = POLLER_COUPLED,
         .pair = boot_constant},
	{"boot-line", "begun within 2 s, behind one line", .kind = POLLER_COUPLED,
         .is_one_exporter = true, .pair = boot_line},
	{"boot-server", "begun within 2 s, of one server, which scatters by 10 %",
         .kind = POLLER_COUPLED, .scatter = 0.1, .pair = boot_server},
	{"one-beat", "the heartbeat of one server for both", .kind = POLLER_COUPLED,
         .pair = one_beat},
	{"relay-even", "every 61.3 s, answered at once", .kind = POLLER_RELAY, .relay_s = 0.002,
         .pair = relay_even},
	{"relay", "a minute after each answer", .kind = POLLER_RELAY, .relay_s = 0.002,
         .pair = relay},
	{"relay-slow", "passed on less evenly, by 20 ms", .kind = POLLER_RELAY, .relay_s = 0.02,
         .pair = relay},
	{"relay-0.1%", "a minute, and up to 0.1 % more or less", .kind = POLLER_RELAY,
         .relay_s = 0.002, .jitter = 0.001, .pair = relay},
	{"relay-1%", "1 %", .kind = POLLER_RELAY, .relay_s = 0.002, .jitter = 0.01, .pair = relay},
	{"relay-5%", "5 %", .kind = POLLER_RELAY, .relay_s = 0.002, .jitter = 0.05, .pair = relay},
	{"relay-10%", "10 %", .kind = POLLER_RELAY, .relay_s = 0.002, .jitter = 0.1, .pair = relay},
	{"relay-50%", "50 %", .kind = POLLER_RELAY, .relay_s = 0.002, .jitter = 0.5, .pair = relay},
	{"relay-seconds", "1 %, exporters stamp whole seconds", .kind = POLLER_RELAY,
         .relay_s = 0.002, .jitter = 0.01, .tick_ms = 1000, .pair = relay},
};
const size_t poller_class_count = ARRAY_LEN(poller_classes);
