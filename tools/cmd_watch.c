#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"
#include "tools/target.h"
#include "tools/watched.h"

#include <stdio.h>
#include <string.h>

struct watch_options {
	struct target_options target;
	int64_t for_ms, every_ms;
	const char *stop;
	bool lists, follows;
};

static const struct watch_options defaults = {.target = TARGET_DEFAULTS};

#define MEMBER(m) .offset = offsetof(struct watch_options, m)

/* clang-format off */
static const struct option_row options[] = {
	{"for", 0, "SPAN",   "how long it stands (7d; at most 30d)", OPTION_SPAN, MEMBER(for_ms)},
	{"every", 0, "SPAN", "ask at least so often (1h)", OPTION_SPAN, MEMBER(every_ms)},
	{"follow", 'f', NULL, "stay, and print what is found", OPTION_FLAG, MEMBER(follows)},
	{"list", 'l', NULL,  "print all watches, and what they have found", OPTION_FLAG, MEMBER(lists)},
	{"stop", 0, "ID",    "end a watch", OPTION_TEXT, MEMBER(stop)},
	TARGET_ROWS(watch_options),
};
/* clang-format on */

struct watching {
	const struct call *call;
	struct text_style style;
	char id[sizeof(((struct ctl_request *)0)->id)]; /* of the watch that was begun */
};

static void on_watch(void *ctx, json_t *row)
{
	struct watching *w = ctx;

	snprintf(w->id, sizeof(w->id), "%s", json_text(row, "id"));
	if (w->call->form == PRINT_PEOPLE)
		watched_print(row, w->style, stdout);
	else
		print_object(row, stdout);
	fflush(stdout);
}

static void on_news(void *ctx, json_t *row)
{
	struct watching *w = ctx;

	if (w->call->form == PRINT_PEOPLE)
		watched_print_news(row, w->style, stdout);
	else
		print_object(row, stdout);
	fflush(stdout); /* it may be long until the next one */
}

static int query(struct watching *w, const struct ctl_request *request,
                 void (*row)(void *ctx, json_t *row))
{
	struct client_listener listener = {
		.row = row, .is_stoppable = request->command == CTL_WATCH_TELL, .ctx = w};

	return client_query(w->call->globals->socket, request, &listener);
}

/* `id` "": all. */
static int listen_to(struct watching *w, const char *id)
{
	struct ctl_request request = ctl_request_of(CTL_WATCH_TELL);

	snprintf(request.id, sizeof(request.id), "%s", id);
	return query(w, &request, on_news);
}

static int begin(struct watching *w)
{
	const struct watch_options *o = w->call->options;
	struct ctl_request request = ctl_request_of(CTL_WATCH);
	int code = target_request(w->call->operands[0], &o->target, &request);

	if (code != CTL_FOUND)
		return code;
	request.for_ms = o->for_ms;
	request.every_ms = o->every_ms;
	code = query(w, &request, on_watch);
	return code == CTL_FOUND && o->follows ? listen_to(w, w->id) : code;
}

static int stop(struct watching *w, const char *id)
{
	struct ctl_request request = ctl_request_of(CTL_WATCH_STOP);

	if (strlen(id) >= sizeof(request.id))
		return print_failure(CTL_USAGE, "\"%.40s\" is no ID", id);
	strcpy(request.id, id);
	return query(w, &request, on_watch);
}

struct listing {
	struct print_list list;
	struct text_style style;
};

static void on_listed(void *ctx, json_t *row)
{
	struct listing *l = ctx;

	if (l->list.form != PRINT_PEOPLE) {
		print_list_row(&l->list, row);
		return;
	}
	if (l->list.rows++ > 0)
		putchar('\n');
	watched_print(row, l->style, stdout);
}

static int list(const struct call *call, struct text_style style)
{
	struct ctl_request request = ctl_request_of(CTL_WATCH_LIST);
	struct listing l = {
		.list = {.key = "watches", .form = call->form, .now = call->now, .out = stdout},
		.style = style,
	};
	struct client_listener listener = {.row = on_listed, .ctx = &l};
	int code = client_query(call->globals->socket, &request, &listener);

	if (call->form != PRINT_PEOPLE) /* who have it in no table */
		print_list_end(&l.list, code, NULL);
	else if (code == CTL_NOTHING)
		print_failure(code, "nothing is watched");
	return code;
}

/* What was said makes no sense together; CTL_FOUND: it does. */
static int check(const struct call *call)
{
	const struct watch_options *o = call->options;
	bool has_target = call->operand_count > 0;

	if (has_target + o->lists + (o->stop != NULL) > 1)
		return print_failure(CTL_USAGE,
		                     "ADDR, --list and --stop are three different things");
	if (o->follows && (o->lists || o->stop != NULL))
		return print_failure(CTL_USAGE, "--follow goes with neither --list nor --stop");
	if (!has_target && (o->for_ms != 0 || o->every_ms != 0 ||
	                    memcmp(&o->target, &defaults.target, sizeof(o->target)) != 0))
		return print_failure(CTL_USAGE, "ADDR is missing; see spoor watch --help");
	return CTL_FOUND;
}

static int run(const struct call *call)
{
	const struct watch_options *o = call->options;
	struct watching w = {.call = call, .style = text_style_of(stdout)};
	int code = check(call);

	if (code != CTL_FOUND)
		return code;
	if (o->lists)
		return list(call, w.style);
	if (o->stop != NULL)
		return stop(&w, o->stop);
	return call->operand_count > 0 ? begin(&w) : listen_to(&w, "");
}

const struct command cmd_watch = {
	.name = "watch",
	.operands = "[ADDR[:PORT]]",
	.summary = "tell when the rhythm of a connection to ADDR shows up later",
	.notes = "With ADDR a watch begins, and the node goes on with it alone. Without, what all\n"
		 "watches find is printed as it comes. TIME: 2026-11-22T01:05:31Z, -15m, now.\n",
	.is_list = true,
	.operands_max = 1,
	COMMAND_OPTIONS(options, defaults),
	.run = run,
};
