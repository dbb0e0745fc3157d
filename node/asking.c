#include "node/asking.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	size_t intervals, volumes;
} steps[ASKING_STEPS] = {{QUERY_INTERVALS_MAX, QUERY_VOLUMES_MAX},
                         {112, 64},
                         {96, 48},
                         {80, 40},
                         {64, 32},
                         {48, 24}};

/* Of the way alone that carried more: the other's are mostly its acknowledgements. */
static void fill_volumes(const struct asking *a, size_t max, struct question *ret)
{
	size_t way = volume_heavier(a->carried);

	ret->way = (unsigned)way;
	ret->volume_count = volume_records(
		&a->carried->way[way], a->rhythm.on[0].start_ms - a->ahead_ms, max, ret->volumes);
}

void asking_question(const struct asking *a, size_t step, struct question *ret)
{
	const struct fingerprint *rhythm = &a->rhythm;
	struct interval *on = calloc(rhythm->count, sizeof(*on));
	size_t count;

	*ret = (struct question){.proto = a->proto, .severity = a->severity};
	CHECK(on != NULL);
	memcpy(on, rhythm->on, rhythm->count * sizeof(*on));
	ret->gap_ms =
		fingerprint_fit(rhythm->on, rhythm->count, rhythm->gap_ms, steps[step].intervals);
	count = fingerprint_close(on, rhythm->count, ret->gap_ms);
	CHECK(count <= QUERY_INTERVALS_MAX);
	for (size_t i = 0; i < count; i++)
		ret->on[i] =
			(struct interval){on[i].start_ms - a->ahead_ms, on[i].end_ms - a->ahead_ms};
	ret->on_count = count;
	free(on);
	if (a->carried != NULL)
		fill_volumes(a, steps[step].volumes, ret);
}
