// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/flow.h"

#include "origin/kmod/count.h"
#include "origin/kmod/report.h"
#include "origin/kmod/ring.h"
#include "origin/kmod/rules.h"

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/random.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static uint flows_max = 4096;
module_param(flows_max, uint, 0444);
MODULE_PARM_DESC(flows_max, "aggregated flows at a time, rounded up to a power of two");

#define WAYS 4
#define FLOWS_MIN 64U
#define FLOWS_MAX 262144U
#define ACTIVE_MS 60000 /* a flow that goes on is told of so often */
#define GONE_MS 20

struct flow {
	unsigned long seen, began;   /* jiffies */
	struct origin_record record; /* of its begin; the tally goes on */
};

struct flow_set {
	spinlock_t lock; /* of all below */
	u32 tags[WAYS];	 /* 0: free */
	struct flow flows[WAYS];
};

static struct flow_set *sets;
static u32 mask;
static u64 seed;
static atomic_t present = ATOMIC_INIT(0);
static void reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reaper, reap);

int flow_init(void)
{
	u32 count = roundup_pow_of_two(clamp(flows_max, FLOWS_MIN, FLOWS_MAX)) / WAYS, i;

	sets = vzalloc(array_size(count, sizeof(*sets)));
	if (!sets)
		return -ENOMEM;
	mask = count - 1;
	for (i = 0; i < count; i++)
		spin_lock_init(&sets[i].lock);
	seed = get_random_u64() | 1;
	return 0;
}

void flow_free(void)
{
	vfree(sets);
}

/* Multiplicative, by a secret number: an attacker who chooses ports cannot aim at one set. */
static u64 digest(const struct origin_flow *f, u32 pid)
{
	const u64 *words = (const u64 *)f;
	u64 h = seed ^ pid;
	size_t i;

	BUILD_BUG_ON(sizeof(*f) % sizeof(u64));
	for (i = 0; i < sizeof(*f) / sizeof(u64); i++)
		h = (rol64(h, 29) ^ words[i]) * seed;
	return h;
}

static bool is_flow(const struct flow *flow, const struct origin_flow *f)
{
	const u64 *a = (const u64 *)&flow->record.flow, *b = (const u64 *)f;
	u64 differ = 0;
	size_t i;

	for (i = 0; i < sizeof(*f) / sizeof(u64); i++)
		differ |= a[i] ^ b[i];
	return !differ && flow->record.process.pid == current->tgid &&
	       flow->record.process.start_ns == current->group_leader->start_boottime;
}

static void copy(struct origin_record *r, const void *arg)
{
	const struct origin_record *from = arg;
	struct origin_head head = r->head;

	head.flags = from->head.flags;
	*r = *from;
	r->head = head;
}

static void end(struct flow_set *set, u32 way)
{
	ring_put(ORIGIN_KIND_FLOW_END, copy, &set->flows[way].record);
	set->tags[way] = 0;
	atomic_dec(&present);
}

static void begin(struct flow_set *set, u32 way, u32 tag, enum origin_kind kind,
		  const struct origin_flow *f, const struct carrier_view *v)
{
	struct flow *flow = &set->flows[way];

	memset(flow, 0, sizeof(*flow));
	flow->record.flow = *f;
	report_fill(&flow->record, current, v);
	flow->began = jiffies;
	ring_put(kind, copy, &flow->record);
	flow->record.tally.begin_ns = ktime_get_real_ns();
	set->tags[way] = tag;
	if (atomic_inc_return(&present) == 1)
		schedule_delayed_work(&reaper, msecs_to_jiffies(rules_udp_idle_ms() / 4));
}

static u32 oldest(const struct flow_set *set)
{
	u32 way = 0, i;

	for (i = 1; i < WAYS; i++) {
		if (time_before(set->flows[i].seen, set->flows[way].seen))
			way = i;
	}
	return way;
}

/* The flow's way, or a free one, or WAYS. */
static u32 find(const struct flow_set *set, u32 tag, const struct origin_flow *f)
{
	u32 free = WAYS, i;

	for (i = 0; i < WAYS; i++) {
		if (set->tags[i] == tag && is_flow(&set->flows[i], f))
			return i;
		if (!set->tags[i])
			free = i;
	}
	return free;
}

void flow_datagram(enum origin_kind kind, const struct origin_flow *f, u32 octets,
		   const struct carrier_view *v)
{
	u64 h = digest(f, current->tgid);
	struct flow_set *set = &sets[(h >> 32) & mask];
	u32 tag = (u32)h | 1, way;
	unsigned long flags;

	spin_lock_irqsave(&set->lock, flags);
	way = find(set, tag, f);
	if (way == WAYS || !set->tags[way]) {
		if (!rules_want(f, carrier_is_remote(v)))
			goto out;
		if (way == WAYS) {
			way = oldest(set);
			end(set, way);
			count_one(lost_flows);
		}
		begin(set, way, tag, kind, f, v);
	}
	set->flows[way].seen = jiffies;
	set->flows[way].record.tally.packets++;
	set->flows[way].record.tally.octets += octets;
out:
	spin_unlock_irqrestore(&set->lock, flags);
}

static bool is_gone(const struct origin_process *p)
{
	struct task_struct *t;
	bool ret;

	rcu_read_lock();
	t = pid_task(find_pid_ns(p->pid, &init_pid_ns), PIDTYPE_TGID);
	ret = !t || t->start_boottime != p->start_ns || !atomic_read(&t->signal->live);
	rcu_read_unlock();
	return ret;
}

static void reap_all(bool is_over)
{
	unsigned long idle = msecs_to_jiffies(rules_udp_idle_ms());
	unsigned long active = msecs_to_jiffies(ACTIVE_MS), flags;
	u32 i, way;

	for (i = 0; i <= mask && atomic_read(&present); i++) {
		struct flow_set *set = &sets[i];

		spin_lock_irqsave(&set->lock, flags);
		for (way = 0; way < WAYS; way++) {
			const struct flow *flow = &set->flows[way];

			if (set->tags[way] && (is_over || time_after(jiffies, flow->seen + idle) ||
					       time_after(jiffies, flow->began + active) ||
					       is_gone(&flow->record.process)))
				end(set, way);
		}
		spin_unlock_irqrestore(&set->lock, flags);
		cond_resched();
	}
}

static void reap(struct work_struct *work)
{
	reap_all(false);
	if (atomic_read(&present))
		schedule_delayed_work(&reaper, msecs_to_jiffies(rules_udp_idle_ms() / 4));
}

void flow_owner_gone(void)
{
	if (atomic_read(&present))
		mod_delayed_work(system_wq, &reaper, msecs_to_jiffies(GONE_MS));
}

void flow_stop(void)
{
	cancel_delayed_work_sync(&reaper);
	reap_all(true);
}
