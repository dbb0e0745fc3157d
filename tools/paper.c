#include "tools/paper.h"

#include <stdarg.h>
#include <string.h>

static const char *const codes[] = {
	[PAPER_PLAIN] = "",        [PAPER_STRONG] = "\033[1m",     [PAPER_FAINT] = "\033[2m",
	[PAPER_GOOD] = "\033[32m", [PAPER_WARNING] = "\033[1;33m",
};

static void write_text(struct paper *p, enum paper_colour colour, const char *text)
{
	bool is_coloured = p->style.is_colour && colour != PAPER_PLAIN;

	fprintf(p->out, "%*s", (int)p->spaces, "");
	p->spaces = 0;
	fprintf(p->out, "%s%s%s", is_coloured ? codes[colour] : "", text,
	        is_coloured ? "\033[0m" : "");
	p->column += text_width(text);
}

static PRINTF_LIKE(3, 0) void compose(const struct paper *p, char room[PAPER_PIECE_MAX],
                                      const char *format, va_list args)
{
	char text[PAPER_PIECE_MAX];

	vsnprintf(text, sizeof(text), format, args);
	text_clean(text, p->style.is_utf8, room, PAPER_PIECE_MAX);
}

void paper_break(struct paper *p)
{
	paper_end(p);
	write_text(p, PAPER_PLAIN, p->margin);
}

/* Makes the distance to what is `width` wide. */
static void advance(struct paper *p, size_t gap, size_t width)
{
	if (p->column + gap + width > text_columns(p->style)) {
		paper_break(p);
	} else if (p->column > 0) {
		paper_tab(p, p->column + gap);
	}
}

void paper_put(struct paper *p, enum paper_colour colour, const char *format, ...)
{
	char text[PAPER_PIECE_MAX];
	va_list args;

	va_start(args, format);
	compose(p, text, format, args);
	va_end(args);
	write_text(p, colour, text);
}

void paper_piece(struct paper *p, enum paper_colour colour, const char *format, ...)
{
	char text[PAPER_PIECE_MAX];
	va_list args;

	va_start(args, format);
	compose(p, text, format, args);
	va_end(args);
	advance(p, 2, text_width(text));
	write_text(p, colour, text);
}

void paper_words(struct paper *p, enum paper_colour colour, const char *format, ...)
{
	char text[PAPER_PIECE_MAX], *rest;
	va_list args;

	va_start(args, format);
	compose(p, text, format, args);
	va_end(args);
	for (char *word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		advance(p, 1, text_width(word));
		write_text(p, colour, word);
	}
}

void paper_tab(struct paper *p, size_t column)
{
	if (p->column < column) {
		p->spaces += column - p->column;
		p->column = column;
	}
}

void paper_end(struct paper *p)
{
	fputc('\n', p->out);
	p->column = 0;
	p->spaces = 0;
}
