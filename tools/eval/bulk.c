#include "tools/eval/bulk.h"

#include "base/util.h"
#include "tools/eval/draw.h"

#include <math.h>

#define PAIR struct prng *p, struct load *one, struct load *other

/*
 * Laws of one connection.
 */

static double rate_draw(struct prng *p)
{
	return draw_lognormal(p, 1e6, 1);
}

static void steady(struct prng *p, struct load *l, double rate)
{
	carry_constant(l, rate);
	load_sway(p, l, draw_lognormal(p, 0.03, 1), CARRY_TICK_S);
}

/* What congestion and its control make of a transfer: slow and fast at once. */
static void congested(struct prng *p, struct load *l, double rate)
{
	carry_constant(l, rate);
	load_sway(p, l, draw_between(p, 0.2, 0.8), draw_lognormal(p, 120, 0.8));
	load_sway(p, l, draw_between(p, 0.1, 0.5), draw_lognormal(p, 5, 1));
}

static double seconds(const struct load *l)
{
	return (double)l->count * CARRY_TICK_S;
}

static void dips(struct prng *p, struct load *l, double mean_s)
{
	for (double at_s = draw_exponential(p, mean_s); at_s < seconds(l);
	     at_s += draw_exponential(p, mean_s))
		load_dip(l, at_s, at_s + draw_exponential(p, 30), draw_between(p, 0, 0.5));
}

/*
 * Nothing to do with each other.
 */

static void constants(PAIR)
{
	double rate = rate_draw(p);

	steady(p, one, rate);
	steady(p, other, rate * draw_between(p, 0.98, 1.02));
}

static void limited(PAIR)
{
	double rate = rate_draw(p);

	steady(p, one, rate);
	steady(p, other, rate);
	dips(p, one, 200);
	dips(p, other, 200);
}

static void congestions(PAIR)
{
	double rate = rate_draw(p);

	congested(p, one, rate);
	congested(p, other, rate);
}

/* The day's course, the same for both, with a peak of some hours. */
static void trend(PAIR)
{
	double rate = rate_draw(p), phase = draw_between(p, 0, 6.28);
	double depth = draw_between(p, 0, 0.6), peak = draw_between(p, 0, 0.3);

	steady(p, one, rate);
	steady(p, other, rate);
	for (size_t i = 0; i < one->count; i++) {
		double day = 6.283 * (double)i * CARRY_TICK_S / 86400 + phase;
		double now = 1 + depth * sin(day) + peak * sin(6 * day);

		one->octets[i] *= now;
		other->octets[i] *= now;
	}
}

/* Others come and go on a line that both cross; each has its share, which sways. */
static void share_line(struct prng *p, double sigma, double span_s, struct load *one,
                       struct load *other)
{
	congested(p, one, rate_draw(p));
	for (size_t i = 0; i < one->count; i++)
		other->octets[i] = one->octets[i];
	load_sway(p, one, sigma, span_s);
	load_sway(p, other, sigma, span_s);
}

static void bottleneck(PAIR)
{
	share_line(p, draw_between(p, 0.08, 0.3), draw_lognormal(p, 20, 0.5), one, other);
}

/* The same with shares that scatter by 3 % and by 1 % from minute to minute. */
static void bottleneck_3(PAIR)
{
	share_line(p, 0.08, 5, one, other);
}

static void bottleneck_1(PAIR)
{
	share_line(p, 0.025, 5, one, other);
}

static void files_draw(struct prng *p, double sizes[64])
{
	for (size_t i = 0; i < 64; i++)
		sizes[i] = draw_pareto(p, 3e6, 1.1, 1e9);
}

/* The same files in the same order, begun together, each at its own pace. */
static void mirrored(PAIR)
{
	double sizes[64], rate = rate_draw(p);

	files_draw(p, sizes);
	carry_files(p, one, sizes, ARRAY_LEN(sizes), rate, 2);
	carry_files(p, other, sizes, ARRAY_LEN(sizes), rate * draw_between(p, 0.7, 1.4), 2);
}

/* One file from one server that limits each to the same pace. */
static void copies(PAIR)
{
	double size = draw_pareto(p, 1e8, 1, 1e10), rate = rate_draw(p);

	carry_files(p, one, &size, 1, rate, 0);
	carry_files(p, other, &size, 1, rate, 0);
	load_sway(p, one, 0.05, 1);
	load_sway(p, other, 0.05, 1);
	load_delay(other, draw_between(p, 0, 30));
}

/* Begun on the same minute, full pace and pauses by what each has to save. */
static void backups(PAIR)
{
	double mine[64], theirs[64], rate = rate_draw(p);

	files_draw(p, mine);
	files_draw(p, theirs);
	carry_files(p, one, mine, ARRAY_LEN(mine), rate, 10);
	carry_files(p, other, theirs, ARRAY_LEN(theirs), rate, 10);
	load_delay(one, draw_between(p, 0, 2));
	load_delay(other, draw_between(p, 0, 2));
}

/* Jobs that move much on every fifth minute, and little between. */
static void on_the_minute(PAIR)
{
	double rate = rate_draw(p), burst_s = draw_between(p, 30, 100);

	steady(p, one, rate);
	steady(p, other, rate);
	for (double at_s = 0; at_s < seconds(one); at_s += 300) {
		load_dip(one, at_s + burst_s * draw_between(p, 0.9, 1.1), at_s + 300, 0.1);
		load_dip(other, at_s + burst_s * draw_between(p, 0.9, 1.1), at_s + 300, 0.1);
	}
}

static const double ladder[] = {60e3, 150e3, 300e3, 600e3, 1e6, 2e6};

static void streams(PAIR)
{
	double chunk_s = draw_is(p, 0.5) ? 4 : 10;

	carry_stream(p, one, ladder, ARRAY_LEN(ladder), chunk_s, draw_between(p, 0, 0.4));
	carry_stream(p, other, ladder, ARRAY_LEN(ladder), chunk_s, draw_between(p, 0, 0.4));
}

static void polls(PAIR)
{
	static const double every_s[] = {10, 20, 30, 60, 300};
	double period_s = draw_one_of(p, every_s, ARRAY_LEN(every_s));
	double scatter = draw_is(p, 0.5) ? 0.02 : 0.3, octets = draw_lognormal(p, 2e5, 1);

	carry_polls(p, one, period_s, draw_between(p, 0, period_s), octets, scatter);
	carry_polls(p, other, period_s, draw_between(p, 0, period_s), octets, scatter);
}

/* A line of both that fails twice. */
static void outages(PAIR)
{
	congestions(p, one, other);
	for (int i = 0; i < 2; i++) {
		double from_s = draw_between(p, 0, seconds(one));
		double to_s = from_s + draw_between(p, 10, 120);

		load_dip(one, from_s, to_s, 0);
		load_dip(other, from_s, to_s, 0);
	}
}

/*
 * A common cause.
 */

static void fair_queue(PAIR)
{
	share_line(p, 0.002, 5, one, other);
}

/* Two who watch the same thing as it happens. */
static void live(PAIR)
{
	carry_constant(one, rate_draw(p));
	load_sway(p, one, 0.3, 60);
	load_sway(p, one, 0.3, 4);
	carry_relay(one, other, draw_between(p, -0.01, 0.01), 0.5, draw_between(p, 0, 2));
}

/*
 * Relays: of a transfer, a stream, polls, a steady rate.
 */

static void pass_on(struct prng *p, const struct load *one, struct load *other)
{
	carry_relay(one, other, draw_between(p, 0.002, 0.06), draw_exponential(p, 0.3),
	            draw_between(p, 0, 1));
}

static void relayed(PAIR)
{
	congested(p, one, rate_draw(p));
	pass_on(p, one, other);
}

/* The second login some time after the first: what is relayed begins then; records lie apart. */
static void by_hand(PAIR)
{
	double login_s = draw_between(p, 5, 90);

	congested(p, one, rate_draw(p));
	load_dip(one, 0, login_s, 1e-3);
	pass_on(p, one, other);
	load_dip(other, 0, login_s, 0);
}

static void buffered(PAIR)
{
	congested(p, one, rate_draw(p));
	carry_relay(one, other, draw_between(p, 0.002, 0.06), draw_between(p, 2, 8), 1);
}

static void files_relayed(PAIR)
{
	double sizes[64];

	files_draw(p, sizes);
	carry_files(p, one, sizes, ARRAY_LEN(sizes), rate_draw(p), 10);
	pass_on(p, one, other);
}

static void stream_relayed(PAIR)
{
	carry_stream(p, one, ladder, ARRAY_LEN(ladder), 4, draw_between(p, 0, 0.4));
	pass_on(p, one, other);
}

static void polls_relayed(PAIR)
{
	carry_polls(p, one, 10, draw_between(p, 0, 10), draw_lognormal(p, 2e5, 1), 0.3);
	pass_on(p, one, other);
}

static void steady_relayed(PAIR)
{
	steady(p, one, rate_draw(p));
	pass_on(p, one, other);
}

#define ALIKE .one_active_s = 60, .other_active_s = 60, .loss = 0.02

const struct bulk_class bulk_classes[] = {
	{"constant", "one steady rate", BULK_UNRELATED, constants, ALIKE},
	{"limited", "one limit, each below it at times", BULK_UNRELATED, limited, ALIKE},
	{"congested", "two transfers, each with its own congestion", BULK_UNRELATED, congestions,
         ALIKE},
	{"trend", "one course of the day", BULK_UNRELATED, trend, ALIKE},
	{"bottleneck", "one line with others on it, shares that sway", BULK_UNRELATED, bottleneck,
         ALIKE},
	{"bottleneck-3", "shares that scatter by 3 % over a minute", BULK_UNRELATED, bottleneck_3,
         ALIKE},
	{"mirrored", "the same files in the same order, begun together", BULK_UNRELATED, mirrored,
         ALIKE},
	{"copies", "one file at one pace, begun within 30 s", BULK_UNRELATED, copies, ALIKE},
	{"backups", "begun on one minute, each its own files", BULK_UNRELATED, backups, ALIKE},
	{"calendar", "much on every fifth minute, little between", BULK_UNRELATED, on_the_minute,
         ALIKE},
	{"streams", "video by chunks, one ladder of rates", BULK_UNRELATED, streams, ALIKE},
	{"polls", "request and answer, one period", BULK_UNRELATED, polls, ALIKE},
	{"outages", "a line of both that is cut twice", BULK_UNRELATED, outages, ALIKE},
	{"lost-together", "two transfers at one exporter that loses a fifth", BULK_UNRELATED,
         congestions, .one_active_s = 60, .other_active_s = 60, .loss = 0.2,
         .is_lost_together = true},
	{"bottleneck-1", "shares that scatter by 1 % over a minute", BULK_COUPLED, bottleneck_1,
         ALIKE},
	{"fair-queue", "one line that gives both the same to within 0.3 %", BULK_COUPLED,
         fair_queue, ALIKE},
	{"live", "two who watch one stream as it happens", BULK_COUPLED, live, ALIKE},
	{"relay", "a transfer through a tunnel, both cut at 60 s", BULK_RELAY, relayed, ALIKE},
	{"relay-half", "half of the records missing", BULK_RELAY, relayed, .one_active_s = 60,
         .other_active_s = 60, .loss = 0.5},
	{"relay-300", "cut at 60 and at 300 s", BULK_RELAY, relayed, .one_active_s = 60,
         .other_active_s = 300, .loss = 0.02},
	{"relay-hand", "logins 5 to 90 s apart: cuts lie anywhere", BULK_RELAY, by_hand, ALIKE},
	{"relay-buffer", "held for 2 to 8 s", BULK_RELAY, buffered, ALIKE},
	{"relay-files", "file after file", BULK_RELAY, files_relayed, ALIKE},
	{"relay-stream", "video by chunks", BULK_RELAY, stream_relayed, ALIKE},
	{"relay-polls", "request and answer every 10 s", BULK_RELAY, polls_relayed, ALIKE},
	{"relay-steady", "a steady rate", BULK_RELAY, steady_relayed, ALIKE},
	{"relay-step", "one clock jumps by an hour in the middle", BULK_RELAY, relayed, ALIKE,
         .step_s = 3600},
	{"relay-sampled", "one side sampled", BULK_RELAY, relayed, ALIKE, .sampling = 10},
};
const size_t bulk_class_count = ARRAY_LEN(bulk_classes);
