/*
 * order - which of two hops of one chain is nearer to the person, as far as their times tell.
 *
 * Two signs. The upstream connection begins first, where both clocks are known well enough to say
 * so. And its activity lasts longer, whatever the clocks say: what is typed passes it earlier, and
 * the echo, which has farther to come back, later, by the two ways between the hops.
 *
 *	upstream    key ######################### echo
 *	downstream      ....key ######## echo....
 */
#ifndef SPOOR_CORRELATE_ORDER_H
#define SPOOR_CORRELATE_ORDER_H

#include "correlate/edges.h"

#include <stddef.h>

struct order {
	double stretch_s; /* how much longer `a` is active, median; 0 when nothing agrees */
	size_t compared;  /* stretches of activity that both have */
	double lead_s;    /* how much earlier `a` begins, by clocks that may err */
	double log_odds;  /* natural, that `a` is upstream; 0: nothing to tell by */
};

/*
 * `a` and `b` closed at one gap and on one time axis. `lag_s`: b minus a, as evidence_of() found
 * it; `clock_s`: what both clocks together may err.
 */
struct order order_of(const struct edges *a, const struct edges *b, double lag_s, double clock_s);

#endif
