/* stored - what the benchmarks of a store do with its folder, and with their timings. */
#ifndef SPOOR_TESTS_BENCH_STORED_H
#define SPOOR_TESTS_BENCH_STORED_H

#include "base/util.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define STORED_MAP (UINT64_C(64) << 30)

static inline struct store *stored_open(const char *dir)
{
	struct store_options options = {.path = dir, .map_size = STORED_MAP};
	char reason[STORE_REASON_MAX];
	struct store *s;

	CHECK(store_open(&options, &s, reason) == ERR_OK);
	return s;
}

/* Removes the store's files; the folder stays. */
static inline void stored_clean(const char *dir)
{
	static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}

/* Nothing of the file stays in memory; nobody has it mapped. */
static inline void stored_chill(const char *dir)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(fdatasync(fd) == 0);
	CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	close(fd);
}

/* For qsort(), of doubles. */
static inline int stored_by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

#endif
