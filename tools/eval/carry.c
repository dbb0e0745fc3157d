#include "tools/eval/carry.h"

#include "base/util.h"
#include "tools/eval/draw.h"
#include "tools/eval/times.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct load load_new(double duration_s)
{
	size_t count = (size_t)(duration_s / CARRY_TICK_S);

	return (struct load){must_alloc(count, sizeof(double)), count};
}

void load_free(struct load *l)
{
	free(l->octets);
	*l = (struct load){0};
}

void load_clear(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->octets[i] = 0;
}

void load_sway(struct prng *p, struct load *l, double sigma, double span_s)
{
	double keep = exp(-CARRY_TICK_S / span_s), push = sqrt(1 - keep * keep) * sigma;
	double at = sigma * draw_normal(p);

	for (size_t i = 0; i < l->count; i++) {
		l->octets[i] *= exp(at);
		at = keep * at + push * draw_normal(p);
	}
}

void load_times(struct load *l, const struct load *by)
{
	for (size_t i = 0; i < l->count; i++)
		l->octets[i] *= by->octets[i];
}

static size_t tick_of(const struct load *l, double at_s)
{
	double tick = floor(MAX(at_s, 0) / CARRY_TICK_S);

	return (size_t)MIN(tick, (double)l->count);
}

void load_dip(struct load *l, double from_s, double to_s, double share)
{
	for (size_t i = tick_of(l, from_s); i < tick_of(l, to_s); i++)
		l->octets[i] *= share;
}

void load_delay(struct load *l, double by_s)
{
	size_t ticks = tick_of(l, by_s);

	memmove(l->octets + ticks, l->octets, (l->count - ticks) * sizeof(double));
	for (size_t i = 0; i < ticks; i++)
		l->octets[i] = 0;
}

void carry_constant(struct load *l, double rate)
{
	for (size_t i = 0; i < l->count; i++)
		l->octets[i] += rate * CARRY_TICK_S;
}

void carry_files(struct prng *p, struct load *l, const double *sizes, size_t count, double rate,
                 double pause_s)
{
	double at_s = 0, sway = 1;

	for (size_t f = 0; f < count; f++) {
		double left = sizes[f];

		sway = draw_lognormal(p, 1, 0.3);
		for (size_t i = tick_of(l, at_s); i < l->count && left > 0; i++) {
			double now = MIN(left, rate * sway * CARRY_TICK_S);

			l->octets[i] += now;
			left -= now;
			at_s = (double)(i + 1) * CARRY_TICK_S;
		}
		at_s += draw_exponential(p, pause_s);
	}
}

void carry_stream(struct prng *p, struct load *l, const double *ladder, size_t levels,
                  double chunk_s, double scatter)
{
	size_t level = prng_below(p, levels);

	for (double at_s = draw_between(p, 0, chunk_s); at_s + 2 < (double)l->count * CARRY_TICK_S;
	     at_s += chunk_s) {
		double octets = ladder[level] * chunk_s * draw_lognormal(p, 1, scatter);
		size_t tick = tick_of(l, at_s);

		l->octets[tick] += octets / 2;
		l->octets[tick + 1] += octets / 2;
		if (draw_is(p, 0.03) && level + 1 < levels)
			level++;
		else if (draw_is(p, 0.03) && level > 0)
			level--;
	}
}

void carry_polls(struct prng *p, struct load *l, double period_s, double phase_s, double octets,
                 double scatter)
{
	for (double at_s = phase_s; tick_of(l, at_s) < l->count; at_s += period_s)
		l->octets[tick_of(l, at_s)] += octets * draw_lognormal(p, 1, scatter);
}

void carry_relay(const struct load *from, struct load *to, double overhead, double hold_s,
                 double delay_s)
{
	double held = 0, share = 1 - exp(-CARRY_TICK_S / MAX(hold_s, 0.01));

	for (size_t i = 0; i < to->count && i < from->count; i++) {
		held += from->octets[i] * (1 + overhead);
		to->octets[i] += held * share;
		held -= held * share;
	}
	load_delay(to, delay_s);
}
