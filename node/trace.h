/*
 * trace - one question of a client, from "which connection is meant" to the assembled path.
 *
 *	request_trace -> the pursuit finds the target, asks about it -> the report
 *
 * A trace that is followed rests then, looks at its target now and then, and asks again when that
 * is worth a question (node/follow.h), until the connection has ended or nobody listens.
 */
#ifndef SPOOR_NODE_TRACE_H
#define SPOOR_NODE_TRACE_H

#include "node/conf.h"
#include "node/follow.h"
#include "node/pursuit.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct node;
struct client;

struct trace {
	struct trace *next;
	struct client *client;
	struct pursuit pursuit;
	struct follow follow;
	char bundle[CONF_PATH_MAX];
};

struct traces {
	struct trace *list;
	size_t count;
	uv_timer_t timer; /* runs while there is one */
	bool is_open;
};

#define TRACES_MAX 8

void traces_start(struct traces *traces, struct node *node);
void traces_stop(struct traces *traces);

/* Lets go of what is still under way, when the loop has ended. */
void traces_fini(struct traces *traces);

/* A severity that is said in words, medium if in none; SEVERITY_END when it is none. */
enum severity trace_severity(const struct ctl_request *request);

#endif
