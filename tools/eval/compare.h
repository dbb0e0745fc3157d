/* compare - one pair, by every method. */
#ifndef SPOOR_TOOLS_EVAL_COMPARE_H
#define SPOOR_TOOLS_EVAL_COMPARE_H

#include "correlate/baseline.h"
#include "correlate/edges.h"
#include "correlate/evidence.h"
#include "tools/eval/exporter.h"
#include "tools/eval/roc.h"

#include <stdbool.h>

enum { METHOD_EVIDENCE = BASELINES, METHODS };

/* A trace closed at the pair's gap, ready to be compared. */
struct prepared {
	struct fingerprint print;
	struct interval *on; /* owned */
	struct side side;
};

void prepare(const struct trace *t, int64_t gap_ms, double loss, struct prepared *ret);
void prepared_free(struct prepared *p);

struct comparison {
	double scores[METHODS]; /* evidence: decades; -INFINITY where the sieve refused */
	struct evidence evidence;
};

/* `has_baselines`: all the others too. */
void compare(struct prepared *target, struct prepared *other, double lag_s, bool has_baselines,
             struct comparison *ret);

const char *method_name(size_t method);
struct roc method_roc(size_t method);

#endif
