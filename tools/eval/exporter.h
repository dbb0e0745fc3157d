/*
 * exporter - a router's flow cache: packet times become records, some records get lost, and what
 * arrives becomes a fingerprint.
 */
#ifndef SPOOR_TOOLS_EVAL_EXPORTER_H
#define SPOOR_TOOLS_EVAL_EXPORTER_H

#include "base/interval.h"
#include "base/prng.h"
#include "tools/eval/times.h"

#include <stdbool.h>
#include <stddef.h>

#define EPOCH_MS INT64_C(1700000040000) /* time 0 of all that is generated: a full minute */

struct exporter {
	double idle_s, active_s;
	double loss;      /* share of records that never arrive */
	bool is_bursty;   /* they are lost by whole datagrams, which follow one another */
	uint64_t weather; /* the same number, the same datagrams lost; 0: of its own */
	double offset_s;  /* its clock is ahead by this */
	double drift;     /* and gains this share of the time */
	double steer_s;   /* until it is right again, each so often; 0: never */
	bool is_slewed;   /* being made slower, for half of that; not set */
	double step_s;    /* jumps by this at `step_at_s` */
	double step_at_s;
	int64_t tick_ms;   /* its stamps are multiples of this */
	unsigned sampling; /* it sees one packet in so many; 0 and 1: all */
	double restart_s;  /* it restarts here: the cache is lost; 0: never */
};

struct trace {               /* what a collector makes of it */
	struct interval *on; /* owned; closed at idle_s */
	size_t count, space;
	int64_t gap_ms;
};

/* What its clock says at that moment. */
int64_t exporter_stamp(const struct exporter *x, double at_s);

/* `times` in order. False when nothing at all has arrived. */
bool exporter_export(const struct exporter *x, struct prng *p, const struct times *times,
                     struct trace *ret);

void trace_free(struct trace *t);

#endif
