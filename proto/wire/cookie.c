#include "proto/wire/cookie.h"

#include "base/util.h"
#include "proto/wire/hand.h"
#include "proto/wire/suite.h"

#include <string.h>

struct mono cookie_jar_due(const struct cookie_jar *jar)
{
	return jar->count == 0 ? (struct mono){0} : mono_after(jar->turned[0], COOKIE_TURN_MS);
}

void cookie_jar_turn(struct cookie_jar *jar, struct mono now, const struct seed *fresh)
{
	/* Late by a turn or more: what is there has lived for as long as it may. */
	if (jar->count > 0 && mono_reached(now, mono_after(jar->turned[0], 2 * COOKIE_TURN_MS)))
		jar->count = 0;
	jar->secrets[1] = jar->secrets[0];
	jar->turned[1] = jar->turned[0];
	jar->secrets[0] = *fresh;
	jar->turned[0] = now;
	jar->count = MIN(jar->count + 1, 2);
}

void cookie_key(const struct id *id, uint8_t ret[32])
{
	struct id key = digest("spoor cookie", id->octets, sizeof(id->octets));

	memcpy(ret, key.octets, sizeof(key.octets));
}

static void bake(const struct seed *secret, const struct endpoint *from, uint8_t ret[COOKIE_OCTETS])
{
	uint8_t port[2] = {(uint8_t)(from->port >> 8), (uint8_t)from->port};

	suite_chosen()->hash(bytes_of(secret->octets, sizeof(secret->octets)),
	                     bytes_of(from->addr.octets, sizeof(from->addr.octets)),
	                     bytes_of(port, sizeof(port)), ret, COOKIE_OCTETS);
}

size_t cookie_make(const struct cookie_jar *jar, const struct id *self, const struct endpoint *from,
                   const uint8_t *init, const uint8_t nonce[COOKIE_NONCE], uint8_t room[COOKIE_LEN])
{
	struct octets out = octets_of(room, COOKIE_LEN);
	uint8_t cookie[COOKIE_OCTETS], key[SUITE_KEY];

	CHECK(jar->count > 0);
	bake(&jar->secrets[0], from, cookie);
	cookie_key(self, key);
	packet_head(&out, PACKET_COOKIE);
	octets_put(&out, init + PACKET_HEAD, 4); /* its sender is our receiver */
	octets_put(&out, nonce, COOKIE_NONCE);
	suite_chosen()->long_seal(key, nonce, bytes_of(init + HAND_INIT_MAC1, PACKET_MAC),
	                          bytes_of(cookie, sizeof(cookie)), out.at);
	return COOKIE_LEN;
}

bool cookie_holds(const struct cookie_jar *jar, const struct endpoint *from, const void *data,
                  size_t len)
{
	const uint8_t *at = data;
	uint8_t cookie[COOKIE_OCTETS], mac2[PACKET_MAC];

	if (packet_kind(data, len) != PACKET_INIT)
		return false;
	for (size_t i = 0; i < jar->count; i++) {
		bake(&jar->secrets[i], from, cookie);
		hand_mac(cookie, sizeof(cookie), data, HAND_INIT_MAC1 + PACKET_MAC, mac2);
		if (suite_same(mac2, at + HAND_INIT_MAC1 + PACKET_MAC, PACKET_MAC))
			return true;
	}
	return false;
}
