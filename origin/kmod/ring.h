/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ring - records on their way to a reader: bounded, and no producer ever waits for room. A record
 * that does not fit costs a sequence number, and a LOST record stands where it would have been.
 *
 * A reader is woken when the ring is a quarter full, or WAKE_MS after the first record that it has
 * not seen, whichever is first: a wakeup per record would cost more than all the rest.
 */
#ifndef SPOOR_ORIGIN_KMOD_RING_H
#define SPOOR_ORIGIN_KMOD_RING_H

#include "origin/uapi/origin.h"

#include <linux/fs.h>
#include <linux/poll.h>

int ring_init(void);
void ring_free(void); /* when no producer can run any more */

/*
 * Puts a record in: `fill` gets it, all zero but for its head, and must not delay; NULL: it says
 * nothing but its kind. When the ring is full the record is counted, and `fill` not called.
 */
void ring_put(enum origin_kind kind, void (*fill)(struct origin_record *r, const void *arg),
	      const void *arg);

/* The head of a record that is not for the ring. */
void ring_head(struct origin_record *r, enum origin_kind kind);

ssize_t ring_read(struct file *file, char __user *to, size_t len);
__poll_t ring_poll(struct file *file, poll_table *wait);

u64 ring_seq(void);
u64 ring_lost(void);

#endif
