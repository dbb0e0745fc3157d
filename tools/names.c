#include "tools/names.h"

#include "base/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
	struct addr addr;
	char *text;
};

struct names {
	struct name *rows;
	size_t count, max;
};

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, NAMES_REASON_MAX, format, args);
	va_end(args);
	return err;
}

static enum err add(struct names *n, struct addr addr, const char *text)
{
	if (n->count == n->max) {
		size_t max = n->max == 0 ? 64 : n->max * 2;
		struct name *rows = realloc(n->rows, max * sizeof(*rows));

		if (rows == NULL)
			return ERR_NOMEM;
		n->rows = rows;
		n->max = max;
	}
	n->rows[n->count].addr = addr;
	n->rows[n->count].text = strdup(text);
	return n->rows[n->count++].text == NULL ? ERR_NOMEM : ERR_OK;
}

/* One line: nothing, a comment, or an address and its name (its aliases are not used). */
static enum err read_line(struct names *n, char *line)
{
	char *rest, *word, *name;
	struct addr addr;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t\r", &rest);
	if (word == NULL)
		return ERR_OK;
	name = strtok_r(NULL, " \t\r", &rest);
	if (name == NULL || addr_parse(word, &addr) != ERR_OK)
		return ERR_FORMAT;
	return add(n, addr, name);
}

static enum err read_lines(struct names *n, FILE *in, const char *path, char *reterr)
{
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && getline(&line, &room, in) > 0) {
		number++;
		err = read_line(n, line);
	}
	free(line);
	if (err == ERR_OK && ferror(in) != 0)
		return refuse(reterr, ERR_IO, "%s: %s", path, strerror(errno));
	if (err != ERR_OK)
		return refuse(reterr, err, "%s:%u: not \"ADDRESS NAME\"", path, number);
	return ERR_OK;
}

enum err names_read(const char *path, struct names **ret, char reterr[NAMES_REASON_MAX])
{
	FILE *in = fopen(path, "re");
	struct names *n;
	enum err err;

	if (in == NULL)
		return refuse(reterr, ERR_IO, "%s: %s", path, strerror(errno));
	n = calloc(1, sizeof(*n));
	err = n == NULL ? refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM))
	                : read_lines(n, in, path, reterr);
	fclose(in);
	if (err == ERR_OK)
		*ret = n;
	else
		names_free(n);
	return err;
}

const char *names_find(const struct names *n, const char *text)
{
	struct endpoint e;

	if (n == NULL || endpoint_parse(text, &e) != ERR_OK)
		return NULL;
	for (size_t i = 0; i < n->count; i++) {
		if (addr_equal(&n->rows[i].addr, &e.addr))
			return n->rows[i].text;
	}
	return NULL;
}

void names_free(struct names *n)
{
	for (size_t i = 0; n != NULL && i < n->count; i++)
		free(n->rows[i].text);
	if (n != NULL)
		free(n->rows);
	free(n);
}
