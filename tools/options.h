/*
 * options - a command line read by a table, over getopt_long().
 *
 * A row says an option's name, what it takes and which member of the caller's struct it fills; its
 * parser, its line of help and its error message all come from that row. Options may stand before,
 * between and behind the operands.
 */
#ifndef SPOOR_TOOLS_OPTIONS_H
#define SPOOR_TOOLS_OPTIONS_H

#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_ROWS_MAX 32
#define OPTIONS_REASON_MAX 256
#define OPTION_LIST_MAX 16

enum option_kind {                  /* and the type of the member it fills */
	           OPTION_FLAG,     /* bool */
	           OPTION_TEXT,     /* const char *, borrowed from argv */
	           OPTION_LIST,     /* struct option_list; given once for each item */
	           OPTION_CHOICE,   /* const char *: one of the words of `arg`, "low|high" */
	           OPTION_NUMBER,   /* uint64_t, at least 1 */
	           OPTION_RANGE,    /* uint64_t, from `least` to `most` */
	           OPTION_TIME,     /* int64_t: ms since 1970 */
	           OPTION_SPAN,     /* int64_t: ms, at least 1 */
	           OPTION_ENDPOINT, /* struct endpoint */
	           OPTION_PROTO,    /* uint64_t: IP protocol number */
};

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option_row {
	const char *name; /* without its dashes */
	char letter;      /* 0: none */
	const char *arg;  /* "TIME"; NULL for flags */
	const char *help;
	enum option_kind kind;
	size_t offset;
	bool (*check)(const char *text); /* of TEXT and LIST; NULL: anything but "" */
	uint64_t least, most;            /* of RANGE */
};

struct option_table {
	const struct option_row *rows;
	size_t count;
	void *into;
};

/* Two are enough for everybody: a command's own, and those of all commands. */
#define OPTIONS_TABLES 2

struct option_tables {
	struct option_table tables[OPTIONS_TABLES];
	struct wall now;    /* what "-15m" counts from */
	bool stops_at_word; /* the first operand ends the options: it names a command */
};

/*
 * Reads argv[1..argc) and moves operands behind options; `*ret_first` is the index of the first
 * operand. On failure `reterr` names the option.
 *
 * ERR_FORMAT   an unknown option, or a value it does not take
 * ERR_LIMIT    a list of more than OPTION_LIST_MAX items
 */
MUST_USE enum err options_parse(const struct option_tables *t, int argc, char **argv,
                                int *ret_first, char reterr[OPTIONS_REASON_MAX]);

/* A line of help for each row. */
void options_print(FILE *out, const struct option_row *rows, size_t count);

/* For `check`: "192.0.2.1:2055", a port and all. */
bool options_is_endpoint(const char *text);
bool options_is_span(const char *text);
bool options_is_size(const char *text);

#endif
