/*
 * table - columns of numbers, cut into runs of rows that are read each on its own.
 *
 * A column's numbers are counted from its least one and cut into planes (planes.h). What holds of
 * all rows is the table's head; of every 1024 rows a run has all columns together and a check of
 * its own, so that who wants few rows touches and checks few octets. The directory says where runs
 * end. A column of steps has in it what its value was before each run.
 *
 *	head: columns, each with its planes        directory: a row for each run        runs
 *
 * The reader takes any octets at all, and reads nothing beyond a run.
 */
#ifndef SPOOR_STORE_TABLE_H
#define SPOOR_STORE_TABLE_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/planes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS_MAX 23

#define TABLE_RUNS_MAX 640 /* no table of a block has more */

struct table_shape {
	uint8_t count;
	uint8_t id;     /* on disk, of its first column; the others follow */
	uint32_t steps; /* bit i: column i has what it is more than in the row before */
};

static inline size_t table_runs(size_t rows)
{
	return (rows + PLANES_RUN - 1) / PLANES_RUN;
}

/* --- writing --- */

struct table_writer {
	const struct table_shape *shape;
	size_t rows;
	uint8_t *scratch; /* 8 octets for each row */
	struct {
		const uint8_t *rows; /* planes of as many rows each, one behind the other */
		const uint64_t *anchors;
		uint64_t base;
		uint8_t width;
		struct plane_writer planes[PLANES_MAX];
	} columns[TABLE_COLUMNS_MAX];
};

/*
 * Takes values[0..rows), or of a column whose rows are all the same its first alone, and keeps its
 * planes in their place, which stays borrowed. Where it steps, `anchors`, one for each run, get
 * what the value was before; borrowed, too.
 */
void table_column(struct table_writer *w, size_t i, uint64_t *values, size_t given,
                  uint64_t *anchors);

size_t table_head_max(const struct table_shape *shape);
size_t table_directory_len(const struct table_shape *shape, size_t rows);
size_t table_runs_max(const struct table_shape *shape, size_t rows);

/* Once the runs are there. */
void table_put_head(const struct table_writer *w, struct octets *out);

/* Where the runs of a block lie. */
struct table_place {
	uint8_t *start, *at;
};

/*
 * Writes the runs at place->at, where table_runs_max() octets are free; they take no more than the
 * planes as they are. Of each a row of the directory; checks are for table_seal().
 */
void table_put_runs(struct table_writer *w, struct octets *directory, struct table_place *place);

/* Copies a run, of those that begin at `from`, behind `to`, and has its row say so. */
void table_move_run(const struct table_shape *shape, uint8_t *directory, size_t run,
                    const uint8_t *from, struct octets *to);

/* --- reading --- */

struct table {
	const struct table_shape *shape;
	uint32_t rows;
	struct {
		uint64_t base;
		uint8_t width;
		struct plane planes[PLANES_MAX];
	} columns[TABLE_COLUMNS_MAX];
	const uint8_t *directory, *runs; /* borrowed: of this table, of the whole block */
	bool is_chained; /* a run begins where the one before ends, the first here: */
	size_t begin;
	uint64_t seed, number;                 /* of the checks; of its first run */
	uint64_t checked[TABLE_RUNS_MAX / 64]; /* a bit for each run whose check was made */

	bool is_bad;    /* something did not add up; sticky */
	uint32_t open;  /* the run that is, or UINT32_MAX */
	uint32_t count; /* its rows */
	struct plane_run at[TABLE_COLUMNS_MAX][PLANES_MAX];
};

/* What follows in `head`; false when it does not fit. */
bool table_find_head(struct bytes *head, const struct table_shape *shape, uint32_t rows,
                     struct table *ret);
/*
 * Its runs are some of `runs`, from number *number on; what they take is added to *taken. Chained,
 * they lie one behind the other from there on, and the directory does not say where they begin.
 */
bool table_find_runs(struct bytes *directory, struct bytes runs, bool is_chained, size_t *taken,
                     uint64_t *number, struct table *t);

/* Where a run lies. */
struct bytes table_run(const struct table *t, uint32_t run);

/* ERR_CORRUPT: its check does not match; ERR_FORMAT: it does not add up, or *t did not before. */
MUST_USE enum err table_open(struct table *t, uint32_t run);

/* Of the run that is open: a column's values; of steps, what they sum up to. */
void table_get(struct table *t, size_t column, uint64_t ret[PLANES_RUN]);
uint64_t table_one(struct table *t, size_t column, uint32_t row);
/* What a column of steps was before a run, open or not. */
uint64_t table_before(const struct table *t, size_t column, uint32_t run);
/* The rows whose value that is, not of steps; ascending. Returns how many. */
size_t table_equal(struct table *t, size_t column, uint64_t value, uint16_t ret[PLANES_RUN]);

/* Writes the checks that the runs should have into the directory, which `t` was found in. */
void table_seal(const struct table *t, uint8_t *directory, uint64_t seed);

#endif
