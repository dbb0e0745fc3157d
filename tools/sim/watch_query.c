/*
 * The promises of queries:
 *
 *   - no number serves an origin twice, whatever it has forgotten, as long as its disk stands
 *   - a query is served once in each life of a node, and after a restart with its disk again only
 *     if no receipt of it, but one of kind busy, was sent; of two queries under one number only one
 *     is
 *   - a receipt reaches only the ticket it is for, verifies, and says what that member did
 *   - an answer does, too: once from each member, with evidence that verifies, word for word as
 *     that member gave it
 *   - a query ends once, in time, with one outcome for each member, which agrees with the rest
 *
 * What liars say is not held against honest nodes, but must verify like anything else.
 */
#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t id_number(const struct query_id *id)
{
	uint64_t number;

	memcpy(&number, id->octets, sizeof(number));
	return number;
}

const struct asked *watch_known(const struct sim *sim, const struct query_id *id)
{
	uint64_t at = map_find(&sim->known, map_key(id_number(id), 0));
	const struct asked *asked = at == 0 ? NULL : &sim->asked[at - 1];

	return asked != NULL && memcmp(&asked->id, id, sizeof(*id)) == 0 ? asked : NULL;
}

void watch_asked(struct sim *sim, uint32_t node, const struct query *query, size_t index)
{
	struct node *n = &sim->nodes[node];

	if (index != SIZE_MAX && query->number <= n->number_max)
		violation(sim, node, "its query has number %" PRIu64 " after %" PRIu64,
		          query->number, n->number_max);
	n->number_max = MAX(n->number_max, query->number);
	if (sim->asked_count == sim->asked_room) {
		sim->asked_room = MAX(64, 2 * sim->asked_room);
		sim->asked = must(realloc(sim->asked, sim->asked_room * sizeof(*sim->asked)));
	}
	sim->asked[sim->asked_count++] = (struct asked){
		.id = query->id,
		.origin = node,
		.query = index,
		.number = query->number,
		.asked_ms = sim->now_ms,
		.expires_ms = query->expires.ms,
		.is_direct = query->is_direct,
		.is_urgent = query->question.severity >= SEVERITY_HIGH,
	};
	*map_at(&sim->known, map_key(id_number(&query->id), 0)) = sim->asked_count;
}

/* What is kept must be ahead of what was used, or a crash now would use it again. */
void watch_sequence(struct sim *sim, uint32_t node, uint64_t number)
{
	if (number < sim->nodes[node].disk.sequence)
		violation(sim, node, "its sequence goes back to %" PRIu64, number);
}

/* A number that was used is on the disk. */
void watch_kept(struct sim *sim, uint32_t node, uint64_t number)
{
	if (number > sim->nodes[node].disk.sequence)
		violation(sim, node, "a crash now would use number %" PRIu64 " again", number);
}

static void hear(struct sim *sim, uint32_t node, size_t query, uint8_t hops)
{
	struct sim_part *part = &sim->queries[query].parts[node];

	if (part->is_heard)
		return;
	part->is_heard = true;
	part->heard_ms = sim->now_ms;
	part->hops = hops;
}

void watch_heard(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	const struct asked *asked;

	if (!n->is_heard)
		return;
	n->is_heard = false;
	asked = watch_known(sim, &n->heard);
	if (asked != NULL && asked->query != SIZE_MAX && overlay_holds(n->overlay, &n->heard))
		hear(sim, node, asked->query, n->heard_hops);
}

static struct service *service_at(struct sim *sim, uint32_t node, const struct asked *asked)
{
	uint32_t generation = sim->nodes[node].disk.generation;
	uint64_t *at = map_at(&sim->served, map_key(map_key(node, generation),
	                                            map_key(asked->origin, asked->number)));

	if (*at == 0) {
		if (sim->service_count == sim->service_room) {
			sim->service_room = MAX(256, 2 * sim->service_room);
			sim->services = must(
				realloc(sim->services, sim->service_room * sizeof(*sim->services)));
		}
		sim->services[sim->service_count++] = (struct service){.asked = SIZE_MAX};
		*at = sim->service_count;
	}
	return &sim->services[*at - 1];
}

void watch_said(struct sim *sim, uint32_t node, const struct frame *frame)
{
	const struct card *card = &sim->nodes[node].self.card;
	const struct asked *asked;
	struct receipt r;

	if (receipt_open(frame->blob.at, bytes_left(&frame->blob), &card->record.sign, &r) !=
	    ERR_OK) {
		violation(sim, node, "its own receipt does not verify");
		return;
	}
	asked = watch_known(sim, &r.query_id);
	if (asked != NULL && r.kind != RECEIPT_BUSY)
		service_at(sim, node, asked)->is_said = true;
}

void watch_serve(struct sim *sim, uint32_t node, const struct act *act)
{
	const struct asked *asked = watch_known(sim, &act->query->id);
	uint32_t life = sim->nodes[node].life;
	struct service *service;
	size_t index;

	if (asked == NULL || node_of(sim, act->card) != asked->origin) {
		violation(sim, node, "serves a query that its origin never asked");
		return;
	}
	index = (size_t)(asked - sim->asked);
	service = service_at(sim, node, asked);
	if (service->asked != SIZE_MAX && (service->is_said || service->life == life))
		violation(sim, node, "serves %s",
		          service->asked == index ? "one query twice"
		                                  : "two queries of one number");
	service->asked = index;
	service->life = life;
	if (asked->query == SIZE_MAX)
		return;
	hear(sim, node, asked->query, act->hops);
	sim->queries[asked->query].parts[node].is_served = true;
	sim->queries[asked->query].parts[node].disk = sim->nodes[node].disk.generation;
}

/* The part of `card` in the query that `act` is about; NULL, and a violation, when there is none.
 */
static struct sim_part *part_of(struct sim *sim, uint32_t node, const struct act *act,
                                const struct card *card, const char *what)
{
	size_t query = query_by_ticket(sim, node, act->ticket);
	uint32_t from = node_of(sim, card);

	if (query == SIZE_MAX || from == SIM_NOWHERE) {
		violation(sim, node, "%s for no ticket of its own, or of no member", what);
		return NULL;
	}
	if (sim->queries[query].is_finished)
		violation(sim, node, "%s for a query that is over", what);
	return &sim->queries[query].parts[from];
}

static bool is_true(const struct sim_part *part, enum verdict_kind kind)
{
	bool is_searched = kind == RECEIPT_NONE || kind == RECEIPT_MATCH;

	return !is_searched || (part->is_served && part->is_match == (kind == RECEIPT_MATCH));
}

void watch_receipt(struct sim *sim, uint32_t node, const struct act *act)
{
	struct sim_part *part = part_of(sim, node, act, act->card, "a receipt");
	const struct sim_query *q;
	struct receipt r;

	if (part == NULL)
		return;
	q = &sim->queries[query_by_ticket(sim, node, act->ticket)];
	if (receipt_open(act->data, act->len, &act->card->record.sign, &r) != ERR_OK ||
	    memcmp(&r.query_id, &q->query.id, sizeof(r.query_id)) != 0 ||
	    !id_equal(&r.responder, &act->card->id) || r.kind != act->receipt->kind)
		violation(sim, node, "a receipt of %s does not verify", act->card->cert.name);
	if (part->has_receipt && part->receipt != RECEIPT_BUSY) /* which is for now only */
		violation(sim, node, "a second receipt of %s", act->card->cert.name);
	if (sim_is_honest(sim, node_of(sim, act->card)) && !is_true(part, r.kind))
		violation(sim, node, "the receipt of %s says %s, which is not so",
		          act->card->cert.name, receipt_kind_text(r.kind));
	part->has_receipt = true;
	part->receipt = r.kind;
}

/* What an answer brings for the measurements. */
static void take_findings(struct sim_query *q, struct sim_part *part, const struct answer *answer)
{
	for (size_t i = 0; i < answer->finding_count; i++) {
		const struct finding *f = &answer->findings[i];

		if (f->verdict != 0)
			continue;
		if (plant_is_copy(f))
			part->is_found = true;
		else
			q->false_matches++;
	}
}

static bool is_evidence(const struct sim_query *q, const struct overlay_reply *reply)
{
	struct answer *answer = must(malloc(sizeof(*answer)));
	bool is_good = answer_check(reply->evidence, &q->query, &reply->card->id,
	                            &reply->card->record.sign, answer) == ERR_OK &&
	               plant_digest(answer) == plant_digest(reply->answer);

	free(answer);
	return is_good;
}

void watch_answer(struct sim *sim, uint32_t node, const struct act *act)
{
	const struct card *card = act->reply.card;
	struct sim_part *part = part_of(sim, node, act, card, "an answer");
	struct sim_query *q;
	bool is_honest;

	if (part == NULL)
		return;
	q = &sim->queries[query_by_ticket(sim, node, act->ticket)];
	is_honest = sim_is_honest(sim, node_of(sim, card));
	if (part->is_answered)
		violation(sim, node, "a second answer of %s", card->cert.name);
	if (!is_evidence(q, &act->reply))
		violation(sim, node, "evidence of %s does not verify", card->cert.name);
	if (is_honest && (!part->is_match || plant_digest(act->reply.answer) != part->said))
		violation(sim, node, "%s never said that", card->cert.name);
	part->is_answered = true;
	if (is_honest)
		take_findings(q, part, act->reply.answer);
}

/* Whom a cut kept from the origin at any moment of the query. */
static void mark_divided(struct sim *sim, struct sim_query *q)
{
	for (size_t i = 0; i < sim->net.cut_count; i++) {
		const struct sim_cut *cut = &sim->net.cuts[i];

		if (cut->to_ms <= q->asked_ms || cut->from_ms > q->finished_ms)
			continue;
		for (uint32_t n = 0; n < sim->options.nodes; n++)
			q->parts[n].is_divided |= (n < cut->first) != (q->origin < cut->first);
	}
}

static bool agrees(const struct sim_part *part, enum target_state state)
{
	bool has = part->has_receipt;

	switch (state) {
	case TARGET_ANSWERED:
		return part->is_answered;
	case TARGET_NONE:
		return has && part->receipt == RECEIPT_NONE;
	case TARGET_REFUSED:
		return has && part->receipt == RECEIPT_REFUSED;
	case TARGET_BUSY:
		return has && part->receipt == RECEIPT_BUSY;
	case TARGET_BROKEN:
		return !part->is_answered;
	case TARGET_FALSE:
		return true;
	case TARGET_SILENT:
		return !has && !part->is_answered;
	case TARGET_WAITING:
		return false;
	}
	return false;
}

static void take_outcome(struct sim *sim, uint32_t node, struct sim_query *q,
                         const struct overlay_outcome *outcome, uint8_t *counted)
{
	uint32_t about = node_of(sim, outcome->card);
	struct sim_part *part;

	if (about == SIM_NOWHERE) {
		violation(sim, node, "an outcome of somebody who is no member");
		return;
	}
	part = &q->parts[about];
	if (counted[about]++ > 0)
		violation(sim, node, "two outcomes of %s", sim->nodes[about].name);
	if (!agrees(part, outcome->state))
		violation(sim, node, "the outcome of %s is %s, which is not so",
		          sim->nodes[about].name, target_state_text(outcome->state));
	if (outcome->state == TARGET_FALSE && sim_is_honest(sim, about))
		violation(sim, node, "what %s said is called false", sim->nodes[about].name);
	part->outcome = outcome->state;
}

void watch_finish(struct sim *sim, uint32_t node, const struct act *act)
{
	size_t query = query_by_ticket(sim, node, act->ticket);
	struct sim_query *q;
	uint8_t *counted;

	if (query == SIZE_MAX || sim->queries[query].is_finished) {
		violation(sim, node, "finishes a query it does not have");
		return;
	}
	q = &sim->queries[query];
	q->is_finished = true;
	q->finished_ms = sim->now_ms;
	if (sim->now_ms > q->until_ms + 1)
		violation(sim, node, "a query outlives its time");
	counted = must(calloc(sim->options.nodes, 1));
	for (size_t i = 0; i < act->outcome_count; i++)
		take_outcome(sim, node, q, &act->outcomes[i], counted);
	free(counted);
	mark_divided(sim, q);
}

void watch_unfinished(struct sim *sim)
{
	for (size_t i = 0; i < sim->query_count; i++) {
		struct sim_query *q = &sim->queries[i];

		if (q->is_finished || sim->now_ms <= q->until_ms + 1 ||
		    sim->nodes[q->origin].awake_ms > sim->now_ms)
			continue;
		q->is_finished = true;
		q->finished_ms = sim->now_ms;
		if (sim_is_honest(sim, q->origin))
			violation(sim, q->origin, "a query never ends");
	}
}
