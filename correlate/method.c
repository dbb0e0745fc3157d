/*
 * The paper's CPF (ncts-2015 section IV) is the Min/Max Sum Ratio of Wang, Reeves and Wu (2002),
 * taken over the durations ON1, OFF1, ON2, ... of whole lives, the shorter list padded with zeros.
 * Their other three correlation point functions follow, over the common life, as far as both lists
 * go. The last three compare times instead of durations.
 */
#include "correlate/method.h"

#include "base/util.h"
#include "correlate/span.h"

#include <math.h>
#include <string.h>

/* The part of a fingerprint inside a window. */
struct cut {
	const struct interval *on;
	size_t count;
	struct interval window;
};

static struct interval life_of(const struct fingerprint *f)
{
	return (struct interval){f->on[0].start_ms, f->on[f->count - 1].end_ms};
}

static struct cut cut_to(const struct fingerprint *f, struct interval window)
{
	size_t from = 0, to = f->count;

	while (from < to && f->on[from].end_ms < window.start_ms)
		from++;
	while (to > from && f->on[to - 1].start_ms > window.end_ms)
		to--;
	return (struct cut){f->on + from, to - from, window};
}

/* False when they have no time in common. */
static bool cut_both(const struct fingerprint *x, const struct fingerprint *y, struct cut *a,
                     struct cut *b)
{
	struct interval ours, theirs, common;

	if (x->count == 0 || y->count == 0)
		return false;
	ours = life_of(x);
	theirs = life_of(y);
	common.start_ms = MAX(ours.start_ms, theirs.start_ms);
	common.end_ms = MIN(ours.end_ms, theirs.end_ms);
	if (!interval_overlaps(ours, theirs))
		return false;
	*a = cut_to(x, common);
	*b = cut_to(y, common);
	return a->count > 0 && b->count > 0;
}

static size_t durations(const struct cut *c)
{
	return c->count > 0 ? 2 * c->count - 1 : 0;
}

/* Duration number `at` of ON1, OFF1, ON2, ... */
static double duration_s(const struct cut *c, size_t at)
{
	const struct interval *on = c->on + at / 2;
	int64_t from_ms = at % 2 == 0 ? MAX(on[0].start_ms, c->window.start_ms) : on[0].end_ms;
	int64_t to_ms = at % 2 != 0 ? on[1].start_ms : MIN(on[0].end_ms, c->window.end_ms);

	return span_real_ms(from_ms, to_ms) / 1e3;
}

static double cpf(const struct fingerprint *x, const struct fingerprint *y)
{
	struct cut a = cut_to(x, INTERVAL_ALWAYS), b = cut_to(y, INTERVAL_ALWAYS);
	size_t a_count = durations(&a), b_count = durations(&b);
	double least = 0, most = 0;

	for (size_t i = 0; i < MAX(a_count, b_count); i++) {
		double u = i < a_count ? duration_s(&a, i) : 0;
		double v = i < b_count ? duration_s(&b, i) : 0;

		least += MIN(u, v);
		most += MAX(u, v);
	}
	return most > 0 ? least / most : 1;
}

/* The sums that the four functions are made of. */
struct sums {
	double count, least, most, x, y, xx, yy, xy, most_squared;
};

static struct sums sums_of(const struct fingerprint *x, const struct fingerprint *y)
{
	struct sums s = {0};
	struct cut a, b;
	size_t count;

	if (!cut_both(x, y, &a, &b))
		return s;
	count = MIN(durations(&a), durations(&b));
	s.count = (double)count;
	for (size_t i = 0; i < count; i++) {
		double u = duration_s(&a, i), v = duration_s(&b, i), most = MAX(u, v);

		s.least += MIN(u, v);
		s.most += most;
		s.x += u;
		s.y += v;
		s.xx += u * u;
		s.yy += v * v;
		s.xy += u * v;
		s.most_squared += most * most;
	}
	return s;
}

static double mms(const struct fingerprint *x, const struct fingerprint *y)
{
	struct sums s = sums_of(x, y);

	return s.most > 0 ? s.least / s.most : 0;
}

static double stat(const struct fingerprint *x, const struct fingerprint *y)
{
	struct sums s = sums_of(x, y);
	double spread_x = s.count * s.xx - s.x * s.x, spread_y = s.count * s.yy - s.y * s.y;
	double rho = spread_x > 0 && spread_y > 0
	                     ? (s.count * s.xy - s.x * s.y) / sqrt(spread_x * spread_y)
	                     : 0;

	return MAX(0, MIN(rho, 1));
}

static double ndp1(const struct fingerprint *x, const struct fingerprint *y)
{
	struct sums s = sums_of(x, y);

	return s.most_squared > 0 ? s.xy / s.most_squared : 0;
}

static double ndp2(const struct fingerprint *x, const struct fingerprint *y)
{
	struct sums s = sums_of(x, y);
	double most = MAX(s.xx, s.yy);

	return most > 0 ? s.xy / most : 0;
}

/* Milliseconds of the common life in which both are ON, either is, one is; an instant is one. */
struct overlaps {
	double both, x, y, whole;
};

static double shared_ms(struct interval a, struct interval b, struct interval window)
{
	int64_t from_ms = MAX(MAX(a.start_ms, b.start_ms), window.start_ms);
	int64_t to_ms = MIN(MIN(a.end_ms, b.end_ms), window.end_ms);

	return from_ms > to_ms ? 0 : span_real_ms(from_ms, to_ms) + 1;
}

static double on_ms(const struct cut *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->count; i++)
		sum += shared_ms(c->on[i], c->window, c->window);
	return sum;
}

static bool overlaps_of(const struct fingerprint *x, const struct fingerprint *y,
                        struct overlaps *ret)
{
	struct cut a, b;

	*ret = (struct overlaps){0};
	if (!cut_both(x, y, &a, &b))
		return false;
	ret->whole = span_real_ms(a.window.start_ms, a.window.end_ms) + 1;
	ret->x = on_ms(&a);
	ret->y = on_ms(&b);
	for (size_t i = 0, j = 0; i < a.count && j < b.count;) {
		ret->both += shared_ms(a.on[i], b.on[j], a.window);
		if (a.on[i].end_ms < b.on[j].end_ms)
			i++;
		else
			j++;
	}
	return true;
}

static double jaccard(const struct fingerprint *x, const struct fingerprint *y)
{
	struct overlaps o;

	return overlaps_of(x, y, &o) && o.x + o.y > o.both ? o.both / (o.x + o.y - o.both) : 0;
}

static double phi(const struct fingerprint *x, const struct fingerprint *y)
{
	struct overlaps o;
	double spread, r;

	if (!overlaps_of(x, y, &o))
		return 0;
	spread = o.x * (o.whole - o.x) * o.y * (o.whole - o.y);
	r = spread > 0 ? (o.whole * o.both - o.x * o.y) / sqrt(spread) : 0;
	return MAX(0, MIN(r, 1));
}

/* ON time alone favours the talkative, silence alone the silent: the lesser of the two. */
static double overlap(const struct fingerprint *x, const struct fingerprint *y)
{
	struct overlaps o;
	double either, on, off;

	if (!overlaps_of(x, y, &o))
		return 0;
	either = o.x + o.y - o.both;
	on = either > 0 ? o.both / either : 0;
	off = o.whole > o.both ? (o.whole - either) / (o.whole - o.both) : 1;
	return MIN(on, off);
}

const struct method methods[METHODS] = {
	[METHOD_CPF] = {"cpf", "the paper's: MMS of whole lives, padded", cpf},
	[METHOD_MMS] = {"mms", "CPF: min/max sum ratio, common life", mms},
	[METHOD_STAT] = {"stat", "CPF: statistical correlation, common life", stat},
	[METHOD_NDP1] = {"ndp1", "CPF: normalised dot product 1, common life", ndp1},
	[METHOD_NDP2] = {"ndp2", "CPF: normalised dot product 2, common life", ndp2},
	[METHOD_JACCARD] = {"jaccard", "overlap of ON time", jaccard},
	[METHOD_PHI] = {"phi", "phi coefficient of ON against ON", phi},
	[METHOD_OVERLAP] = {"overlap", "lesser overlap of ON and of silence", overlap},
};

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < METHODS; i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}
