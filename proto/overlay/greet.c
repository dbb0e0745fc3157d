/*
 * Addresses of which nothing else is known: where a joiner begins. A handshake needs the other
 * side's key; KNOCK and WELCOME bring it. Members answer members alone, and never with more octets
 * than came. So are those found again who renewed their keys while we, or they, were away: a
 * handshake wants the new ones.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define WAIT_MS 1000 /* for a WELCOME, doubled at every try up to: */
#define WAIT_MAX_MS 16000
#define LOST_MS 600000     /* between two KNOCKs at members who are silent, or lapsed, */
#define LOST_ALONE_MS 4000 /* and where nobody else is known to live, doubled at every fourth */
#define LOST_SLOWER 2      /* so often: who is gone for good may have left the address to others */

/* Two signatures and more are checked for each: strangers, by /24 or /48. */
static const struct budget_rate stranger_rate = {.per_minute = 300, .burst = 20};

/* One for each root that is trusted now; made anew when those change, not for each who comes. */
static size_t knock_keys(struct overlay *o, struct now now)
{
	const struct roots *roots = trust_roots(o->trust, common_wall(o, now));
	struct roots *made = &o->knock_roots;

	if (made->count == roots->count &&
	    memcmp(made->keys, roots->keys, roots->count * sizeof(roots->keys[0])) == 0)
		return roots->count;
	for (size_t i = 0; i < roots->count; i++)
		o->knock_keys[i] = knock_key_of(&roots->keys[i]);
	*made = *roots;
	return roots->count;
}

static void welcome(struct overlay *o, const struct endpoint *to, const struct knock *k,
                    const struct card *card)
{
	const struct card *own = &o->self.card;
	struct welcome w = {
		.cert = bytes_of(own->cert_blob.octets, own->cert_blob.len),
		.record = bytes_of(own->record_blob.octets, own->record_blob.len),
	};
	struct seed seed = random_seed(o);
	uint8_t room[WELCOME_MAX];
	size_t len = welcome_pack(&w, &k->nonce, &card->record.kx, &seed, room);

	wipe(&seed, sizeof(seed));
	CHECK(len > 0);
	put_datagram(o, to, room, len);
}

enum err on_knock(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                  size_t len)
{
	size_t which, count = knock_keys(o, now);
	const struct held_card *held;
	struct knock k;
	bool is_news;
	uint64_t late_ms;
	enum err err = knock_check(o->knock_keys, count, data, len, &which);

	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	/* A budget apart: an address that only knocks may be anybody's, who must not suffer for it.
	 */
	if (!budget_take(budget_of_prefix(o->knockers, &from->addr), now.mono, stranger_rate, 1))
		return counted(&o->counters.over_budget, ERR_LIMIT);
	err = knock_open(data, len, &k);
	if (err != ERR_OK)
		return counted_unread(o, err);
	/* In unsigned arithmetic: the clock is a stranger's, and may say anything. */
	late_ms = (uint64_t)common_wall(o, now).ms - (uint64_t)k.sent.ms;
	if (late_ms + SKEW_MS > UINT64_C(2) * SKEW_MS)
		return counted(&o->counters.expired, ERR_STALE);
	if (!may_check(o, now, &o->strangers, 1))
		return ERR_LIMIT;
	err = roster_admit(o, now, k.cert, k.record, &o->strangers, &held, &is_news);
	if (err != ERR_OK)
		return err;
	if (knock_verify(&k, &held->card.record.sign) != ERR_OK)
		return counted(&o->counters.forged, ERR_AUTH);
	if (is_news)
		roster_spread(o, now, held, &held->card.id);
	welcome(o, from, &k, &held->card);
	return ERR_OK;
}

/*
 * What a WELCOME from there answers: one address may be knocked at as a bootstrap and as a lost
 * member's, and only the nonce tells which.
 */
static enum err open_welcome(struct overlay *o, const struct endpoint *from, struct bytes data,
                             uint8_t room[WELCOME_MAX], struct welcome *w, struct bootstrap **ret)
{
	for (size_t i = 0; i <= o->bootstrap_count; i++) {
		struct bootstrap *b = i < o->bootstrap_count ? &o->bootstraps[i] : &o->lost;
		enum err err;

		if (b->next.ms == MONO_NEVER.ms || !endpoint_equal(&b->endpoint, from))
			continue;
		*ret = b;
		err = welcome_open(&o->self.card.record.kx, &o->self.kx_secret, &b->nonce, data.at,
		                   bytes_left(&data), room, w);
		if (err != ERR_STALE)
			return err;
	}
	return ERR_STALE;
}

enum err on_welcome(struct overlay *o, struct now now, const struct endpoint *from,
                    const void *data, size_t len)
{
	const struct held_card *held;
	uint8_t room[WELCOME_MAX];
	struct bootstrap *b;
	struct welcome w;
	struct seat *seat;
	bool is_news;
	enum err err = open_welcome(o, from, bytes_of(data, len), room, &w, &b);

	if (err != ERR_OK)
		return counted(err == ERR_STALE ? &o->counters.unasked : &o->counters.forged, err);
	err = roster_admit(o, now, w.cert, w.record, NULL, &held, &is_news);
	if (err != ERR_OK)
		return err;
	b->misses = 0;
	if (b == &o->lost)
		*b = (struct bootstrap){.next = b->next}; /* one WELCOME is enough */
	else
		b->next = MONO_NEVER;
	seat = seat_of(o, &held->card.id);
	if (seat != NULL)
		seat->misses = 0; /* it lives: calls in vain say nothing any more */
	handshake_begin(o, now, held);
	return ERR_OK;
}

enum err overlay_bootstrap(struct overlay *o, struct now now, const struct endpoint *endpoint)
{
	if (o->bootstrap_count == BOOTSTRAPS_MAX)
		return ERR_LIMIT;
	o->bootstraps[o->bootstrap_count++] =
		(struct bootstrap){.endpoint = *endpoint, .next = now.mono};
	o->bootstraps_due = now.mono;
	return ERR_OK;
}

static void knock(struct overlay *o, struct now now, struct bootstrap *b)
{
	const struct card *own = &o->self.card;
	struct knock_key key = knock_key_of(&own->cert.root);
	uint64_t wait_ms = MIN((uint64_t)WAIT_MS << MIN(b->misses, 4), WAIT_MAX_MS);
	struct knock k = {
		.sent = now.wall,
		.cert = bytes_of(own->cert_blob.octets, own->cert_blob.len),
		.record = bytes_of(own->record_blob.octets, own->record_blob.len),
	};
	uint8_t room[KNOCK_LEN];

	o->random.fill(o->random.ctx, b->nonce.octets, sizeof(b->nonce.octets));
	k.nonce = b->nonce;
	b->next = mono_after(now.mono, wait_ms + random_below(o, wait_ms / 4));
	b->misses = (uint8_t)MIN(b->misses + 1, UINT8_MAX);
	if (knock_pack(&k, &o->self.operational, &key, room) == ERR_OK)
		put_datagram(o, &b->endpoint, room, KNOCK_LEN);
}

/* One drawn at random. */
static const struct record *any_lost(struct overlay *o)
{
	const struct record *any = NULL;
	struct draw draw = {0};

	for (size_t i = 0; i < o->seat_count; i++) {
		const struct seat *seat = &o->seats[i];
		const struct record *r = &seat->held->card.record;
		bool is_lost = seat->state == MEMBER_EXPIRED || seat->state == MEMBER_SILENT;

		if (is_lost && r->endpoint_count > 0 && is_drawn(o, &draw))
			any = r;
	}
	return any;
}

static void knock_at_lost(struct overlay *o, struct now now)
{
	const struct record *r = any_lost(o);
	uint64_t alone_ms = (uint64_t)LOST_ALONE_MS << MIN(o->lost.misses / 4, LOST_SLOWER);
	uint64_t wait_ms = o->live_count > 0 ? LOST_MS : alone_ms;

	o->lost.next = MONO_NEVER;
	if (r == NULL || o->live_count > 0)
		o->lost.misses = 0;
	if (r == NULL)
		return;
	o->lost.endpoint = r->endpoints[random_below(o, r->endpoint_count)];
	knock(o, now, &o->lost);
	o->lost.next = mono_after(now.mono, wait_ms + random_below(o, wait_ms));
}

void lost_note(struct overlay *o, struct now now)
{
	if (o->lost.next.ms == MONO_NEVER.ms)
		o->lost.next = mono_after(now.mono, o->live_count > 0 ? LOST_MS : WAIT_MS);
	o->bootstraps_due = mono_earlier(o->bootstraps_due, o->lost.next);
}

void bootstraps_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->bootstraps_due))
		return;
	o->bootstraps_due = MONO_NEVER;
	for (size_t i = 0; i < o->bootstrap_count; i++) {
		struct bootstrap *b = &o->bootstraps[i];

		if (o->live_count > 0)
			b->next = MONO_NEVER; /* there are others to ask now */
		else if (mono_reached(now.mono, b->next))
			knock(o, now, b);
		o->bootstraps_due = mono_earlier(o->bootstraps_due, b->next);
	}
	if (mono_reached(now.mono, o->lost.next))
		knock_at_lost(o, now);
	o->bootstraps_due = mono_earlier(o->bootstraps_due, o->lost.next);
}

void bootstraps_again(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->bootstrap_count; i++) {
		struct bootstrap *b = &o->bootstraps[i];

		if (b->next.ms == MONO_NEVER.ms)
			b->next = mono_after(now.mono, random_below(o, WAIT_MS));
		o->bootstraps_due = mono_earlier(o->bootstraps_due, b->next);
	}
	o->lost.misses = 0;
	if (o->lost.next.ms != MONO_NEVER.ms)
		o->lost.next =
			mono_earlier(o->lost.next, mono_after(now.mono, random_below(o, WAIT_MS)));
	o->bootstraps_due = mono_earlier(o->bootstraps_due, o->lost.next);
}
