/*
 * client - asks the node over its control socket (proto/wire/ctl.h says in what words).
 *
 * One request at a time, and it waits: the command line has nothing else to do. Ctrl-C ends the
 * wait (tools/interrupt.h).
 */
#ifndef SPOOR_TOOLS_CLIENT_H
#define SPOOR_TOOLS_CLIENT_H

#include "base/err.h"
#include "proto/wire/ctl.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_REASON_MAX 768 /* as long as a node says it */
#define CLIENT_SOCKET "/run/spoor/spoord.sock"

#define CLIENT_INPUT (64 << 10)

struct client {
	int fd;
	uint8_t *frame; /* the last one that came, or goes */
	size_t frame_max;
	uint8_t *input; /* what was read of the socket: CLIENT_INPUT octets of room */
	size_t input_at, input_len;
	bool is_stoppable, is_stopped; /* the request under way */
};

struct client_end;

struct client_listener {
	void (*row)(void *ctx, json_t *row);           /* borrowed, as the next; any may be NULL */
	void (*packed)(void *ctx, struct unpack row);  /* the same as it came, instead */
	void (*progress)(void *ctx, json_t *progress); /* NULL: that was the last of it */
	/* client_query() tells it what the node said at the end, before it prints the error. */
	void (*end)(void *ctx, const struct client_end *end);
	bool is_stoppable; /* Ctrl-C asks the node for what it has so far, instead of leaving it */
	void *ctx;
};

struct client_end {
	int code; /* enum ctl_code, or INTERRUPT_CODE */
	char error[CLIENT_REASON_MAX];
	json_t *totals; /* all of "end"; the caller's to json_decref(); NULL when interrupted */
};

/* ERR_IO: no node answers there. */
MUST_USE enum err client_open(const char *path, struct client *ret, char reterr[CLIENT_REASON_MAX]);

/*
 * Sends `request`, tells `listener` (NULL: nobody) what comes, and fills `ret` at the end.
 *
 * ERR_IO, ERR_NOMEM      the node went away, or memory did
 * ERR_FORMAT, ERR_LIMIT  what it sent is no reply
 */
MUST_USE enum err client_ask(struct client *c, const struct ctl_request *request,
                             const struct client_listener *listener, struct client_end *ret,
                             char reterr[CLIENT_REASON_MAX]);

void client_close(struct client *c);

/* All of it, for a command with one request: prints what went wrong, returns the exit code. */
int client_query(const char *path, const struct ctl_request *request,
                 const struct client_listener *listener);

#endif
