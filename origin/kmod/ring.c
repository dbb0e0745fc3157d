// SPDX-License-Identifier: GPL-2.0
#include "origin/kmod/ring.h"

#include "origin/kmod/compat.h"

#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

static uint ring_records = 4096;
module_param(ring_records, uint, 0444);
MODULE_PARM_DESC(ring_records, "records kept for a reader at most, rounded up to a power of two");

#define RECORDS_MIN 16U
#define RECORDS_MAX 1048576U
#define WAKE_MS 20

static struct {
	spinlock_t lock; /* of all but the slots from the tail to the head, which the reader has */
	struct origin_record *slots;
	u64 head, tail; /* records ever put in, and taken out */
	u64 seq;
	u64 lost;
	u64 missing; /* lost since the last LOST */
	u32 size;
	bool is_due; /* a reader may go */
	struct timer_list timer;
	struct mutex reader; /* of the tail, and of the slots up to the head */
	wait_queue_head_t wait;
} ring;

static void wake(void)
{
	WRITE_ONCE(ring.is_due, true);
	wake_up_interruptible(&ring.wait);
}

static void wake_late(struct timer_list *timer)
{
	wake();
}

void ring_head(struct origin_record *r, enum origin_kind kind)
{
	memset64((u64 *)r, 0, sizeof(*r) / sizeof(u64));
	r->head.length = sizeof(*r);
	r->head.major = ORIGIN_ABI_MAJOR;
	r->head.kind = kind;
	r->head.time_ns = ktime_get_real_ns();
	r->head.boot_ns = ktime_get_boottime_ns();
}

static struct origin_record *add(enum origin_kind kind)
{
	struct origin_record *r = &ring.slots[ring.head++ & (ring.size - 1)];

	ring_head(r, kind);
	r->head.seq = ring.seq++;
	return r;
}

/* True if there are now so many records that a reader should go at once. */
static bool settle(void)
{
	if (!ring.is_due && !timer_pending(&ring.timer))
		mod_timer(&ring.timer, jiffies + msecs_to_jiffies(WAKE_MS));
	return ring.head - ring.tail == ring.size / 4;
}

void ring_put(enum origin_kind kind, void (*fill)(struct origin_record *r, const void *arg),
	      const void *arg)
{
	unsigned long flags;
	bool is_full = false;
	struct origin_record *r;

	spin_lock_irqsave(&ring.lock, flags);
	/* The last slot is for the LOST that tells of all that did not fit. */
	if (ring.missing || ring.head - ring.tail >= ring.size - 1) {
		ring.seq++;
		ring.lost++;
		ring.missing++;
	} else {
		r = add(kind);
		if (fill)
			fill(r, arg);
		is_full = settle();
	}
	spin_unlock_irqrestore(&ring.lock, flags);
	if (is_full)
		wake();
}

u64 ring_seq(void)
{
	return READ_ONCE(ring.seq);
}

u64 ring_lost(void)
{
	return READ_ONCE(ring.lost);
}

/* `count` records have been read. */
static void take(u64 count)
{
	unsigned long flags;

	spin_lock_irqsave(&ring.lock, flags);
	ring.tail += count;
	if (ring.missing) {
		add(ORIGIN_KIND_LOST)->tally.packets = ring.missing;
		ring.missing = 0;
	}
	if (ring.head == ring.tail)
		ring.is_due = false;
	spin_unlock_irqrestore(&ring.lock, flags);
}

static u64 waiting(void)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&ring.lock, flags);
	count = ring.head - ring.tail;
	if (!count) /* the timer may have fired for what was read before */
		ring.is_due = false;
	spin_unlock_irqrestore(&ring.lock, flags);
	return count;
}

/* Copies what is there and fits, as far as the ring's end; 0: nothing was there. */
static ssize_t copy_out(char __user *to, size_t len)
{
	u32 at = ring.tail & (ring.size - 1);
	u64 count = min_t(u64, waiting(), len / sizeof(*ring.slots));

	count = min_t(u64, count, ring.size - at);
	if (copy_to_user(to, &ring.slots[at], count * sizeof(*ring.slots)))
		return -EFAULT;
	take(count);
	return count * sizeof(*ring.slots);
}

ssize_t ring_read(struct file *file, char __user *to, size_t len)
{
	ssize_t ret, all = 0;

	if (len < sizeof(*ring.slots))
		return -EINVAL;
	if (mutex_lock_interruptible(&ring.reader))
		return -ERESTARTSYS;
	do {
		ret = copy_out(to + all, len - all);
		if (ret > 0)
			all += ret;
		if (ret != 0 || all != 0 || file->f_flags & O_NONBLOCK)
			continue;
		mutex_unlock(&ring.reader);
		if (wait_event_interruptible(ring.wait, READ_ONCE(ring.is_due)))
			return -ERESTARTSYS;
		if (mutex_lock_interruptible(&ring.reader))
			return -ERESTARTSYS;
		ret = 1;
	} while (ret > 0 && len - all >= sizeof(*ring.slots));
	mutex_unlock(&ring.reader);
	return all ?: ret ?: -EAGAIN;
}

__poll_t ring_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &ring.wait, wait);
	return READ_ONCE(ring.is_due) ? EPOLLIN | EPOLLRDNORM : 0;
}

int ring_init(void)
{
	ring.size = roundup_pow_of_two(clamp(ring_records, RECORDS_MIN, RECORDS_MAX));
	ring.slots = vzalloc(array_size(ring.size, sizeof(*ring.slots)));
	if (!ring.slots)
		return -ENOMEM;
	spin_lock_init(&ring.lock);
	mutex_init(&ring.reader);
	init_waitqueue_head(&ring.wait);
	timer_setup(&ring.timer, wake_late, 0);
	return 0;
}

void ring_free(void)
{
	compat_timer_delete_sync(&ring.timer);
	vfree(ring.slots);
}
