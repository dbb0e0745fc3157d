/*
 * The frame: a datagram on its way in passes the checks in the order of their price, and reaches
 * its handler by the table below. What goes out waits in the outbox until the driver drains it.
 */
#include "proto/overlay/overlay.h"

#include "base/util.h"
#include "proto/overlay/core.h"

#include <stdlib.h>
#include <string.h>

const struct overlay_limits overlay_limits_default = {
	.members_max = 1024,
	.asks_max = 8,
	.answers_max = 64,
	.serves_max = 64,
	.outbox_max = 2048,
	.trust = {.revoked_max = 16384, .pages_max = 512},
};

/* Strangers, by /24 or /48; members, each. A verification costs 0.2 ms: these are 1 and 4 %. */
static const struct bucket_rate stranger_rate = {.per_minute = 3000, .burst = 200};
static const struct bucket_rate member_rate = {.per_minute = 12000, .burst = 1000};

struct overlay *overlay_new(const struct overlay_limits *limits, const struct overlay_self *self,
                            struct overlay_random random)
{
	struct overlay *o = calloc(1, sizeof(*o));
	size_t members = limits->members_max;
	struct hash_key hash;
	struct id derived;
	bool is_whole;

	if (o == NULL)
		return NULL;
	o->limits = *limits;
	o->self = *self;
	o->id = cert_id(&self->cert);
	o->random = random;
	o->random.fill(o->random.ctx, o->cookie_key.octets, sizeof(o->cookie_key.octets));
	o->next_gossip = MONO_NEVER;
	derived = digest("spoor table key 1", o->cookie_key.octets, sizeof(o->cookie_key.octets));
	memcpy(hash.octets, derived.octets, sizeof(hash.octets));
	o->trust = trust_new(&self->roots, &limits->trust, &hash);
	o->peers = calloc(members, sizeof(*o->peers));
	o->asks = calloc(limits->asks_max, sizeof(*o->asks));
	o->assemblies = calloc(limits->answers_max, sizeof(*o->assemblies));
	o->serves = calloc(limits->serves_max, sizeof(*o->serves));
	o->outbox = calloc(limits->outbox_max, sizeof(*o->outbox));
	o->outcomes = calloc(members, sizeof(*o->outcomes));
	is_whole = o->trust && o->peers && o->asks && o->assemblies && o->serves && o->outbox &&
	           o->outcomes;
	for (size_t i = 0; is_whole && i < limits->asks_max; i++) {
		o->asks[i].targets = calloc(members, sizeof(struct target));
		is_whole = o->asks[i].targets != NULL;
	}
	if (is_whole)
		return o;
	overlay_free(o);
	return NULL;
}

void overlay_free(struct overlay *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; o->asks != NULL && i < o->limits.asks_max; i++) {
		ask_release(&o->asks[i]);
		free(o->asks[i].targets);
	}
	key_pair_wipe(&o->self.pair);
	wipe(&o->cookie_key, sizeof(o->cookie_key));
	trust_free(o->trust);
	free(o->peers);
	free(o->asks);
	free(o->assemblies);
	free(o->serves);
	free(o->outbox);
	free(o->outcomes);
	free(o);
}

uint64_t random_below(struct overlay *o, uint64_t below)
{
	uint64_t value;

	o->random.fill(o->random.ctx, &value, sizeof(value));
	return below == 0 ? 0 : value % below;
}

struct nonce random_nonce(struct overlay *o)
{
	struct nonce nonce;

	o->random.fill(o->random.ctx, nonce.octets, sizeof(nonce.octets));
	return nonce;
}

bool bucket_take(struct bucket *b, struct mono now, struct bucket_rate rate)
{
	uint64_t passed_ms = now.ms - b->at.ms;
	uint64_t grown = b->at.ms == 0 ? rate.burst : passed_ms * rate.per_minute / 60000;

	if (grown > 0) {
		b->tokens = (uint32_t)MIN(rate.burst, b->tokens + grown);
		b->at.ms =
			b->at.ms == 0 ? MAX(now.ms, 1) : b->at.ms + grown * 60000 / rate.per_minute;
	}
	if (b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}

/* FNV-1a over the /24 or the /48. */
static struct bucket *bucket_of(struct overlay *o, const struct addr *a)
{
	size_t len = addr_is_v4(a) ? 15 : 6;
	uint32_t h = UINT32_C(0x811c9dc5);

	for (size_t i = 0; i < len; i++)
		h = (h ^ a->octets[i]) * UINT32_C(0x01000193);
	return &o->buckets[(h ^ h >> 16) % BUCKETS];
}

struct slot *push(struct overlay *o, enum act_kind kind, const struct id *about)
{
	struct slot *slot;

	if (o->out_count == o->limits.outbox_max) {
		o->counters.outbox_full++;
		return NULL;
	}
	slot = &o->outbox[(o->out_at + o->out_count++) % o->limits.outbox_max];
	slot->act = (struct act){.kind = kind};
	slot->assembly = NULL;
	slot->ask = NULL;
	slot->is_about = about != NULL;
	if (about != NULL)
		slot->about = *about;
	return slot;
}

void retract(struct overlay *o, uint32_t ticket)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->out_count; i++) {
		struct slot *slot = &o->outbox[(o->out_at + i) % o->limits.outbox_max];

		if (slot->act.ticket == ticket) {
			if (slot->assembly != NULL)
				slot->assembly->is_used = false;
			continue;
		}
		if (kept != i)
			o->outbox[(o->out_at + kept) % o->limits.outbox_max] = *slot;
		kept++;
	}
	o->out_count = kept;
}

void note(struct overlay *o, const char *text, const struct id *about)
{
	struct slot *slot = push(o, ACT_NOTE, about);

	if (slot != NULL)
		slot->act.text = text;
}

void send_to(struct overlay *o, const struct endpoint *to, enum message_kind kind,
             const struct body *body)
{
	struct slot *slot = push(o, ACT_SEND, NULL);

	if (slot == NULL)
		return;
	slot->act.to = *to;
	slot->act.len = message_pack(kind, body, &o->id, &o->self.pair, slot->data);
	CHECK(slot->act.len > 0);
	o->counters.sent++;
}

/* What each kind needs its sender to be, and who handles it. */
static const struct handler {
	bool is_greeting; /* brings its certificate: the sender may be new to us */
	bool is_proved;   /* only from a member at the address it has proved */
	enum err (*handle)(struct overlay *o, struct now now, const struct endpoint *from,
	                   const struct message *m, struct peer *peer);
} handlers[MESSAGE_KIND_END] = {
	[MESSAGE_HELLO] = {.is_greeting = true, .handle = on_hello},
	[MESSAGE_WELCOME] = {.is_greeting = true, .handle = on_welcome},
	[MESSAGE_CONFIRM] = {.handle = on_confirm},
	[MESSAGE_ASK] = {.is_proved = true, .handle = on_ask},
	[MESSAGE_MEMBERS] = {.is_proved = true, .handle = on_members},
	[MESSAGE_QUERY] = {.is_proved = true, .handle = on_query},
	[MESSAGE_RECEIPT] = {.is_proved = true, .handle = on_receipt},
	[MESSAGE_ANSWER] = {.is_proved = true, .handle = on_answer},
	[MESSAGE_NOTICE] = {.is_proved = true, .handle = on_notice},
};

enum err counted(uint64_t *counter, enum err err)
{
	++*counter;
	return err;
}

static bool has_proved(const struct peer *peer, const struct endpoint *from)
{
	return peer->member.state != MEMBER_HEARD && endpoint_equal(&peer->member.endpoint, from);
}

/* Is there a token for one more signature check on behalf of this sender? */
static bool has_budget(struct overlay *o, struct now now, const struct endpoint *from,
                       struct peer *peer)
{
	if (peer != NULL && has_proved(peer, from))
		return bucket_take(&peer->traffic, now.mono, member_rate);
	return bucket_take(bucket_of(o, &from->addr), now.mono, stranger_rate);
}

enum err overlay_datagram(struct overlay *o, struct now now, const struct endpoint *from,
                          const void *data, size_t len)
{
	const struct handler *handler;
	struct message m;
	struct peer *peer;
	enum err err = message_open(data, len, &m);

	o->counters.received++;
	if (err != ERR_OK || id_equal(&m.sender, &o->id))
		return counted(&o->counters.malformed, err == ERR_OK ? ERR_FORMAT : err);
	handler = &handlers[m.kind];
	peer = peer_find(o, &m.sender);
	if (!has_budget(o, now, from, peer))
		return counted(&o->counters.over_budget, ERR_LIMIT);
	if (handler->is_greeting) {
		err = members_admit(o, now, from, &m, &peer);
		if (err != ERR_OK)
			return err;
	} else if (peer == NULL || (handler->is_proved && !has_proved(peer, from))) {
		return counted(&o->counters.unknown, ERR_NOENT);
	} else if (message_verify(&m, &peer->member.cert.member) != ERR_OK) {
		return counted(&o->counters.forged, ERR_AUTH);
	}
	if (now.wall.ms > peer->member.cert.not_after.ms)
		return counted(&o->counters.expired, ERR_EXPIRED);
	if (peer->member.state == MEMBER_REVOKED) /* notices.c sees to it when a page comes */
		return counted(&o->counters.revoked, ERR_ROOT);
	return handler->handle(o, now, from, &m, peer);
}

void overlay_expire(struct overlay *o, struct now now)
{
	members_expire(o, now);
	asks_expire(o, now);
	serves_expire(o, now);
}

struct mono overlay_deadline(const struct overlay *o)
{
	return mono_earlier(members_deadline(o),
	                    mono_earlier(asks_deadline(o), serves_deadline(o)));
}

/* Gives back what the previous act lent. */
static void release(struct overlay *o)
{
	if (o->current.assembly != NULL)
		o->current.assembly->is_used = false;
	if (o->current.ask != NULL)
		ask_release(o->current.ask);
	o->current.assembly = NULL;
	o->current.ask = NULL;
}

static void fill_outcomes(struct overlay *o, struct act *act, const struct ask *ask)
{
	act->outcomes = o->outcomes;
	for (size_t i = 0; i < ask->target_count; i++) {
		struct peer *peer = peer_find(o, &ask->targets[i].id);

		if (peer == NULL)
			continue;
		o->outcomes[act->outcome_count++] = (struct overlay_outcome){
			.member = &peer->member,
			.state = ask->targets[i].state,
		};
	}
}

bool overlay_next(struct overlay *o, struct act *ret)
{
	struct slot *slot = &o->current;
	struct peer *peer;

	release(o);
	if (o->out_count == 0)
		return false;
	*slot = o->outbox[o->out_at];
	o->out_at = (o->out_at + 1) % o->limits.outbox_max;
	o->out_count--;
	peer = slot->is_about ? peer_find(o, &slot->about) : NULL;
	slot->act.member = peer != NULL ? &peer->member : NULL;
	if (slot->act.kind == ACT_SEND)
		slot->act.data = slot->data;
	if (slot->act.kind == ACT_ANSWER) {
		slot->act.reply = (struct overlay_reply){
			.member = slot->act.member,
			.answer = &slot->assembly->answer,
			.evidence = slot->assembly->plain,
		};
	}
	if (slot->act.kind == ACT_FINISH)
		fill_outcomes(o, &slot->act, slot->ask);
	*ret = slot->act;
	return true;
}

size_t overlay_member_count(const struct overlay *o)
{
	return o->peer_count;
}

const struct member *overlay_member(const struct overlay *o, size_t i)
{
	CHECK(i < o->peer_count);
	return &o->peers[i].member;
}

const struct overlay_counters *overlay_counters(const struct overlay *o)
{
	return &o->counters;
}

const struct id *overlay_id(const struct overlay *o)
{
	return &o->id;
}

const char *member_state_text(enum member_state state)
{
	static const char *const texts[] = {"heard", "live", "silent", "expired", "revoked"};

	return (size_t)state < ARRAY_LEN(texts) ? texts[state] : "unknown";
}

const char *target_state_text(enum target_state state)
{
	static const char *const texts[] = {"waiting", "working",  "answered", "refused",
	                                    "busy",    "unwanted", "false",    "silent"};

	return (size_t)state < ARRAY_LEN(texts) ? texts[state] : "unknown";
}
