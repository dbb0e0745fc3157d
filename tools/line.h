/*
 * line - a flow as one line of JSON, written by hand: `spoor decode` writes millions of them.
 */
#ifndef SPOOR_TOOLS_LINE_H
#define SPOOR_TOOLS_LINE_H

#include "proto/flow/datagram.h"

#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_LEN 1040 /* octets of the longest line; see line.c */

#define LINE_MINUTES 64 /* a power of two */

struct line_clock { /* minutes that were printed: the next flow's are mostly among them */
	struct {
		int64_t number; /* since 1970; 0: none yet */
		char text[24];  /* "2026-11-22T01:05:" */
	} minutes[LINE_MINUTES];
};

/*
 * Writes one object, without a newline or NUL, and returns its length. `said` (or NULL) is what its
 * record said beside the flow.
 */
size_t line_of(const struct flow *flow, const struct flow_said *said, struct line_clock *clock,
               char room[LINE_MAX_LEN]);

#endif
