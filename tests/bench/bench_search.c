/*
 * bench_search - how long it takes to find a host, or a connection, of one hour in a store that has
 * more and more of them, with nothing of its file in memory. One JSON object per line.
 *
 *   bench_search [DIR [FLOWS-PER-SECOND [MILLIONS...]]]     2000 a second, in all 1 10 unless told
 *
 * The hour begins in the middle. `rare` is an address that few talk to, `usual` one of the inside's
 * middle, `frequent` one of its first tenth, `busy` those that talk most; each row is the median of
 * several addresses of its kind. Warm is the same search once more.
 */
#include "base/bytes.h"
#include "base/prng.h"
#include "base/util.h"
#include "store/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/stored.h"
#include "tests/bench/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 4096
#define TRIES 9
#define HOUR_MS 3600000

static struct traffic traffic;

static void fill(struct store *s, uint64_t count)
{
	static struct flow flows[BATCH];

	while (traffic.made < count) {
		for (size_t i = 0; i < BATCH; i++)
			flows[i] = traffic_next(&traffic);
		CHECK(store_append(s, flows, BATCH) == ERR_OK);
		if (store_is_ready(s))
			CHECK(store_seal(s) == ERR_OK);
	}
	CHECK(store_seal(s) == ERR_OK);
}

struct taken {        /* ms */
	double first; /* until the first rows are there */
	double all;
	double busy; /* of a processor */
};

static struct taken search_ms(struct store *s, const struct wish *wish, size_t *ret_found)
{
	struct store_cursor *c;
	const struct flow *flows;
	struct taken taken = {0, 0, 0};
	double start = now_s(), before = processor_s();
	size_t count;

	*ret_found = 0;
	CHECK(store_cursor_find(s, wish, &c) == ERR_OK);
	while (store_cursor_next(c, &flows, &count) == ERR_OK) {
		if (*ret_found == 0)
			taken.first = (now_s() - start) * 1e3;
		*ret_found += count;
	}
	store_cursor_close(c);
	taken.all = (now_s() - start) * 1e3;
	taken.busy = (processor_s() - before) * 1e3;
	return taken;
}

static void tell(const char *kind, uint64_t millions, const char *what, double value,
                 const char *unit)
{
	char text[80];

	snprintf(text, sizeof(text), "%s of an hour in %llu M, %s", kind,
	         (unsigned long long)millions, what);
	report("search", text, value, unit);
}

static double middle(double values[TRIES])
{
	qsort(values, TRIES, sizeof(values[0]), stored_by_value);
	return values[TRIES / 2];
}

static void search(const char *dir, uint64_t millions, const char *kind, struct interval when,
                   const struct whom *whom)
{
	double cold[TRIES], first[TRIES], cold_cpu[TRIES], warm[TRIES], warm_cpu[TRIES];
	size_t total = 0;

	for (size_t i = 0; i < TRIES; i++) {
		struct wish wish = {.when = when, .whom = &whom[i], .whom_count = 1};
		struct store *s;
		struct taken taken;
		size_t found;

		s = stored_open(dir);
		store_close(s);
		stored_chill(dir);
		s = stored_open(dir); /* reads the heads of the index, and the system more beside */
		stored_chill(dir);
		taken = search_ms(s, &wish, &found);
		cold[i] = taken.all;
		first[i] = taken.first;
		cold_cpu[i] = taken.busy;
		taken = search_ms(s, &wish, &found);
		warm[i] = taken.all;
		warm_cpu[i] = taken.busy;
		store_close(s);
		total += found;
	}
	tell(kind, millions, "cold", middle(cold), "ms");
	tell(kind, millions, "cold, until the first flow", middle(first), "ms");
	tell(kind, millions, "cold", middle(cold_cpu), "cpu-ms");
	tell(kind, millions, "warm", middle(warm), "ms");
	tell(kind, millions, "warm", middle(warm_cpu), "cpu-ms");
	tell(kind, millions, "found", (double)total / TRIES, "flows");
}

static uint32_t outside(const struct flow *f)
{
	struct bytes in = bytes_of(f->dst.octets + 12, 4);

	return (uint32_t)bytes_uint(&in, 4);
}

#define MET (1u << 22)

/* Flows of the hour that begin inside: any of them, and some whose other end few have met. */
static void choose(struct store *s, struct interval when, struct whom rare[TRIES],
                   struct whom one[TRIES])
{
	uint16_t *met = calloc(MET, sizeof(*met)); /* by some bits of the address */
	struct prng p = {7};

	CHECK(met != NULL);
	for (int pass = 0; pass < 2; pass++) {
		struct store_cursor *c;
		const struct flow *flows;
		uint64_t seen = 0, few = 0;
		size_t count;

		CHECK(store_cursor_open(s, when, &c) == ERR_OK);
		while (store_cursor_next(c, &flows, &count) == ERR_OK) {
			for (size_t i = 0; i < count; i++) {
				const struct flow *f = &flows[i];
				uint16_t *place = &met[outside(f) * 2654435761u >> 10];

				if (f->src.octets[12] != 10)
					continue;
				if (pass == 0) {
					*place = (uint16_t)MIN(*place + 1, UINT16_MAX);
					continue;
				}
				/* A sample: each of n seen has been chosen as likely. */
				if (prng_below(&p, ++seen) < TRIES)
					one[seen <= TRIES ? seen - 1 : prng_below(&p, TRIES)] =
						(struct whom){f->src,      f->dst,   f->src_port,
					                      f->dst_port, f->proto, true};
				if (*place <= 8 && prng_below(&p, ++few) < TRIES)
					rare[few <= TRIES ? few - 1 : prng_below(&p, TRIES)].a =
						f->dst;
			}
		}
		store_cursor_close(c);
	}
	free(met);
}

/* Hosts inside are numbered by how much they talk. */
static void inside(uint32_t first, uint32_t step, struct whom ret[TRIES])
{
	for (uint32_t i = 0; i < TRIES; i++) {
		uint32_t host = first + step * i;

		ret[i].a = addr_from_v4((const uint8_t[4]){10, (uint8_t)(host % 3),
		                                           (uint8_t)(host >> 8), (uint8_t)host});
	}
}

int main(int argc, char **argv)
{
	static const char *const usual_sizes[] = {"1", "10"};
	const char *parent = argc > 1 ? argv[1] : "/tmp";
	double rate = argc > 2 ? strtod(argv[2], NULL) : 2000;
	int size_count = argc > 3 ? argc - 3 : 2;
	char dir[4000];

	snprintf(dir, sizeof(dir), "%s/spoor-bench-XXXXXX", parent);
	CHECK(mkdtemp(dir) != NULL);
	traffic_start(&traffic, 1, rate);
	for (int i = 0; i < size_count; i++) {
		uint64_t millions = strtoull(argc > 3 ? argv[3 + i] : usual_sizes[i], NULL, 10);
		int64_t middle = TRAFFIC_T0 + (int64_t)((double)millions * 1e9 / rate / 2);
		struct interval when = {middle, middle + HOUR_MS};
		struct whom busy[TRIES] = {0}, frequent[TRIES] = {0}, usual[TRIES] = {0},
			    rare[TRIES] = {0}, one[TRIES] = {0};
		struct store *s = stored_open(dir);

		fill(s, millions * 1000000);
		choose(s, when, rare, one);
		inside(0, 1, busy);
		inside(TRAFFIC_HOSTS / 20, 10, frequent);
		inside(TRAFFIC_HOSTS / 2, 100, usual);
		store_close(s);
		search(dir, millions, "a connection", when, one);
		search(dir, millions, "a rare address", when, rare);
		search(dir, millions, "a usual address", when, usual);
		search(dir, millions, "a frequent address", when, frequent);
		search(dir, millions, "a busy address", when, busy);
	}
	stored_clean(dir);
	rmdir(dir);
	return 0;
}
