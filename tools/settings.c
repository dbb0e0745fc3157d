#include "tools/settings.h"

#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct text {
	char *room;
	size_t used;
};

static PRINTF_LIKE(2, 3) void put(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->used += (size_t)vsnprintf(t->room + t->used, SETTINGS_TEXT_MAX - t->used, format, args);
	va_end(args);
	CHECK(t->used < SETTINGS_TEXT_MAX);
}

/* Words that YAML 1.1 or 1.2 would read as something else than text. */
static bool is_word_of_yaml(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
	                                    "off",  "null",  "y",   "n"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(words[i], text) == 0)
			return true;
	}
	return false;
}

static bool is_plain(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return strchr(letters, text[0]) != NULL && strspn(text, more) == strlen(text) &&
	       !is_word_of_yaml(text);
}

/* YAML's double-quoted form; control characters do not come this far. */
static void put_quoted(struct text *t, const char *text)
{
	put(t, "\"");
	for (; *text != '\0'; text++)
		put(t, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	put(t, "\"");
}

static void put_list(struct text *t, const struct option_list *list)
{
	put(t, "[");
	for (size_t i = 0; i < list->count; i++) {
		put(t, "%s", i == 0 ? "" : ", ");
		put_quoted(t, list->items[i]);
	}
	put(t, "]\n");
}

static void put_endpoint(struct text *t, const char *text)
{
	if (text[0] == '[')
		put_quoted(t, text);
	else
		put(t, "%s", text);
}

const char *settings_root(size_t index, char room[SETTINGS_ROOT_MAX])
{
	if (index == 0)
		snprintf(room, SETTINGS_ROOT_MAX, "root.pub");
	else
		snprintf(room, SETTINGS_ROOT_MAX, "root-%zu.pub", index + 1);
	return room;
}

static void put_roots(struct text *t, size_t roots)
{
	put(t, "roots: [");
	for (size_t i = 0; i < roots; i++) {
		char file[SETTINGS_ROOT_MAX];

		put(t, "%s%s", i == 0 ? "" : ", ", settings_root(i, file));
	}
	put(t, "]\n");
}

void settings_print(const struct settings *s, size_t roots, char room[SETTINGS_TEXT_MAX])
{
	static const struct option_list local = {.items = {"127.0.0.1:2055"}, .count = 1};
	struct text t = {.room = room};

	put(&t, "name: ");
	if (is_plain(s->name))
		put(&t, "%s", s->name);
	else
		put_quoted(&t, s->name);
	put(&t, "\nidentity: identity.key\ncertificate: member.cert\n");
	put_roots(&t, roots);
	put(&t, "control: spoord.sock\noverlay:\n  listen: ");
	put_endpoint(&t, s->listen);
	if (s->listen6 != NULL) {
		put(&t, "\n  listen6: ");
		put_endpoint(&t, s->listen6);
	}
	if (s->advertise.count > 0) {
		put(&t, "\n  advertise: ");
		put_list(&t, &s->advertise);
	} else {
		put(&t, "\n");
	}
	put(&t, "  bootstrap: ");
	put_list(&t, &s->bootstrap);
	put(&t, "exports:\n  listen: ");
	put_list(&t, s->exports.count == 0 ? &local : &s->exports);
	put(&t, "  idle_timeout: %s\nstore:\n  path: flows\n  map_size: %s\n  age_max: %s\n",
	    s->idle_timeout, s->map_size, s->keep);
	put(&t, "  size_max: 0\npolicy:\n  answer: members\n");
}
