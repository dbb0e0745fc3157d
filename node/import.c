/*
 * `spoor import`: datagrams out of files, by the same way in as those from the network. Where those
 * would be lost because the store has fallen behind, these wait for the next seal.
 */
#include "base/timestamp.h"
#include "base/util.h"
#include "node/clockwarning.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"
#include "proto/flow/pending.h"

#include <stdlib.h>
#include <string.h>

struct import {
	struct collector_waiter waiter; /* first */
	struct client *client;
	struct bytes in;
	struct flow_batch waiting; /* of the datagram that waits */
	int64_t oldest_ms;         /* what was captured before would not be kept */
	int64_t old_ms;            /* when the one that was too old was captured */
	uint64_t datagrams, flows, taken, dropped[DROP_COUNT_OF];
	uint8_t batch[];
};

static void import_free(struct import *im)
{
	client_put(im->client);
	flow_batch_free(&im->waiting);
	free(im);
}

static void import_end(struct import *im)
{
	uint8_t room[1024];
	struct pack p = pack_into(room, sizeof(room));

	row_uint(&p, "datagrams", im->datagrams);
	row_uint(&p, "flows", im->taken);
	row_dropped(&p, im->dropped);
	client_end_with(im->client, CTL_FOUND, room, pack_len(&p), 3);
	import_free(im);
}

/* What was taken stays found; only what is sealed outlives the node. */
static void import_fail(struct import *im, enum err err)
{
	struct store_stats stats;

	store_stats(client_node(im->client)->store, &stats);
	client_end(im->client, CTL_INTERNAL,
	           "%s: stopped after %llu flows of this batch; %llu flows are in memory only",
	           err_text(err), (unsigned long long)im->taken,
	           (unsigned long long)stats.unsealed);
	import_free(im);
}

/* Retention would drop it at once: better to say so than to take it. */
static void import_refuse_old(struct import *im)
{
	char then[TIMESTAMP_TEXT_MAX], kept[DURATION_TEXT_MAX];

	client_end(im->client, CTL_INTERNAL,
	           "captured %s, which is longer ago than this node keeps flows (store.age_max, "
	           "%s)",
	           timestamp_print(im->old_ms, then),
	           duration_print(client_node(im->client)->conf.age_max_ms, kept));
	import_free(im);
}

static void import_run(struct import *im);

static void on_sealed(struct collector_waiter *w, enum err err)
{
	struct import *im = container_of(w, struct import, waiter);

	if (client_is_gone(im->client))
		import_free(im);
	else if (err != ERR_OK)
		import_fail(im, err);
	else
		import_run(im);
}

/* Reasons that a part of a datagram was not taken are counted by the decoder. */
static void count_parts(struct import *im, const struct flow_counters *before,
                        const struct flow_counters *after)
{
	for (size_t i = DROP_PARTS; i < DROP_COUNT_OF; i++)
		im->dropped[i] += after->dropped[i] - before->dropped[i];
}

/* The next datagram's flows, into the store or im->waiting; ERR_NOENT at the end. */
static enum err import_next(struct import *im)
{
	struct collector *c = &client_node(im->client)->collector;
	struct flow_counters before = c->decoder->counters;
	struct ctl_datagram datagram;
	struct flow_origin origin;
	enum drop drop;
	enum err err;

	if (!ctl_batch_next(&im->in, &datagram))
		return im->in.is_short ? ERR_FORMAT : ERR_NOENT;
	if (datagram.received_ms < im->oldest_ms) {
		im->old_ms = datagram.received_ms;
		return ERR_STALE;
	}
	origin = (struct flow_origin){
		.from = datagram.from,
		.received_ms = datagram.received_ms,
		.session = client_serial(im->client),
	};
	err = collector_feed(c, &origin, datagram.data.at, bytes_left(&datagram.data), &im->waiting,
	                     &drop);
	im->datagrams++;
	im->flows += c->decoder->counters.flows - before.flows;
	count_parts(im, &before, &c->decoder->counters);
	if (drop != DROP_NONE)
		im->dropped[drop]++;
	return err;
}

static void import_run(struct import *im)
{
	struct collector *c = &client_node(im->client)->collector;
	enum err err = im->waiting.count == 0 ? ERR_OK : collector_store(c, &im->waiting);

	while (err == ERR_OK)
		err = import_next(im);
	im->taken = im->flows - im->waiting.count;
	if (err == ERR_NOENT)
		import_end(im);
	else if (err == ERR_BUSY)
		collector_seal(c, &im->waiter);
	else if (err == ERR_STALE)
		import_refuse_old(im);
	else
		import_fail(im, err);
}

static int64_t oldest_kept(const struct node *node)
{
	int64_t age_max_ms = node->conf.age_max_ms;

	return age_max_ms > 0 ? node_now().wall.ms - age_max_ms : INT64_MIN;
}

void request_import(struct client *client, const struct ctl_request *request)
{
	size_t len = bytes_left(&request->batch);
	struct import *im = malloc(sizeof(*im) + len);

	if (im == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	memset(im, 0, sizeof(*im));
	if (len > 0)
		memcpy(im->batch, request->batch.at, len);
	im->waiter.fn = on_sealed;
	im->client = client_hold(client);
	im->in = bytes_of(im->batch, len);
	im->oldest_ms = oldest_kept(client_node(client));
	import_run(im);
}

struct sealing {
	struct collector_waiter waiter; /* first */
	struct client *client;
	uint64_t flows; /* that waited until the last file was read */
};

/* What waits for its template now waits in vain: the files of this client are all that it has. */
static void seal_end(struct client *client, uint64_t flows)
{
	const struct flow_decoder *d = client_node(client)->collector.decoder;
	uint64_t dropped[DROP_COUNT_OF] = {
		[DROP_UNTOLD] = pending_of_session(d->pending, client_serial(client)),
	};
	struct clockwarning off =
		clockwarning_of_files(d->streams, client_serial(client), CLOCKWARNING_BOUND_MS);
	uint8_t room[1024];
	struct pack p = pack_into(room, sizeof(room));
	char text[CLOCKWARNING_TEXT_MAX];
	bool is_off = clockwarning_text(&off, text);

	row_uint(&p, "flows", flows);
	row_dropped(&p, dropped);
	if (is_off)
		row_str(&p, "clock", text);
	client_end_with(client, CTL_FOUND, room, pack_len(&p), is_off ? 3 : 2);
}

static void on_all_sealed(struct collector_waiter *w, enum err err)
{
	struct sealing *s = container_of(w, struct sealing, waiter);

	if (err != ERR_OK)
		client_end(s->client, CTL_INTERNAL, "%s: what came last is in memory only",
		           err_text(err));
	else
		seal_end(s->client, s->flows);
	client_put(s->client);
	free(s);
}

void request_seal(struct client *client, const struct ctl_request *request)
{
	struct sealing *s = calloc(1, sizeof(*s));

	(void)request;
	if (s == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	s->waiter.fn = on_all_sealed;
	s->client = client_hold(client);
	s->flows = collector_end_files(&client_node(client)->collector, client_serial(client));
	collector_seal(&client_node(client)->collector, &s->waiter);
}
