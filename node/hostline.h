/*
 * hostline - the TCP connection between a host and its gateway's node: proto/wire/talk.h on libuv.
 *
 * Embed it first in what it is for. Whoever says nothing for HOSTLINE_SILENCE_MS is given up.
 */
#ifndef SPOOR_NODE_HOSTLINE_H
#define SPOOR_NODE_HOSTLINE_H

#include "base/err.h"
#include "proto/wire/inquiry.h"
#include "proto/wire/talk.h"

#include <stdbool.h>
#include <uv.h>

struct node;
struct hostline;

#define HOSTLINE_ALIVE_MS 5000
#define HOSTLINE_SILENCE_MS 20000

struct hostline_calls {
	void (*opened)(struct hostline *line); /* the other end has proved itself: talk.peer */
	void (*heard)(struct hostline *line, const struct inquiry *q);
	void (*ended)(struct hostline *line, enum err err); /* at once: nothing is said any more */
	void (*gone)(struct hostline *line);                /* later: its memory is the owner's */
};

struct hostline {
	struct node *node;
	const struct hostline_calls *calls;
	const struct roots *roots;
	const struct public_key *wanted; /* host: the node's identity */
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	struct talk talk;
	int open_handles;
	bool is_open, is_ending;
	char buffer[4096];
};

/* `node`, `calls`, `roots` and `wanted` are set. Both end in gone(), sooner or later. */
void hostline_connect(struct hostline *line, const struct endpoint *to);
void hostline_accept(struct hostline *line, uv_stream_t *listener);

/* Only while is_open. */
void hostline_say(struct hostline *line, const struct inquiry *q);

void hostline_end(struct hostline *line, enum err err);

#endif
