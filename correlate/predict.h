/*
 * predict - how much of an edge its own connection had already announced.
 *
 * For each edge an upper bound on its intensity (events per second) just before it came, from what
 * the connection had done until then and from the calendar; nothing later is looked at. A job that
 * runs every 40 s announces its own next start, so that an agreement there proves nothing; what a
 * person types is announced by nothing, and its bound is low.
 */
#ifndef SPOOR_CORRELATE_PREDICT_H
#define SPOOR_CORRELATE_PREDICT_H

#include "correlate/edges.h"

struct prediction { /* per second, > 0 */
	double leave[EDGES_MAX];
	double back[EDGES_MAX];
};

void predict(const struct edges *e, struct prediction *ret);

#endif
