/*
 * The frame: a datagram is told by its first octets whose it is, and reaches its part by the table
 * below; the checks that follow there stand in the order of their price. What goes out waits in the
 * outbox until the driver drains it.
 */
#include "proto/overlay/overlay.h"

#include "base/util.h"
#include "proto/overlay/core.h"

#include <stdlib.h>
#include <string.h>

const struct overlay_limits overlay_limits_default = {
	.members_max = 20000,
	.bucket_max = 20,
	.table_max = 512,
	.sessions_max = 1024,
	.hands_max = 64,
	.held_max = 256,
	.seen_max = 8192,
	.origins_max = 1024,
	.copies_max = 4096,
	.asks_max = 8,
	.serves_max = 64,
	.streams_max = 16,
	.outbox_max = 2048,
	.trust = {.revoked_max = 16384, .pages_max = 512},
	.answer_max = ANSWER_MAX,
};

static void *room(bool *is_whole, size_t count, size_t size)
{
	void *memory = calloc(count, size);

	*is_whole &= memory != NULL;
	return memory;
}

static bool take_rooms(struct overlay *o)
{
	const struct overlay_limits *l = &o->limits;
	bool is_whole = true;

	o->seats = room(&is_whole, l->members_max, sizeof(*o->seats));
	o->contacts = room(&is_whole, l->table_max, sizeof(*o->contacts));
	o->contact_heads = room(&is_whole, l->table_max, sizeof(*o->contact_heads));
	o->sessions = room(&is_whole, l->sessions_max, sizeof(*o->sessions));
	o->session_heads = room(&is_whole, l->sessions_max, sizeof(*o->session_heads));
	o->hands = room(&is_whole, l->hands_max, sizeof(*o->hands));
	o->prefixes = room(&is_whole, 1, sizeof(*o->prefixes));
	o->knockers = room(&is_whole, 1, sizeof(*o->knockers));
	o->searches = room(&is_whole, 1, sizeof(*o->searches));
	o->asking = room(&is_whole, 1, sizeof(*o->asking));
	o->renewals = room(&is_whole, 1, sizeof(*o->renewals));
	o->seen = room(&is_whole, l->seen_max, sizeof(*o->seen));
	o->seen_heads = room(&is_whole, l->seen_max, sizeof(*o->seen_heads));
	o->held = room(&is_whole, l->held_max, sizeof(*o->held));
	o->knowers = room(&is_whole, (size_t)l->held_max * ((l->table_max + 63u) / 64), 8);
	o->copies = room(&is_whole, l->copies_max, sizeof(*o->copies));
	o->origins = room(&is_whole, l->origins_max, sizeof(*o->origins));
	o->asks = room(&is_whole, l->asks_max, sizeof(*o->asks));
	o->serves = room(&is_whole, l->serves_max, sizeof(*o->serves));
	o->pulls = room(&is_whole, l->streams_max, sizeof(*o->pulls));
	o->inflows = room(&is_whole, l->streams_max, sizeof(*o->inflows));
	o->outbox = room(&is_whole, l->outbox_max, sizeof(*o->outbox));
	o->outcomes = room(&is_whole, l->members_max, sizeof(*o->outcomes));
	for (size_t i = 0; is_whole && i < l->asks_max; i++)
		o->asks[i].targets = room(&is_whole, l->members_max, sizeof(struct target));
	/* One piece, so that what is never used is never touched. */
	o->answers = room(&is_whole, (size_t)l->serves_max + l->streams_max, l->answer_max);
	return is_whole;
}

/* Nothing is due before something happens, but for the first look around. */
static void set_clocks(struct overlay *o)
{
	o->contacts_due = o->table_due = o->sessions_due = o->bootstraps_due = MONO_NEVER;
	o->copies_due = o->digest_due = o->lost.next = MONO_NEVER;
	o->asks_due = o->serves_due = o->pulls_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.sessions_max; i++)
		o->session_heads[i] = NOBODY;
	for (size_t i = 0; i < o->limits.table_max; i++)
		o->contact_heads[i] = NOBODY;
	for (size_t i = 0; i < o->limits.seen_max; i++)
		o->seen_heads[i] = NOBODY;
	for (size_t i = 0; i < o->limits.asks_max; i++)
		o->asks[i].held = NOBODY;
}

static bool set_self(struct overlay *o, const struct overlay_options *options)
{
	struct hash_key hash;

	o->random.fill(o->random.ctx, o->prefixes->key.octets, sizeof(o->prefixes->key));
	o->random.fill(o->random.ctx, o->knockers->key.octets, sizeof(o->knockers->key));
	o->random.fill(o->random.ctx, o->searches->key.octets, sizeof(o->searches->key));
	o->random.fill(o->random.ctx, o->asking->key.octets, sizeof(o->asking->key));
	o->renewals->key = o->asking->key;
	o->random.fill(o->random.ctx, hash.octets, sizeof(hash.octets));
	hand_mac1_key(&o->id, o->mac1_key);
	o->trust = trust_new(&options->roots, &o->limits.trust, &hash);
	o->lookup = lookup_new();
	o->card = cards_keep(o->cards, &o->self.card);
	if (o->trust == NULL || o->lookup == NULL || o->card == NULL)
		return false;
	o->sum = o->card->print;
	o->sums[o->id.octets[0] >> 1] = o->card->print;
	return true;
}

struct overlay *overlay_new(const struct overlay_options *options)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	CHECK(options->limits.sessions_max < NOBODY);
	CHECK(options->limits.table_max < NOBODY);
	CHECK(options->limits.hands_max < NOBODY);
	CHECK(options->limits.held_max < NOBODY);
	CHECK(options->limits.seen_max < NOBODY);
	CHECK(options->limits.origins_max < NOBODY);
	o->limits = options->limits;
	o->self = options->self;
	o->id = options->self.card.id;
	o->random = options->random;
	o->cards = options->cards;
	o->mode = options->mode;
	o->sequence = o->sequence_kept = options->sequence;
	if (take_rooms(o)) {
		set_clocks(o);
		if (set_self(o, options))
			return o;
	}
	overlay_free(o);
	return NULL;
}

/* The pool outlives us: what we hold of it goes back. */
static void drop_cards(struct overlay *o)
{
	bool is_whole = o->sessions && o->session_heads && o->hands && o->contacts && o->asks;

	for (size_t i = 0; i < o->seat_count; i++)
		cards_drop(o->cards, o->seats[i].held);
	if (o->card != NULL)
		cards_drop(o->cards, o->card);
	if (!is_whole)
		return;
	sessions_drop(o, NULL);
	for (size_t i = 0; i < o->limits.table_max; i++) {
		if (o->contacts[i].state != CONTACT_FREE)
			cards_drop(o->cards, o->contacts[i].held);
	}
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		ask_release(o, &o->asks[i]);
		free(o->asks[i].targets);
	}
}

static void drop_answers(struct overlay *o)
{
	for (size_t i = 0; o->serves != NULL && i < o->limits.serves_max; i++) {
		if (o->serves[i].is_used)
			cards_drop(o->cards, o->serves[i].origin);
	}
	for (size_t i = 0; o->pulls != NULL && i < o->limits.streams_max; i++) {
		if (o->pulls[i].is_used)
			cards_drop(o->cards, o->pulls[i].from);
	}
}

/* Gives back what an act held. */
static void release(struct overlay *o, struct slot *slot)
{
	if (slot->pull != NULL)
		pull_return(o, slot->pull);
	if (slot->ask != NULL)
		ask_release(o, slot->ask);
	if (slot->about != NULL)
		cards_drop(o->cards, slot->about);
	slot->pull = NULL;
	slot->ask = NULL;
	slot->about = NULL;
}

void overlay_free(struct overlay *o)
{
	if (o == NULL)
		return;
	release(o, &o->current);
	for (; o->out_count > 0; o->out_count--)
		release(o, &o->outbox[o->out_at++ % o->limits.outbox_max]);
	drop_cards(o);
	drop_answers(o);
	trust_free(o->trust);
	lookup_free(o->lookup);
	free(o->seats);
	free(o->contacts);
	free(o->contact_heads);
	free(o->sessions);
	free(o->session_heads);
	free(o->hands);
	free(o->prefixes);
	free(o->knockers);
	free(o->searches);
	free(o->asking);
	free(o->renewals);
	free(o->seen);
	free(o->seen_heads);
	free(o->held);
	free(o->knowers);
	free(o->copies);
	free(o->origins);
	free(o->asks);
	free(o->serves);
	free(o->pulls);
	free(o->inflows);
	free(o->answers);
	free(o->outbox);
	free(o->outcomes);
	wipe(o, sizeof(*o));
	free(o);
}

uint64_t random_word(struct overlay *o)
{
	uint64_t value;

	o->random.fill(o->random.ctx, &value, sizeof(value));
	return value;
}

uint64_t random_below(struct overlay *o, uint64_t below)
{
	return below == 0 ? 0 : random_word(o) % below;
}

static uint64_t mixed(uint64_t word)
{
	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

bool is_drawn(struct overlay *o, struct draw *draw)
{
	if (draw->count == 0)
		draw->word = random_word(o);
	/* splitmix64: a new word for each would cost more than what it is for */
	draw->word += UINT64_C(0x9e3779b97f4a7c15);
	return mixed(draw->word) % ++draw->count == 0;
}

struct seed random_seed(struct overlay *o)
{
	struct seed seed;

	o->random.fill(o->random.ctx, seed.octets, sizeof(seed.octets));
	return seed;
}

enum err counted(uint64_t *counter, enum err err)
{
	++*counter;
	return err;
}

enum err counted_unread(struct overlay *o, enum err err)
{
	if (err == ERR_AUTH)
		return counted(&o->counters.forged, err);
	return counted(err == ERR_VERSION ? &o->counters.other_version : &o->counters.malformed,
	               err);
}

struct wall common_wall(const struct overlay *o, struct now now)
{
	return (struct wall){now.wall.ms + o->skew_ms};
}

struct slot *push(struct overlay *o, enum act_kind kind, const struct held_card *about)
{
	struct slot *slot;

	if (o->out_count == o->limits.outbox_max) {
		o->counters.outbox_full++;
		return NULL;
	}
	if (o->out_count == 0)
		o->out_at = 0; /* from the beginning: pages never touched cost nothing */
	slot = &o->outbox[(o->out_at + o->out_count++) % o->limits.outbox_max];
	slot->act = (struct act){.kind = kind};
	slot->ask = NULL;
	slot->pull = NULL;
	slot->about = about != NULL ? cards_share(about) : NULL;
	return slot;
}

void retract(struct overlay *o, uint32_t ticket)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->out_count; i++) {
		struct slot *slot = &o->outbox[(o->out_at + i) % o->limits.outbox_max];

		if (slot->act.ticket == ticket && slot->act.kind != ACT_SERVE) {
			slot->ask = NULL; /* its owner releases it */
			release(o, slot);
			continue;
		}
		if (kept != i)
			o->outbox[(o->out_at + kept) % o->limits.outbox_max] = *slot;
		kept++;
	}
	o->out_count = kept;
}

void tell(struct overlay *o, const char *text, const struct held_card *about)
{
	struct slot *slot = push(o, ACT_TELL, about);

	if (slot != NULL)
		slot->act.text = text;
}

void put_datagram(struct overlay *o, const struct endpoint *to, const void *data, size_t len)
{
	struct slot *slot = push(o, ACT_SEND, NULL);

	CHECK(len <= sizeof(slot->data));
	if (slot == NULL)
		return;
	slot->act.to = *to;
	slot->act.len = len;
	memcpy(slot->data, data, len);
	o->counters.sent++;
}

enum err overlay_datagram(struct overlay *o, struct now now, const struct endpoint *from,
                          const void *data, size_t len)
{
	static enum err (*const handlers[PACKET_KIND_END])(
		struct overlay *, struct now, const struct endpoint *, const void *, size_t) = {
		/* clang-format off */
		[PACKET_DATA]     = on_data,
		[PACKET_INIT]     = on_init,
		[PACKET_RESPONSE] = on_resp,
		[PACKET_COOKIE]   = on_cookie,
		[PACKET_KNOCK]    = on_knock,
		[PACKET_WELCOME]  = on_welcome,
		/* clang-format on */
	};
	enum packet_kind kind = packet_kind(data, len);

	o->counters.received++;
	if (handlers[kind] == NULL)
		return counted(&o->counters.malformed, ERR_FORMAT);
	return handlers[kind](o, now, from, data, len);
}

void overlay_expire(struct overlay *o, struct now now)
{
	if (o->started.ms == 0)
		o->started = now.mono;
	sessions_expire(o, now);
	bootstraps_expire(o, now);
	table_expire(o, now);
	roster_expire(o, now);
	lookup_expire(o, now);
	spread_expire(o, now);
	asks_expire(o, now);
	serves_expire(o, now);
	pulls_expire(o, now);
}

struct mono overlay_deadline(const struct overlay *o)
{
	const struct mono all[] = {
		o->sessions_due, o->bootstraps_due, o->contacts_due, o->table_due,
		o->next_refresh, o->next_sweep,     o->copies_due,   o->digest_due,
		o->asks_due,     o->serves_due,     o->pulls_due,    lookup_due(o),
	};
	struct mono first = MONO_NEVER;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		first = mono_earlier(first, all[i]);
	return first;
}

static void fill_outcomes(struct overlay *o, struct act *act, const struct ask *ask)
{
	act->outcomes = o->outcomes;
	for (size_t i = 0; i < ask->target_count; i++) {
		o->outcomes[act->outcome_count++] = (struct overlay_outcome){
			.card = &ask->targets[i].held->card,
			.state = (enum target_state)ask->targets[i].state,
		};
	}
}

/* Fills in what an act borrows. False: meanwhile it has come to nothing. */
static bool lend(struct overlay *o, struct slot *slot)
{
	struct act *act = &slot->act;

	act->card = slot->about != NULL ? &slot->about->card : NULL;
	if (act->len > 0)
		act->data = slot->data;
	if (act->kind == ACT_SERVE)
		return serve_is_open(o, act->ticket);
	if (act->kind == ACT_ANSWER)
		return ask_read(o, act);
	if (act->kind == ACT_RECEIPT)
		act->receipt = &slot->receipt;
	if (act->kind == ACT_FINISH)
		fill_outcomes(o, act, slot->ask);
	return true;
}

bool overlay_next(struct overlay *o, struct act *ret)
{
	struct slot *slot = &o->current;

	do {
		release(o, slot);
		if (o->out_count == 0)
			return false;
		*slot = o->outbox[o->out_at];
		o->out_at = (o->out_at + 1) % o->limits.outbox_max;
		o->out_count--;
	} while (!lend(o, slot));
	*ret = slot->act;
	return true;
}

void overlay_set_tap(struct overlay *o, const struct overlay_tap *tap)
{
	o->has_tap = tap != NULL;
	if (tap != NULL)
		o->tap = *tap;
}

enum err overlay_say(struct overlay *o, struct now now, const struct id *to,
                     const struct frame *frame)
{
	const struct seat *seat = seat_of(o, to);
	struct frame copy = *frame;

	if (seat == NULL)
		return ERR_NOENT;
	return say(o, now, seat->held, &copy) ? ERR_OK : ERR_BUSY;
}

const struct overlay_counters *overlay_counters(const struct overlay *o)
{
	return &o->counters;
}

const struct overlay_self *overlay_self(const struct overlay *o)
{
	return &o->self;
}

const char *member_state_text(enum member_state state)
{
	static const char *const texts[] = {"known", "live", "silent", "expired"};

	return (size_t)state < ARRAY_LEN(texts) ? texts[state] : "unknown";
}

const char *target_state_text(enum target_state state)
{
	static const char *const texts[] = {"waiting", "answered", "none",   "refused",
	                                    "busy",    "false",    "broken", "silent"};

	return (size_t)state < ARRAY_LEN(texts) ? texts[state] : "unknown";
}
