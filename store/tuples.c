#include "store/tuples.h"

#include "base/util.h"
#include "store/block.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MIX_1 UINT64_C(0x9e3779b97f4a7c15)
#define MIX_2 UINT64_C(0xbf58476d1ce4e5b9)
#define PROTO_ICMP 1
#define PROTO_ICMPV6 58

static size_t slots_for(size_t entries)
{
	size_t slots = 64;

	while (slots <= 2 * entries)
		slots *= 2;
	return slots;
}

static void *room_of(void **at, size_t octets)
{
	free(*at);
	*at = malloc(octets);
	return *at;
}

static bool grow(struct tuples *t, size_t flows)
{
	size_t addrs = ADDRS_A_FLOW * flows;

	t->room = 0;
	if (room_of((void **)&t->addrs, addrs * sizeof(*t->addrs)) == NULL ||
	    room_of((void **)&t->addr_hashes, addrs * sizeof(*t->addr_hashes)) == NULL ||
	    room_of((void **)&t->tuples, flows * sizeof(*t->tuples)) == NULL ||
	    room_of((void **)&t->tuple_hashes, flows * sizeof(*t->tuple_hashes)) == NULL ||
	    room_of((void **)&t->addr_slots, slots_for(addrs) * sizeof(*t->addr_slots)) == NULL ||
	    room_of((void **)&t->tuple_slots, slots_for(flows) * sizeof(*t->tuple_slots)) == NULL)
		return false;
	t->room = flows;
	return true;
}

bool tuples_hold(struct tuples *t, size_t flows)
{
	return flows <= t->room || grow(t, flows);
}

/* Slots for as many addresses as flows are enough for most blocks: see crowded(). */
bool tuples_room(struct tuples *t, size_t flows)
{
	if (!tuples_hold(t, flows))
		return false;
	t->addr_count = 0;
	t->tuple_count = 0;
	t->addr_mask = slots_for(flows) - 1;
	t->tuple_mask = slots_for(flows) - 1;
	memset(t->addr_slots, 0, (t->addr_mask + 1) * sizeof(*t->addr_slots));
	memset(t->tuple_slots, 0, (t->tuple_mask + 1) * sizeof(*t->tuple_slots));
	return true;
}

void tuples_free(struct tuples *t)
{
	free(t->addrs);
	free(t->addr_hashes);
	free(t->tuples);
	free(t->tuple_hashes);
	free(t->addr_slots);
	free(t->tuple_slots);
	*t = (struct tuples){.addrs = NULL};
}

uint64_t tuples_addr_hash(const struct addr *a, uint64_t seed)
{
	return XXH3_64bits_withSeed(a->octets, sizeof(a->octets), seed);
}

uint64_t tuples_hash(uint64_t src, uint16_t src_port, uint64_t dst, uint16_t dst_port,
                     uint8_t proto)
{
	bool has_ports = proto != PROTO_ICMP && proto != PROTO_ICMPV6;
	uint64_t a = (src + (has_ports ? src_port : 0)) * MIX_1;
	uint64_t b = (dst + (has_ports ? dst_port : 0)) * MIX_1;
	uint64_t sum = (a ^ a >> 29) * MIX_2 + (b ^ b >> 29) * MIX_2 + proto;

	sum = (sum ^ sum >> 32) * MIX_1;
	return sum ^ sum >> 29;
}

uint64_t tuples_flow_hash(const struct flow *f, uint64_t seed)
{
	return tuples_hash(tuples_addr_hash(&f->src, seed), f->src_port,
	                   tuples_addr_hash(&f->dst, seed), f->dst_port, f->proto);
}

/* Small, so that the slots of a block are in near memory. */
#define INDEX_BITS 24
#define TAG_BITS (32 - INDEX_BITS) /* the highest of the hash */

_Static_assert(ADDRS_A_FLOW *BLOCK_FLOWS_MAX < 1 << INDEX_BITS, "an index fits");

static uint32_t slot_of(uint64_t hash, uint32_t index)
{
	return (uint32_t)(hash >> (64 - TAG_BITS)) << INDEX_BITS | (index + 1);
}

static bool slot_may_be(uint32_t slot, uint64_t hash)
{
	return slot >> INDEX_BITS == hash >> (64 - TAG_BITS);
}

static uint32_t slot_index(uint32_t slot)
{
	return (slot & ((1u << INDEX_BITS) - 1)) - 1;
}

/* More addresses than half the slots: twice as many slots. */
static void crowded(struct tuples *t)
{
	t->addr_mask = 2 * t->addr_mask + 1;
	memset(t->addr_slots, 0, (t->addr_mask + 1) * sizeof(*t->addr_slots));
	for (uint32_t i = 0; i < t->addr_count; i++) {
		size_t at = t->addr_hashes[i] & t->addr_mask;

		while (t->addr_slots[at] != 0)
			at = (at + 1) & t->addr_mask;
		t->addr_slots[at] = slot_of(t->addr_hashes[i], i);
	}
}

static bool is_equal(const struct addr *a, const struct addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static uint32_t addr_of(struct tuples *t, const struct addr *a, uint64_t hash)
{
	size_t at = hash & t->addr_mask;

	for (; t->addr_slots[at] != 0; at = (at + 1) & t->addr_mask) {
		uint32_t i = slot_index(t->addr_slots[at]);

		if (slot_may_be(t->addr_slots[at], hash) && is_equal(&t->addrs[i], a))
			return i;
	}
	t->addr_slots[at] = slot_of(hash, t->addr_count);
	t->addrs[t->addr_count] = *a;
	t->addr_hashes[t->addr_count] = hash;
	t->addr_count++;
	if (2 * (size_t)t->addr_count > t->addr_mask)
		crowded(t);
	return t->addr_count - 1;
}

uint32_t tuples_addr(struct tuples *t, const struct addr *a)
{
	return addr_of(t, a, tuples_addr_hash(a, t->seed));
}

static bool is_same(const struct tuples *t, const struct tuple *c, const struct flow *f)
{
	return c->src_port == f->src_port && c->dst_port == f->dst_port && c->proto == f->proto &&
	       is_equal(&t->addrs[c->src], &f->src) && is_equal(&t->addrs[c->dst], &f->dst);
}

static bool is_reverse(const struct tuples *t, const struct tuple *c, const struct flow *f)
{
	return c->src_port == f->dst_port && c->dst_port == f->src_port && c->proto == f->proto &&
	       is_equal(&t->addrs[c->src], &f->dst) && is_equal(&t->addrs[c->dst], &f->src);
}

struct hashes {
	uint64_t src, dst, both;
};

static uint64_t add(struct tuples *t, const struct flow *f, const struct hashes *h)
{
	size_t at = h->both & t->tuple_mask;

	for (; t->tuple_slots[at] != 0; at = (at + 1) & t->tuple_mask) {
		uint32_t i = slot_index(t->tuple_slots[at]);
		const struct tuple *c = &t->tuples[i];

		if (!slot_may_be(t->tuple_slots[at], h->both))
			continue;
		if (is_same(t, c, f))
			return 2 * (uint64_t)(t->tuple_count - i);
		if (is_reverse(t, c, f))
			return 2 * (uint64_t)(t->tuple_count - i) + 1;
	}
	t->tuple_slots[at] = slot_of(h->both, t->tuple_count);
	t->tuple_hashes[t->tuple_count] = h->both;
	t->tuples[t->tuple_count++] = (struct tuple){
		.src = addr_of(t, &f->src, h->src),
		.dst = addr_of(t, &f->dst, h->dst),
		.src_port = f->src_port,
		.dst_port = f->dst_port,
		.proto = f->proto,
	};
	return TUPLES_NEW;
}

/* First all hashes, so that the slots are on their way from memory when they are looked into. */
void tuples_add(struct tuples *t, const struct flow *flows, size_t count, uint64_t *ret)
{
	struct hashes hashes[TUPLES_RUN];

	for (size_t i = 0; i < count; i++) {
		const struct flow *f = &flows[i];
		struct hashes *h = &hashes[i];

		h->src = tuples_addr_hash(&f->src, t->seed);
		h->dst = tuples_addr_hash(&f->dst, t->seed);
		h->both = tuples_hash(h->src, f->src_port, h->dst, f->dst_port, f->proto);
		__builtin_prefetch(&t->tuple_slots[h->both & t->tuple_mask]);
		__builtin_prefetch(&t->addr_slots[h->src & t->addr_mask]);
		__builtin_prefetch(&t->addr_slots[h->dst & t->addr_mask]);
	}
	for (size_t i = 0; i < count; i++)
		ret[i] = add(t, &flows[i], &hashes[i]);
}
