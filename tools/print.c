#include "tools/print.h"

#include "base/timestamp.h"
#include "proto/wire/ctl.h"
#include "tools/json.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX 1536
#define CSV_PAIRS_MAX 64 /* members of a row */

const char *print_cell(const json_t *value, bool is_utf8, char room[PRINT_CELL_MAX])
{
	char *text;

	if (json_is_string(value)) {
		text_clean(json_string_value(value), is_utf8, room, PRINT_CELL_MAX);
	} else if (json_is_integer(value)) {
		snprintf(room, PRINT_CELL_MAX, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		snprintf(room, PRINT_CELL_MAX, "%.6g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		snprintf(room, PRINT_CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
	} else if (value == NULL || json_is_null(value)) {
		snprintf(room, PRINT_CELL_MAX, "-");
	} else {
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		text_clean(text == NULL ? "" : text, is_utf8, room, PRINT_CELL_MAX);
		free(text);
	}
	return room;
}

static const char *cell_of(const struct print_column *c, const json_t *row, struct wall now,
                           bool is_utf8, char room[PRINT_CELL_MAX])
{
	char text[PRINT_CELL_MAX];

	if (c->cell == NULL)
		return print_cell(json_object_get(row, c->key), is_utf8, room);
	c->cell(row, now, text);
	text_clean(text, is_utf8, room, PRINT_CELL_MAX);
	return room;
}

static struct libscols_table *table_new(const struct print_column *columns, size_t count, FILE *out)
{
	struct libscols_table *t = scols_new_table();

	CHECK(t != NULL);
	scols_table_set_stream(t, out);
	/* As on no terminal: a table too wide for it runs over its edge, and hides nothing. */
	scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; i < count; i++) {
		int flags = columns[i].is_right ? SCOLS_FL_RIGHT : 0;

		CHECK(scols_table_new_column(t, columns[i].title, 0, flags) != NULL);
	}
	return t;
}

static void table_add(struct libscols_table *t, const struct print_column *columns, size_t count,
                      const json_t *row, struct wall now, bool is_utf8)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);

	CHECK(line != NULL);
	for (size_t i = 0; i < count; i++) {
		char room[PRINT_CELL_MAX];

		scols_line_set_data(line, i, cell_of(&columns[i], row, now, is_utf8, room));
	}
}

void print_table(const json_t *rows, const struct print_column *columns, size_t count,
                 struct wall now, FILE *out)
{
	struct libscols_table *t = table_new(columns, count, out);
	bool is_utf8 = text_style_of(out).is_utf8;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) table_add(t, columns, count, row, now, is_utf8);
	scols_print_table(t);
	scols_unref_table(t);
}

static bool is_streamed(const struct print_list *l)
{
	return l->columns[0].width != 0;
}

/* A cell of fixed width; one that is longer pushes the rest of its line, for it must be whole. */
static void put_cell(const struct print_list *l, size_t i, const char *text)
{
	const struct print_column *c = &l->columns[i];
	int width = (int)text_width(text), pad = MAX(c->width - width, 0);
	bool is_last = i + 1 == l->column_count;

	if (c->is_right)
		fprintf(l->out, "%*s%s", pad, "", text);
	else
		fprintf(l->out, "%s%*s", text, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", l->out);
}

static void begin(struct print_list *l)
{
	l->is_begun = true;
	l->style = text_style_of(l->out);
	if (l->form == PRINT_JSON)
		fprintf(l->out, "{\"%s\":[", l->key);
	for (size_t i = 0; l->form == PRINT_CSV && i < l->csv_count; i++)
		fprintf(l->out, "%s%s", l->csv_keys[i], i + 1 < l->csv_count ? "," : "\r\n");
	if (l->form == PRINT_PEOPLE && !is_streamed(l))
		l->table = table_new(l->columns, l->column_count, l->out);
}

struct pair { /* of a row */
	struct token key, value;
};

static size_t read_pairs(struct unpack *row, struct pair *pairs, size_t max)
{
	struct token map;
	size_t count = 0;

	if (!unpack_token(row, &map) || map.kind != TOKEN_MAP)
		return 0;
	while (count < MIN(max, map.len) && unpack_token(row, &pairs[count].key) &&
	       unpack_token(row, &pairs[count].value))
		count++;
	return count;
}

/* In quotes where it needs them. */
static void put_csv_text(const struct token *t, FILE *out)
{
	bool is_quoted = false;

	for (size_t i = 0; i < t->len && !is_quoted; i++)
		is_quoted = strchr(",\"\r\n", t->data[i]) != NULL;
	if (!is_quoted) {
		fwrite(t->data, 1, t->len, out);
		return;
	}
	putc('"', out);
	for (size_t i = 0; i < t->len; i++) {
		if (t->data[i] == '"')
			putc('"', out);
		putc(t->data[i], out);
	}
	putc('"', out);
}

static void put_csv_field(const struct token *t, FILE *out)
{
	if (t->kind == TOKEN_STR)
		put_csv_text(t, out);
	else if (t->kind == TOKEN_UINT)
		fprintf(out, "%llu", (unsigned long long)t->number);
	else if (t->kind == TOKEN_INT)
		fprintf(out, "%lld", (long long)t->integer);
	else if (t->kind == TOKEN_REAL)
		fprintf(out, "%.6g", t->real);
	else if (t->kind == TOKEN_BOOL)
		fputs(t->is_true ? "true" : "false", out);
}

static bool is_key(const struct token *t, const char *key)
{
	return t->kind == TOKEN_STR && strlen(key) == t->len && memcmp(t->data, key, t->len) == 0;
}

/* Members mostly come in the order of the columns: where the last was found the search begins. */
static void put_csv(const struct print_list *l, struct unpack row)
{
	struct pair pairs[CSV_PAIRS_MAX];
	size_t count = read_pairs(&row, pairs, ARRAY_LEN(pairs)), at = 0;

	for (size_t i = 0; i < l->csv_count; i++) {
		size_t tried = 0;

		if (i > 0)
			putc(',', l->out);
		while (tried < count && !is_key(&pairs[at].key, l->csv_keys[i])) {
			at = at + 1 < count ? at + 1 : 0;
			tried++;
		}
		if (tried < count)
			put_csv_field(&pairs[at].value, l->out);
	}
	fputs("\r\n", l->out);
}

void print_list_packed(struct print_list *l, struct unpack row)
{
	bool is_first = l->rows++ == 0;

	if (!l->is_begun)
		begin(l);
	if (l->form == PRINT_CSV) {
		put_csv(l, row);
		return;
	}
	if (l->form == PRINT_JSON)
		fputs(is_first ? "\n" : ",\n", l->out);
	json_transcribe(&row, l->out);
	if (l->form == PRINT_NDJSON)
		putc('\n', l->out);
}

void print_list_row(struct print_list *l, const json_t *row)
{
	bool is_first = l->rows++ == 0;

	if (!l->is_begun)
		begin(l);
	if (l->form != PRINT_PEOPLE) {
		if (l->form == PRINT_JSON)
			fputs(is_first ? "\n" : ",\n", l->out);
		json_write(row, l->out);
		if (l->form == PRINT_NDJSON)
			fputc('\n', l->out);
		return;
	}
	if (!is_streamed(l)) {
		table_add(l->table, l->columns, l->column_count, row, l->now, l->style.is_utf8);
		return;
	}
	for (size_t i = 0; is_first && i < l->column_count; i++)
		put_cell(l, i, l->columns[i].title);
	for (size_t i = 0; i < l->column_count; i++) {
		char room[PRINT_CELL_MAX];

		put_cell(l, i, cell_of(&l->columns[i], row, l->now, l->style.is_utf8, room));
	}
}

static bool is_result(int code)
{
	return code == CTL_FOUND || code == CTL_NOTHING || code == CTL_PARTIAL;
}

static void put_totals(json_t *totals, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach(totals, key, value)
	{
		if (strcmp(key, "code") == 0 || strcmp(key, "error") == 0)
			continue;
		fprintf(out, ",\"%s\":", key);
		json_write(value, out);
	}
}

void print_list_end(struct print_list *l, int code, json_t *totals)
{
	if (l->rows == 0 && l->form == PRINT_PEOPLE && l->empty != NULL && is_result(code))
		print_failure(code, "%s", l->empty);
	if (!l->is_begun && !is_result(code))
		return;
	if (!l->is_begun)
		begin(l);
	if (l->form == PRINT_JSON) {
		fputs(l->rows == 0 ? "]" : "\n]", l->out);
		put_totals(totals, l->out);
		fputs("}\n", l->out);
	}
	if (l->table == NULL)
		return;
	if (l->rows > 0)
		scols_print_table(l->table);
	scols_unref_table(l->table);
	l->table = NULL;
}

void print_object(const json_t *object, FILE *out)
{
	json_write(object, out);
	fputc('\n', out);
}

/* "uptime_ms" is a span of time: shown as one, under "uptime". */
static bool is_span(const char *key)
{
	size_t len = strlen(key);

	return len > 3 && strcmp(key + len - 3, "_ms") == 0;
}

/* Octets: shown with a unit beside the number. */
static bool is_size(const char *key)
{
	size_t len = strlen(key);

	return strcmp(key, "bytes") == 0 || (len > 5 && strcmp(key + len - 5, "_size") == 0);
}

const char *print_size(int64_t octets, char room[PRINT_CELL_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)octets / 1024;
	size_t i = 0;

	while (value >= 1024 && i + 1 < ARRAY_LEN(units)) {
		value /= 1024;
		i++;
	}
	if (value < 1)
		snprintf(room, PRINT_CELL_MAX, "%lld", (long long)octets);
	else
		snprintf(room, PRINT_CELL_MAX, "%lld (%.1f %s)", (long long)octets, value,
		         units[i]);
	return room;
}

/* A member's name as people write it. */
static void put_name(const char *key, int width, FILE *out)
{
	const char *end = key + strlen(key) - (is_span(key) ? 3 : 0);

	for (; key < end; key++, width--)
		fputc(*key == '_' ? ' ' : *key, out);
	fprintf(out, "%*s", MAX(width, 0), "");
}

static const char *value_of(const char *key, const json_t *value, bool is_utf8,
                            char room[PRINT_CELL_MAX])
{
	char span[DURATION_TEXT_MAX];

	if (json_is_integer(value) && is_size(key)) {
		print_size(json_integer_value(value), room);
		return room;
	}
	if (!is_span(key) || !json_is_integer(value))
		return print_cell(value, is_utf8, room);
	snprintf(room, PRINT_CELL_MAX, "%s", duration_print(json_integer_value(value), span));
	return room;
}

static void put_members(const json_t *rows, FILE *out)
{
	struct print_column columns[32];
	size_t count = 0;
	const char *key;
	json_t *value;
	json_t *first = json_array_get(rows, 0);

	json_object_foreach(first, key, value)
	{
		if (count < ARRAY_LEN(columns))
			columns[count++] = (struct print_column){
				.key = key, .title = key, .is_right = json_is_number(value)};
	}
	print_table(rows, columns, count, (struct wall){0}, out);
}

static void put_scalars(json_t *object, const char *indent, FILE *out)
{
	bool is_utf8 = text_style_of(out).is_utf8;
	size_t width = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (!json_is_object(value) && !json_is_array(value))
			width = MAX(width, strlen(key));
	}
	json_object_foreach(object, key, value)
	{
		char room[PRINT_CELL_MAX];

		if (json_is_object(value) || json_is_array(value))
			continue;
		fputs(indent, out);
		put_name(key, (int)width + 2, out);
		fprintf(out, "%s\n", value_of(key, value, is_utf8, room));
	}
}

/* A map or list with something in it: a section of its own. */
static bool is_filled(const json_t *value)
{
	return json_object_size(value) > 0 || json_array_size(value) > 0;
}

/* `inside`: the section this one is part of, or "". */
static void put_section(const char *inside, const char *key, json_t *value, FILE *out)
{
	bool is_utf8 = text_style_of(out).is_utf8;
	json_t *item;
	const char *name;
	size_t i;

	fprintf(out, "\n%s%s", inside, *inside == '\0' ? "" : ": ");
	put_name(key, 0, out);
	fputc('\n', out);
	if (json_is_object(json_array_get(value, 0))) {
		put_members(value, out);
		return;
	}
	json_array_foreach(value, i, item)
	{
		char room[PRINT_CELL_MAX];

		fprintf(out, "  %s\n", print_cell(item, is_utf8, room));
	}
	put_scalars(value, "  ", out);
	json_object_foreach(value, name, item)
	{
		if (is_filled(item))
			put_section(key, name, item, out);
	}
}

void print_sections(json_t *object, FILE *out)
{
	const char *key;
	json_t *value;

	put_scalars(object, "", out);
	json_object_foreach(object, key, value)
	{
		if (is_filled(value))
			put_section("", key, value, out);
	}
}

static const char *program = "spoor";

void print_as(const char *name)
{
	program = name;
}

int print_failure(int code, const char *format, ...)
{
	char text[ERROR_MAX], clean[ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(text, text_style_of(stderr).is_utf8, clean, sizeof(clean));
	fflush(stdout); /* what was found stands before why there is no more */
	fprintf(stderr, "%s: %s\n", program, clean);
	return code;
}

int print_fault(const char *reason)
{
	return print_failure(CTL_INTERNAL, "%s", reason);
}

int print_done(int code)
{
	bool is_flushed = fflush(stdout) == 0;

	if (is_flushed && ferror(stdout) == 0)
		return code;
	/* Of a write that failed earlier the reason is no longer known. */
	return print_failure(CTL_INTERNAL, "standard output: %s",
	                     is_flushed ? "not everything could be written" : strerror(errno));
}
