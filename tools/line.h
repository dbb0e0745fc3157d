/*
 * line - a flow as one line of JSON, written by hand: `spoor decode` writes millions of them.
 */
#ifndef SPOOR_TOOLS_LINE_H
#define SPOOR_TOOLS_LINE_H

#include "proto/flow/flow.h"

#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_LEN 640 /* octets of the longest line; see line.c */

struct line_clock {     /* the last minute that was printed: the next is mostly the same */
	int64_t minute; /* since 1970; 0: none yet */
	char text[32];  /* "2026-11-22T01:05:" */
};

/* Writes one object, without a newline or NUL, and returns its length. */
size_t line_of(const struct flow *flow, struct line_clock *clock, char room[LINE_MAX_LEN]);

#endif
