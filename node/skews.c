#include "node/skews.h"

#include "base/util.h"

static struct skew *find(struct skews *c, const struct addr *exporter)
{
	for (size_t i = 0; i < c->count; i++) {
		if (addr_equal(&c->of[i].exporter, exporter))
			return &c->of[i];
	}
	return NULL;
}

static void take(void *ctx, const struct stream *s)
{
	const struct addr *exporter = &s->key.from.addr; /* as its flows name it */
	struct skews *c = ctx;
	struct clock_estimate e;
	struct skew *known;

	if (clock_model_now(&s->model, s->seen_ms, &e) != ERR_OK || e.offset_ms < -SKEWS_FAR_MS ||
	    e.offset_ms > SKEWS_FAR_MS)
		return;
	known = find(c, exporter);
	if (known == NULL && c->count < SKEWS_MAX) {
		known = &c->of[c->count++];
		*known = (struct skew){*exporter, INT64_MAX, INT64_MIN};
	}
	if (known == NULL)
		return;
	/* The estimate is ours less the exporter's. */
	known->low_ms = MIN(known->low_ms, -e.offset_ms - e.bound_ms);
	known->high_ms = MAX(known->high_ms, -e.offset_ms + e.bound_ms);
}

void skews_take(struct skews *ret, const struct stream_table *streams)
{
	ret->count = 0;
	stream_each(streams, take, ret);
}

struct score_clock skews_of(const struct skews *c, const struct addr *exporter)
{
	struct score_clock ret = score_defaults.candidate;

	for (size_t i = 0; i < c->count; i++) {
		const struct skew *known = &c->of[i];

		if (!addr_equal(&known->exporter, exporter))
			continue;
		ret.offset_ms = known->low_ms + (known->high_ms - known->low_ms) / 2;
		ret.bound_ms = (known->high_ms - known->low_ms + 1) / 2;
	}
	return ret;
}

int64_t skews_far_ms(const struct skews *c)
{
	int64_t far_ms = 0;

	for (size_t i = 0; i < c->count; i++)
		far_ms = MAX(far_ms, MAX(-c->of[i].low_ms, c->of[i].high_ms));
	return far_ms;
}
