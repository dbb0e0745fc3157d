#include "node/trace.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/bundle.h"
#include "node/log.h"
#include "node/node.h"
#include "node/report.h"
#include "node/requests.h"
#include "node/row.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define SILENCES_MIN 2 /* below, nothing can be told by timing: nobody is asked */

/* Fingerprints are coarsened until they fit a datagram: this many intervals, then fewer. */
static const size_t interval_steps[] = {QUERY_INTERVALS_MAX, 112, 96, 80, 64, 48};

static void trace_free(struct trace *t)
{
	struct traces *traces = &client_node(t->client)->traces;
	struct trace **link = &traces->list;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	traces->count--;
	for (size_t i = 0; i < t->reply_count; i++)
		free(t->replies[i].evidence);
	free(t->replies);
	free(t->outcomes);
	free(t->by_id);
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
static void put_in_order(struct trace *t)
{
	if (t->reply_count > 0)
		qsort(t->replies, t->reply_count, sizeof(t->replies[0]), reply_by_name);
	if (t->outcome_count > 0)
		qsort(t->outcomes, t->outcome_count, sizeof(t->outcomes[0]), outcome_by_name);
}

/* The row and the end; then nothing is left of the trace. */
static void conclude(struct trace *t, const char *remark)
{
	struct node *node = client_node(t->client);
	char bundle[CONF_PATH_MAX] = "";
	uint8_t *room = malloc(REPORT_MAX);
	struct pack p = pack_into(room, REPORT_MAX);
	enum ctl_code code;

	if (room == NULL) {
		client_end(t->client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		trace_free(t);
		return;
	}
	put_in_order(t);
	if (t->is_asked && bundle_write(node, t, bundle) != ERR_OK) {
		log_line("trace", "the evidence could not be written to %s", node->conf.traces);
		bundle[0] = '\0';
	}
	code = report_pack(&p, node, t, bundle);
	client_send(t->client, "row", room, pack_len(&p), NULL, NULL);
	if (remark != NULL)
		client_end(t->client, code, "%s", remark);
	else
		client_end(t->client, code, NULL);
	free(room);
	trace_free(t);
}

static void progress(struct trace *t)
{
	uint8_t room[64];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, 2);
	row_uint(&p, "asked", overlay_member_count(client_node(t->client)->link.overlay));
	row_uint(&p, "answered", t->outcome_count);
	client_send(t->client, "progress", room, pack_len(&p), NULL, NULL);
}

/* Goes on when both halves are there; gives up when nobody waits any more. */
static void advance(struct trace *t)
{
	bool is_gone = client_is_gone(t->client);

	if (!t->is_searched)
		return;
	if (!is_gone && t->search.err == ERR_OK) {
		if (t->is_heard)
			conclude(t, NULL);
		return;
	}
	if (!t->is_heard)
		overlay_cancel(client_node(t->client)->link.overlay, t->ticket);
	if (!is_gone)
		client_end(t->client, CTL_INTERNAL, "searching this node's own flows: %s",
		           err_text(t->search.err));
	trace_free(t);
}

static void on_searched(struct search *search)
{
	struct trace *t = container_of(search, struct trace, search);

	t->is_searched = true;
	advance(t);
}

static struct trace *trace_of(struct traces *traces, uint32_t ticket)
{
	for (struct trace *t = traces->list; t != NULL; t = t->next) {
		if (t->is_asked && !t->is_heard && t->ticket == ticket)
			return t;
	}
	return NULL;
}

/* The first whose id is not below. */
static size_t place_of(const struct trace *t, const struct id *id)
{
	size_t low = 0, high = t->outcome_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&t->outcomes[t->by_id[mid]].card.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_space(struct trace *t)
{
	size_t space = MAX(2 * t->outcome_space, (size_t)16);
	struct trace_outcome *outcomes;
	uint32_t *by_id;

	if (t->outcome_count < t->outcome_space)
		return true;
	outcomes = realloc(t->outcomes, space * sizeof(*outcomes));
	if (outcomes == NULL)
		return false;
	t->outcomes = outcomes;
	by_id = realloc(t->by_id, space * sizeof(*by_id));
	if (by_id == NULL)
		return false;
	t->by_id = by_id;
	t->outcome_space = space;
	return true;
}

static struct trace_outcome *outcome_of(struct trace *t, const struct card *card)
{
	size_t at = place_of(t, &card->id);

	if (at < t->outcome_count && id_equal(&t->outcomes[t->by_id[at]].card.id, &card->id))
		return &t->outcomes[t->by_id[at]];
	if (!has_space(t))
		return NULL;
	memmove(&t->by_id[at + 1], &t->by_id[at], (t->outcome_count - at) * sizeof(t->by_id[0]));
	t->by_id[at] = (uint32_t)t->outcome_count;
	t->outcomes[t->outcome_count] = (struct trace_outcome){.card = *card};
	return &t->outcomes[t->outcome_count++];
}

void trace_receipt(struct traces *traces, const struct act *act)
{
	struct trace *t = trace_of(traces, act->ticket);
	struct trace_outcome *outcome = t != NULL ? outcome_of(t, act->card) : NULL;

	if (outcome == NULL || act->len > sizeof(outcome->receipt_blob.octets))
		return;
	outcome->has_receipt = true;
	outcome->receipt = *act->receipt;
	outcome->receipt_blob.len = act->len;
	memcpy(outcome->receipt_blob.octets, act->data, act->len);
	progress(t);
}

void trace_reply(struct traces *traces, const struct act *act)
{
	const struct overlay_reply *reply = &act->reply;
	struct trace *t = trace_of(traces, act->ticket);
	struct trace_reply *replies, *r;
	size_t len = bytes_left(&reply->evidence);

	if (t == NULL)
		return;
	replies = realloc(t->replies, (t->reply_count + 1) * sizeof(*replies));
	if (replies == NULL)
		return;
	t->replies = replies;
	r = &replies[t->reply_count];
	r->cert = reply->card->cert;
	r->answer = *reply->answer;
	r->evidence = malloc(len);
	if (r->evidence == NULL)
		return;
	memcpy(r->evidence, reply->evidence.at, len);
	r->evidence_len = len;
	t->reply_count++;
}

void trace_finish(struct traces *traces, const struct act *act)
{
	struct trace *t = trace_of(traces, act->ticket);

	if (t == NULL)
		return;
	t->is_heard = true;
	for (size_t i = 0; i < act->outcome_count; i++) {
		struct trace_outcome *outcome = outcome_of(t, act->outcomes[i].card);

		if (outcome != NULL)
			outcome->state = act->outcomes[i].state;
	}
	advance(t);
}

static void fill_question(struct trace *t, size_t max, struct question *ret)
{
	const struct connection *c = &t->lookup.best;
	struct interval *on = calloc(c->on_count, sizeof(*on));
	size_t count;

	*ret = (struct question){.proto = c->proto, .severity = t->severity};
	CHECK(on != NULL);
	memcpy(on, c->on, c->on_count * sizeof(*on));
	ret->gap_ms = fingerprint_fit(c->on, c->on_count, c->gap_ms, max);
	count = fingerprint_close(on, c->on_count, ret->gap_ms);
	CHECK(count <= QUERY_INTERVALS_MAX);
	memcpy(ret->on, on, count * sizeof(*on));
	ret->on_count = count;
	free(on);
}

/* Signs and sends the question, as finely as a datagram allows. */
static enum err ask(struct trace *t, struct question *ret_question)
{
	struct node *node = client_node(t->client);
	enum err err = ERR_LIMIT;

	for (size_t i = 0; i < ARRAY_LEN(interval_steps) && err == ERR_LIMIT; i++) {
		fill_question(t, interval_steps[i], ret_question);
		err = overlay_ask(node->link.overlay, node_now(), ret_question, t->timeout_ms,
		                  &t->ticket, &t->query, &t->blob);
	}
	return err;
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

static void on_looked_up(struct lookup *lookup)
{
	struct trace *t = container_of(lookup, struct trace, lookup);
	struct question question;
	enum err err;

	if (client_is_gone(t->client)) {
		trace_free(t);
	} else if (lookup->err == ERR_NOENT) {
		say_nothing_held(t);
	} else if (lookup->err != ERR_OK) {
		client_end(t->client, CTL_INTERNAL, "looking for the connection: %s",
		           err_text(lookup->err));
		trace_free(t);
	} else if (lookup->best.on_count <= SILENCES_MIN) {
		conclude(t, "not decidable by timing: the connection was never, or hardly ever, "
		            "silent for longer than the idle timeout");
	} else {
		err = ask(t, &question);
		if (err != ERR_OK) {
			refuse_to_ask(t, err);
			return;
		}
		t->is_asked = true;
		search_start(&t->search, lookup->node, &question, EVIDENCE_PARTS, on_searched);
		progress(t);
		link_drive(&lookup->node->link);
	}
}

/* Of traces whose client has gone; until now nothing came that told them. */
static void let_go(struct traces *traces)
{
	for (struct trace *t = traces->list, *next; t != NULL; t = next) {
		next = t->next;
		if (t->is_asked && client_is_gone(t->client))
			advance(t);
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
