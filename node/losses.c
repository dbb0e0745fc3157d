#include "node/losses.h"

#include "base/util.h"
#include "proto/flow/flow.h"
#include "proto/flow/habit.h"
#include "proto/wire/query.h"

#include <stdlib.h>

#define USUAL 1000.0 /* flows that an exporter has to tell until its own loss counts for half */
#define USUAL_LOSS score_defaults.candidate.loss

struct taking {
	struct losses *losses;
	size_t room;
};

static void take(void *ctx, const struct stream *s)
{
	struct taking *t = ctx;
	struct losses *l = t->losses;
	uint64_t lost = habit_lost_flows(s);

	if (s->key.version == FLOW_SFLOW || !stream_is_proven(s))
		return;
	if (l->count == t->room) {
		size_t room = MAX(2 * t->room, (size_t)64);
		struct losses_known *of = realloc(l->of, room * sizeof(*of));

		if (of == NULL)
			return;
		l->of = of;
		t->room = room;
	}
	l->of[l->count++] = (struct losses_known){
		.exporter = s->key.from.addr,
		.came = (double)s->flows,
		.lost = (double)lost,
	};
}

static int by_exporter(const void *left, const void *right)
{
	const struct losses_known *a = left, *b = right;

	return addr_cmp(&a->exporter, &b->exporter);
}

/* Its streams as one. */
static void join(struct losses *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct losses_known *last = &l->of[count];

		if (count == 0 || by_exporter(&last[-1], &l->of[i]) != 0) {
			*last = l->of[i];
			count++;
		} else {
			last[-1].came += l->of[i].came;
			last[-1].lost += l->of[i].lost;
		}
	}
	l->count = count;
}

void losses_take(struct losses *ret, const struct stream_table *streams)
{
	struct taking taking = {.losses = ret};

	*ret = (struct losses){.of = NULL};
	stream_each(streams, take, &taking);
	if (ret->count == 0)
		return;
	qsort(ret->of, ret->count, sizeof(ret->of[0]), by_exporter);
	join(ret);
}

void losses_free(struct losses *l)
{
	free(l->of);
	*l = (struct losses){.of = NULL};
}

unsigned losses_of(const struct losses *l, const struct addr *exporter)
{
	const struct losses_known key = {.exporter = *exporter};
	const struct losses_known *known = NULL;
	double came = USUAL * (1 - USUAL_LOSS), lost = USUAL * USUAL_LOSS;

	if (l->count > 0)
		known = bsearch(&key, l->of, l->count, sizeof(l->of[0]), by_exporter);
	if (known != NULL) {
		came += known->came;
		lost += known->lost;
	}
	return (unsigned)MIN(1e3 * lost / (came + lost) + 0.5, QUERY_LOST_MAX);
}

struct score_clock losses_clock(const struct connection *c, unsigned lost)
{
	return (struct score_clock){
		.offset_ms = connection_late_ms(c),
		.bound_ms = (c->high_ms - c->low_ms + 1) / 2,
		.loss = lost / 1e3,
	};
}
