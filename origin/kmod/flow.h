/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flow - datagrams, aggregated: one record when a task's flow begins, one with its counters when it
 * has been idle, its task is gone, or a minute is over. Nothing is allocated per flow; when a set
 * of the table is full the flow longest idle ends early, and that is counted.
 */
#ifndef SPOOR_ORIGIN_KMOD_FLOW_H
#define SPOOR_ORIGIN_KMOD_FLOW_H

#include "origin/kmod/carrier.h"

int flow_init(void);
void flow_stop(void); /* ends all flows, with their records; when no hook can run any more */
void flow_free(void);

/* A datagram of current, of `octets` of payload; `kind` is SEND or RECEIVE. Under RCU. */
void flow_datagram(enum origin_kind kind, const struct origin_flow *f, u32 octets,
		   const struct carrier_view *v);

/* A process has ended; its flows are looked for soon. */
void flow_owner_gone(void);

#endif
