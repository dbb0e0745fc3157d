#include "base/util.h"
#include "tools/sim/result.h"

#include <stdlib.h>
#include <sys/resource.h>

struct measure *measure_new(void)
{
	struct measure *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->coverage_min = 1;
	return m;
}

void measure_heard(struct measure *m, bool is_victim, uint64_t delay_ms, uint32_t hops)
{
	m->query_reachable++;
	m->query_heard++;
	m->victims += is_victim;
	m->victims_heard += is_victim;
	m->delays[MIN(delay_ms, RESULT_DELAY_MAX)]++;
	m->hops[MIN(hops, RESULT_HOPS_MAX)]++;
}

void measure_missed(struct measure *m, bool is_victim)
{
	m->query_reachable++;
	m->victims += is_victim;
}

/* Of nobody, everybody has heard. */
static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 1 : (double)part / (double)whole;
}

void measure_query_end(struct measure *m)
{
	double coverage = share(m->query_heard, m->query_reachable);

	m->queries++;
	m->coverage += coverage;
	m->coverage_min = MIN(m->coverage_min, coverage);
	m->reachable += m->query_reachable;
	m->heard += m->query_heard;
	m->query_reachable = m->query_heard = 0;
}

/* The least value that `wanted` of the counted do not exceed. */
static uint64_t rank(const uint64_t *counts, size_t len, uint64_t wanted)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < len; i++) {
		seen += counts[i];
		if (seen >= wanted)
			return i;
	}
	return len - 1;
}

static uint64_t percentile(const uint64_t *counts, size_t len, uint64_t total, uint64_t percent)
{
	return total == 0 ? 0 : rank(counts, len, MAX(1, (total * percent + 99) / 100));
}

static double within(const struct measure *m, size_t limit_ms)
{
	uint64_t heard = 0;

	for (size_t i = 0; i <= limit_ms; i++)
		heard += m->delays[i];
	return share(heard, m->reachable);
}

static void fill_cdf(const struct measure *m, struct result *ret)
{
	for (uint64_t percent = 0; percent < RESULT_CDF; percent++) {
		uint64_t wanted = MAX(1, (m->reachable * percent + 99) / 100);

		ret->cdf_ms[percent] =
			wanted > m->heard ? -1
					  : (int32_t)rank(m->delays, ARRAY_LEN(m->delays), wanted);
	}
}

static void fill_cost(struct result *ret)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	ret->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	ret->peak_rss_kb = (uint64_t)usage.ru_maxrss;
}

void measure_end(const struct measure *m, struct result *ret)
{
	size_t len = ARRAY_LEN(m->delays);

	ret->coverage_mean = m->queries == 0 ? 1 : m->coverage / (double)m->queries;
	ret->coverage_min = m->coverage_min;
	ret->coverage_1s = within(m, 1000);
	ret->coverage_3s = within(m, 3000);
	ret->coverage_6s = within(m, 6000);
	ret->victims_coverage = share(m->victims_heard, m->victims);
	ret->delay_p50_ms = percentile(m->delays, len, m->heard, 50);
	ret->delay_p99_ms = percentile(m->delays, len, m->heard, 99);
	ret->delay_max_ms = percentile(m->delays, len, m->heard, 100);
	ret->hops_p99 = percentile(m->hops, ARRAY_LEN(m->hops), m->heard, 99);
	fill_cdf(m, ret);
	fill_cost(ret);
}
