#include "node/trace.h"

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

#define TICK_MS 1000 /* whose client has gone or has had enough; who looks again */
#define DAY_MS 86400000

static bool is_followed(const struct trace *t)
{
	return t->follow.every_ms > 0;
}

static void trace_free(struct trace *t)
{
	struct traces *traces = &client_node(t->client)->traces;
	struct trace **link = &traces->list;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	traces->count--;
	pursuit_end(&t->pursuit);
	client_put(t->client);
	free(t);
}

/* The evidence of every round is kept; the report names the first's. */
static void write_bundles(struct trace *t)
{
	const struct pursuit *p = &t->pursuit;

	for (size_t i = p->round_count; i-- > 0;) {
		if (bundle_write(p->node, p->rounds[i], t->bundle) != ERR_OK) {
			log_line("trace", "the evidence could not be written to %s",
			         p->node->conf.traces);
			t->bundle[0] = '\0';
		}
	}
	bundles_bound(p->node);
}

static enum ctl_code send_report(struct trace *t, struct sheet *sheet, bool is_final)
{
	uint8_t *room = sheet != NULL ? malloc(REPORT_MAX) : NULL;
	struct pack p = pack_into(room, REPORT_MAX);
	enum ctl_code code = CTL_INTERNAL;

	if (room != NULL) {
		code = report_pack(&p, sheet, t->bundle, is_final);
		client_send(t->client, "row", room, pack_len(&p), NULL, NULL);
	}
	free(room);
	sheet_free(sheet);
	return code;
}

/* The last report and the end; then nothing is left of the trace. */
static void end(struct trace *t, struct sheet *sheet)
{
	char remark[PURSUIT_REASON_MAX];
	bool has_sheet = sheet != NULL;
	enum ctl_code code = send_report(t, sheet, true);

	if (!has_sheet)
		client_end(t->client, code, "%s", err_text(ERR_NOMEM));
	else if (pursuit_has_silences(&t->pursuit))
		client_end(t->client, code, NULL);
	else
		client_end(t->client, code, "%s", pursuit_untimed(&t->pursuit, remark));
	trace_free(t);
}

/* Everything there is to say of the target as it was when it was asked about. */
static void conclude(struct trace *t, struct sheet *sheet)
{
	struct now now = node_now();

	write_bundles(t);
	if (!is_followed(t) || sheet == NULL || t->follow.is_over ||
	    mono_reached(now.mono, t->follow.until) || client_is_stopped(t->client)) {
		end(t, sheet);
		return;
	}
	(void)send_report(t, sheet, false);
	t->pursuit.look_at = mono_after(now.mono, PURSUIT_LOOK_MS);
}

static void on_heard(struct pursuit *pursuit, const struct round *r)
{
	struct trace *t = container_of(pursuit, struct trace, pursuit);
	uint8_t room[96];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, (size_t)2 + (pursuit->round_count > 1) + is_followed(t));
	if (is_followed(t))
		row_uint(&p, "round", pursuit->pass);
	if (pursuit->round_count > 1)
		row_uint(&p, "question", pursuit->round_count);
	row_uint(&p, "asked", overlay_member_count(pursuit->node->link.overlay));
	row_uint(&p, "answered", r->outcome_count);
	client_send(t->client, "progress", room, pack_len(&p), NULL, NULL);
}

static void on_told(struct pursuit *pursuit, struct sheet *sheet)
{
	struct trace *t = container_of(pursuit, struct trace, pursuit);

	if (!client_is_gone(t->client)) {
		conclude(t, sheet);
		return;
	}
	sheet_free(sheet);
	trace_free(t);
}

static void refuse_to_ask(struct trace *t, enum err err)
{
	char reason[PURSUIT_REASON_MAX];
	enum ctl_code code = pursuit_refusal(t->pursuit.node, err, reason);

	client_end(t->client, code, "%s", reason);
	trace_free(t);
}

static void note_target(struct trace *t)
{
	struct followed target = pursuit_target(&t->pursuit);

	follow_note(&t->follow, node_now(), &target);
}

static void on_found(struct pursuit *p)
{
	struct trace *t = container_of(p, struct trace, pursuit);
	char reason[PURSUIT_REASON_MAX];
	enum err err;

	if (client_is_gone(t->client)) {
		trace_free(t);
	} else if (p->target.err != ERR_OK) {
		client_end(t->client, pursuit_not_found(p, reason), "%s", reason);
		trace_free(t);
	} else if (!pursuit_is_decidable(p)) {
		p->pass++;
		note_target(t);
		conclude(t, sheet_make(p->node, p));
	} else {
		note_target(t);
		err = pursuit_ask(p);
		if (err != ERR_OK)
			refuse_to_ask(t, err);
	}
}

/* The report that there is, without another question. */
static void end_here(struct trace *t)
{
	end(t, sheet_make(t->pursuit.node, &t->pursuit));
}

/* Asks again; busy as the overlay may be, there is another time. */
static void ask_again(struct trace *t)
{
	enum err err = pursuit_ask(&t->pursuit);

	if (err == ERR_OK)
		note_target(t);
	else if (err == ERR_LIMIT)
		t->follow.asked = node_now().mono;
	else
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
	size_t shared = count_followed(&t->pursuit.node->traces);
	struct followed target = pursuit_target(&t->pursuit);

	switch (follow_next(&t->follow, node_now(), &target, t->pursuit.round_count, shared)) {
	case FOLLOW_WAIT:
		return;
	case FOLLOW_ASK:
		if (pursuit_is_decidable(&t->pursuit))
			ask_again(t);
		else
			end_here(t); /* it has ended before anything could be told */
		return;
	case FOLLOW_END:
		end_here(t);
		return;
	}
}

static void on_looked(struct pursuit *p)
{
	struct trace *t = container_of(p, struct trace, pursuit);

	if (client_is_gone(t->client))
		trace_free(t);
	else
		go_on(t);
}

static const struct pursuit_owner owner = {
	.found = on_found, .looked = on_looked, .heard = on_heard, .told = on_told};

/* The client wants no more of a trace that is followed: the report before stands. */
static void stop(struct trace *t)
{
	struct pursuit *p = &t->pursuit;

	if (p->is_asking && !pursuit_break_off(p))
		return; /* a worker has it: at the next tick */
	if (p->pass > 0) {
		end_here(t);
	} else {
		client_end(t->client, CTL_PARTIAL, "ended before the first answers were complete");
		trace_free(t);
	}
}

static void attend(struct trace *t)
{
	struct pursuit *p = &t->pursuit;

	if (client_is_gone(t->client)) {
		if (!p->is_looking && (!p->is_asking || pursuit_break_off(p)))
			trace_free(t);
	} else if (!is_followed(t) || p->is_looking) {
		return;
	} else if (client_is_stopped(t->client)) {
		stop(t);
	} else if (pursuit_wants_look(p, node_now().mono)) {
		pursuit_look(p);
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
	if (traces->count == 0)
		uv_timer_stop(timer);
}

/* Why it is not to be; NULL: it may. */
static const char *refuse(const struct ctl_request *request, enum severity severity)
{
	static const struct endpoint nothing;
	int64_t least_ms = severity == SEVERITY_LOW ? 2 * FOLLOW_EVERY_MIN_MS : FOLLOW_EVERY_MIN_MS;

	if (endpoint_equal(&request->target, &nothing) || severity == SEVERITY_END)
		return "a trace needs a target, and a severity of low, medium, high or critical";
	if (request->gap_ms > DAY_MS)
		return "a gap (--gap) is a day at most";
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

enum severity trace_severity(const struct ctl_request *request)
{
	return severity_of(request->severity[0] == '\0' ? "medium" : request->severity);
}

void request_trace(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	int64_t gap_ms = request->gap_ms > 0 ? request->gap_ms : node->conf.idle_timeout_ms;
	enum severity severity = trace_severity(request);
	const char *refusal = refuse(request, severity);
	struct trace *t;

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
	t->follow = (struct follow){
		.every_ms = request->every_ms,
		.until = request->for_ms > 0
	                         ? mono_after(node_now().mono, (uint64_t)request->for_ms)
	                         : MONO_NEVER,
		.settle_ms = FOLLOW_SETTLE_MS(gap_ms),
	};
	t->next = node->traces.list;
	node->traces.list = t;
	node->traces.count++;
	uv_timer_start(&node->traces.timer, on_tick, TICK_MS, TICK_MS);
	t->pursuit.owner = &owner;
	t->pursuit.severity = severity;
	t->pursuit.timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : PURSUIT_TIMEOUT_MS;
	pursuit_start(&t->pursuit, node, request, gap_ms);
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
