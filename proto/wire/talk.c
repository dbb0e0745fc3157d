#include "proto/wire/talk.h"

#include "base/util.h"

#include <string.h>

#define LENGTH 2
#define INDEX 1 /* of the only session that a connection has */

/* The session serves for this channel alone, so that its key is salt enough. */
static const uint8_t salt[CHANNEL_SALT];

static struct hand_self hand_self(const struct talk_self *self)
{
	return (struct hand_self){
		.kx = {.public = self->card->record.kx, .secret = *self->kx_secret},
		.id = self->card->id,
	};
}

static struct seed draw(const struct talk_self *self)
{
	struct seed seed;

	self->random(self->random_ctx, &seed, sizeof(seed));
	return seed;
}

static void put_greeting(struct octets *out, const void *data, size_t len)
{
	octets_uint(out, len, LENGTH);
	octets_put(out, data, len);
}

static struct bytes cert_of(const struct card *card)
{
	return bytes_of(card->cert_blob.octets, card->cert_blob.len);
}

static struct bytes record_of(const struct card *card)
{
	return bytes_of(card->record_blob.octets, card->record_blob.len);
}

enum err talk_knock(struct talk *t, const struct talk_self *self, struct octets *out)
{
	struct knock_key key = knock_key_of(&self->card->cert.root);
	struct knock knock = {
		.sent = self->now, .cert = cert_of(self->card), .record = record_of(self->card)};
	uint8_t room[KNOCK_LEN];
	enum err err;

	memset(t, 0, sizeof(*t));
	t->state = TALK_KNOCKED;
	self->random(self->random_ctx, &t->nonce, sizeof(t->nonce));
	knock.nonce = t->nonce;
	err = knock_pack(&knock, self->operational, &key, room);
	if (err == ERR_OK)
		put_greeting(out, room, sizeof(room));
	return err;
}

void talk_listen(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	t->state = TALK_LISTENING;
}

/* Host: whose card is it? Then the handshake begins. */
static enum err on_welcome(struct talk *t, const struct talk_self *self, struct bytes in,
                           struct octets *out)
{
	const struct record *own = &self->card->record;
	struct bytes name = bytes_of(self->card->id.octets, sizeof(self->card->id.octets));
	uint8_t room[WELCOME_MAX];
	struct welcome welcome;
	struct hand_self hand;
	struct seed ephemeral;
	enum err err = welcome_open(&own->kx, self->kx_secret, &t->nonce, in.at, bytes_left(&in),
	                            room, &welcome);

	if (err == ERR_OK)
		err = card_open(welcome.cert, welcome.record, self->roots, self->now, &t->peer);
	if (err == ERR_OK && memcmp(&t->peer.cert.member, self->wanted, sizeof(*self->wanted)) != 0)
		err = ERR_DENIED;
	if (err != ERR_OK)
		return err;
	hand = hand_self(self);
	ephemeral = draw(self);
	err = hand_start(&t->hand, &hand, &t->peer.record.kx, &t->peer.id, INDEX, &ephemeral, name);
	wipe(&ephemeral, sizeof(ephemeral));
	wipe(&hand, sizeof(hand));
	if (err != ERR_OK)
		return err;
	put_greeting(out, t->hand.packet, HAND_INIT_LEN);
	t->state = TALK_CALLED;
	return ERR_OK;
}

static enum err on_response(struct talk *t, const struct talk_self *self, struct bytes in,
                            struct octets *out)
{
	struct transport transport;
	uint8_t payload[HAND_PAYLOAD_MAX];
	size_t payload_len;
	enum err err =
		hand_finish(&t->hand, in.at, bytes_left(&in), &transport, payload, &payload_len);

	(void)self;
	(void)out;
	if (err != ERR_OK)
		return err == ERR_NOENT ? ERR_AUTH : err;
	channel_start(&t->channel, &transport, salt, true);
	wipe(&transport, sizeof(transport));
	wipe(&t->hand, sizeof(t->hand));
	t->state = TALK_OPEN;
	return ERR_OK;
}

static bool is_now(struct wall sent, struct wall now)
{
	/* In unsigned arithmetic: the clock is a stranger's, and may say anything. */
	uint64_t late_ms = (uint64_t)now.ms - (uint64_t)sent.ms;

	return late_ms + TALK_SKEW_MS <= UINT64_C(2) * TALK_SKEW_MS;
}

/* Gateway: is it a host, of one of our roots for hosts, and did it sign this, just now? */
static enum err on_knock(struct talk *t, const struct talk_self *self, struct bytes in,
                         struct octets *out)
{
	struct welcome welcome = {cert_of(self->card), record_of(self->card)};
	struct knock_key keys[CERT_ROOTS_MAX];
	uint8_t room[WELCOME_MAX];
	struct knock knock;
	struct seed seed;
	size_t which, len;
	enum err err;

	for (size_t i = 0; i < self->roots->count; i++)
		keys[i] = knock_key_of(&self->roots->keys[i]);
	err = knock_check(keys, self->roots->count, in.at, bytes_left(&in), &which);
	if (err == ERR_OK)
		err = knock_open(in.at, bytes_left(&in), &knock);
	if (err == ERR_OK && !is_now(knock.sent, self->now))
		err = ERR_STALE;
	if (err == ERR_OK)
		err = card_open(knock.cert, knock.record, self->roots, self->now, &t->peer);
	if (err == ERR_OK && t->peer.cert.roles != CERT_ROLE_HOST)
		err = ERR_DENIED;
	if (err == ERR_OK)
		err = knock_verify(&knock, &t->peer.record.sign);
	if (err != ERR_OK)
		return err;
	seed = draw(self);
	len = welcome_pack(&welcome, &knock.nonce, &t->peer.record.kx, &seed, room);
	wipe(&seed, sizeof(seed));
	CHECK(len > 0);
	put_greeting(out, room, len);
	t->state = TALK_WELCOMED;
	return ERR_OK;
}

/*
 * Is it the knocker's? The key alone does not say: a record may name another's, and its owner would
 * be taken for the one who did.
 */
static enum err check_caller(const struct talk *t, const struct hand_in *in)
{
	const struct id *id = &t->peer.id;

	return memcmp(&t->peer.record.kx, &in->from, sizeof(in->from)) == 0 &&
	                       in->payload_len == sizeof(id->octets) &&
	                       memcmp(in->payload, id->octets, sizeof(id->octets)) == 0
	               ? ERR_OK
	               : ERR_AUTH;
}

/* A mac under a cookie: nobody was asked for one, and one greeting has one form. */
static bool has_mac2(struct bytes in)
{
	static const uint8_t none[PACKET_MAC];

	return memcmp(in.end - PACKET_MAC, none, PACKET_MAC) != 0;
}

static enum err on_init(struct talk *t, const struct talk_self *self, struct bytes in,
                        struct octets *out)
{
	struct hand_self hand = hand_self(self);
	uint8_t mac1_key[32], room[HAND_RESPONSE_MAX];
	struct transport transport;
	struct hand_in hand_in;
	struct seed ephemeral;
	size_t len;
	enum err err;

	hand_mac1_key(&self->card->id, mac1_key);
	err = hand_check_mac1(mac1_key, in.at, bytes_left(&in));
	if (err == ERR_OK && has_mac2(in))
		err = ERR_FORMAT;
	if (err == ERR_OK)
		err = hand_read(&hand, in.at, bytes_left(&in), &hand_in);
	if (err == ERR_OK)
		err = check_caller(t, &hand_in);
	if (err == ERR_OK) {
		ephemeral = draw(self);
		len = hand_answer(&hand_in, &hand, &ephemeral, INDEX, bytes_of(NULL, 0), room,
		                  &transport);
		CHECK(len > 0);
		put_greeting(out, room, len);
		channel_start(&t->channel, &transport, salt, false);
		wipe(&ephemeral, sizeof(ephemeral));
		wipe(&transport, sizeof(transport));
		t->state = TALK_ANSWERED;
	}
	wipe(&hand, sizeof(hand));
	wipe(&hand_in, sizeof(hand_in));
	return err;
}

static enum err (*const greetings[])(struct talk *t, const struct talk_self *self, struct bytes in,
                                     struct octets *out) = {
	[TALK_KNOCKED] = on_welcome,
	[TALK_CALLED] = on_response,
	[TALK_LISTENING] = on_knock,
	[TALK_WELCOMED] = on_init,
};

static void take(struct talk *t, struct bytes *in, size_t whole)
{
	size_t len = MIN(bytes_left(in), whole - t->have);

	bytes_copy(in, t->greeting + t->have, len);
	t->have += len;
}

/* One datagram, behind its length. */
static enum err feed_greeting(struct talk *t, const struct talk_self *self, struct bytes *in,
                              struct octets *out)
{
	size_t len;
	enum err err;

	if (t->have < LENGTH)
		take(t, in, LENGTH);
	if (t->have < LENGTH)
		return ERR_SHORT;
	len = (size_t)(t->greeting[0] << 8 | t->greeting[1]);
	if (len > TALK_GREETING_MAX - LENGTH)
		return ERR_FORMAT;
	take(t, in, LENGTH + len);
	if (t->have < LENGTH + len)
		return ERR_SHORT;
	t->have = 0;
	err = greetings[t->state](t, self, bytes_of(t->greeting + LENGTH, len), out);
	return err == ERR_SHORT ? ERR_FORMAT : err;
}

enum err talk_feed(struct talk *t, const struct talk_self *self, struct bytes *in,
                   struct octets *out, struct bytes *ret)
{
	enum err err;

	if (t->state < TALK_ANSWERED) {
		err = feed_greeting(t, self, in, out);
		return err == ERR_OK ? ERR_SHORT : err;
	}
	err = channel_feed(&t->channel, in, ret);
	if (err == ERR_OK)
		t->state = TALK_OPEN;
	return err;
}

size_t talk_seal(struct talk *t, const void *plain, size_t len, uint8_t *room)
{
	CHECK(t->state == TALK_OPEN);
	return channel_seal(&t->channel, plain, len, room);
}
