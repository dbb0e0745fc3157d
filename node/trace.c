#include "node/trace.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/bundle.h"
#include "node/log.h"
#include "node/node.h"
#include "node/report.h"
#include "node/requests.h"
#include "node/row.h"
#include "node/sheet.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000

/* Fingerprints are coarsened until they fit a datagram: this many intervals, then fewer. */
static const size_t interval_steps[] = {QUERY_INTERVALS_MAX, 112, 96, 80, 64, 48};

static void round_free(struct round *r)
{
	for (size_t i = 0; i < r->reply_count; i++)
		free(r->replies[i].evidence);
	free(r->replies);
	free(r->outcomes);
	free(r->by_id);
	free(r);
}

static void trace_free(struct trace *t)
{
	struct traces *traces = &client_node(t->client)->traces;
	struct trace **link = &traces->list;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	traces->count--;
	for (size_t i = 0; i < t->round_count; i++)
		round_free(t->rounds[i]);
	lookup_fini(&t->lookup);
	client_put(t->client);
	free(t);
}

static int reply_by_name(const void *a, const void *b)
{
	const struct trace_reply *x = a, *y = b;

	return strcmp(x->cert.name, y->cert.name);
}

static int outcome_by_name(const void *a, const void *b)
{
	const struct trace_outcome *x = a, *y = b;

	return strcmp(x->card.cert.name, y->card.cert.name);
}

/* Who answered first is chance: the report reads the same every time. Ids are looked for no more.
 */
static void put_in_order(struct round *r)
{
	if (r->reply_count > 0)
		qsort(r->replies, r->reply_count, sizeof(r->replies[0]), reply_by_name);
	if (r->outcome_count > 0)
		qsort(r->outcomes, r->outcome_count, sizeof(r->outcomes[0]), outcome_by_name);
}

/* The evidence of every round is kept; the report names the first's. */
static void write_bundles(struct trace *t, char ret_path[CONF_PATH_MAX])
{
	struct node *node = client_node(t->client);
	char path[CONF_PATH_MAX];

	for (size_t i = t->round_count; i-- > 0;) {
		path[0] = '\0';
		if (bundle_write(node, t->rounds[i], path) != ERR_OK) {
			log_line("trace", "the evidence could not be written to %s",
			         node->conf.traces);
			path[0] = '\0';
		}
	}
	if (t->round_count > 0)
		memcpy(ret_path, path, sizeof(path));
}

/* The row and the end; then nothing is left of the trace. */
static void conclude(struct trace *t, struct sheet *sheet, const char *remark)
{
	char bundle[CONF_PATH_MAX] = "";
	uint8_t *room = sheet != NULL ? malloc(REPORT_MAX) : NULL;
	struct pack p = pack_into(room, REPORT_MAX);
	enum ctl_code code;

	if (room == NULL) {
		client_end(t->client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
	} else {
		write_bundles(t, bundle);
		code = report_pack(&p, sheet, bundle);
		client_send(t->client, "row", room, pack_len(&p), NULL, NULL);
		if (remark != NULL)
			client_end(t->client, code, "%s", remark);
		else
			client_end(t->client, code, NULL);
	}
	free(room);
	sheet_free(sheet);
	trace_free(t);
}

static void progress(const struct round *r)
{
	struct trace *t = r->trace;
	uint8_t room[64];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, t->round_count > 1 ? 3 : 2);
	if (t->round_count > 1)
		row_uint(&p, "question", t->round_count);
	row_uint(&p, "asked", overlay_member_count(client_node(t->client)->link.overlay));
	row_uint(&p, "answered", r->outcome_count);
	client_send(t->client, "progress", room, pack_len(&p), NULL, NULL);
}

static enum err ask(struct trace *t, const struct fingerprint *rhythm, int64_t ahead_ms,
                    uint8_t proto, struct ends about);

/* A host may have named a connection that nobody was asked about yet. */
static bool goes_on(struct trace *t, const struct sheet *sheet)
{
	const struct upstream *up = sheet != NULL ? sheet_next(sheet) : NULL;
	struct fingerprint rhythm;

	if (up == NULL || t->round_count == TRACE_ROUNDS_MAX ||
	    mono_reached(node_now().mono, t->deadline))
		return false;
	rhythm = (struct fingerprint){up->rhythm.on, up->rhythm.on_count, up->rhythm.gap_ms};
	return ask(t, &rhythm, 0, up->rhythm.proto, (struct ends){up->src, up->dst}) == ERR_OK;
}

/* Goes on when both halves are there; gives up when nobody waits any more. */
static void advance(struct round *r)
{
	struct trace *t = r->trace;
	bool is_gone = client_is_gone(t->client);
	struct sheet *sheet;

	if (!r->is_searched)
		return;
	if (!is_gone && r->search.err == ERR_OK) {
		if (!r->is_heard)
			return;
		put_in_order(r);
		sheet = sheet_make(client_node(t->client), t);
		if (goes_on(t, sheet))
			sheet_free(sheet);
		else
			conclude(t, sheet, NULL);
		return;
	}
	if (!r->is_heard)
		overlay_cancel(client_node(t->client)->link.overlay, r->ticket);
	if (!is_gone)
		client_end(t->client, CTL_INTERNAL, "searching this node's own flows: %s",
		           err_text(r->search.err));
	trace_free(t);
}

static void on_searched(struct search *search)
{
	struct round *r = container_of(search, struct round, search);

	r->is_searched = true;
	advance(r);
}

static struct round *round_of(struct traces *traces, uint32_t ticket)
{
	for (struct trace *t = traces->list; t != NULL; t = t->next) {
		struct round *r = t->round_count > 0 ? t->rounds[t->round_count - 1] : NULL;

		if (r != NULL && !r->is_heard && r->ticket == ticket)
			return r;
	}
	return NULL;
}

/* The first whose id is not below. */
static size_t place_of(const struct round *r, const struct id *id)
{
	size_t low = 0, high = r->outcome_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&r->outcomes[r->by_id[mid]].card.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_space(struct round *r)
{
	size_t space = MAX(2 * r->outcome_space, (size_t)16);
	struct trace_outcome *outcomes;
	uint32_t *by_id;

	if (r->outcome_count < r->outcome_space)
		return true;
	outcomes = realloc(r->outcomes, space * sizeof(*outcomes));
	if (outcomes == NULL)
		return false;
	r->outcomes = outcomes;
	by_id = realloc(r->by_id, space * sizeof(*by_id));
	if (by_id == NULL)
		return false;
	r->by_id = by_id;
	r->outcome_space = space;
	return true;
}

static struct trace_outcome *outcome_of(struct round *r, const struct card *card)
{
	size_t at = place_of(r, &card->id);

	if (at < r->outcome_count && id_equal(&r->outcomes[r->by_id[at]].card.id, &card->id))
		return &r->outcomes[r->by_id[at]];
	if (!has_space(r))
		return NULL;
	memmove(&r->by_id[at + 1], &r->by_id[at], (r->outcome_count - at) * sizeof(r->by_id[0]));
	r->by_id[at] = (uint32_t)r->outcome_count;
	r->outcomes[r->outcome_count] = (struct trace_outcome){.card = *card};
	return &r->outcomes[r->outcome_count++];
}

void trace_receipt(struct traces *traces, const struct act *act)
{
	struct round *r = round_of(traces, act->ticket);
	struct trace_outcome *outcome = r != NULL ? outcome_of(r, act->card) : NULL;

	if (outcome == NULL || act->len > sizeof(outcome->receipt_blob.octets))
		return;
	outcome->has_receipt = true;
	outcome->receipt = *act->receipt;
	outcome->receipt_blob.len = act->len;
	memcpy(outcome->receipt_blob.octets, act->data, act->len);
	progress(r);
}

void trace_reply(struct traces *traces, const struct act *act)
{
	const struct overlay_reply *reply = &act->reply;
	struct round *r = round_of(traces, act->ticket);
	struct trace_reply *replies, *kept;
	size_t len = bytes_left(&reply->evidence);
	struct bytes *testimony;

	if (r == NULL)
		return;
	replies = realloc(r->replies, (r->reply_count + 1) * sizeof(*replies));
	if (replies == NULL)
		return;
	r->replies = replies;
	kept = &replies[r->reply_count];
	kept->cert = reply->card->cert;
	kept->answer = *reply->answer;
	kept->evidence = malloc(len);
	if (kept->evidence == NULL)
		return;
	memcpy(kept->evidence, reply->evidence.at, len);
	kept->evidence_len = len;
	/* What the answer borrows, it borrows from the copy. */
	testimony = &kept->answer.testimony;
	if (bytes_left(testimony) > 0)
		*testimony = bytes_of(kept->evidence + (testimony->at - reply->evidence.at),
		                      bytes_left(testimony));
	r->reply_count++;
}

void trace_finish(struct traces *traces, const struct act *act)
{
	struct round *r = round_of(traces, act->ticket);

	if (r == NULL)
		return;
	r->is_heard = true;
	for (size_t i = 0; i < act->outcome_count; i++) {
		struct trace_outcome *outcome = outcome_of(r, act->outcomes[i].card);

		if (outcome != NULL)
			outcome->state = act->outcomes[i].state;
	}
	advance(r);
}

/* `rhythm` is by a clock that is `ahead_ms` of ours; a question is by ours. */
static void fill_question(const struct trace *t, const struct fingerprint *rhythm, int64_t ahead_ms,
                          uint8_t proto, size_t max, struct question *ret)
{
	struct interval *on = calloc(rhythm->count, sizeof(*on));
	size_t count;

	*ret = (struct question){.proto = proto, .severity = t->severity};
	CHECK(on != NULL);
	memcpy(on, rhythm->on, rhythm->count * sizeof(*on));
	ret->gap_ms = fingerprint_fit(rhythm->on, rhythm->count, rhythm->gap_ms, max);
	count = fingerprint_close(on, rhythm->count, ret->gap_ms);
	CHECK(count <= QUERY_INTERVALS_MAX);
	for (size_t i = 0; i < count; i++)
		ret->on[i] = (struct interval){on[i].start_ms - ahead_ms, on[i].end_ms - ahead_ms};
	ret->on_count = count;
	free(on);
}

static int64_t left_ms(const struct trace *t)
{
	struct mono now = node_now().mono;

	return mono_reached(now, t->deadline) ? 0 : (int64_t)(t->deadline.ms - now.ms);
}

/*
 * A round: signs and sends the question, as finely as a datagram allows, and asks our own store.
 * On failure there is no round more than before.
 */
static enum err ask(struct trace *t, const struct fingerprint *rhythm, int64_t ahead_ms,
                    uint8_t proto, struct ends about)
{
	struct node *node = client_node(t->client);
	struct round *r = calloc(1, sizeof(*r));
	struct question question;
	enum err err = r == NULL ? ERR_NOMEM : ERR_LIMIT;

	for (size_t i = 0; i < ARRAY_LEN(interval_steps) && err == ERR_LIMIT; i++) {
		fill_question(t, rhythm, ahead_ms, proto, interval_steps[i], &question);
		err = overlay_ask(node->link.overlay, node_now(), &question, left_ms(t), &r->ticket,
		                  &r->query, &r->blob);
	}
	if (err != ERR_OK) {
		free(r);
		return err;
	}
	r->trace = t;
	r->about = about;
	t->rounds[t->round_count++] = r;
	search_start(&r->search, node, &question, EVIDENCE_PARTS, on_searched);
	progress(r);
	link_drive(&node->link);
	return ERR_OK;
}

static void refuse_to_ask(struct trace *t, enum err err)
{
	char text[TIMESTAMP_TEXT_MAX];
	const struct card *card = &client_node(t->client)->keys.self.card;
	const struct cert *cert = &card->cert;
	struct wall now = node_now().wall;
	bool is_early = now.ms < cert->not_before.ms;

	if (err == ERR_EXPIRED && !is_early && now.ms <= cert->not_after.ms)
		client_end(t->client, CTL_DENIED,
		           "this node's operational keys expired %s: no member would answer",
		           timestamp_print(card->record.not_after.ms, text));
	else if (err == ERR_EXPIRED)
		client_end(
			t->client, CTL_DENIED,
			"this node's certificate %s %s: no member would answer",
			is_early ? "is not valid before" : "expired",
			timestamp_print(is_early ? cert->not_before.ms : cert->not_after.ms, text));
	else if (err == ERR_DENIED &&
	         trust_is_revoked(overlay_trust(client_node(t->client)->link.overlay), cert))
		client_end(
			t->client, CTL_DENIED,
			"this node's certificate was revoked by its root: no member would answer");
	else if (err == ERR_DENIED)
		client_end(t->client, CTL_DENIED,
		           "this node's certificate lets it answer, not ask; its root can issue "
		           "another (spoor member renew --role ask)");
	else
		client_end(t->client, CTL_INTERNAL, "the question could not be sent: %s",
		           err_text(err));
	trace_free(t);
}

static void say_nothing_held(struct trace *t)
{
	const struct lookup *l = &t->lookup;
	char from[TIMESTAMP_TEXT_MAX], to[TIMESTAMP_TEXT_MAX], target[ENDPOINT_TEXT_MAX];
	bool is_bounded = l->request.since_ms != INT64_MIN || l->request.until_ms != INT64_MAX;

	if (l->request.target.port == 0)
		addr_print(&l->request.target.addr, target);
	else
		endpoint_print(&l->request.target, target);
	if (l->held.start_ms > l->held.end_ms)
		client_end(t->client, CTL_NOTHING, "this node holds no flows at all");
	else
		client_end(t->client, CTL_NOTHING,
		           "no connection of %s%s; this node holds flows from %s to %s", target,
		           is_bounded ? " at that time" : "",
		           timestamp_print(l->held.start_ms, from),
		           timestamp_print(l->held.end_ms, to));
	trace_free(t);
}

static int64_t ahead_of(const struct node *node, const struct addr *exporter)
{
	struct skews skews;

	skews_take(&skews, node->collector.decoder->streams);
	return skews_of(&skews, exporter).offset_ms;
}

static void on_looked_up(struct lookup *lookup)
{
	struct trace *t = container_of(lookup, struct trace, lookup);
	const struct connection *c = &lookup->best;
	struct fingerprint rhythm = {c->on, c->on_count, c->gap_ms};
	enum err err;

	if (client_is_gone(t->client)) {
		trace_free(t);
	} else if (lookup->err == ERR_NOENT) {
		say_nothing_held(t);
	} else if (lookup->err != ERR_OK) {
		client_end(t->client, CTL_INTERNAL, "looking for the connection: %s",
		           err_text(lookup->err));
		trace_free(t);
	} else if (lookup->best.on_count <= TRACE_SILENCES_MIN) {
		conclude(t, sheet_make(lookup->node, t),
		         "not decidable by timing: the connection was never, or hardly ever, "
		         "silent for longer than the idle timeout; a longer window would decide, "
		         "or what a host reports of its processes");
	} else {
		err = ask(t, &rhythm, ahead_of(client_node(t->client), &c->view.exporter), c->proto,
		          (struct ends){c->src, c->dst});
		if (err != ERR_OK)
			refuse_to_ask(t, err);
	}
}

/* Of traces whose client has gone; until now nothing came that told them. */
static void let_go(struct traces *traces)
{
	for (struct trace *t = traces->list, *next; t != NULL; t = next) {
		next = t->next;
		if (t->round_count > 0 && client_is_gone(t->client))
			advance(t->rounds[t->round_count - 1]);
	}
}

void request_trace(struct client *client, const struct ctl_request *request)
{
	static const struct endpoint nothing;
	struct node *node = client_node(client);
	const char *severity = request->severity[0] == '\0' ? "medium" : request->severity;
	struct trace *t;

	if (endpoint_equal(&request->target, &nothing) || severity_of(severity) == SEVERITY_END) {
		client_end(client, CTL_USAGE,
		           "a trace needs a target, and a severity of low, "
		           "medium, high or critical");
		return;
	}
	let_go(&node->traces);
	t = node->traces.count < TRACES_MAX ? calloc(1, sizeof(*t)) : NULL;
	if (t == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_BUSY));
		return;
	}
	t->client = client_hold(client);
	t->severity = severity_of(severity);
	t->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS;
	t->deadline = mono_after(node_now().mono, (uint64_t)t->timeout_ms);
	t->next = node->traces.list;
	node->traces.list = t;
	node->traces.count++;
	lookup_start(&t->lookup, node, request,
	             request->gap_ms > 0 ? request->gap_ms : node->conf.idle_timeout_ms,
	             on_looked_up);
}

void traces_fini(struct traces *traces)
{
	while (traces->list != NULL)
		trace_free(traces->list);
}
