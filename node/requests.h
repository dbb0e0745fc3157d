/* requests - what each request of the command line does; one row a command. */
#ifndef SPOOR_NODE_REQUESTS_H
#define SPOOR_NODE_REQUESTS_H

#include "node/control.h"

/* Ends, now or later, in exactly one client_end(). `request` is borrowed until it returns. */
void request_run(struct client *client, const struct ctl_request *request);

/* In files of their own: */
void request_status(struct client *client, const struct ctl_request *request);
void request_peers(struct client *client, const struct ctl_request *request);
void request_flows(struct client *client, const struct ctl_request *request);
void request_translations(struct client *client, const struct ctl_request *request);
void request_import(struct client *client, const struct ctl_request *request);
void request_seal(struct client *client, const struct ctl_request *request);
void request_trace(struct client *client, const struct ctl_request *request);
void request_watch(struct client *client, const struct ctl_request *request);
void request_watch_list(struct client *client, const struct ctl_request *request);
void request_watch_stop(struct client *client, const struct ctl_request *request);
void request_watch_tell(struct client *client, const struct ctl_request *request);
void request_origin(struct client *client, const struct ctl_request *request);
void request_origin_list(struct client *client, const struct ctl_request *request);
void request_origin_watch(struct client *client, const struct ctl_request *request);
void request_origin_status(struct client *client, const struct ctl_request *request);

#endif
