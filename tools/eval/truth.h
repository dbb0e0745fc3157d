/*
 * truth - what really happened in a recording: which connections belong together.
 *
 * truth.json of the laboratory: sessions, each of one or more edges (a connection), each seen at
 * several views. Views of one session carry one hand's rhythm; views of different ones do not.
 */
#ifndef SPOOR_TOOLS_EVAL_TRUTH_H
#define SPOOR_TOOLS_EVAL_TRUTH_H

#include "base/addr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUTH_NAME_MAX 32
#define TRUTH_REASON_MAX 256
#define TRUTH_NONE SIZE_MAX

struct truth_view {
	char gateway[TRUTH_NAME_MAX];
	struct endpoint src, dst;
	uint8_t proto;
	uint32_t if_index; /* 0: not said */
	size_t session;    /* index into names */
	size_t edge;       /* of its session */
};

struct truth {
	struct truth_view *views; /* owned */
	size_t view_count;
	char (*names)[TRUTH_NAME_MAX]; /* owned; of sessions, chains first */
	size_t session_count, chain_count;
	char (*gateways)[TRUTH_NAME_MAX]; /* owned; that export */
	size_t gateway_count;
};

/* False, with a reason, when the file is not there or not one of these. */
bool truth_read(const char *path, struct truth *ret, char reterr[TRUTH_REASON_MAX]);
void truth_free(struct truth *t);

/* The view of a connection at a gateway, in either direction; NULL when truth does not know it. */
const struct truth_view *truth_find(const struct truth *t, const char *gateway,
                                    const struct endpoint *a, const struct endpoint *b,
                                    uint8_t proto);

#endif
