/*
 * carry - octets that connections carry who are never silent: transfers, streams, polls, relays.
 *
 * A load is octets per tick of one way, over [0, duration). Laws of rates are drawn here; what has
 * nothing to do with each other, and what is passed on, are in volumes.c.
 */
#ifndef SPOOR_TOOLS_EVAL_CARRY_H
#define SPOOR_TOOLS_EVAL_CARRY_H

#include "base/prng.h"

#include <stdbool.h>
#include <stddef.h>

#define CARRY_TICK_S 0.5

struct load {
	double *octets; /* owned; per tick */
	size_t count;
};

struct load load_new(double duration_s);
void load_free(struct load *l);
void load_clear(struct load *l);

/* Times exp(an AR(1) of standard deviation `sigma`, correlated over `span_s`). */
void load_sway(struct prng *p, struct load *l, double sigma, double span_s);
void load_times(struct load *l, const struct load *by);
/* What comes in the span comes at the given share of its pace. */
void load_dip(struct load *l, double from_s, double to_s, double share);
void load_delay(struct load *l, double by_s);

/* All add to what is there. */
void carry_constant(struct load *l, double rate);
void carry_files(struct prng *p, struct load *l, const double *sizes, size_t count, double rate,
                 double pause_s);
void carry_stream(struct prng *p, struct load *l, const double *ladder, size_t levels,
                  double chunk_s, double scatter);
void carry_polls(struct prng *p, struct load *l, double period_s, double phase_s, double octets,
                 double scatter);

/* `from`, passed on: `overhead` more, held for `hold_s` on average, and later by `delay_s`. */
void carry_relay(const struct load *from, struct load *to, double overhead, double hold_s,
                 double delay_s);

#endif
