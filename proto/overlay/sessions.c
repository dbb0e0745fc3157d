/*
 * Sessions: after a handshake (handshake.c) everything is sealed and knows its sender.
 *
 * A session is used for REKEY_MS, then either side begins the next; the old one still receives
 * until OVERLAP_MS after that. It keeps to the address it was made with.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define REKEY_MS 120000      /* its initiator begins the next */
#define REKEY_LATE_MS 140000 /* or the other, if that did not happen */
#define SESSION_MS 180000    /* its end */
#define REKEY_COUNT (UINT64_C(1) << 20)
#define QUIET_MS 30000      /* longer than between two PINGs */
#define NEVER_HEARD_MS 3000 /* since the RESPONSE */
#define UNANSWERED_MS 1200  /* since the first of what asks for an answer */
#define OVERLAP_MS 10000
#define CROSSING_MS 5000 /* two made from both ends within that time were begun at once */
#define IDLE_MS 2000     /* one that is not in the table may make room for another, after */

#define CHARGE 10 /* frames, for one that was over budget */

static const struct budget_rate frames_rate = {.per_minute = 12000, .burst = 1000};
static const struct budget_rate bulk_rate = {.per_minute = 6000, .burst = 1000};

static uint16_t head_of(const struct overlay *o, const struct id *id)
{
	uint32_t h;

	memcpy(&h, id->octets, sizeof(h)); /* nobody chooses an id */
	return (uint16_t)(h % o->limits.sessions_max);
}

/* An index says where its session is, and is hard to guess all the same. */
static uint32_t draw_index(struct overlay *o, size_t at)
{
	return (uint32_t)at | (uint32_t)(random_word(o) & 0xffff) << 16;
}

struct session *session_by_index(struct overlay *o, uint32_t index)
{
	size_t at = index & 0xffff;

	if (at >= o->limits.sessions_max || o->sessions[at].state == SESSION_FREE ||
	    o->sessions[at].transport.index != index)
		return NULL;
	return &o->sessions[at];
}

void session_release(struct overlay *o, struct session *s)
{
	uint16_t at = (uint16_t)(s - o->sessions);
	uint16_t *link = &o->session_heads[head_of(o, &s->held->card.id)];

	while (*link != at)
		link = &o->sessions[*link].chain;
	*link = s->chain;
	if (s->hand != NOBODY) {
		wipe(&o->hands[s->hand].hand, sizeof(o->hands[s->hand].hand));
		o->hands[s->hand].is_used = false;
	}
	cards_drop(o->cards, s->held);
	wipe(s, sizeof(*s));
	s->state = SESSION_FREE;
}

/*
 * Which of two that live is to be used? The younger; but of two that were begun from both ends at
 * once each end may think the other younger, and that of the lower id counts. Both ends must agree:
 * what is not used is soon given up.
 */
static bool is_better(const struct overlay *o, const struct session *a, const struct session *b)
{
	uint64_t apart_ms =
		a->born.ms > b->born.ms ? a->born.ms - b->born.ms : b->born.ms - a->born.ms;
	bool is_ours_lower = memcmp(&o->id, &a->held->card.id, sizeof(o->id)) < 0;

	if (a->is_ours != b->is_ours && apart_ms < CROSSING_MS)
		return a->is_ours == is_ours_lower;
	return a->born.ms >= b->born.ms;
}

/* The best that lives. */
struct session *session_live(struct overlay *o, const struct id *id)
{
	struct session *best = NULL;

	for (uint16_t i = o->session_heads[head_of(o, id)]; i != NOBODY; i = o->sessions[i].chain) {
		struct session *s = &o->sessions[i];

		if (s->state == SESSION_LIVE && id_equal(&s->held->card.id, id) &&
		    (best == NULL || is_better(o, s, best)))
			best = s;
	}
	return best;
}

struct session *session_in(struct overlay *o, const struct id *id, enum session_state state)
{
	for (uint16_t i = o->session_heads[head_of(o, id)]; i != NOBODY; i = o->sessions[i].chain) {
		struct session *s = &o->sessions[i];

		if (s->state == state && id_equal(&s->held->card.id, id))
			return s;
	}
	return NULL;
}

/* How well can it be spared? 0: not at all. The other end is not told, and notices in a while. */
static int spare(struct overlay *o, struct now now, const struct session *s)
{
	if (s->state != SESSION_LIVE)
		return 0;
	if (now.mono.ms == s->heard.ms)
		return 0; /* something of it is being handled, which goes on to use it */
	if (session_live(o, &s->held->card.id) != s)
		return 4; /* there is a better one */
	if (contact_of(o, &s->held->card.id) != NULL)
		return 0;
	if (!s->is_done && now.mono.ms - s->heard.ms <= IDLE_MS)
		return 0;
	return s->is_kept ? 1 : s->is_done ? 3 : 2;
}

/*
 * A place for a session with `id`: a free one, else one that can be spared, the one unused for
 * longest first. None of the same member: it is being renewed, and a caller speaks in it.
 */
static struct session *place(struct overlay *o, struct now now, const struct id *id)
{
	struct session *worst = NULL;
	int best = 0;

	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		struct session *s = &o->sessions[i];
		int how;

		if (s->state == SESSION_FREE)
			return s;
		how = spare(o, now, s);
		if (how < best || how == 0 || id_equal(&s->held->card.id, id) ||
		    (how == best && worst != NULL && s->heard.ms >= worst->heard.ms))
			continue;
		worst = s;
		best = how;
	}
	if (worst == NULL)
		o->counters.tables_full++;
	else
		session_release(o, worst);
	return worst;
}

struct session *session_begin(struct overlay *o, struct now now, const struct held_card *held,
                              const struct endpoint *to, enum session_state state)
{
	struct session *s = place(o, now, &held->card.id);
	uint16_t *head = &o->session_heads[head_of(o, &held->card.id)];

	if (s == NULL)
		return NULL;
	s->state = state;
	s->is_ours = state == SESSION_OPENING;
	s->is_rekey = session_live(o, &held->card.id) != NULL;
	s->held = cards_share(held);
	s->to = *to;
	s->born = s->heard = now.mono;
	s->hand = NOBODY;
	s->chain = *head;
	*head = (uint16_t)(s - o->sessions);
	s->transport.index = draw_index(o, *head);
	return s;
}

void session_wake(struct overlay *o, struct session *s, struct mono at)
{
	s->until = at;
	o->sessions_due = mono_earlier(o->sessions_due, at);
}

static bool must_answer(enum frame_kind kind)
{
	return kind == FRAME_PING || kind == FRAME_QUERY || kind == FRAME_RECEIPT ||
	       kind == FRAME_REPLY || kind == FRAME_OFFER || kind == FRAME_FETCH;
}

/*
 * Old enough that the next should begin? Both sides may see to it, the initiator first. Or so long
 * without a word from the other end that it may have started anew, or given the session up.
 */
static bool is_old(const struct session *s, struct now now)
{
	uint64_t age_ms = now.mono.ms - s->born.ms;
	uint64_t quiet_ms = now.mono.ms - s->heard.ms;

	if (s->awaits.ms != 0 && now.mono.ms - s->awaits.ms >= UNANSWERED_MS)
		return true;
	return quiet_ms >= (s->transport.received_end == 0 ? NEVER_HEARD_MS : QUIET_MS) ||
	       age_ms >= (s->is_ours ? REKEY_MS : REKEY_LATE_MS) ||
	       s->transport.counter >= REKEY_COUNT;
}

bool say_in(struct overlay *o, struct now now, struct session *s, struct frame *frame)
{
	uint8_t plain[FRAME_MAX];
	struct slot *slot;
	size_t len;

	if (o->has_tap && o->tap.out != NULL && !o->tap.out(o->tap.ctx, now, &s->held->card, frame))
		return true;
	len = frame_pack(frame, plain);
	CHECK(len > 0);
	slot = push(o, ACT_SEND, NULL);
	if (slot == NULL)
		return false;
	slot->act.to = s->to;
	slot->act.len = transport_seal(&s->transport, plain, len, slot->data);
	o->counters.sent++;
	if (must_answer(frame->kind) && s->awaits.ms == 0)
		s->awaits = now.mono;
	if (is_old(s, now))
		handshake_begin(o, now, s->held);
	return true;
}

void session_charge(struct session *s, struct now now)
{
	budget_take(&s->frames, now.mono, frames_rate, CHARGE);
}

bool may_send(struct overlay *o, struct now now, struct session *s)
{
	if (budget_take(&s->bulk, now.mono, bulk_rate, 1))
		return true;
	o->counters.over_budget++;
	return false;
}

bool say(struct overlay *o, struct now now, const struct held_card *to, struct frame *frame)
{
	struct session *s = session_live(o, &to->card.id);

	if (s != NULL)
		return say_in(o, now, s, frame);
	handshake_begin(o, now, to);
	return false;
}

/*
 * `fresh` has become live: the others with the same member have had their time. The best of them
 * still receives for a while; however often a member calls, it has no more sessions than that.
 */
static void retire_others(struct overlay *o, struct now now, struct session *fresh)
{
	struct id id = fresh->held->card.id;
	struct session *best = session_live(o, &id);
	struct session *kept = best != fresh ? fresh : NULL;
	uint16_t next;

	for (uint16_t i = o->session_heads[head_of(o, &id)]; i != NOBODY; i = next) {
		struct session *s = &o->sessions[i], *out = s;

		next = s->chain;
		if (s == best || s == fresh || s->state != SESSION_LIVE ||
		    !id_equal(&s->held->card.id, &id))
			continue;
		if (kept == NULL || (kept != fresh && s->born.ms > kept->born.ms)) {
			out = kept;
			kept = s;
		}
		if (out != NULL)
			session_release(o, out);
	}
	if (kept != NULL)
		session_wake(o, kept, mono_earlier(kept->until, mono_after(now.mono, OVERLAP_MS)));
}

void session_lives(struct overlay *o, struct now now, struct session *s)
{
	struct id id = s->held->card.id;
	struct seat *seat = seat_of(o, &id);

	wipe(&s->ephemeral, sizeof(s->ephemeral));
	s->state = SESSION_LIVE;
	s->born = s->heard = now.mono;
	session_wake(o, s, mono_after(now.mono, SESSION_MS));
	retire_others(o, now, s);
	o->counters.handshakes++;
	o->counters.rekeys += s->is_rekey;
	if (seat != NULL) {
		seat->misses = 0;
		if (seat->state == MEMBER_SILENT)
			seat->state = MEMBER_KNOWN; /* until it has answered a PING of ours */
	}
	table_session(o, now, s);
	serves_session(o, now, &id);
	asks_session(o, now, &id);
}

static on_frame_fn *const handlers[FRAME_KIND_END] = {
	[FRAME_PING] = on_ping,     [FRAME_PONG] = on_pong,   [FRAME_FIND] = on_find,
	[FRAME_NODES] = on_nodes,   [FRAME_SUMS] = on_sums,   [FRAME_HAVE] = on_have,
	[FRAME_GET] = on_get,       [FRAME_CARDS] = on_cards, [FRAME_LACK] = on_lack,
	[FRAME_NOTICE] = on_notice, [FRAME_QUERY] = on_query, [FRAME_QACK] = on_qack,
	[FRAME_DIGEST] = on_digest, [FRAME_WANT] = on_want,   [FRAME_RECEIPT] = on_receipt,
	[FRAME_REPLY] = on_reply,   [FRAME_OFFER] = on_offer, [FRAME_RACK] = on_rack,
	[FRAME_FETCH] = on_fetch,   [FRAME_PART] = on_part,
};

static enum err take_frame(struct overlay *o, struct now now, uint32_t index, const uint8_t *plain,
                           size_t len)
{
	struct session *s = session_by_index(o, index);
	struct frame f;

	if (!budget_take(&s->frames, now.mono, frames_rate, 1))
		return counted(&o->counters.over_budget, ERR_LIMIT);
	if (frame_open(plain, len, &f) != ERR_OK)
		return counted(&o->counters.malformed, ERR_FORMAT);
	if (o->has_tap && o->tap.in != NULL && !o->tap.in(o->tap.ctx, now, &s->held->card, &f))
		return ERR_OK;
	return handlers[f.kind](o, now, s, &f);
}

enum err on_data(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len)
{
	struct session *s = session_by_index(o, packet_receiver(data));
	uint8_t plain[PACKET_MAX];
	size_t plain_len;
	uint32_t index;
	enum err err;

	if (s == NULL || s->state == SESSION_OPENING)
		return counted(&o->counters.unknown, ERR_NOENT);
	err = transport_open(&s->transport, data, len, plain, &plain_len);
	if (err == ERR_STALE)
		return counted(&o->counters.replayed, err);
	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	if (!endpoint_equal(&s->to, from)) /* it proves who, not where: the address stays */
		return counted(&o->counters.moved, ERR_STALE);
	index = s->transport.index;
	s->heard = now.mono;
	s->awaits.ms = 0;
	if (s->state == SESSION_ANSWERED)
		session_lives(o, now, s);
	return take_frame(o, now, index, plain, plain_len);
}

void sessions_drop(struct overlay *o, const struct id *id)
{
	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		struct session *s = &o->sessions[i];

		if (s->state != SESSION_FREE && (id == NULL || id_equal(&s->held->card.id, id)))
			session_release(o, s);
	}
}

void sessions_renew(struct overlay *o, const struct held_card *held)
{
	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		struct session *s = &o->sessions[i];

		if (s->state == SESSION_FREE || !id_equal(&s->held->card.id, &held->card.id))
			continue;
		cards_drop(o->cards, s->held);
		s->held = cards_share(held);
	}
}

void sessions_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->sessions_due))
		return;
	o->sessions_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		struct session *s = &o->sessions[i];

		if (s->state == SESSION_FREE)
			continue;
		if (mono_reached(now.mono, s->until)) {
			if (s->state == SESSION_OPENING)
				handshake_again(o, now, s);
			else
				session_release(o, s);
		}
		if (s->state != SESSION_FREE)
			o->sessions_due = mono_earlier(o->sessions_due, s->until);
	}
}
