/*
 * Our questions. A query goes to every member; each is asked again until it says that it works, and
 * polled now and then while it does. Its answer comes in parts, each acknowledged, and is believed
 * only whole: sealed to this query's key and signed by the member who sent it.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define RETRY_MS 350   /* doubled at every try */
#define TRIES_MAX 5    /* 350 ms .. 5.6 s, about 11 s in all */
#define TRIES_SILENT 3 /* where three HELLOs were lost already: 2.5 s */
#define BUSY_MS 1000   /* to a member that said "later" */
#define POLL_MS 3000   /* to a member that works; also when a part of its answer was lost */

static bool is_final(enum target_state state)
{
	return state != TARGET_WAITING && state != TARGET_WORKING && state != TARGET_BUSY;
}

void ask_release(struct ask *ask)
{
	struct target *targets = ask->targets;

	wipe(&ask->secret, sizeof(ask->secret));
	memset(ask, 0, sizeof(*ask));
	ask->targets = targets;
}

/* Is its ACT_FINISH on its way to the driver? Nothing can happen to it any more. */
static bool is_finished(const struct ask *ask)
{
	return ask->until.ms == MONO_NEVER.ms;
}

static struct ask *ask_of(struct overlay *o, const struct query_id *id)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (ask->is_used && !is_finished(ask) &&
		    memcmp(&ask->query.id, id, sizeof(*id)) == 0)
			return ask;
	}
	return NULL;
}

static struct target *target_of(struct ask *ask, const struct id *id)
{
	for (size_t i = 0; i < ask->target_count; i++) {
		if (id_equal(&ask->targets[i].id, id))
			return &ask->targets[i];
	}
	return NULL;
}

static struct ask *free_ask(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		if (!o->asks[i].is_used)
			return &o->asks[i];
	}
	return NULL;
}

/* Everybody whose certificate is valid and lets it answer counts as asked; who was never met cannot
 * be reached. */
static void choose_targets(struct overlay *o, struct now now, struct ask *ask)
{
	for (size_t i = 0; i < o->peer_count; i++) {
		const struct member *member = &o->peers[i].member;

		if (is_out(member) || now.wall.ms > member->cert.not_after.ms)
			continue; /* its state is not looked at but now and then */
		if ((member->cert.roles & CERT_ROLE_ANSWER) == 0)
			continue;
		ask->targets[ask->target_count++] = (struct target){
			.id = member->id,
			.state = member->state == MEMBER_HEARD ? TARGET_SILENT : TARGET_WAITING,
			.next = now.mono,
		};
	}
}

static uint64_t span_of(const struct question *q)
{
	return (uint64_t)q->on[q->on_count - 1].end_ms - (uint64_t)q->on[0].start_ms;
}

enum err overlay_ask(struct overlay *o, struct now now, const struct question *question,
                     int64_t timeout_ms, uint32_t *ret_ticket, struct query *ret_query,
                     struct query_blob *ret_blob)
{
	struct ask *ask = free_ask(o);
	struct seed seed;
	enum err err;

	if (now.wall.ms > o->self.cert.not_after.ms || now.wall.ms < o->self.cert.not_before.ms)
		return ERR_EXPIRED;
	if ((o->self.cert.roles & CERT_ROLE_ASK) == 0)
		return ERR_DENIED;
	if (span_of(question) > QUERY_SPAN_MAX_MS)
		return ERR_RANGE;
	if (ask == NULL)
		return ERR_LIMIT;
	timeout_ms = MIN(MAX(timeout_ms, 1), QUERY_LIFE_MAX_MS);
	o->random.fill(o->random.ctx, &seed, sizeof(seed));
	box_keys(&seed, &ask->query.reply_to, &ask->secret);
	wipe(&seed, sizeof(seed));
	ask->query.question = *question;
	ask->query.nonce = random_nonce(o);
	ask->query.origin = o->self.cert;
	ask->query.issued = now.wall;
	ask->query.expires.ms = now.wall.ms + timeout_ms;
	err = query_pack(&ask->query, &o->self.blob, &o->self.pair, &ask->blob);
	if (err != ERR_OK) {
		ask_release(ask);
		return err;
	}
	ask->is_used = true;
	ask->ticket = ++o->last_ticket;
	ask->until = mono_after(now.mono, (uint64_t)timeout_ms);
	choose_targets(o, now, ask);
	*ret_ticket = ask->ticket;
	*ret_query = ask->query;
	*ret_blob = ask->blob;
	asks_expire(o, now);
	return ERR_OK;
}

static void drop_assemblies(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.answers_max; i++) {
		struct assembly *a = &o->assemblies[i];

		if (a->is_used && !a->is_handed && a->ticket == ticket)
			a->is_used = false;
	}
}

void overlay_cancel(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (!ask->is_used || ask->ticket != ticket)
			continue;
		drop_assemblies(o, ticket);
		retract(o, ticket);
		if (o->current.ask == ask)
			o->current.ask = NULL; /* released here, not at the next drain */
		ask_release(ask);
	}
}

/* Over: everybody has spoken or the time has. The act owns the ask until it is drained. */
static void finish(struct overlay *o, struct ask *ask)
{
	struct slot *slot;

	for (size_t i = 0; i < ask->target_count; i++) {
		if (!is_final(ask->targets[i].state) && ask->targets[i].state != TARGET_BUSY)
			ask->targets[i].state = TARGET_SILENT;
	}
	drop_assemblies(o, ask->ticket);
	slot = push(o, ACT_FINISH, NULL);
	if (slot == NULL)
		return; /* the next deadline tries again */
	slot->act.ticket = ask->ticket;
	slot->ask = ask;
	ask->until = MONO_NEVER;
}

static void send_query(struct overlay *o, struct now now, struct ask *ask, struct target *target)
{
	struct body body = {.query = bytes_of(ask->blob.octets, ask->blob.len)};
	struct peer *peer = peer_find(o, &target->id);
	bool is_working = target->state == TARGET_WORKING;
	bool is_waiting = target->state == TARGET_WAITING;
	bool is_silent = peer != NULL && peer->member.state == MEMBER_SILENT;

	if (peer == NULL ||
	    (is_waiting && target->tries >= (is_silent ? TRIES_SILENT : TRIES_MAX))) {
		target->next = MONO_NEVER;
		if (is_waiting)
			target->state = TARGET_SILENT;
		return;
	}
	target->next = mono_after(now.mono, is_working   ? POLL_MS
	                                    : is_waiting ? (uint64_t)RETRY_MS << target->tries
	                                                 : BUSY_MS);
	if (is_waiting)
		target->tries++;
	send_to(o, &peer->member.endpoint, MESSAGE_QUERY, &body);
}

static bool is_over(const struct ask *ask)
{
	for (size_t i = 0; i < ask->target_count; i++) {
		if (!is_final(ask->targets[i].state))
			return false;
	}
	return true;
}

void asks_expire(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (!ask->is_used || is_finished(ask))
			continue;
		for (size_t j = 0; j < ask->target_count; j++) {
			struct target *target = &ask->targets[j];

			if (!is_final(target->state) && mono_reached(now.mono, target->next))
				send_query(o, now, ask, target);
		}
		if (is_over(ask) || mono_reached(now.mono, ask->until))
			finish(o, ask);
	}
}

struct mono asks_deadline(const struct overlay *o)
{
	struct mono deadline = MONO_NEVER;

	for (size_t i = 0; i < o->limits.asks_max; i++) {
		const struct ask *ask = &o->asks[i];

		if (!ask->is_used || is_finished(ask))
			continue;
		deadline = mono_earlier(deadline, ask->until);
		for (size_t j = 0; j < ask->target_count; j++) {
			if (!is_final(ask->targets[j].state))
				deadline = mono_earlier(deadline, ask->targets[j].next);
		}
	}
	return deadline;
}

/* What a member says of our query, and the state that follows. */
static const struct {
	enum target_state state;
	uint64_t again_ms;
} after_receipt[RECEIPT_STATUS_END] = {
	[RECEIPT_WORKING] = {TARGET_WORKING, POLL_MS},
	[RECEIPT_REFUSED] = {TARGET_REFUSED, 0},
	[RECEIPT_BUSY] = {TARGET_BUSY, BUSY_MS},
	[RECEIPT_UNWANTED] = {TARGET_UNWANTED, 0},
};

enum err on_receipt_of_query(struct overlay *o, struct now now, const struct message *m)
{
	struct ask *ask = ask_of(o, &m->body.query_id);
	struct target *target = ask != NULL ? target_of(ask, &m->sender) : NULL;

	if (target == NULL || m->body.status == RECEIPT_PART) {
		o->counters.unasked++;
		return ERR_STALE;
	}
	if (is_final(target->state))
		return ERR_OK;
	target->state = after_receipt[m->body.status].state;
	target->next = mono_after(now.mono, after_receipt[m->body.status].again_ms);
	if (is_over(ask))
		finish(o, ask);
	return ERR_OK;
}

static struct assembly *assembly_of(struct overlay *o, const struct ask *ask,
                                    const struct message *m)
{
	struct assembly *unused = NULL;

	for (size_t i = 0; i < o->limits.answers_max; i++) {
		struct assembly *a = &o->assemblies[i];

		if (!a->is_used)
			unused = a;
		else if (!a->is_handed && a->ticket == ask->ticket &&
		         id_equal(&a->from, &m->sender))
			return a->parts == m->body.parts ? a : NULL;
	}
	if (unused == NULL)
		return NULL; /* it will send again */
	unused->is_used = true;
	unused->is_handed = false;
	unused->ticket = ask->ticket;
	unused->from = m->sender;
	unused->parts = m->body.parts;
	unused->have = 0;
	unused->len = 0;
	return unused;
}

/* All parts but the last are of full length. */
static bool fits(const struct message *m)
{
	size_t len = bytes_left(&m->body.chunk);
	bool is_last = m->body.part + 1 == m->body.parts;

	return m->body.parts <= PARTS_MAX &&
	       (is_last ? len > 0 && len <= MESSAGE_CHUNK_MAX : len == MESSAGE_CHUNK_MAX);
}

static void take_part(struct assembly *a, const struct message *m)
{
	size_t at = (size_t)m->body.part * MESSAGE_CHUNK_MAX, len = bytes_left(&m->body.chunk);

	memcpy(a->sealed + at, m->body.chunk.at, len);
	a->have |= UINT32_C(1) << m->body.part;
	if (m->body.part + 1 == a->parts)
		a->len = at + len;
}

/* All parts are here: is it what it says it is? */
static void complete(struct overlay *o, struct now now, struct ask *ask, struct target *target,
                     struct assembly *a)
{
	struct slot *slot;
	enum err err = answer_open(a->sealed, a->len, &ask->query, &ask->secret,
	                           trust_roots(o->trust, now.wall), now.wall, &a->cert, &a->answer,
	                           &a->plain);
	struct id responder = cert_id(&a->cert);

	a->is_used = false;
	if (err != ERR_OK || !id_equal(&responder, &a->from)) {
		target->state = TARGET_FALSE;
		o->counters.forged++;
		note(o, "answer does not verify", &target->id);
		return;
	}
	slot = push(o, ACT_ANSWER, &a->from);
	CHECK(slot != NULL); /* on_answer() saw room for it */
	a->is_used = true;
	a->is_handed = true;
	slot->act.ticket = ask->ticket;
	slot->assembly = a;
	target->state = TARGET_ANSWERED;
}

enum err on_answer(struct overlay *o, struct now now, const struct endpoint *from,
                   const struct message *m, struct peer *peer)
{
	struct body receipt = {
		.query_id = m->body.query_id,
		.status = RECEIPT_PART,
		.part = m->body.part,
	};
	struct ask *ask = ask_of(o, &m->body.query_id);
	struct target *target = ask != NULL ? target_of(ask, &m->sender) : NULL;
	struct assembly *a;

	(void)peer;
	if (target == NULL || !fits(m)) {
		o->counters.unasked++;
		return ERR_STALE;
	}
	if (o->out_count == o->limits.outbox_max) {
		o->counters.outbox_full++; /* this part comes again; those acknowledged would not */
		return ERR_LIMIT;
	}
	if (!is_final(target->state)) {
		a = assembly_of(o, ask, m);
		if (a == NULL)
			return ERR_LIMIT;
		take_part(a, m);
		if (a->have == (UINT32_C(1) << a->parts) - 1)
			complete(o, now, ask, target, a);
	}
	send_to(o, from, MESSAGE_RECEIPT, &receipt);
	if (is_over(ask))
		finish(o, ask);
	return ERR_OK;
}
