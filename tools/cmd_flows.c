#include "base/timestamp.h"
#include "base/util.h"
#include "proto/flow/filter.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <stdio.h>
#include <string.h>

struct flows_options {
	int64_t since_ms, until_ms;
	uint64_t limit;
};

static const struct flows_options defaults = {.since_ms = INT64_MIN, .until_ms = INT64_MAX};

#define MEMBER(m) .offset = offsetof(struct flows_options, m)

static const struct option_row options[] = {
	{"since", 0, "TIME", "flows that end at TIME or later", OPTION_TIME, MEMBER(since_ms)},
	{"until", 0, "TIME", "flows that start at TIME or earlier", OPTION_TIME, MEMBER(until_ms)},
	{"limit", 'n', "N", "at most N flows", OPTION_NUMBER, MEMBER(limit)},
};

static void start_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char *t;

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%.23s", json_text(row, "start"));
	t = strchr(room, 'T');
	if (t != NULL)
		*t = ' ';
}

static void duration_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t start = json_time(row, "start"), end = json_time(row, "end");
	char text[DURATION_TEXT_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         start == INT64_MIN || end < start ? "-" : duration_print(end - start, text));
}

static void proto_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char text[TEXT_WORD_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         text_proto((uint64_t)json_count(row, "proto", 0), text));
}

static void put_end(const json_t *row, const char *addr, const char *port, char *room)
{
	const char *text = json_text(row, addr);
	bool is_v6 = strchr(text, ':') != NULL;

	snprintf(room, PRINT_CELL_MAX, "%s%.60s%s:%lld", is_v6 ? "[" : "", text, is_v6 ? "]" : "",
	         (long long)json_count(row, port, 0));
}

static void src_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_end(row, "src", "src_port", room);
}

static void dst_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	put_end(row, "dst", "dst_port", room);
}

static void flags_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char text[TEXT_WORD_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         text_flags((uint64_t)json_count(row, "tcp_flags", 0), text));
}

static void if_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%lld>%lld", (long long)json_count(row, "in_if", 0),
	         (long long)json_count(row, "out_if", 0));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key         title       width  right  cell */
	{"start",      "START",       23, false, start_cell},
	{"end",        "DURATION",     8, true,  duration_cell},
	{"proto",      "PROTO",        5, false, proto_cell},
	{"src",        "SOURCE",      21, false, src_cell},
	{"dst",        "DESTINATION", 21, false, dst_cell},
	{"packets",    "PACKETS",      8, true,  NULL},
	{"bytes",      "BYTES",       10, true,  NULL},
	{"tcp_flags",  "FLAGS",        8, false, flags_cell},
	{"exporter",   "EXPORTER",    15, false, NULL},
	{"in_if",      "IF",           5, false, if_cell},
};
/* clang-format on */

static int join(const struct call *call, char *room, size_t len)
{
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = 0; i < call->operand_count; i++) {
		int n = snprintf(room + used, len - used, "%s%s", i == 0 ? "" : " ",
		                 call->operands[i]);

		used += (size_t)MAX(n, 0);
		if (used >= len)
			return print_failure(CTL_USAGE, "the filter is longer than %zu octets",
			                     len - 1);
	}
	return CTL_FOUND;
}

/* Says what is wrong, and under the filter's text where: filter_parse() ends with "column N". */
static int refuse(const char *filter, const char *reason)
{
	const char *column = strstr(reason, "column ");
	unsigned at = 0;

	print_failure(CTL_USAGE, "%s", reason);
	if (column != NULL && sscanf(column, "column %u", &at) == 1 && at > 0)
		fprintf(stderr, "  %s\n  %*s^\n", filter, (int)at - 1, "");
	return CTL_USAGE;
}

static void on_row(void *ctx, json_t *row)
{
	struct print_list *list = ctx;

	print_list_row(list, row);
}

static int ask(const struct call *call, const struct ctl_request *request)
{
	struct print_list list = {
		.key = "flows",
		.empty = "nothing found",
		.columns = columns,
		.column_count = ARRAY_LEN(columns),
		.form = call->form,
		.now = call->now,
		.out = stdout,
	};
	struct client_listener listener = {.row = on_row, .ctx = &list};
	int code = client_query(call->globals->socket, request, &listener);

	print_list_end(&list, code);
	return code;
}

static int run(const struct call *call)
{
	const struct flows_options *o = call->options;
	struct ctl_request request = ctl_request_of(CTL_FLOWS);
	char reason[FILTER_REASON_MAX];
	struct filter filter;
	int code = join(call, request.filter, sizeof(request.filter));

	if (code != CTL_FOUND)
		return code;
	if (filter_parse(request.filter, &filter, reason) != ERR_OK)
		return refuse(request.filter, reason);
	if (o->since_ms > o->until_ms)
		return print_failure(CTL_USAGE, "--since is later than --until");
	request.since_ms = o->since_ms;
	request.until_ms = o->until_ms;
	request.limit = o->limit;
	return ask(call, &request);
}

const struct command cmd_flows = {
	.name = "flows",
	.operands = "[FILTER...]",
	.summary = "flows the node holds",
	.notes =
		"FILTER in nfdump's manner, for example: src ip 10.0.0.1 and dst port 22\n"
		"  [src|dst] ip|host ADDR      [src|dst] net ADDR/BITS   [src|dst] port [<|>|=] N\n"
		"  proto NAME|N                [in|out] if N             exporter ADDR\n"
		"  bytes|packets [<|>|=] N     flags LETTERS             ipv4  ipv6  any\n"
		"  not X   X and Y   X or Y   (X)\n",
	.operands_max = SIZE_MAX,
	.is_list = true,
	.options = options,
	.option_count = ARRAY_LEN(options),
	.defaults = &defaults,
	.defaults_size = sizeof(defaults),
	.run = run,
};
