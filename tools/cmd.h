/*
 * cmd - one row per subcommand; spoor.c holds the table.
 *
 * A command is its option table, its defaults and its run(): parsing, --help, and the checks that
 * every command needs alike (operands, --ndjson) are done once, from the row.
 */
#ifndef SPOOR_TOOLS_CMD_H
#define SPOOR_TOOLS_CMD_H

#include "base/clock.h"
#include "tools/options.h"
#include "tools/print.h"

#include <stdbool.h>
#include <stddef.h>

struct globals { /* options of every command */
	const char *socket;
	bool is_json, is_ndjson, is_help, is_version;
};

struct call {
	const struct command *command;
	const struct globals *globals;
	const void *options; /* what command->defaults points to, options applied; borrowed */
	char *const *operands;
	size_t operand_count;
	enum print_form form;
	struct wall now;
};

struct command {
	const char *name;     /* "member" */
	const char *verb;     /* "issue"; NULL where the name is all */
	const char *operands; /* "FILE..."; NULL: none */
	const char *summary;
	const char *notes; /* further lines of its help, or NULL */
	size_t operands_min, operands_max;
	bool is_list; /* takes --ndjson */
	const struct option_row *options;
	size_t option_count;
	const void *defaults; /* the struct that the options' offsets mean */
	size_t defaults_size;
	int (*run)(const struct call *call); /* returns the exit code (enum ctl_code) */
};

/* In a command: its options' rows, and the struct of what they are by default. */
#define COMMAND_OPTIONS(rows_, defaults_)                                               \
	.options = (rows_), .option_count = ARRAY_LEN(rows_), .defaults = &(defaults_), \
	.defaults_size = sizeof(defaults_)

extern const struct command cmd_decode, cmd_flows, cmd_import, cmd_init, cmd_keygen_identity,
	cmd_keygen_operational, cmd_keygen_root, cmd_member_issue, cmd_member_renew,
	cmd_member_request, cmd_member_revoke, cmd_member_show, cmd_origin, cmd_origin_list,
	cmd_origin_status, cmd_origin_watch, cmd_peers, cmd_peers_show, cmd_status, cmd_trace,
	cmd_translations, cmd_watch;

#endif
