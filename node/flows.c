/*
 * `spoor flows`: a cursor read on workers, a chunk of rows at a time; the next chunk is read when
 * the client has taken this one, so that a slow reader costs nobody anything.
 */
#include "base/util.h"
#include "node/job.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"
#include "proto/flow/filter.h"

#include <stdlib.h>

#define CHUNK (256 * 1024)
#define BLOCKS_AT_ONCE 8

struct listing {
	struct job job; /* first */
	struct client *client;
	struct store_cursor *cursor;
	struct filter filter;
	uint64_t limit, rows;
	const struct flow *block; /* rest of the block being read */
	size_t block_left;
	size_t pending; /* rows being sent, and the worker */
	enum err err;
	size_t starts[CHUNK / 64]; /* where each row of the chunk begins */
	size_t count;
	size_t len;
	uint8_t chunk[CHUNK];
};

static void listing_free(struct listing *l)
{
	store_cursor_close(l->cursor);
	client_put(l->client);
	free(l);
}

/* Appends a flow's row; false when the chunk has no room for one more. */
static bool append(struct listing *l, const struct flow *flow)
{
	struct pack p = pack_into(l->chunk + l->len, CHUNK - l->len);

	row_flow(&p, flow);
	l->starts[l->count++] = l->len;
	l->len += pack_len(&p);
	l->rows++;
	return CHUNK - l->len >= ROW_FLOW_MAX && l->count < ARRAY_LEN(l->starts);
}

static void run_listing(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);
	bool has_room = true;

	l->count = l->len = 0;
	/* Some blocks at a time: others wait for this worker, and the client may be gone by then.
	 */
	for (int blocks = 0; has_room && blocks < BLOCKS_AT_ONCE && l->err == ERR_OK; blocks++) {
		if (l->block_left == 0)
			l->err = store_cursor_next(l->cursor, &l->block, &l->block_left);
		while (l->err == ERR_OK && l->block_left > 0 && has_room) {
			const struct flow *flow = l->block++;

			l->block_left--;
			if (filter_matches(&l->filter, flow))
				has_room = append(l, flow);
			if (l->limit > 0 && l->rows == l->limit)
				l->err = ERR_NOENT;
		}
	}
}

static void done_listing(struct job *job);

static void on_row_sent(void *ctx)
{
	struct listing *l = ctx;

	if (--l->pending > 0)
		return;
	if (client_is_gone(l->client)) {
		listing_free(l);
	} else if (l->err == ERR_OK) {
		l->pending = 1;
		job_start(&client_node(l->client)->loop, &l->job, run_listing, done_listing);
	} else {
		if (l->err == ERR_NOENT)
			client_end(l->client, l->rows > 0 ? CTL_FOUND : CTL_NOTHING, NULL);
		else
			client_end(l->client, CTL_INTERNAL, "%s", err_text(l->err));
		listing_free(l);
	}
}

static void done_listing(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);
	size_t count = l->count;

	l->pending += count;
	for (size_t i = 0; i < count; i++) {
		size_t end = i + 1 < count ? l->starts[i + 1] : l->len;

		client_send(l->client, "row", l->chunk + l->starts[i], end - l->starts[i],
		            on_row_sent, l);
	}
	on_row_sent(l); /* the worker's own share of `pending` */
}

void request_flows(struct client *client, const struct ctl_request *request)
{
	struct interval when = {request->since_ms, request->until_ms};
	struct node *node = client_node(client);
	struct listing *l = calloc(1, sizeof(*l));
	char reterr[FILTER_REASON_MAX];
	enum err err = l == NULL ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK && filter_parse(request->filter, &l->filter, reterr) != ERR_OK) {
		client_end(client, CTL_USAGE, "%s", reterr);
		free(l);
		return;
	}
	if (err == ERR_OK)
		err = store_cursor_open(node->store, when, &l->cursor);
	if (err != ERR_OK) {
		client_end(client, CTL_INTERNAL, "%s", err_text(err));
		free(l);
		return;
	}
	l->client = client_hold(client);
	l->limit = request->limit;
	l->pending = 1;
	job_start(&node->loop, &l->job, run_listing, done_listing);
}
