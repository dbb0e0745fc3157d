#include "tools/json.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TWO_TO_63 9223372036854775808.0
#define REAL_DIGITS 6

static json_t *value_of(struct unpack *u, int depth);

static json_t *hex_of(const char *prefix, const uint8_t *octets, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t before = strlen(prefix);
	char *text = malloc(before + 2 * len + 1);
	json_t *value;

	if (text == NULL)
		return NULL;
	memcpy(text, prefix, before);
	for (size_t i = 0; i < len; i++) {
		text[before + 2 * i] = digits[octets[i] >> 4];
		text[before + 2 * i + 1] = digits[octets[i] & 0x0f];
	}
	value = json_stringn(text, before + 2 * len);
	free(text);
	return value;
}

json_t *json_hex(const uint8_t *octets, size_t len)
{
	return hex_of("0x", octets, len);
}

static json_t *text_of(const struct token *t)
{
	json_t *value = json_stringn((const char *)t->data, t->len);
	char *text;

	if (value != NULL || (text = malloc(t->len + 1)) == NULL)
		return value;
	for (size_t i = 0; i < t->len; i++)
		text[i] = (char)(t->data[i] < 0x80 ? t->data[i] : '?');
	value = json_stringn(text, t->len);
	free(text);
	return value;
}

static json_t *array_of(struct unpack *u, size_t count, int depth)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count && array != NULL; i++) {
		if (json_array_append_new(array, value_of(u, depth + 1)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *map_of(struct unpack *u, size_t count, int depth)
{
	json_t *map = json_object();

	for (size_t i = 0; i < count && map != NULL; i++) {
		struct token name;
		json_t *key = NULL;

		if (unpack_token(u, &name) && name.kind == TOKEN_STR)
			key = text_of(&name);
		if (key == NULL || strlen(json_string_value(key)) != json_string_length(key) ||
		    json_object_set_new(map, json_string_value(key), value_of(u, depth + 1)) != 0) {
			json_decref(map);
			map = NULL;
		}
		json_decref(key);
	}
	return map;
}

static json_t *value_of(struct unpack *u, int depth)
{
	struct token t;

	if (depth > JSON_DEPTH_MAX || !unpack_token(u, &t))
		return NULL;
	switch (t.kind) {
	case TOKEN_NIL:
		return json_null();
	case TOKEN_BOOL:
		return json_boolean(t.is_true);
	case TOKEN_UINT:
		return t.number > INT64_MAX ? json_real((double)t.number)
		                            : json_integer((json_int_t)t.number);
	case TOKEN_INT:
		return json_integer(t.integer);
	case TOKEN_REAL:
		return isfinite(t.real) ? json_real(t.real) : json_null();
	case TOKEN_STR:
		return text_of(&t);
	case TOKEN_BIN:
		return hex_of("", t.data, t.len);
	case TOKEN_ARRAY:
		return array_of(u, t.len, depth);
	case TOKEN_MAP:
		return map_of(u, t.len, depth);
	}
	return NULL;
}

json_t *json_of(struct unpack *u)
{
	return value_of(u, 1);
}

static void put_uint(uint64_t value, FILE *out)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	fwrite(at, 1, (size_t)(digits + sizeof(digits) - at), out);
}

/* Nothing in it has to be written otherwise in JSON. */
static bool is_plain(const struct token *t)
{
	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = t->data[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return true;
}

/* Whatever is rare: by way of a value. */
static bool copy_slowly(struct unpack *u, int depth, FILE *out)
{
	json_t *value = value_of(u, depth);
	bool is_written = value != NULL && json_write(value, out);

	json_decref(value);
	return is_written;
}

static bool copy_value(struct unpack *u, FILE *out)
{
	struct unpack ahead = *u;
	struct token t;

	if (!unpack_token(&ahead, &t))
		return false;
	if (t.kind == TOKEN_STR && is_plain(&t)) {
		putc('"', out);
		fwrite(t.data, 1, t.len, out);
		putc('"', out);
	} else if (t.kind == TOKEN_UINT) {
		put_uint(t.number, out);
	} else {
		return copy_slowly(u, 2, out);
	}
	*u = ahead;
	return true;
}

bool json_transcribe(struct unpack *u, FILE *out)
{
	struct unpack ahead = *u;
	bool is_good = true;
	struct token t;

	if (!unpack_token(&ahead, &t) || t.kind != TOKEN_MAP)
		return copy_slowly(u, 1, out);
	*u = ahead;
	putc('{', out);
	for (size_t i = 0; i < t.len && is_good; i++) {
		struct token key;

		ahead = *u;
		if (!unpack_token(&ahead, &key) || key.kind != TOKEN_STR)
			return false;
		if (i > 0)
			putc(',', out);
		is_good = copy_value(u, out);
		putc(':', out);
		is_good = is_good && copy_value(u, out);
	}
	putc('}', out);
	return is_good && ferror(out) == 0;
}

const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

int64_t json_count(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_real(value) && json_real_value(value) >= TWO_TO_63)
		return INT64_MAX;
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

int64_t json_time(const json_t *object, const char *key)
{
	const char *text = json_text(object, key);
	int64_t ms;

	/* What people may also write ("now", "-15m") no node says. */
	if (*text < '0' || *text > '9' || timestamp_parse(text, (struct wall){0}, &ms) != ERR_OK)
		return INT64_MIN;
	return ms;
}

bool json_write(const json_t *value, FILE *out)
{
	return json_dumpf(value, out,
	                  JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS)) == 0;
}
