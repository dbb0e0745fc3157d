/*
 * fuzz_packet - any datagram into every reader of datagrams, before and behind its keys.
 *
 * The first octet chooses what the rest is: a datagram as it is, or with its macs made right; or
 * only what is sealed or signed inside one, which the harness seals and signs; or what comes over a
 * channel, cut in pieces. What a reader takes must be inside what it was given.
 */
#include "base/util.h"
#include "proto/wire/channel.h"
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "proto/wire/suite.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hand_self a, b;
static struct hand under_way; /* a's with b */
static struct transport at_a, at_b;
static struct cookie_jar jar;
static struct key_pair operational;
static struct knock_key keys[2];
static uint8_t mac1_key[32];
static const struct nonce knocked = {{1, 2, 3}};
static const struct endpoint home = {.port = 7667};

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void must_be_inside(struct bytes part, const uint8_t *whole, size_t len)
{
	must(part.at >= whole && part.end <= whole + len && part.at <= part.end);
}

static struct seed seed_of(uint8_t first)
{
	return (struct seed){.octets = {first}};
}

static struct hand_self self_of(uint8_t first)
{
	struct seed seed = seed_of(first);
	struct hand_self self = {.id = {{first}}};

	box_keys(&seed, &self.kx.public, &self.kx.secret);
	return self;
}

static void start(void)
{
	struct seed seed = seed_of(3);
	uint8_t response[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct hand_in in;
	size_t len;

	must(sign_start() == ERR_OK);
	a = self_of(1);
	b = self_of(2);
	operational = key_pair_of(&seed);
	keys[1] = knock_key_of(&operational.public);
	hand_mac1_key(&b.id, mac1_key);
	cookie_jar_turn(&jar, (struct mono){1}, &seed);
	must(hand_start(&under_way, &a, &b.kx.public, &b.id, 5, &seed, bytes_of("a", 1)) == ERR_OK);
	must(hand_read(&b, under_way.packet, HAND_INIT_LEN, &in) == ERR_OK);
	seed = seed_of(4);
	len = hand_answer(&in, &b, &seed, 6, bytes_of("b", 1), response, &at_b);
	must(hand_finish(&under_way, response, len, &at_a, payload, &len) == ERR_OK && len == 1);
}

static void read_init(const uint8_t *data, size_t len)
{
	struct seed seed = seed_of(8);
	uint8_t room[HAND_RESPONSE_MAX];
	struct transport t;
	struct hand_in in;
	size_t answer;

	(void)cookie_holds(&jar, &home, data, len);
	if (hand_check_mac1(mac1_key, data, len) != ERR_OK ||
	    hand_read(&b, data, len, &in) != ERR_OK)
		return;
	must(in.payload_len <= HAND_PAYLOAD_MAX);
	answer = hand_answer(&in, &b, &seed, 9, bytes_of("b", 1), room, &t);
	must(answer > 0 && answer < len && packet_kind(room, answer) == PACKET_RESPONSE);
}

static void read_knock(const uint8_t *data, size_t len)
{
	struct knock k, again;
	uint8_t room[KNOCK_LEN];
	size_t which;

	if (knock_check(keys, ARRAY_LEN(keys), data, len, &which) == ERR_OK)
		must(which < ARRAY_LEN(keys));
	if (knock_open(data, len, &k) != ERR_OK)
		return;
	must_be_inside(k.cert, data, len);
	must_be_inside(k.record, data, len);
	must(knock_pack(&k, &operational, &keys[1], room) == ERR_OK);
	must(memcmp(room, data, KNOCK_SIGNED) == 0); /* a KNOCK has one form */
	must(knock_open(room, sizeof(room), &again) == ERR_OK);
	must(knock_verify(&again, &operational.public) == ERR_OK);
	if (knock_verify(&k, &operational.public) == ERR_OK)
		must(memcmp(&k.signature, &again.signature, sizeof(k.signature)) == 0);
}

static void read_any(const uint8_t *data, size_t len)
{
	uint8_t room[PACKET_MAX], payload[HAND_PAYLOAD_MAX];
	enum packet_kind kind = packet_kind(data, len);
	struct transport t = at_b;
	struct hand h = under_way;
	struct welcome w;
	size_t got;

	if (kind == PACKET_DATA || kind == PACKET_RESPONSE || kind == PACKET_COOKIE)
		(void)packet_receiver(data);
	if (transport_open(&t, data, len, room, &got) == ERR_OK)
		must(kind == PACKET_DATA && got + TRANSPORT_OVERHEAD == len);
	else
		must(memcmp(&t, &at_b, sizeof(t)) == 0);
	if (hand_finish(&h, data, len, &t, payload, &got) == ERR_OK)
		must(kind == PACKET_RESPONSE && got <= HAND_PAYLOAD_MAX);
	if (hand_take_cookie(&h, data, len) == ERR_OK)
		must(kind == PACKET_COOKIE);
	else
		must(memcmp(&h, &under_way, sizeof(h)) == 0);
	read_init(data, len);
	read_knock(data, len);
	if (welcome_open(&b.kx.public, &b.kx.secret, &knocked, data, len, room, &w) == ERR_OK) {
		must_be_inside(w.cert, room, len);
		must_be_inside(w.record, room, len);
	}
}

/* Copies into `room`, short inputs followed by zeroes, where their lengths are fixed. */
static size_t fill(struct bytes in, size_t len, uint8_t *room)
{
	memset(room, 0, len);
	memcpy(room, in.at, MIN(bytes_left(&in), len));
	return len;
}

static void with_macs(struct bytes in)
{
	uint8_t room[PACKET_MAX];
	size_t len = MIN(bytes_left(&in), sizeof(room));

	memcpy(room, in.at, len);
	if (packet_kind(room, len) == PACKET_INIT || packet_kind(room, len) == PACKET_RESPONSE)
		hand_mac(mac1_key, 32, room, len - 2 * PACKET_MAC, room + len - 2 * PACKET_MAC);
	if (packet_kind(room, len) == PACKET_KNOCK)
		knock_mac(&keys[1], room, room + len - PACKET_MAC);
	read_any(room, len);
}

static void with_frame_in_init(struct bytes in)
{
	static const char name[] = "spoor hand 1";
	uint8_t frame[2 + HAND_PAYLOAD_MAX], prologue[sizeof(name) + 32 + HAND_INIT_HEAD];
	struct octets out = octets_of(prologue, sizeof(prologue));
	struct seed seed = seed_of(7);
	struct noise_pair e;
	struct hand h = under_way;

	fill(in, sizeof(frame), frame);
	octets_put(&out, name, sizeof(name));
	octets_put(&out, b.id.octets, sizeof(b.id.octets));
	octets_put(&out, h.packet, HAND_INIT_HEAD);
	box_keys(&seed, &e.public, &e.secret);
	noise_initiate(&h.noise, bytes_of(prologue, sizeof(prologue)), &a.kx, &b.kx.public);
	must(noise_write_first(&h.noise, &e, bytes_of(frame, sizeof(frame)),
	                       h.packet + HAND_INIT_HEAD) == ERR_OK);
	with_macs(bytes_of(h.packet, HAND_INIT_LEN));
}

static void with_body_in_knock(struct bytes in)
{
	uint8_t room[KNOCK_LEN] = {PACKET_KNOCK, PACKET_VERSION};

	fill(in, KNOCK_SIGNED - PACKET_HEAD, room + PACKET_HEAD);
	with_macs(bytes_of(room, sizeof(room)));
}

static void with_text_in_welcome(struct bytes in)
{
	uint8_t room[WELCOME_MAX] = {PACKET_WELCOME, PACKET_VERSION};
	size_t len = MIN(bytes_left(&in), WELCOME_MAX - PACKET_HEAD - (size_t)SEAL_OVERHEAD);
	struct seed seed = seed_of(7);

	seal(&b.kx.public, &seed, in.at, len, room + PACKET_HEAD);
	read_any(room, PACKET_HEAD + SEAL_OVERHEAD + len);
}

/* Feeds it in pieces of the first octet's length. Returns how many records there were. */
static size_t feed(struct channel *c, struct bytes in, size_t step)
{
	size_t records = 0;

	while (bytes_left(&in) > 0) {
		struct bytes piece = bytes_cut(&in, MIN(MAX(step, 1), bytes_left(&in))), record;
		enum err err;

		while ((err = channel_feed(c, &piece, &record)) == ERR_OK) {
			must_be_inside(record, c->record, sizeof(c->record));
			if (channel_check_token(record, mac1_key) == ERR_OK)
				must(bytes_left(&record) == CHANNEL_TOKEN);
			records++;
		}
		if (err != ERR_SHORT)
			return records;
		must(bytes_left(&piece) == 0);
	}
	return records;
}

static void over_a_channel(struct bytes in)
{
	static struct channel c;
	size_t step = (size_t)bytes_uint(&in, 1);

	channel_start(&c, &at_b, mac1_key, false);
	(void)feed(&c, in, step);
}

/* Records of the lengths that the input says: all must come. */
static void sealed_over_a_channel(struct bytes in)
{
	static struct channel from, to;
	static uint8_t wire[1 << 16];
	size_t step = (size_t)bytes_uint(&in, 1), len = 0, records = 0;

	channel_start(&from, &at_a, mac1_key, true);
	channel_start(&to, &at_b, mac1_key, false);
	while (bytes_left(&in) > 0 && len + 256 + CHANNEL_OVERHEAD < sizeof(wire)) {
		size_t wanted = (size_t)bytes_uint(&in, 1); /* once: MIN() reads twice */
		struct bytes plain = bytes_cut(&in, MIN(wanted, bytes_left(&in)));

		len += channel_seal(&from, plain.at, bytes_left(&plain), wire + len);
		records++;
	}
	must(feed(&to, bytes_of(wire, len), step) == records);
}

static void as_it_is(struct bytes in)
{
	read_any(in.at, bytes_left(&in));
}

static void (*const ways[])(struct bytes in) = {
	as_it_is,
	with_macs,
	with_frame_in_init,
	with_body_in_knock,
	with_text_in_welcome,
	over_a_channel,
	sealed_over_a_channel,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_started;

	if (!has_started)
		start();
	has_started = true;
	if (size > 0 && size <= 4096)
		ways[data[0] % ARRAY_LEN(ways)](bytes_of(data + 1, size - 1));
	return 0;
}
