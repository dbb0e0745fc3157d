#include "node/trace.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/asking.h"
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
#define TICK_MS 1000 /* whose client has gone or has had enough; who looks again */
#define LOOK_MS 5000 /* between two looks at a target that is followed */
#define DAY_MS 86400000
#define UNTIMED                                                                                    \
	"not decidable by timing: the connection was hardly ever silent for longer than the idle " \
	"timeout; "

static bool is_followed(const struct trace *t)
{
	return t->follow.every_ms > 0;
}

static bool has_silences(const struct lookup *l)
{
	return l->best.on_count > TRACE_SILENCES_MIN;
}

/* By silences, or else by volume: others are shown volumes only where silences do not do. */
static bool is_decidable(const struct lookup *l)
{
	return has_silences(l) || l->by_volume == VOLUME_TELLS;
}

static void free_rounds(struct round **rounds, size_t *count)
{
	while (*count > 0)
		round_free(rounds[--*count]);
}

static void trace_free(struct trace *t)
{
	struct traces *traces = &client_node(t->client)->traces;
	struct trace **link = &traces->list;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	traces->count--;
	free_rounds(t->rounds, &t->round_count);
	free_rounds(t->before, &t->before_count);
	lookup_fini(&t->lookup);
	client_put(t->client);
	free(t);
}

/* The evidence of every round is kept; the report names the first's. */
static void write_bundles(struct trace *t)
{
	struct node *node = client_node(t->client);

	for (size_t i = t->round_count; i-- > 0;) {
		if (bundle_write(node, t->rounds[i], t->bundle) != ERR_OK) {
			log_line("trace", "the evidence could not be written to %s",
			         node->conf.traces);
			t->bundle[0] = '\0';
		}
	}
}

static enum ctl_code send_report(struct trace *t, struct sheet *sheet)
{
	uint8_t *room = sheet != NULL ? malloc(REPORT_MAX) : NULL;
	struct pack p = pack_into(room, REPORT_MAX);
	enum ctl_code code = CTL_INTERNAL;

	if (room != NULL) {
		code = report_pack(&p, sheet, t->bundle);
		client_send(t->client, "row", room, pack_len(&p), NULL, NULL);
	}
	free(room);
	sheet_free(sheet);
	return code;
}

/* The last report and the end; then nothing is left of the trace. */
static void end(struct trace *t, struct sheet *sheet)
{
	bool has_sheet = sheet != NULL;
	enum ctl_code code;

	t->is_final = true;
	code = send_report(t, sheet);
	if (!has_sheet)
		client_end(t->client, code, "%s", err_text(ERR_NOMEM));
	else if (has_silences(&t->lookup))
		client_end(t->client, code, NULL);
	else if (t->lookup.by_volume == VOLUME_TELLS)
		client_end(
			t->client, code,
			UNTIMED
			"shown is what volumes tell, which a host's report would confirm: two who "
			"share a line evenly, or watch one stream, look alike");
	else
		client_end(t->client, code,
		           UNTIMED "nor by volume: %s; a longer window would decide, or %s",
		           volume_text(t->lookup.by_volume), volume_need(t->lookup.by_volume));
	trace_free(t);
}

/* Everything there is to say of the target as it was when it was asked about. */
static void conclude(struct trace *t, struct sheet *sheet)
{
	struct now now = node_now();

	write_bundles(t);
	free_rounds(t->before, &t->before_count);
	if (!is_followed(t) || sheet == NULL || t->follow.is_over ||
	    mono_reached(now.mono, t->follow.until) || client_is_stopped(t->client)) {
		end(t, sheet);
		return;
	}
	(void)send_report(t, sheet);
	t->state = TRACE_RESTING;
	t->look_at = mono_after(now.mono, LOOK_MS);
}

static void progress(const struct round *r)
{
	struct trace *t = r->trace;
	uint8_t room[96];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, (size_t)2 + (t->round_count > 1) + is_followed(t));
	if (is_followed(t))
		row_uint(&p, "round", t->pass);
	if (t->round_count > 1)
		row_uint(&p, "question", t->round_count);
	row_uint(&p, "asked", overlay_member_count(client_node(t->client)->link.overlay));
	row_uint(&p, "answered", r->outcome_count);
	client_send(t->client, "progress", room, pack_len(&p), NULL, NULL);
}

static enum err ask(struct trace *t, const struct asking *a);

/* A host may have named a connection that nobody was asked about yet. */
static bool goes_on(struct trace *t, const struct sheet *sheet)
{
	const struct upstream *up = sheet != NULL ? sheet_next(sheet) : NULL;

	if (up == NULL || t->round_count == TRACE_ROUNDS_MAX ||
	    mono_reached(node_now().mono, t->deadline))
		return false;
	return ask(t, &(struct asking){
			      .rhythm = {up->rhythm.on, up->rhythm.on_count, up->rhythm.gap_ms},
			      .proto = up->rhythm.proto,
			      .severity = t->severity,
			      .about = {up->src, up->dst},
		      }) == ERR_OK;
}

/* What the same question has found before is not lost. */
static void keep_earlier(struct round *r)
{
	const struct trace *t = r->trace;
	const struct cert *self = &client_node(t->client)->keys.self.card.cert;

	for (size_t i = 0; i < t->before_count; i++) {
		const struct ends *about = &t->before[i]->about;

		if (endpoint_equal(&about->src, &r->about.src) &&
		    endpoint_equal(&about->dst, &r->about.dst))
			round_keep(r, t->before[i], self);
	}
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
		keep_earlier(r);
		round_sort(r);
		sheet = sheet_make(client_node(t->client), t);
		if (goes_on(t, sheet))
			sheet_free(sheet);
		else
			conclude(t, sheet);
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

		if (t->state == TRACE_ASKING && r != NULL && !r->is_heard && r->ticket == ticket)
			return r;
	}
	return NULL;
}

void trace_receipt(struct traces *traces, const struct act *act)
{
	struct round *r = round_of(traces, act->ticket);
	struct trace_outcome *outcome = r != NULL ? round_outcome(r, act->card) : NULL;

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
	struct round *r = round_of(traces, act->ticket);

	if (r != NULL)
		round_add_reply(r, &act->reply);
}

void trace_finish(struct traces *traces, const struct act *act)
{
	struct round *r = round_of(traces, act->ticket);

	if (r == NULL)
		return;
	r->is_heard = true;
	for (size_t i = 0; i < act->outcome_count; i++) {
		struct trace_outcome *outcome = round_outcome(r, act->outcomes[i].card);

		if (outcome != NULL)
			outcome->state = act->outcomes[i].state;
	}
	advance(r);
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
static enum err ask(struct trace *t, const struct asking *a)
{
	struct node *node = client_node(t->client);
	struct round *r = calloc(1, sizeof(*r));
	struct question question;
	enum err err = r == NULL ? ERR_NOMEM : ERR_LIMIT;

	for (size_t i = 0; i < ASKING_STEPS && err == ERR_LIMIT; i++) {
		asking_question(a, i, &question);
		err = overlay_ask(node->link.overlay, node_now(), &question, left_ms(t), &r->ticket,
		                  &r->query, &r->blob);
	}
	if (err != ERR_OK) {
		free(r);
		return err;
	}
	t->state = TRACE_ASKING;
	r->trace = t;
	r->about = a->about;
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

static struct followed target_of(const struct lookup *l)
{
	const struct connection *c = &l->best;

	return (struct followed){c->on_count - 1,
	                         connection_life(c).end_ms - ahead_of(l->node, &c->view.exporter),
	                         connection_is_open(c)};
}

/* A report begins: its target is what the last look-up has found. */
static enum err begin_pass(struct trace *t)
{
	const struct connection *c = &t->lookup.best;
	struct followed target = target_of(&t->lookup);
	struct now now = node_now();

	t->pass++;
	t->deadline = mono_after(now.mono, (uint64_t)t->timeout_ms);
	follow_note(&t->follow, now, &target);
	return ask(t, &(struct asking){
			      .rhythm = {c->on, c->on_count, c->gap_ms},
			      .ahead_ms = ahead_of(t->lookup.node, &c->view.exporter),
			      .carried = has_silences(&t->lookup) ? NULL : &t->lookup.carried,
			      .proto = c->proto,
			      .severity = t->severity,
			      .about = {c->src, c->dst},
		      });
}

static void on_looked_up(struct lookup *lookup)
{
	struct trace *t = container_of(lookup, struct trace, lookup);
	struct followed target;
	enum err err;

	if (client_is_gone(t->client)) {
		trace_free(t);
	} else if (lookup->err == ERR_NOENT) {
		say_nothing_held(t);
	} else if (lookup->err != ERR_OK) {
		client_end(t->client, CTL_INTERNAL, "looking for the connection: %s",
		           err_text(lookup->err));
		trace_free(t);
	} else if (!is_decidable(lookup)) {
		target = target_of(lookup);
		t->pass++;
		follow_note(&t->follow, node_now(), &target);
		conclude(t, sheet_make(lookup->node, t));
	} else {
		err = begin_pass(t);
		if (err != ERR_OK)
			refuse_to_ask(t, err);
	}
}

/* The report that there is, without another question. */
static void end_here(struct trace *t)
{
	end(t, sheet_make(client_node(t->client), t));
}

/* Asks again; busy as the overlay may be, there is another time. */
static void ask_again(struct trace *t)
{
	struct follow follow = t->follow;
	enum err err;

	memcpy(t->before, t->rounds, sizeof(t->before));
	t->before_count = t->round_count;
	t->round_count = 0;
	err = begin_pass(t);
	if (err == ERR_OK)
		return;
	memcpy(t->rounds, t->before, sizeof(t->rounds));
	t->round_count = t->before_count;
	t->before_count = 0;
	t->pass--;
	t->follow = follow;
	t->follow.asked = node_now().mono;
	if (err != ERR_LIMIT)
		refuse_to_ask(t, err);
}

static size_t count_followed(const struct traces *traces)
{
	size_t count = 0;

	for (const struct trace *t = traces->list; t != NULL; t = t->next)
		count += is_followed(t);
	return count;
}

/* Resting; the target is as the last look has found it. */
static void go_on(struct trace *t)
{
	size_t shared = count_followed(&client_node(t->client)->traces);
	struct followed target = target_of(&t->lookup);

	switch (follow_next(&t->follow, node_now(), &target, t->round_count, shared)) {
	case FOLLOW_WAIT:
		return;
	case FOLLOW_ASK:
		if (is_decidable(&t->lookup))
			ask_again(t);
		else
			end_here(t); /* it has ended before anything could be told */
		return;
	case FOLLOW_END:
		end_here(t);
		return;
	}
}

/* What is held no more is not forgotten. */
static void on_looked_again(struct lookup *look)
{
	struct trace *t = container_of(look, struct trace, look);

	t->is_looking = false;
	t->look_at = mono_after(node_now().mono, LOOK_MS);
	if (look->err == ERR_OK) {
		look->others = t->lookup.others;
		lookup_fini(&t->lookup);
		t->lookup = *look;
	} else {
		lookup_fini(look);
	}
	if (client_is_gone(t->client))
		trace_free(t);
	else
		go_on(t);
}

static void look_again(struct trace *t)
{
	const struct connection *c = &t->lookup.best;
	struct ctl_request request = ctl_request_of(CTL_TRACE);
	struct node *node = client_node(t->client);

	request.target = c->dst;
	request.peer = c->src;
	request.proto = c->proto;
	request.since_ms = connection_life(c).start_ms;
	t->is_looking = true;
	lookup_start(&t->look, node, &request, t->lookup.gap_ms, on_looked_again);
}

/* The answers that are on their way are waited for no more; the report before stands. */
static void break_off(struct trace *t)
{
	struct round *r = t->rounds[t->round_count - 1];

	if (!r->is_searched)
		return; /* a worker has it: at the next tick */
	overlay_cancel(client_node(t->client)->link.overlay, r->ticket);
	if (t->before_count == 0) {
		client_end(t->client, CTL_PARTIAL, "ended before the first answers were complete");
		trace_free(t);
		return;
	}
	free_rounds(t->rounds, &t->round_count);
	memcpy(t->rounds, t->before, sizeof(t->rounds));
	t->round_count = t->before_count;
	t->before_count = 0;
	t->pass--;
	end_here(t);
}

static void attend(struct trace *t)
{
	bool is_asking = t->state == TRACE_ASKING, is_resting = t->state == TRACE_RESTING;

	if (client_is_gone(t->client)) {
		if (is_asking)
			advance(t->rounds[t->round_count - 1]);
		else if (is_resting && !t->is_looking)
			trace_free(t);
	} else if (!is_followed(t)) {
		return;
	} else if (client_is_stopped(t->client)) {
		if (is_asking)
			break_off(t);
		else if (is_resting && !t->is_looking)
			end_here(t);
	} else if (is_resting && !t->is_looking && mono_reached(node_now().mono, t->look_at)) {
		look_again(t);
	}
}

/* Of those whose client has gone until now nothing came that told them. */
static void attend_all(struct traces *traces)
{
	for (struct trace *t = traces->list, *next; t != NULL; t = next) {
		next = t->next;
		attend(t);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct traces *traces = timer->data;

	attend_all(traces);
	if (count_followed(traces) == 0)
		uv_timer_stop(timer);
}

/* Why it cannot be followed like this; NULL: it can, or need not. */
static const char *refuse_follow(const struct ctl_request *request, enum severity severity)
{
	int64_t least_ms = severity == SEVERITY_LOW ? 2 * FOLLOW_EVERY_MIN_MS : FOLLOW_EVERY_MIN_MS;

	if (request->every_ms == 0 && request->for_ms != 0)
		return "only a trace that is followed has an end (for without every)";
	if (request->every_ms == 0)
		return NULL;
	if (request->every_ms < least_ms || request->every_ms > DAY_MS)
		return severity == SEVERITY_LOW
		               ? "a question of low severity goes out every 20 s at most, and "
		                 "once a day at least: members answer no more"
		               : "a question goes out every 10 s at most, and once a day at least: "
		                 "members answer no more";
	return NULL;
}

static void start_following(struct trace *t, const struct ctl_request *request)
{
	struct traces *traces = &client_node(t->client)->traces;
	struct mono now = node_now().mono;

	t->follow.every_ms = request->every_ms;
	t->follow.until =
		request->for_ms > 0 ? mono_after(now, (uint64_t)request->for_ms) : MONO_NEVER;
	uv_timer_start(&traces->timer, on_tick, TICK_MS, TICK_MS);
}

void request_trace(struct client *client, const struct ctl_request *request)
{
	static const struct endpoint nothing;
	struct node *node = client_node(client);
	int64_t gap_ms = request->gap_ms > 0 ? request->gap_ms : node->conf.idle_timeout_ms;
	const char *severity = request->severity[0] == '\0' ? "medium" : request->severity;
	const char *refusal;
	struct trace *t;

	if (endpoint_equal(&request->target, &nothing) || severity_of(severity) == SEVERITY_END) {
		client_end(client, CTL_USAGE,
		           "a trace needs a target, and a severity of low, "
		           "medium, high or critical");
		return;
	}
	refusal = refuse_follow(request, severity_of(severity));
	if (refusal != NULL) {
		client_end(client, CTL_USAGE, "%s", refusal);
		return;
	}
	attend_all(&node->traces);
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
	t->follow.settle_ms = 2 * gap_ms + 5000;
	if (request->every_ms > 0)
		start_following(t, request);
	lookup_start(&t->lookup, node, request, gap_ms, on_looked_up);
}

void traces_start(struct traces *traces, struct node *node)
{
	uv_timer_init(&node->loop, &traces->timer);
	traces->timer.data = traces;
	traces->is_open = true;
}

void traces_stop(struct traces *traces)
{
	if (traces->is_open)
		uv_close((uv_handle_t *)&traces->timer, NULL);
}

void traces_fini(struct traces *traces)
{
	while (traces->list != NULL)
		trace_free(traces->list);
}
