#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *part(const json_t *row, const char *key)
{
	return json_object_get(row, key);
}

static void time_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%.32s", json_text(row, "time"));
}

static void process_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *p = part(row, "process");

	(void)now;
	if (!json_is_object(p))
		snprintf(room, PRINT_CELL_MAX, "-");
	else
		snprintf(room, PRINT_CELL_MAX, "%.15s[%lld]", json_text(p, "comm"),
		         (long long)json_count(p, "pid", 0));
}

static void user_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	long long uid = json_count(part(row, "user"), "uid", -1);
	long long login = json_count(part(row, "user"), "loginuid", -1);

	(void)now;
	if (uid < 0)
		snprintf(room, PRINT_CELL_MAX, "-");
	else if (login < 0 || login == uid)
		snprintf(room, PRINT_CELL_MAX, "%lld", uid);
	else
		snprintf(room, PRINT_CELL_MAX, "%lld (login %lld)", uid, login);
}

static void flow_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *f = part(row, "flow");

	(void)now;
	if (!json_is_object(f))
		snprintf(room, PRINT_CELL_MAX, "-");
	else
		snprintf(room, PRINT_CELL_MAX, "%.60s > %.60s", json_text(f, "src"),
		         json_text(f, "dst"));
}

/* The origin, else the last accept, which is what an origin would be made of. */
static void origin_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *origin = part(row, "origin"), *last = part(row, "last");
	const char *src = json_text(origin, "src");
	long long depth = json_count(origin, "depth", 0);

	(void)now;
	if (*src == '\0' && *json_text(last, "src") != '\0')
		snprintf(room, PRINT_CELL_MAX, "%.12s %.60s", json_text(last, "type"),
		         json_text(last, "src"));
	else if (*src == '\0')
		snprintf(room, PRINT_CELL_MAX, "%.12s", json_text(origin, "type"));
	else if (depth == 0)
		snprintf(room, PRINT_CELL_MAX, "%.12s %.60s", json_text(origin, "type"), src);
	else
		snprintf(room, PRINT_CELL_MAX, "%.12s %.60s, %lld self-hops from %.60s",
		         json_text(origin, "type"), src, depth,
		         json_text(part(row, "root"), "src"));
}

static void kind_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	if (strcmp(json_text(row, "kind"), "missed") == 0)
		snprintf(room, PRINT_CELL_MAX, "%lld missed",
		         (long long)json_count(row, "records", 0));
	else
		snprintf(room, PRINT_CELL_MAX, "%.12s", json_text(row, "kind"));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key     title        width  right  cell */
	{"time",    "TIME",        0, false, time_cell},
	{"kind",    "RECORD",      0, false, kind_cell},
	{"process", "PROCESS",     0, false, process_cell},
	{"user",    "USER",        0, false, user_cell},
	{"flow",    "CONNECTION",  0, false, flow_cell},
	{"origin",  "ORIGIN",      0, false, origin_cell},
};

static const struct print_column stream_columns[] = {
	{"time",    "TIME",       24, false, time_cell},
	{"kind",    "RECORD",      9, false, kind_cell},
	{"process", "PROCESS",    18, false, process_cell},
	{"user",    "USER",       12, false, user_cell},
	{"flow",    "CONNECTION", 44, false, flow_cell},
	{"origin",  "ORIGIN",     30, false, origin_cell},
};

static const struct print_column task_columns[] = {
	{"process", "PROCESS",     0, false, process_cell},
	{"user",    "USER",        0, false, user_cell},
	{"origin",  "ORIGIN",      0, false, origin_cell},
};
/* clang-format on */

static void on_row(void *ctx, json_t *row)
{
	print_list_row(ctx, row);
	fflush(stdout);
}

static int list(const struct call *call, const struct ctl_request *request,
                const struct print_column *shown, size_t count, const char *empty)
{
	struct print_list l = {
		.key = "origins",
		.empty = empty,
		.columns = shown,
		.column_count = count,
		.form = call->form,
		.now = call->now,
		.out = stdout,
	};
	struct client_listener listener = {.row = on_row, .ctx = &l};
	int code = client_query(call->globals->socket, request, &listener);

	print_list_end(&l, code, NULL);
	return code;
}

/* A number is a process; all else has to be an address and a port. */
static int run_one(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_ORIGIN);
	const char *text = call->operands[0];
	char *end;

	errno = 0;
	request.pid = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
		request.pid = 0;
		if (endpoint_parse(text, &request.target) != ERR_OK || request.target.port == 0)
			return print_failure(CTL_USAGE, "\"%s\" is no PID and no ADDR:PORT", text);
	} else if (request.pid == 0 || request.pid > INT32_MAX) {
		return print_failure(CTL_USAGE, "\"%s\" is no PID", text);
	}
	return list(call, &request, columns, ARRAY_LEN(columns), NULL);
}

static int run_list(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_ORIGIN_LIST);

	return list(call, &request, task_columns, ARRAY_LEN(task_columns),
	            "no process of remote origin");
}

static int run_watch(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_ORIGIN_WATCH);

	return list(call, &request, stream_columns, ARRAY_LEN(stream_columns), "nothing came");
}

static void on_status(void *ctx, json_t *row)
{
	const struct call *call = ctx;

	if (call->form == PRINT_PEOPLE)
		print_sections(row, stdout);
	else
		print_object(row, stdout);
}

static int run_status(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_ORIGIN_STATUS);
	struct call copy = *call;
	struct client_listener listener = {.row = on_status, .ctx = &copy};

	return client_query(call->globals->socket, &request, &listener);
}

const struct command cmd_origin = {
	.name = "origin",
	.operands = "PID|ADDR:PORT",
	.summary = "where a process of this host came from, or who talked to ADDR:PORT",
	.operands_min = 1,
	.operands_max = 1,
	.is_list = true,
	.run = run_one,
};

const struct command cmd_origin_list = {
	.name = "origin",
	.verb = "list",
	.summary = "all processes of this host that came from elsewhere",
	.is_list = true,
	.run = run_list,
};

const struct command cmd_origin_watch = {
	.name = "origin",
	.verb = "watch",
	.summary = "this host's records, as they come",
	.is_list = true,
	.run = run_watch,
};

const struct command cmd_origin_status = {
	.name = "origin",
	.verb = "status",
	.summary = "the provider's health and losses; at a gateway's node, of each host",
	.is_list = true,
	.run = run_status,
};
