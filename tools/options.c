#include "tools/options.h"

#include "base/addr.h"
#include "base/timestamp.h"
#include "base/util.h"
#include "tools/text.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define LONG_BASE 256 /* getopt's codes for rows: above every letter */
#define HELP_COLUMN 30

/* What a value looks like, where the row's own `arg` does not say it. */
static const char *const shapes[] = {
	[OPTION_FLAG] = "nothing",
	[OPTION_TEXT] = NULL,
	[OPTION_LIST] = NULL,
	[OPTION_CHOICE] = NULL,
	[OPTION_NUMBER] = "a whole number from 1",
	[OPTION_RANGE] = NULL,
	[OPTION_TIME] = "a time (2026-11-22T01:05:31Z, @1795309531, -15m or now)",
	[OPTION_SPAN] = "a span of time above 0 (250ms, 15s, 2m, 6h, 30d)",
	[OPTION_ENDPOINT] = "ADDR or ADDR:PORT",
	[OPTION_PROTO] = "a protocol (tcp, udp, icmp, ... or 1 to 255)",
};

bool options_is_endpoint(const char *text)
{
	struct endpoint e;

	return endpoint_parse(text, &e) == ERR_OK && e.port != 0;
}

bool options_is_span(const char *text)
{
	int64_t ms;

	return duration_parse(text, &ms) == ERR_OK && ms > 0;
}

bool options_is_size(const char *text)
{
	uint64_t octets;

	return size_parse(text, &octets) == ERR_OK && octets > 0;
}

/* The row `index` of all tables end to end; it must be one of them. */
static const struct option_row *row_of(const struct option_tables *t, size_t index, void **ret_into)
{
	const struct option_table *table = t->tables;

	while (index >= table->count) {
		index -= table->count;
		table++;
		CHECK(table < t->tables + OPTIONS_TABLES);
	}
	*ret_into = table->into;
	return &table->rows[index];
}

static size_t row_count(const struct option_tables *t)
{
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS_TABLES; i++)
		count += t->tables[i].count;
	return count;
}

/* Is `text` one of the words of "low|medium|high"? */
static bool is_choice(const char *choices, const char *text)
{
	size_t len = strcspn(text, "|") == strlen(text) ? strlen(text) : 0;

	for (const char *at = choices; at != NULL && len > 0; at = strchr(at, '|')) {
		at += *at == '|' ? 1 : 0;
		if (strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0'))
			return true;
	}
	return false;
}

static bool is_text(const struct option_row *row, const char *text)
{
	return row->check == NULL ? *text != '\0' : row->check(text);
}

static enum err apply_list(struct option_list *list, const struct option_row *row, const char *text)
{
	if (!is_text(row, text))
		return ERR_FORMAT;
	if (list->count == OPTION_LIST_MAX)
		return ERR_LIMIT;
	list->items[list->count++] = text;
	return ERR_OK;
}

static enum err apply_text(const char **member, bool is_good, const char *text)
{
	if (is_good)
		*member = text;
	return is_good ? ERR_OK : ERR_FORMAT;
}

static enum err apply_span(int64_t *member, const char *text)
{
	return options_is_span(text) ? duration_parse(text, member) : ERR_FORMAT;
}

static enum err apply_number(uint64_t *member, const char *text)
{
	uint64_t number;
	enum err err = number_parse(text, UINT64_MAX / 2, &number);

	if (err == ERR_OK && number > 0)
		*member = number;
	return err == ERR_OK && number == 0 ? ERR_RANGE : err;
}

static enum err apply_range(uint64_t *member, const struct option_row *row, const char *text)
{
	uint64_t number;
	enum err err = number_parse(text, row->most, &number);

	if (err == ERR_OK && number >= row->least)
		*member = number;
	return err == ERR_OK && number < row->least ? ERR_RANGE : err;
}

static enum err apply(const struct option_row *row, void *into, const char *text, struct wall now)
{
	void *member = (char *)into + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return ERR_OK;
	case OPTION_TEXT:
		return apply_text(member, is_text(row, text), text);
	case OPTION_CHOICE:
		return apply_text(member, is_choice(row->arg, text), text);
	case OPTION_LIST:
		return apply_list(member, row, text);
	case OPTION_NUMBER:
		return apply_number(member, text);
	case OPTION_RANGE:
		return apply_range(member, row, text);
	case OPTION_TIME:
		return timestamp_parse(text, now, member);
	case OPTION_SPAN:
		return apply_span(member, text);
	case OPTION_ENDPOINT:
		return endpoint_parse(text, member);
	case OPTION_PROTO:
		return text_proto_parse(text, member) ? ERR_OK : ERR_FORMAT;
	}
	return ERR_FORMAT;
}

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, OPTIONS_REASON_MAX, format, args);
	va_end(args);
	return err;
}

static enum err refuse_value(char *reterr, enum err err, const struct option_row *row,
                             const char *text)
{
	const char *shape = shapes[row->kind] != NULL ? shapes[row->kind] : row->arg;

	if (err == ERR_LIMIT)
		return refuse(reterr, err, "--%s can be given at most %d times", row->name,
		              OPTION_LIST_MAX);
	if (row->kind == OPTION_RANGE)
		return refuse(reterr, ERR_FORMAT,
		              "--%s takes a whole number from %" PRIu64 " to %" PRIu64
		              ", not \"%.80s\"",
		              row->name, row->least, row->most, text);
	return refuse(reterr, ERR_FORMAT, "--%s takes %s, not \"%.80s\"", row->name, shape, text);
}

/* getopt's '?' and ':' in words. It leaves the letter in optopt, or 0 and the word behind it. */
static enum err refuse_option(char *reterr, int code, char *const *argv)
{
	if (code == ':' && optopt > 0 && optopt < LONG_BASE)
		return refuse(reterr, ERR_FORMAT, "-%c is missing its value", optopt);
	if (code == ':')
		return refuse(reterr, ERR_FORMAT, "%.80s is missing its value", argv[optind - 1]);
	if (optopt > 0 && optopt < LONG_BASE)
		return refuse(reterr, ERR_FORMAT, "unknown option -%c", optopt);
	if (optopt >= LONG_BASE)
		return refuse(reterr, ERR_FORMAT, "option %.80s takes no value", argv[optind - 1]);
	return refuse(reterr, ERR_FORMAT, "unknown or ambiguous option %.80s", argv[optind - 1]);
}

static void prepare(const struct option_tables *t, struct option *longs, char *letters)
{
	size_t count = row_count(t);

	CHECK(count <= OPTIONS_ROWS_MAX);
	if (t->stops_at_word)
		*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < count; i++) {
		void *into;
		const struct option_row *row = row_of(t, i, &into);
		bool has_value = row->kind != OPTION_FLAG;

		longs[i] = (struct option){
			.name = row->name,
			.has_arg = has_value ? required_argument : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (row->letter != '\0')
			*letters++ = row->letter;
		if (row->letter != '\0' && has_value)
			*letters++ = ':';
	}
	longs[count] = (struct option){.name = NULL};
	*letters = '\0';
}

static const struct option_row *row_of_code(const struct option_tables *t, int code,
                                            void **ret_into)
{
	if (code >= LONG_BASE)
		return row_of(t, (size_t)(code - LONG_BASE), ret_into);
	for (size_t i = 0; i < row_count(t); i++) {
		const struct option_row *row = row_of(t, i, ret_into);

		if (row->letter == code)
			return row;
	}
	return NULL;
}

enum err options_parse(const struct option_tables *t, int argc, char **argv, int *ret_first,
                       char reterr[OPTIONS_REASON_MAX])
{
	struct option longs[OPTIONS_ROWS_MAX + 1];
	char letters[2 * OPTIONS_ROWS_MAX + 3];
	int code;

	prepare(t, longs, letters);
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		void *into = NULL;
		const struct option_row *row = row_of_code(t, code, &into);
		enum err err;

		if (row == NULL)
			return refuse_option(reterr, code, argv);
		err = apply(row, into, optarg, t->now);
		if (err != ERR_OK)
			return refuse_value(reterr, err, row, optarg);
	}
	*ret_first = optind;
	return ERR_OK;
}

void options_print(FILE *out, const struct option_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct option_row *row = &rows[i];
		char left[80], letter[] = "    ";

		if (row->letter != '\0')
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(left, sizeof(left), "  %s--%s%s%s", letter, row->name,
		         row->arg == NULL ? "" : " ", row->arg == NULL ? "" : row->arg);
		if (strlen(left) + 2 > HELP_COLUMN)
			fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", row->help);
		else
			fprintf(out, "%-*s%s\n", HELP_COLUMN, left, row->help);
	}
}
