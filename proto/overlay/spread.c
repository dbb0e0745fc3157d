/*
 * How a question reaches everybody. Its origin sends it to the whole table. Whoever hears it first
 * from a member with whom it shares c bits of id passes it on into each of its buckets deeper than
 * c, to one of each (to two when it is urgent). The depth is never carried: it follows from who
 * spoke, which the session proves, so nobody can cut another's part short by naming a depth. And a
 * copy that comes later from farther away widens what was passed on (docs/OVERLAY.md).
 *
 * Every copy is acknowledged by whom it reached; one that is not goes to another of that bucket.
 * What still got lost is pulled: now and then a member that holds a question tells somebody drawn
 * from its table so, and sends what that one lacks.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define ACK_MIN_MS 350 /* for a QACK, or three round trips */
#define ACK_MAX_MS 2000
#define FAILOVERS_MAX 2     /* other members tried in place of one that does not answer */
#define DIGEST_FIRST_MS 300 /* after a question came: copies on their way are there by then */
#define WANT_MAX 16         /* questions asked for, or brought, at once */
#define WIDEN_MS 2000       /* after it came: later copies are its origin's, who wants a receipt */
#define DELEGATES 1
#define DELEGATES_URGENT 2
#define HELD_A_MEMBER 8 /* questions of one origin alive: as many as it may ask at once */

/* Of questions that are passed on, of one origin and of one organisation. */
static const struct budget_rate relay_rate = {.per_minute = 20, .burst = 24};
static const struct budget_rate org_rate = {.per_minute = 60, .burst = 72};

/* How long until the next DIGEST, by the age of the last news. */
static const struct {
	uint64_t age_ms, wait_ms;
} digest_pace[] = {{1500, 150}, {3000, 250}, {5000, 500}, {UINT64_MAX, 5000}};

static struct copy *copy_of(struct overlay *o, uint16_t held, const struct id *to)
{
	for (size_t i = 0; i < o->limits.copies_max; i++) {
		if (o->copies[i].until.ms != 0 && o->copies[i].held == held &&
		    id_equal(&o->copies[i].to, to))
			return &o->copies[i];
	}
	return NULL;
}

static struct copy *free_copy(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.copies_max; i++) {
		if (o->copies[i].until.ms == 0)
			return &o->copies[i];
	}
	o->counters.tables_full++;
	return NULL;
}

static bool send_query(struct overlay *o, struct now now, const struct held *h,
                       const struct held_card *to)
{
	struct frame f;

	f.kind = FRAME_QUERY;
	f.hops = MIN(h->hops, HOPS_MAX); /* it may be pulled farther than it is passed on */
	f.blob = bytes_of(h->blob.octets, h->blob.len);
	if (!say(o, now, to, &f))
		return false;
	o->counters.copies++;
	return true;
}

static void send_copy(struct overlay *o, struct now now, struct held *h, struct contact *c,
                      uint8_t tries, bool is_flood)
{
	uint64_t wait_ms = c->rtt_ms == MEMBER_RTT_UNKNOWN ? ACK_MIN_MS : UINT64_C(3) * c->rtt_ms;
	struct copy *copy;

	if (!send_query(o, now, h, c->held))
		return; /* its session has just ended; pulling is there for that */
	copy = free_copy(o);
	if (copy == NULL)
		return;
	*copy = (struct copy){
		.held = (uint16_t)(h - o->held),
		.bucket = c->bucket,
		.to = c->held->card.id,
		.sent = now.mono,
		.until = mono_after(now.mono, MIN(MAX(wait_ms, ACK_MIN_MS), ACK_MAX_MS)),
		.tries = tries,
		.is_flood = is_flood,
	};
	o->copies_due = mono_earlier(o->copies_due, copy->until);
}

static bool may_delegate(struct overlay *o, const struct held *h, const struct id *prev,
                         const struct contact *c)
{
	const struct id *id = &c->held->card.id;

	return c->state == CONTACT_LIVE && !id_equal(id, &h->origin) &&
	       (prev == NULL || !id_equal(id, prev)) && !knower_is(o, h, c) &&
	       copy_of(o, (uint16_t)(h - o->held), id) == NULL;
}

/*
 * One of a bucket to whom it was not sent yet: reliable, and of another organisation than `unlike`,
 * if there are such. Of two drawn the one that is nearer in time: to take the nearest of all would
 * be to trust whoever sits in the best data centre.
 */
static struct contact *delegate(struct overlay *o, const struct held *h, uint16_t bucket,
                                const struct id *prev, const struct contact *unlike)
{
	struct contact *first = NULL, *nearer = NULL, *second = NULL;
	struct draw draw = {0}, other = {0};

	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];
		bool is_good = c->score >= 0 && c->misses == 0;

		if (c->bucket != bucket || c == unlike || !may_delegate(o, h, prev, c))
			continue;
		if (is_good && (unlike == NULL || c->kinds.org != unlike->kinds.org)) {
			if (is_drawn(o, &draw))
				first = c;
			if (is_drawn(o, &other))
				nearer = c;
		} else if (second == NULL || c->score > second->score) {
			second = c;
		}
	}
	if (first != NULL && nearer->rtt_ms < first->rtt_ms)
		return nearer;
	return first != NULL ? first : second;
}

static void pass_on_at(struct overlay *o, struct now now, struct held *h, uint16_t bucket,
                       const struct id *prev)
{
	int count = h->is_urgent ? DELEGATES_URGENT : DELEGATES;
	struct contact *last = NULL;

	for (int i = 0; i < count; i++) {
		struct contact *c = delegate(o, h, bucket, prev, last);

		if (c == NULL)
			return;
		send_copy(o, now, h, c, 0, false);
		last = c;
	}
}

/* Into all buckets from `depth` on to which it was not passed yet. */
static void pass_on(struct overlay *o, struct now now, struct held *h, uint16_t depth,
                    const struct id *prev)
{
	uint16_t end = HOLDS(RULE_ONCE) ? h->depth : DEPTH_NONE;

	if (h->is_direct || h->hops > HOPS_MAX || depth >= end)
		return;
	if (h->depth != DEPTH_NONE && now.mono.ms - h->came.ms > WIDEN_MS)
		return; /* whoever lacks it still will pull it */
	o->counters.widened += h->depth != DEPTH_NONE;
	h->depth = MIN(depth, h->depth);
	for (uint16_t bucket = depth; bucket < MIN(end, 256); bucket++)
		pass_on_at(o, now, h, bucket, prev);
}

static void be_news(struct overlay *o, struct now now, struct held *h)
{
	h->news = now.mono;
	o->digest_due = mono_earlier(o->digest_due, mono_after(now.mono, DIGEST_FIRST_MS));
}

/* --- ours --- */

enum err spread_begin(struct overlay *o, struct now now, struct ask *ask)
{
	struct held *h = held_place(o, NULL);
	struct seen *seen = h != NULL ? seen_place(o, now, NOBODY) : NULL;

	if (seen == NULL)
		return ERR_LIMIT;
	*h = (struct held){
		.is_used = true,
		.is_ours = true,
		.is_urgent = ask->query.question.severity >= SEVERITY_HIGH,
		.is_direct = ask->query.is_direct,
		.id = ask->query.id,
		.origin = o->id,
		.from = NOBODY,
		.blob = ask->blob,
		.expires = ask->until,
		.ends = ask->query.expires,
		.came = now.mono,
		.depth = 0,
	};
	seen_add(o, seen, &h->id, NOBODY, mono_after(ask->until, SEEN_SLACK_MS));
	knowers_clear(o, h);
	ask->held = (uint16_t)(h - o->held);
	for (size_t i = 0; i < o->limits.table_max; i++) {
		if (o->contacts[i].state == CONTACT_LIVE)
			send_copy(o, now, h, &o->contacts[i], 0, true);
	}
	be_news(o, now, h);
	return ERR_OK;
}

void spread_purge(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.held_max; i++) {
		struct held *h = &o->held[i];

		if (h->is_used && !h->is_ours && seat_of(o, &h->origin) == NULL)
			held_drop(o, h);
	}
}

void spread_end(struct overlay *o, uint16_t held)
{
	if (held != NOBODY && o->held[held].is_used && o->held[held].is_ours)
		held_drop(o, &o->held[held]);
}

/* --- theirs --- */

/* Whose question is it? Its origin's card must be one that we would keep. */
static enum err check_origin(struct overlay *o, struct now now, struct session *s,
                             const struct query *q, struct bytes blob, const struct held_card **ret)
{
	bool is_news;
	enum err err = query_check_time(q, common_wall(o, now), SKEW_MS);

	if (err != ERR_OK && HOLDS(RULE_EXPIRY))
		return counted(&o->counters.expired, err);
	if (!may_check(o, now, &s->checks, 1))
		return ERR_LIMIT;
	err = roster_admit(o, now, q->cert, q->record, &s->checks, ret, &is_news);
	if (err != ERR_OK)
		return err;
	if (query_verify(blob.at, bytes_left(&blob), &(*ret)->card.record.sign) != ERR_OK)
		return counted(&o->counters.forged, ERR_AUTH);
	if (((*ret)->card.cert.roles & CERT_ROLE_ASK) == 0)
		return counted(&o->counters.refused, ERR_DENIED);
	return ERR_OK;
}

/* May a question of this number and origin be taken? The number is spent then. */
static enum err check_number(struct overlay *o, struct now now, const struct query *q,
                             const struct card *card, struct origin **ret)
{
	struct origin *origin = origin_of(o, &card->id);
	struct budget *org = budget_of_name(o->asking, card->cert.org);

	if (origin == NULL)
		origin = origin_new(o, now, &card->id);
	*ret = origin;
	if (origin == NULL)
		return ERR_LIMIT;
	if (origin->held >= HELD_A_MEMBER ||
	    !budget_take(&origin->relays, now.mono, relay_rate, 1) ||
	    !budget_take(org, now.mono, org_rate, 1))
		return counted(&o->counters.over_budget, ERR_LIMIT);
	if (window_is_spent(&origin->window, q->number) && HOLDS(RULE_NUMBER))
		return counted(&o->counters.equivocated, ERR_STALE);
	origin->used.ms = MAX(now.mono.ms, 1);
	return ERR_OK;
}

static void serve(struct overlay *o, struct now now, struct session *s, struct held *h,
                  const struct query *q, const struct held_card *origin, const struct frame *f)
{
	h->is_unserved = !serve_begin(o, now, q, f->blob, origin, f->hops);
	if (h->is_unserved && id_equal(&h->origin, &s->held->card.id))
		serve_turn_away(o, now, s, &h->id);
}

static enum err take_new(struct overlay *o, struct now now, struct session *s,
                         const struct frame *f, const struct query *q)
{
	const struct held_card *origin_card;
	struct origin *origin = NULL;
	struct id prev = s->held->card.id;
	struct held *h;
	struct seen *seen;
	int64_t left_ms;
	uint16_t from;
	enum err err = check_origin(o, now, s, q, f->blob, &origin_card);

	if (err != ERR_OK)
		return err;
	left_ms = MAX(q->expires.ms - common_wall(o, now).ms, 0); /* its times are sound now */
	err = check_number(o, now, q, &origin_card->card, &origin);
	if (err == ERR_LIMIT && id_equal(&origin_card->card.id, &prev)) {
		session_charge(s, now);
		serve_turn_away(o, now, s, &q->id);
	}
	if (err == ERR_LIMIT) {
		deferred_put(o, now, &q->id, &origin_card->card.id);
		return err;
	}
	from = (uint16_t)(origin - o->origins);
	h = err == ERR_OK ? held_place(o, origin) : NULL;
	/* One whose number is spent is remembered too, or it would be pulled again and again. */
	seen = h != NULL || err == ERR_STALE ? seen_place(o, now, from) : NULL;
	if (seen != NULL)
		seen_add(o, seen, &q->id, from,
		         mono_after(now.mono, (uint64_t)left_ms + SKEW_MS + SEEN_SLACK_MS));
	if (err != ERR_OK)
		return err;
	if (seen == NULL) {
		deferred_put(o, now, &q->id, &origin_card->card.id);
		return counted(&o->counters.busy, ERR_BUSY);
	}
	window_spend(&origin->window, q->number);
	origin->held++;
	*h = (struct held){
		.is_used = true,
		.is_urgent = q->question.severity >= SEVERITY_HIGH,
		.is_direct = q->is_direct,
		.id = q->id,
		.origin = origin_card->card.id,
		.from = from,
		.expires = mono_after(now.mono, (uint64_t)left_ms),
		.ends = q->expires,
		.came = now.mono,
		.depth = DEPTH_NONE,
		.hops = (uint8_t)(f->hops + 1),
	};
	h->blob.len = bytes_left(&f->blob);
	memcpy(h->blob.octets, f->blob.at, h->blob.len);
	knowers_clear(o, h);
	knower_note(o, h, &prev);
	be_news(o, now, h);
	serve(o, now, s, h, q, origin_card, f);
	pass_on(o, now, h, (uint16_t)(bucket_of(o, &prev) + 1), &prev);
	return ERR_OK;
}

static void credit(struct overlay *o, const struct id *id, int points)
{
	struct contact *c = contact_of(o, id);

	if (c != NULL)
		c->score = (int16_t)MAX(MIN(c->score + points, 100), -100);
}

/* Its origin has not heard from us: it is told again; or there was no room, and may be now. */
static enum err hear_again(struct overlay *o, struct now now, struct session *s,
                           const struct frame *f, struct held *h)
{
	struct query q;

	if (!id_equal(&s->held->card.id, &h->origin))
		return ERR_STALE;
	if (!h->is_unserved)
		return serve_again(o, now, &h->id, &h->origin) ? ERR_OK : ERR_STALE;
	if (query_open(f->blob.at, bytes_left(&f->blob), &q) == ERR_OK)
		serve(o, now, s, h, &q, s->held, f);
	return ERR_OK;
}

enum err on_query(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct id prev = s->held->card.id;
	const struct deferred *d;
	struct frame ack;
	struct query q;
	struct held *h;
	enum err err;

	if (f->hops > HOPS_MAX)
		return counted(&o->counters.far, ERR_LIMIT);
	ack.kind = FRAME_QACK;
	ack.query_id = query_id_of(f->blob.at, bytes_left(&f->blob));
	h = held_of(o, &ack.query_id);
	if (h != NULL) {
		say_in(o, now, s, &ack);
		knower_note(o, h, &prev);
		h->hops = (uint8_t)MIN(h->hops, f->hops + 1); /* nobody stops it by counting far */
		pass_on(o, now, h, (uint16_t)(bucket_of(o, &prev) + 1), &prev);
		return hear_again(o, now, s, f, h);
	}
	if (seen_of(o, now, short_id_of(ack.query_id.octets)) != NULL) {
		say_in(o, now, s, &ack);
		return counted(&o->counters.replayed, ERR_STALE);
	}
	d = deferred_of(o, now, short_id_of(ack.query_id.octets));
	if (d != NULL && !id_equal(&d->origin, &prev)) { /* its origin itself hears that it waits */
		say_in(o, now, s, &ack);
		return counted(&o->counters.over_budget, ERR_LIMIT);
	}
	err = query_open(f->blob.at, bytes_left(&f->blob), &q);
	if (err != ERR_OK)
		return counted_unread(o, err);
	err = take_new(o, now, s, f, &q);
	if (err == ERR_OK || err == ERR_LIMIT || err == ERR_BUSY)
		say_in(o, now, session_live(o, &prev), &ack); /* it did its part */
	credit(o, &prev, err == ERR_OK ? 1 : err == ERR_AUTH ? -50 : 0);
	return err;
}

enum err on_qack(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct held *h = held_of(o, &f->query_id);
	struct copy *copy =
		h != NULL ? copy_of(o, (uint16_t)(h - o->held), &s->held->card.id) : NULL;
	struct contact *c = contact_of(o, &s->held->card.id);

	if (copy == NULL)
		return ERR_STALE;
	if (c != NULL && c->rtt_ms != MEMBER_RTT_UNKNOWN && copy->tries == 0)
		c->rtt_ms = (uint32_t)((7 * (uint64_t)c->rtt_ms + now.mono.ms - copy->sent.ms) / 8);
	copy->until.ms = 0;
	knower_note(o, h, &s->held->card.id);
	return ERR_OK;
}

/* --- pulling --- */

/* Those that a datagram has no room for are named another time. */
static void send_digest(struct overlay *o, struct now now, const struct held_card *to)
{
	size_t max = o->limits.held_max;
	size_t from = max > FRAME_IDS_MAX ? (size_t)random_below(o, max) : 0;
	struct frame f;

	f.kind = FRAME_DIGEST;
	f.id_count = 0;
	for (size_t i = 0; i < max && f.id_count < FRAME_IDS_MAX; i++) {
		const struct held *h = &o->held[(from + i) % max];

		if (h->is_used && (h->is_ours || !h->is_direct))
			f.ids[f.id_count++] = short_id_of(h->id.octets);
	}
	if (f.id_count > 0)
		say(o, now, to, &f);
}

enum err on_digest(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct frame want;

	want.kind = FRAME_WANT;
	want.id_count = 0;
	for (size_t i = 0; i < f->id_count && want.id_count < WANT_MAX; i++) {
		struct held *h = held_by_short(o, f->ids[i]);

		if (h != NULL)
			knower_note(o, h, &s->held->card.id);
		else if (seen_of(o, now, f->ids[i]) == NULL &&
		         deferred_of(o, now, f->ids[i]) == NULL)
			want.ids[want.id_count++] = f->ids[i];
	}
	if (want.id_count > 0) {
		o->counters.pulled += want.id_count;
		say_in(o, now, s, &want);
	}
	return ERR_OK;
}

enum err on_want(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	const struct held_card *to = s->held;

	for (size_t i = 0; i < f->id_count && i < WANT_MAX; i++) {
		struct held *h = held_by_short(o, f->ids[i]);

		if (h == NULL || !may_send(o, now, s))
			continue;
		be_news(o, now, h);
		send_query(o, now, h, to);
	}
	return ERR_OK;
}

/* --- time --- */

/* It did not say that the copy came: another of its bucket gets one, and it is asked if it lives.
 */
static void fail_over(struct overlay *o, struct now now, struct copy *copy)
{
	struct held *h = &o->held[copy->held];
	struct contact *c = contact_of(o, &copy->to);
	struct copy was = *copy;

	copy->until.ms = 0;
	o->counters.copies_lost++;
	if (c != NULL) {
		c->score = (int16_t)MAX(c->score - 1, -100);
		table_doubt(o, now, c);
	}
	if (was.tries >= FAILOVERS_MAX || (was.is_flood && was.tries > 0))
		return;
	if (!was.is_flood)
		c = delegate(o, h, was.bucket, &was.to, NULL);
	if (c != NULL)
		send_copy(o, now, h, c, (uint8_t)(was.tries + 1), was.is_flood);
}

static void copies_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->copies_due))
		return;
	o->copies_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.copies_max; i++) {
		struct copy *copy = &o->copies[i];

		if (copy->until.ms != 0 && mono_reached(now.mono, copy->until))
			fail_over(o, now, copy);
		if (copy->until.ms != 0)
			o->copies_due = mono_earlier(o->copies_due, copy->until);
	}
}

/* Somebody in the table who is not known to have `h` yet, if there is. */
static const struct held_card *digest_contact(struct overlay *o, const struct held *h)
{
	const struct contact *any = NULL;
	struct draw draw = {0};

	for (size_t i = 0; i < o->limits.table_max; i++) {
		const struct contact *c = &o->contacts[i];

		if (c->state == CONTACT_LIVE && !knower_is(o, h, c) && is_drawn(o, &draw))
			any = c;
	}
	if (any == NULL)
		any = table_any(o, NULL);
	return any != NULL ? any->held : NULL;
}

/* Somebody behind NAT, or of whom we are a neighbour but who is none of ours. */
static const struct held_card *digest_other(struct overlay *o)
{
	const struct held_card *any = NULL;
	struct draw draw = {0};

	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		const struct session *s = &o->sessions[i];

		if (s->state == SESSION_LIVE &&
		    (s->held->card.record.endpoint_count == 0 ||
		     contact_of(o, &s->held->card.id) == NULL) &&
		    is_drawn(o, &draw))
			any = s->held;
	}
	return any;
}

/* Who stands in few tables may be in nobody's way as questions are passed on. */
static const struct held_card *digest_to(struct overlay *o, const struct held *h)
{
	const struct held_card *other = random_below(o, 2) == 0 ? digest_other(o) : NULL;

	return other != NULL ? other : digest_contact(o, h);
}

static uint64_t digest_wait(uint64_t age_ms)
{
	size_t i = 0;

	while (age_ms >= digest_pace[i].age_ms)
		i++;
	return digest_pace[i].wait_ms;
}

static void digest_expire(struct overlay *o, struct now now)
{
	const struct held_card *to;
	struct held *freshest = NULL;

	if (!mono_reached(now.mono, o->digest_due))
		return;
	o->digest_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.held_max; i++) {
		struct held *h = &o->held[i];

		if (h->is_used && !h->is_ours && mono_reached(now.mono, h->expires) &&
		    HOLDS(RULE_EXPIRY))
			held_drop(o, h);
		if (h->is_used && (freshest == NULL || h->news.ms > freshest->news.ms))
			freshest = h;
	}
	if (freshest == NULL)
		return;
	o->digest_due = mono_after(now.mono, digest_wait(now.mono.ms - freshest->news.ms));
	to = digest_to(o, freshest);
	if (to != NULL)
		send_digest(o, now, to);
}

void spread_resume(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->limits.held_max; i++) {
		struct held *h = &o->held[i];
		int64_t left_ms = MAX(h->ends.ms - common_wall(o, now).ms, 0);

		if (h->is_used && !h->is_ours)
			h->expires =
				mono_earlier(h->expires, mono_after(now.mono, (uint64_t)left_ms));
	}
	o->digest_due = now.mono;
}

void spread_expire(struct overlay *o, struct now now)
{
	copies_expire(o, now);
	digest_expire(o, now);
}
