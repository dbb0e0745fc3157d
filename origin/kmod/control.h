/* SPDX-License-Identifier: GPL-2.0 */
/* control - /dev/spoor_origin: records by read() and poll(), questions and rules by ioctl(). */
#ifndef SPOOR_ORIGIN_KMOD_CONTROL_H
#define SPOOR_ORIGIN_KMOD_CONTROL_H

#include <linux/types.h>

int control_add(void);
void control_remove(void);
void control_is_pinned(void);

#endif
