/*
 * Anti-entropy: directories become equal, whoever was away and whatever was lost.
 *
 *	A: SUMS, one for each range  ------------>  B compares
 *	A  <---- HAVE: what B has of a range in which they differ
 *	A: GET what it lacks; CARDS that B lacks ->  B: CARDS
 *
 * It begins when a PONG brings another sum over the whole directory than ours. Each step stands for
 * itself: what is lost on the way is found missing the next time.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define RANGES_AT_ONCE 4 /* HAVEs that one SUMS brings */
#define GET_AT_ONCE 32   /* cards asked for in one GET */
#define CARDS_AT_ONCE 16 /* and brought unasked after one HAVE */
#define ANSWER_MS 5000   /* a HAVE later than that answers nothing */
#define AGAIN_MS 250     /* between two comparisons with the same member */

static const struct budget_rate sums_rate = {.per_minute = 240, .burst = 8};

static struct bytes cert_of(const struct held_card *h)
{
	return bytes_of(h->card.cert_blob.octets, h->card.cert_blob.len);
}

static struct bytes record_of(const struct held_card *h)
{
	return bytes_of(h->card.record_blob.octets, h->card.record_blob.len);
}

static size_t len_of(const struct held_card *h)
{
	return 4 + h->card.cert_blob.len + h->card.record_blob.len;
}

/* Cards end to end, as many in a datagram as it holds. */
struct crate {
	struct frame frame;
	size_t len;
	struct session *asker; /* whose budget pays; NULL: nobody asked */
};

static void ship(struct overlay *o, struct now now, const struct held_card *to, struct crate *crate)
{
	if (crate->frame.card_count > 0 && (crate->asker == NULL || may_send(o, now, crate->asker)))
		say(o, now, to, &crate->frame);
	crate->frame.card_count = 0;
	crate->len = 0;
}

static void load(struct overlay *o, struct now now, const struct held_card *to, struct crate *crate,
                 const struct held_card *card)
{
	if (crate->frame.card_count == FRAME_CARDS_MAX || crate->len + len_of(card) > FRAME_MAX - 1)
		ship(o, now, to, crate);
	crate->frame.kind = FRAME_CARDS;
	crate->frame.cards[crate->frame.card_count][0] = cert_of(card);
	crate->frame.cards[crate->frame.card_count++][1] = record_of(card);
	crate->len += len_of(card);
}

static void crate_init(struct crate *crate, struct session *asker)
{
	crate->asker = asker;
	crate->frame.kind = FRAME_CARDS;
	crate->frame.card_count = 0;
	crate->len = 0;
}

void send_card(struct overlay *o, struct now now, const struct held_card *to,
               const struct held_card *card)
{
	struct crate crate;

	crate_init(&crate, NULL);
	load(o, now, to, &crate, card);
	ship(o, now, to, &crate);
}

void sync_with(struct overlay *o, struct now now, struct contact *c)
{
	struct session *s = session_live(o, &c->held->card.id);
	struct frame f;

	if (s == NULL || (c->synced.ms != 0 && now.mono.ms - c->synced.ms < AGAIN_MS))
		return;
	c->synced = now.mono;
	s->asked = now.mono;
	f.kind = FRAME_SUMS;
	memcpy(f.sums, o->sums, sizeof(f.sums));
	say_in(o, now, s, &f);
}

/* Ours of a range: seats[ret..*ret_end), and we ourselves besides if `ret_self`. */
static size_t range(const struct overlay *o, uint8_t which, size_t *ret_end, bool *ret_self)
{
	struct id first = {.octets = {(uint8_t)(which << 1)}}, end = first;

	end.octets[0] = (uint8_t)((which << 1) + 2);
	*ret_end = which == FRAME_RANGES - 1 ? o->seat_count : roster_from(o, &end);
	*ret_self = o->id.octets[0] >> 1 == which;
	return roster_from(o, &first);
}

static struct frame_print print_of(const struct held_card *h)
{
	return (struct frame_print){short_id_of(h->card.id.octets), (uint32_t)h->print};
}

/* A range that one datagram does not hold is named from a place drawn at random. */
static void say_have(struct overlay *o, struct now now, struct session *s, uint8_t which)
{
	struct frame f;
	bool is_self;
	size_t end, at = range(o, which, &end, &is_self), count = end - at;
	size_t max = (size_t)(FRAME_PRINTS_MAX - is_self);
	size_t from = count > max ? (size_t)random_below(o, count) : 0;

	f.kind = FRAME_HAVE;
	f.range = which;
	f.has_more = false;
	f.print_count = 0;
	for (size_t i = 0; i < count && !f.has_more; i++) {
		const struct seat *seat = &o->seats[at + (from + i) % count];

		if (seat->state == MEMBER_EXPIRED)
			continue;
		f.has_more = f.print_count == max;
		if (!f.has_more)
			f.prints[f.print_count++] = print_of(seat->held);
	}
	if (is_self)
		f.prints[f.print_count++] = print_of(o->card);
	say_in(o, now, s, &f);
}

enum err on_sums(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	size_t from = (size_t)random_below(o, FRAME_RANGES), said = 0;

	if (!budget_take(&s->sums, now.mono, sums_rate, 1))
		return counted(&o->counters.over_budget, ERR_LIMIT);
	for (size_t i = 0; i < FRAME_RANGES && said < RANGES_AT_ONCE; i++) {
		size_t which = (from + i) % FRAME_RANGES;

		if (f->sums[which] == o->sums[which])
			continue;
		say_have(o, now, s, (uint8_t)which);
		said++;
	}
	return ERR_OK;
}

static bool is_named(const struct frame *f, const struct held_card *h)
{
	struct frame_print ours = print_of(h);

	for (size_t i = 0; i < f->print_count; i++) {
		if (short_id_equal(f->prints[i].id, ours.id) && f->prints[i].print == ours.print)
			return true;
	}
	return false;
}

/* Not here, or another card of it. */
static bool is_lacking(struct overlay *o, const struct frame_print *p)
{
	struct id first = {.octets = {0}};
	size_t i;

	memcpy(first.octets, p->id.octets, sizeof(p->id.octets));
	i = roster_from(o, &first);
	if (short_id_equal(short_id_of(o->id.octets), p->id))
		return false;
	return i == o->seat_count ||
	       !short_id_equal(short_id_of(o->seats[i].held->card.id.octets), p->id) ||
	       (uint32_t)o->seats[i].held->print != p->print;
}

enum err on_have(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct frame get;
	struct crate crate;
	bool is_self;
	size_t end, at, brought = 0;

	if (s->asked.ms == 0 || now.mono.ms - s->asked.ms > ANSWER_MS)
		return counted(&o->counters.unasked, ERR_STALE);
	get.kind = FRAME_GET;
	get.id_count = 0;
	for (size_t i = 0; i < f->print_count && get.id_count < GET_AT_ONCE; i++) {
		if (is_lacking(o, &f->prints[i]))
			get.ids[get.id_count++] = f->prints[i].id;
	}
	if (get.id_count > 0)
		say_in(o, now, s, &get);
	if (f->has_more)
		return ERR_OK; /* what is not named may be there all the same */
	at = range(o, f->range, &end, &is_self);
	crate_init(&crate, NULL);
	for (; at < end && brought < CARDS_AT_ONCE; at++) {
		if (o->seats[at].state != MEMBER_EXPIRED && !is_named(f, o->seats[at].held)) {
			load(o, now, s->held, &crate, o->seats[at].held);
			brought++;
		}
	}
	if (is_self && !is_named(f, o->card))
		load(o, now, s->held, &crate, o->card);
	ship(o, now, s->held, &crate);
	return ERR_OK;
}

static const struct held_card *named(struct overlay *o, struct short_id id)
{
	struct id first = {.octets = {0}};
	size_t i;

	if (short_id_equal(short_id_of(o->id.octets), id))
		return o->card;
	memcpy(first.octets, id.octets, sizeof(id.octets));
	i = roster_from(o, &first);
	if (i < o->seat_count && short_id_equal(short_id_of(o->seats[i].held->card.id.octets), id))
		return o->seats[i].held;
	return NULL;
}

enum err on_get(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct crate crate;

	crate_init(&crate, s);
	for (size_t i = 0; i < f->id_count && i < GET_AT_ONCE; i++) {
		const struct held_card *held = named(o, f->ids[i]);

		if (held != NULL)
			load(o, now, s->held, &crate, held);
	}
	ship(o, now, s->held, &crate);
	return ERR_OK;
}

enum err on_cards(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct id from = s->held->card.id;
	struct contact *c;
	enum err err = ERR_OK;
	bool has_news = false;

	for (size_t i = 0; i < f->card_count; i++) {
		const struct held_card *held;
		bool is_news;
		enum err one = roster_admit(o, now, f->cards[i][0], f->cards[i][1], &s->checks,
		                            &held, &is_news);

		if (one != ERR_OK && one != ERR_STALE)
			err = one;
		if (one == ERR_OK && is_news)
			has_news = true;
		/* One card alone is news that goes round; many are somebody catching up. */
		if (one == ERR_OK && is_news && f->card_count == 1)
			roster_spread(o, now, held, &from);
	}
	c = contact_of(o, &from);
	if (has_news && c != NULL && c->state == CONTACT_LIVE)
		sync_with(o, now, c); /* on, until there is no difference */
	return err;
}
