#include "node/asking.h"

#include "node/search.h"

static const struct {
	size_t intervals, volumes;
} steps[ASKING_STEPS] = {{QUERY_INTERVALS_MAX, QUERY_VOLUMES_MAX},
                         {112, 64},
                         {96, 48},
                         {80, 40},
                         {64, 32},
                         {48, 24}};

static void fill_volumes(const struct asking *a, size_t max, struct question *ret)
{
	ret->way = (unsigned)a->way;
	ret->volume_count =
		volume_records(&a->carried->way[a->way], a->rhythm.on[0].start_ms - a->ahead_ms,
	                       max, ret->volumes);
}

struct question asking_question(const struct asking *a, size_t step)
{
	struct question ret =
		search_question(&a->rhythm, a->ahead_ms, a->proto, steps[step].intervals);

	ret.severity = a->severity;
	if (a->carried != NULL)
		fill_volumes(a, steps[step].volumes, &ret);
	return ret;
}
