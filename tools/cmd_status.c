#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"
#include "tools/metrics.h"

#include <stdio.h>

struct status_options {
	bool is_exporters, is_metrics;
};

static const struct status_options defaults = {.is_exporters = false};

#define MEMBER(m) .offset = offsetof(struct status_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"exporters", 0, NULL, "a table of the exporters: what is lost, and their clocks", OPTION_FLAG,
		MEMBER(is_exporters)},
	{"metrics", 0, NULL, "every number, as Prometheus reads it", OPTION_FLAG, MEMBER(is_metrics)},
};
/* clang-format on */

static void offset_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *model = json_object_get(row, "clock");

	(void)now;
	if (json_is_object(model))
		snprintf(room, PRINT_CELL_MAX, "%+lld +- %lld ms",
		         (long long)json_count(model, "offset_ms", 0),
		         (long long)json_count(model, "bound_ms", 0));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void lag_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	if (json_is_integer(json_object_get(row, "lag_ms")))
		snprintf(room, PRINT_CELL_MAX, "%lld ms", (long long)json_count(row, "lag_ms", 0));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void drift_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *model = json_object_get(row, "clock");

	(void)now;
	if (json_is_object(model))
		snprintf(room, PRINT_CELL_MAX, "%lld ppm",
		         (long long)json_count(model, "drift_ppm", 0));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

static void seen_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t ms = json_time(row, "last_seen");

	snprintf(room, PRINT_CELL_MAX, "%lld s ago",
	         (long long)(ms == INT64_MIN ? 0 : MAX(now.ms - ms, 0) / 1000));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key          title         width  right  cell */
	{"exporter",    "EXPORTER",       0, false, NULL},
	{"version",     "VERSION",        0, true,  NULL},
	{"domain",      "DOMAIN",         0, true,  NULL},
	{"datagrams",   "DATAGRAMS",      0, true,  NULL},
	{"flows",       "FLOWS",          0, true,  NULL},
	{"lost",        "LOST",           0, true,  NULL},
	{"lost_flows",  "LOST FLOWS",     0, true,  NULL},
	{"late",        "LATE",           0, true,  NULL},
	{"duplicates",  "TWICE",          0, true,  NULL},
	{"restarts",    "RESTARTS",       0, true,  NULL},
	{"templates",   "TEMPLATES",      0, true,  NULL},
	{"pending",     "WAITING",        0, true,  NULL},
	{"untold",      "UNTOLD",         0, true,  NULL},
	{"clock",       "CLOCK IS OFF",   0, true,  offset_cell},
	{"clock",       "DRIFT",          0, true,  drift_cell},
	{"lag_ms",      "FLOWS COME AFTER", 0, true, lag_cell},
	{"ahead",       "AHEAD",          0, true,  NULL},
	{"last_seen",   "LAST SEEN",      0, true,  seen_cell},
};
/* clang-format on */

static void put_exporters(const struct call *call, const json_t *row)
{
	struct print_list list = {
		.key = "exporters",
		.empty = "no exporter has sent anything yet",
		.columns = columns,
		.column_count = ARRAY_LEN(columns),
		.form = call->form,
		.now = call->now,
		.out = stdout,
	};
	const json_t *streams = json_object_get(json_object_get(row, "exports"), "streams");
	const json_t *stream;
	size_t i;

	json_array_foreach(streams, i, stream) print_list_row(&list, stream);
	print_list_end(&list, CTL_FOUND, NULL);
}

static void on_row(void *ctx, json_t *row)
{
	const struct call *call = ctx;
	const struct status_options *o = call->options;

	if (o->is_metrics)
		metrics_put("spoor", row, stdout);
	else if (o->is_exporters)
		put_exporters(call, row);
	else if (call->form == PRINT_JSON)
		print_object(row, stdout);
	else
		print_sections(row, stdout);
}

static int run(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_STATUS);
	const struct status_options *o = call->options;
	struct call copy = *call;
	struct client_listener listener = {.row = on_row, .ctx = &copy};

	if (o->is_metrics && (o->is_exporters || call->form != PRINT_PEOPLE))
		return print_failure(CTL_USAGE,
		                     "--metrics has a form of its own: no --exporters, no --json");
	return client_query(call->globals->socket, &request, &listener);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "what the node is, holds and counts",
	COMMAND_OPTIONS(rows, defaults),
	.run = run,
};
