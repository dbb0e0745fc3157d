#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"
#include "tools/names.h"
#include "tools/news.h"
#include "tools/report.h"
#include "tools/target.h"

#include <stdio.h>
#include <string.h>

#define EVERY_MS 20000 /* half of what members search for one who asks */

struct trace_options {
	struct target_options target;
	int64_t every_ms, for_ms;
	const char *names;
	bool explains, follows;
};

static const struct trace_options defaults = {.target = TARGET_DEFAULTS};

#define MEMBER(m) .offset = offsetof(struct trace_options, m)

/* clang-format off */
static const struct option_row options[] = {
	TARGET_ROWS(trace_options),
	{"names", 0, "FILE",       "names of hosts, as in hosts(5)", OPTION_TEXT, MEMBER(names)},
	{"follow", 'f', NULL,      "ask again as the connection goes on, until it has ended",
		OPTION_FLAG, MEMBER(follows)},
	{"every", 0, "SPAN",       "... this often at most (20s)", OPTION_SPAN, MEMBER(every_ms)},
	{"for", 0, "SPAN",         "... for so long at most", OPTION_SPAN, MEMBER(for_ms)},
	{"explain", 0, NULL,       "every candidate and its numbers", OPTION_FLAG, MEMBER(explains)},
};
/* clang-format on */

struct trace {
	const struct call *call;
	const struct names *names;
	struct text_style progress_style;
	bool has_progress; /* a line of it stands on the terminal */
	json_t *report;    /* the last one, or NULL */
};

static void clear_progress(struct trace *t)
{
	if (t->has_progress)
		fputs("\r\033[K", stderr);
	t->has_progress = false;
}

/* "asked 4, answered 3" on one line that the next one overwrites. */
static void on_progress(void *ctx, json_t *progress)
{
	struct trace *t = ctx;
	const char *key, *between = "";
	json_t *value;

	clear_progress(t);
	if (progress == NULL || !t->progress_style.is_tty)
		return;
	json_object_foreach(progress, key, value)
	{
		char room[PRINT_CELL_MAX], name[32];

		text_clean(key, t->progress_style.is_utf8, name, sizeof(name));
		fprintf(stderr, "%s%s %.30s", between, name,
		        print_cell(value, t->progress_style.is_utf8, room));
		between = ", ";
	}
	fflush(stderr);
	t->has_progress = true;
}

static void on_row(void *ctx, json_t *row)
{
	struct trace *t = ctx;
	const struct trace_options *o = t->call->options;
	struct report_view view = {
		.names = t->names,
		.style = text_style_of(stdout),
		.explains = o->explains,
	};

	clear_progress(t);
	if (t->call->form != PRINT_PEOPLE) {
		report_add_names(row, t->names);
		print_object(row, stdout);
	} else if (t->report == NULL || news_print(t->report, row, &view, stdout)) {
		report_print(row, &view, stdout);
	}
	fflush(stdout); /* it may be long until the next one */
	json_decref(t->report);
	t->report = json_incref(row);
}

/* Without a report --json is one object all the same: an empty report, and why. */
static void on_end(void *ctx, const struct client_end *end)
{
	struct trace *t = ctx;
	json_t *report;

	if (t->report != NULL || t->call->form == PRINT_PEOPLE)
		return;
	report = json_pack("{s:n, s:[], s:[], s:[], s:n, s:n, s:n, s:o}", "target", "matches",
	                   "path", "gaps", "coverage", "query", "bundle", "error",
	                   end->error[0] == '\0' ? json_null() : json_string(end->error));
	print_object(report, stdout);
	json_decref(report);
}

static int ask(const struct call *call, const struct ctl_request *request,
               const struct names *names)
{
	struct trace t = {.call = call, .names = names, .progress_style = text_style_of(stderr)};
	struct client_listener listener = {
		.row = on_row,
		.progress = on_progress,
		.end = on_end,
		.is_stoppable = request->every_ms > 0,
		.ctx = &t,
	};
	int code = client_query(call->globals->socket, request, &listener);

	json_decref(t.report);
	return code;
}

/* A search of low severity costs its asker twice as much. */
static int64_t every_of(const struct trace_options *o)
{
	bool is_low = o->target.severity != NULL && strcmp(o->target.severity, "low") == 0;

	return is_low ? 2 * EVERY_MS : EVERY_MS;
}

/* Fills in what the options say; CTL_USAGE where they contradict each other. */
static int make_request(const struct call *call, struct ctl_request *request)
{
	const struct trace_options *o = call->options;

	if (!o->follows && (o->every_ms != 0 || o->for_ms != 0))
		return print_failure(CTL_USAGE, "--every and --for go with --follow");
	if (o->follows)
		request->every_ms = o->every_ms > 0 ? o->every_ms : every_of(o);
	request->for_ms = o->for_ms;
	return target_request(call->operands[0], &o->target, request);
}

static int run(const struct call *call)
{
	const struct trace_options *o = call->options;
	struct ctl_request request = ctl_request_of(CTL_TRACE);
	struct names *names = NULL;
	char reason[NAMES_REASON_MAX];
	int code = make_request(call, &request);

	if (code != CTL_FOUND)
		return code;
	if (o->names != NULL && names_read(o->names, &names, reason) != ERR_OK)
		return print_failure(CTL_USAGE, "%s", reason);
	code = ask(call, &request, names);
	names_free(names);
	return code;
}

const struct command cmd_trace = {
	.name = "trace",
	.operands = "ADDR[:PORT]",
	.summary = "who was behind a connection to ADDR",
	.notes = "ADDR is the victim. TIME: 2026-11-22T01:05:31Z, @1795309531, -15m, now.\n",
	.is_list = true, /* of reports, when it follows */
	.operands_min = 1,
	.operands_max = 1,
	.options = options,
	.option_count = ARRAY_LEN(options),
	.defaults = &defaults,
	.defaults_size = sizeof(defaults),
	.run = run,
};
