#include "tools/watched.h"

#include "base/util.h"
#include "tools/json.h"
#include "tools/paper.h"
#include "tools/report_parts.h"

#include <string.h>

#define TIME_MAX 20

/* "2026-11-29 12:06:40" of a time in RFC 3339. Returns `room`. */
static const char *time_of(const json_t *object, const char *key, char room[TIME_MAX])
{
	const char *time = json_text(object, key);

	if (strlen(time) < TIME_MAX)
		snprintf(room, TIME_MAX, "?");
	else
		snprintf(room, TIME_MAX, "%.10s %.8s", time, time + 11);
	return room;
}

static void put_ends(struct paper *p, const json_t *connection)
{
	paper_piece(p, PAPER_PLAIN, "%.60s %s %.60s", json_text(connection, "src"),
	            p->style.is_utf8 ? "\u2192" : "->", json_text(connection, "dst"));
}

static void put_found(struct paper *p, const json_t *found)
{
	const char *org = json_text(found, "org");

	paper_piece(p, PAPER_STRONG, "%.40s (%.80s)", json_text(found, "node"), org);
	paper_piece(p, PAPER_PLAIN, "%.1f", json_number_value(json_object_get(found, "score")));
	put_ends(p, found);
	if (!json_is_true(json_object_get(found, "is_significant")))
		paper_piece(p, PAPER_WARNING, "may be chance");
	paper_end(p);
}

static void put_asked(struct paper *p, const json_t *watch)
{
	long long questions = json_count(watch, "questions", 0);
	const char *state = json_text(watch, "state");
	char at[TIME_MAX];

	if (strcmp(state, "asking") == 0)
		paper_words(p, PAPER_PLAIN, "Everybody is being asked.");
	else if (strcmp(state, "waiting") == 0)
		paper_words(p, PAPER_WARNING,
		            "Waits: timing cannot decide it yet, with %lld silence%s, but it is "
		            "open.",
		            (long long)json_count(watch, "silences", 0),
		            json_count(watch, "silences", 0) == 1 ? "" : "s");
	else if (questions == 0)
		paper_words(p, PAPER_PLAIN, "Nobody was asked yet.");
	else
		paper_words(p, PAPER_PLAIN, "Asked %lld time%s, last at %s; %lld of %lld answered.",
		            questions, questions == 1 ? "" : "s", time_of(watch, "last_asked", at),
		            (long long)json_count(watch, "answered", 0),
		            (long long)json_count(watch, "asked", 0));
	if (strcmp(state, "watching") == 0)
		paper_words(p, PAPER_PLAIN, "Next at %s, or before.", time_of(watch, "next", at));
}

void watched_print(const json_t *watch, struct text_style style, FILE *out)
{
	struct paper p = {.out = out, .style = style, .margin = "          "};
	const char *state = json_text(watch, "state"), *error = json_text(watch, "error");
	bool is_over = strcmp(state, "ended") == 0;
	const json_t *list = json_object_get(watch, "found"), *found;
	char proto[TEXT_WORD_MAX], at[TIME_MAX];
	size_t count = json_array_size(list), i;

	paper_put(&p, PAPER_STRONG, "%.8s", json_text(watch, "id"));
	put_ends(&p, watch);
	paper_piece(&p, PAPER_PLAIN, "%s, %lld silence%s", report_proto(watch, proto),
	            (long long)json_count(watch, "silences", 0),
	            json_count(watch, "silences", 0) == 1 ? "" : "s");
	paper_end(&p);
	paper_put(&p, is_over ? PAPER_WARNING : PAPER_PLAIN, "%s%s %s UTC.", p.margin,
	          is_over ? "Ended; it was to last until" : "Until", time_of(watch, "until", at));
	put_asked(&p, watch);
	if (*error != '\0')
		paper_words(&p, PAPER_WARNING, "Nobody can be asked: %.200s.", error);
	paper_words(&p, PAPER_PLAIN, count == 0 ? "Found nothing." : "Found %zu:", count);
	paper_end(&p);
	json_array_foreach(list, i, found)
	{
		paper_put(&p, PAPER_PLAIN, "%s%s", p.margin, time_of(found, "found", at));
		put_found(&p, found);
	}
}

void watched_print_news(const json_t *news, struct text_style style, FILE *out)
{
	struct paper p = {.out = out, .style = style, .margin = "          "};
	const char *kind = json_text(news, "kind"), *id = json_text(news, "watch");
	char at[TIME_MAX];

	if (strcmp(kind, "missed") == 0) {
		paper_words(&p, PAPER_WARNING, "%lld were missed",
		            (long long)json_count(news, "records", 0));
		paper_end(&p);
	} else if (strcmp(kind, "ended") == 0) {
		paper_put(&p, PAPER_STRONG, "%.8s", id);
		paper_piece(&p, PAPER_PLAIN, "%s  ended, with %lld found", time_of(news, "at", at),
		            (long long)json_count(news, "found", 0));
		paper_end(&p);
	} else {
		paper_put(&p, PAPER_STRONG, "%.8s", id);
		paper_piece(&p, PAPER_PLAIN, "%s", time_of(news, "found", at));
		put_found(&p, news);
	}
}
