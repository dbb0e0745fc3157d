/*
 * The directory: a card of every member, ordered by id. The buckets choose who passes questions on;
 * the directory is what is known at all. Members bring their own cards, neighbours pass them on
 * (sync.c), and of two cards of one member the record with the higher number counts.
 *
 * For the comparison of directories the id space is cut into FRAME_RANGES ranges. The sum of a
 * range is the exclusive or of the prints of its cards, our own among them: two members with the
 * same cards have the same sums.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define SWEEP_MS 60000  /* between two looks at who has expired */
#define SPREAD_TO 3     /* members to whom news is passed on */
#define CHECKS_A_CARD 2 /* signatures: certificate, record */

/* Of signatures: in all, a fifth of a processor; of one member, or of all strangers together. */
static const struct budget_rate all_checks_rate = {.per_minute = 60000, .burst = 2000};
/* Each is news to everybody. Many share a bucket, and all may renew at once. */
static const struct budget_rate renew_rate = {.per_minute = 60, .burst = 60};
static const struct budget_rate checks_rate = {.per_minute = 6000, .burst = 400};

size_t roster_from(const struct overlay *o, const struct id *id)
{
	size_t low = 0, high = o->seat_count;

	/* Most come in order when a directory is read back. */
	if (high > 0 && memcmp(&o->seats[high - 1].held->card.id, id, sizeof(*id)) < 0)
		return high;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&o->seats[mid].held->card.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct seat *seat_of(struct overlay *o, const struct id *id)
{
	size_t i = roster_from(o, id);

	if (i < o->seat_count && id_equal(&o->seats[i].held->card.id, id))
		return &o->seats[i];
	return NULL;
}

static void toggle(struct overlay *o, const struct held_card *held)
{
	o->sums[held->card.id.octets[0] >> 1] ^= held->print;
	o->sum ^= held->print;
}

static bool is_of_trusted_root(struct overlay *o, struct wall wall, const struct cert *cert)
{
	return roots_have(trust_roots(o->trust, wall), &cert->root);
}

enum err roster_judge(struct overlay *o, struct now now, const struct card *card)
{
	struct wall wall = common_wall(o, now);

	/* A host's certificate makes no member, whoever signed it. */
	if (!is_of_trusted_root(o, wall, &card->cert) || card->cert.roles == CERT_ROLE_HOST)
		return counted(&o->counters.untrusted, ERR_ROOT);
	if (HOLDS(RULE_REVOKED) && trust_is_revoked(o->trust, &card->cert))
		return counted(&o->counters.revoked, ERR_ROOT);
	/* The slack goes to our own time: others' may be any number. */
	if (wall.ms - SKEW_MS > card->cert.not_after.ms ||
	    wall.ms + SKEW_MS < card->cert.not_before.ms ||
	    wall.ms - SKEW_MS > card->record.not_after.ms ||
	    wall.ms + SKEW_MS < card->record.not_before.ms)
		return counted(&o->counters.expired, ERR_EXPIRED);
	return ERR_OK;
}

/* Of two cards of one member: the higher number; of one number, whichever everybody would choose.
 */
static bool is_newer(const struct held_card *a, const struct held_card *b)
{
	if (a->card.record.seq != b->card.record.seq)
		return a->card.record.seq > b->card.record.seq;
	return a->print > b->print;
}

static void replace_everywhere(struct overlay *o, const struct held_card *held)
{
	struct contact *c = contact_of(o, &held->card.id);

	sessions_renew(o, held);
	if (c == NULL)
		return;
	cards_drop(o->cards, c->held);
	c->held = cards_share(held);
}

/* Its keys have run out. It is compared no longer: who never heard of it must have the same sums.
 */
static void lapse(struct overlay *o, struct now now, struct seat *seat)
{
	struct contact *c = contact_of(o, &seat->held->card.id);

	if (seat->state == MEMBER_EXPIRED)
		return;
	seat->state = MEMBER_EXPIRED;
	toggle(o, seat->held);
	if (c != NULL)
		contact_drop(o, c);
	lost_note(o, now);
}

/* Takes `held`, a holder of which is ours now, into the directory; false: no room or no news. */
static bool seat_put(struct overlay *o, const struct held_card *held)
{
	size_t i = roster_from(o, &held->card.id);
	struct seat *seat = &o->seats[i];
	bool is_known = i < o->seat_count && id_equal(&seat->held->card.id, &held->card.id);

	if (is_known && !is_newer(held, seat->held))
		return false;
	if (is_known) {
		if (seat->state == MEMBER_EXPIRED)
			seat->state = MEMBER_KNOWN;
		else
			toggle(o, seat->held);
		cards_drop(o->cards, seat->held);
		seat->held = held;
		seat->misses = 0;
		replace_everywhere(o, held);
	} else if (o->seat_count == o->limits.members_max) {
		o->counters.members_full++;
		return false;
	} else {
		memmove(seat + 1, seat, (o->seat_count - i) * sizeof(*seat));
		o->seat_count++;
		*seat = (struct seat){.held = held, .state = MEMBER_KNOWN};
	}
	toggle(o, held);
	return true;
}

bool may_check(struct overlay *o, struct now now, struct budget *checks, uint32_t count)
{
	if (budget_take(checks, now.mono, checks_rate, count) &&
	    budget_take(&o->checks, now.mono, all_checks_rate, count))
		return true;
	o->counters.over_budget++;
	return false;
}

/* From the pool, or checked and put there; the holder that comes with it is the caller's. */
static enum err verified(struct overlay *o, struct bytes cert, struct bytes record, struct now now,
                         struct budget *checks, const struct held_card **ret)
{
	const struct held_card *held = cards_find(o->cards, cert, record);
	struct wall any_time = {INT64_MIN};
	struct card card;
	enum err err;

	if (held != NULL) {
		*ret = cards_share(held);
		return ERR_OK;
	}
	if (checks != NULL && !may_check(o, now, checks, CHECKS_A_CARD))
		return ERR_LIMIT;
	err = card_open(cert, record, trust_roots(o->trust, common_wall(o, now)), any_time, &card);
	if (err == ERR_ROOT)
		return counted(&o->counters.untrusted, err);
	if (err == ERR_DENIED)
		return counted(&o->counters.misplaced, err);
	if (err == ERR_VERSION)
		return counted_unread(o, err);
	if (err != ERR_OK)
		return counted(&o->counters.forged, err);
	*ret = cards_keep(o->cards, &card);
	return *ret != NULL ? ERR_OK : counted(&o->counters.members_full, ERR_LIMIT);
}

static bool may_renew(struct overlay *o, struct now now, const struct held_card *held)
{
	const struct seat *seat = seat_of(o, &held->card.id);

	return seat == NULL || !is_newer(held, seat->held) ||
	       budget_take(budget_of_id(o->renewals, &held->card.id), now.mono, renew_rate, 1);
}

enum err roster_admit(struct overlay *o, struct now now, struct bytes cert, struct bytes record,
                      struct budget *checks, const struct held_card **ret, bool *ret_is_news)
{
	const struct held_card *held;
	struct seat *seat;
	enum err err = verified(o, cert, record, now, checks, &held);

	*ret_is_news = false;
	if (err != ERR_OK)
		return err;
	err = roster_judge(o, now, &held->card);
	if (err == ERR_OK && id_equal(&held->card.id, &o->id))
		err = ERR_STALE; /* ourselves: nothing to learn */
	if (err == ERR_OK && !may_renew(o, now, held))
		err = counted(&o->counters.over_budget, ERR_LIMIT);
	if (err != ERR_OK) {
		cards_drop(o->cards, held);
		return err;
	}
	if (seat_put(o, cards_share(held))) {
		*ret_is_news = true;
		push(o, ACT_REMEMBER, held);
		table_soon(o, now);
	} else {
		cards_drop(o->cards, held);
	}
	seat = seat_of(o, &held->card.id);
	if (seat == NULL)
		err = ERR_LIMIT;
	else
		*ret = seat->held; /* the one that counts, maybe newer than what came */
	cards_drop(o->cards, held);
	return err;
}

/* Nothing is wrong with it but that its member may have new keys meanwhile. */
static bool has_lapsed(const struct overlay *o, struct now now, const struct card *card)
{
	int64_t early_ms = common_wall(o, now).ms - SKEW_MS;

	return early_ms > card->record.not_after.ms && early_ms <= card->cert.not_after.ms &&
	       early_ms > card->cert.not_before.ms;
}

/* Is it one to keep? One that lapsed is where its member may be found. */
static enum err judge_kept(struct overlay *o, struct now now, const struct card *card)
{
	enum err err = roster_judge(o, now, card);

	if (err == ERR_EXPIRED && has_lapsed(o, now, card) && seat_of(o, &card->id) == NULL)
		return ERR_OK;
	return err;
}

enum err overlay_remember(struct overlay *o, struct now now, struct bytes cert, struct bytes record)
{
	const struct held_card *held;
	struct seat *seat;
	enum err err = verified(o, cert, record, now, NULL, &held);

	if (err != ERR_OK)
		return err;
	err = judge_kept(o, now, &held->card);
	if (err != ERR_OK || id_equal(&held->card.id, &o->id)) { /* of ourselves we know */
		cards_drop(o->cards, held);
		return err;
	}
	if (seat_put(o, held)) {
		seat = seat_of(o, &held->card.id);
		if (has_lapsed(o, now, &held->card))
			lapse(o, now, seat);
		table_soon(o, now);
		return ERR_OK;
	}
	if (seat_of(o, &held->card.id) == NULL)
		err = ERR_LIMIT;
	cards_drop(o->cards, held);
	return err;
}

/* Nothing of it is left: no seat, no place in the table, no session. */
static void unseat(struct overlay *o, size_t i)
{
	const struct held_card *held = o->seats[i].held;
	struct contact *c = contact_of(o, &held->card.id);

	push(o, ACT_FORGET, held);
	if (c != NULL)
		contact_drop(o, c);
	sessions_drop(o, &held->card.id);
	if (o->seats[i].state != MEMBER_EXPIRED)
		toggle(o, held);
	o->seat_count--;
	memmove(&o->seats[i], &o->seats[i + 1], (o->seat_count - i) * sizeof(o->seats[0]));
	cards_drop(o->cards, held);
}

void roster_purge(struct overlay *o, struct now now)
{
	struct wall wall = common_wall(o, now);

	for (size_t i = o->seat_count; i-- > 0 && HOLDS(RULE_REVOKED);) {
		const struct held_card *held = o->seats[i].held;
		bool is_revoked = trust_is_revoked(o->trust, &held->card.cert);

		if (!is_revoked && is_of_trusted_root(o, wall, &held->card.cert))
			continue;
		tell(o, is_revoked ? "member was revoked" : "member's root is trusted no longer",
		     held);
		unseat(o, i);
	}
}

/*
 * A member whose record has run out may bring a new one; one whose certificate has, may not. Nor
 * may one whose root others have endorsed for a while that is over.
 */
void roster_expire(struct overlay *o, struct now now)
{
	struct wall wall = common_wall(o, now);

	if (!mono_reached(now.mono, o->next_sweep))
		return;
	o->next_sweep = mono_after(now.mono, SWEEP_MS);
	for (size_t i = o->seat_count; i-- > 0;) {
		struct seat *seat = &o->seats[i];
		const struct card *card = &seat->held->card;

		if (!is_of_trusted_root(o, wall, &card->cert)) {
			tell(o, "member's root is trusted no longer", seat->held);
			unseat(o, i);
		} else if (wall.ms - SKEW_MS > card->cert.not_after.ms) {
			tell(o, "member's certificate has expired", seat->held);
			unseat(o, i);
		} else if (wall.ms - SKEW_MS > card->record.not_after.ms) {
			lapse(o, now, seat);
		}
	}
}

void roster_spread(struct overlay *o, struct now now, const struct held_card *held,
                   const struct id *but)
{
	for (int i = 0; i < SPREAD_TO; i++) {
		struct contact *c = table_any(o, but);

		if (c != NULL && !id_equal(&c->held->card.id, &held->card.id))
			send_card(o, now, c->held, held);
	}
}

void overlay_renew(struct overlay *o, struct now now, const struct overlay_self *self)
{
	const struct held_card *held = cards_keep(o->cards, &self->card);

	CHECK(id_equal(&self->card.id, &o->id));
	if (held == NULL) {
		o->counters.members_full++;
		return;
	}
	toggle(o, o->card);
	cards_drop(o->cards, o->card);
	o->card = held;
	o->self = *self;
	toggle(o, held);
	for (size_t i = 0; i < o->limits.sessions_max; i++) {
		if (o->sessions[i].state == SESSION_LIVE)
			send_card(o, now, o->sessions[i].held, held);
	}
}

size_t overlay_member_count(const struct overlay *o)
{
	return o->seat_count;
}

uint64_t overlay_sum(const struct overlay *o)
{
	return o->sum;
}

/* Of many misses it still counts odd and even: each of its two addresses has its turn. */
void seat_missed(struct seat *seat)
{
	unsigned misses = seat->misses == SEAT_MISSES_MAX ? SEAT_MISSES_MAX - 1 : seat->misses + 1u;

	seat->misses = misses & SEAT_MISSES_MAX;
}

static void describe(const struct overlay *o, const struct seat *seat, struct member *ret)
{
	const struct card *card = &seat->held->card;
	const struct contact *c = contact_of((struct overlay *)(uintptr_t)o, &card->id);
	const struct session *s = session_live((struct overlay *)(uintptr_t)o, &card->id);

	*ret = (struct member){
		.card = card,
		.state = (enum member_state)seat->state,
		.is_in_table = c != NULL && c->state == CONTACT_LIVE,
		.distance = (uint8_t)MIN(bucket_of(o, &card->id), UINT8_MAX),
		.rtt_ms = c != NULL ? c->rtt_ms : MEMBER_RTT_UNKNOWN,
		.has_said = seat->said != 0,
		.is_proven = s != NULL,
		.said = seat->said != 0 ? (enum verdict_kind)(seat->said - 1) : RECEIPT_NONE,
	};
	if (seat->seen_min != 0)
		ret->seen.ms = o->started.ms + (seat->seen_min - UINT64_C(1)) * 60000;
	if (c != NULL && c->seen.ms != 0)
		ret->seen = c->seen;
	if (s != NULL)
		ret->endpoint = s->to;
	else if (card->record.endpoint_count > 0)
		ret->endpoint = card->record.endpoints[0];
}

void overlay_member(const struct overlay *o, size_t i, struct member *ret)
{
	CHECK(i < o->seat_count);
	describe(o, &o->seats[i], ret);
}

bool overlay_member_of(const struct overlay *o, const struct id *id, struct member *ret)
{
	size_t i = roster_from(o, id);

	if (i == o->seat_count || !id_equal(&o->seats[i].held->card.id, id))
		return false;
	describe(o, &o->seats[i], ret);
	return true;
}
