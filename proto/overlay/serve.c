/*
 * Their questions, after spread.c has found them genuine and new. Each is searched for once. Its
 * receipt, and the sealed answer of a match, go straight to its origin: in a session with it, at an
 * address that its certificate allows and that has proved itself, and nowhere else, or one question
 * would have a thousand members knock at a victim's door. They go after a while drawn at random, so
 * that they do not all arrive at once.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define JITTER_MEMBER_MS 2
#define JITTER_SHARE 3 /* at most so much of what is left of a question's life */
#define RESEND_MS 500  /* for a RACK, doubled */
#define RESENDS_MAX 7
#define SESSION_MS 400             /* between two looks for the session we want */
#define BUSY_MS 2000               /* what a member that is busy asks for */
#define REPLY_MAX (FRAME_MAX - 17) /* octets of a sealed answer in one datagram */

/* What one member may ask; what one organisation's searches may take, in ms of them. */
static const struct budget_rate query_rate = {.per_minute = 6, .burst = 12};
static const struct budget_rate search_rate = {.per_minute = 2000, .burst = 8000};
static const uint32_t price[SEVERITY_END] = {2, 1, 1, 1}; /* by severity */

static struct serve *serve_of(struct overlay *o, const struct query_id *id)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];

		if (s->is_used && memcmp(&s->query.id, id, sizeof(*id)) == 0)
			return s;
	}
	return NULL;
}

static struct serve *serve_by_ticket(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		if (o->serves[i].is_used && o->serves[i].ticket == ticket)
			return &o->serves[i];
	}
	return NULL;
}

bool serve_is_open(struct overlay *o, uint32_t ticket)
{
	const struct serve *s = serve_by_ticket(o, ticket);

	return s != NULL && !s->is_answered;
}

struct serve *serve_by_token(struct overlay *o, const struct nonce *token)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];

		if (s->is_used && s->len > 0 && memcmp(&s->token, token, sizeof(*token)) == 0)
			return s;
	}
	return NULL;
}

static void release(struct overlay *o, struct serve *s)
{
	cards_drop(o->cards, s->origin);
	memset(s, 0, sizeof(*s));
}

/* Of two that are done, which goes first? One whose answer may still be fetched goes last. */
static bool goes_before(const struct serve *a, const struct serve *b)
{
	bool has_a = a->len > 0, has_b = b->len > 0;

	return has_a != has_b ? has_b : a->until.ms < b->until.ms;
}

/* Everything was said, or nothing was searched for: the least needed of those that are done. */
static struct serve *free_serve(struct overlay *o)
{
	struct serve *first = NULL;

	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];

		if (!s->is_used)
			return s;
		if (s->is_answered && !s->is_receipt_due && !s->is_reply_due &&
		    (first == NULL || goes_before(s, first)))
			first = s;
	}
	if (first != NULL)
		release(o, first);
	return first;
}

static void wake(struct overlay *o, struct serve *s, struct mono at)
{
	s->next = at;
	o->serves_due = mono_earlier(o->serves_due, at);
}

/* A receipt of `kind`; of what `answer` says, unless it is NULL. */
static void sign_receipt(struct overlay *o, struct now now, const struct query_id *id,
                         enum verdict_kind kind, const struct answer *answer,
                         struct receipt_blob *ret)
{
	struct receipt r = {
		.query_id = *id,
		.responder = o->id,
		.kind = kind,
		.at = common_wall(o, now),
		.window = {0, -1},
		.retry_after_ms = kind == RECEIPT_BUSY ? BUSY_MS : 0,
	};

	if (answer != NULL) {
		r.window = answer->window;
		r.flows = answer->flows;
		r.lost = answer->lost;
		r.connections = answer->connections;
	}
	receipt_sign(&r, &o->self.operational, ret);
}

static void say_receipt(struct overlay *o, struct now now, struct session *session,
                        const struct receipt_blob *receipt)
{
	struct frame f;

	f.kind = FRAME_RECEIPT;
	f.blob = bytes_of(receipt->octets, receipt->len);
	say_in(o, now, session, &f);
}

static bool may_hear(const struct session *session)
{
	return cert_allows(&session->held->card.cert, &session->to.addr);
}

uint64_t receipts_span(const struct overlay *o, uint64_t left_ms)
{
	return MIN((uint64_t)JITTER_MEMBER_MS * (o->seat_count + 1), left_ms / JITTER_SHARE);
}

/* All is ready to be said, in a while. */
static void settle(struct overlay *o, struct now now, struct serve *s, enum verdict_kind kind,
                   const struct answer *answer)
{
	uint64_t jitter_ms = receipts_span(o, s->until.ms - now.mono.ms);

	sign_receipt(o, now, &s->query.id, kind, answer, &s->receipt);
	s->kind = kind;
	s->is_answered = true;
	s->is_receipt_due = true;
	s->is_reply_due = kind == RECEIPT_MATCH;
	s->tries = 0;
	wake(o, s, mono_after(now.mono, random_below(o, jitter_ms)));
}

static void take(struct serve *s, const struct query *query, struct bytes blob)
{
	s->blob.len = bytes_left(&blob);
	memcpy(s->blob.octets, blob.at, s->blob.len);
	s->query = *query;
	s->query.cert.at = s->blob.octets + (query->cert.at - blob.at);
	s->query.cert.end = s->query.cert.at + bytes_left(&query->cert);
	s->query.record.at = s->blob.octets + (query->record.at - blob.at);
	s->query.record.end = s->query.record.at + bytes_left(&query->record);
}

static bool may_cost(struct overlay *o, struct now now, const struct serve *s)
{
	const struct cert *cert = &s->origin->card.cert;
	struct budget *searches = budget_of_name(o->searches, cert->org);
	struct origin *origin = origin_of(o, &s->origin->card.id);

	return origin != NULL &&
	       budget_take(&origin->queries, now.mono, query_rate,
	                   price[s->query.question.severity]) &&
	       budget_take(searches, now.mono, search_rate, 1);
}

static void begin_search(struct overlay *o, struct now now, struct serve *s)
{
	struct slot *slot = may_cost(o, now, s) ? push(o, ACT_SERVE, s->origin) : NULL;

	s->is_answered = false;
	s->is_receipt_due = s->is_reply_due = false;
	s->len = 0;
	s->next = MONO_NEVER;
	if (slot == NULL) {
		o->counters.busy++;
		settle(o, now, s, RECEIPT_BUSY, NULL);
		return;
	}
	slot->act.ticket = s->ticket;
	slot->act.query = &s->query;
	slot->act.until = s->until;
	slot->act.hops = s->hops;
}

bool serve_begin(struct overlay *o, struct now now, const struct query *query, struct bytes blob,
                 const struct held_card *origin, uint8_t hops)
{
	struct serve *s;
	uint64_t left_ms = (uint64_t)MAX(query->expires.ms - common_wall(o, now).ms, 0);

	if ((o->self.card.cert.roles & CERT_ROLE_ANSWER) == 0) { /* nobody waits for us */
		origin_keep(o, origin_of(o, &origin->card.id), query->number);
		return true;
	}
	s = free_serve(o);
	if (s == NULL) {
		o->counters.busy++; /* its origin asks again, directly */
		return false;
	}
	take(s, query, blob);
	s->is_used = true;
	s->sealed = o->answers + (size_t)(s - o->serves) * o->limits.answer_max;
	s->ticket = ++o->last_ticket;
	s->origin = cards_share(origin);
	s->hops = hops;
	s->until = mono_after(now.mono, left_ms);
	o->serves_due = mono_earlier(o->serves_due, s->until);
	begin_search(o, now, s);
	return true;
}

/* No room for a question that its origin itself says: it hears so, and comes again. */
void serve_turn_away(struct overlay *o, struct now now, struct session *session,
                     const struct query_id *id)
{
	struct receipt_blob receipt;

	if ((o->self.card.cert.roles & CERT_ROLE_ANSWER) == 0 || !may_hear(session))
		return;
	sign_receipt(o, now, id, RECEIPT_BUSY, NULL, &receipt);
	say_receipt(o, now, session, &receipt);
}

/* Its origin itself says it again: it has not heard from us. False: we know nothing of it. */
bool serve_again(struct overlay *o, struct now now, const struct query_id *id,
                 const struct id *asker)
{
	struct serve *s = serve_of(o, id);

	if (s == NULL || !id_equal(&s->origin->card.id, asker))
		return false;
	if (!s->is_answered)
		return true; /* being searched for */
	if (s->kind == RECEIPT_BUSY) {
		begin_search(o, now, s);
		return true;
	}
	s->is_receipt_due = true;
	s->is_reply_due = s->len > 0;
	s->tries = 0;
	wake(o, s, now.mono);
	return true;
}

enum err overlay_answer(struct overlay *o, struct now now, uint32_t ticket,
                        const struct answer *answer, bool is_match)
{
	struct serve *s = serve_by_ticket(o, ticket);
	struct seed seed;
	enum err err = ERR_OK;

	if (s == NULL || s->is_answered)
		return ERR_NOENT;
	if (is_match) {
		seed = random_seed(o);
		s->len = o->limits.answer_max;
		err = answer_pack(answer, &s->query, &o->id, &o->self.operational, &seed, s->sealed,
		                  &s->len);
		wipe(&seed, sizeof(seed));
	}
	if (err != ERR_OK) {
		s->len = 0;
		return err;
	}
	if (is_match) {
		o->random.fill(o->random.ctx, s->token.octets, sizeof(s->token.octets));
		s->digest = digest("spoor sealed answer 1", s->sealed, s->len);
	}
	settle(o, now, s, is_match ? RECEIPT_MATCH : RECEIPT_NONE, answer);
	return ERR_OK;
}

void overlay_refuse(struct overlay *o, struct now now, uint32_t ticket, enum verdict_kind kind)
{
	struct serve *s = serve_by_ticket(o, ticket);

	if (s == NULL || s->is_answered)
		return;
	if (kind == RECEIPT_BUSY)
		o->counters.busy++;
	else
		o->counters.refused++;
	settle(o, now, s, kind, NULL);
}

void overlay_spent(struct overlay *o, struct now now, const char *org, uint64_t spent_ms)
{
	budget_charge(budget_of_name(o->searches, org), now.mono, search_rate,
	              (uint32_t)MIN(spent_ms, UINT32_MAX));
}

static void say_reply(struct overlay *o, struct now now, struct serve *s, struct session *session)
{
	struct frame f;

	f.query_id = s->query.id;
	if (s->len <= REPLY_MAX) {
		f.kind = FRAME_REPLY;
		f.blob = bytes_of(s->sealed, s->len);
	} else {
		f.kind = FRAME_OFFER;
		f.len = (uint32_t)s->len;
		f.digest = s->digest;
		f.token = s->token;
	}
	say_in(o, now, session, &f);
}

static void speak(struct overlay *o, struct now now, struct serve *s)
{
	const struct card *card = &s->origin->card;
	struct session *session = session_live(o, &card->id);

	if (seat_of(o, &card->id) == NULL) { /* a member no longer */
		s->is_receipt_due = s->is_reply_due = false;
		return;
	}
	if (session == NULL) {
		handshake_begin(o, now, s->origin);
		wake(o, s, mono_after(now.mono, SESSION_MS));
		return;
	}
	if (!cert_allows(&card->cert, &session->to.addr) && HOLDS(RULE_PLACE)) {
		o->counters.misplaced++;
		s->is_receipt_due = s->is_reply_due = false;
		return;
	}
	if (s->tries >= RESENDS_MAX) {
		s->is_receipt_due = s->is_reply_due = false;
		return;
	}
	wake(o, s, mono_after(now.mono, (uint64_t)RESEND_MS << MIN(s->tries, 4)));
	s->tries++;
	/* Not before: who dies with it unsaid answers when it is back. */
	if (s->kind != RECEIPT_BUSY)
		origin_keep(o, origin_of(o, &card->id), s->query.number);
	if (s->is_receipt_due)
		say_receipt(o, now, session, &s->receipt);
	if (s->is_reply_due)
		say_reply(o, now, s, session);
}

enum err on_rack(struct overlay *o, struct now now, struct session *session, const struct frame *f)
{
	struct serve *s = serve_of(o, &f->query_id);

	(void)now;
	if (s == NULL || !s->is_answered || !id_equal(&s->origin->card.id, &session->held->card.id))
		return ERR_STALE;
	if (f->about == FRAME_RECEIPT)
		s->is_receipt_due = false;
	else
		s->is_reply_due = false;
	return ERR_OK;
}

enum err on_fetch(struct overlay *o, struct now now, struct session *session, const struct frame *f)
{
	struct serve *s = serve_of(o, &f->query_id);
	struct frame part;

	if (s == NULL || f->offset >= s->len ||
	    !id_equal(&s->origin->card.id, &session->held->card.id) || !may_hear(session))
		return counted(&o->counters.unasked, ERR_STALE);
	if (!may_send(o, now, session))
		return ERR_LIMIT;
	part.kind = FRAME_PART;
	part.query_id = f->query_id;
	part.offset = f->offset;
	part.blob = bytes_of(s->sealed + f->offset, MIN(s->len - f->offset, FRAME_PART_MAX));
	say_in(o, now, session, &part);
	return ERR_OK;
}

void serves_session(struct overlay *o, struct now now, const struct id *id)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];

		if (s->is_used && s->is_answered && (s->is_receipt_due || s->is_reply_due) &&
		    id_equal(&s->origin->card.id, id))
			wake(o, s, mono_earlier(s->next, mono_after(now.mono, 1)));
	}
}

void serves_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->serves_due))
		return;
	o->serves_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];
		bool is_due;

		if (!s->is_used)
			continue;
		is_due = s->is_receipt_due || s->is_reply_due;
		if (mono_reached(now.mono, s->until)) {
			release(o, s);
			continue;
		}
		if (is_due && mono_reached(now.mono, s->next))
			speak(o, now, s);
		if (s->is_receipt_due || s->is_reply_due)
			o->serves_due = mono_earlier(o->serves_due, s->next);
		o->serves_due = mono_earlier(o->serves_due, s->until);
	}
}
