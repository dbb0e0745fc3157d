/*
 * Our questions. The table passes a question on; receipts come straight back from everybody whom it
 * reaches. Who has said nothing when that should be over is asked by us, directly: so a report's
 * "silent" means that a member did not answer when it was spoken to.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define SETTLE_MS 2500 /* for receipts to come by themselves, beside the time they spread over */
#define DIRECT_MS 1000 /* between two tries to ask a member directly, doubled */
#define DIRECT_TRIES 3
#define DIRECT_AT_ONCE 8 /* members asked at one look: as many handshakes as may be under way */
#define LOOK_MS 100

void ask_release(struct overlay *o, struct ask *ask)
{
	struct target *targets = ask->targets;

	for (size_t i = 0; i < ask->target_count; i++)
		cards_drop(o->cards, targets[i].held);
	wipe(&ask->secret, sizeof(ask->secret));
	memset(ask, 0, sizeof(*ask));
	ask->targets = targets;
	ask->held = NOBODY;
}

struct ask *ask_by_ticket(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		if (o->asks[i].is_used && !o->asks[i].is_finished && o->asks[i].ticket == ticket)
			return &o->asks[i];
	}
	return NULL;
}

struct ask *ask_of_query(struct overlay *o, const struct query_id *id)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (ask->is_used && !ask->is_finished &&
		    memcmp(&ask->query.id, id, sizeof(*id)) == 0)
			return ask;
	}
	return NULL;
}

/* They are in the order of the directory: by id. */
struct target *target_of(struct ask *ask, const struct id *id)
{
	size_t low = 0, high = ask->target_count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = memcmp(&ask->targets[mid].held->card.id, id, sizeof(*id));

		if (order == 0)
			return &ask->targets[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool ask_waits_for(const struct target *target)
{
	return target->state == TARGET_WAITING || target->state == TARGET_BUSY;
}

void ask_settle(struct overlay *o, struct ask *ask, struct target *target, enum target_state state)
{
	ask->open_count -= ask_waits_for(target);
	target->state = (uint8_t)state;
	ask->open_count += ask_waits_for(target);
	if (ask->open_count == 0)
		ask->next.ms = 0; /* over: the next look says so */
	o->asks_due = mono_earlier(o->asks_due, ask->next);
}

static uint64_t span_of(const struct question *q)
{
	return (uint64_t)q->on[q->on_count - 1].end_ms - (uint64_t)q->on[0].start_ms;
}

/* No member would read another. */
static bool is_in_bounds(const struct question *q)
{
	for (size_t i = 0; i < q->volume_count; i++) {
		uint64_t end_ms = (uint64_t)q->volumes[i].on.end_ms;

		if (end_ms - (uint64_t)q->volumes[0].on.start_ms > VOLUME_SPAN_MAX_MS)
			return false;
	}
	return span_of(q) <= INTERVALS_SPAN_MAX_MS && q->bound_ms >= 0 &&
	       q->bound_ms <= QUERY_BOUND_MAX_MS && q->lost <= QUERY_LOST_MAX;
}

static bool may_ask(const struct overlay *o, struct now now, enum err *ret)
{
	const struct card *card = &o->self.card;

	*ret = ERR_DENIED;
	if ((card->cert.roles & CERT_ROLE_ASK) == 0 || trust_is_revoked(o->trust, &card->cert))
		return false;
	*ret = ERR_EXPIRED;
	return now.wall.ms >= card->cert.not_before.ms && now.wall.ms <= card->cert.not_after.ms &&
	       now.wall.ms <= card->record.not_after.ms;
}

static void choose_targets(struct overlay *o, struct ask *ask, uint64_t life_ms)
{
	ask->settled_ms = SETTLE_MS + receipts_span(o, life_ms);
	for (size_t i = 0; i < o->seat_count; i++) {
		const struct card *card = &o->seats[i].held->card;

		if ((card->cert.roles & CERT_ROLE_ANSWER) == 0)
			continue;
		ask->targets[ask->target_count++] = (struct target){
			.held = cards_share(o->seats[i].held),
			.state = TARGET_WAITING,
			.next_ms = (uint32_t)ask->settled_ms,
		};
	}
	ask->open_count = ask->target_count;
}

static struct ask *free_ask(struct overlay *o)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		if (!o->asks[i].is_used)
			return &o->asks[i];
	}
	return NULL;
}

/* The number is on disk before the first copy leaves: no restart uses one twice. */
static bool draw_number(struct overlay *o)
{
	struct slot *slot;

	if (o->sequence == o->sequence_kept || !HOLDS(RULE_NUMBER)) {
		slot = push(o, ACT_SEQUENCE, NULL);
		if (slot == NULL)
			return false;
		o->sequence_kept = o->sequence + 16;
		slot->act.number = o->sequence_kept;
	}
	o->sequence++;
	return true;
}

static enum err sign_query(struct overlay *o, struct now now, const struct question *question,
                           int64_t timeout_ms, struct ask *ask)
{
	struct seed seed = random_seed(o);
	struct query *q = &ask->query;

	box_keys(&seed, &q->reply_to, &ask->secret);
	wipe(&seed, sizeof(seed));
	q->question = *question;
	q->number = o->sequence + 1;
	q->is_direct = o->mode == OVERLAY_DIRECT;
	o->random.fill(o->random.ctx, q->nonce.octets, sizeof(q->nonce.octets));
	q->issued = common_wall(o, now);
	q->expires.ms = q->issued.ms + timeout_ms;
	return query_pack(q, &o->self.card, &o->self.operational, &ask->blob);
}

enum err overlay_ask(struct overlay *o, struct now now, const struct question *question,
                     int64_t timeout_ms, uint32_t *ret_ticket, struct query *ret_query,
                     struct query_blob *ret_blob)
{
	struct ask *ask = free_ask(o);
	enum err err;

	if (!may_ask(o, now, &err))
		return err;
	if (!is_in_bounds(question))
		return ERR_RANGE;
	if (ask == NULL)
		return ERR_LIMIT;
	timeout_ms = MIN(MAX(timeout_ms, 1), QUERY_LIFE_MAX_MS);
	ask->held = NOBODY;
	err = sign_query(o, now, question, timeout_ms, ask);
	if (err == ERR_OK) {
		ask->until = mono_after(now.mono, (uint64_t)timeout_ms);
		err = draw_number(o) ? spread_begin(o, now, ask) : ERR_LIMIT;
	}
	if (err != ERR_OK) {
		ask_release(o, ask);
		return err;
	}
	ask->is_used = true;
	ask->ticket = ++o->last_ticket;
	ask->asked = now.mono;
	ask->next = mono_after(now.mono, LOOK_MS);
	choose_targets(o, ask, (uint64_t)timeout_ms);
	o->asks_due = mono_earlier(o->asks_due, mono_earlier(ask->next, ask->until));
	*ret_ticket = ask->ticket;
	*ret_query = ask->query;
	*ret_blob = ask->blob;
	return ERR_OK;
}

void overlay_cancel(struct overlay *o, uint32_t ticket)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (!ask->is_used || ask->ticket != ticket)
			continue;
		pulls_drop(o, ticket);
		retract(o, ticket);
		spread_end(o, ask->held);
		if (o->current.ask == ask)
			o->current.ask = NULL; /* released here, not at the next drain */
		ask_release(o, ask);
	}
}

/* It said nothing; or that it has a match, and then nothing more. */
static uint8_t unheard(const struct target *target)
{
	return target->has_receipt ? TARGET_BROKEN : TARGET_SILENT;
}

/* Over: everybody has spoken or the time has. The act owns the ask until it is drained. */
static void finish(struct overlay *o, struct ask *ask)
{
	struct slot *slot = push(o, ACT_FINISH, NULL);

	if (slot == NULL)
		return; /* the next look tries again */
	for (size_t i = 0; i < ask->target_count; i++) {
		struct target *target = &ask->targets[i];

		if (target->state == TARGET_WAITING)
			target->state = unheard(target);
	}
	slot->act.ticket = ask->ticket;
	slot->ask = ask;
	ask->is_finished = true;
	pulls_drop(o, ask->ticket);
	spread_end(o, ask->held);
}

/* Goes to a member itself, which has said nothing, or "later". */
static void ask_directly(struct overlay *o, struct now now, struct ask *ask, struct target *target)
{
	const struct seat *seat = seat_of(o, &target->held->card.id);
	struct frame f;

	if (seat == NULL || (target->tries >= DIRECT_TRIES && target->state == TARGET_WAITING)) {
		ask_settle(o, ask, target, unheard(target));
		return;
	}
	target->next_ms = (uint32_t)(now.mono.ms - ask->asked.ms) +
	                  ((uint32_t)DIRECT_MS << MIN(target->tries, 3));
	f.kind = FRAME_QUERY;
	f.hops = 0;
	f.blob = bytes_of(ask->blob.octets, ask->blob.len);
	/* Or a handshake first: asks_session() goes on. That there is no room for one is not its
	 * fault; that it is behind NAT and does not come, is. */
	if (say(o, now, target->held, &f) || seat->misses > 0 ||
	    target->held->card.record.endpoint_count == 0)
		target->tries++;
}

/* What was said in our session had no answer: it may have started anew, and know nothing of it. */
static void doubt_session(struct overlay *o, struct now now, const struct target *target)
{
	const struct session *s = session_live(o, &target->held->card.id);

	if (s != NULL && s->awaits.ms != 0)
		handshake_begin(o, now, target->held);
}

static void look(struct overlay *o, struct now now, struct ask *ask)
{
	uint64_t passed_ms = now.mono.ms - ask->asked.ms;
	size_t left = DIRECT_AT_ONCE;

	if (ask->open_count == 0 || mono_reached(now.mono, ask->until)) {
		finish(o, ask);
		return;
	}
	ask->next = mono_after(now.mono, LOOK_MS);
	for (size_t i = 0; i < ask->target_count && left > 0; i++) {
		struct target *target = &ask->targets[i];

		if (!ask_waits_for(target) || passed_ms < target->next_ms)
			continue;
		doubt_session(o, now, target);
		ask_directly(o, now, ask, target);
		left--;
	}
}

void asks_expire(struct overlay *o, struct now now)
{
	if (!mono_reached(now.mono, o->asks_due))
		return;
	o->asks_due = MONO_NEVER;
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (!ask->is_used || ask->is_finished)
			continue;
		if (mono_reached(now.mono, ask->next) || mono_reached(now.mono, ask->until))
			look(o, now, ask);
		if (ask->is_used && !ask->is_finished)
			o->asks_due =
				mono_earlier(o->asks_due, mono_earlier(ask->next, ask->until));
	}
}

void asks_resume(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];

		if (ask->is_used && ask->query.expires.ms <= common_wall(o, now).ms)
			ask->until = now.mono;
	}
	o->asks_due = now.mono;
}

/* There is a session now with a member that we wanted to ask. */
void asks_session(struct overlay *o, struct now now, const struct id *id)
{
	for (size_t i = 0; i < o->limits.asks_max; i++) {
		struct ask *ask = &o->asks[i];
		struct target *target;

		if (!ask->is_used || ask->is_finished)
			continue;
		target = target_of(ask, id);
		if (target == NULL || target->state != TARGET_WAITING || target->has_receipt ||
		    (now.mono.ms - ask->asked.ms < ask->settled_ms && !ask->query.is_direct))
			continue;
		/* It lives: what was said in vain before is not held against it, once. */
		if (target->tries >= DIRECT_TRIES) {
			if (target->has_extra)
				continue;
			target->has_extra = true;
			target->tries--;
		}
		ask_directly(o, now, ask, target);
	}
}

static void rack(struct overlay *o, struct now now, struct session *s, const struct query_id *id,
                 enum frame_kind about)
{
	struct frame f;

	f.kind = FRAME_RACK;
	f.query_id = *id;
	f.about = about;
	say_in(o, now, s, &f);
}

static void hand_over(struct overlay *o, struct ask *ask, struct target *target,
                      const struct receipt *receipt, struct bytes blob)
{
	struct slot *slot = push(o, ACT_RECEIPT, target->held);

	if (slot == NULL)
		return;
	slot->act.ticket = ask->ticket;
	slot->receipt = *receipt;
	slot->act.len = bytes_left(&blob);
	memcpy(slot->data, blob.at, slot->act.len);
}

/* What comes to be said is shown with the card that it was signed under. */
static void adopt(struct overlay *o, struct target *target, const struct held_card *held)
{
	cards_share(held);
	cards_drop(o->cards, target->held);
	target->held = held;
}

static const enum target_state after_receipt[RECEIPT_KIND_END] = {
	[RECEIPT_NONE] = TARGET_NONE,
	[RECEIPT_MATCH] = TARGET_WAITING, /* its answer is to come */
	[RECEIPT_REFUSED] = TARGET_REFUSED,
	[RECEIPT_BUSY] = TARGET_BUSY,
};

/* Keys are renewed now and then, also while a question is out: either may have signed. */
static enum err open_receipt(struct overlay *o, const struct session *s, struct bytes blob,
                             struct receipt *ret, struct ask **ret_ask, struct target **ret_target)
{
	size_t len = bytes_left(&blob);
	enum err err = receipt_open(blob.at, len, &s->held->card.record.sign, ret);
	struct target *target;

	*ret_ask = NULL;
	*ret_target = NULL;
	if (err != ERR_OK && err != ERR_AUTH)
		return err;
	*ret_ask = ask_of_query(o, &ret->query_id);
	target = *ret_ask != NULL ? target_of(*ret_ask, &s->held->card.id) : NULL;
	*ret_target = target;
	if (target == NULL || target->held == s->held)
		return err;
	if (err == ERR_OK)
		adopt(o, target, s->held);
	else
		err = receipt_open(blob.at, len, &target->held->card.record.sign, ret);
	return err;
}

enum err on_receipt(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	const struct id *from = &s->held->card.id;
	struct seat *seat = seat_of(o, from);
	struct receipt receipt;
	struct target *target;
	struct ask *ask;
	enum err err;

	if (!may_check(o, now, &s->checks, 1))
		return ERR_LIMIT;
	err = open_receipt(o, s, f->blob, &receipt, &ask, &target);
	if (err != ERR_OK)
		return counted_unread(o, err);
	rack(o, now, s, &receipt.query_id, FRAME_RECEIPT);
	if (target == NULL)
		return counted(&o->counters.unasked, ERR_STALE);
	if (!id_equal(&receipt.responder, from))
		return counted(&o->counters.forged, ERR_AUTH);
	if (target->state == TARGET_ANSWERED && !target->has_receipt) {
		target->has_receipt = true; /* the answer overtook it */
		hand_over(o, ask, target, &receipt, f->blob);
		return ERR_OK;
	}
	if (!ask_waits_for(target) || (target->has_receipt && target->state == TARGET_WAITING))
		return ERR_OK;
	if (seat != NULL)
		seat->said = (uint8_t)((receipt.kind + 1) & 0xf);
	hand_over(o, ask, target, &receipt, f->blob);
	target->has_receipt = receipt.kind == RECEIPT_MATCH;
	if (receipt.kind == RECEIPT_MATCH || receipt.kind == RECEIPT_BUSY)
		target->next_ms = (uint32_t)(now.mono.ms - ask->asked.ms) +
		                  MIN(MAX(receipt.retry_after_ms, 2000), 30000);
	ask_settle(o, ask, target, after_receipt[receipt.kind]);
	s->is_done = receipt.kind != RECEIPT_MATCH;
	return ERR_OK;
}

/* What came for its answer is none. */
void ask_refute(struct overlay *o, struct ask *ask, struct target *target)
{
	ask_settle(o, ask, target, TARGET_FALSE);
	tell(o, "answer does not verify", target->held);
	o->counters.forged++;
}

/* The whole of an answer is here, in the room of `pull`: is it what it says it is? */
enum err ask_answer(struct overlay *o, struct ask *ask, struct target *target, struct pull *pull)
{
	const struct card *card = &target->held->card;
	struct seat *seat = seat_of(o, &card->id);
	struct bytes plain = bytes_of(NULL, 0);
	struct slot *slot;
	enum err err = answer_open(pull->sealed, pull->len, &ask->query, &ask->secret, &card->id,
	                           &card->record.sign, &o->answer, &plain);

	if (err == ERR_AUTH && bytes_left(&plain) > 0 && seat != NULL &&
	    seat->held != target->held) {
		err = answer_check(plain, &ask->query, &card->id, &seat->held->card.record.sign,
		                   &o->answer);
		if (err == ERR_OK)
			adopt(o, target, seat->held);
	}
	if (err == ERR_VERSION) {
		ask_settle(o, ask, target, TARGET_BROKEN);
		tell(o, "answer is of another version", target->held);
		return counted_unread(o, err);
	}
	if (err != ERR_OK && (HOLDS(RULE_SEAL) || err != ERR_AUTH)) {
		ask_refute(o, ask, target);
		return err;
	}
	slot = push(o, ACT_ANSWER, target->held);
	if (slot == NULL)
		return ERR_LIMIT;
	slot->act.ticket = ask->ticket;
	slot->act.reply.evidence = plain;
	slot->pull = pull;
	pull->is_done = true;
	ask_settle(o, ask, target, TARGET_ANSWERED);
	return ERR_OK;
}

/* Others may have come since: it is read again when its turn has come. */
bool ask_read(struct overlay *o, struct act *act)
{
	const struct ask *ask = NULL;

	for (size_t i = 0; i < o->limits.asks_max; i++) {
		if (o->asks[i].is_used && o->asks[i].ticket == act->ticket)
			ask = &o->asks[i];
	}
	act->reply.card = act->card;
	act->reply.answer = &o->answer;
	return ask != NULL &&
	       (!HOLDS(RULE_SEAL) || answer_check(act->reply.evidence, &ask->query, &act->card->id,
	                                          &act->card->record.sign, &o->answer) == ERR_OK);
}

enum err on_reply(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct ask *ask = ask_of_query(o, &f->query_id);
	struct target *target = ask != NULL ? target_of(ask, &s->held->card.id) : NULL;
	enum err err = ERR_OK;

	if (target == NULL)
		err = counted(&o->counters.unasked, ERR_STALE);
	else if (ask_waits_for(target))
		err = pull_whole(o, now, ask, target, f->blob);
	if (err != ERR_LIMIT) /* unacknowledged, it comes again */
		rack(o, now, s, &f->query_id, FRAME_REPLY);
	return err;
}
