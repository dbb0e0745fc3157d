#include "tools/eval/meter.h"

#include "tools/eval/draw.h"

#include <math.h>

#define ANSWER_LOW 0.02 /* of the octets sent: acknowledgements */
#define ANSWER_HIGH 0.05

struct meter {
	struct volume records[METER_RECORDS_MAX];
	size_t count;
};

static void tell(const struct exporter *x, struct prng *p, double first_s, double last_s,
                 double octets, struct meter *m)
{
	if (m->count < METER_RECORDS_MAX && !draw_is(p, x->loss))
		m->records[m->count++] = (struct volume){
			{exporter_stamp(x, first_s), exporter_stamp(x, last_s)},
			(uint64_t)octets,
		};
}

static void meter_way(const struct exporter *x, struct prng *p, const struct load *load,
                      double share, struct volume_way *ret)
{
	struct meter m = {.count = 0};
	double first_s = 0, last_s = 0, octets = 0;

	for (size_t i = 0; i < load->count; i++) {
		/* The first packet of a tick, and the last, lie somewhere in it. */
		double at_s = ((double)i + draw_between(p, 0, 0.2)) * CARRY_TICK_S;

		if (load->octets[i] < 1)
			continue;
		if (octets > 0 && (at_s - last_s > x->idle_s || at_s - first_s > x->active_s)) {
			tell(x, p, first_s, last_s, octets, &m);
			octets = 0;
		}
		if (octets <= 0)
			first_s = at_s;
		octets += load->octets[i] * share;
		last_s = at_s + draw_between(p, 0.5, 0.8) * CARRY_TICK_S;
	}
	if (octets > 0)
		tell(x, p, first_s, last_s, octets, &m);
	volume_way_of(m.records, m.count, EPOCH_MS, ret);
}

void meter_export(const struct exporter *x, struct prng *p, const struct load *sent,
                  struct volume_side *ret)
{
	ret->is_sampled = x->sampling > 1;
	meter_way(x, p, sent, 1, &ret->way[VOLUME_SENT]);
	meter_way(x, p, sent, draw_between(p, ANSWER_LOW, ANSWER_HIGH), &ret->way[VOLUME_ANSWERED]);
}
