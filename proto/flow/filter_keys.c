/*
 * What every flow that a filter lets through has in common, as far as an index can use it.
 *
 * The filter is turned into alternatives, each a set of members with one value: `and` narrows all
 * of them, `or` adds to them. What cannot be said so narrows nothing, which is always true.
 */
#include "base/util.h"
#include "proto/flow/field.h"
#include "proto/flow/filter.h"

#include <string.h>

#define ALTERNATIVES_MAX (2 * FILTER_KEYS_MAX) /* an address may be on either side */

enum { HAS_SRC = 1, HAS_DST = 2, HAS_SRC_PORT = 4, HAS_DST_PORT = 8, HAS_PROTO = 16, HAS_ALL = 31 };

struct alternative {
	uint8_t has;
	uint8_t proto;
	uint16_t src_port, dst_port;
	struct addr src, dst;
};

struct alternatives {
	struct alternative items[ALTERNATIVES_MAX];
	size_t count;
	uint8_t wanted; /* members that are looked at */
};

static const struct {
	enum field field;
	uint8_t has;
	size_t offset, size;
} members[] = {
	{FIELD_SRC, HAS_SRC, offsetof(struct alternative, src), 16},
	{FIELD_DST, HAS_DST, offsetof(struct alternative, dst), 16},
	{FIELD_SRC_PORT, HAS_SRC_PORT, offsetof(struct alternative, src_port), 2},
	{FIELD_DST_PORT, HAS_DST_PORT, offsetof(struct alternative, dst_port), 2},
	{FIELD_PROTO, HAS_PROTO, offsetof(struct alternative, proto), 1},
};

static void narrow(const struct filter *f, uint16_t at, bool is_denied, struct alternatives *a);

/* Must one of two branches be met, rather than both? */
static bool is_either(const struct filter_node *n, bool is_denied)
{
	return n->kind == (is_denied ? FILTER_AND : FILTER_OR);
}

static bool is_single(const struct filter_range *r)
{
	return r->low[0] == r->high[0] && r->low[1] == r->high[1];
}

/* The one value of a range, as the member has it. */
static void put_value(uint8_t *member, size_t size, const struct filter_range *r)
{
	uint16_t number = (uint16_t)r->low[1];

	if (size == 2) {
		memcpy(member, &number, sizeof(number));
		return;
	}
	for (size_t i = 0; i < size; i++)
		member[size - 1 - i] = (uint8_t)(r->low[i < 8] >> 8 * (i % 8));
}

/* `item` where the member has this value; false when it has another. */
static bool set(struct alternative *item, size_t member, const struct filter_range *r)
{
	uint8_t *at = (uint8_t *)item + members[member].offset;
	uint8_t value[16];

	put_value(value, members[member].size, r);
	if ((item->has & members[member].has) != 0)
		return memcmp(at, value, members[member].size) == 0;
	memcpy(at, value, members[member].size);
	item->has |= members[member].has;
	return true;
}

/* Every alternative with every value; one that has none of them goes. */
static void narrow_to(struct alternatives *a, size_t member, const struct filter_range *ranges,
                      size_t count)
{
	struct alternatives narrowed = {.wanted = a->wanted};

	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = 0; k < count; k++) {
			struct alternative item = a->items[i];

			if (!set(&item, member, &ranges[k]))
				continue;
			if (narrowed.count == ALTERNATIVES_MAX)
				return;
			narrowed.items[narrowed.count++] = item;
		}
	}
	*a = narrowed;
}

static void narrow_test(const struct filter *f, const struct filter_node *n, struct alternatives *a)
{
	const struct filter_range *ranges = &f->ranges[n->first];
	size_t member = 0;

	while (member < ARRAY_LEN(members) && members[member].field != n->field)
		member++;
	if (member == ARRAY_LEN(members) || (members[member].has & a->wanted) == 0)
		return;
	for (size_t i = 0; i < n->count; i++) {
		if (!is_single(&ranges[i]))
			return;
	}
	narrow_to(a, member, ranges, n->count);
}

/* A chain of `or` goes down to the left: its links are met in a loop. */
static void narrow_either(const struct filter *f, uint16_t at, bool is_denied,
                          struct alternatives *a)
{
	struct alternatives all = {.count = 0}, one;
	bool is_last;

	do {
		const struct filter_node *n = &f->nodes[at];

		is_last = !is_either(n, is_denied);
		one = *a;
		narrow(f, is_last ? at : n->right, is_denied, &one);
		if (all.count + one.count > ALTERNATIVES_MAX)
			return;
		memcpy(all.items + all.count, one.items, one.count * sizeof(one.items[0]));
		all.count += one.count;
		at = n->left;
	} while (!is_last);
	memcpy(a->items, all.items, all.count * sizeof(all.items[0]));
	a->count = all.count;
}

static void narrow(const struct filter *f, uint16_t at, bool is_denied, struct alternatives *a)
{
	for (;;) {
		const struct filter_node *n = &f->nodes[at];

		if (n->kind == FILTER_ANY)
			a->count = is_denied ? 0 : a->count;
		else if (n->kind == FILTER_TEST && !is_denied)
			narrow_test(f, n, a);
		if (n->kind == FILTER_ANY || n->kind == FILTER_TEST)
			return;
		if (is_either(n, is_denied)) {
			narrow_either(f, at, is_denied, a);
			return;
		}
		if (n->kind == FILTER_NOT)
			is_denied = !is_denied;
		else
			narrow(f, n->right, is_denied, a);
		at = n->left;
	}
}

static struct filter_key key_of(const struct alternative *item)
{
	struct filter_key key = {.a = item->src, .a_port = item->src_port};

	if ((item->has & HAS_SRC) == 0)
		return (struct filter_key){.a = item->dst};
	if ((item->has & HAS_DST) == 0)
		return (struct filter_key){.a = item->src};
	key.b = item->dst;
	key.b_port = item->dst_port;
	if (addr_cmp(&key.a, &key.b) > 0 || (addr_equal(&key.a, &key.b) && key.a_port > key.b_port))
		key = (struct filter_key){
			.a = key.b, .a_port = key.b_port, .b = key.a, .b_port = key.a_port};
	key.has_b = true;
	key.is_connection = item->has == HAS_ALL;
	key.proto = item->proto;
	if (!key.is_connection)
		key.a_port = key.b_port = key.proto = 0;
	return key;
}

/* Has every flow with the key `inner` the key `outer` too? */
static bool covers(const struct filter_key *outer, const struct filter_key *inner)
{
	if (!outer->has_b)
		return addr_equal(&outer->a, &inner->a) ||
		       (inner->has_b && addr_equal(&outer->a, &inner->b));
	if (!inner->has_b || !addr_equal(&outer->a, &inner->a) || !addr_equal(&outer->b, &inner->b))
		return false;
	return !outer->is_connection ||
	       (inner->is_connection && outer->proto == inner->proto &&
	        outer->a_port == inner->a_port && outer->b_port == inner->b_port);
}

/* `key` among those before it, unless it adds nothing; those that it makes needless go. */
static size_t keep(struct filter_key *keys, size_t count, const struct filter_key *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (covers(&keys[i], key))
			return count;
	}
	for (size_t i = 0; i < count; i++) {
		if (!covers(key, &keys[i]))
			keys[kept++] = keys[i];
	}
	keys[kept++] = *key;
	return kept;
}

static size_t keys_with(const struct filter *f, uint8_t wanted, struct filter_key *ret)
{
	struct filter_key keys[ALTERNATIVES_MAX];
	struct alternatives a = {.wanted = wanted, .count = 1};
	size_t count = 0;

	narrow(f, f->root, false, &a);
	for (size_t i = 0; i < a.count; i++) {
		struct filter_key key = key_of(&a.items[i]);

		if ((a.items[i].has & (HAS_SRC | HAS_DST)) == 0)
			return 0;
		count = keep(keys, count, &key);
	}
	if (count > FILTER_KEYS_MAX)
		return 0;
	memcpy(ret, keys, count * sizeof(keys[0]));
	return count;
}

size_t filter_keys(const struct filter *f, struct filter_key ret[FILTER_KEYS_MAX])
{
	size_t count = keys_with(f, HAS_ALL, ret);

	/* Ports may make too many alternatives where the addresses alone make few. */
	return count > 0 ? count : keys_with(f, HAS_SRC | HAS_DST, ret);
}

static bool fits(const struct filter_key *key, const struct addr *a, uint16_t a_port,
                 const struct addr *b, uint16_t b_port)
{
	return addr_equal(&key->a, a) && (!key->has_b || addr_equal(&key->b, b)) &&
	       (!key->is_connection || (key->a_port == a_port && key->b_port == b_port));
}

bool filter_key_fits(const struct filter_key *key, const struct flow *flow)
{
	if (key->is_connection && key->proto != flow->proto)
		return false;
	return fits(key, &flow->src, flow->src_port, &flow->dst, flow->dst_port) ||
	       fits(key, &flow->dst, flow->dst_port, &flow->src, flow->src_port);
}
