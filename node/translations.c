/*
 * `spoor translations`: what a client asks for of the table of translations. The loop copies all
 * that matches at once, so that the answer is of one instant; a worker sorts it and makes rows, a
 * chunk of them at a time, the next one when the client has taken that.
 */
#include "base/util.h"
#include "node/job.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"
#include "proto/flow/translation_wish.h"

#include <stdlib.h>

#define CHUNK (64 * 1024)
#define ROW_MAX 640 /* octets that a mapping takes at most, with its frame */

struct listing {
	struct job job; /* first */
	struct client *client;
	struct translation_wish wish;
	struct mapping *found; /* the latest first, once they are sorted */
	size_t count, limit;   /* of them; how many are sent */
	size_t rows;           /* sent */
	size_t room;           /* of `found` */
	size_t held;           /* by the table */
	size_t other_times;    /* that would match at another time */
	struct interval gone;  /* when those held that the table has no more */
	bool is_any_gone, is_sorted, is_stopped;
	size_t pending; /* replies being sent, and the worker */
	size_t len;
	uint8_t chunk[CHUNK];
};

static void listing_free(struct listing *l)
{
	client_node(l->client)->sortings--;
	client_put(l->client);
	free(l->found);
	free(l);
}

/* --- what there is --- */

static void count_match(void *ctx, const struct mapping *m)
{
	struct listing *l = ctx;
	struct translation_wish ever = l->wish;

	ever.when = INTERVAL_ALWAYS;
	if (translation_wish_is_met(&l->wish, m))
		l->room++;
	else if (translation_wish_is_met(&ever, m))
		l->other_times++;
}

static void copy_match(void *ctx, const struct mapping *m)
{
	struct listing *l = ctx;

	if (translation_wish_is_met(&l->wish, m))
		l->found[l->count++] = *m;
}

static enum err copy_matching(struct listing *l, const struct translation_table *t)
{
	l->held = translation_table_count(t);
	l->is_any_gone = translation_table_gone(t, &l->gone);
	translation_table_each(t, count_match, l);
	if (l->room == 0)
		return ERR_OK;
	l->found = calloc(l->room, sizeof(*l->found));
	if (l->found == NULL)
		return ERR_NOMEM;
	translation_table_each(t, copy_match, l);
	return ERR_OK;
}

static int cmp_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	int cmp = addr_cmp(&a->addr, &b->addr);

	return cmp != 0 ? cmp : (int)a->port - (int)b->port;
}

/* The latest first; of one time by their ends, so that one question has one answer. */
static int latest_first(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;
	int cmp = (x->start_ms < y->start_ms) - (x->start_ms > y->start_ms);

	if (cmp == 0)
		cmp = cmp_endpoint(&x->outside, &y->outside);
	if (cmp == 0)
		cmp = (int)x->first - (int)y->first;
	if (cmp == 0)
		cmp = cmp_endpoint(&x->inside, &y->inside);
	return cmp != 0 ? cmp : cmp_endpoint(&x->peer, &y->peer);
}

/* --- rows --- */

static const char *told_by(const struct mapping *m)
{
	if (mapping_is_block(m))
		return "block";
	return m->is_start_told || m->is_end_told ? "event" : "flow";
}

static void put_peer(struct pack *p, const struct endpoint *peer)
{
	static const struct endpoint anybody;

	if (endpoint_equal(peer, &anybody)) {
		row_nil(p, "peer");
		row_nil(p, "peer_port");
		return;
	}
	row_addr(p, "peer", &peer->addr);
	row_uint(p, "peer_port", peer->port);
}

static void put_row(struct pack *p, const struct mapping *m)
{
	bool is_block = mapping_is_block(m);

	pack_map(p, 16);
	row_addr(p, "inside", &m->inside.addr);
	if (is_block)
		row_nil(p, "inside_port");
	else
		row_uint(p, "inside_port", m->inside.port);
	row_addr(p, "outside", &m->outside.addr);
	if (is_block)
		row_nil(p, "outside_port");
	else
		row_uint(p, "outside_port", m->outside.port);
	row_uint(p, "outside_port_first", m->first);
	row_uint(p, "outside_port_last", m->last);
	row_uint(p, "proto", m->proto);
	put_peer(p, &m->peer);
	row_addr(p, "exporter", &m->exporter);
	row_time(p, "start", m->start_ms);
	if (m->is_open)
		row_nil(p, "end");
	else
		row_time(p, "end", m->end_ms);
	row_time(p, "last_seen", m->end_ms);
	row_str(p, "told_by", told_by(m));
	row_bool(p, "is_start_told", m->is_start_told);
	row_bool(p, "is_end_told", m->is_end_told);
}

static void append(struct listing *l)
{
	struct pack p = pack_into(l->chunk + l->len, CHUNK - l->len);
	size_t begun = client_frame_begin(&p, "row");

	put_row(&p, &l->found[l->rows++]);
	client_frame_end(&p, begun);
	CHECK(!p.out.is_full);
	l->len += pack_len(&p);
}

static void run(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);

	if (!l->is_sorted && l->count > 0)
		qsort(l->found, l->count, sizeof(*l->found), latest_first);
	l->is_sorted = true;
	l->len = 0;
	while (l->rows < l->limit && CHUNK - l->len >= ROW_MAX)
		append(l);
}

/* --- the end --- */

/* Is something gone that may have been an answer? */
static bool is_lacking(const struct listing *l)
{
	return l->is_any_gone && interval_overlaps(l->gone, l->wish.when);
}

static void put_gone(struct pack *p, const struct listing *l)
{
	row_time(p, "evicted_start", l->gone.start_ms);
	if (l->gone.end_ms == INT64_MAX)
		row_nil(p, "evicted_end"); /* one of them had not ended */
	else
		row_time(p, "evicted_end", l->gone.end_ms);
}

static void end(struct listing *l)
{
	bool is_partial = l->is_stopped || is_lacking(l);
	uint8_t room[512];
	struct pack p = pack_into(room, sizeof(room));
	size_t pairs = 5;

	row_uint(&p, "held", l->held);
	row_uint(&p, "matching", l->count);
	row_uint(&p, "at_other_times", l->other_times);
	row_bool(&p, "is_partial", is_partial);
	row_bool(&p, "is_lacking", is_lacking(l));
	if (l->is_any_gone) {
		put_gone(&p, l);
		pairs += 2;
	}
	client_end_with(l->client,
	                is_partial     ? CTL_PARTIAL
	                : l->count > 0 ? CTL_FOUND
	                               : CTL_NOTHING,
	                room, pack_len(&p), pairs);
}

static void done(struct job *job);

static void go_on(struct listing *l)
{
	l->pending = 1;
	job_start(&client_node(l->client)->loop, &l->job, run, done);
}

/* What was sent is on its way: on with it, or the end. */
static void on_sent(void *ctx)
{
	struct listing *l = ctx;

	if (--l->pending > 0)
		return;
	if (!client_is_gone(l->client) && l->rows < l->limit) {
		l->is_stopped = client_is_stopped(l->client);
		if (!l->is_stopped) {
			go_on(l);
			return;
		}
	}
	if (!client_is_gone(l->client))
		end(l);
	listing_free(l);
}

static void done(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);

	if (l->len > 0) {
		l->pending++;
		client_send_frames(l->client, l->chunk, l->len, on_sent, l);
	}
	on_sent(l); /* the worker's own share of `pending` */
}

void request_translations(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	struct listing *l;
	enum err err;

	if (request->proto > UINT8_MAX || request->since_ms > request->until_ms) {
		client_end(client, CTL_USAGE, "a protocol is at most 255, and since before until");
		return;
	}
	l = node->sortings == NODE_SORTINGS_MAX ? NULL : calloc(1, sizeof(*l));
	if (l == NULL) {
		client_end(client, CTL_INTERNAL, "%s",
		           err_text(node->sortings == NODE_SORTINGS_MAX ? ERR_BUSY : ERR_NOMEM));
		return;
	}
	node->sortings++;
	l->client = client_hold(client);
	l->wish = (struct translation_wish){
		.end = request->target,
		.peer = request->peer,
		.when = {request->since_ms, request->until_ms},
		.proto = (uint8_t)request->proto,
	};
	err = copy_matching(l, node->collector.translations);
	if (err != ERR_OK) {
		client_end(client, CTL_INTERNAL, "%s", err_text(err));
		listing_free(l);
		return;
	}
	l->limit = request->limit == 0 ? l->count : MIN(request->limit, l->count);
	go_on(l);
}
