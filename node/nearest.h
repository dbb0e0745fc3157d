/*
 * nearest - what is held of a target at another time than the one asked for, and whether the clock
 * of who told of it could be why.
 */
#ifndef SPOOR_NODE_NEAREST_H
#define SPOOR_NODE_NEAREST_H

#include "base/interval.h"
#include "node/gather.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEAREST_LOOK_MS 2000       /* so long a person may wait for a remark */
#define NEAREST_WITHIN_MS 90000000 /* a day, and a zone's hour: farther off is another matter */

struct nearest {
	bool is_some;
	struct addr exporter;
	struct interval on;  /* as far as that one's clock is known, by ours */
	int64_t received_ms; /* or captured */
	int64_t behind_ms;   /* it was over so long before what was asked for; below 0: began so
	                        long after */
};

/*
 * The flow that is closest to `asked`, of those that `whom` (NULL: anybody) and `wanted` let
 * through.
 *
 * ERR_LIMIT   the deadline, which is looked at between two blocks, came first: there is none
 * What reading the store may meet
 */
MUST_USE enum err nearest_find(struct store *store, const struct skews *skews,
                               const struct whom *whom, struct interval asked, wanted_fn *wanted,
                               const void *ctx, const struct deadline *deadline,
                               struct nearest *ret);

/* "; the nearest ended ..." for people, or nothing; into `room`, which is returned. */
#define NEAREST_TEXT_MAX 224
const char *nearest_print(const struct nearest *n, char room[NEAREST_TEXT_MAX]);

#endif
