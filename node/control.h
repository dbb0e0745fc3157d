/*
 * control - the Unix socket on which the command line asks (proto/wire/ctl.h).
 *
 * A client has one request at a time; the next is read when "end" has been sent. A request that
 * outlives its client learns so by client_is_gone() and lets go; one that the client wants no more
 * of, by client_is_stopped(), and ends with what it has.
 */
#ifndef SPOOR_NODE_CONTROL_H
#define SPOOR_NODE_CONTROL_H

#include "base/err.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct client;

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_PATH_MAX 107 /* of a Unix socket, without what ends it */

struct control {
	struct node *node;
	uv_pipe_t listener;
	bool is_open;
	struct client *clients; /* list */
	size_t count;
	uint32_t last_serial;
};

MUST_USE enum err control_start(struct control *c, struct node *node);
void control_stop(struct control *c);

/* A request holds its client; let it go with client_put(), after "end" or when it is gone. */
struct client *client_hold(struct client *client);
void client_put(struct client *client);
bool client_is_gone(const struct client *client);
bool client_is_stopped(const struct client *client);
struct node *client_node(const struct client *client);

/* Another for every connection, never 0. */
uint32_t client_serial(const struct client *client);

/*
 * Sends {key: value}, the value being the packed octets data[0..len) (copied). `sent` (or NULL) is
 * called when it is on its way, also when the client has gone.
 */
void client_send(struct client *client, const char *key, const void *data, size_t len,
                 void (*sent)(void *ctx), void *ctx);

/*
 * The same of replies that are packed already, each behind its length (client_frame_begin() and
 * client_frame_end() put them together).
 */
void client_send_frames(struct client *client, const void *data, size_t len,
                        void (*sent)(void *ctx), void *ctx);

/* Writes what comes before a reply's value, {key: value}; what it began is a frame's end. */
size_t client_frame_begin(struct pack *p, const char *key);
void client_frame_end(struct pack *p, size_t begun);

/* Sends "end" with the exit code and, if `format` is not NULL, an error line for people. */
void client_end(struct client *client, enum ctl_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The same with `len` octets of packed key-value pairs, `pairs` of them, behind. */
void client_end_with(struct client *client, enum ctl_code code, const void *data, size_t len,
                     size_t pairs);

#endif
