// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/rules.h"

#include "origin/kmod/count.h"

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#define IDLE_MS 15000
#define IDLE_MS_MIN 100
#define IDLE_MS_MAX 3600000

struct rules {
	struct origin_rules shown;
	struct rcu_head rcu;
};

static struct rules __rcu *rules;
static DEFINE_MUTEX(rules_lock);
static bool want_locals;

static bool is_sound(const struct origin_rule *r)
{
	return r->bits <= 128 && r->action < ORIGIN_ACTION_COUNT && !r->reserved &&
	       r->port_low <= r->port_high && r->uid_low <= r->uid_high;
}

static bool are_sound(const struct origin_rules *r)
{
	u32 i;

	if (r->count > ORIGIN_RULES_MAX || r->fallback >= ORIGIN_ACTION_COUNT ||
	    r->flags & ~(ORIGIN_RULES_EXEC | ORIGIN_RULES_HOST) || r->udp_idle_ms < IDLE_MS_MIN ||
	    r->udp_idle_ms > IDLE_MS_MAX)
		return false;
	for (i = 0; i < r->count; i++) {
		if (!is_sound(&r->rows[i]))
			return false;
	}
	return true;
}

static bool any_wants_locals(const struct origin_rules *r)
{
	bool ret = r->fallback == ORIGIN_ACTION_ALL;
	u32 i;

	for (i = 0; i < r->count; i++)
		ret = ret || r->rows[i].action == ORIGIN_ACTION_ALL;
	return ret;
}

static bool has_prefix(const u8 *addr, const u8 *prefix, u32 bits)
{
	u32 whole = bits / 8;

	if (memcmp(addr, prefix, whole))
		return false;
	return bits % 8 == 0 || !((addr[whole] ^ prefix[whole]) >> (8 - bits % 8));
}

static bool matches(const struct origin_rule *r, const struct origin_flow *f, u32 uid)
{
	bool is_in = f->direction == ORIGIN_IN;
	u16 port = is_in ? f->sport : f->dport;

	return (r->proto == 0 || r->proto == f->proto) && port >= r->port_low &&
	       port <= r->port_high && uid >= r->uid_low && uid <= r->uid_high &&
	       has_prefix(is_in ? f->saddr : f->daddr, r->addr, r->bits);
}

static enum origin_action action_for(const struct origin_rules *r, const struct origin_flow *f)
{
	u32 uid, i;

	if (!r->count)
		return r->fallback;
	uid = from_kuid(&init_user_ns, current_uid());
	for (i = 0; i < r->count; i++) {
		if (matches(&r->rows[i], f, uid))
			return r->rows[i].action;
	}
	return r->fallback;
}

bool rules_want(const struct origin_flow *f, bool is_remote)
{
	enum origin_action action;

	rcu_read_lock();
	action = action_for(&rcu_dereference(rules)->shown, f);
	rcu_read_unlock();
	if (action == ORIGIN_ACTION_ALL || (action == ORIGIN_ACTION_REMOTE && is_remote))
		return true;
	count_one(suppressed);
	return false;
}

bool rules_want_locals(void)
{
	return READ_ONCE(want_locals);
}

u32 rules_flags(void)
{
	u32 ret;

	rcu_read_lock();
	ret = rcu_dereference(rules)->shown.flags;
	rcu_read_unlock();
	return ret;
}

u32 rules_udp_idle_ms(void)
{
	u32 ret;

	rcu_read_lock();
	ret = rcu_dereference(rules)->shown.udp_idle_ms;
	rcu_read_unlock();
	return ret;
}

void rules_get(struct origin_rules *ret)
{
	rcu_read_lock();
	*ret = rcu_dereference(rules)->shown;
	rcu_read_unlock();
}

int rules_set(const struct origin_rules *from)
{
	struct rules *new, *old;

	if (!are_sound(from))
		return -EINVAL;
	new = kmalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->shown = *from;
	mutex_lock(&rules_lock);
	old = rcu_replace_pointer(rules, new, lockdep_is_held(&rules_lock));
	WRITE_ONCE(want_locals, any_wants_locals(from));
	mutex_unlock(&rules_lock);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

int rules_init(void)
{
	struct origin_rules *first = kzalloc(sizeof(*first), GFP_KERNEL);
	int err;

	if (!first)
		return -ENOMEM;
	first->fallback = ORIGIN_ACTION_REMOTE;
	first->udp_idle_ms = IDLE_MS;
	err = rules_set(first);
	kfree(first);
	return err;
}

void rules_free(void)
{
	kfree(rcu_dereference_protected(rules, true));
}
