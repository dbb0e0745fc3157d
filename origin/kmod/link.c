// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/link.h"

#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#define SETS 1024U
#define WAYS 4

struct link {
	struct origin_flow flow; /* proto 0: free */
	struct link_peer peer;
	u64 age;
};

struct link_set {
	spinlock_t lock; /* of all below */
	u64 clock;	 /* links ever added */
	struct link ways[WAYS];
};

static struct link_set *sets;
static u32 seed;

int link_init(void)
{
	u32 i;

	sets = vzalloc(array_size(SETS, sizeof(*sets)));
	if (!sets)
		return -ENOMEM;
	for (i = 0; i < SETS; i++)
		spin_lock_init(&sets[i].lock);
	seed = get_random_u32();
	return 0;
}

void link_free(void)
{
	u32 i, k;

	for (i = 0; i < SETS; i++) {
		for (k = 0; k < WAYS; k++)
			source_put(sets[i].ways[k].peer.via);
	}
	vfree(sets);
}

/* Addresses and ports: the first 36 octets. */
static u32 set_of(const struct origin_flow *f)
{
	return jhash2((const u32 *)f, 9, seed) & (SETS - 1);
}

static bool is_same(const struct origin_flow *a, const struct origin_flow *b, bool is_any_netns)
{
	return !memcmp(a, b, offsetof(struct origin_flow, proto)) && a->proto == b->proto &&
	       (is_any_netns || a->netns == b->netns);
}

void link_add(const struct origin_flow *f, const struct link_peer *peer)
{
	u32 set = set_of(f), way = 0, i;
	struct link *link;
	struct source *old;
	unsigned long flags;

	BUILD_BUG_ON(offsetof(struct origin_flow, proto) != 9 * sizeof(u32));
	spin_lock_irqsave(&sets[set].lock, flags);
	for (i = 0; i < WAYS; i++) {
		if (is_same(&sets[set].ways[i].flow, f, false)) {
			way = i;
			break;
		}
		if (sets[set].ways[i].age < sets[set].ways[way].age)
			way = i;
	}
	link = &sets[set].ways[way];
	old = link->peer.via;
	link->flow = *f;
	link->peer.via = source_get(peer->via);
	link->peer.is_local = peer->is_local;
	link->age = ++sets[set].clock;
	spin_unlock_irqrestore(&sets[set].lock, flags);
	source_put(old);
}

bool link_find(const struct origin_flow *f, bool is_any_netns, struct link_peer *peer)
{
	u32 set = set_of(f), i;
	unsigned long flags;
	bool ret = false;

	spin_lock_irqsave(&sets[set].lock, flags);
	for (i = 0; i < WAYS && !ret; i++) {
		const struct link *link = &sets[set].ways[i];

		ret = is_same(&link->flow, f, is_any_netns);
		if (ret) {
			peer->via = source_get(link->peer.via);
			peer->is_local = link->peer.is_local;
		}
	}
	spin_unlock_irqrestore(&sets[set].lock, flags);
	return ret;
}
