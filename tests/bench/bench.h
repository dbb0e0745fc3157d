/* bench - the clock of the benchmarks, and the line they print. */
#ifndef SPOOR_TESTS_BENCH_BENCH_H
#define SPOOR_TESTS_BENCH_BENCH_H

#include "base/util.h"

#include <stdio.h>
#include <time.h>

static inline double now_s(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of this process, on all its threads: for what is short of a processor's time, not of a disk's. */
static inline double processor_s(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void report(const char *bench, const char *what, double value, const char *unit)
{
	printf("{\"bench\":\"%s\",\"what\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", bench, what,
	       value, unit);
	fflush(stdout);
}

#endif
