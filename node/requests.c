#include "node/requests.h"

#include "node/node.h"

#define GATEWAY (1U << ROLE_GATEWAY)
#define HOST (1U << ROLE_HOST)

static const struct {
	void (*run)(struct client *client, const struct ctl_request *request);
	unsigned roles; /* of the node, that it can be asked of */
} requests[] = {
	[CTL_STATUS] = {request_status, GATEWAY},
	[CTL_PEERS] = {request_peers, GATEWAY},
	[CTL_FLOWS] = {request_flows, GATEWAY},
	[CTL_TRANSLATIONS] = {request_translations, GATEWAY},
	[CTL_TRACE] = {request_trace, GATEWAY},
	[CTL_WATCH] = {request_watch, GATEWAY},
	[CTL_WATCH_LIST] = {request_watch_list, GATEWAY},
	[CTL_WATCH_STOP] = {request_watch_stop, GATEWAY},
	[CTL_WATCH_TELL] = {request_watch_tell, GATEWAY},
	[CTL_IMPORT] = {request_import, GATEWAY},
	[CTL_SEAL] = {request_seal, GATEWAY},
	[CTL_STOP] = {NULL, 0}, /* control.c's own */
	[CTL_ORIGIN] = {request_origin, HOST},
	[CTL_ORIGIN_LIST] = {request_origin_list, HOST},
	[CTL_ORIGIN_WATCH] = {request_origin_watch, HOST},
	[CTL_ORIGIN_STATUS] = {request_origin_status, GATEWAY | HOST},
};

void request_run(struct client *client, const struct ctl_request *request)
{
	enum conf_role role = client_node(client)->conf.role;

	if ((requests[request->command].roles & 1U << role) == 0)
		client_end(client, CTL_USAGE,
		           role == ROLE_HOST ? "this is a host: ask its gateway's node"
		                             : "this is a gateway's node: ask on the host itself");
	else
		requests[request->command].run(client, request);
}
