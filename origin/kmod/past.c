// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/past.h"

#include "origin/kmod/count.h"

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

static int early = -1;
module_param(early, int, 0444);
MODULE_PARM_DESC(early, "1: nothing can have come in before; 0: it can; -1: see the interfaces");

static bool is_late;
static u64 began_ns;

/* No interface but loopback is up, and none has received anything: nothing came in from outside. */
static bool was_never_connected(void)
{
	struct rtnl_link_stats64 stats;
	struct net_device *dev;
	bool ret = true;

	rtnl_lock();
	for_each_netdev(&init_net, dev) {
		if (dev->flags & IFF_LOOPBACK)
			continue;
		dev_get_stats(dev, &stats);
		if (dev->flags & IFF_UP || stats.rx_packets)
			ret = false;
	}
	rtnl_unlock();
	return ret;
}

void past_init(void)
{
	began_ns = ktime_get_boottime_ns();
	is_late = early < 0 ? !was_never_connected() : !early;
}

bool past_is_late(void)
{
	return is_late;
}

bool past_has(const struct task_struct *t)
{
	return t->group_leader->start_boottime < began_ns;
}

enum origin_type past_type(const struct task_struct *t)
{
	u64 lost = count_trail_lost();

	if (is_late || (lost && t->group_leader->start_boottime >= lost))
		return ORIGIN_UNKNOWN;
	return ORIGIN_LOCAL;
}
