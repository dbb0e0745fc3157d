#include "node/requests.h"

#include "node/node.h"

static void (*const requests[])(struct client *client, const struct ctl_request *request) = {
	[CTL_STATUS] = request_status, [CTL_PEERS] = request_peers,   [CTL_FLOWS] = request_flows,
	[CTL_TRACE] = request_trace,   [CTL_IMPORT] = request_import, [CTL_SEAL] = request_seal,
};

void request_run(struct client *client, const struct ctl_request *request)
{
	requests[request->command](client, request);
}
