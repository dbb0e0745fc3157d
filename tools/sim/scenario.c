#include "tools/sim/scenario.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64
#define ASK_FOR_MS 30000
#define ANY_MS (INT64_C(24) * 3600000)

struct raw_event { /* as it is written */
	enum scenario_verb verb;
	char *at, *node, *liar, *by, *lasts;
	double *share;
	unsigned *first, *told;
	enum answer { NO, YES } * one_way, *disk, *urgent;
};

struct raw_expect {
	enum expect_kind kind;
	double *share, *most;
	char *within;
};

struct raw {
	char *name, *shows, *start, *liar, *until;
	unsigned nodes;
	double loss, byzantine, dead, nat;
	struct raw_event *events;
	unsigned events_count;
	struct raw_expect *expect;
	unsigned expect_count;
};

/* What a verb may be told, as bits. */
enum {
	TAKES_NODE = 1,
	TAKES_LIAR = 2,
	TAKES_SHARE = 4,
	TAKES_BY = 8,
	TAKES_FOR = 16,
	TAKES_FIRST = 32,
	TAKES_ONE_WAY = 64,
	TAKES_DISK = 128,
	TAKES_URGENT = 256,
	TAKES_TOLD = 512,
	TAKES_WITHIN = 1024,
	TAKES_MOST = 2048
};

/* clang-format off */
static const struct word {
	const char *name;
	unsigned bit;
} words[] = {
	{"node", TAKES_NODE},       {"liar", TAKES_LIAR},   {"share", TAKES_SHARE},
	{"by", TAKES_BY},           {"for", TAKES_FOR},     {"first", TAKES_FIRST},
	{"one_way", TAKES_ONE_WAY}, {"disk", TAKES_DISK},   {"urgent", TAKES_URGENT},
	{"told", TAKES_TOLD},       {"within", TAKES_WITHIN}, {"most", TAKES_MOST},
};

static const struct verb {
	const char *name;
	unsigned needs, takes;
} verbs[SCENARIO_VERB_END] = {
	[SCENARIO_START]   = {"start",   TAKES_NODE,               0},
	[SCENARIO_CRASH]   = {"crash",   TAKES_NODE,               0},
	[SCENARIO_RESTART] = {"restart", TAKES_NODE,               TAKES_DISK},
	[SCENARIO_CUT]     = {"cut",     TAKES_FIRST,              TAKES_ONE_WAY | TAKES_FOR},
	[SCENARIO_HEAL]    = {"heal",    0,                        0},
	[SCENARIO_LOSS]    = {"loss",    TAKES_SHARE,              0},
	[SCENARIO_LIAR]    = {"liar",    TAKES_NODE | TAKES_LIAR,  0},
	[SCENARIO_JUMP]    = {"jump",    TAKES_NODE | TAKES_BY,    0},
	[SCENARIO_SUSPEND] = {"suspend", TAKES_NODE | TAKES_FOR,   0},
	[SCENARIO_REVOKE]  = {"revoke",  TAKES_NODE,               TAKES_TOLD},
	[SCENARIO_ASK]     = {"ask",     TAKES_NODE,               TAKES_URGENT | TAKES_FOR},
};

static const struct verb kinds[EXPECT_KIND_END] = {
	[EXPECT_HEARD]     = {"heard",     TAKES_SHARE,  TAKES_WITHIN},
	[EXPECT_EVERYONE]  = {"everyone",  TAKES_SHARE,  TAKES_WITHIN},
	[EXPECT_VICTIMS]   = {"victims",   TAKES_SHARE,  0},
	[EXPECT_RECEIPTS]  = {"receipts",  TAKES_SHARE,  0},
	[EXPECT_ANSWERED]  = {"answered",  TAKES_SHARE,  0},
	[EXPECT_FOUND]     = {"found",     TAKES_SHARE,  0},
	[EXPECT_COPIES]    = {"copies",    TAKES_MOST,   0},
	[EXPECT_EQUAL]     = {"equal",     TAKES_WITHIN, 0},
	[EXPECT_REVOKED]   = {"revoked",   TAKES_WITHIN, TAKES_SHARE},
	[EXPECT_FORGOTTEN] = {"forgotten", TAKES_WITHIN, 0},
};

static const cyaml_strval_t verb_names[] = {
	{"start", SCENARIO_START}, {"crash", SCENARIO_CRASH},     {"restart", SCENARIO_RESTART},
	{"cut", SCENARIO_CUT},     {"heal", SCENARIO_HEAL},       {"loss", SCENARIO_LOSS},
	{"liar", SCENARIO_LIAR},   {"jump", SCENARIO_JUMP},       {"suspend", SCENARIO_SUSPEND},
	{"revoke", SCENARIO_REVOKE}, {"ask", SCENARIO_ASK},
};

static const cyaml_strval_t kind_names[] = {
	{"heard", EXPECT_HEARD},       {"everyone", EXPECT_EVERYONE}, {"victims", EXPECT_VICTIMS},
	{"receipts", EXPECT_RECEIPTS}, {"answered", EXPECT_ANSWERED}, {"found", EXPECT_FOUND},
	{"copies", EXPECT_COPIES},     {"equal", EXPECT_EQUAL},       {"revoked", EXPECT_REVOKED},
	{"forgotten", EXPECT_FORGOTTEN},
};

/* The library's own booleans take any word for "yes". */
static const cyaml_strval_t answers[] = {{"no", NO}, {"yes", YES}, {"false", NO}, {"true", YES}};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, type, field) CYAML_FIELD_STRING_PTR(key, OPTIONAL, type, field, 0, TEXT_MAX - 1)
#define ANSWER(key) \
	CYAML_FIELD_ENUM_PTR(#key, OPTIONAL | CYAML_FLAG_STRICT, struct raw_event, key, answers, \
	                     ARRAY_LEN(answers))
#define SHARE(key) CYAML_FIELD_FLOAT(#key, CYAML_FLAG_OPTIONAL, struct raw, key)

static const cyaml_schema_field_t event_fields[] = {
	CYAML_FIELD_STRING_PTR("at", CYAML_FLAG_POINTER, struct raw_event, at, 0, TEXT_MAX - 1),
	CYAML_FIELD_ENUM("do", CYAML_FLAG_STRICT, struct raw_event, verb, verb_names,
	                 ARRAY_LEN(verb_names)),
	TEXT("node", struct raw_event, node),
	TEXT("liar", struct raw_event, liar),
	TEXT("by", struct raw_event, by),
	TEXT("for", struct raw_event, lasts),
	CYAML_FIELD_FLOAT_PTR("share", OPTIONAL, struct raw_event, share),
	CYAML_FIELD_UINT_PTR("first", OPTIONAL, struct raw_event, first),
	CYAML_FIELD_UINT_PTR("told", OPTIONAL, struct raw_event, told),
	ANSWER(one_way),
	ANSWER(disk),
	ANSWER(urgent),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t event_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_event, event_fields),
};

static const cyaml_schema_field_t expect_fields[] = {
	CYAML_FIELD_ENUM("what", CYAML_FLAG_STRICT, struct raw_expect, kind, kind_names,
	                 ARRAY_LEN(kind_names)),
	CYAML_FIELD_FLOAT_PTR("share", OPTIONAL, struct raw_expect, share),
	CYAML_FIELD_FLOAT_PTR("most", OPTIONAL, struct raw_expect, most),
	TEXT("within", struct raw_expect, within),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t expect_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_expect, expect_fields),
};

static const cyaml_schema_field_t raw_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct raw, name, 1, SCENARIO_NAME_MAX - 1),
	CYAML_FIELD_STRING_PTR("shows", CYAML_FLAG_POINTER, struct raw, shows, 1,
	                       SCENARIO_SHOWS_MAX - 1),
	CYAML_FIELD_UINT("nodes", CYAML_FLAG_DEFAULT, struct raw, nodes),
	TEXT("start", struct raw, start),
	TEXT("liar", struct raw, liar),
	TEXT("until", struct raw, until),
	SHARE(loss),
	SHARE(byzantine),
	SHARE(dead),
	SHARE(nat),
	CYAML_FIELD_SEQUENCE("events", CYAML_FLAG_POINTER, struct raw, events, &event_schema, 0,
	                     SCENARIO_EVENTS_MAX),
	CYAML_FIELD_SEQUENCE("expect", OPTIONAL, struct raw, expect, &expect_schema, 0,
	                     SCENARIO_EXPECTS_MAX),
	CYAML_FIELD_END,
};
/* clang-format on */

static const cyaml_schema_value_t raw_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, raw_fields),
};

struct reader {
	const char *path;
	const char *section; /* "events": item `item` of it is being looked at; NULL: a top key */
	unsigned item;
	struct scenario *scenario;
	enum err err;
	unsigned line;
	char reason[SCENARIO_REASON_MAX / 2];
};

static bool begins(const char *line, const char *word, const char *after)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && strncmp(line + len, after, strlen(after)) == 0;
}

/*
 * The line of item `item` of `section`, or of the top key `section` when `item` is UINT_MAX: the
 * parser keeps none for what is well-formed and yet wrong. The dash with the least indent is an
 * item's.
 */
static unsigned line_of(const char *path, const char *section, unsigned item)
{
	FILE *f = fopen(path, "r");
	char text[512];
	unsigned line = 0, found = 1, items = 0;
	size_t indent = SIZE_MAX;
	bool is_inside = false;

	while (f != NULL && fgets(text, sizeof(text), f) != NULL) {
		size_t spaces = strspn(text, " ");

		line++;
		if (begins(text, section, ":")) {
			is_inside = true;
			found = line;
		} else if (is_inside && isalpha((unsigned char)text[0])) {
			break;
		} else if (is_inside && text[spaces] == '-') {
			indent = indent == SIZE_MAX ? spaces : indent;
			if (spaces == indent && items++ == item)
				found = line;
		}
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Where `key` stands, at or after line `from`: of an unknown key the parser tells what was before.
 */
static unsigned line_of_key(const char *path, unsigned from, const char *key)
{
	FILE *f = fopen(path, "r");
	char text[512];
	unsigned line = 0, found = from;

	while (f != NULL && fgets(text, sizeof(text), f) != NULL) {
		const char *at = strstr(text, key);

		if (++line < from || at == NULL || at[strlen(key)] != ':')
			continue;
		found = line;
		break;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

static PRINTF_LIKE(3, 4) void wrong(struct reader *r, enum err err, const char *format, ...)
{
	va_list args;

	if (r->err != ERR_OK)
		return; /* the first is the one to tell */
	r->err = err;
	va_start(args, format);
	vsnprintf(r->reason, sizeof(r->reason), format, args);
	va_end(args);
	if (r->section != NULL)
		r->line = line_of(r->path, r->section, r->item);
}

/* libcyaml's reason is a log line; where it was comes in the first line of the backtrace. */
static VPRINTF_LIKE(3) void keep_line(cyaml_log_t level, void *ctx, const char *format,
                                      va_list args)
{
	char text[SCENARIO_REASON_MAX];
	struct reader *r = ctx;
	const char *where;
	char *end;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), format, args);
	end = strchr(text, '\n');
	if (end != NULL)
		*end = '\0';
	where = strstr(text, "line: ");
	if (where != NULL && r->line == 0)
		r->line = (unsigned)strtoul(where + strlen("line: "), NULL, 10);
	if (strncmp(text, "Load: ", 6) == 0 && strstr(text, "Backtrace") == NULL)
		wrong(r, ERR_FORMAT, "%.200s", text + 6);
}

static void read_time(struct reader *r, const char *key, const char *text, int64_t *ret_ms)
{
	const char *span = text[0] == '-' ? text + 1 : text;

	if (duration_parse(span, ret_ms) != ERR_OK)
		wrong(r, ERR_FORMAT, "%s: not a time such as 250ms, 15s, 2m: %s", key, text);
	else if (*ret_ms > ANY_MS)
		wrong(r, ERR_RANGE, "%s: longer than a day: %s", key, text);
	else if (span != text)
		*ret_ms = -*ret_ms;
}

static uint64_t read_span(struct reader *r, const char *key, const char *text, uint64_t fallback)
{
	int64_t span_ms = (int64_t)fallback;

	if (text != NULL)
		read_time(r, key, text, &span_ms);
	if (span_ms < 0)
		wrong(r, ERR_RANGE, "%s: below 0: %s", key, text);
	return (uint64_t)span_ms;
}

static double read_share(struct reader *r, const char *key, double share)
{
	if (!(share >= 0 && share <= 1))
		wrong(r, ERR_RANGE, "%s: not a share from 0 to 1: %g", key, share);
	return share;
}

static uint32_t read_node(struct reader *r, const char *key, uint64_t node)
{
	if (node >= r->scenario->nodes)
		wrong(r, ERR_RANGE, "%s: there is no node %llu", key, (unsigned long long)node);
	return (uint32_t)MIN(node, UINT32_MAX);
}

/* "7", "3..12", "33%", "random", "down", "all". */
static void read_who(struct reader *r, const char *text, struct who *ret)
{
	const char *dots = strstr(text, "..");
	char *end;
	unsigned long first = strtoul(text, &end, 10);
	bool has_number = isdigit((unsigned char)text[0]);

	if (strcmp(text, "random") == 0) {
		ret->kind = WHO_RANDOM;
	} else if (strcmp(text, "down") == 0) {
		ret->kind = WHO_DOWN;
	} else if (strcmp(text, "all") == 0) {
		ret->last = r->scenario->nodes - 1;
	} else if (has_number && strcmp(end, "%") == 0) {
		ret->kind = WHO_SHARE;
		ret->share = read_share(r, "node", (double)first / 100);
	} else if (has_number && *end == '\0') {
		ret->first = ret->last = read_node(r, "node", first);
	} else if (has_number && end == dots && isdigit((unsigned char)dots[2])) {
		ret->first = read_node(r, "node", first);
		ret->last = read_node(r, "node", strtoul(dots + 2, &end, 10));
		if (*end != '\0' || ret->last < ret->first)
			wrong(r, ERR_FORMAT, "node: not a range such as 3..12: %s", text);
	} else {
		wrong(r, ERR_FORMAT, "node: none of 7, 3..12, 33%%, random, down, all: %s", text);
	}
}

static void check_words(struct reader *r, const struct verb *verb, unsigned has)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (verb->needs & words[i].bit & ~has)
			wrong(r, ERR_FORMAT, "%s: needs \"%s\"", verb->name, words[i].name);
		if (has & words[i].bit & ~(verb->needs | verb->takes))
			wrong(r, ERR_FORMAT, "%s: does not take \"%s\"", verb->name, words[i].name);
	}
}

static unsigned event_has(const struct raw_event *raw)
{
	return (raw->node != NULL ? TAKES_NODE : 0U) | (raw->liar != NULL ? TAKES_LIAR : 0U) |
	       (raw->share != NULL ? TAKES_SHARE : 0U) | (raw->by != NULL ? TAKES_BY : 0U) |
	       (raw->lasts != NULL ? TAKES_FOR : 0U) | (raw->first != NULL ? TAKES_FIRST : 0U) |
	       (raw->one_way != NULL ? TAKES_ONE_WAY : 0U) | (raw->disk != NULL ? TAKES_DISK : 0U) |
	       (raw->urgent != NULL ? TAKES_URGENT : 0U) | (raw->told != NULL ? TAKES_TOLD : 0U);
}

static void read_liar(struct reader *r, const char *text, char room[SCENARIO_LIAR_MAX])
{
	if (strlen(text) >= SCENARIO_LIAR_MAX)
		wrong(r, ERR_FORMAT, "liar: no such kind: %s", text);
	snprintf(room, SCENARIO_LIAR_MAX, "%s", text);
}

static void read_event(struct reader *r, const struct raw_event *raw, struct scenario_event *ret)
{
	ret->verb = raw->verb;
	check_words(r, &verbs[raw->verb], event_has(raw));
	ret->at_ms = read_span(r, "at", raw->at, 0);
	ret->for_ms = read_span(r, "for", raw->lasts, raw->verb == SCENARIO_ASK ? ASK_FOR_MS : 0);
	if (raw->node != NULL)
		read_who(r, raw->node, &ret->who);
	if (raw->liar != NULL)
		read_liar(r, raw->liar, ret->liar);
	if (raw->share != NULL)
		ret->share = read_share(r, "share", *raw->share);
	if (raw->by != NULL)
		read_time(r, "by", raw->by, &ret->by_ms);
	if (raw->first != NULL)
		ret->first = read_node(r, "first", *raw->first);
	if (raw->told != NULL)
		ret->told = read_node(r, "told", *raw->told);
	ret->is_one_way = raw->one_way != NULL && *raw->one_way == YES;
	ret->has_disk = raw->disk == NULL || *raw->disk == YES;
	ret->is_urgent = raw->urgent != NULL && *raw->urgent == YES;
}

static void read_expect(struct reader *r, const struct raw_expect *raw, struct scenario_expect *ret)
{
	unsigned has = (raw->share != NULL ? TAKES_SHARE : 0U) |
	               (raw->most != NULL ? TAKES_MOST : 0U) |
	               (raw->within != NULL ? TAKES_WITHIN : 0U);

	ret->kind = raw->kind;
	check_words(r, &kinds[raw->kind], has);
	ret->share = raw->share != NULL ? read_share(r, "share", *raw->share) : 1;
	if (raw->most != NULL)
		ret->most = *raw->most;
	if (!(ret->most >= 0))
		wrong(r, ERR_RANGE, "most: below 0: %g", ret->most);
	ret->within_ms = read_span(r, "within", raw->within, 0);
}

static void read_lists(struct reader *r, const struct raw *raw)
{
	struct scenario *s = r->scenario;
	unsigned cuts = 0;

	r->section = "events";
	for (r->item = 0; r->item < raw->events_count; r->item++) {
		struct scenario_event *event = &s->events[s->event_count++];

		read_event(r, &raw->events[r->item], event);
		cuts += event->verb == SCENARIO_CUT;
		if (cuts > SCENARIO_CUTS_MAX)
			wrong(r, ERR_LIMIT, "cut: more than %d", SCENARIO_CUTS_MAX);
		if (event->verb == SCENARIO_START && event->who.kind != WHO_RANGE)
			wrong(r, ERR_FORMAT, "start: node: neither one node nor a range: %s",
			      raw->events[r->item].node);
		if (r->item > 0 && event->at_ms < event[-1].at_ms)
			wrong(r, ERR_RANGE, "at: earlier than the event before it: %s",
			      raw->events[r->item].at);
		if (event->at_ms > s->until_ms && raw->until != NULL)
			wrong(r, ERR_RANGE, "at: later than \"until\": %s",
			      raw->events[r->item].at);
	}
	r->section = "expect";
	for (r->item = 0; r->item < raw->expect_count; r->item++)
		read_expect(r, &raw->expect[r->item], &s->expects[s->expect_count++]);
}

/* Sets where a complaint about the top key `key` belongs, and passes it on. */
static const char *top(struct reader *r, const char *key)
{
	r->section = key;
	r->item = UINT_MAX;
	return key;
}

static void read_raw(struct reader *r, const struct raw *raw)
{
	struct scenario *s = r->scenario;
	uint64_t end_ms = 0;

	snprintf(s->name, sizeof(s->name), "%s", raw->name);
	snprintf(s->shows, sizeof(s->shows), "%s", raw->shows);
	top(r, "nodes");
	if (raw->nodes < 1 || raw->nodes > SCENARIO_NODES_MAX)
		wrong(r, ERR_RANGE, "nodes: not from 1 to %u: %u", SCENARIO_NODES_MAX, raw->nodes);
	s->nodes = MAX(raw->nodes, 1);
	s->loss = read_share(r, top(r, "loss"), raw->loss);
	s->byzantine = read_share(r, top(r, "byzantine"), raw->byzantine);
	s->dead = read_share(r, top(r, "dead"), raw->dead);
	s->nat = read_share(r, top(r, "nat"), raw->nat);
	read_liar(r, raw->liar != NULL && top(r, "liar") ? raw->liar : "", s->liar);
	top(r, "start");
	s->is_warm = raw->start != NULL && strcmp(raw->start, "warm") == 0;
	if (raw->start != NULL && !s->is_warm && strcmp(raw->start, "cold") != 0)
		wrong(r, ERR_FORMAT, "start: neither cold nor warm: %s", raw->start);
	s->until_ms = read_span(r, top(r, "until"), raw->until, 0);
	read_lists(r, raw);
	for (size_t i = 0; i < s->event_count; i++)
		end_ms = MAX(end_ms, s->events[i].at_ms + s->events[i].for_ms);
	if (raw->until == NULL)
		s->until_ms = end_ms;
}

enum err scenario_read(const char *path, struct scenario *ret, char reterr[SCENARIO_REASON_MAX])
{
	struct scenario scenario = {.nodes = 0};
	struct reader r = {.path = path, .scenario = &scenario};
	const cyaml_config_t config = {
		.log_fn = keep_line,
		.log_ctx = &r,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
	};
	static const char unknown[] = "Unexpected key: ";
	struct raw *raw = NULL;
	cyaml_err_t yaml = cyaml_load_file(path, &config, &raw_schema, (cyaml_data_t **)&raw, NULL);

	if (yaml == CYAML_ERR_FILE_OPEN)
		wrong(&r, ERR_IO, "cannot open: %s", strerror(errno));
	else if (yaml != CYAML_OK)
		wrong(&r, ERR_FORMAT, "%s", cyaml_strerror(yaml));
	if (strncmp(r.reason, unknown, strlen(unknown)) == 0)
		r.line = line_of_key(path, r.line, r.reason + strlen(unknown));
	if (raw == NULL)
		wrong(&r, ERR_FORMAT, "empty");
	if (r.err == ERR_OK)
		read_raw(&r, raw);
	cyaml_free(&config, &raw_schema, raw, 0);
	if (r.err == ERR_OK)
		*ret = scenario;
	else
		snprintf(reterr, SCENARIO_REASON_MAX, "%.200s:%u: %s", path, MAX(r.line, 1),
		         r.reason);
	return r.err;
}

const char *scenario_verb_text(enum scenario_verb verb)
{
	return verbs[verb].name;
}

const char *expect_kind_text(enum expect_kind kind)
{
	return kinds[kind].name;
}
