/*
 * Handshakes: two datagrams that make a session.
 *
 *	A: INIT, with A's card ------------------->  B checks it, keeps its RESPONSE's keys aside
 *	A  <-------------------------- RESPONSE :B
 *	A: DATA ----------------------------------->  B: only now does it use them
 *
 * A replayed INIT costs B two multiplications and a place among the unproven, nothing else: it
 * gives up no session for it, and sends nothing but the RESPONSE, which is shorter. When handshakes
 * come faster than they are wanted, an INIT must bring a cookie: then its address is proven first.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define RETRY_MS 500 /* for a RESPONSE, doubled at every try */
#define TRIES_MAX 3
#define CALL_MAX_S 64    /* between two handshakes with who never answers */
#define UNPROVEN_MS 5000 /* for the DATA after our RESPONSE */

/* Without a cookie; beyond that everybody is asked for one, and has its prefix's budget. */
static const struct budget_rate free_rate = {.per_minute = 1200, .burst = 32};
static const struct budget_rate prefix_rate = {.per_minute = 1200, .burst = 40};

static uint16_t free_hand(const struct overlay *o)
{
	for (uint16_t i = 0; i < o->limits.hands_max; i++) {
		if (!o->hands[i].is_used)
			return i;
	}
	return NOBODY;
}

static struct hand_self hand_self(const struct overlay *o)
{
	return (struct hand_self){
		.kx = {.public = o->self.card.record.kx, .secret = o->self.kx_secret},
		.id = o->id,
	};
}

static size_t pack_card(const struct overlay *o, uint8_t room[CARD_MAX])
{
	struct octets out = octets_of(room, CARD_MAX);

	card_pack(&out, &o->self.card);
	CHECK(!out.is_full);
	return octets_len(&out);
}

static enum err start_hand(struct overlay *o, struct session *s, uint16_t at)
{
	struct hand_self self = hand_self(o);
	const struct card *card = &s->held->card;
	struct seed ephemeral = random_seed(o);
	uint8_t payload[CARD_MAX];
	size_t len = pack_card(o, payload);
	enum err err = hand_start(&o->hands[at].hand, &self, &card->record.kx, &card->id,
	                          s->transport.index, &ephemeral, bytes_of(payload, len));

	wipe(&ephemeral, sizeof(ephemeral));
	wipe(&self, sizeof(self));
	if (err == ERR_OK) {
		o->hands[at].is_used = true;
		s->hand = at;
	}
	return err;
}

/* Where to knock: each try in vain moves on to the record's next endpoint, of the other family. */
static bool door(struct overlay *o, const struct held_card *held, uint8_t tries,
                 struct endpoint *ret)
{
	const struct record *r = &held->card.record;
	struct seat *seat = seat_of(o, &held->card.id);
	struct session *s = session_live(o, &held->card.id);

	if (s == NULL && r->endpoint_count == 0)
		return false;
	*ret = s != NULL ? s->to
	                 : r->endpoints[((seat != NULL ? seat->misses : 0u) + tries) %
	                                r->endpoint_count];
	return true;
}

/* Who has not answered is called ever more rarely, whatever there is to say. */
static bool may_call(const struct seat *seat, struct now now)
{
	uint64_t wait_s = MIN(UINT64_C(2) << MIN(seat->misses, 6), CALL_MAX_S);

	return seat->misses == 0 || now.mono.ms / 1000 - seat->tried_s >= wait_s;
}

void handshake_begin(struct overlay *o, struct now now, const struct held_card *held)
{
	uint16_t at = free_hand(o);
	struct seat *seat = seat_of(o, &held->card.id);
	struct endpoint to; /* a copy: the session it is of may have to make room */
	struct session *s;

	if (!door(o, held, 0, &to) || session_in(o, &held->card.id, SESSION_OPENING) != NULL ||
	    (seat != NULL && !may_call(seat, now)))
		return;
	if (at == NOBODY) {
		o->counters.tables_full++;
		return;
	}
	s = session_begin(o, now, held, &to, SESSION_OPENING);
	if (s == NULL)
		return;
	if (start_hand(o, s, at) != ERR_OK) {
		session_release(o, s);
		return;
	}
	if (seat != NULL)
		seat->tried_s = (uint32_t)(now.mono.ms / 1000);
	s->tries = 1;
	session_wake(o, s, mono_after(now.mono, RETRY_MS));
	put_datagram(o, &s->to, o->hands[at].hand.packet, HAND_INIT_LEN);
}

/* Has the sender a right to cost us a handshake? Says COOKIE where that is not clear yet. */
static enum err admit(struct overlay *o, struct now now, const struct endpoint *from,
                      const void *data, size_t len)
{
	uint8_t room[COOKIE_LEN], nonce[COOKIE_NONCE];
	struct seed fresh;

	if (mono_reached(now.mono, cookie_jar_due(&o->jar))) {
		fresh = random_seed(o);
		cookie_jar_turn(&o->jar, now.mono, &fresh);
		wipe(&fresh, sizeof(fresh));
	}
	if (cookie_holds(&o->jar, from, data, len)) {
		if (budget_take(budget_of_prefix(o->prefixes, &from->addr), now.mono, prefix_rate,
		                1))
			return ERR_OK;
		return counted(&o->counters.over_budget, ERR_LIMIT);
	}
	if (budget_take(&o->handshakes, now.mono, free_rate, 1))
		return ERR_OK;
	o->random.fill(o->random.ctx, nonce, sizeof(nonce));
	put_datagram(o, from, room, cookie_make(&o->jar, &o->id, from, data, nonce, room));
	o->counters.cookies++;
	return ERR_BUSY;
}

/* Whose INIT is it? Its card must be one that we would keep, and name the key that it used. */
static enum err identify(struct overlay *o, struct now now, const struct hand_in *in,
                         const struct held_card **ret)
{
	struct bytes payload = bytes_of(in->payload, in->payload_len), cert, record;
	bool is_news;
	enum err err = card_cut(&payload, &cert, &record);

	if (err != ERR_OK || bytes_left(&payload) != 0)
		return counted(&o->counters.malformed, ERR_FORMAT);
	err = roster_admit(o, now, cert, record, &o->strangers, ret, &is_news);
	if (err != ERR_OK)
		return err;
	if (memcmp(&(*ret)->card.record.kx, &in->from, sizeof(in->from)) != 0)
		return counted(&o->counters.forged, ERR_AUTH);
	if (is_news)
		roster_spread(o, now, *ret, &(*ret)->card.id);
	return ERR_OK;
}

/* The place for our RESPONSE. A repeated INIT finds the one it had, and so has the same answer. */
static struct session *answered(struct overlay *o, struct now now, const struct endpoint *from,
                                const struct held_card *held, const uint8_t *mac1)
{
	struct session *s = session_in(o, &held->card.id, SESSION_ANSWERED);

	if (s != NULL && memcmp(s->mac1, mac1, PACKET_MAC) == 0 && endpoint_equal(&s->to, from))
		return s;
	if (s != NULL)
		session_release(o, s); /* one at a time */
	s = session_begin(o, now, held, from, SESSION_ANSWERED);
	if (s == NULL)
		return NULL;
	memcpy(s->mac1, mac1, PACKET_MAC);
	s->ephemeral = random_seed(o);
	return s;
}

static enum err respond(struct overlay *o, struct now now, const struct endpoint *from,
                        struct hand_in *in, const uint8_t *mac1)
{
	struct hand_self self = hand_self(o);
	const struct held_card *held;
	struct session *s;
	uint8_t room[HAND_RESPONSE_MAX];
	uint32_t index;
	size_t len;
	enum err err = identify(o, now, in, &held);

	if (err != ERR_OK)
		return err;
	s = answered(o, now, from, held, mac1);
	if (s == NULL)
		return ERR_LIMIT;
	index = s->transport.index;
	len = hand_answer(in, &self, &s->ephemeral, index, bytes_of(NULL, 0), room, &s->transport);
	wipe(&self, sizeof(self));
	CHECK(len > 0);
	session_wake(o, s, mono_after(now.mono, UNPROVEN_MS));
	put_datagram(o, from, room, len);
	for (int i = 0; !HOLDS(RULE_PROOF) && i < 9; i++)
		put_datagram(o, from, room, len); /* together they are longer than an INIT */
	return ERR_OK;
}

enum err on_init(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len)
{
	struct hand_self self;
	struct hand_in in;
	enum err err = hand_check_mac1(o->mac1_key, data, len);

	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	err = admit(o, now, from, data, len);
	if (err != ERR_OK)
		return err;
	self = hand_self(o);
	err = hand_read(&self, data, len, &in);
	wipe(&self, sizeof(self));
	if (err == ERR_OK)
		err = respond(o, now, from, &in, (const uint8_t *)data + HAND_INIT_MAC1);
	else
		o->counters.forged++;
	wipe(&in, sizeof(in));
	return err;
}

/* The session of ours that a RESPONSE or COOKIE is for; it must come from where the INIT went. */
static struct session *opening_of(struct overlay *o, const struct endpoint *from, const void *data)
{
	struct session *s = session_by_index(o, packet_receiver(data));

	if (s == NULL || s->state != SESSION_OPENING || !endpoint_equal(&s->to, from)) {
		o->counters.unasked++;
		return NULL;
	}
	return s;
}

enum err on_cookie(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                   size_t len)
{
	struct session *s = opening_of(o, from, data);
	enum err err;

	if (s == NULL)
		return ERR_STALE;
	err = hand_take_cookie(&o->hands[s->hand].hand, data, len);
	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	session_wake(o, s, mono_after(now.mono, RETRY_MS));
	put_datagram(o, &s->to, o->hands[s->hand].hand.packet, HAND_INIT_LEN);
	return ERR_OK;
}

/* The other end uses a session only once something has come in it, and gives it up soon. */
static void confirm(struct overlay *o, struct now now, uint32_t index)
{
	struct session *s = session_by_index(o, index);
	struct frame f;

	if (s == NULL || s->transport.counter > 0)
		return;
	f.kind = FRAME_DIGEST;
	f.id_count = 0;
	say_in(o, now, s, &f);
}

enum err on_resp(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len)
{
	struct session *s = opening_of(o, from, data);
	uint8_t payload[HAND_PAYLOAD_MAX];
	size_t payload_len;
	uint32_t index;
	enum err err;

	if (s == NULL)
		return ERR_STALE;
	err = hand_finish(&o->hands[s->hand].hand, data, len, &s->transport, payload, &payload_len);
	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	wipe(&o->hands[s->hand].hand, sizeof(o->hands[s->hand].hand));
	o->hands[s->hand].is_used = false;
	s->hand = NOBODY;
	index = s->transport.index;
	session_lives(o, now, s);
	confirm(o, now, index);
	return ERR_OK;
}

void handshake_again(struct overlay *o, struct now now, struct session *s)
{
	struct id id = s->held->card.id;
	struct seat *seat = seat_of(o, &id);

	if (s->tries < TRIES_MAX) {
		session_wake(o, s, mono_after(now.mono, (uint64_t)RETRY_MS << s->tries));
		door(o, s->held, s->tries++, &s->to);
		put_datagram(o, &s->to, o->hands[s->hand].hand.packet, HAND_INIT_LEN);
		return;
	}
	session_release(o, s);
	if (seat != NULL && session_live(o, &id) == NULL) {
		seat_missed(seat);
		seat->state = seat->state == MEMBER_EXPIRED ? MEMBER_EXPIRED : MEMBER_SILENT;
		table_missed(o, now, &id);
	}
}
