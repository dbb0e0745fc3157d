#include "tools/report_parts.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "tools/json.h"
#include "tools/print.h"

#include <stdio.h>
#include <string.h>

#define WITNESSES_MAX 16

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

/* The row of `rows` whose member "node" is `node`, or NULL. */
static const json_t *row_of(const json_t *rows, const char *node)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(json_text(row, "node"), node) == 0)
			return row;
	}
	return NULL;
}

const char *report_org(const json_t *report, const char *node)
{
	const json_t *target = json_object_get(report, "target");
	const json_t *nodes = json_object_get(json_object_get(report, "coverage"), "nodes");
	const json_t *row = row_of(nodes, node);

	if (*node == '\0')
		return "";
	if (row == NULL && strcmp(json_text(target, "node"), node) == 0)
		row = target;
	if (row == NULL)
		row = row_of(json_object_get(report, "matches"), node);
	return json_text(row, "org");
}

/* Is the match one of the hop's views? `hop` of either is the number of the hop. */
static bool is_on(const json_t *match, const json_t *hop)
{
	const json_t *number = json_object_get(match, "hop");

	return json_is_integer(number) && json_equal(number, json_object_get(hop, "hop"));
}

static bool is_match(const json_t *match)
{
	return strcmp(json_text(match, "verdict"), "match") == 0;
}

size_t report_witnesses(const json_t *report, const json_t *hop, char room[PAPER_PIECE_MAX])
{
	const json_t *target = json_object_get(report, "target"), *match;
	const char *names[WITNESSES_MAX];
	size_t count = 0, used = 0, i;

	room[0] = '\0';
	if (strcmp(json_text(hop, "link"), "end") == 0 && *json_text(target, "node") != '\0')
		names[count++] = json_text(target, "node");
	json_array_foreach(json_object_get(report, "matches"), i, match)
	{
		const char *name = json_text(match, "node");
		bool is_new = is_on(match, hop) && *name != '\0' && count < WITNESSES_MAX;

		for (size_t n = 0; n < count && is_new; n++)
			is_new = strcmp(names[n], name) != 0;
		if (is_new)
			names[count++] = name;
	}
	for (size_t n = 0; n < count; n++)
		used += (size_t)snprintf(room + used, PAPER_PIECE_MAX - used, "%s%.31s",
		                         n == 0 ? "" : " ", names[n]);
	return count;
}

static void put_silent(struct paper *p, const json_t *nodes)
{
	const json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		const char *state = json_text(node, "state");

		if (*state != '\0' && strcmp(state, "answered") != 0)
			paper_word(p, "%s: %s.", json_text(node, "node"), state);
	}
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
			paper_word(p, "%s holds nothing before %s.", name,
			           timestamp_print(from, text));
		if (to != INT64_MIN && end != INT64_MIN && to < end)
			paper_word(p, "%s holds nothing after %s.", name,
			           timestamp_print(to, text));
		if (lost > 0)
			paper_word(p, "%s lost %lld flow%s of its exports.", name, (long long)lost,
			           lost == 1 ? "" : "s");
	}
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
	if (left > 0)
		paper_word(p, "%lld match%s no place on the path (--explain).", (long long)left,
		           left == 1 ? " has" : "es have");
	if (more > 0)
		paper_word(p, "%lld other connection%s could be meant: --peer or --at chooses.",
		           (long long)more, more == 1 ? "" : "s");
	if (json_count(target, "silences", 2) < 2)
		paper_word(p, "With so few silences timing alone cannot tell connections apart.");
}

static int64_t sum_of(const json_t *nodes, const char *key)
{
	const json_t *node;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(nodes, i, node) sum += json_count(node, key, 0);
	return sum;
}

void report_coverage(struct paper *p, const json_t *report)
{
	const json_t *coverage = json_object_get(report, "coverage");
	const json_t *nodes = json_object_get(coverage, "nodes");
	const char *bundle = json_text(report, "bundle");
	int64_t asked = json_count(coverage, "asked", 0);
	int64_t refused = json_count(coverage, "refused", 0);
	int64_t silent = json_count(coverage, "silent", 0);

	paper_word(p, "Asked %lld node%s,", (long long)asked, asked == 1 ? "" : "s");
	paper_word(p, "%lld answered%s", (long long)json_count(coverage, "answered", 0),
	           refused > 0 || silent > 0 ? "," : ";");
	if (refused > 0)
		paper_word(p, "%lld refused%s", (long long)refused, silent > 0 ? "," : ";");
	if (silent > 0)
		paper_word(p, "%lld silent;", (long long)silent);
	paper_word(p, "they compared %lld connections", (long long)sum_of(nodes, "connections"));
	paper_word(p, "out of %lld flows.", (long long)sum_of(nodes, "flows"));
	put_silent(p, nodes);
	put_holes(p, report, nodes);
	put_leftovers(p, report);
	paper_end(p);
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

static void put_real(const json_t *row, const char *key, char *room)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		snprintf(room, PRINT_CELL_MAX, "%.3f", json_number_value(value));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void score_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_real(row, "score", room);
}

static void cpf_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_real(row, "cpf", room);
}

static void common_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char text[DURATION_TEXT_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s", duration_print(json_count(row, "common_ms", 0), text));
}

static void lag_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%+lld ms", (long long)json_count(row, "lag_ms", 0));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key         title       width right  cell */
	{"node",      "NODE",         0, false, NULL},
	{"src",       "CONNECTION",   0, false, connection_cell},
	{"view",      "VIEW",         0, false, NULL},
	{"score",     "SCORE",        0, true,  score_cell},
	{"cpf",       "CPF",          0, true,  cpf_cell},
	{"silences",  "SILENCES",     0, true,  NULL},
	{"common_ms", "COMMON",       0, true,  common_cell},
	{"lag_ms",    "LAG",          0, true,  lag_cell},
	{"verdict",   "VERDICT",      0, false, NULL},
	{"evidence",  "EVIDENCE",     0, false, NULL},
	{"hop",       "HOP",          0, true,  NULL},
};
/* clang-format on */

void report_table(const json_t *report, const struct report_view *view, FILE *out)
{
	const json_t *matches = json_object_get(report, "matches");

	(void)view;
	if (json_array_size(matches) == 0)
		return;
	fputc('\n', out);
	print_table(matches, columns, ARRAY_LEN(columns), (struct wall){0}, out);
}
