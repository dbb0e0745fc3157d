#include "node/asking.h"

#include "base/util.h"
#include "node/losses.h"
#include "node/skews.h"

_Static_assert(SKEWS_BOUND_MAX_MS <= QUERY_BOUND_MAX_MS, "what is known of a clock can be said");

static const struct {
	size_t intervals, volumes;
} steps[ASKING_STEPS] = {{QUERY_INTERVALS_MAX, QUERY_VOLUMES_MAX},
                         {112, 64},
                         {96, 48},
                         {80, 40},
                         {64, 32},
                         {48, 24}};

struct question asking_rhythm(const struct fingerprint *rhythm, uint8_t proto, size_t max)
{
	struct question q = {.proto = proto};

	q.on_count = fingerprint_coarsen(rhythm, max, q.on, &q.gap_ms);
	return q;
}

static void fill_volumes(const struct asking *a, size_t max, struct question *ret)
{
	ret->way = (unsigned)a->way;
	ret->volume_count = volume_records(&a->carried->way[a->way], a->rhythm.on[0].start_ms, max,
	                                   ret->volumes);
}

struct score_clock asking_clock(const struct flow_decoder *decoder, const struct addr *exporter,
                                struct interval life)
{
	struct score_clock ret = {.offset_ms = 0};
	struct skews skews;
	struct losses losses;

	skews_take(&skews, decoder->clocks, decoder->streams);
	losses_take(&losses, decoder->streams);
	ret.bound_ms = skews_bound_ms(&skews, exporter, life);
	ret.loss = losses_of(&losses, exporter) / 1e3;
	skews_free(&skews);
	losses_free(&losses);
	return ret;
}

void asking_move(const struct score_clock *clock, struct question *q)
{
	for (size_t i = 0; i < q->on_count; i++)
		q->on[i] = interval_moved(q->on[i], -clock->offset_ms, -clock->offset_ms);
}

static void fill_clock(const struct score_clock *clock, struct question *ret)
{
	asking_move(clock, ret);
	ret->bound_ms = MIN(clock->bound_ms, QUERY_BOUND_MAX_MS);
	ret->lost = MIN((unsigned)(clock->loss * 1e3 + 0.5), QUERY_LOST_MAX);
}

struct question asking_question(const struct asking *a, size_t step)
{
	struct question ret = asking_rhythm(&a->rhythm, a->proto, steps[step].intervals);

	ret.severity = a->severity;
	fill_clock(&a->clock, &ret);
	if (a->carried != NULL)
		fill_volumes(a, steps[step].volumes, &ret);
	return ret;
}
