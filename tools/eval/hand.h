/*
 * hand - somebody at a keyboard, and what their chain of logins carries.
 *
 * Gaps between keys: log-normal while typing; a truncated Pareto law when the hand rests to read or
 * think. The shares and exponents are set so that the tail is that of measured terminal traffic:
 * about one gap in 90 is longer than 15 s. Now and then Enter, and the command's output.
 */
#ifndef SPOOR_TOOLS_EVAL_HAND_H
#define SPOOR_TOOLS_EVAL_HAND_H

#include "base/prng.h"
#include "tools/eval/times.h"

#define CHAIN_HOPS 3

struct hand {
	double key_s;       /* median gap while typing */
	double rest_share;  /* of gaps that are rests */
	double rest_alpha;  /* their tail */
	double away_share;  /* of rests that are absences */
	double enter_share; /* of keys that start a command */
	double output_s;    /* median length of its output */
};

struct stroke {
	double at_s, output_s; /* 0: no output */
};

struct strokes {
	struct stroke *of; /* owned */
	size_t count, space;
};

struct hand hand_draw(struct prng *p);
void hand_play(struct prng *p, const struct hand *hand, double from_s, double to_s,
               struct strokes *ret);
void strokes_free(struct strokes *s);

struct chain { /* of logins; hop 0 is nearest to the person */
	double start_s[CHAIN_HOPS], end_s[CHAIN_HOPS];
	double link_s[CHAIN_HOPS]; /* one-way delay of the hop */
	double jitter_s;           /* mean of the network's, per packet */
	double ack_s[CHAIN_HOPS];  /* how long its client delays the last acknowledgement */
	double delay_s;            /* a stone before the last hop holds each key up to this long */
};

/* Logins by hand, 5 to 90 s apart, or all at once through proxies. */
struct chain chain_draw(struct prng *p, double duration_s, int is_proxied);

/* The packets of hop `hop` of the chain while `strokes` are typed at its near end, in order. */
void chain_packets(struct prng *p, const struct chain *chain, const struct strokes *strokes,
                   size_t hop, const double *held_s, struct times *ret);

/* For chain_packets(): when each stroke leaves the stone that holds them back; the caller frees. */
double *chain_hold(struct prng *p, const struct chain *chain, const struct strokes *strokes);

#endif
