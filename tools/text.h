/*
 * text - how values look to people, and what is kept from reaching their terminal.
 */
#ifndef SPOOR_TOOLS_TEXT_H
#define SPOOR_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_WORD_MAX 24

struct text_style {     /* of one output stream */
	bool is_utf8;   /* the locale's characters; else ASCII */
	bool is_colour; /* escape codes are welcome */
	bool is_tty;
	size_t columns; /* of a terminal; 0: none, or it does not say */
};

/* A terminal is coloured unless NO_COLOR is set (no-color.org) or it is a dumb one. */
struct text_style text_style_of(FILE *stream);

/* How wide text may be there: 60 to 120, and 100 where the terminal does not say. */
size_t text_columns(struct text_style style);

/* "tcp", or the number where it has no name here. Returns `room`. */
const char *text_proto(uint64_t number, char room[TEXT_WORD_MAX]);

/* A name or 1..255. */
bool text_proto_parse(const char *text, uint64_t *ret);

/* ".AP.SF" as nfdump writes them. Returns `room`. */
const char *text_flags(uint64_t flags, char room[TEXT_WORD_MAX]);

/*
 * Copies UTF-8 from somebody else into room[0..len), cut to fit: control characters, and those that
 * turn the direction of what follows, become '?'; without `is_utf8`, all that is not ASCII.
 */
void text_clean(const char *text, bool is_utf8, char *room, size_t len);

/* Characters of UTF-8 text. */
size_t text_width(const char *text);

#endif
