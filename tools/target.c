#include "tools/target.h"

#include "tools/print.h"

#include <stdio.h>

int target_request(const char *operand, const struct target_options *o, struct ctl_request *request)
{
	bool has_at = o->at_ms != TARGET_NO_TIME;

	if (endpoint_parse(operand, &request->target) != ERR_OK)
		return print_failure(CTL_USAGE, "\"%s\" is no ADDR or ADDR:PORT", operand);
	if (has_at && (o->since_ms != TARGET_NO_TIME || o->until_ms != INT64_MAX))
		return print_failure(CTL_USAGE, "--at goes with neither --since nor --until");
	if (o->since_ms > o->until_ms)
		return print_failure(CTL_USAGE, "--since is later than --until");
	request->peer = o->peer;
	request->since_ms = has_at ? o->at_ms : o->since_ms;
	request->until_ms = has_at ? o->at_ms : o->until_ms;
	request->proto = o->proto;
	request->timeout_ms = o->timeout_ms;
	request->gap_ms = o->gap_ms;
	if (o->severity != NULL)
		snprintf(request->severity, sizeof(request->severity), "%s", o->severity);
	return CTL_FOUND;
}
