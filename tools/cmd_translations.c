#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <stdio.h>
#include <string.h>

#define NO_TIME INT64_MIN
#define DAY_LEN 10 /* of "2026-11-22" */
#define TIME_LEN 23

struct translations_options {
	struct endpoint peer;
	int64_t at_ms, since_ms, until_ms;
	uint64_t proto, limit;
	bool is_csv;
};

static const struct translations_options defaults = {
	.at_ms = NO_TIME, .since_ms = NO_TIME, .until_ms = INT64_MAX};

#define MEMBER(m) .offset = offsetof(struct translations_options, m)

/* clang-format off */
static const struct option_row options[] = {
	{"at", 0, "TIME",    "those that held at TIME", OPTION_TIME, MEMBER(at_ms)},
	{"since", 0, "TIME", "... or at some time since", OPTION_TIME, MEMBER(since_ms)},
	{"until", 0, "TIME", "... and until", OPTION_TIME, MEMBER(until_ms)},
	{"peer", 0, "ADDR[:PORT]", "those for ADDR, or for anybody", OPTION_ENDPOINT, MEMBER(peer)},
	{"proto", 0, "P",    "tcp, udp, ... or a number", OPTION_PROTO, MEMBER(proto)},
	{"limit", 'n', "N",  "the N that began last", OPTION_NUMBER, MEMBER(limit)},
	{"csv", 0, NULL,     "comma-separated values", OPTION_FLAG, MEMBER(is_csv)},
};
/* clang-format on */

static const char *const csv_keys[] = {
	"inside",
	"inside_port",
	"outside",
	"outside_port",
	"outside_port_first",
	"outside_port_last",
	"proto",
	"peer",
	"peer_port",
	"exporter",
	"start",
	"end",
	"last_seen",
	"told_by",
	"is_start_told",
	"is_end_told",
};

/* "2026-11-22 01:05:31.943" of a time as JSON has it. */
static void put_time(const char *text, char room[PRINT_CELL_MAX])
{
	snprintf(room, PRINT_CELL_MAX, "%.*s", TIME_LEN, text);
	if (strlen(room) > DAY_LEN)
		room[DAY_LEN] = ' ';
}

static void from_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_time(json_text(row, "start"), room);
}

/* Of the same day its time alone. */
static void to_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const char *start = json_text(row, "start"), *end = json_text(row, "end");
	bool is_same_day = strlen(end) > DAY_LEN && strncmp(start, end, DAY_LEN) == 0;
	char whole[PRINT_CELL_MAX];

	(void)now;
	put_time(end, whole);
	snprintf(room, PRINT_CELL_MAX, "%s",
	         *end == '\0'  ? "open"
	         : is_same_day ? whole + DAY_LEN + 1
	                       : whole);
}

static void proto_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	uint64_t number = (uint64_t)json_count(row, "proto", 0);
	char text[TEXT_WORD_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s", number == 0 ? "any" : text_proto(number, text));
}

/* An address, and `port` behind it; "" none. */
static void put_end(const json_t *row, const char *key, const char *port, char *room)
{
	const char *text = json_text(row, key);
	bool is_v6 = strchr(text, ':') != NULL && *port != '\0';

	snprintf(room, PRINT_CELL_MAX, "%s%.60s%s%s%s", is_v6 ? "[" : "", text, is_v6 ? "]" : "",
	         *port == '\0' ? "" : ":", port);
}

/* A port of 0 is none: ICMP has none, and the peer's may not have been told. */
static void put_port_end(const json_t *row, const char *key, const char *port_key, char *room)
{
	int64_t port = json_count(row, port_key, 0);
	char text[24] = "";

	if (port != 0)
		snprintf(text, sizeof(text), "%lld", (long long)port);
	put_end(row, key, text, room);
}

static void inside_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_port_end(row, "inside", "inside_port", room);
}

static void outside_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t first = json_count(row, "outside_port_first", 0);
	int64_t last = json_count(row, "outside_port_last", 0);
	bool is_whole = first == 0 && last == UINT16_MAX;
	char ports[48];

	(void)now;
	if (strcmp(json_text(row, "told_by"), "block") != 0) {
		put_port_end(row, "outside", "outside_port", room);
		return;
	}
	snprintf(ports, sizeof(ports), "%lld-%lld", (long long)first, (long long)last);
	put_end(row, "outside", is_whole ? "" : ports, room);
}

static void peer_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	if (*json_text(row, "peer") == '\0')
		snprintf(room, PRINT_CELL_MAX, "any");
	else
		put_port_end(row, "peer", "peer_port", room);
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key        title      width  right  cell */
	{"start",     "FROM",        0, false, from_cell},
	{"end",       "TO",          0, false, to_cell},
	{"proto",     "PROTO",       0, false, proto_cell},
	{"inside",    "INSIDE",      0, false, inside_cell},
	{"outside",   "OUTSIDE",     0, false, outside_cell},
	{"peer",      "PEER",        0, false, peer_cell},
	{"told_by",   "TOLD BY",     0, false, NULL},
	{"exporter",  "EXPORTER",    0, false, NULL},
};
/* clang-format on */

struct listing {
	struct print_list list;
	json_t *totals; /* what the node said at the end */
};

static void on_row(void *ctx, json_t *row)
{
	struct listing *l = ctx;

	print_list_row(&l->list, row);
}

static void on_packed(void *ctx, struct unpack row)
{
	struct listing *l = ctx;

	print_list_packed(&l->list, row);
}

static void on_end(void *ctx, const struct client_end *end)
{
	struct listing *l = ctx;

	l->totals = json_incref(end->totals);
}

/* Where nothing held then: whether asking without a time would find something. */
static void put_hint(const struct listing *l)
{
	int64_t others = json_count(l->totals, "at_other_times", 0);

	if (l->list.rows == 0 && l->list.form == PRINT_PEOPLE && others > 0)
		fprintf(stderr, "  %lld %s at other times: ask without --at, --since, --until\n",
		        (long long)others, others == 1 ? "mapping held" : "mappings held");
}

/* Why it is not all: on standard error, for whichever form the rows have. */
static void put_reservations(const struct listing *l)
{
	int64_t matching = json_count(l->totals, "matching", 0);
	const json_t *end = json_object_get(l->totals, "evicted_end");
	bool is_lacking = json_is_true(json_object_get(l->totals, "is_lacking"));
	bool is_partial = json_is_true(json_object_get(l->totals, "is_partial"));

	if (is_lacking)
		print_failure(CTL_PARTIAL,
		              "the table was full: mappings of %s to %s made way for others, and "
		              "may be missing here",
		              json_text(l->totals, "evicted_start"),
		              json_is_null(end) ? "an end not known"
		                                : json_text(l->totals, "evicted_end"));
	if (is_partial && l->list.rows < (uint64_t)matching && !is_lacking)
		print_failure(CTL_PARTIAL, "interrupted: %llu of %lld mappings",
		              (unsigned long long)l->list.rows, (long long)matching);
}

static int ask(const struct call *call, const struct ctl_request *request)
{
	const struct translations_options *o = call->options;
	struct listing l = {.list = {
				    .key = "translations",
				    .empty = "no such translation",
				    .columns = columns,
				    .column_count = ARRAY_LEN(columns),
				    .csv_keys = csv_keys,
				    .csv_count = ARRAY_LEN(csv_keys),
				    .form = o->is_csv ? PRINT_CSV : call->form,
				    .now = call->now,
				    .out = stdout,
			    }};
	struct client_listener listener = {
		.row = on_row, .end = on_end, .is_stoppable = true, .ctx = &l};
	int code;

	if (l.list.form != PRINT_PEOPLE)
		listener.packed = on_packed;
	code = client_query(call->globals->socket, request, &listener);
	print_list_end(&l.list, code, l.totals);
	put_hint(&l);
	put_reservations(&l);
	json_decref(l.totals);
	return code;
}

/* Options that do not go together. */
static const char *contradiction(const struct call *call)
{
	const struct translations_options *o = call->options;

	if (o->at_ms != NO_TIME && (o->since_ms != NO_TIME || o->until_ms != INT64_MAX))
		return "--at goes with neither --since nor --until";
	if (o->since_ms > o->until_ms)
		return "--since is later than --until";
	if (o->is_csv && call->form != PRINT_PEOPLE)
		return "one of --csv, --json and --ndjson";
	return NULL;
}

static int run(const struct call *call)
{
	const struct translations_options *o = call->options;
	struct ctl_request request = ctl_request_of(CTL_TRANSLATIONS);
	const char *wrong = contradiction(call);

	if (call->operand_count > 0 &&
	    (endpoint_parse(call->operands[0], &request.target) != ERR_OK ||
	     !addr_is_unicast(&request.target.addr)))
		return print_failure(CTL_USAGE, "\"%s\" is no ADDR or ADDR:PORT",
		                     call->operands[0]);
	if (wrong != NULL)
		return print_failure(CTL_USAGE, "%s", wrong);
	request.peer = o->peer;
	request.since_ms = o->at_ms != NO_TIME ? o->at_ms : o->since_ms;
	request.until_ms = o->at_ms != NO_TIME ? o->at_ms : o->until_ms;
	request.proto = o->proto;
	request.limit = o->limit;
	return ask(call, &request);
}

const struct command cmd_translations = {
	.name = "translations",
	.operands = "[ADDR[:PORT]]",
	.summary = "who was behind an outside address, and when",
	.notes =
		"ADDR is inside or outside; without it all that the node knows, the latest first.\n"
		"TOLD BY an event of the exporter, a flow that has both ends (then it held at\n"
		"least so long), or the block of ports that was given to the inside.\n"
		"TIME: 2026-11-22T01:05:31Z, -15m, now.\n",
	.operands_max = 1,
	.is_list = true,
	COMMAND_OPTIONS(options, defaults),
	.run = run,
};
