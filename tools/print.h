/*
 * print - rows to standard output: a table for people, one JSON object, a line of JSON each, or
 * comma-separated values (RFC 4180).
 *
 * Rows arrive as JSON and may have members that no column shows. A list whose columns have widths
 * is streamed, so that it may be of any length; else the table is laid out when all rows are there.
 */
#ifndef SPOOR_TOOLS_PRINT_H
#define SPOOR_TOOLS_PRINT_H

#include "base/clock.h"
#include "base/util.h"
#include "proto/wire/pack.h"
#include "tools/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PRINT_CELL_MAX 256

enum print_form { PRINT_PEOPLE, PRINT_JSON, PRINT_NDJSON, PRINT_CSV };

struct print_column {
	const char *key, *title;
	int width;     /* of a streamed list; 0: as wide as it needs */
	bool is_right; /* numbers */
	/* Writes the cell; NULL: the member `key` as it is. */
	void (*cell)(const json_t *row, struct wall now, char room[PRINT_CELL_MAX]);
};

struct libscols_table;

struct print_list {
	const char *key;   /* of the JSON object's array */
	const char *empty; /* what people are told on standard error when there is no row */
	const struct print_column *columns;
	size_t column_count;
	const char *const
		*csv_keys; /* members that are columns of CSV; NULL: it is not asked for */
	size_t csv_count;
	enum print_form form;
	struct wall now;
	FILE *out;

	bool is_begun; /* from here on it is print.c's */
	uint64_t rows;
	struct text_style style;
	struct libscols_table *table;
};

void print_list_row(struct print_list *l, const json_t *row);
/* The same of a row as it comes from a node, for every form but people's; faster. */
void print_list_packed(struct print_list *l, struct unpack row);
/*
 * `code` is the command's: an error before the first row leaves no empty list behind. `totals` (or
 * NULL) has what else belongs into the JSON object, but for "code" and "error".
 */
void print_list_end(struct print_list *l, int code, json_t *totals);

/* One line of JSON. */
void print_object(const json_t *object, FILE *out);

/* "key  value" lines, a section for each nested map, a table for each list of maps. */
void print_sections(json_t *object, FILE *out);

/* A table of `rows`, an array. */
void print_table(const json_t *rows, const struct print_column *columns, size_t count,
                 struct wall now, FILE *out);

/* One value, fit for a terminal: "-" for nothing. Returns `room`. */
const char *print_cell(const json_t *value, bool is_utf8, char room[PRINT_CELL_MAX]);

/* "4294967296 (4.0 GiB)". Returns `room`. */
const char *print_size(int64_t octets, char room[PRINT_CELL_MAX]);

/* Who speaks in what follows: the program's name; borrowed. At first it is "spoor". */
void print_as(const char *name);

/* "spoor: ..." (print_as()) and a newline to standard error; returns `code`. */
PRINTF_LIKE(2, 3) int print_failure(int code, const char *format, ...);

/* The same for a fault of ours or the machine's: `reason`, and CTL_INTERNAL. */
int print_fault(const char *reason);

/* Flushes standard output: `code`, or CTL_INTERNAL (and an error line) when it took not all. */
int print_done(int code);

#endif
