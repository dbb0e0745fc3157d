/* SPDX-License-Identifier: GPL-2.0 */
/* holder - which process has a connection open: the paper's portpid(), by a walk over all files. */
#ifndef SPOOR_ORIGIN_KMOD_HOLDER_H
#define SPOOR_ORIGIN_KMOD_HOLDER_H

#include "origin/uapi/origin.h"

#include <linux/sched.h>

/*
 * With a reference; NULL: nobody. The end of `f` that its direction says; NONE: either, the
 * sender's first. netns 0 is any. Of several that hold it, one of remote origin. A UDP socket that
 * is not connected holds every flow of its port, if none fits better.
 */
struct task_struct *holder_find(const struct origin_flow *f);

#endif
