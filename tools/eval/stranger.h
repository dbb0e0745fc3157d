/*
 * stranger - connections that have nothing to do with each other, by what drives them.
 *
 * Two uses: the background among which a target is searched, and the classes of pairs, each made
 * as much alike as unrelated connections of its kind ever are.
 */
#ifndef SPOOR_TOOLS_EVAL_STRANGER_H
#define SPOOR_TOOLS_EVAL_STRANGER_H

#include "base/prng.h"
#include "tools/eval/times.h"

#include <stdbool.h>
#include <stddef.h>

#define SCRIPTS 50

struct strangers { /* what they share: the scripts that are around */
	double pause_s[SCRIPTS][64];
	double busy_s[SCRIPTS][64];
};

void strangers_init(struct strangers *s, struct prng *p);

/* One of the mixed background, over about [0, duration_s), in order. */
void stranger_background(const struct strangers *s, struct prng *p, double duration_s,
                         struct times *ret);

struct stranger_class {
	const char *name;
	const char *what;
	double minutes_min;   /* it shows nothing in less; 0: any length will do */
	bool has_shared_loss; /* a fifth of all datagrams, the same ones for both: one exporter */
	bool is_one_exporter; /* which has one clock */
	bool is_coupled;      /* truly synchronous by a common cause: not unrelated, listed apart */
	void (*pair)(const struct strangers *s, struct prng *p, double duration_s,
	             struct times *one, struct times *other);
};

extern const struct stranger_class stranger_classes[];
extern const size_t stranger_class_count;

#endif
