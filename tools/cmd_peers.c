#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void expires_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t ms = json_time(row, "expires");

	if (ms == INT64_MIN)
		snprintf(room, PRINT_CELL_MAX, "-");
	else
		snprintf(room, PRINT_CELL_MAX, "%.10s%s", json_text(row, "expires"),
		         ms < now.ms ? " (over)" : "");
}

static void seen_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	static const struct {
		int64_t below_ms, unit_ms;
		const char *name;
	} units[] = {
		{120000, 1000, "s"},
		{7200000, 60000, "min"},
		{172800000, 3600000, "h"},
		{INT64_MAX, 86400000, "d"},
	};
	int64_t ms = json_time(row, "last_seen");
	int64_t ago_ms = ms == INT64_MIN ? 0 : MAX(now.ms - ms, 0);

	if (ms == INT64_MIN) {
		snprintf(room, PRINT_CELL_MAX, "never");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (ago_ms < units[i].below_ms) {
			snprintf(room, PRINT_CELL_MAX, "%lld %s ago",
			         (long long)(ago_ms / units[i].unit_ms), units[i].name);
			return;
		}
	}
}

static void rtt_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const json_t *rtt = json_object_get(row, "rtt_ms");

	(void)now;
	if (json_is_number(rtt) && json_number_value(rtt) < 1)
		snprintf(room, PRINT_CELL_MAX, "< 1 ms");
	else if (json_is_number(rtt))
		snprintf(room, PRINT_CELL_MAX, "%.4g ms", json_number_value(rtt));
	else
		snprintf(room, PRINT_CELL_MAX, "-");
}

/* In brackets: what its record says; it has not answered there yet. */
static void address_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	const char *address = json_text(row, "address");
	bool is_verified = json_is_true(json_object_get(row, "is_verified"));

	(void)now;
	if (*address == '\0')
		snprintf(room, PRINT_CELL_MAX, "-");
	else
		snprintf(room, PRINT_CELL_MAX, is_verified ? "%.60s" : "(%.60s)", address);
}

static void distance_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t distance = json_count(row, "distance", -1);

	(void)now;
	if (distance < 0)
		snprintf(room, PRINT_CELL_MAX, "-");
	else
		snprintf(room, PRINT_CELL_MAX, "2^%lld", (long long)distance);
}

static void state_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	bool is_in_table = json_is_true(json_object_get(row, "in_table"));

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%.20s%s", json_text(row, "state"),
	         is_in_table ? ", in table" : "");
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key         title           width  right  cell */
	{"name",       "NAME",             0, false, NULL},
	{"org",        "ORGANISATION",     0, false, NULL},
	{"address",    "ADDRESS",          0, false, address_cell},
	{"distance",   "DISTANCE",         0, true,  distance_cell},
	{"state",      "STATE",            0, false, state_cell},
	{"expires",    "EXPIRES",          0, false, expires_cell},
	{"last_seen",  "LAST SEEN",        0, true,  seen_cell},
	{"rtt_ms",     "ROUND TRIP",       0, true,  rtt_cell},
	{"last_answer", "LAST ANSWER",     0, false, NULL},
};
/* clang-format on */

struct peers {
	struct print_list list;
	json_t *rows; /* for people, who read them by name */
};

static void on_row(void *ctx, json_t *row)
{
	struct peers *p = ctx;

	if (p->list.form == PRINT_PEOPLE)
		json_array_append(p->rows, row);
	else
		print_list_row(&p->list, row);
}

static int by_name(const void *a, const void *b)
{
	const json_t *const *left = a, *const *right = b;
	int order = strcasecmp(json_text(*left, "name"), json_text(*right, "name"));

	return order != 0 ? order : strcmp(json_text(*left, "id"), json_text(*right, "id"));
}

static void put_sorted(struct peers *p)
{
	size_t count = json_array_size(p->rows), i;
	json_t **sorted = calloc(count + 1, sizeof(*sorted)), *row;

	CHECK(sorted != NULL);
	json_array_foreach(p->rows, i, row) sorted[i] = row;
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (i = 0; i < count; i++)
		print_list_row(&p->list, sorted[i]);
	free(sorted);
}

static int run(const struct call *call)
{
	struct peers peers = {
		.list =
			{
				.key = "peers",
				.empty = "no members known yet",
				.columns = columns,
				.column_count = ARRAY_LEN(columns),
				.form = call->form,
				.now = call->now,
				.out = stdout,
			},
		.rows = json_array(),
	};
	struct ctl_request request = ctl_request_of(CTL_PEERS);
	struct client_listener listener = {.row = on_row, .ctx = &peers};
	int code = client_query(call->globals->socket, &request, &listener);

	put_sorted(&peers);
	print_list_end(&peers.list, code, NULL);
	json_decref(peers.rows);
	return code;
}

static void keep_row(void *ctx, json_t *row)
{
	json_array_append(ctx, row);
}

static int ask_for(const struct call *call, const char *node, struct ctl_request *request,
                   struct client_listener *listener)
{
	strcpy(request->node, node);
	return client_query(call->globals->socket, request, listener);
}

/* As in the list, where 255 is seen to be no sentinel, and a short round trip to be no 0. */
static void put_readable(const struct call *call, json_t *row)
{
	char room[PRINT_CELL_MAX];

	distance_cell(row, call->now, room);
	json_object_set_new(row, "distance", json_string(room));
	rtt_cell(row, call->now, room);
	json_object_set_new(row, "rtt_ms", json_string(room));
	print_sections(row, stdout);
}

/* A name may be of several; an id never is. */
static int show(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_PEERS);
	json_t *rows = json_array();
	struct client_listener listener = {.row = keep_row, .ctx = rows};
	const char *node = call->operands[0];
	int code = CTL_USAGE;

	if (*node == '\0' || strlen(node) >= sizeof(request.node))
		print_failure(code, "NODE is a name, an id, or the beginning of one");
	else
		code = ask_for(call, node, &request, &listener);
	if (json_array_size(rows) > 1)
		code = print_failure(CTL_USAGE,
		                     "%zu members are called so: say an id, as peers "
		                     "--json has it",
		                     json_array_size(rows));
	else if (json_array_size(rows) == 1 && call->form == PRINT_JSON)
		print_object(json_array_get(rows, 0), stdout);
	else if (json_array_size(rows) == 1)
		put_readable(call, json_array_get(rows, 0));
	json_decref(rows);
	return code;
}

const struct command cmd_peers_show = {
	.name = "peers",
	.verb = "show",
	.operands = "NODE",
	.summary = "all that the node knows of one member",
	.notes = "NODE is a name, an id, or at least four digits that an id begins with.\n",
	.operands_min = 1,
	.operands_max = 1,
	.run = show,
};

const struct command cmd_peers = {
	.name = "peers",
	.summary = "the members the node knows",
	.is_list = true,
	.run = run,
};
