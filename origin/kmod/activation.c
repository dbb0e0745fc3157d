// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/activation.h"

#include "origin/kmod/addr.h"
#include "origin/kmod/compat.h"

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#define WAITING_MAX 64 /* connections that PID 1 has accepted, and no child began with yet */

static DEFINE_SPINLOCK(lock);
static struct source *waiting[WAITING_MAX];
static u32 count; /* ever added; the newest takes the oldest's place */
static u32 present;

void activation_add(struct source *s)
{
	struct source *old;
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	old = waiting[count % WAITING_MAX];
	waiting[count++ % WAITING_MAX] = source_get(s);
	if (!old)
		WRITE_ONCE(present, present + 1);
	spin_unlock_irqrestore(&lock, flags);
	source_put(old);
}

static struct source *take(const struct origin_flow *f)
{
	struct source *ret = NULL;
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&lock, flags);
	for (i = 0; i < WAITING_MAX && !ret; i++) {
		if (!waiting[i] || memcmp(&waiting[i]->shown.flow, f, sizeof(*f)))
			continue;
		ret = waiting[i];
		waiting[i] = NULL;
		WRITE_ONCE(present, present - 1);
	}
	spin_unlock_irqrestore(&lock, flags);
	return ret;
}

static int try_file(const void *arg, struct file *file, unsigned int fd)
{
	struct source **ret = (struct source **)arg;
	struct socket *socket = compat_sock_from_file(file);
	struct origin_flow f;

	if (socket && socket->sk && addr_of_connection(socket->sk, ORIGIN_IN, &f))
		*ret = take(&f);
	return !!*ret;
}

struct source *activation_take(void)
{
	struct source *ret = NULL;

	if (READ_ONCE(present))
		iterate_fd(current->files, 0, try_file, &ret);
	return ret;
}

void activation_free(void)
{
	u32 i;

	for (i = 0; i < WAITING_MAX; i++)
		source_put(waiting[i]);
}
