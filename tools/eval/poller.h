/*
 * poller - connections that ask with a period: pairs that have nothing to do with each other, and
 * polls that are passed on.
 */
#ifndef SPOOR_TOOLS_EVAL_POLLER_H
#define SPOOR_TOOLS_EVAL_POLLER_H

#include "base/prng.h"
#include "tools/eval/times.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum poller_kind {
	POLLER_UNRELATED,
	POLLER_COUPLED, /* by a common cause: the promise is not made for it */
	POLLER_RELAY,
};

/* Of the one exporter that sees both. */
enum poller_clock {
	POLLER_CLOCK_GOOD,
	POLLER_CLOCK_SET,     /* by 1 to 30 s, once */
	POLLER_CLOCK_DRIFTS,  /* by 100 to 2000 ppm, */
	POLLER_CLOCK_STEERED, /* and is set right every 2 to 20 min, */
	POLLER_CLOCK_SLEWED,  /* or made slower for half of that */
};

struct poller_class {
	const char *name;
	const char *what;
	enum poller_kind kind;
	/* Packets over about [0, duration_s). */
	void (*pair)(const struct poller_class *of, struct prng *p, double duration_s,
	             struct times *one, struct times *other);
	double jitter;   /* of relays: each wait is longer by up to this share, by chance */
	double relay_s;  /* and each poll is passed on later by this on average, by chance */
	double scatter;  /* of servers: what a poll takes, as a logarithm */
	double loss;     /* of each side's records; 0: 2 % */
	int64_t tick_ms; /* of the exporters' stamps; 0: 1 */
	unsigned steps;  /* so often the clock of the one exporter that sees both is set */
	enum poller_clock clock;
	bool is_one_exporter; /* which loses datagrams of both, and has one clock */
};

extern const struct poller_class poller_classes[];
extern const size_t poller_class_count;

#endif
