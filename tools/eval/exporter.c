#include "tools/eval/exporter.h"

#include "base/util.h"
#include "correlate/fingerprint.h"
#include "tools/eval/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE_S 3600.0 /* no record is older than this at time 0 */
#define SLOT_S 20.0     /* that much goes into one datagram of a quiet exporter */
#define RUN_SLOTS 2.0   /* datagrams lost in a row, on average */

/* Whether the record is lost with its datagram: a chain of two states over slots of time. */
struct weather {
	struct prng prng;
	double until_s;
	bool is_lost;
};

static bool is_lost(const struct exporter *x, struct prng *p, struct weather *w, double sent_s)
{
	double leave = 1 / RUN_SLOTS, enter;

	if (!x->is_bursty)
		return draw_is(p, x->loss);
	enter = x->loss < 1 ? leave * x->loss / (1 - x->loss) : 1;
	while (w->until_s < sent_s) {
		w->is_lost = w->is_lost ? !draw_is(&w->prng, leave) : draw_is(&w->prng, enter);
		w->until_s += SLOT_S;
	}
	return w->is_lost;
}

/* By drift. */
static double gained_s(const struct exporter *x, double at_s)
{
	double since_s;

	if (x->steer_s <= 0)
		return x->drift * at_s;
	since_s = at_s - x->steer_s * floor(at_s / x->steer_s);
	return x->drift * (x->is_slewed ? MIN(since_s, x->steer_s - since_s) : since_s);
}

int64_t exporter_stamp(const struct exporter *x, double at_s)
{
	double clock_s = at_s + gained_s(x, at_s) + x->offset_s;
	int64_t ms, tick = MAX(x->tick_ms, 1);

	if (x->step_s != 0 && at_s >= x->step_at_s)
		clock_s += x->step_s;
	clock_s = floor(clock_s * 1e3);
	ms = EPOCH_MS + (int64_t)clock_s;
	return ms - ms % tick;
}

static void add_record(struct trace *t, const struct exporter *x, double first_s, double last_s)
{
	if (t->count == t->space) {
		struct interval *on;

		t->space = t->space == 0 ? 64 : 2 * t->space;
		on = must_alloc(t->space, sizeof(*on));
		if (t->count > 0)
			memcpy(on, t->on, t->count * sizeof(*on));
		free(t->on);
		t->on = on;
	}
	t->on[t->count++] =
		(struct interval){exporter_stamp(x, first_s), exporter_stamp(x, last_s)};
}

static int by_start(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	return (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms);
}

bool exporter_export(const struct exporter *x, struct prng *p, const struct times *times,
                     struct trace *ret)
{
	struct weather weather = {.prng = {x->weather != 0 ? x->weather : prng_next(p)},
	                          .until_s = -BEFORE_S};
	double first_s = 0, last_s = 0;
	bool is_open = false;

	ret->count = 0;
	ret->gap_ms = (int64_t)llround(x->idle_s * 1e3);
	for (size_t i = 0; i < times->count; i++) {
		double at_s = times->at_s[i];

		if (x->sampling > 1 && prng_below(p, x->sampling) != 0)
			continue;
		if (is_open && x->restart_s > 0 && x->restart_s > last_s && x->restart_s <= at_s)
			is_open = false;
		if (is_open && (at_s - last_s > x->idle_s || at_s - first_s > x->active_s)) {
			if (!is_lost(x, p, &weather, last_s + x->idle_s))
				add_record(ret, x, first_s, last_s);
			is_open = false;
		}
		if (!is_open)
			first_s = at_s;
		last_s = at_s;
		is_open = true;
	}
	if (is_open && !is_lost(x, p, &weather, last_s + x->idle_s))
		add_record(ret, x, first_s, last_s);
	if (ret->count == 0)
		return false;
	qsort(ret->on, ret->count, sizeof(ret->on[0]), by_start);
	ret->count = fingerprint_close(ret->on, ret->count, ret->gap_ms);
	return true;
}

void trace_free(struct trace *t)
{
	free(t->on);
	*t = (struct trace){0};
}
