#include "node/pursuit.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/asking.h"
#include "node/clockwarning.h"
#include "node/node.h"
#include "node/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_rounds(struct round **rounds, size_t *count)
{
	while (*count > 0)
		round_free(rounds[--*count]);
}

void pursuit_forget(struct pursuit *p)
{
	free_rounds(p->rounds, &p->round_count);
}

void pursuit_end(struct pursuit *p)
{
	struct pursuit **link = &p->node->pursuits.list;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	pursuit_forget(p);
	free_rounds(p->before, &p->before_count);
	lookup_fini(&p->target);
}

/*
 * The target.
 */

struct followed pursuit_target(const struct pursuit *p)
{
	const struct connection *c = &p->target.best;

	return (struct followed){c->on_count - 1, connection_life(c).end_ms, connection_is_open(c)};
}

bool pursuit_has_silences(const struct pursuit *p)
{
	return p->target.best.on_count > PURSUIT_SILENCES_MIN;
}

/* Others are shown volumes only where silences do not do. */
bool pursuit_is_decidable(const struct pursuit *p)
{
	return pursuit_has_silences(p) || p->target.by_volume == VOLUME_TELLS;
}

static void on_found(struct lookup *lookup)
{
	struct pursuit *p = container_of(lookup, struct pursuit, target);

	p->is_looking = false;
	p->owner->found(p);
}

void pursuit_resume(struct pursuit *p, struct node *node)
{
	p->node = node;
	p->target.node = node;
	p->next = node->pursuits.list;
	node->pursuits.list = p;
}

void pursuit_start(struct pursuit *p, struct node *node, const struct ctl_request *request,
                   int64_t gap_ms)
{
	pursuit_resume(p, node);
	p->is_looking = true;
	lookup_start(&p->target, node, request, gap_ms,
	             mono_after(node_now().mono, NEAREST_LOOK_MS), on_found);
}

/*
 * What is held no more is not forgotten, be it the whole or the beginning. That may be later than
 * it was where more is known of its exporter's clock, and a little later where that is as before.
 */
static bool is_whole(const struct pursuit *p, const struct lookup *look)
{
	const struct connection *was = &p->target.best, *is = &look->best;
	int64_t open_ms = is->high_ms - is->low_ms;

	return look->err == ERR_OK &&
	       (open_ms < was->high_ms - was->low_ms ||
	        connection_life(is).start_ms <= connection_life(was).start_ms + open_ms);
}

static void on_looked(struct lookup *look)
{
	struct pursuit *p = container_of(look, struct pursuit, look);

	p->is_looking = false;
	p->look_at = mono_after(node_now().mono, PURSUIT_LOOK_MS);
	if (is_whole(p, look)) {
		look->others = p->target.others;
		look->is_translated = p->target.is_translated;
		lookup_fini(&p->target);
		p->target = *look;
	} else {
		lookup_fini(look);
	}
	p->owner->looked(p);
}

void pursuit_look(struct pursuit *p)
{
	const struct connection *c = &p->target.best;
	struct ctl_request request = ctl_request_of(CTL_TRACE);

	request.target = c->dst;
	request.peer = c->src;
	request.proto = c->proto;
	request.since_ms = connection_life(c).start_ms;
	p->is_looking = true;
	lookup_start(&p->look, p->node, &request, p->target.gap_ms, (struct mono){0}, on_looked);
}

bool pursuit_wants_look(const struct pursuit *p, struct mono now)
{
	return !p->is_asking && !p->is_looking && mono_reached(now, p->look_at);
}

/*
 * A pass: a round about the target, and one for each connection that hosts have named.
 */

static int64_t left_ms(const struct pursuit *p)
{
	struct mono now = node_now().mono;

	return mono_reached(now, p->deadline) ? 0 : (int64_t)(p->deadline.ms - now.ms);
}

static void say_heard(const struct round *r)
{
	struct pursuit *p = r->pursuit;

	if (p->owner->heard != NULL)
		p->owner->heard(p, r);
}

static void advance(struct round *r);

static void on_searched(struct search *search)
{
	struct round *r = container_of(search, struct round, search);

	r->is_searched = true;
	advance(r);
}

/*
 * A round: signs and sends the question, as finely as a datagram allows, and asks our own store.
 * On failure there is no round more than before.
 */
static enum err ask(struct pursuit *p, const struct asking *a)
{
	struct node *node = p->node;
	struct round *r = calloc(1, sizeof(*r));
	struct question question;
	enum err err = r == NULL ? ERR_NOMEM : ERR_LIMIT;

	for (size_t i = 0; i < ASKING_STEPS && err == ERR_LIMIT; i++) {
		question = asking_question(a, i);
		err = overlay_ask(node->link.overlay, node_now(), &question, left_ms(p), &r->ticket,
		                  &r->query, &r->blob);
	}
	if (err != ERR_OK) {
		free(r);
		return err;
	}
	p->is_asking = true;
	r->pursuit = p;
	r->about = a->about;
	p->rounds[p->round_count++] = r;
	spending_note(&node->pursuits.spending, node_now().mono, p->severity == SEVERITY_LOW);
	search_start(&r->search, node, &question, EVIDENCE_PARTS, p->deadline, on_searched);
	say_heard(r);
	link_drive(&node->link);
	return ERR_OK;
}

static void restore(struct pursuit *p)
{
	pursuit_forget(p);
	memcpy(p->rounds, p->before, sizeof(p->rounds));
	p->round_count = p->before_count;
	p->before_count = 0;
	p->is_asking = false;
	p->pass--;
}

enum err pursuit_ask(struct pursuit *p)
{
	const struct connection *c = &p->target.best;
	enum err err;

	memcpy(p->before, p->rounds, sizeof(p->before));
	p->before_count = p->round_count;
	p->round_count = 0;
	p->pass++;
	p->deadline = mono_after(node_now().mono, (uint64_t)p->timeout_ms);
	err = ask(p, &(struct asking){
			     .rhythm = {c->on, c->on_count, c->gap_ms},
			     .clock = losses_clock(c, p->target.lost),
			     .carried = pursuit_has_silences(p) ? NULL : &p->target.carried,
			     .way = p->target.way,
			     .proto = c->proto,
			     .severity = p->severity,
			     .about = {c->src, c->dst},
		     });
	if (err != ERR_OK)
		restore(p);
	return err;
}

bool pursuit_break_off(struct pursuit *p)
{
	const struct round *r = p->rounds[p->round_count - 1];

	if (!r->is_searched)
		return false;
	if (!r->is_heard)
		overlay_cancel(p->node->link.overlay, r->ticket);
	restore(p);
	return true;
}

/* A host may have named a connection that nobody was asked about yet. */
static bool goes_on(struct pursuit *p, const struct sheet *sheet)
{
	struct score_clock clock;
	const struct upstream *up = sheet != NULL ? sheet_next(sheet, &clock) : NULL;

	if (up == NULL || p->round_count == PURSUIT_ROUNDS_MAX || left_ms(p) == 0)
		return false;
	return ask(p, &(struct asking){
			      .rhythm = {up->rhythm.on, up->rhythm.on_count, up->rhythm.gap_ms},
			      .clock = clock,
			      .proto = up->rhythm.proto,
			      .severity = p->severity,
			      .about = {up->src, up->dst},
		      }) == ERR_OK;
}

/* What the same question has found before is not lost. */
static void keep_earlier(struct round *r)
{
	const struct pursuit *p = r->pursuit;
	const struct cert *self = &p->node->keys.self.card.cert;

	for (size_t i = 0; i < p->before_count; i++) {
		const struct ends *about = &p->before[i]->about;

		if (endpoint_equal(&about->src, &r->about.src) &&
		    endpoint_equal(&about->dst, &r->about.dst))
			round_keep(r, p->before[i], self);
	}
}

/* Goes on when both halves are there: if our own has failed, others have answered all the same. */
static void advance(struct round *r)
{
	struct pursuit *p = r->pursuit;
	struct sheet *sheet;

	if (!r->is_searched || !r->is_heard)
		return;
	keep_earlier(r);
	round_sort(r);
	sheet = sheet_make(p->node, p);
	if (goes_on(p, sheet)) {
		sheet_free(sheet);
		return;
	}
	p->is_asking = false;
	free_rounds(p->before, &p->before_count);
	p->owner->told(p, sheet);
}

static struct round *round_of(struct pursuits *all, uint32_t ticket)
{
	for (struct pursuit *p = all->list; p != NULL; p = p->next) {
		struct round *r = p->round_count > 0 ? p->rounds[p->round_count - 1] : NULL;

		if (p->is_asking && r != NULL && !r->is_heard && r->ticket == ticket)
			return r;
	}
	return NULL;
}

void pursuits_receipt(struct pursuits *all, const struct act *act)
{
	struct round *r = round_of(all, act->ticket);
	struct trace_outcome *outcome = r != NULL ? round_outcome(r, act->card) : NULL;

	if (outcome == NULL || act->len > sizeof(outcome->receipt_blob.octets))
		return;
	outcome->has_receipt = true;
	outcome->receipt = *act->receipt;
	outcome->receipt_blob.len = act->len;
	memcpy(outcome->receipt_blob.octets, act->data, act->len);
	say_heard(r);
}

void pursuits_reply(struct pursuits *all, const struct act *act)
{
	struct round *r = round_of(all, act->ticket);

	if (r != NULL)
		round_add_reply(r, &act->reply);
}

void pursuits_finish(struct pursuits *all, const struct act *act)
{
	struct round *r = round_of(all, act->ticket);

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

/*
 * What cannot be, for people.
 */

const char *pursuit_untimed(const struct pursuit *p, char ret[PURSUIT_REASON_MAX])
{
	static const char untimed[] = "not decidable by timing: the connection was hardly ever "
				      "silent for longer than the idle timeout; ";
	enum volume_verdict by_volume = p->target.by_volume;

	if (by_volume == VOLUME_TELLS)
		snprintf(
			ret, PURSUIT_REASON_MAX,
			"%swhat was carried is compared instead, and a host's report would confirm "
			"a match: two who share a line evenly, or watch one stream, look alike",
			untimed);
	else
		snprintf(ret, PURSUIT_REASON_MAX,
		         "%snor by volume: %s; a longer window would decide, or %s", untimed,
		         volume_text(by_volume), volume_need(by_volume));
	return ret;
}

const char *pursuit_unsearched(const struct pursuit *p)
{
	for (size_t i = 0; i < p->round_count; i++) {
		const struct search *own = &p->rounds[i]->search;

		if (own->err != ERR_OK)
			return err_text(own->err);
		if (own->extent != SEARCH_WHOLE)
			return search_extent_text(own->extent);
	}
	return NULL;
}

enum ctl_code pursuit_refusal(const struct node *node, enum err err, char ret[PURSUIT_REASON_MAX])
{
	char text[TIMESTAMP_TEXT_MAX];
	const struct card *card = &node->keys.self.card;
	const struct cert *cert = &card->cert;
	struct wall now = node_now().wall;
	bool is_early = now.ms < cert->not_before.ms;

	if (err == ERR_EXPIRED && !is_early && now.ms <= cert->not_after.ms)
		snprintf(ret, PURSUIT_REASON_MAX,
		         "this node's operational keys expired %s: no member would answer",
		         timestamp_print(card->record.not_after.ms, text));
	else if (err == ERR_EXPIRED)
		snprintf(
			ret, PURSUIT_REASON_MAX,
			"this node's certificate %s %s: no member would answer",
			is_early ? "is not valid before" : "expired",
			timestamp_print(is_early ? cert->not_before.ms : cert->not_after.ms, text));
	else if (err == ERR_DENIED && trust_is_revoked(overlay_trust(node->link.overlay), cert))
		snprintf(ret, PURSUIT_REASON_MAX,
		         "this node's certificate was revoked by its root: no member would answer");
	else if (err == ERR_DENIED)
		snprintf(ret, PURSUIT_REASON_MAX,
		         "this node's certificate lets it answer, not ask; its root can issue "
		         "another (spoor member renew --role ask)");
	else if (err == ERR_RANGE)
		snprintf(ret, PURSUIT_REASON_MAX,
		         "the connection spans more than 400 days, of which no member would read a "
		         "question: ask about less of it, with --since and --until");
	else
		snprintf(ret, PURSUIT_REASON_MAX, "the question could not be sent: %s",
		         err_text(err));
	if (err == ERR_RANGE)
		return CTL_USAGE;
	return err == ERR_EXPIRED || err == ERR_DENIED ? CTL_DENIED : CTL_INTERNAL;
}

/* Whose flows have other times than whoever asks may think: "; the clock of ..." or "". */
static const char *clock_off(const struct node *node, char room[CLOCKWARNING_TEXT_MAX + 8])
{
	const struct stream_table *streams = node->collector.decoder->streams;
	struct clockwarning off =
		clockwarning_of(streams, node_now().wall.ms, CLOCKWARNING_BOUND_MS);
	char text[CLOCKWARNING_TEXT_MAX];

	if (off.count == 0)
		off = clockwarning_of_files(streams, 0, CLOCKWARNING_BOUND_MS);
	room[0] = '\0';
	if (clockwarning_text(&off, text))
		snprintf(room, CLOCKWARNING_TEXT_MAX + 8, "; %s", text);
	return room;
}

enum ctl_code pursuit_not_found(const struct pursuit *p, char ret[PURSUIT_REASON_MAX])
{
	const struct lookup *l = &p->target;
	char from[TIMESTAMP_TEXT_MAX], to[TIMESTAMP_TEXT_MAX], target[ENDPOINT_TEXT_MAX];
	char nearest[NEAREST_TEXT_MAX], off[CLOCKWARNING_TEXT_MAX + 8];
	bool is_bounded = l->request.since_ms != INT64_MIN || l->request.until_ms != INT64_MAX;

	if (l->err != ERR_NOENT) {
		snprintf(ret, PURSUIT_REASON_MAX, "looking for the connection: %s",
		         err_text(l->err));
		return CTL_INTERNAL;
	}
	if (l->request.target.port == 0)
		addr_print(&l->request.target.addr, target);
	else
		endpoint_print(&l->request.target, target);
	if (l->held.start_ms > l->held.end_ms)
		snprintf(ret, PURSUIT_REASON_MAX, "this node holds no flows at all");
	else
		snprintf(ret, PURSUIT_REASON_MAX,
		         "no connection of %s%s; this node holds flows from %s to %s%s%s", target,
		         is_bounded ? " at that time" : "", timestamp_print(l->held.start_ms, from),
		         timestamp_print(l->held.end_ms, to), nearest_print(&l->nearest, nearest),
		         is_bounded ? clock_off(p->node, off) : "");
	return CTL_NOTHING;
}
