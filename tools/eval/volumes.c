#include "tools/eval/volumes.h"

#include "base/util.h"
#include "tools/eval/draw.h"
#include "tools/eval/meter.h"

#include <stdio.h>

#define DECADES 6

struct counted {
	size_t reached[DECADES + 1]; /* E >= 10^k */
	size_t by[4];                /* verdicts */
	double sum, records, telling;
};

static struct exporter exporter_of(const struct bulk_class *of, struct prng *p, double idle_s,
                                   double active_s)
{
	return (struct exporter){
		.idle_s = idle_s,
		.active_s = active_s,
		.loss = of->loss,
		.offset_s = draw_between(p, -1, 1),
		.drift = draw_between(p, -20e-6, 20e-6),
		.tick_ms = 1,
	};
}

static void count(const struct volume_evidence *e, struct counted *c)
{
	for (int k = 1; k <= DECADES; k++)
		c->reached[k] += e->decades >= k;
	c->by[e->verdict]++;
	c->sum += e->decades;
	c->records += (double)e->records;
	c->telling += (double)e->telling;
}

static void try_pair(const struct bulk_class *of, struct prng *p, double idle_s, struct load *one,
                     struct load *other, struct counted *c)
{
	struct exporter x = exporter_of(of, p, idle_s, of->one_active_s);
	struct exporter y = exporter_of(of, p, idle_s, of->other_active_s);
	struct volume_side a, b;
	struct volume_evidence got;
	struct prng lost;

	load_clear(one);
	load_clear(other);
	of->pair(p, one, other);
	y.sampling = of->sampling;
	y.step_s = of->step_s;
	y.step_at_s = (double)one->count * CARRY_TICK_S / 2;
	lost = of->is_lost_together ? *p : (struct prng){prng_next(p)};
	meter_export(&x, p, one, &a);
	meter_export(&y, &lost, other, &b);
	volume_evidence_of(&a, &b, &got);
	count(&got, c);
}

json_t *volumes_row(const struct bulk_class *of, uint64_t seed, size_t pairs, double minutes,
                    double idle_s)
{
	static const char *const kinds[] = {"unrelated", "coupled", "relay"};
	struct load one = load_new(minutes * 60), other = load_new(minutes * 60);
	struct counted c = {.sum = 0};
	struct prng p = {seed};
	double all = (double)pairs;
	json_t *row = json_object();

	for (size_t i = 0; i < pairs; i++)
		try_pair(of, &p, idle_s, &one, &other, &c);
	load_free(&one);
	load_free(&other);
	json_object_set_new(row, "class", json_string(of->name));
	json_object_set_new(row, "what", json_string(of->what));
	json_object_set_new(row, "kind", json_string(kinds[of->kind]));
	json_object_set_new(row, "pairs", json_integer((json_int_t)pairs));
	json_object_set_new(row, "records", json_real(c.records / all));
	json_object_set_new(row, "telling", json_real(c.telling / all));
	json_object_set_new(row, "decades", json_real(c.sum / all));
	for (int k = 1; k <= DECADES; k++) {
		char key[32];

		snprintf(key, sizeof(key), "reach_E%d", k);
		json_object_set_new(row, key, json_real((double)c.reached[k] / all));
	}
	json_object_set_new(row, "undecided", json_real((all - (double)c.by[VOLUME_TELLS]) / all));
	return row;
}
