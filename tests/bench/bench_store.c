/*
 * bench_store - how fast flows are sealed and read, and how small they are. One JSON object per
 * line.
 *
 *   bench_store [DIR [MILLIONS]]     DIR holds the files meanwhile; 1 million flows unless told
 */
#include "base/prng.h"
#include "base/util.h"
#include "store/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/stored.h"
#include "tests/bench/traffic.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_PER_S 2000
#define BATCH 4096

static size_t read_back(struct store *s, struct interval when)
{
	struct store_cursor *c;
	const struct flow *flows;
	size_t total = 0;
	size_t count;

	CHECK(store_cursor_open(s, when, &c) == ERR_OK);
	while (store_cursor_next(c, &flows, &count) == ERR_OK)
		total += count;
	store_cursor_close(c);
	return total;
}

static bool is_asked(void *ctx, const struct flow *f)
{
	(void)ctx;
	return f->dst_port == 22 && f->octets > 100000;
}

/* As a filter does: a test of few members, which few flows pass. */
static size_t scan(struct store *s)
{
	struct wish wish = {.when = INTERVAL_ALWAYS,
	                    .is_wanted = is_asked,
	                    .members = wish_member(offsetof(struct flow, octets))};
	struct store_cursor *c;
	const struct flow *flows;
	size_t total = 0;
	size_t count;

	CHECK(store_cursor_find(s, &wish, &c) == ERR_OK);
	while (store_cursor_next(c, &flows, &count) == ERR_OK)
		total += count;
	store_cursor_close(c);
	return total;
}

static void bench_store(const char *dir, uint64_t count)
{
	static struct flow flows[BATCH];
	struct store_stats stats;
	static struct traffic t;
	struct store *s;
	double spent = 0;
	double start;
	size_t found;

	traffic_start(&t, 1, FLOWS_PER_S);
	s = stored_open(dir);
	for (uint64_t i = 0; i < count; i += BATCH) {
		for (uint64_t j = 0; j < BATCH; j++)
			flows[j] = traffic_next(&t);
		start = now_s();
		CHECK(store_append(s, flows, BATCH) == ERR_OK);
		if (store_is_ready(s))
			CHECK(store_seal(s) == ERR_OK);
		spent += now_s() - start;
	}
	start = now_s();
	CHECK(store_seal(s) == ERR_OK);
	spent += now_s() - start;
	store_stats(s, &stats);
	report("store", "sealed", (double)stats.flows / spent, "flows/s");
	report("store", "size", (double)stats.octets / (double)stats.flows, "octets/flow");
	start = now_s();
	found = read_back(s, INTERVAL_ALWAYS);
	report("store", "read", (double)found / (now_s() - start), "flows/s");
	start = now_s();
	CHECK(scan(s) > 0);
	report("store", "scan", (double)stats.flows / (now_s() - start), "flows/s");
	report("store", "index_size", (double)stats.index_octets / (double)stats.flows,
	       "octets/flow");
	start = now_s();
	found = read_back(s, (struct interval){stats.newest_ms - 1000, stats.newest_ms});
	report("store", "read_last_second", (now_s() - start) * 1e3, "ms");
	CHECK(found > 0);
	store_close(s);
}

int main(int argc, char **argv)
{
	const char *parent = argc > 1 ? argv[1] : "/tmp";
	uint64_t count = 1000000 * (argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	char dir[4000];

	snprintf(dir, sizeof(dir), "%s/spoor-bench-XXXXXX", parent);
	CHECK(mkdtemp(dir) != NULL);
	bench_store(dir, count);
	stored_clean(dir);
	rmdir(dir);
	return 0;
}
