/*
 * spoor - the command line. What a command is stands in its own cmd_*.c; this file finds it, reads
 * its options and prints help, all out of the same rows.
 */
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef SPOOR_VERSION
#	define SPOOR_VERSION "0"
#endif

enum {
	DECODE,
	IMPORT,
	FLOWS,
	TRANSLATIONS,
	TRACE,
	WATCH,
	STATUS,
	PEERS,
	PEERS_SHOW,
	ORIGIN,
	ORIGIN_LIST,
	ORIGIN_WATCH,
	ORIGIN_STATUS,
	INIT,
	KEYGEN_IDENTITY,
	KEYGEN_ROOT,
	KEYGEN_OPERATIONAL,
	MEMBER_REQUEST,
	MEMBER_ISSUE,
	MEMBER_RENEW,
	MEMBER_REVOKE,
	MEMBER_SHOW,
};

/* In the order of --help. */
static const struct command *const commands[] = {
	[DECODE] = &cmd_decode,
	[IMPORT] = &cmd_import,
	[FLOWS] = &cmd_flows,
	[TRANSLATIONS] = &cmd_translations,
	[TRACE] = &cmd_trace,
	[WATCH] = &cmd_watch,
	[STATUS] = &cmd_status,
	[PEERS] = &cmd_peers,
	[PEERS_SHOW] = &cmd_peers_show,
	[ORIGIN] = &cmd_origin,
	[ORIGIN_LIST] = &cmd_origin_list,
	[ORIGIN_WATCH] = &cmd_origin_watch,
	[ORIGIN_STATUS] = &cmd_origin_status,
	[INIT] = &cmd_init,
	[KEYGEN_IDENTITY] = &cmd_keygen_identity,
	[KEYGEN_ROOT] = &cmd_keygen_root,
	[KEYGEN_OPERATIONAL] = &cmd_keygen_operational,
	[MEMBER_REQUEST] = &cmd_member_request,
	[MEMBER_ISSUE] = &cmd_member_issue,
	[MEMBER_RENEW] = &cmd_member_renew,
	[MEMBER_REVOKE] = &cmd_member_revoke,
	[MEMBER_SHOW] = &cmd_member_show,
};

#define GLOBAL(m) .offset = offsetof(struct globals, m)

/* clang-format off */
static const struct option_row global_rows[] = {
	{"socket", 0, "PATH", "control socket of the node",      OPTION_TEXT, GLOBAL(socket)},
	{"json", 0, NULL,     "one JSON object",                 OPTION_FLAG, GLOBAL(is_json)},
	{"ndjson", 0, NULL,   "lists: one JSON object a line",   OPTION_FLAG, GLOBAL(is_ndjson)},
	{"help", 'h', NULL,   "print this",                      OPTION_FLAG, GLOBAL(is_help)},
	{"version", 'V', NULL, "print the version",              OPTION_FLAG, GLOBAL(is_version)},
};
/* clang-format on */

static const char *verb_of(const struct command *c)
{
	return c->verb == NULL ? "" : c->verb;
}

/* Without `is_list` none that only lists take. */
static void put_globals(bool is_list, FILE *out)
{
	fputs("\noptions of every command:\n", out);
	for (size_t i = 0; i < ARRAY_LEN(global_rows); i++) {
		bool is_for_lists = strcmp(global_rows[i].name, "ndjson") == 0;

		if (is_list || !is_for_lists)
			options_print(out, &global_rows[i], 1);
	}
}

static void put_usage(const struct command *c, FILE *out)
{
	fprintf(out, "usage: spoor %s%s%s%s%s%s\n", c->name, c->verb == NULL ? "" : " ", verb_of(c),
	        c->option_count == 0 ? "" : " [OPTION...]", c->operands == NULL ? "" : " ",
	        c->operands == NULL ? "" : c->operands);
	fprintf(out, "  %s\n", c->summary);
	if (c->notes != NULL)
		fprintf(out, "\n%s", c->notes);
	if (c->option_count > 0) {
		fputs("\noptions:\n", out);
		options_print(out, c->options, c->option_count);
	}
}

static int put_version(void)
{
	printf("spoor %s\n", SPOOR_VERSION);
	return CTL_FOUND;
}

static int help_command(const char *name)
{
	bool is_list = false;
	size_t shown = 0;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i]->name, name) != 0)
			continue;
		if (shown++ > 0)
			putchar('\n');
		put_usage(commands[i], stdout);
		is_list = is_list || commands[i]->is_list;
	}
	put_globals(is_list, stdout);
	return CTL_FOUND;
}

static int help_all(FILE *out)
{
	fputs("usage: spoor [OPTION...] COMMAND [OPTION...] [OPERAND...]\n\ncommands:\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s %s", commands[i]->name, verb_of(commands[i]));
		fprintf(out, "  %-20s%s\n", name, commands[i]->summary);
	}
	put_globals(true, out);
	fputs("\n\"spoor COMMAND --help\" says more; the manual is spoor(1).\n", out);
	return CTL_FOUND;
}

static bool is_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* The command that argv[0..argc) begins with, the longest; its words are counted in `*ret_words`.
 */
static const struct command *command_find(int argc, char **argv, int *ret_words)
{
	const struct command *best = NULL;

	*ret_words = 0;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = commands[i];
		int words = c->verb == NULL ? 1 : 2;

		if (strcmp(c->name, argv[0]) != 0 || words <= *ret_words)
			continue;
		if (c->verb != NULL && (argc < 2 || strcmp(c->verb, argv[1]) != 0))
			continue;
		*ret_words = words;
		best = c;
	}
	return best;
}

static struct wall now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (struct wall){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

static int check(const struct call *call)
{
	const struct command *c = call->command;

	if (call->globals->is_ndjson && !c->is_list)
		return print_failure(CTL_USAGE, "--ndjson is for lists; spoor %s has --json",
		                     c->name);
	if (call->operand_count < c->operands_min)
		return print_failure(CTL_USAGE, "%s is missing; see spoor %s --help", c->operands,
		                     c->name);
	if (call->operand_count > c->operands_max)
		return print_failure(CTL_USAGE, "\"%s\" is one word too many; see spoor %s --help",
		                     call->operands[c->operands_max], c->name);
	return CTL_FOUND;
}

/* Reads what stands behind the command's words, and runs it. */
static int run(const struct command *c, struct globals *globals, int argc, char **argv)
{
	struct call call = {.command = c, .globals = globals, .now = now()};
	struct option_tables t = {
		.tables = {{global_rows, ARRAY_LEN(global_rows), globals},
	                   {c->options, c->option_count, NULL}},
		.now = call.now,
	};
	char reason[OPTIONS_REASON_MAX];
	void *options = malloc(c->defaults_size + 1);
	int first, code;

	CHECK(options != NULL);
	if (c->defaults_size > 0)
		memcpy(options, c->defaults, c->defaults_size);
	t.tables[1].into = options;
	if (options_parse(&t, argc, argv, &first, reason) != ERR_OK) {
		code = print_failure(CTL_USAGE, "%s; see spoor %s --help", reason, c->name);
	} else if (globals->is_version) {
		code = put_version();
	} else if (globals->is_help) {
		code = help_command(c->name);
	} else {
		call.options = options;
		call.operands = argv + first;
		call.operand_count = (size_t)(argc - first);
		call.form = globals->is_ndjson ? PRINT_NDJSON
		            : globals->is_json ? PRINT_JSON
		                               : PRINT_PEOPLE;
		code = check(&call);
		if (code == CTL_FOUND)
			code = c->run(&call);
	}
	free(options);
	return print_done(code);
}

int main(int argc, char **argv)
{
	const char *socket = getenv("SPOOR_SOCKET");
	struct globals globals = {.socket = socket == NULL || *socket == '\0' ? CLIENT_SOCKET
	                                                                      : socket};
	struct option_tables t = {
		.tables = {{global_rows, ARRAY_LEN(global_rows), &globals}},
		.stops_at_word = true,
	};
	char reason[OPTIONS_REASON_MAX];
	const struct command *command;
	int first, words;

	setlocale(LC_CTYPE, "");
	if (options_parse(&t, argc, argv, &first, reason) != ERR_OK)
		return print_failure(CTL_USAGE, "%s; see spoor --help", reason);
	if (globals.is_version)
		return print_done(put_version());
	if (first == argc && globals.is_help)
		return print_done(help_all(stdout));
	if (first == argc) {
		help_all(stderr);
		return CTL_USAGE;
	}
	command = command_find(argc - first, argv + first, &words);
	if (command != NULL)
		return run(command, &globals, argc - first - words + 1, argv + first + words - 1);
	if (!is_command(argv[first]))
		return print_failure(CTL_USAGE, "no such command: %s; see spoor --help",
		                     argv[first]);
	if (globals.is_help || (first + 1 < argc && strcmp(argv[first + 1], "--help") == 0))
		return print_done(help_command(argv[first]));
	return print_failure(CTL_USAGE, "%s wants to know what; see spoor %s --help", argv[first],
	                     argv[first]);
}
