/*
 * The table: those we keep in touch with, at most bucket_max for each distance (Kademlia, section
 * 2.2). The buckets choose who passes questions on, so a place in one is worth having, and is given
 * only on a PONG to a PING of our own, at an address that proved itself. Of candidates the
 * directory has plenty: it is the replacement cache.
 *
 * A bucket prefers variety: no more than 2 of one network prefix or one organisation, nor more than
 * a third under one root where there are several. Only when no other candidate is left do more of a
 * kind get in, and they are the first to go when one comes.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <stdlib.h>
#include <string.h>

#define PING_MS 22000    /* between two PINGs, and up to a quarter more: NATs forget after 30 s */
#define WAIT_MS 1000     /* for a PONG, doubled at every try */
#define MISSES_MAX 3     /* then it is out: 1 + 2 + 4 s after the first */
#define FILL_MS 250      /* between two looks for more, while a bucket could have more */
#define FILL_SOON_MS 100 /* the first of them after news */
#define FILL_AT_ONCE 8   /* members tried at one look */
#define IDLE_FILL_MS 15000
#define AGAIN_MS 20000 /* before a silent member is tried again, doubled at every miss up to: */
#define AGAIN_MAX_MS 320000
#define TRIED 48          /* candidates looked at in one bucket at one look */
#define KIND_MAX 2        /* of one prefix, of one organisation, in a bucket */
#define KIND_TABLE_MAX 10 /* in the whole table */
#define SKEWS_MIN 5       /* clocks that must be known before one of them counts */
#define SKEW_MAX_MS (INT64_C(100) * 366 * 86400000) /* a clock farther off shows no time at all */
#define REFRESH_MS 600000 /* between two lookups near a place drawn at random */
#define ENOUGH 12         /* live ones, for a lookup along disjoint paths */

/* Bits that two ids share at their beginning. */
static uint16_t shared_bits(const struct id *a, const struct id *b)
{
	for (uint16_t i = 0; i < sizeof(a->octets); i++) {
		uint8_t differ = a->octets[i] ^ b->octets[i];
		uint16_t bits = 0;

		if (differ == 0)
			continue;
		while ((differ & 0x80) == 0) {
			differ = (uint8_t)(differ << 1);
			bits++;
		}
		return (uint16_t)(8 * i + bits);
	}
	return 256;
}

uint16_t bucket_of(const struct overlay *o, const struct id *id)
{
	return shared_bits(&o->id, id);
}

static uint16_t *head_of(struct overlay *o, const struct id *id)
{
	uint32_t h;

	memcpy(&h, id->octets + 4, sizeof(h)); /* nobody chooses an id */
	return &o->contact_heads[h % o->limits.table_max];
}

struct contact *contact_of(struct overlay *o, const struct id *id)
{
	for (uint16_t i = *head_of(o, id); i != NOBODY; i = o->contacts[i].chain) {
		if (id_equal(&o->contacts[i].held->card.id, id))
			return &o->contacts[i];
	}
	return NULL;
}

struct contact *table_any(struct overlay *o, const struct id *but)
{
	struct contact *any = NULL;
	struct draw draw = {0};

	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];

		if (c->state == CONTACT_LIVE &&
		    (but == NULL || !id_equal(&c->held->card.id, but)) && is_drawn(o, &draw))
			any = c;
	}
	return any;
}

static void wake(struct overlay *o, struct contact *c, struct mono at)
{
	c->next = at;
	o->contacts_due = mono_earlier(o->contacts_due, at);
}

void table_soon(struct overlay *o, struct now now)
{
	o->table_due = mono_earlier(o->table_due, mono_after(now.mono, FILL_SOON_MS));
}

void contact_drop(struct overlay *o, struct contact *c)
{
	uint16_t at = (uint16_t)(c - o->contacts), *link = head_of(o, &c->held->card.id);

	while (*link != at)
		link = &o->contacts[*link].chain;
	*link = c->chain;
	o->live_count -= c->state == CONTACT_LIVE;
	cards_drop(o->cards, c->held);
	*c = (struct contact){.state = CONTACT_FREE};
}

/* FNV-1a; 0 stands for none. */
static uint64_t kind_of(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The /24 or /48 where a session has proved it to live; else the first its record names. */
static uint64_t prefix_kind(struct overlay *o, const struct held_card *held)
{
	const struct session *s = session_live(o, &held->card.id);
	const struct record *r = &held->card.record;
	const struct addr *a = s != NULL               ? &s->to.addr
	                       : r->endpoint_count > 0 ? &r->endpoints[0].addr
	                                               : NULL;

	return a == NULL ? 0 : kind_of(a->octets, addr_network_bits(a) / 8);
}

static void find_kinds(struct overlay *o, const struct held_card *held, struct kinds *ret)
{
	const struct cert *cert = &held->card.cert;

	ret->prefix = prefix_kind(o, held);
	ret->org = kind_of(cert->org, strlen(cert->org));
	ret->root = kind_of(cert->root.octets, sizeof(cert->root.octets));
}

/* How much of the same the bucket has already, beside `but`. */
struct variety {
	size_t places, prefix, org, root, prefix_all, org_all;
};

static struct variety variety_of(const struct overlay *o, const struct kinds *kinds,
                                 uint16_t bucket, const struct contact *but)
{
	struct variety v = {0};

	for (size_t i = 0; i < o->limits.table_max; i++) {
		const struct contact *c = &o->contacts[i];
		bool is_prefix, is_org;

		if (c->state == CONTACT_FREE || c == but)
			continue;
		is_prefix = kinds->prefix != 0 && c->kinds.prefix == kinds->prefix;
		is_org = c->kinds.org == kinds->org;
		v.prefix_all += is_prefix;
		v.org_all += is_org;
		if (c->bucket != bucket)
			continue;
		v.places++;
		v.prefix += is_prefix;
		v.org += is_org;
		v.root += c->kinds.root == kinds->root;
	}
	return v;
}

static bool is_various(const struct overlay *o, const struct variety *v, size_t roots)
{
	size_t third = MAX(o->limits.bucket_max / 3, 1);

	return v->prefix < KIND_MAX && v->org < KIND_MAX && v->prefix_all < KIND_TABLE_MAX &&
	       v->org_all < KIND_TABLE_MAX && (roots < 2 || v->root < third);
}

/* One that should not have been let in, had there been others. NULL: the bucket is fine. */
static struct contact *excess(struct overlay *o, uint16_t bucket, size_t roots)
{
	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];
		struct variety v;

		if (c->state == CONTACT_FREE || c->bucket != bucket)
			continue;
		v = variety_of(o, &c->kinds, bucket, c);
		if (!is_various(o, &v, roots))
			return c;
	}
	return NULL;
}

static struct contact *free_contact(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.table_max; i++) {
		if (o->contacts[i].state == CONTACT_FREE)
			return &o->contacts[i];
	}
	return NULL;
}

void state_fill(struct overlay *o, struct now now, struct frame *f)
{
	struct trust_head heads[TRUST_ROOTS_MAX];
	size_t count = trust_heads(o->trust, heads);
	size_t from = count > FRAME_HEADS_MAX ? (size_t)random_below(o, count) : 0;

	f->state = (struct frame_state){.wall = now.wall, .sum = o->sum};
	for (size_t i = 0; i < MIN(count, FRAME_HEADS_MAX); i++) {
		const struct trust_head *head = &heads[(from + i) % count];

		f->state.heads[f->state.head_count++] = (struct frame_head){
			.root = short_id_of(head->root.octets),
			.number = head->number,
		};
	}
}

/* A PING goes out, or a handshake first, whose end brings us here again. */
static void probe(struct overlay *o, struct now now, struct contact *c)
{
	struct frame f;

	c->nonce = random_word(o);
	c->sent = now.mono;
	c->is_waiting = true;
	wake(o, c, mono_after(now.mono, (uint64_t)WAIT_MS << c->misses));
	f.kind = FRAME_PING;
	state_fill(o, now, &f);
	f.state.nonce = c->nonce;
	say(o, now, c->held, &f);
}

static void add(struct overlay *o, struct now now, const struct held_card *held)
{
	struct contact *c = free_contact(o);
	uint16_t *head = head_of(o, &held->card.id);

	if (c == NULL)
		return;
	*c = (struct contact){
		.state = CONTACT_PROBED,
		.bucket = bucket_of(o, &held->card.id),
		.chain = *head,
		.held = cards_share(held),
		.rtt_ms = MEMBER_RTT_UNKNOWN,
	};
	*head = (uint16_t)(c - o->contacts);
	knower_forget(o, c);
	find_kinds(o, held, &c->kinds);
	probe(o, now, c);
}

static size_t places_taken(const struct overlay *o, uint16_t bucket)
{
	size_t count = 0;

	for (size_t i = 0; i < o->limits.table_max; i++)
		count += o->contacts[i].state != CONTACT_FREE && o->contacts[i].bucket == bucket;
	return count;
}

/* One that has just become a session's other end: greet it back, if there is a place for it. */
void table_session(struct overlay *o, struct now now, struct session *s)
{
	const struct held_card *held = s->held;
	const struct seat *seat = seat_of(o, &held->card.id);
	struct contact *c = contact_of(o, &held->card.id);

	if (c != NULL) {
		if (c->is_waiting || c->state == CONTACT_PROBED || s->is_ours)
			probe(o, now, c);
		return;
	}
	if (places_taken(o, bucket_of(o, &held->card.id)) < o->limits.bucket_max && seat != NULL &&
	    seat->state != MEMBER_EXPIRED)
		add(o, now, held);
}

void table_missed(struct overlay *o, struct now now, const struct id *id)
{
	struct contact *c = contact_of(o, id);

	lost_note(o, now);
	if (c == NULL)
		return;
	contact_drop(o, c);
	table_soon(o, now);
	if (o->live_count == 0)
		bootstraps_again(o, now);
}

/* Something is new that a PING tells: all of them have one within `ms`. */
void table_hurry(struct overlay *o, struct now now, uint64_t ms)
{
	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];

		if (c->state == CONTACT_LIVE && !c->is_waiting)
			wake(o, c,
			     mono_earlier(c->next, mono_after(now.mono, random_below(o, ms))));
	}
}

void table_doubt(struct overlay *o, struct now now, struct contact *c)
{
	if (!c->is_waiting)
		probe(o, now, c);
}

enum err on_ping(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct frame pong;

	s->is_kept = true;
	pong.kind = FRAME_PONG;
	state_fill(o, now, &pong);
	pong.state.nonce = f->state.nonce;
	pong.state.observed = s->to;
	say_in(o, now, s, &pong);
	notice_heads(o, now, s, &f->state);
	return ERR_OK;
}

static int number_cmp(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* The median: no few clocks, however wrong, move it far. */
size_t overlay_peer_skew(const struct overlay *o, int64_t *ret_ms)
{
	int64_t skews[64];
	size_t count = 0;

	for (size_t i = 0; i < o->limits.table_max && count < ARRAY_LEN(skews); i++) {
		if (o->contacts[i].state == CONTACT_LIVE)
			skews[count++] = o->contacts[i].skew_ms;
	}
	qsort(skews, count, sizeof(skews[0]), number_cmp);
	*ret_ms = count > 0 ? skews[count / 2] : 0;
	return count;
}

static void reckon_skew(struct overlay *o)
{
	int64_t skew_ms;
	size_t count = overlay_peer_skew(o, &skew_ms);

	o->skew_ms = count >= SKEWS_MIN ? skew_ms : 0;
}

/* In unsigned arithmetic: its clock may say anything. */
static int64_t skew_of(struct wall theirs, struct wall ours, uint32_t rtt_ms)
{
	int64_t skew_ms = (int64_t)((uint64_t)theirs.ms - (uint64_t)ours.ms + rtt_ms / 2);

	return MAX(MIN(skew_ms, SKEW_MAX_MS), -SKEW_MAX_MS);
}

static void answered(struct overlay *o, struct now now, struct contact *c, const struct frame *f)
{
	uint32_t rtt_ms = (uint32_t)MIN(now.mono.ms - c->sent.ms, MEMBER_RTT_UNKNOWN - 1);
	struct seat *seat = seat_of(o, &c->held->card.id);
	bool is_new = c->state != CONTACT_LIVE;

	c->state = CONTACT_LIVE;
	c->is_waiting = false;
	c->misses = 0;
	c->seen = now.mono;
	c->rtt_ms = c->rtt_ms == MEMBER_RTT_UNKNOWN ? rtt_ms : (7 * c->rtt_ms + rtt_ms) / 8;
	c->skew_ms = skew_of(f->state.wall, now.wall, rtt_ms);
	wake(o, c, mono_after(now.mono, PING_MS + random_below(o, PING_MS / 4)));
	reckon_skew(o);
	if (seat != NULL) {
		seat->state = MEMBER_LIVE;
		seat->misses = 0;
		seat->seen_min =
			MIN((now.mono.ms - o->started.ms) / 60000 + 1, SEEN_MIN_MAX) & SEEN_MIN_MAX;
	}
	if (!is_new)
		return;
	o->live_count++;
	tell(o, "member is live", c->held);
	if (o->live_count == 1 || o->live_count == ENOUGH)
		lookup_begin(o, now, &o->id); /* who lives near us? */
}

enum err on_pong(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct contact *c = contact_of(o, &s->held->card.id);

	if (c == NULL || !c->is_waiting || c->nonce != f->state.nonce)
		return counted(&o->counters.unasked, ERR_STALE);
	answered(o, now, c, f);
	notice_heads(o, now, s, &f->state);
	if (f->state.sum != o->sum)
		sync_with(o, now, c);
	return ERR_OK;
}

static void missed(struct overlay *o, struct now now, struct contact *c)
{
	struct seat *seat = seat_of(o, &c->held->card.id);
	struct id id = c->held->card.id;

	if (++c->misses < MISSES_MAX) {
		probe(o, now, c);
		return;
	}
	if (c->state == CONTACT_LIVE)
		tell(o, "member is silent", c->held);
	if (seat != NULL) {
		seat->state = MEMBER_SILENT;
		seat_missed(seat);
		seat->tried_s = (uint32_t)(now.mono.ms / 1000);
	}
	sessions_drop(o, &id);
	table_missed(o, now, &id);
}

static void contacts_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->contacts_due))
		return;
	o->contacts_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];

		if (c->state == CONTACT_FREE)
			continue;
		if (mono_reached(now.mono, c->next)) {
			if (c->is_waiting)
				missed(o, now, c);
			else
				probe(o, now, c);
		}
		if (c->state != CONTACT_FREE)
			o->contacts_due = mono_earlier(o->contacts_due, c->next);
	}
}

/* May it be tried? Those that were silent wait ever longer. */
static bool is_candidate(struct overlay *o, struct now now, const struct seat *seat)
{
	uint64_t wait_ms = MIN((uint64_t)AGAIN_MS << MIN(seat->misses, 6), AGAIN_MAX_MS);
	uint64_t since_ms = now.mono.ms - (uint64_t)seat->tried_s * 1000;

	if (seat->state == MEMBER_EXPIRED || contact_of(o, &seat->held->card.id) != NULL)
		return false;
	if (seat->held->card.record.endpoint_count == 0 &&
	    session_live(o, &seat->held->card.id) == NULL)
		return false; /* it comes to us, or not at all */
	return seat->misses == 0 || since_ms >= wait_ms;
}

/* The seats of one bucket stand together: their ids begin as ours does, but for one bit. */
static size_t seats_of_bucket(struct overlay *o, uint16_t bucket, size_t *ret_end)
{
	size_t octet = bucket / 8;
	uint8_t bit = (uint8_t)(0x80 >> bucket % 8), mask = (uint8_t)(0xff << (7 - bucket % 8));
	struct id first = {.octets = {0}}, last;

	memcpy(first.octets, o->id.octets, octet + 1);
	first.octets[octet] = (uint8_t)((first.octets[octet] ^ bit) & mask);
	last = first;
	last.octets[octet] |= (uint8_t)~mask;
	memset(last.octets + octet + 1, 0xff, sizeof(last.octets) - octet - 1);
	*ret_end = roster_from(o, &last);
	if (*ret_end < o->seat_count && id_equal(&o->seats[*ret_end].held->card.id, &last))
		++*ret_end;
	return roster_from(o, &first);
}

struct fill {
	size_t left;   /* members that may still be tried at this look */
	bool is_short; /* some bucket could have more */
};

/* A candidate drawn at random, various if there is one; else any, if `takes_any`. */
static const struct held_card *candidate(struct overlay *o, struct now now, uint16_t bucket,
                                         size_t roots, bool takes_any)
{
	size_t end, at = seats_of_bucket(o, bucket, &end), count = end - at;
	size_t from = (size_t)random_below(o, count);
	const struct held_card *any = NULL;

	for (size_t i = 0; i < MIN(count, TRIED); i++) {
		const struct seat *seat = &o->seats[at + (from + i) % count];
		struct kinds kinds;
		struct variety v;

		if (!is_candidate(o, now, seat))
			continue;
		find_kinds(o, seat->held, &kinds);
		v = variety_of(o, &kinds, bucket, NULL);
		if (is_various(o, &v, roots))
			return seat->held;
		if (any == NULL)
			any = seat->held;
	}
	return takes_any ? any : NULL;
}

static void fill_bucket(struct overlay *o, struct now now, uint16_t bucket, size_t roots,
                        struct fill *fill)
{
	size_t end, at = seats_of_bucket(o, bucket, &end);
	size_t taken = places_taken(o, bucket);
	const struct held_card *held;
	struct contact *c;

	for (; taken < MIN(o->limits.bucket_max, end - at) && fill->left > 0; taken++) {
		held = candidate(o, now, bucket, roots, true);
		if (held == NULL)
			return;
		fill->left--;
		fill->is_short = true;
		add(o, now, held);
	}
	if (taken < o->limits.bucket_max || end - at <= taken)
		return;
	c = excess(o, bucket, roots);
	held = c != NULL ? candidate(o, now, bucket, roots, false) : NULL;
	if (held == NULL)
		return;
	contact_drop(o, c);
	add(o, now, held);
}

/* The deepest bucket that anybody is in: the nearest stand beside us in the directory. */
static uint16_t deepest(const struct overlay *o)
{
	size_t at = roster_from(o, &o->id);
	uint16_t depth = 0;

	if (at < o->seat_count)
		depth = bucket_of(o, &o->seats[at].held->card.id);
	if (at > 0)
		depth = MAX(depth, bucket_of(o, &o->seats[at - 1].held->card.id));
	return depth;
}

/* From the far half to the near: far buckets hold the most members. */
static void fill_table(struct overlay *o, struct now now)
{
	size_t roots = trust_roots(o->trust, common_wall(o, now))->count;
	struct fill fill = {.left = FILL_AT_ONCE};
	uint16_t last = deepest(o);

	for (uint16_t bucket = 0; bucket <= last && bucket < 256; bucket++)
		fill_bucket(o, now, bucket, roots, &fill);
	o->table_due = mono_after(now.mono, fill.is_short ? FILL_MS : IDLE_FILL_MS);
}

/* Somebody whom neither we nor our neighbours know would live near some place. */
static void refresh(struct overlay *o, struct now now)
{
	struct id target;

	o->next_refresh = mono_after(now.mono, REFRESH_MS + random_below(o, REFRESH_MS));
	o->random.fill(o->random.ctx, target.octets, sizeof(target.octets));
	if (o->live_count > 0)
		lookup_begin(o, now, &target);
	else
		bootstraps_again(o, now);
}

void table_expire(struct overlay *o, struct now now)
{
	contacts_expire(o, now);
	if (mono_reached(now.mono, o->table_due))
		fill_table(o, now);
	if (mono_reached(now.mono, o->next_refresh))
		refresh(o, now);
}

void overlay_resume(struct overlay *o, struct now now)
{
	sessions_drop(o, NULL);
	for (size_t i = 0; i < o->limits.table_max; i++) {
		struct contact *c = &o->contacts[i];

		if (c->state == CONTACT_FREE)
			continue;
		c->misses = 0;
		wake(o, c, mono_after(now.mono, random_below(o, WAIT_MS)));
		c->is_waiting = false;
	}
	for (size_t i = 0; i < o->seat_count; i++)
		o->seats[i].misses = 0;
	table_soon(o, now);
	spread_resume(o, now);
	asks_resume(o, now);
	bootstraps_again(o, now);
	tell(o, "awake again: everybody is asked anew", NULL);
}

size_t overlay_table_count(const struct overlay *o)
{
	return o->live_count;
}

int64_t overlay_skew_ms(const struct overlay *o)
{
	return o->skew_ms;
}
