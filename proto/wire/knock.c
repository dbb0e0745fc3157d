#include "proto/wire/knock.h"

#include "base/util.h"
#include "proto/wire/hand.h"
#include "proto/wire/suite.h"

#include <string.h>

#define DOMAIN "spoor knock 1"

_Static_assert(PACKET_HEAD + NONCE_LEN + 8 + 4 + KNOCK_CARD_MAX == KNOCK_SIGNED, "no octet unused");
_Static_assert(WELCOME_MAX <= KNOCK_LEN, "no answer is longer than its question");

struct knock_key knock_key_of(const struct public_key *root)
{
	struct id id = digest("spoor knock", root->octets, sizeof(root->octets));
	struct knock_key key;

	memcpy(key.octets, id.octets, sizeof(key.octets));
	return key;
}

static struct id essence(const uint8_t *data)
{
	return digest("spoor knock mac 1", data, KNOCK_LEN - PACKET_MAC);
}

static void mac_of(const struct knock_key *key, const struct id *essence, uint8_t ret[PACKET_MAC])
{
	hand_mac(key->octets, sizeof(key->octets), essence->octets, sizeof(essence->octets), ret);
}

void knock_mac(const struct knock_key *key, const uint8_t *data, uint8_t ret[PACKET_MAC])
{
	struct id once = essence(data);

	mac_of(key, &once, ret);
}

static void put_piece(struct octets *out, struct bytes piece)
{
	octets_uint(out, bytes_left(&piece), 2);
	octets_put(out, piece.at, bytes_left(&piece));
}

static struct bytes cut_piece(struct bytes *in)
{
	return bytes_cut(in, (size_t)bytes_uint(in, 2));
}

static bool fits(struct bytes cert, struct bytes record)
{
	return bytes_left(&cert) <= KNOCK_CARD_MAX && bytes_left(&record) <= KNOCK_CARD_MAX &&
	       bytes_left(&cert) + bytes_left(&record) <= KNOCK_CARD_MAX;
}

enum err knock_pack(const struct knock *k, const struct key_pair *pair, const struct knock_key *key,
                    uint8_t room[KNOCK_LEN])
{
	struct octets out = octets_of(room, KNOCK_LEN);
	struct signature signature;

	if (!fits(k->cert, k->record))
		return ERR_LIMIT;
	memset(room, 0, KNOCK_LEN);
	packet_head(&out, PACKET_KNOCK);
	octets_put(&out, k->nonce.octets, sizeof(k->nonce.octets));
	octets_uint(&out, (uint64_t)k->sent.ms, 8);
	put_piece(&out, k->cert);
	put_piece(&out, k->record);
	signature = sign(pair, DOMAIN, room, KNOCK_SIGNED);
	memcpy(room + KNOCK_SIGNED, signature.octets, sizeof(signature.octets));
	knock_mac(key, room, room + KNOCK_LEN - PACKET_MAC);
	return ERR_OK;
}

enum err knock_check(const struct knock_key *keys, size_t count, const void *data, size_t len,
                     size_t *ret_which)
{
	const uint8_t *at = data;
	struct id once;

	if (packet_kind(data, len) != PACKET_KNOCK)
		return ERR_FORMAT;
	once = essence(at);
	for (size_t i = 0; i < count; i++) {
		uint8_t mac[PACKET_MAC];

		mac_of(&keys[i], &once, mac);
		if (suite_same(mac, at + len - PACKET_MAC, PACKET_MAC)) {
			*ret_which = i;
			return ERR_OK;
		}
	}
	return ERR_ROOT;
}

enum err knock_open(const void *data, size_t len, struct knock *ret)
{
	struct bytes in = bytes_of(data, len);
	struct knock k;

	if (packet_kind(data, len) != PACKET_KNOCK)
		return ERR_FORMAT;
	k.signed_part = bytes_cut(&in, KNOCK_SIGNED);
	bytes_copy(&in, k.signature.octets, sizeof(k.signature.octets));
	in = k.signed_part;
	bytes_cut(&in, PACKET_HEAD);
	bytes_copy(&in, k.nonce.octets, sizeof(k.nonce.octets));
	k.sent.ms = (int64_t)bytes_uint(&in, 8);
	k.cert = cut_piece(&in);
	k.record = cut_piece(&in);
	if (in.is_short)
		return ERR_FORMAT;
	while (bytes_left(&in) > 0) {
		if (bytes_uint(&in, 1) != 0)
			return ERR_FORMAT;
	}
	*ret = k;
	return ERR_OK;
}

enum err knock_verify(const struct knock *k, const struct public_key *key)
{
	return verify(key, DOMAIN, k->signed_part.at, bytes_left(&k->signed_part), &k->signature);
}

size_t welcome_pack(const struct welcome *w, const struct nonce *nonce, const struct box_key *to,
                    const struct seed *seed, uint8_t *room)
{
	uint8_t plain[NONCE_LEN + 4 + KNOCK_CARD_MAX];
	struct octets inner = octets_of(plain, sizeof(plain));
	struct octets out = octets_of(room, WELCOME_MAX);

	if (!fits(w->cert, w->record))
		return 0;
	octets_put(&inner, nonce->octets, sizeof(nonce->octets));
	put_piece(&inner, w->cert);
	put_piece(&inner, w->record);
	packet_head(&out, PACKET_WELCOME);
	seal(to, seed, plain, octets_len(&inner), out.at);
	return PACKET_HEAD + SEAL_OVERHEAD + octets_len(&inner);
}

enum err welcome_open(const struct box_key *public, const struct box_key *secret,
                      const struct nonce *nonce, const void *data, size_t len, uint8_t *room,
                      struct welcome *ret)
{
	const uint8_t *at = data;
	struct nonce echo;
	struct welcome w;
	struct bytes in;

	if (packet_kind(data, len) != PACKET_WELCOME)
		return ERR_FORMAT;
	if (seal_open(public, secret, at + PACKET_HEAD, len - PACKET_HEAD, room) != ERR_OK)
		return ERR_AUTH;
	in = bytes_of(room, len - PACKET_HEAD - SEAL_OVERHEAD);
	bytes_copy(&in, echo.octets, sizeof(echo.octets));
	if (!nonce_equal(&echo, nonce))
		return ERR_STALE;
	w.cert = cut_piece(&in);
	w.record = cut_piece(&in);
	if (in.is_short || bytes_left(&in) != 0)
		return ERR_FORMAT;
	*ret = w;
	return ERR_OK;
}
