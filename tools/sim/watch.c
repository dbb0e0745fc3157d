/*
 * The promises, checked from outside after every event:
 *
 *   - to an address that has not proved itself, a node sends no more octets than came from there,
 *     but for its own HELLOs, and those grow rarer
 *   - no datagram is longer than MESSAGE_MAX
 *   - a query is served once by each life of a node, and only if somebody asked it
 *   - an answer reaches only the ticket it is for, once from each member, word for word as that
 *     member gave it
 *   - nothing of an answer can be read on the wire
 *   - tables keep their limits and their order, and no act is lost
 *   - no query outlives its time
 *
 * An address proves itself by sending back a nonce that went to it. That is watched on the wire
 * and owes nothing to what the overlay believes.
 */
#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define HELLOS_FREE 16      /* to one address that never answered, and then */
#define HELLO_EVERY_MS 8000 /* one more in each such span */
#define SPINS_MAX 64

void violation(struct sim *sim, uint32_t node, const char *format, ...)
{
	char *text = sim->violations[sim->violation_count % SIM_VIOLATIONS_KEPT];
	size_t used;
	va_list args;

	if (sim->violation_count++ >= SIM_VIOLATIONS_KEPT)
		return; /* the first ones tell most */
	used = (size_t)snprintf(text, SIM_VIOLATION_MAX, "[%5" PRIu64 "] %s: ", sim->now_ms,
	                        sim->nodes[node].name);
	va_start(args, format);
	vsnprintf(text + used, SIM_VIOLATION_MAX - used, format, args);
	va_end(args);
	if (sim->options.narrative != NULL)
		fprintf(sim->options.narrative, "%s (VIOLATION)\n", text);
}

static bool has_nonce(const struct ledger *l, const struct nonce *n)
{
	for (size_t i = 0; i < LEDGER_NONCES; i++) {
		if (memcmp(&l->nonces[i], n, sizeof(*n)) == 0)
			return true;
	}
	return false;
}

/* Is the address one we may send that much to? */
static void watch_address(struct sim *sim, uint32_t node, uint32_t to, const struct message *m,
                          size_t len)
{
	struct ledger *l = &sim->nodes[node].books[to];
	bool is_hello = m->kind == MESSAGE_HELLO;

	if (l->first_ms == UINT64_MAX)
		l->first_ms = sim->now_ms;
	if (is_hello || m->kind == MESSAGE_WELCOME) {
		if (!has_nonce(l, &m->body.nonce))
			l->nonces[l->next++ % LEDGER_NONCES] = m->body.nonce;
	}
	if (l->is_proved)
		return;
	l->hellos += is_hello;
	l->out += is_hello ? 0 : len;
	if (l->out > l->in)
		violation(sim, node, "%" PRIu64 " octets to an unproved address that sent %" PRIu64,
		          l->out, l->in);
	if (l->hellos > HELLOS_FREE + (sim->now_ms - l->first_ms) / HELLO_EVERY_MS)
		violation(sim, node, "%u HELLOs to an unproved address", l->hellos);
}

void watch_send(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t to = place_of(sim, &act->to);
	struct message m;

	if (act->len > MESSAGE_MAX)
		violation(sim, node, "a datagram of %zu octets", act->len);
	if (memmem(act->data, act->len, plant_mark, PLANT_MARK_LEN) != NULL)
		violation(sim, node, "an answer can be read on the wire");
	if (message_open(act->data, act->len, &m) != ERR_OK)
		violation(sim, node, "sends what is no message");
	else if (to == SIM_NOWHERE)
		violation(sim, node, "sends to an address that nobody named");
	else
		watch_address(sim, node, to, &m, act->len);
}

void watch_delivery(struct sim *sim, uint32_t node, const struct event *event)
{
	struct ledger *l = &sim->nodes[node].books[event->from];
	struct message m;

	l->in += event->len;
	if (message_open(event->data, event->len, &m) != ERR_OK)
		return;
	if (m.kind == MESSAGE_QUERY)
		sim->copies++;
	if (m.kind == MESSAGE_WELCOME || m.kind == MESSAGE_CONFIRM)
		l->is_proved |= has_nonce(l, &m.body.echo);
}

void watch_serve(struct sim *sim, uint32_t node, const struct act *act, size_t query)
{
	uint32_t asker = node_of(sim, act->member);
	struct sim_part *part;

	if (query == SIZE_MAX || asker != sim->queries[query].origin) {
		violation(sim, node, "serves a query that its sender never asked");
		return;
	}
	part = &sim->queries[query].parts[node];
	if (part->is_heard && part->life == sim->nodes[node].life)
		violation(sim, node, "serves one query twice");
	if (!part->is_heard)
		part->heard_ms = sim->now_ms;
	part->is_heard = true;
	part->life = sim->nodes[node].life;
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

static bool is_evidence(struct sim *sim, uint32_t node, const struct sim_query *q,
                        const struct overlay_reply *reply)
{
	struct answer answer;
	struct cert cert;
	struct id id;

	if (answer_check(reply->evidence, &q->query, &sim->nodes[node].self.roots,
	                 sim_clocks(sim, node).wall, &cert, &answer) != ERR_OK)
		return false;
	id = cert_id(&cert);
	return id_equal(&id, &reply->member->id) &&
	       plant_digest(&answer) == plant_digest(reply->answer);
}

void watch_answer(struct sim *sim, uint32_t node, const struct act *act)
{
	size_t query = query_by_ticket(sim, node, act->ticket);
	uint32_t from = node_of(sim, act->reply.member);
	struct sim_query *q;
	struct sim_part *part;

	if (query == SIZE_MAX || from == SIM_NOWHERE) {
		violation(sim, node, "an answer to no ticket of its own, or of no member");
		return;
	}
	q = &sim->queries[query];
	part = &q->parts[from];
	if (q->is_finished)
		violation(sim, node, "an answer to a query that is over");
	if (part->is_answered)
		violation(sim, node, "a second answer of %s", sim->nodes[from].name);
	if (!is_evidence(sim, node, q, &act->reply))
		violation(sim, node, "evidence of %s does not verify", sim->nodes[from].name);
	if (plant_digest(act->reply.answer) != part->said)
		violation(sim, node, "%s never said that", sim->nodes[from].name);
	part->is_answered = true;
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

static void take_outcome(struct sim *sim, uint32_t node, struct sim_query *q,
                         const struct overlay_outcome *outcome)
{
	uint32_t about = node_of(sim, outcome->member);
	bool is_answered = outcome->state == TARGET_ANSWERED;

	if (outcome->state == TARGET_WAITING || outcome->state == TARGET_WORKING)
		violation(sim, node, "a query is over while it is %s",
		          target_state_text(outcome->state));
	if (about == SIM_NOWHERE)
		return;
	if (is_answered != q->parts[about].is_answered)
		violation(sim, node, "the outcome of %s is %s", sim->nodes[about].name,
		          target_state_text(outcome->state));
	q->parts[about].outcome = outcome->state;
}

void watch_finish(struct sim *sim, uint32_t node, const struct act *act)
{
	size_t query = query_by_ticket(sim, node, act->ticket);
	struct sim_query *q;

	if (query == SIZE_MAX || sim->queries[query].is_finished) {
		violation(sim, node, "finishes a query it does not have");
		return;
	}
	q = &sim->queries[query];
	q->is_finished = true;
	q->finished_ms = sim->now_ms;
	if (sim->now_ms > q->until_ms)
		violation(sim, node, "a query outlives its time");
	if (act->outcome_count > sim->limits.members_max)
		violation(sim, node, "%zu outcomes", act->outcome_count);
	for (size_t i = 0; i < act->outcome_count; i++)
		take_outcome(sim, node, q, &act->outcomes[i]);
	mark_divided(sim, q);
}

static void watch_order(struct sim *sim, uint32_t node)
{
	const struct overlay *o = sim->nodes[node].overlay;

	for (size_t i = 0; i < overlay_member_count(o); i++) {
		const struct member *m = overlay_member(o, i);

		if (id_equal(&m->id, overlay_id(o)))
			violation(sim, node, "knows itself as a member");
		if (i > 0 && memcmp(&overlay_member(o, i - 1)->id, &m->id, sizeof(m->id)) >= 0)
			violation(sim, node, "its members are out of order");
	}
}

void watch_tables(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	size_t count;

	if (n->overlay == NULL)
		return;
	count = overlay_member_count(n->overlay);
	if (count > sim->limits.members_max)
		violation(sim, node, "%zu members", count);
	if (count != n->member_count)
		watch_order(sim, node);
	n->member_count = count;
	if (overlay_counters(n->overlay)->outbox_full > 0)
		violation(sim, node, "an act was lost");
	if (n->spins > SPINS_MAX)
		violation(sim, node, "its deadline stays in the past");
}

void watch_end(struct sim *sim)
{
	for (size_t i = 0; i < sim->query_count; i++) {
		struct sim_query *q = &sim->queries[i];

		if (q->is_finished || sim->now_ms <= q->until_ms)
			continue;
		q->is_finished = true;
		violation(sim, q->origin, "a query never ends");
	}
}

void sim_check_known(struct sim *sim)
{
	for (uint32_t a = 0; a < sim->options.nodes; a++) {
		for (uint32_t b = 0; b < sim->options.nodes; b++) {
			if (a != b && sim_is_up(sim, a) && sim_is_up(sim, b) &&
			    !sim_is_live(sim, a, b))
				violation(sim, a, "does not know %s as live", sim->nodes[b].name);
		}
	}
}

void sim_check_whole(struct sim *sim, size_t query)
{
	const struct sim_query *q = &sim->queries[query];

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (sim_is_reachable(&q->parts[i]) && !q->parts[i].is_answered)
			violation(sim, i, "%s the query of %s",
			          q->parts[i].is_heard ? "has not answered" : "did not hear",
			          sim->nodes[q->origin].name);
	}
}
