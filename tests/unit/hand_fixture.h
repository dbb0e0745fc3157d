/* hand_fixture - two members that always have the same keys, and a session between them. */
#ifndef SPOOR_TESTS_UNIT_HAND_FIXTURE_H
#define SPOOR_TESTS_UNIT_HAND_FIXTURE_H

#include "proto/wire/hand.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define A_INDEX UINT32_C(0xa1b2c3d4)
#define B_INDEX UINT32_C(0x00000007)

static inline struct hand_self self_of(uint8_t first)
{
	struct seed seed = seed_of(first);
	struct hand_self self = {.id = digest("test", &seed, sizeof(seed))};

	box_keys(&seed, &self.kx.public, &self.kx.secret);
	return self;
}

/* A's handshake with B under way. */
static inline void start_hand(const struct hand_self *a, const struct hand_self *b, struct hand *h)
{
	struct seed once = seed_of(200);

	assert_ok(hand_start(h, a, &b->kx.public, &b->id, A_INDEX, &once, bytes_of("from a", 6)));
}

/* B's RESPONSE to it, and B's end of the session. */
static inline size_t answer_hand(const struct hand_self *b, const struct hand *h, uint8_t *room,
                                 struct transport *ret)
{
	struct seed once = seed_of(210);
	struct hand_in in;

	assert_ok(hand_read(b, h->packet, sizeof(h->packet), &in));
	return hand_answer(&in, b, &once, B_INDEX, bytes_of("from b", 6), room, ret);
}

/* Both ends of a session. */
static inline void make_session(struct transport *ret_a, struct transport *ret_b)
{
	struct hand_self a = self_of(1), b = self_of(2);
	uint8_t response[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct hand h;
	size_t len;

	start_hand(&a, &b, &h);
	len = answer_hand(&b, &h, response, ret_b);
	assert_ok(hand_finish(&h, response, len, ret_a, payload, &len));
}

#endif
