// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/carrier.h"

#include "origin/kmod/count.h"

#include <linux/audit.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

static uint tasks_max = 65536;
module_param(tasks_max, uint, 0444);
MODULE_PARM_DESC(tasks_max, "processes and threads that can carry something at a time");

#define LOCKS 256U /* a lock has every LOCKS-th bucket */

struct carrier {
	struct hlist_node node;
	const void *key;
	struct carrier_id id;
	struct source __rcu *origin; /* of a process; a thread's is NULL */
	struct source __rcu *last;
	u32 session; /* as of the last accept or login: a change since is a login */
	bool is_thread;
	bool is_repeated;  /* accepted since the last fork */
	bool is_ambiguous; /* more than once */
	struct rcu_head rcu;
};

static struct hlist_head *buckets;
static uint bits;
static spinlock_t locks[LOCKS];
static atomic_t alive = ATOMIC_INIT(0);

u64 carrier_alive(void)
{
	return atomic_read(&alive);
}

u64 carrier_max(void)
{
	return tasks_max;
}

int carrier_init(void)
{
	uint i;

	bits = ilog2(clamp_t(uint, tasks_max / 4, LOCKS, 1U << 20));
	buckets = vzalloc(sizeof(*buckets) << bits);
	if (!buckets)
		return -ENOMEM;
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i]);
	return 0;
}

static uint bucket_of(const void *key)
{
	return hash_ptr(key, bits);
}

static struct carrier *find(const void *key)
{
	struct carrier *c;

	hlist_for_each_entry_rcu(c, &buckets[bucket_of(key)], node, true) {
		if (c->key == key)
			return c;
	}
	return NULL;
}

static spinlock_t *lock_of(const void *key)
{
	return &locks[bucket_of(key) % LOCKS];
}

/* For writers, who hold the key's lock. */
static struct source *held(struct source __rcu **at)
{
	return rcu_dereference_protected(*at, true);
}

/* Takes over the reference to `s`. */
static void replace(struct source __rcu **at, struct source *s)
{
	struct source *old = held(at);

	rcu_assign_pointer(*at, s);
	source_put(old);
}

static struct carrier *add(const void *key, struct task_struct *t, bool is_thread)
{
	struct carrier *c = NULL;

	if (atomic_inc_return(&alive) <= tasks_max)
		c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);
	if (!c) {
		atomic_dec(&alive);
		count_lost_task();
		return NULL;
	}
	c->key = key;
	c->is_thread = is_thread;
	c->session = audit_get_sessionid(t);
	c->id.pid = t->tgid;
	c->id.start_ns = t->group_leader->start_boottime;
	hlist_add_head_rcu(&c->node, &buckets[bucket_of(key)]);
	return c;
}

static void drop(struct carrier *c)
{
	hlist_del_rcu(&c->node);
	replace(&c->origin, NULL);
	replace(&c->last, NULL);
	atomic_dec(&alive);
	kfree_rcu(c, rcu);
}

static void forget(const void *key)
{
	unsigned long flags;
	struct carrier *c;

	spin_lock_irqsave(lock_of(key), flags);
	c = find(key);
	if (c)
		drop(c);
	spin_unlock_irqrestore(lock_of(key), flags);
}

static void accept_as(const void *key, bool is_thread, struct source *s)
{
	unsigned long flags;
	struct carrier *c;

	spin_lock_irqsave(lock_of(key), flags);
	c = find(key) ?: add(key, current, is_thread);
	if (c) {
		replace(&c->last, source_get(s));
		c->session = audit_get_sessionid(current);
		c->is_ambiguous = c->is_repeated;
		c->is_repeated = true;
	}
	spin_unlock_irqrestore(lock_of(key), flags);
}

/* A worker of io_uring accepts for its process, not for itself. */
static bool is_own_thread(struct task_struct *t)
{
	return !thread_group_empty(t) && !(t->flags & PF_IO_WORKER);
}

void carrier_accept(struct source *s)
{
	rcu_read_lock();
	if (is_own_thread(current))
		accept_as(current, true, s);
	accept_as(current->signal, false, s);
	rcu_read_unlock();
}

static void accept_local_as(const void *key)
{
	unsigned long flags;
	struct carrier *c;

	spin_lock_irqsave(lock_of(key), flags);
	c = find(key);
	if (c && c->is_repeated)
		c->is_ambiguous = true;
	else if (c)
		replace(&c->last, NULL);
	spin_unlock_irqrestore(lock_of(key), flags);
}

void carrier_accept_local(void)
{
	rcu_read_lock();
	if (is_own_thread(current) && find(current))
		accept_local_as(current);
	if (find(current->signal))
		accept_local_as(current->signal);
	rcu_read_unlock();
}

bool carrier_view(struct task_struct *t, struct carrier_view *ret)
{
	struct carrier *c = find(t->signal);
	struct carrier *thread;

	memset(ret, 0, sizeof(*ret));
	if (!c)
		return false;
	ret->origin = rcu_dereference(c->origin);
	ret->has_login = READ_ONCE(c->session) != audit_get_sessionid(t);
	thread = is_own_thread(t) ? find(t) : NULL;
	if (thread)
		c = thread;
	ret->last = rcu_dereference(c->last);
	ret->is_ambiguous = ret->last && READ_ONCE(c->is_ambiguous);
	return true;
}

/* The origin is the process's; the last accept that became it is no longer anybody's. */
static void promote(struct source *s)
{
	const void *key = current->signal;
	unsigned long flags;
	struct carrier *c;

	spin_lock_irqsave(lock_of(key), flags);
	c = find(key);
	if (c) {
		replace(&c->origin, source_get(s));
		replace(&c->last, NULL);
		c->session = audit_get_sessionid(current);
		c->is_ambiguous = false;
	}
	spin_unlock_irqrestore(lock_of(key), flags);
	if (is_own_thread(current))
		forget(current);
}

bool carrier_promote(enum origin_type type, u16 flags)
{
	struct carrier_view v;
	struct source made, *s;
	bool is_known;

	rcu_read_lock();
	is_known = carrier_view(current, &v) && v.last;
	/* A change of uid says less than a login did. */
	if (is_known && type != ORIGIN_REMOTE && v.origin && v.origin->shown.type == ORIGIN_REMOTE)
		is_known = false;
	if (is_known)
		made = *v.last;
	rcu_read_unlock();
	if (!is_known)
		return false;
	made.shown.type = type;
	made.shown.flags |= flags | (v.is_ambiguous ? ORIGIN_SOURCE_AMBIGUOUS : 0);
	made.loginuid = from_kuid(&init_user_ns, audit_get_loginuid(current));
	made.session = audit_get_sessionid(current);
	s = source_new(&made);
	if (!s)
		return false;
	promote(s);
	source_put(s);
	return true;
}

int carrier_give(struct task_struct *t, struct source *s)
{
	const void *key = t->signal;
	struct carrier *c, *known;
	unsigned long flags;
	int ret = 0;

	rcu_read_lock();
	spin_lock_irqsave(lock_of(key), flags);
	known = find(key);
	c = known ?: add(key, t, false);
	/* It may be ending: who comes first, this or carrier_exit(), sees what the other did. */
	smp_mb();
	if (!c)
		ret = -ENOMEM;
	else if (!atomic_read(&t->signal->live))
		ret = -ESRCH;
	else if (held(&c->origin))
		ret = -EEXIST;
	else
		replace(&c->origin, source_get(s));
	if (c && !known && ret)
		drop(c);
	spin_unlock_irqrestore(lock_of(key), flags);
	rcu_read_unlock();
	return ret;
}

/* The parent's next accept begins a new count. Its own last accept stays: a server may fork twice.
 */
static void settle(const void *key)
{
	struct carrier *c = find(key);

	if (c)
		WRITE_ONCE(c->is_repeated, false);
}

void carrier_fork(struct task_struct *child, const struct carrier_view *v)
{
	const void *key = child->signal;
	unsigned long flags;
	struct carrier *c;

	spin_lock_irqsave(lock_of(key), flags);
	c = add(key, child, false);
	if (c) {
		RCU_INIT_POINTER(c->origin, source_get(v->origin));
		RCU_INIT_POINTER(c->last, source_get(v->last));
		c->is_ambiguous = v->is_ambiguous;
	}
	spin_unlock_irqrestore(lock_of(key), flags);
	settle(current->signal);
	if (is_own_thread(current))
		settle(current);
}

void carrier_exit(struct task_struct *t)
{
	rcu_read_lock();
	if (find(t))
		forget(t);
	if (!atomic_read(&t->signal->live) && find(t->signal))
		forget(t->signal);
	rcu_read_unlock();
}

/* A cursor is a bucket's number, and how many of its processes have been told already. */
u32 carrier_list(u64 *cursor, struct carrier_id *ids, u32 room)
{
	u64 bucket = *cursor >> 32;
	u32 skip = (u32)*cursor, seen, count = 0;
	struct carrier *c;

	rcu_read_lock();
	for (; bucket < 1ULL << bits; bucket++, skip = 0) {
		seen = 0;
		hlist_for_each_entry_rcu(c, &buckets[bucket], node) {
			if (c->is_thread || seen++ < skip)
				continue;
			if (count == room)
				goto full;
			ids[count++] = c->id;
		}
	}
	rcu_read_unlock();
	*cursor = ~0ULL;
	return count;
full:
	rcu_read_unlock();
	*cursor = bucket << 32 | (seen - 1);
	return count;
}

void carrier_free(void)
{
	struct hlist_node *next;
	struct carrier *c;
	u64 i;

	for (i = 0; i < 1ULL << bits; i++) {
		hlist_for_each_entry_safe(c, next, &buckets[i], node)
			drop(c);
	}
	vfree(buckets);
}
