#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <stdio.h>

static void on_row(void *ctx, json_t *row)
{
	const struct call *call = ctx;

	if (call->form == PRINT_JSON)
		print_object(row, stdout);
	else
		print_sections(row, stdout);
}

static int run(const struct call *call)
{
	struct ctl_request request = ctl_request_of(CTL_STATUS);
	struct call copy = *call;
	struct client_listener listener = {.row = on_row, .ctx = &copy};

	return client_query(call->globals->socket, &request, &listener);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "what the node is, holds and counts",
	.run = run,
};
