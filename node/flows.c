/*
 * `spoor flows`: a cursor read on workers, some flows at a time. What matches is sent as it is
 * met; or kept, if the highest are asked for; or summed by groups. A chunk of rows is sent, and the
 * next one is made when the client has taken it, so that a slow reader costs nobody anything.
 */
#include "base/util.h"
#include "node/job.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"
#include "proto/flow/field.h"
#include "proto/flow/filter.h"
#include "proto/flow/group.h"
#include "proto/flow/top.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (256 * 1024)
#define ROW_MAX (MAX(ROW_FLOW_MAX, ROW_GROUP_MAX) + 64) /* with its frame */
#define FLOWS_AT_ONCE (256 * 1024) /* looked at by a worker before others have their turn */
#define HIGHEST_MAX 100000         /* flows or groups that are put in order */
#define HIGHEST 10                 /* without a limit */
#define GROUPS_MEMORY (16u << 20)  /* of one search; a group takes some 100 octets */
#define PROGRESS_MS 1000

struct listing {
	struct job job; /* first */
	job_fn *step;   /* run_scan, then run_emit */
	struct client *client;
	struct store_cursor *cursor;
	struct filter filter;
	struct whom whom[FILTER_KEYS_MAX]; /* of whom every match is, as far as the filter says */
	uint64_t limit, rows;
	bool is_open;             /* what is in memory was judged, at once and twice */
	uint64_t looked_at;       /* flows of blocks */
	uint64_t pause_at;        /* when so many were, the worker goes to others for a while */
	int64_t told_ms;          /* when the client last heard how many */
	const struct flow *block; /* rest of the block being read */
	size_t block_left;
	size_t pending;  /* replies being sent, and the worker */
	enum err err;    /* ERR_NOENT: all is read, or enough */
	bool is_partial; /* the client wanted no more */
	bool is_counted; /* among the node's sortings */

	const struct order *order;
	struct top *top;   /* a list in order, or groups: the highest ranks */
	struct flow *best; /* flows by their slot in `top` */
	struct group_table *groups;
	struct group_by by;
	uint32_t *picked; /* groups by their slot in `top` */

	size_t len;
	uint8_t chunk[CHUNK];
};

/* How flows or groups rank; what ranks highest is shown first. */
static uint64_t rank_start(const struct flow *f)
{
	return ~((uint64_t)f->start_ms ^ UINT64_C(1) << 63); /* the earliest */
}

static uint64_t rank_end(const struct flow *f)
{
	return (uint64_t)f->end_ms ^ UINT64_C(1) << 63; /* the latest */
}

static uint64_t rank_bytes(const struct flow *f)
{
	return f->octets;
}

static uint64_t rank_packets(const struct flow *f)
{
	return f->packets;
}

static uint64_t rank_duration(const struct flow *f)
{
	return (uint64_t)f->end_ms - (uint64_t)f->start_ms;
}

static const struct order {
	const char *name;
	uint64_t (*rank)(const struct flow *flow); /* NULL: not of flows */
	int group_order;                           /* enum group_order; -1: not of groups */
} orders[] = {
	{"bytes", rank_bytes, GROUP_BY_BYTES},
	{"packets", rank_packets, GROUP_BY_PACKETS},
	{"flows", NULL, GROUP_BY_FLOWS},
	{"duration", rank_duration, GROUP_BY_DURATION},
	{"start", rank_start, -1},
	{"end", rank_end, -1},
};

static void listing_free(struct listing *l)
{
	client_node(l->client)->sortings -= l->is_counted;
	store_cursor_close(l->cursor);
	top_free(l->top);
	group_free(l->groups);
	free(l->best);
	free(l->picked);
	client_put(l->client);
	free(l);
}

static bool has_room(const struct listing *l)
{
	return CHUNK - l->len >= ROW_MAX;
}

/* Appends a row, of a flow or of a group. */
static void append(struct listing *l, const struct flow *flow, size_t group)
{
	struct pack p = pack_into(l->chunk + l->len, CHUNK - l->len);
	size_t begun = client_frame_begin(&p, "row");

	if (flow != NULL)
		row_flow(&p, flow);
	else
		row_group(&p, &l->by, l->groups, group);
	client_frame_end(&p, begun);
	CHECK(!p.out.is_full);
	l->len += pack_len(&p);
	l->rows++;
}

static void keep(struct listing *l, const struct flow *flow)
{
	uint32_t slot;

	if (top_offer(l->top, l->order->rank(flow), &slot))
		l->best[slot] = *flow;
}

static void take(struct listing *l, const struct flow *flow)
{
	if (l->groups != NULL) {
		group_add(l->groups, flow);
	} else if (l->top != NULL) {
		keep(l, flow);
	} else {
		append(l, flow, 0);
		if (l->limit > 0 && l->rows == l->limit)
			l->err = ERR_NOENT;
	}
}

/*
 * The store asks this before it decodes the rest of a flow. It may have to ask of very many before
 * one matches: when it is time to pause, whatever comes is said to match, so that it gives what it
 * has. The filter is asked again then.
 */
static bool is_wanted(void *ctx, const struct flow *flow)
{
	struct listing *l = ctx;

	if (l->is_open && ++l->looked_at > l->pause_at)
		return true;
	return filter_matches(&l->filter, flow);
}

static void run_scan(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);

	l->len = 0;
	l->pause_at = l->looked_at + FLOWS_AT_ONCE;
	/* Others wait for this worker, and the client may be gone by then. */
	while (l->err == ERR_OK && has_room(l) && l->looked_at < l->pause_at) {
		if (l->block_left == 0)
			l->err = store_cursor_next(l->cursor, &l->block, &l->block_left);
		while (l->err == ERR_OK && l->block_left > 0 && has_room(l)) {
			const struct flow *flow = l->block++;

			l->block_left--;
			if (filter_matches(&l->filter, flow))
				take(l, flow);
		}
	}
}

/* Which groups rank highest, in order. */
static void pick(struct listing *l)
{
	for (size_t i = 0; i < group_count(l->groups); i++) {
		uint32_t slot;

		if (top_offer(l->top, group_rank_at(l->groups, i), &slot))
			l->picked[slot] = (uint32_t)i;
	}
}

/* The rows of what was kept, highest first, as many as there is room for. */
static void run_emit(struct job *job)
{
	struct listing *l = container_of(job, struct listing, job);

	l->len = 0;
	if (l->rows == 0) {
		if (l->groups != NULL)
			pick(l);
		top_sort(l->top);
	}
	while (l->rows < l->top->count && has_room(l)) {
		uint32_t slot = l->top->items[l->rows].slot;

		if (l->groups != NULL)
			append(l, NULL, l->picked[slot]);
		else
			append(l, &l->best[slot], 0);
	}
	if (l->rows == l->top->count)
		l->err = ERR_NOENT;
}

static void put_sum(struct pack *p, const char *key, const struct group_sum *sum)
{
	pack_str(p, key);
	pack_map(p, sum->flows == 0 ? 4 : 6);
	row_uint(p, "flows", sum->flows);
	row_uint(p, "packets", sum->packets);
	row_uint(p, "bytes", sum->octets);
	row_uint(p, "sampled", sum->sampled);
	if (sum->flows == 0)
		return;
	row_time(p, "start", sum->start_ms);
	row_time(p, "end", sum->end_ms);
}

/* Says what there is of it all, and whether it is all. */
static void end(struct listing *l)
{
	uint8_t room[1024];
	struct pack p = pack_into(room, sizeof(room));
	bool is_lossy = l->groups != NULL && group_other(l->groups)->flows > 0;
	enum ctl_code code = l->rows > 0 ? CTL_FOUND : CTL_NOTHING;
	size_t pairs = 2;

	if (l->is_partial || is_lossy)
		code = CTL_PARTIAL;
	row_uint(&p, "looked_at", l->looked_at);
	row_bool(&p, "is_partial", l->is_partial);
	if (l->groups != NULL) {
		row_uint(&p, "group_count", group_count(l->groups));
		put_sum(&p, "total", group_total(l->groups));
		pairs += 2;
	}
	if (is_lossy) {
		put_sum(&p, "other", group_other(l->groups));
		pairs++;
	}
	client_end_with(l->client, code, room, pack_len(&p), pairs);
}

static void tell_progress(struct listing *l)
{
	int64_t now_ms = (int64_t)node_now().mono.ms;
	uint8_t room[64];
	struct pack p = pack_into(room, sizeof(room));

	if (now_ms - l->told_ms < PROGRESS_MS)
		return;
	l->told_ms = now_ms;
	pack_map(&p, 1);
	row_uint(&p, "looked_at", l->looked_at);
	client_send(l->client, "progress", room, pack_len(&p), NULL, NULL);
}

static void done(struct job *job);

static void go_on(struct listing *l)
{
	l->pending = 1;
	job_start(&client_node(l->client)->loop, &l->job, l->step, done);
}

/* What was sent is on its way: on with it, or the end. */
static void on_sent(void *ctx)
{
	struct listing *l = ctx;

	if (--l->pending > 0)
		return;
	if (client_is_gone(l->client)) {
		listing_free(l);
		return;
	}
	if (l->err == ERR_OK && l->step == run_scan && client_is_stopped(l->client)) {
		l->is_partial = true;
		l->err = ERR_NOENT;
	}
	if (l->err == ERR_NOENT && l->step == run_scan && l->top != NULL) {
		l->step = run_emit;
		l->err = ERR_OK;
	}
	if (l->err == ERR_OK) {
		tell_progress(l);
		go_on(l);
		return;
	}
	if (l->err == ERR_NOENT)
		end(l);
	else
		client_end(l->client, CTL_INTERNAL, "%s", err_text(l->err));
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

static bool refuse(struct client *client, enum ctl_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);

static bool refuse(struct client *client, enum ctl_code code, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	client_end(client, code, "%s", text);
	return false;
}

static const struct order *order_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (strcmp(orders[i].name, name) == 0)
			return &orders[i];
	}
	return NULL;
}

/* What the client asks for, as far as it makes sense; else it is told. */
static bool read_request(struct listing *l, const struct ctl_request *request)
{
	bool is_grouped = request->by[0] != '\0', is_ordered = request->sort[0] != '\0';
	char reason[MAX(FILTER_REASON_MAX, GROUP_REASON_MAX)];

	if (filter_parse(request->filter, &l->filter, reason) != ERR_OK)
		return refuse(l->client, CTL_USAGE, "%s", reason);
	if (is_grouped && group_parse(request->by, &l->by, reason) != ERR_OK)
		return refuse(l->client, CTL_USAGE, "%s", reason);
	if (is_grouped || is_ordered) {
		l->order = order_find(is_ordered ? request->sort : "bytes");
		if (l->order == NULL ||
		    (is_grouped ? l->order->group_order < 0 : l->order->rank == NULL))
			return refuse(l->client, CTL_USAGE, "%s cannot be in the order of \"%s\"",
			              is_grouped ? "groups" : "flows", request->sort);
		l->limit = request->limit == 0 ? HIGHEST : request->limit;
		if (l->limit > HIGHEST_MAX)
			return refuse(l->client, CTL_USAGE, "at most %d can be put in order",
			              HIGHEST_MAX);
		return true;
	}
	l->limit = request->limit;
	return true;
}

static enum err make_room(struct listing *l, bool is_grouped)
{
	struct node *node = client_node(l->client);
	uint64_t seed;

	if (l->order == NULL)
		return ERR_OK;
	if (node->sortings == NODE_SORTINGS_MAX)
		return ERR_BUSY;
	node->sortings++;
	l->is_counted = true;
	l->top = top_new((size_t)l->limit);
	if (l->top == NULL)
		return ERR_NOMEM;
	if (!is_grouped) {
		l->best = calloc((size_t)l->limit, sizeof(*l->best));
		return l->best == NULL ? ERR_NOMEM : ERR_OK;
	}
	node_random(NULL, &seed, sizeof(seed));
	l->picked = calloc((size_t)l->limit, sizeof(*l->picked));
	l->groups = group_new(&l->by, (enum group_order)l->order->group_order, GROUPS_MEMORY, seed);
	return l->picked == NULL || l->groups == NULL ? ERR_NOMEM : ERR_OK;
}

/* The members of a flow that the filter looks at, as the store counts them. */
static uint64_t members_of(const struct filter *f)
{
	uint64_t members = 0;

	for (size_t i = 0; i < f->count; i++) {
		uint16_t offsets[2];

		if (f->nodes[i].kind != FILTER_TEST)
			continue;
		for (size_t k = field_members(f->nodes[i].field, offsets); k > 0; k--)
			members |= wish_member(offsets[k - 1]);
	}
	return members;
}

/* Whom the filter means, for the store's index. */
static size_t whom_of(const struct filter *f, struct whom ret[FILTER_KEYS_MAX])
{
	struct filter_key keys[FILTER_KEYS_MAX];
	size_t count = filter_keys(f, keys);

	for (size_t i = 0; i < count; i++)
		ret[i] = (struct whom){
			.a = keys[i].a,
			.b = keys[i].b,
			.a_port = keys[i].a_port,
			.b_port = keys[i].b_port,
			.proto = keys[i].proto,
			.is_connection = keys[i].is_connection,
		};
	return count;
}

static enum err open_cursor(struct listing *l, const struct ctl_request *request)
{
	struct wish wish = {
		.when = {request->since_ms, request->until_ms},
		.whom = l->whom,
		.whom_count = whom_of(&l->filter, l->whom),
		.is_wanted = is_wanted,
		.ctx = l,
		.members = members_of(&l->filter),
	};
	enum err err = store_cursor_find(client_node(l->client)->store, &wish, &l->cursor);

	l->is_open = true;
	return err;
}

void request_flows(struct client *client, const struct ctl_request *request)
{
	struct listing *l = calloc(1, sizeof(*l));
	enum err err;

	if (l == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	l->client = client_hold(client);
	l->step = run_scan;
	l->told_ms = (int64_t)node_now().mono.ms;
	if (!read_request(l, request)) {
		listing_free(l);
		return;
	}
	err = make_room(l, request->by[0] != '\0');
	if (err == ERR_OK)
		err = open_cursor(l, request);
	if (err != ERR_OK) {
		client_end(client, CTL_INTERNAL, "%s%s", err_text(err),
		           err == ERR_BUSY ? ": others are being sorted or summed" : "");
		listing_free(l);
		return;
	}
	go_on(l);
}
