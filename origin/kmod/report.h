/* SPDX-License-Identifier: GPL-2.0 */
/* report - what a record says of a process, and the records that hooks put into the ring. */
#ifndef SPOOR_ORIGIN_KMOD_REPORT_H
#define SPOOR_ORIGIN_KMOD_REPORT_H

#include "origin/kmod/carrier.h"

void report_init(void);

/*
 * What current carries; nothing: false, and `ret` is all zero. A login that no hook has reported is
 * found here by its audit session, and reported. Under RCU.
 */
bool report_current(struct carrier_view *ret);

/*
 * Everything but the head and the flow. Under RCU; `v` is what `t` carries, zero for nothing. `t`
 * is current, or locked: another's mm and namespaces may go meanwhile.
 */
void report_fill(struct origin_record *r, struct task_struct *t, const struct carrier_view *v);

/* Of current, into the ring. `f` is NULL for a kind that has no flow. */
void report(enum origin_kind kind, const struct origin_flow *f, const struct carrier_view *v);

/* LOGIN of current, who is about to be `cred`; NULL: who it is. */
void report_login(const struct cred *cred);

/* The answer to a question about `t`. May not be called under spinlocks. */
void report_task(struct origin_record *ret, struct task_struct *t);

#endif
