/*
 * fuzz_hand - two members and the network between them, which the input directs.
 *
 * Each step is an octet that chooses what and one that chooses whom or which: a member begins a
 * handshake or tries it again, sends data, forgets everything, comes under load, changes its cookie
 * secret; a datagram under way arrives, arrives and stays, is lost, has a bit flipped. Whatever
 * happens, what arrives is what was sent, once, by whom it says; and when the network is good
 * again, a new session carries data both ways.
 *
 * With the simulator's suite: this is about the order of things, and a hundred times as many.
 */
#include "base/util.h"
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/suite.h"
#include "tools/sim/suite_fake.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200
#define FLYING_MAX 24
#define SESSIONS 8
#define SENT_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct datagram {
	unsigned from;
	size_t len;
	uint8_t data[PACKET_MAX];
	uint8_t original[PACKET_MAX]; /* before bits were flipped */
};

struct peer {
	struct hand_self self;
	struct cookie_jar jar;
	uint8_t mac1_key[32];
	struct endpoint place;
	struct hand hand;
	bool is_calling; /* `hand` is under way */
	bool is_loaded;  /* answers nobody without a cookie */
	struct transport sessions[SESSIONS];
	size_t session_count; /* ever made; the latest SESSIONS are kept */
};

struct play {
	struct peer peers[2];
	struct datagram flying[FLYING_MAX];
	size_t flying_count;
	uint32_t drawn; /* seeds and indices so far */
	uint64_t ms;
	size_t sent;
	bool arrived[SENT_MAX];
};

static void must(bool claim)
{
	if (!claim)
		abort();
}

static struct seed draw(struct play *p)
{
	struct seed seed = {.octets = {0}};
	struct octets out = octets_of(seed.octets, sizeof(seed.octets));

	octets_uint(&out, ++p->drawn, 4);
	return seed;
}

static void put_flying(struct play *p, unsigned from, const uint8_t *data, size_t len)
{
	struct datagram *d;

	must(len > 0 && len <= PACKET_MAX);
	if (p->flying_count == FLYING_MAX)
		return;
	d = &p->flying[p->flying_count++];
	d->from = from;
	d->len = len;
	memcpy(d->data, data, len);
	memcpy(d->original, data, len);
}

static struct transport *session_new(struct peer *peer)
{
	return &peer->sessions[peer->session_count++ % SESSIONS];
}

static struct transport *session_latest(struct peer *peer)
{
	return peer->session_count == 0 ? NULL
	                                : &peer->sessions[(peer->session_count - 1) % SESSIONS];
}

static struct transport *session_find(struct peer *peer, uint32_t index)
{
	for (size_t i = 0; i < MIN(peer->session_count, SESSIONS); i++) {
		if (peer->sessions[i].index == index)
			return &peer->sessions[i];
	}
	return NULL;
}

/* What a member says of itself in a handshake. */
static struct bytes name_of(unsigned peer)
{
	return bytes_of(peer == 0 ? "first" : "second", peer == 0 ? 5 : 6);
}

static void must_be_name(unsigned peer, const uint8_t *payload, size_t len)
{
	struct bytes name = name_of(peer);

	must(len == bytes_left(&name) && memcmp(payload, name.at, len) == 0);
}

static void take_init(struct play *p, unsigned who, const struct datagram *d)
{
	struct peer *peer = &p->peers[who], *other = &p->peers[1 - who];
	uint8_t room[HAND_RESPONSE_MAX];
	struct seed seed = draw(p);
	struct hand_in in;
	size_t len;

	if (hand_check_mac1(peer->mac1_key, d->data, d->len) != ERR_OK)
		return;
	must(memcmp(d->data, d->original, d->len - PACKET_MAC) == 0);
	if (peer->is_loaded && !cookie_holds(&peer->jar, &other->place, d->data, d->len)) {
		len = cookie_make(&peer->jar, &peer->self.id, &other->place, d->data, seed.octets,
		                  room);
		put_flying(p, who, room, len);
		return;
	}
	must(hand_read(&peer->self, d->data, d->len, &in) == ERR_OK);
	must(memcmp(&in.from, &other->self.kx.public, sizeof(in.from)) == 0);
	must_be_name(1 - who, in.payload, in.payload_len);
	len = hand_answer(&in, &peer->self, &seed, p->drawn, name_of(who), room, session_new(peer));
	must(len > 0 && len < d->len);
	put_flying(p, who, room, len);
}

static void take_response(struct play *p, unsigned who, const struct datagram *d)
{
	struct peer *peer = &p->peers[who];
	uint8_t payload[HAND_PAYLOAD_MAX];
	struct transport t;
	size_t len;

	if (!peer->is_calling ||
	    hand_finish(&peer->hand, d->data, d->len, &t, payload, &len) != ERR_OK)
		return;
	must(memcmp(d->data, d->original, d->len) == 0);
	must_be_name(1 - who, payload, len);
	*session_new(peer) = t;
	peer->is_calling = false;
}

static void take_cookie(struct play *p, unsigned who, const struct datagram *d)
{
	struct peer *peer = &p->peers[who];

	if (peer->is_calling && hand_take_cookie(&peer->hand, d->data, d->len) == ERR_OK)
		must(memcmp(d->data, d->original, d->len) == 0);
}

/* A text is its number, then octets that follow from it. */
static size_t make_text(size_t number, unsigned from, uint8_t *room)
{
	size_t len = 2 + (number * 97 + from) % (TRANSPORT_PLAIN_MAX - 1);

	room[0] = (uint8_t)number;
	room[1] = (uint8_t)from;
	for (size_t i = 2; i < len; i++)
		room[i] = (uint8_t)(number + i);
	return len;
}

static void take_data(struct play *p, unsigned who, const struct datagram *d)
{
	uint8_t plain[PACKET_MAX], expected[PACKET_MAX];
	struct transport *t = session_find(&p->peers[who], packet_receiver(d->data));
	size_t len;

	if (t == NULL || transport_open(t, d->data, d->len, plain, &len) != ERR_OK)
		return;
	must(memcmp(d->data, d->original, d->len) == 0);
	must(len >= 2 && len == make_text(plain[0], 1 - who, expected));
	must(memcmp(plain, expected, len) == 0);
	must(!p->arrived[plain[0]]);
	p->arrived[plain[0]] = true;
}

static void arrive(struct play *p, const struct datagram *d)
{
	static void (*const takers[PACKET_KIND_END])(struct play *, unsigned,
	                                             const struct datagram *) = {
		[PACKET_INIT] = take_init,
		[PACKET_RESPONSE] = take_response,
		[PACKET_COOKIE] = take_cookie,
		[PACKET_DATA] = take_data,
	};
	enum packet_kind kind = packet_kind(d->data, d->len);

	if (takers[kind] != NULL)
		takers[kind](p, 1 - d->from, d);
}

static void step_call(struct play *p, unsigned arg)
{
	struct peer *peer = &p->peers[arg & 1], *other = &p->peers[~arg & 1];
	struct seed seed = draw(p);

	must(hand_start(&peer->hand, &peer->self, &other->self.kx.public, &other->self.id, p->drawn,
	                &seed, name_of(arg & 1)) == ERR_OK);
	peer->is_calling = true;
	put_flying(p, arg & 1, peer->hand.packet, HAND_INIT_LEN);
}

static void step_retry(struct play *p, unsigned arg)
{
	struct peer *peer = &p->peers[arg & 1];

	if (peer->is_calling)
		put_flying(p, arg & 1, peer->hand.packet, HAND_INIT_LEN);
}

static void step_send(struct play *p, unsigned arg)
{
	struct transport *t = session_latest(&p->peers[arg & 1]);
	uint8_t plain[PACKET_MAX], room[PACKET_MAX];
	size_t len;

	if (t == NULL || p->sent == SENT_MAX)
		return;
	len = make_text(p->sent++, arg & 1, plain);
	len = transport_seal(t, plain, len, room);
	put_flying(p, arg & 1, room, len);
}

static void step_forget(struct play *p, unsigned arg)
{
	p->peers[arg & 1].is_calling = false;
	p->peers[arg & 1].session_count = 0;
}

static void step_load(struct play *p, unsigned arg)
{
	p->peers[arg & 1].is_loaded = (arg & 2) != 0;
}

static void step_turn(struct play *p, unsigned arg)
{
	struct seed seed = draw(p);

	p->ms += arg * UINT64_C(4000);
	cookie_jar_turn(&p->peers[arg & 1].jar, (struct mono){p->ms}, &seed);
}

static void step_lose(struct play *p, unsigned arg)
{
	if (p->flying_count > 0)
		p->flying[arg % p->flying_count] = p->flying[p->flying_count - 1];
	p->flying_count -= p->flying_count > 0;
}

/* It may find the room that it leaves in use again: by what it brings about. */
static void step_arrive(struct play *p, unsigned arg)
{
	struct datagram d;

	if (p->flying_count == 0)
		return;
	d = p->flying[arg % p->flying_count];
	step_lose(p, arg);
	arrive(p, &d);
}

static void step_arrive_and_stay(struct play *p, unsigned arg)
{
	struct datagram d;

	if (p->flying_count == 0)
		return;
	d = p->flying[arg % p->flying_count];
	arrive(p, &d);
}

static void step_flip(struct play *p, unsigned arg)
{
	struct datagram *d;

	if (p->flying_count == 0)
		return;
	d = &p->flying[arg % p->flying_count];
	d->data[(arg * 131 + p->drawn * 17) % d->len] ^= (uint8_t)(1 << arg % 8);
}

static void (*const steps[])(struct play *p, unsigned arg) = {
	step_call, step_retry, step_send,   step_forget,          step_load,
	step_turn, step_lose,  step_arrive, step_arrive_and_stay, step_flip,
};

/* A good network and members at leisure: a session, and data both ways. */
static void end_well(struct play *p)
{
	p->flying_count = 0;
	step_load(p, 0);
	step_load(p, 1);
	step_call(p, 0);
	step_arrive(p, 0);
	step_arrive(p, 0);
	must(!p->peers[0].is_calling);
	p->sent = SENT_MAX - 2;
	p->arrived[SENT_MAX - 2] = p->arrived[SENT_MAX - 1] = false;
	step_send(p, 0);
	step_arrive(p, 0);
	step_send(p, 1);
	step_arrive(p, 0);
	must(p->arrived[SENT_MAX - 2] && p->arrived[SENT_MAX - 1]);
}

static void make_peers(struct play *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct peer *peer = &p->peers[i];
		struct seed seed = draw(p);

		box_keys(&seed, &peer->self.kx.public, &peer->self.kx.secret);
		peer->self.id = digest("fuzz", &seed, sizeof(seed));
		peer->place.port = (uint16_t)(7667 + i);
		hand_mac1_key(&peer->self.id, peer->mac1_key);
		cookie_jar_turn(&peer->jar, (struct mono){p->ms}, &seed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	struct bytes in = bytes_of(data, size);

	suite_use(&suite_fake);
	memset(&p, 0, sizeof(p));
	make_peers(&p);
	for (int i = 0; i < STEPS_MAX && bytes_left(&in) >= 2; i++) {
		unsigned what = (unsigned)bytes_uint(&in, 1);

		steps[what % ARRAY_LEN(steps)](&p, (unsigned)bytes_uint(&in, 1));
	}
	end_well(&p);
	return 0;
}
