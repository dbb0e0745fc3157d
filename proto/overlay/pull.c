/*
 * Answers too long for a datagram: we were offered them, and fetch them. First by a stream (TCP) in
 * the session's secrecy; where none can be opened (a member behind NAT), in parts inside the
 * session. Either way what came must have the length and digest that were offered.
 *
 * And the other end: streams that are opened to us, each for one token that we gave out.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define STREAM_MS 3000  /* to open a stream and have all: then parts are tried */
#define PULL_MS 20000   /* for everything */
#define STALLED_MS 1500 /* without an octet of it: another's may take its place */
#define PART_MS 400     /* for a PART, doubled */
#define PART_TRIES 6
#define INFLOW_MS 10000 /* a stream to us lives no longer: who reads slowly holds nothing up */
#define INFLOWS_A_MEMBER 2

static void close_stream(struct overlay *o, struct pull *p)
{
	struct slot *slot = p->is_stream ? push(o, ACT_CLOSE, NULL) : NULL;

	if (slot != NULL)
		slot->act.stream = p->stream;
	p->is_stream = false;
}

static void finish_pull(struct overlay *o, struct pull *p)
{
	close_stream(o, p);
	cards_drop(o->cards, p->from);
	wipe(&p->channel, sizeof(p->channel));
	memset(p, 0, offsetof(struct pull, channel));
}

void pull_return(struct overlay *o, struct pull *p)
{
	finish_pull(o, p);
}

static struct pull *pull_by_stream(struct overlay *o, uint32_t stream)
{
	for (size_t i = 0; i < o->limits.streams_max; i++) {
		if (o->pulls[i].is_used && o->pulls[i].is_stream && o->pulls[i].stream == stream)
			return &o->pulls[i];
	}
	return NULL;
}

static struct pull *pull_of(struct overlay *o, const struct ask *ask, const struct id *from)
{
	for (size_t i = 0; i < o->limits.streams_max; i++) {
		if (o->pulls[i].is_used && o->pulls[i].ticket == ask->ticket &&
		    id_equal(&o->pulls[i].from->card.id, from))
			return &o->pulls[i];
	}
	return NULL;
}

static struct pull *with_room(struct overlay *o, struct pull *p)
{
	size_t at = o->limits.serves_max + (size_t)(p - o->pulls);

	p->sealed = o->answers + at * o->limits.answer_max;
	return p;
}

static struct target *target_of_pull(struct overlay *o, const struct pull *p)
{
	struct ask *ask = ask_by_ticket(o, p->ticket);

	return ask != NULL ? target_of(ask, &p->from->card.id) : NULL;
}

/*
 * A free one; else the one of which nothing has come for longest, and long: it was a promise. Who
 * has broken one before takes the place of nobody but of others who have.
 */
static struct pull *free_pull(struct overlay *o, struct now now, const struct target *wanted_by)
{
	struct pull *stalled = NULL;
	struct target *target;

	for (size_t i = 0; i < o->limits.streams_max; i++) {
		struct pull *p = &o->pulls[i];

		if (!p->is_used)
			return with_room(o, p);
		target = target_of_pull(o, p);
		if (p->is_done || now.mono.ms - p->moved.ms < STALLED_MS ||
		    (wanted_by->has_stalled && (target == NULL || !target->has_stalled)))
			continue;
		if (stalled == NULL || p->moved.ms < stalled->moved.ms)
			stalled = p;
	}
	if (stalled == NULL) {
		o->counters.tables_full++;
		return NULL;
	}
	target = target_of_pull(o, stalled);
	if (target != NULL)
		target->has_stalled = true; /* it may offer it again */
	finish_pull(o, stalled);
	return with_room(o, stalled);
}

static void wake(struct overlay *o, struct pull *p, struct mono at)
{
	p->next = at;
	o->pulls_due = mono_earlier(o->pulls_due, at);
}

static enum err rack(struct overlay *o, struct now now, struct session *s,
                     const struct query_id *id)
{
	struct frame f;

	f.kind = FRAME_RACK;
	f.query_id = *id;
	f.about = FRAME_OFFER;
	say_in(o, now, s, &f);
	return ERR_OK;
}

static void begin(struct pull *p, const struct ask *ask, const struct held_card *from)
{
	p->is_used = true;
	p->ticket = ask->ticket;
	p->from = cards_share(from);
	p->next = p->until = MONO_NEVER;
}

/* One that came in a single datagram passes through the same room. */
enum err pull_whole(struct overlay *o, struct now now, struct ask *ask, struct target *target,
                    struct bytes sealed)
{
	struct pull *p = free_pull(o, now, target);
	enum err err;

	if (p == NULL)
		return ERR_LIMIT;
	if (bytes_left(&sealed) > o->limits.answer_max)
		return counted(&o->counters.malformed, ERR_FORMAT);
	begin(p, ask, target->held);
	p->len = p->have = bytes_left(&sealed);
	memcpy(p->sealed, sealed.at, p->len);
	err = ask_answer(o, ask, target, p);
	if (err != ERR_OK)
		finish_pull(o, p);
	return err;
}

static void fetch(struct overlay *o, struct now now, struct pull *p, const struct query_id *id)
{
	struct frame f;

	f.kind = FRAME_FETCH;
	f.query_id = *id;
	f.offset = (uint32_t)p->have;
	wake(o, p, mono_after(now.mono, (uint64_t)PART_MS << MIN(p->tries, 4)));
	p->tries++;
	say(o, now, p->from, &f);
}

static bool connect_to(struct overlay *o, struct now now, struct pull *p)
{
	struct slot *slot = push(o, ACT_CONNECT, p->from);

	if (slot == NULL)
		return false;
	p->is_stream = true;
	p->stream = slot->act.stream = ++o->last_stream;
	slot->act.to = p->to;
	wake(o, p, mono_after(now.mono, STREAM_MS));
	return true;
}

enum err on_offer(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct ask *ask = ask_of_query(o, &f->query_id);
	struct target *target = ask != NULL ? target_of(ask, &s->held->card.id) : NULL;
	struct pull *p;

	if (target == NULL)
		return counted(&o->counters.unasked, ERR_STALE);
	if (!ask_waits_for(target) || pull_of(o, ask, &s->held->card.id) != NULL)
		return rack(o, now, s, &f->query_id);
	if (f->len == 0 || f->len > o->limits.answer_max)
		return counted(&o->counters.malformed, ERR_LIMIT);
	p = free_pull(o, now, target);
	if (p == NULL)
		return ERR_BUSY; /* unacknowledged, it is offered again */
	begin(p, ask, s->held);
	p->to = s->to;
	p->digest = f->digest;
	p->token = f->token;
	p->len = f->len;
	p->moved = now.mono;
	p->until = mono_after(now.mono, PULL_MS);
	p->is_stream = false;
	rack(o, now, s, &f->query_id);
	if (s->held->card.record.endpoint_count == 0 || !connect_to(o, now, p))
		fetch(o, now, p, &f->query_id); /* behind NAT: nobody calls there */
	return ERR_OK;
}

static struct slot *push_write(struct overlay *o, uint32_t stream, size_t len)
{
	struct slot *slot = push(o, ACT_WRITE, NULL);

	if (slot != NULL) {
		slot->act.stream = stream;
		slot->act.len = len;
	}
	return slot;
}

void overlay_opened(struct overlay *o, struct now now, uint32_t stream)
{
	struct pull *p = pull_by_stream(o, stream);
	struct session *s = p != NULL ? session_live(o, &p->from->card.id) : NULL;
	uint8_t salt[CHANNEL_SALT];
	struct slot *slot;

	(void)now;
	slot = s != NULL ? push_write(o, stream, CHANNEL_HELLO_LEN) : NULL;
	if (slot == NULL)
		return;
	o->random.fill(o->random.ctx, salt, sizeof(salt));
	channel_start(&p->channel, &s->transport, salt, true);
	channel_hello(&p->channel, &s->transport, salt, p->token.octets, slot->data);
}

/* No stream: what is missing comes in parts. */
static void give_up_stream(struct overlay *o, struct now now, struct pull *p)
{
	struct ask *ask = ask_by_ticket(o, p->ticket);

	close_stream(o, p);
	p->have = 0;
	p->tries = 0;
	if (ask != NULL)
		fetch(o, now, p, &ask->query.id);
}

/* All is here: an act borrows it, or it is of no use. */
static void complete(struct overlay *o, struct pull *p)
{
	struct ask *ask = ask_by_ticket(o, p->ticket);
	struct target *target = ask != NULL ? target_of(ask, &p->from->card.id) : NULL;
	struct id whole = digest("spoor sealed answer 1", p->sealed, p->len);

	close_stream(o, p);
	p->next = MONO_NEVER;
	if (target != NULL && !id_equal(&whole, &p->digest))
		ask_refute(o, ask, target);
	else if (target != NULL && ask_answer(o, ask, target, p) == ERR_OK)
		return;
	finish_pull(o, p);
}

static void take_record(struct overlay *o, struct now now, struct pull *p, struct bytes record)
{
	size_t len = bytes_left(&record);

	if (len > p->len - p->have) {
		give_up_stream(o, now, p);
		return;
	}
	memcpy(p->sealed + p->have, record.at, len);
	p->have += len;
	p->moved = now.mono;
	if (p->have == p->len)
		complete(o, p);
}

enum err on_part(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct ask *ask = ask_of_query(o, &f->query_id);
	struct pull *p = ask != NULL ? pull_of(o, ask, &s->held->card.id) : NULL;
	size_t len = bytes_left(&f->blob);

	if (p == NULL || p->is_stream || p->is_done || f->offset != p->have ||
	    len > p->len - p->have)
		return counted(&o->counters.unasked, ERR_STALE);
	memcpy(p->sealed + p->have, f->blob.at, len);
	p->have += len;
	p->moved = now.mono;
	p->tries = 0;
	if (p->have == p->len)
		complete(o, p);
	else
		fetch(o, now, p, &f->query_id);
	return ERR_OK;
}

/* --- streams to us --- */

static struct inflow *inflow_of(struct overlay *o, uint32_t stream)
{
	for (size_t i = 0; i < o->limits.streams_max; i++) {
		if (o->inflows[i].is_used && o->inflows[i].stream == stream)
			return &o->inflows[i];
	}
	return NULL;
}

static void shut(struct overlay *o, struct inflow *in)
{
	struct slot *slot = push(o, ACT_CLOSE, NULL);

	if (slot != NULL)
		slot->act.stream = in->stream;
	in->is_used = false;
}

static bool is_known(const struct overlay *o, const struct addr *from)
{
	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		const struct session *s = &o->sessions[i];

		if (s->state == SESSION_LIVE && addr_equal(&s->to.addr, from))
			return true;
	}
	return false;
}

/* Who is known is counted by its address; strangers by their network, in which all are one. */
static size_t inflows_like(const struct overlay *o, const struct addr *from, bool is_from_known)
{
	unsigned bits = is_from_known ? 128 : addr_network_bits(from);
	size_t count = 0;

	for (size_t i = 0; i < o->limits.streams_max; i++) {
		const struct inflow *in = &o->inflows[i];

		count += in->is_used && in->is_known == is_from_known &&
		         addr_in_net(&in->from.addr, from, bits);
	}
	return count;
}

/* A free one; for who is known the oldest stranger's, too. */
static struct inflow *free_inflow(struct overlay *o, bool is_for_known)
{
	struct inflow *oldest = NULL;

	for (size_t i = 0; i < o->limits.streams_max; i++) {
		struct inflow *in = &o->inflows[i];

		if (!in->is_used)
			return in;
		if (is_for_known && !in->is_known &&
		    (oldest == NULL || in->until.ms < oldest->until.ms))
			oldest = in;
	}
	if (oldest != NULL)
		shut(o, oldest);
	return oldest;
}

enum err overlay_accept(struct overlay *o, struct now now, const struct endpoint *from,
                        uint32_t *ret_stream)
{
	bool is_from_known = is_known(o, &from->addr);
	size_t most = MAX(INFLOWS_A_MEMBER, o->limits.streams_max / 4);
	struct inflow *in = inflows_like(o, &from->addr, is_from_known) < most
	                            ? free_inflow(o, is_from_known)
	                            : NULL;

	if (in == NULL)
		return counted(&o->counters.tables_full, ERR_LIMIT);
	*in = (struct inflow){
		.is_used = true,
		.is_known = is_from_known,
		.stream = ++o->last_stream,
		.from = *from,
		.until = mono_after(now.mono, INFLOW_MS),
	};
	o->pulls_due = mono_earlier(o->pulls_due, in->until);
	*ret_stream = in->stream;
	return ERR_OK;
}

/* The sealed answer in one record: its octets are lent to the act, piece by piece of a slot. */
static void write_answer(struct overlay *o, struct channel *c, const struct inflow *in,
                         const struct serve *s)
{
	size_t step = sizeof(o->current.data) - CHANNEL_OVERHEAD;

	for (size_t at = 0; at < s->len; at += step) {
		size_t len = MIN(step, s->len - at);
		struct slot *slot = push_write(o, in->stream, len + CHANNEL_OVERHEAD);

		if (slot == NULL)
			return;
		CHECK(channel_seal(c, s->sealed + at, len, slot->data) > 0);
	}
}

/* The whole hello is here: a session of ours, and a token that we gave to its member. */
static bool greet(struct overlay *o, struct inflow *in)
{
	struct bytes rest =
		bytes_of(in->hello + CHANNEL_GREETING, CHANNEL_HELLO_LEN - CHANNEL_GREETING);
	struct channel *c = &o->channel;
	uint8_t salt[CHANNEL_SALT];
	struct session *session = session_by_index(o, channel_greeting(in->hello, salt));
	struct nonce token;
	struct bytes record;
	struct serve *s;
	bool is_good;

	if (session == NULL || session->state != SESSION_LIVE)
		return false;
	channel_start(c, &session->transport, salt, false);
	is_good = channel_feed(c, &rest, &record) == ERR_OK && bytes_left(&record) == sizeof(token);
	if (is_good)
		bytes_copy(&record, token.octets, sizeof(token.octets));
	s = is_good ? serve_by_token(o, &token) : NULL;
	if (s != NULL && id_equal(&s->origin->card.id, &session->held->card.id)) {
		/* Good once: the channel's keys would be the same again. */
		o->random.fill(o->random.ctx, s->token.octets, sizeof(s->token.octets));
		s->is_reply_due = false;
		write_answer(o, c, in, s);
	}
	wipe(c, sizeof(*c));
	return false; /* written or not, nothing more is to come from there */
}

static void take_hello(struct overlay *o, struct inflow *in, const uint8_t *data, size_t len)
{
	size_t room = CHANNEL_HELLO_LEN - in->have, count = MIN(len, room);

	memcpy(in->hello + in->have, data, count);
	in->have += count;
	if (len > room) {
		o->counters.malformed++;
		shut(o, in);
	} else if (in->have == CHANNEL_HELLO_LEN && !greet(o, in)) {
		shut(o, in);
	}
}

void overlay_octets(struct overlay *o, struct now now, uint32_t stream, const void *data,
                    size_t len)
{
	struct pull *p = pull_by_stream(o, stream);
	struct inflow *in = inflow_of(o, stream);
	struct bytes octets = bytes_of(data, len), record;

	if (in != NULL) {
		take_hello(o, in, data, len);
		return;
	}
	while (p != NULL && p->is_used && p->is_stream && !p->is_done) {
		enum err err = channel_feed(&p->channel, &octets, &record);

		if (err == ERR_SHORT)
			return;
		if (err == ERR_OK) {
			take_record(o, now, p, record);
		} else {
			o->counters.forged++;
			give_up_stream(o, now, p);
		}
	}
}

void overlay_closed(struct overlay *o, struct now now, uint32_t stream)
{
	struct pull *p = pull_by_stream(o, stream);
	struct inflow *in = inflow_of(o, stream);

	if (in != NULL)
		in->is_used = false;
	if (p != NULL && !p->is_done)
		give_up_stream(o, now, p);
}

/* --- time --- */

static void pull_expire(struct overlay *o, struct now now, struct pull *p)
{
	struct ask *ask = ask_by_ticket(o, p->ticket);
	struct target *target = ask != NULL ? target_of(ask, &p->from->card.id) : NULL;

	if (ask == NULL) {
		finish_pull(o, p);
	} else if (mono_reached(now.mono, p->until) || (!p->is_stream && p->tries >= PART_TRIES)) {
		if (target != NULL && target->state == TARGET_WAITING)
			ask_settle(o, ask, target, TARGET_BROKEN);
		finish_pull(o, p);
	} else if (p->is_stream) {
		give_up_stream(o, now, p);
	} else {
		fetch(o, now, p, &ask->query.id);
	}
}

void pulls_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->pulls_due))
		return;
	o->pulls_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.streams_max; i++) {
		struct pull *p = &o->pulls[i];
		struct inflow *in = &o->inflows[i];

		if (p->is_used && !p->is_done && mono_reached(now.mono, p->next))
			pull_expire(o, now, p);
		if (p->is_used && !p->is_done)
			o->pulls_due = mono_earlier(o->pulls_due, p->next);
		if (in->is_used && mono_reached(now.mono, in->until))
			shut(o, in);
		if (in->is_used)
			o->pulls_due = mono_earlier(o->pulls_due, in->until);
	}
}

void pulls_drop(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.streams_max; i++) {
		if (o->pulls[i].is_used && o->pulls[i].ticket == ticket && !o->pulls[i].is_done)
			finish_pull(o, &o->pulls[i]);
	}
}
