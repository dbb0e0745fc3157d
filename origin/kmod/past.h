/* SPDX-License-Identifier: GPL-2.0 */
/*
 * past - what can be said of processes that carry nothing. The module was there before anything
 * could come in: they are LOCAL. It came later, or lost an inheritance since: nobody knows.
 */
#ifndef SPOOR_ORIGIN_KMOD_PAST_H
#define SPOOR_ORIGIN_KMOD_PAST_H

#include "origin/uapi/origin.h"

#include <linux/sched.h>

void past_init(void);

enum origin_type past_type(const struct task_struct *t);
bool past_is_late(void);
bool past_has(const struct task_struct *t); /* it is older than the module */

#endif
