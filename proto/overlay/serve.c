/*
 * Their questions. A query is searched for once, however often it comes: its id is kept until no
 * copy of it could pass for fresh. The answer goes out in parts, each sent again until
 * acknowledged.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define RESEND_MS 400 /* doubled at every try */
#define RESENDS_MAX 6

/* What one member may ask. */
static const struct bucket_rate query_rate = {.per_minute = 12, .burst = 12};

static void say(struct overlay *o, const struct endpoint *to, const struct query_id *id,
                enum receipt_status status)
{
	struct body body = {.query_id = *id, .status = status};

	send_to(o, to, MESSAGE_RECEIPT, &body);
}

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

static struct serve *free_serve(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		if (!o->serves[i].is_used)
			return &o->serves[i];
	}
	return NULL;
}

static struct seen *seen_of(struct overlay *o, const struct query_id *id, struct wall now)
{
	for (size_t i = 0; i < SEEN_MAX; i++) {
		if (o->seen[i].until.ms >= now.ms && memcmp(&o->seen[i].id, id, sizeof(*id)) == 0)
			return &o->seen[i];
	}
	return NULL;
}

/* A place for one more id; NULL when all are alive: then no new query is taken, none forgotten. */
static struct seen *free_seen(struct overlay *o, struct wall now)
{
	for (size_t i = 0; i < SEEN_MAX; i++) {
		if (o->seen[i].until.ms < now.ms)
			return &o->seen[i];
	}
	return NULL;
}

static void send_parts(struct overlay *o, struct now now, struct serve *s)
{
	struct peer *peer = peer_find(o, &s->from);

	s->next = mono_after(now.mono, (uint64_t)RESEND_MS << s->tries);
	s->tries++;
	for (uint32_t part = 0; peer != NULL && part < s->parts; part++) {
		size_t at = (size_t)part * MESSAGE_CHUNK_MAX;
		struct body body = {
			.query_id = s->query.id,
			.part = part,
			.parts = s->parts,
			.chunk = bytes_of(s->sealed + at, MIN(MESSAGE_CHUNK_MAX, s->len - at)),
		};

		if ((s->missing & UINT32_C(1) << part) != 0)
			send_to(o, &peer->member.endpoint, MESSAGE_ANSWER, &body);
	}
}

/* The same query again: say where it stands. */
static enum err repeat(struct overlay *o, struct now now, struct serve *s,
                       const struct endpoint *from)
{
	if (!s->is_answered) {
		say(o, from, &s->query.id, RECEIPT_WORKING);
	} else {
		s->tries = 0;
		send_parts(o, now, s);
	}
	return ERR_OK;
}

static enum err turn_away(struct overlay *o, uint64_t *counter, const struct endpoint *to,
                          const struct query_id *id, enum receipt_status status)
{
	++*counter;
	say(o, to, id, status);
	return status == RECEIPT_BUSY ? ERR_BUSY : ERR_STALE;
}

/* Reads a query that is new to us; counts why not. */
static enum err read_query(struct overlay *o, struct now now, const struct endpoint *from,
                           const struct message *m, struct query *ret)
{
	enum err err = query_open(m->body.query.at, bytes_left(&m->body.query), &o->self.roots,
	                          now.wall, SKEW_MS, ret);
	struct id origin;

	if (err == ERR_EXPIRED)
		return turn_away(o, &o->counters.expired, from, &ret->id, RECEIPT_UNWANTED);
	if (err == ERR_STALE)
		return turn_away(o, &o->counters.stale, from, &ret->id, RECEIPT_UNWANTED);
	if (err != ERR_OK) {
		o->counters.forged++;
		return err;
	}
	origin = cert_id(&ret->origin);
	if (!id_equal(&origin, &m->sender)) {
		o->counters.forged++; /* nobody relays in direct mode */
		return ERR_AUTH;
	}
	if ((ret->origin.roles & CERT_ROLE_ASK) == 0)
		return turn_away(o, &o->counters.refused, from, &ret->id, RECEIPT_UNWANTED);
	return ERR_OK;
}

enum err on_query(struct overlay *o, struct now now, const struct endpoint *from,
                  const struct message *m, struct peer *peer)
{
	struct bytes blob = m->body.query;
	struct query_id id = query_id_of(blob.at, bytes_left(&blob));
	struct serve *s;
	struct seen *seen;
	struct slot *slot;
	enum err err;

	s = serve_of(o, &id);
	if (s != NULL)
		return id_equal(&s->from, &m->sender) ? repeat(o, now, s, from) : ERR_AUTH;
	seen = seen_of(o, &id, now.wall);
	if (seen != NULL) {
		o->counters.stale++;
		if (seen->is_refused && id_equal(&seen->from, &m->sender))
			say(o, from, &id, RECEIPT_REFUSED); /* the first one may be lost */
		return ERR_STALE;
	}
	s = free_serve(o);
	seen = free_seen(o, now.wall);
	if (s == NULL || seen == NULL || !bucket_take(&peer->queries, now.mono, query_rate))
		return turn_away(o, &o->counters.busy, from, &id, RECEIPT_BUSY);
	err = read_query(o, now, from, m, &s->query);
	if (err != ERR_OK)
		return err;
	slot = push(o, ACT_SERVE, &m->sender);
	if (slot == NULL)
		return ERR_BUSY;
	*seen = (struct seen){
		.id = id, .from = m->sender, .until = {s->query.expires.ms + SKEW_MS}};
	s->is_used = true;
	s->is_answered = false;
	s->ticket = ++o->last_ticket;
	s->from = m->sender;
	s->next = MONO_NEVER;
	s->until = mono_after(now.mono, QUERY_LIFE_MAX_MS);
	slot->act.ticket = s->ticket;
	slot->act.query = &s->query;
	say(o, from, &id, RECEIPT_WORKING);
	return ERR_OK;
}

enum err overlay_answer(struct overlay *o, struct now now, uint32_t ticket,
                        const struct answer *answer)
{
	struct serve *s = serve_by_ticket(o, ticket);
	struct seed seed;
	enum err err;

	if (s == NULL || s->is_answered)
		return ERR_NOENT;
	o->random.fill(o->random.ctx, &seed, sizeof(seed));
	s->len = sizeof(s->sealed);
	err = answer_pack(answer, &s->query, &o->self.blob, &o->id, &o->self.pair, &seed, s->sealed,
	                  &s->len);
	wipe(&seed, sizeof(seed));
	if (err != ERR_OK)
		return err;
	s->is_answered = true;
	s->tries = 0;
	s->parts = (uint32_t)((s->len + MESSAGE_CHUNK_MAX - 1) / MESSAGE_CHUNK_MAX);
	s->missing = (UINT32_C(1) << s->parts) - 1;
	send_parts(o, now, s);
	return ERR_OK;
}

void overlay_refuse(struct overlay *o, struct now now, uint32_t ticket, enum receipt_status status)
{
	struct serve *s = serve_by_ticket(o, ticket);
	struct peer *peer = s != NULL ? peer_find(o, &s->from) : NULL;
	struct seen *seen = s != NULL ? seen_of(o, &s->query.id, now.wall) : NULL;

	if (s == NULL)
		return;
	if (status == RECEIPT_BUSY)
		o->counters.busy++;
	else
		o->counters.refused++;
	if (seen != NULL && status == RECEIPT_BUSY)
		*seen = (struct seen){.is_refused =
		                              false}; /* "later" means that it may come again */
	else if (seen != NULL)
		seen->is_refused = true;
	if (peer != NULL)
		say(o, &peer->member.endpoint, &s->query.id, status);
	s->is_used = false;
}

/* A receipt is for an answer of ours, or about a query of ours. */
enum err on_receipt(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer)
{
	struct serve *s = serve_of(o, &m->body.query_id);

	(void)from;
	(void)peer;
	if (s == NULL || !id_equal(&s->from, &m->sender) || m->body.status != RECEIPT_PART)
		return m->body.status == RECEIPT_PART ? ERR_OK : on_receipt_of_query(o, now, m);
	if (s->is_answered && m->body.part < s->parts)
		s->missing &= ~(UINT32_C(1) << m->body.part);
	if (s->is_answered && s->missing == 0)
		s->is_used = false;
	return ERR_OK;
}

void serves_expire(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->limits.serves_max; i++) {
		struct serve *s = &o->serves[i];

		if (!s->is_used)
			continue;
		if (mono_reached(now.mono, s->until) ||
		    (s->tries > RESENDS_MAX && mono_reached(now.mono, s->next)))
			s->is_used = false;
		else if (s->is_answered && mono_reached(now.mono, s->next))
			send_parts(o, now, s);
	}
}

struct mono serves_deadline(const struct overlay *o)
{
	struct mono deadline = MONO_NEVER;

	for (size_t i = 0; i < o->limits.serves_max; i++) {
		if (!o->serves[i].is_used)
			continue;
		deadline = mono_earlier(deadline, o->serves[i].until);
		deadline = mono_earlier(deadline, o->serves[i].next);
	}
	return deadline;
}
