/*
 * paper - text for a terminal: colour where it is welcome, lines broken before its edge.
 *
 * A line is made of pieces. One that would pass the edge begins a new line behind the margin,
 * whole.
 */
#ifndef SPOOR_TOOLS_PAPER_H
#define SPOOR_TOOLS_PAPER_H

#include "base/util.h"
#include "tools/text.h"

#include <stddef.h>
#include <stdio.h>

#define PAPER_PIECE_MAX 512

enum paper_colour { PAPER_PLAIN, PAPER_STRONG, PAPER_FAINT, PAPER_GOOD, PAPER_WARNING };

struct paper {
	FILE *out;
	struct text_style style;
	const char *margin; /* of continued lines; borrowed */
	size_t column;
	size_t spaces; /* of it not yet written: none end a line */
};

/* Text right here, whatever the column. What others wrote in it is made harmless. */
PRINTF_LIKE(3, 4)
void paper_put(struct paper *p, enum paper_colour colour, const char *format, ...);

/* Two spaces and text, or a new line and text. */
PRINTF_LIKE(3, 4)
void paper_piece(struct paper *p, enum paper_colour colour, const char *format, ...);

/* Words of running text, each behind a space or on a new line. */
PRINTF_LIKE(3, 4)
void paper_words(struct paper *p, enum paper_colour colour, const char *format, ...);

/* A new line behind the margin. */
void paper_break(struct paper *p);

/* Spaces up to `column`, if it is still ahead. */
void paper_tab(struct paper *p, size_t column);

void paper_end(struct paper *p); /* ends the line */

#endif
