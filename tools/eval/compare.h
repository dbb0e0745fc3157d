/* compare - one pair, by every method. */
#ifndef SPOOR_TOOLS_EVAL_COMPARE_H
#define SPOOR_TOOLS_EVAL_COMPARE_H

#include "correlate/edges.h"
#include "correlate/evidence.h"
#include "correlate/method.h"
#include "tools/eval/exporter.h"
#include "tools/eval/roc.h"

#include <stdbool.h>

enum { BY_EVIDENCE = METHODS, COMPARED };

/* A trace closed at the pair's gap, ready to be compared. */
struct prepared {
	struct fingerprint print;
	struct interval *on; /* owned */
	struct side side;
	bool is_predicted;
};

void prepare(const struct trace *t, int64_t gap_ms, double loss, struct prepared *ret);
void prepared_free(struct prepared *p);

struct comparison {
	double scores[COMPARED]; /* evidence: decades; -INFINITY where the sieve refused */
	struct evidence evidence;
};

/* `has_all`: all the others too. */
void compare(struct prepared *target, struct prepared *other, double lag_s, bool has_all,
             struct comparison *ret);

const char *compare_name(size_t method);
struct roc compare_roc(size_t method);

#endif
