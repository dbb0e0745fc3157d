/*
 * skews - what the collector knows of its exporters' clocks, as the correlator wants it.
 *
 * A question's rhythm is in the asking node's time; flows keep their exporters'. Both are brought
 * together by how far each exporter's clock is from its node's. A snapshot, since workers search
 * while the collector goes on.
 */
#ifndef SPOOR_NODE_SKEWS_H
#define SPOOR_NODE_SKEWS_H

#include "base/addr.h"
#include "correlate/score.h"
#include "proto/flow/stream.h"

#include <stddef.h>
#include <stdint.h>

#define SKEWS_FAR_MS 600000
#define SKEWS_MAX 128 /* exporters; of more the first ones heard of */

struct skews {
	struct skew {
		struct addr exporter;
		int64_t low_ms, high_ms; /* it is ahead by as much as this */
	} of[SKEWS_MAX];
	size_t count;
};

/*
 * Of all streams whose clocks are known. Several of one exporter: all that they leave possible. One
 * that is farther off than SKEWS_FAR_MS tells of what was recorded earlier, and is taken as it is.
 */
void skews_take(struct skews *ret, const struct stream_table *streams);

/* score_defaults.candidate's where it is not known. */
struct score_clock skews_of(const struct skews *c, const struct addr *exporter);

/* How far any of them may be off. */
int64_t skews_far_ms(const struct skews *c);

#endif
