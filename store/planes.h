/*
 * planes - octets as fewer bits, such that any of them is found without reading those before.
 *
 * All lowest octets of a column's numbers are a plane, all second ones another (table.h). Of most
 * planes some octets come often: these get a code of a few bits from a dictionary that the whole
 * plane shares; what is not in it has code 0, and stands beside in full. Noise stays as it is.
 * No code depends on another, which costs some octets against an entropy coder and lets a reader
 * pick a row out of a run for next to nothing.
 *
 *	of a plane: form | dictionary        of a run of its rows: count of others | codes | others
 */
#ifndef SPOOR_STORE_PLANES_H
#define SPOOR_STORE_PLANES_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANES_MAX 8 /* octets of a number */
#define PLANES_RUN 1024
#define PLANE_RAW 8 /* bits: octets as they are */
#define PLANE_DICTIONARY_MAX (1u << (PLANE_RAW - 1))

/* Octets that a plane's head, and a run of it, take at most. */
#define PLANE_HEAD_MAX (1 + PLANE_DICTIONARY_MAX)
#define PLANE_RUN_MAX (2 + 3 * PLANES_RUN)

struct plane {
	uint8_t bits;              /* of a code; 0: all are dictionary[0], but for others */
	bool has_others;           /* of bits > 0, code 0 then says so */
	const uint8_t *dictionary; /* 1 << bits octets, unless raw; borrowed */
};

/* --- writing --- */

struct plane_writer {
	uint8_t bits;
	bool has_others;
	uint8_t used; /* entries of the dictionary */
	uint8_t dictionary[PLANE_DICTIONARY_MAX];
	uint8_t codes[256]; /* by octet; with `has_others` and bits > 0, 0: it is one of them */
};

/*
 * Looks at rows[0..count) of a plane, at a sample where they are many. What that does not show may
 * make it longer than they are; plane_settle() looks at all, and then it is not.
 */
void plane_choose(struct plane_writer *w, const uint8_t *rows, size_t count);
void plane_settle(struct plane_writer *w, const uint8_t *rows, size_t count);
void plane_put_head(const struct plane_writer *w, struct octets *out);
/* A run of at most PLANES_RUN of them; returns behind it. */
uint8_t *plane_put(const struct plane_writer *w, const uint8_t *rows, size_t count, uint8_t *at);

/* Cuts numbers into `width` planes, one behind the other in `ret`. */
void planes_split(const uint64_t *values, size_t count, uint64_t base, unsigned width,
                  uint8_t *ret);
/* The least of values[0..count), count > 0, and how many octets what is left needs. */
unsigned planes_range(const uint64_t *values, size_t count, uint64_t *ret_base);

/* --- reading --- */

struct plane_run { /* some rows of a plane; borrowed */
	const uint8_t *codes;
	const uint8_t *others;
	uint16_t other_count;
};

/* False when it does not fit. */
bool plane_find_head(struct bytes *in, struct plane *ret);
bool plane_find(const struct plane *p, struct bytes *in, size_t count, struct plane_run *ret);

/* What ret[0..count) begins with. */
void planes_fill(uint64_t base, size_t count, uint64_t *ret);
/* Adds octet i to ret[i], for rows[0..count), as the `which`th of a number. False: damaged. */
bool plane_add(const struct plane *p, const struct plane_run *r, size_t count, unsigned which,
               uint64_t *ret);
/* One octet of the run; false: damaged. */
bool plane_one(const struct plane *p, const struct plane_run *r, size_t row, uint8_t *ret);

#endif
