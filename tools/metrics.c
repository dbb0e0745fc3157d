#include "tools/metrics.h"

#include "base/util.h"
#include "tools/json.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_LEN 128
#define LABELS_MAX 512

static bool is_label(const char *key, const json_t *value)
{
	return json_is_string(value) || strcmp(key, "version") == 0 || strcmp(key, "domain") == 0;
}

/* A text within a label: no quote, backslash or line's end of its own. */
static void put_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
}

static void put_labels(const json_t *labels, FILE *out)
{
	const char *key, *before = "{";
	const json_t *value;

	if (json_object_size(labels) == 0)
		return;
	for (void *at = json_object_iter((json_t *)(uintptr_t)labels); at != NULL;
	     at = json_object_iter_next((json_t *)(uintptr_t)labels, at)) {
		key = json_object_iter_key(at);
		value = json_object_iter_value(at);
		fprintf(out, "%s%s=\"", before, key);
		if (json_is_string(value))
			put_text(json_string_value(value), out);
		else
			fprintf(out, "%lld", (long long)json_integer_value(value));
		fputc('"', out);
		before = ",";
	}
	fputc('}', out);
}

static void put_number(const char *name, const json_t *labels, const json_t *value, FILE *out)
{
	fputs(name, out);
	put_labels(labels, out);
	if (json_is_boolean(value))
		fprintf(out, " %d\n", json_is_true(value));
	else if (json_is_integer(value))
		fprintf(out, " %lld\n", (long long)json_integer_value(value));
	else
		fprintf(out, " %.17g\n", json_number_value(value));
}

/* The texts of each map, and what numbers it: none of those that are times, which change. */
static json_t *labels_of(const json_t *rows)
{
	json_t *all = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *labels = json_object(), *value;
		const char *key;

		json_object_foreach(row, key, value)
		{
			if (is_label(key, value) && json_time(row, key) == INT64_MIN)
				json_object_set(labels, key, value);
		}
		json_array_append_new(all, labels);
	}
	return all;
}

/* All samples of a metric stand together, as the format wants them. */
static void put_rows(const char *name, const json_t *rows, const json_t *labels, FILE *out)
{
	json_t *merged = json_object(), *row, *value;
	const char *key;
	size_t i;

	json_array_foreach(rows, i, row) json_object_update_missing(merged, row);
	json_object_foreach(merged, key, value)
	{
		char of_key[NAME_MAX_LEN];
		json_t *nested = json_array();

		snprintf(of_key, sizeof(of_key), "%s_%s", name, key);
		json_array_foreach(rows, i, row)
		{
			json_t *own = json_object_get(row, key);

			if (!is_label(key, own) && (json_is_number(own) || json_is_boolean(own)))
				put_number(of_key, json_array_get(labels, i), own, out);
			json_array_append_new(nested, json_is_object(own) ? json_incref(own)
			                                                  : json_object());
		}
		put_rows(of_key, nested, labels, out);
		json_decref(nested);
	}
	json_decref(merged);
}

void metrics_put(const char *name, const json_t *object, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char of_key[NAME_MAX_LEN];

		snprintf(of_key, sizeof(of_key), "%s_%s", name, key);
		if (json_is_number(value) || json_is_boolean(value)) {
			put_number(of_key, NULL, value, out);
		} else if (json_is_object(value)) {
			metrics_put(of_key, value, out);
		} else if (json_is_array(value)) {
			json_t *labels = labels_of(value);

			put_rows(of_key, value, labels, out);
			json_decref(labels);
		}
	}
}
