#include "proto/wire/hand.h"

#include "base/util.h"
#include "proto/wire/cookie.h"
#include "proto/wire/suite.h"

#include <string.h>

#define PADDED (2 + HAND_PAYLOAD_MAX)
#define PROLOGUE "spoor hand 1"
#define PROLOGUE_LEN (sizeof(PROLOGUE) + sizeof(struct id) + HAND_INIT_HEAD)

_Static_assert(HAND_RESPONSE_MAX < HAND_INIT_LEN, "no answer is longer than its question");
_Static_assert(COOKIE_LEN < HAND_INIT_LEN, "no answer is longer than its question");

static const uint8_t zeroes[HAND_PAYLOAD_MAX];

void hand_mac1_key(const struct id *id, uint8_t ret[32])
{
	struct id key = digest("spoor mac1", id->octets, sizeof(id->octets));

	memcpy(ret, key.octets, sizeof(key.octets));
}

void hand_mac(const void *key, size_t key_len, const void *data, size_t len,
              uint8_t ret[PACKET_MAC])
{
	suite_chosen()->hash(bytes_of(key, key_len), bytes_of(data, len), bytes_of(NULL, 0), ret,
	                     PACKET_MAC);
}

static void make_prologue(const struct id *responder, const uint8_t *init,
                          uint8_t ret[PROLOGUE_LEN])
{
	struct octets out = octets_of(ret, PROLOGUE_LEN);

	octets_put(&out, PROLOGUE, sizeof(PROLOGUE));
	octets_put(&out, responder->octets, sizeof(responder->octets));
	octets_put(&out, init, HAND_INIT_HEAD);
}

static struct noise_pair pair_of_seed(const struct seed *seed)
{
	struct noise_pair pair;

	box_keys(seed, &pair.public, &pair.secret);
	return pair;
}

static void transport_start(struct transport *t, const struct noise *n, bool is_initiator,
                            uint32_t index, uint32_t their_index)
{
	struct noise_keys keys;

	noise_split(n, &keys);
	*t = (struct transport){.index = index, .their_index = their_index};
	memcpy(t->send_key, is_initiator ? keys.to_responder : keys.to_initiator, SUITE_KEY);
	memcpy(t->receive_key, is_initiator ? keys.to_initiator : keys.to_responder, SUITE_KEY);
	memcpy(t->export_key, keys.export, SUITE_KEY);
	wipe(&keys, sizeof(keys));
}

enum err hand_start(struct hand *h, const struct hand_self *self, const struct box_key *them,
                    const struct id *their_id, uint32_t index, const struct seed *ephemeral,
                    struct bytes payload)
{
	struct octets out = octets_of(h->packet, sizeof(h->packet));
	uint8_t prologue[PROLOGUE_LEN], plain[PADDED];
	struct octets padded = octets_of(plain, sizeof(plain));
	struct noise_pair e;
	enum err err;

	if (bytes_left(&payload) > HAND_PAYLOAD_MAX)
		return ERR_LIMIT;
	e = pair_of_seed(ephemeral);
	h->index = index;
	hand_mac1_key(their_id, h->mac1_key);
	cookie_key(their_id, h->cookie_key);
	packet_head(&out, PACKET_INIT);
	octets_uint(&out, index, 4);
	make_prologue(their_id, h->packet, prologue);
	noise_initiate(&h->noise, bytes_of(prologue, sizeof(prologue)), &self->kx, them);
	octets_uint(&padded, bytes_left(&payload), 2);
	octets_put(&padded, payload.at, bytes_left(&payload));
	octets_put(&padded, zeroes, octets_room(&padded));
	err = noise_write_first(&h->noise, &e, bytes_of(plain, sizeof(plain)), out.at);
	if (err == ERR_OK) {
		hand_mac(h->mac1_key, sizeof(h->mac1_key), h->packet, HAND_INIT_MAC1,
		         h->packet + HAND_INIT_MAC1);
		memset(h->packet + HAND_INIT_MAC1 + PACKET_MAC, 0, PACKET_MAC);
	}
	wipe(&e, sizeof(e));
	return err;
}

enum err hand_take_cookie(struct hand *h, const void *data, size_t len)
{
	struct bytes in = bytes_of(data, len);
	struct bytes nonce;
	uint8_t cookie[COOKIE_OCTETS];
	enum err err;

	if (packet_kind(data, len) != PACKET_COOKIE)
		return ERR_FORMAT;
	if (packet_receiver(data) != h->index)
		return ERR_NOENT;
	bytes_cut(&in, PACKET_HEAD + 4);
	nonce = bytes_cut(&in, COOKIE_NONCE);
	err = suite_chosen()->long_open(h->cookie_key, nonce.at,
	                                bytes_of(h->packet + HAND_INIT_MAC1, PACKET_MAC), in,
	                                cookie);
	if (err == ERR_OK)
		hand_mac(cookie, sizeof(cookie), h->packet, HAND_INIT_MAC1 + PACKET_MAC,
		         h->packet + HAND_INIT_MAC1 + PACKET_MAC);
	return err;
}

enum err hand_check_mac1(const uint8_t mac1_key[32], const void *data, size_t len)
{
	enum packet_kind kind = packet_kind(data, len);
	const uint8_t *at = data;
	uint8_t mac1[PACKET_MAC];
	size_t covered;

	if (kind != PACKET_INIT && kind != PACKET_RESPONSE)
		return ERR_FORMAT;
	covered = len - 2 * PACKET_MAC;
	hand_mac(mac1_key, 32, data, covered, mac1);
	return suite_same(mac1, at + covered, sizeof(mac1)) ? ERR_OK : ERR_AUTH;
}

enum err hand_finish(const struct hand *h, const void *data, size_t len, struct transport *ret,
                     uint8_t payload[HAND_PAYLOAD_MAX], size_t *ret_len)
{
	struct bytes in = bytes_of(data, len);
	struct noise noise = h->noise;
	uint32_t their_index;
	enum err err;

	if (packet_kind(data, len) != PACKET_RESPONSE ||
	    memcmp(in.end - PACKET_MAC, zeroes, PACKET_MAC) != 0)
		return ERR_FORMAT;
	if (packet_receiver(data) != h->index)
		return ERR_NOENT;
	err = hand_check_mac1(h->mac1_key, data, len);
	if (err != ERR_OK)
		return err;
	bytes_cut(&in, PACKET_HEAD);
	their_index = (uint32_t)bytes_uint(&in, 4);
	bytes_cut(&in, 4);
	in = bytes_cut(&in, bytes_left(&in) - 2 * PACKET_MAC);
	err = noise_read_second(&noise, in, payload);
	if (err == ERR_OK) {
		transport_start(ret, &noise, true, h->index, their_index);
		*ret_len = bytes_left(&in) - NOISE_SECOND;
	}
	wipe(&noise, sizeof(noise));
	return err;
}

/* Takes the payload out of its padding, which must be zero: one payload has one form. */
static enum err unpad(const uint8_t plain[PADDED], struct hand_in *ret)
{
	struct bytes in = bytes_of(plain, PADDED);
	size_t len = (size_t)bytes_uint(&in, 2);

	if (len > HAND_PAYLOAD_MAX)
		return ERR_FORMAT;
	bytes_copy(&in, ret->payload, len);
	ret->payload_len = len;
	return memcmp(in.at, zeroes, bytes_left(&in)) == 0 ? ERR_OK : ERR_FORMAT;
}

enum err hand_read(const struct hand_self *self, const void *data, size_t len, struct hand_in *ret)
{
	struct bytes in = bytes_of(data, len);
	uint8_t prologue[PROLOGUE_LEN], plain[PADDED];
	enum err err;

	if (packet_kind(data, len) != PACKET_INIT)
		return ERR_FORMAT;
	make_prologue(&self->id, data, prologue);
	bytes_cut(&in, PACKET_HEAD);
	ret->index = (uint32_t)bytes_uint(&in, 4);
	noise_respond(&ret->noise, bytes_of(prologue, sizeof(prologue)), &self->kx);
	err = noise_read_first(&ret->noise, bytes_cut(&in, HAND_INIT_MAC1 - HAND_INIT_HEAD), plain);
	if (err == ERR_OK)
		err = unpad(plain, ret);
	ret->from = ret->noise.rs;
	return err;
}

size_t hand_answer(const struct hand_in *in, const struct hand_self *self,
                   const struct seed *ephemeral, uint32_t index, struct bytes payload,
                   uint8_t *room, struct transport *ret)
{
	struct octets out = octets_of(room, HAND_RESPONSE_MAX);
	struct noise noise = in->noise;
	struct noise_pair e;
	uint8_t mac1_key[SUITE_KEY];
	size_t covered = HAND_RESPONSE_HEAD + NOISE_SECOND + bytes_left(&payload);
	enum err err;

	if (bytes_left(&payload) > HAND_PAYLOAD_MAX)
		return 0;
	packet_head(&out, PACKET_RESPONSE);
	octets_uint(&out, index, 4);
	octets_uint(&out, in->index, 4);
	e = pair_of_seed(ephemeral);
	/* Its keys have been of use in reading: none of them is of low order. */
	err = noise_write_second(&noise, &e, payload, out.at);
	CHECK(err == ERR_OK);
	hand_mac1_key(&self->id, mac1_key);
	hand_mac(mac1_key, sizeof(mac1_key), room, covered, room + covered);
	memset(room + covered + PACKET_MAC, 0, PACKET_MAC);
	transport_start(ret, &noise, false, index, in->index);
	wipe(&noise, sizeof(noise));
	wipe(&e, sizeof(e));
	return covered + 2 * PACKET_MAC;
}
