#include "tools/report_parts.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/cert.h"
#include "tools/json.h"
#include "tools/print.h"
#include "tools/report_beside.h"

#include <stdio.h>
#include <string.h>

const char *report_addr(const char *end, char room[ADDR_TEXT_MAX])
{
	struct endpoint e;

	if (endpoint_parse(end, &e) == ERR_OK)
		return addr_print(&e.addr, room);
	snprintf(room, ADDR_TEXT_MAX, "%s", *end == '\0' ? "?" : end);
	return room;
}

const char *report_proto(const json_t *object, char room[TEXT_WORD_MAX])
{
	const char *name = json_text(object, "proto");

	if (*name == '\0')
		return text_proto((uint64_t)json_count(object, "proto", 0), room);
	snprintf(room, TEXT_WORD_MAX, "%s", name);
	return room;
}

/* "01:06:02.178", or with its date where that is not the one of `day`. */
static void clock_of(const char *time, const char *day, char room[32])
{
	bool is_same_day = strlen(time) >= 23 && strncmp(time, day, 10) == 0;

	if (strlen(time) < 23)
		snprintf(room, 32, "?");
	else if (is_same_day)
		snprintf(room, 32, "%.12s", time + 11);
	else
		snprintf(room, 32, "%.10s %.12s", time, time + 11);
}

const char *report_span(const json_t *report, const json_t *object, char room[REPORT_SPAN_MAX])
{
	const char *day = json_text(json_object_get(report, "target"), "start");
	int64_t start = json_time(object, "start"), end = json_time(object, "end");
	char from[32], to[32], span[DURATION_TEXT_MAX] = "?";

	clock_of(json_text(object, "start"), day, from);
	clock_of(json_text(object, "end"), day, to);
	if (start != INT64_MIN && end >= start)
		duration_print(end - start, span);
	snprintf(room, REPORT_SPAN_MAX, "%s - %s (%s)", from, to, span);
	return room;
}

const char *report_gap(int64_t ms, char room[32])
{
	if (ms > 0 && ms % 3600000 == 0)
		snprintf(room, 32, "%lld h", (long long)(ms / 3600000));
	else if (ms > 0 && ms % 60000 == 0)
		snprintf(room, 32, "%lld min", (long long)(ms / 60000));
	else if (ms % 1000 == 0)
		snprintf(room, 32, "%lld s", (long long)(ms / 1000));
	else
		snprintf(room, 32, "%lld ms", (long long)ms);
	return room;
}

static bool is_match(const json_t *match)
{
	const char *verdict = json_text(match, "verdict");

	return strncmp(verdict, "match", strlen("match")) == 0;
}

size_t report_witnesses(const json_t *hop, char room[PAPER_PIECE_MAX])
{
	const json_t *names = json_object_get(hop, "seen_by"), *name;
	size_t used = 0, i;

	room[0] = '\0';
	json_array_foreach(names, i, name)
	{
		if (used + CERT_NAME_MAX < PAPER_PIECE_MAX)
			used += (size_t)snprintf(room + used, PAPER_PIECE_MAX - used, "%s%.31s",
			                         i == 0 ? "" : " ", json_string_value(name));
	}
	return json_array_size(names);
}

enum answer { ANSWER_GIVEN, ANSWER_REFUSED, ANSWER_MISSING };

static enum answer answer_of(const json_t *node)
{
	const char *state = json_text(node, "state");

	if (strcmp(state, "answered") == 0 || strcmp(state, "self") == 0)
		return ANSWER_GIVEN;
	return strcmp(state, "refused") == 0 ? ANSWER_REFUSED : ANSWER_MISSING;
}

/* Why a node gave no answer, where its state alone would not tell. */
static const char *reason_of(const char *state)
{
	static const struct {
		const char *state, *reason;
	} rows[] = {
		{"waiting", "not reached in time"},
		{"working", "not done in time"},
		{"unwanted", "query or certificate expired"},
		{"false", "its answer does not verify"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].state, state) == 0)
			return rows[i].reason;
	}
	return state;
}

/* ", 2 refused (R5, R7)", ", 1 gave no answer (R8: busy)"; nothing when there is none. */
static void put_failed(struct paper *p, const json_t *nodes, enum answer answer, const char *what)
{
	char names[PAPER_PIECE_MAX] = "";
	size_t count = 0, used = 0, i;
	const json_t *node;

	json_array_foreach(nodes, i, node)
	{
		bool says_why = answer == ANSWER_MISSING;

		if (answer_of(node) != answer || used + 3 * CERT_NAME_MAX > sizeof(names))
			continue;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.31s%s%.32s",
		                         count++ == 0 ? "" : ", ", json_text(node, "node"),
		                         says_why ? ": " : "",
		                         says_why ? reason_of(json_text(node, "state")) : "");
	}
	if (count == 0)
		return;
	paper_put(p, PAPER_PLAIN, ",");
	paper_words(p, PAPER_PLAIN, "%zu %s (%s)", count, what, names);
}

/* What the nodes that answered could not know: their window or their exports have holes. */
static void put_holes(struct paper *p, const json_t *report, const json_t *nodes)
{
	const json_t *target = json_object_get(report, "target"), *node;
	int64_t start = json_time(target, "start"), end = json_time(target, "end");
	char text[REPORT_SPAN_MAX];
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		int64_t from = json_time(node, "window_from"), to = json_time(node, "window_to");
		int64_t lost = json_count(node, "lost", 0);
		const char *name = json_text(node, "node");

		if (from != INT64_MIN && start != INT64_MIN && from > start)
			paper_words(p, PAPER_PLAIN, "%s holds nothing before %s.", name,
			            timestamp_print(from, text));
		if (to != INT64_MIN && end != INT64_MIN && to < end)
			paper_words(p, PAPER_PLAIN, "%s holds nothing after %s.", name,
			            timestamp_print(to, text));
		if (lost > 0)
			paper_words(p, PAPER_PLAIN, "%s lost %lld flow%s of its exports.", name,
			            (long long)lost, lost == 1 ? "" : "s");
	}
}

static bool is_by(const json_t *report, const char *what)
{
	const json_t *hop;
	size_t i;

	json_array_foreach(json_object_get(report, "path"), i, hop)
	{
		if (strcmp(json_text(hop, "by"), what) == 0)
			return true;
	}
	return false;
}

/* Of a target that polls: what its rhythm alone could not tell. */
static void put_polling(struct paper *p, const json_t *report)
{
	const json_t *polling = json_object_get(json_object_get(report, "target"), "polling");

	if (!json_is_object(polling))
		return;
	if (is_by(report, "polling"))
		paper_words(p, PAPER_WARNING,
		            "What is shown by polling is late and early together with it: two "
		            "that one server keeps in step are, too.");
	else if (strcmp(json_text(polling, "kind"), "scheduled") == 0)
		paper_words(p, PAPER_WARNING,
		            "It polls by a schedule of whole seconds, which others keep, too: its "
		            "phase tells nothing. A change of its rhythm would, or what a host "
		            "reports.");
	else
		paper_words(p, PAPER_WARNING,
		            "It polls: others of its period are told from it only by how its "
		            "phase wanders, or by a change of its rhythm, or by what a host "
		            "reports.");
	paper_end(p);
}

/* Matches that fit nowhere, and other connections that the question could have meant. */
static void put_leftovers(struct paper *p, const json_t *report)
{
	const json_t *target = json_object_get(report, "target"), *match;
	const json_t *others = json_object_get(target, "others");
	int64_t left = 0, more = json_is_array(others) ? (int64_t)json_array_size(others)
	                                               : json_count(target, "others", 0);
	size_t i;

	json_array_foreach(json_object_get(report, "matches"), i, match) left +=
		is_match(match) && !json_is_integer(json_object_get(match, "hop")) ? 1 : 0;
	left -= report_beside_views(report);
	if (left > 0) {
		paper_words(p, PAPER_PLAIN,
		            "%lld match%s no place on the path; --explain shows it.",
		            (long long)left, left == 1 ? " has" : "es have");
		paper_end(p);
	}
	if (more > 0) {
		paper_words(p, PAPER_PLAIN,
		            "%lld other connection%s could be meant; --peer or --at chooses.",
		            (long long)more, more == 1 ? "" : "s");
		paper_end(p);
	}
	if (json_count(target, "silences", 2) < 2) {
		paper_words(
			p, PAPER_WARNING,
			"With so few silences timing alone cannot tell connections apart: a longer "
			"window would, or what a host reports.");
		if (is_by(report, "volume"))
			paper_words(p, PAPER_WARNING,
			            "What is shown was found by volume: two who share a line "
			            "evenly, or watch one stream, look alike, too.");
		paper_end(p);
	}
}

static int64_t sum_of(const json_t *nodes, const char *key)
{
	const json_t *node;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(nodes, i, node) sum += json_count(node, key, 0);
	return sum;
}

bool report_is_asked(const json_t *report)
{
	return json_count(json_object_get(report, "coverage"), "asked", 0) > 0 ||
	       json_is_object(json_object_get(report, "query"));
}

static void put_asked(struct paper *p, const json_t *report)
{
	const json_t *coverage = json_object_get(report, "coverage");
	const json_t *nodes = json_object_get(coverage, "nodes");
	int64_t asked = json_count(coverage, "asked", 0);

	if (!report_is_asked(report)) {
		paper_words(p, PAPER_PLAIN, "Nobody was asked.");
		paper_end(p);
		return;
	}
	paper_words(p, PAPER_PLAIN, "Asked %lld other node%s, %lld answered", (long long)asked,
	            asked == 1 ? "" : "s", (long long)json_count(coverage, "answered", 0));
	put_failed(p, nodes, ANSWER_REFUSED, "refused");
	put_failed(p, nodes, ANSWER_MISSING, "gave no answer");
	paper_put(p, PAPER_PLAIN, ";");
	paper_words(p, PAPER_PLAIN, "up to %lld connections were compared, out of %lld flows.",
	            (long long)sum_of(nodes, "connections"), (long long)sum_of(nodes, "flows"));
	put_holes(p, report, nodes);
	paper_end(p);
}

static void put_own_error(struct paper *p, const json_t *report)
{
	const char *why = json_text(json_object_get(report, "coverage"), "own_error");

	if (*why == '\0')
		return;
	paper_words(p, PAPER_PLAIN, "This node's own flows were not all searched: %s.", why);
	paper_end(p);
}

void report_coverage(struct paper *p, const json_t *report)
{
	const char *bundle = json_text(report, "bundle");

	put_asked(p, report);
	put_own_error(p, report);
	put_leftovers(p, report);
	put_polling(p, report);
	if (*bundle != '\0') {
		paper_put(p, PAPER_PLAIN, "Signed evidence: %s", bundle);
		paper_end(p);
	}
}

static void connection_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%.60s -> %.60s", json_text(row, "src"),
	         json_text(row, "dst"));
}

static void put_real(const json_t *row, const char *key, int digits, char *room)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		snprintf(room, PRINT_CELL_MAX, "%.*f", digits, json_number_value(value));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void score_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_real(row, "score", 1, room);
}

static void chance_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *value = json_object_get(row, "p_value");

	(void)now;
	if (json_is_number(value))
		snprintf(room, PRINT_CELL_MAX, "%.1g", json_number_value(value));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void cpf_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_real(row, "cpf", 3, room);
}

static void lag_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%+lld ms", (long long)json_count(row, "lag_ms", 0));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key         title       width right  cell */
	{"hop",       "HOP",          0, true,  NULL},
	{"node",      "NODE",         0, false, NULL},
	{"src",       "CONNECTION",   0, false, connection_cell},
	{"score",     "SCORE",        0, true,  score_cell},
	{"p_value",   "P",            0, true,  chance_cell},
	{"cpf",       "CPF",          0, true,  cpf_cell},
	{"silences",  "SILENCES",     0, true,  NULL},
	{"lag_ms",    "LAG",          0, true,  lag_cell},
	{"verdict",   "VERDICT",      0, false, NULL},
};
/* clang-format on */

void report_table(const json_t *report, FILE *out)
{
	const json_t *matches = json_object_get(report, "matches"), *match;
	size_t i;

	if (json_array_size(matches) == 0)
		return;
	fputc('\n', out);
	print_table(matches, columns, ARRAY_LEN(columns), (struct wall){0}, out);
	json_array_foreach(matches, i, match)
	{
		if (strcmp(json_text(match, "verdict"), "periodic") == 0)
			fprintf(out, "%s -> %s: %s\n", json_text(match, "src"),
			        json_text(match, "dst"), json_text(match, "needs"));
	}
}
