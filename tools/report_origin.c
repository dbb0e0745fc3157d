#include "tools/report_origin.h"

#include "tools/json.h"

#include <string.h>

static bool is_verified(const json_t *origin)
{
	return json_is_true(json_object_get(origin, "verified"));
}

/* Of who opened the connection. */
static bool is_of_opener(const json_t *origin)
{
	return is_verified(origin) && strcmp(json_text(origin, "end"), "src") == 0;
}

static bool is_last(const json_t *report, const json_t *hop)
{
	const json_t *path = json_object_get(report, "path");
	size_t count = json_array_size(path);

	return count > 0 && json_array_get(path, count - 1) == hop;
}

/* The statement about `hop`, from whichever view of it has one. */
static const json_t *origin_of(const json_t *report, const json_t *hop)
{
	const json_t *target = json_object_get(json_object_get(report, "target"), "origin");
	int64_t number = json_count(hop, "hop", 0);
	const json_t *match;
	size_t i;

	if (is_last(report, hop) && is_of_opener(target))
		return target;
	json_array_foreach(json_object_get(report, "matches"), i, match)
	{
		const json_t *origin = json_object_get(match, "origin");

		if (json_count(match, "hop", -1) == number && is_of_opener(origin))
			return origin;
	}
	return NULL;
}

static void put_process(struct paper *p, const json_t *origin)
{
	const json_t *record = json_object_get(origin, "record");
	const json_t *process = json_object_get(record, "process");
	int64_t uid = json_count(json_object_get(record, "user"), "uid", -1);

	if (!json_is_object(process)) {
		paper_words(p, PAPER_PLAIN, "its process");
		return;
	}
	paper_words(p, PAPER_STRONG, "%s[%lld]", json_text(process, "comm"),
	            (long long)json_count(process, "pid", 0));
	if (uid >= 0)
		paper_words(p, PAPER_PLAIN, "of user %lld", (long long)uid);
}

static void put_source(struct paper *p, const json_t *origin)
{
	const json_t *record = json_object_get(origin, "record");
	const json_t *source = json_object_get(record, "origin");
	const json_t *last = json_object_get(record, "last");
	long long depth = json_count(source, "depth", 0);

	if (*json_text(source, "src") != '\0') {
		paper_words(p, PAPER_PLAIN, "came in by %s (%s);", json_text(source, "src"),
		            json_text(source, "type"));
		if (depth > 0)
			paper_words(p, PAPER_PLAIN, "%lld hop%s of the host to itself, from %s;",
			            depth, depth == 1 ? "" : "s",
			            json_text(json_object_get(record, "root"), "src"));
	} else if (*json_text(last, "src") != '\0') {
		paper_words(p, PAPER_PLAIN, "had accepted %s, without a login (%s);",
		            json_text(last, "src"), json_text(last, "type"));
	} else if (strcmp(json_text(source, "type"), "local") == 0) {
		paper_words(p, PAPER_STRONG, "was started on the host itself;");
	} else {
		paper_words(p, PAPER_PLAIN, "came from where is not known;");
	}
}

/* What makes the statement weaker than it looks. */
static void put_doubts(struct paper *p, const json_t *origin)
{
	const json_t *health = json_object_get(origin, "health");
	int64_t sent = json_count(health, "canaries", 0);
	int64_t seen = json_count(health, "canaries_seen", 0);
	int64_t lost = json_count(health, "lost", 0) + json_count(health, "lost_tasks", 0);

	if (sent > seen + 1) /* one may be on its way */
		paper_words(p, PAPER_WARNING, "its kernel saw %lld of %lld test connections;",
		            (long long)seen, (long long)sent);
	if (lost > 0)
		paper_words(p, PAPER_WARNING, "%lld records were lost;", (long long)lost);
	if (json_is_true(json_object_get(health, "is_ftrace_off")))
		paper_words(p, PAPER_WARNING, "tracing is switched off;");
}

/* The link from the hop before, if it is by origin: does timing say the same? */
static void put_timing(struct paper *p, const json_t *report, const json_t *hop)
{
	int64_t number = json_count(hop, "hop", 0);
	const json_t *before =
		json_array_get(json_object_get(report, "path"), (size_t)(number - 2));
	const json_t *rival = json_object_get(before, "rival");

	if (number < 2 || strcmp(json_text(before, "link"), "origin") != 0)
		return;
	if (json_is_object(rival))
		paper_words(p, PAPER_WARNING, "timing speaks for %s instead",
		            json_text(rival, "src"));
	else if (strcmp(json_text(before, "timing"), "agrees") == 0)
		paper_words(p, PAPER_FAINT, "timing agrees");
	else
		paper_words(p, PAPER_FAINT, "timing alone would not have found it");
}

void report_origin(struct paper *p, const json_t *report, const json_t *hop)
{
	const json_t *origin = origin_of(report, hop);

	if (json_is_true(json_object_get(hop, "is_refused"))) {
		paper_put(p, PAPER_WARNING, "%s", p->margin);
		paper_words(p, PAPER_WARNING, "its host names an origin that began only after it");
		paper_end(p);
	}
	if (origin == NULL)
		return;
	paper_put(p, PAPER_PLAIN, "%s", p->margin);
	paper_put(p, PAPER_GOOD, "by origin:");
	paper_words(p, PAPER_PLAIN, "%s says that", json_text(origin, "host"));
	put_process(p, origin);
	put_source(p, origin);
	put_doubts(p, origin);
	put_timing(p, report, hop);
	paper_end(p);
}

static void put_one_forged(struct paper *p, const char *node, const json_t *origin)
{
	if (!json_is_object(origin) || is_verified(origin))
		return;
	paper_words(p, PAPER_WARNING, "What %s says of a host does not verify: %s.", node,
	            json_text(origin, "error"));
	paper_end(p);
}

void report_forged(struct paper *p, const json_t *report)
{
	const json_t *target = json_object_get(report, "target"), *match;
	size_t i;

	put_one_forged(p, json_text(target, "node"), json_object_get(target, "origin"));
	json_array_foreach(json_object_get(report, "matches"), i, match)
		put_one_forged(p, json_text(match, "node"), json_object_get(match, "origin"));
}
