/* SPDX-License-Identifier: GPL-2.0 */
/*
 * activation - what PID 1 accepted for others. It keeps no last accept itself: every service that
 * it starts later would carry it. Instead a child of PID 1 gets it that holds the connection when
 * it begins its program, whichever child of how many that is.
 */
#ifndef SPOOR_ORIGIN_KMOD_ACTIVATION_H
#define SPOOR_ORIGIN_KMOD_ACTIVATION_H

#include "origin/kmod/source.h"

void activation_free(void);

void activation_add(struct source *s);

/* current, a child of PID 1, begins a program: what it was started for, with a reference, or NULL.
 */
struct source *activation_take(void);

#endif
